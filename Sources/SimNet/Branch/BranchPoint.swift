import Protocols

/// A rare moment at which a run is worth being forked.
public enum BranchPoint: Equatable, Sendable {
    /// A second leader is elected, and takes over entries that are not known to be committed.
    case leaderChange
    /// A leader sends a part of a snapshot.
    case snapshotInFlight
    /// A process dies with something on its way to the disk that was not synced.
    case crashBeforeSync
    /// A machine takes a path that it marks.
    case mark(Mark)

    /// The moments that have names of their own.
    public static let named: [(name: String, point: BranchPoint)] = [
        ("leader-change", .leaderChange), ("snapshot-in-flight", .snapshotInFlight),
        ("crash-before-sync", .crashBeforeSync),
    ]

    /// The moment of this name, or of the mark of this name.
    public init?(_ name: String) {
        if let named = BranchPoint.named.first(where: { $0.name == name }) {
            self = named.point
        } else if let mark = Mark.allCases.first(where: { "\($0)" == name }) {
            self = .mark(mark)
        } else {
            return nil
        }
    }

    /// How often the run has been there; a moment is where this grows.
    func count(in world: World) -> UInt64 {
        switch self {
        case .leaderChange: world.statistics.marks[Int(Mark.electedLeader.rawValue)]
        case .snapshotInFlight: world.statistics.marks[Int(Mark.snapshotSent.rawValue)]
        case .crashBeforeSync: UInt64(world.moments.crashesBeforeSync)
        case .mark(let mark): world.statistics.marks[Int(mark.rawValue)]
        }
    }

    /// True at a moment of growth that is wanted.
    func isWanted(in world: World) -> Bool {
        guard self == .leaderChange else { return true }
        return world.hosts.indices.contains { host in
            let raft = world.nodes[host].raft
            guard world.hosts[host].status == .up, raft.role == .leader else { return false }
            // Beyond its own first entry, and not in the first election of all.
            return raft.term > Term(1) && raft.log.lastIndex > raft.commitIndex.next
        }
    }
}
