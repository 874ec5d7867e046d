import Protocols

/// Rare moments of a run that no single machine can mark, counted by the world.
public struct Moments: Equatable, Sendable {
    /// Crashes of a process with something on its way to the disk that was not synced.
    public var crashesBeforeSync = 0
    /// Crashes of a process with a snapshot on its way to the disk.
    public var crashesOverSnapshot = 0
    /// Elections, but for the first of all, of a leader whose log goes beyond what it knows
    /// committed.
    public var leaderChanges = 0
    /// Elections of a leader while another node that runs still leads in an older term.
    public var leadersBeside = 0
    /// Leaders that gave up their role with entries that they did not know committed.
    public var suffixesLeft = 0
    /// Snapshots of a leader that went to the disk of a node whose log has another entry in the
    /// place of the snapshot's last.
    public var snapshotsOverSuffix = 0

    /// The host at which the last of these moments was, or the last marked step.
    public var host = 0

    /// Makes zero counts.
    public init() {}
}

extension World {
    /// Counts the moments of a step that took a marked path.
    mutating func countMoments(_ host: Int, _ marks: MarkSet) {
        moments.host = host
        let raft = nodes[host].raft
        if marks.contains(.electedLeader) {
            // Beyond its own first entry.
            if raft.term > Term(1), raft.log.lastIndex > raft.commitIndex.next {
                moments.leaderChanges += 1
            }
            let isBeside = hosts.indices.contains {
                $0 != host && hosts[$0].status == .up && nodes[$0].raft.role == .leader
            }
            if isBeside { moments.leadersBeside += 1 }
        }
        if marks.contains(.steppedDownOnHigherTerm) || marks.contains(.steppedDownWithoutQuorum)
            || marks.contains(.steppedDownOnStalledDisk)
        {
            if raft.log.lastIndex > raft.commitIndex { moments.suffixesLeft += 1 }
        }
    }
}
