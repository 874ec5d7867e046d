import Protocols

/// No two nodes apply different entries at one index (Raft section 5.4.3), and what a node knows
/// as committed or has applied does not shrink within a boot.
public struct StateMachineSafety: Sendable {
    /// The name in reports.
    public static let name = "state-machine-safety"
    /// How many entries were compared with the one that another node, or boot, committed.
    public private(set) var exercised = 0

    /// Makes a checker.
    public init() {}

    /// Compares what became committed on the node, and extends the canonical log by what is new.
    mutating func changed<R: Replica>(
        _ id: NodeID, from before: Glance?, to now: Glance, _ node: borrowing R,
        _ committed: inout CommittedLog
    ) throws(Violation) {
        if let before {
            guard now.commit >= before.commit, now.applied >= before.applied else {
                throw Violation(
                    Self.name,
                    "\(id) went back from commit \(before.commit.rawValue), applied "
                        + "\(before.applied.rawValue) to commit \(now.commit.rawValue), applied "
                        + "\(now.applied.rawValue)")
            }
        }
        guard now.applied <= now.commit else {
            throw Violation(
                Self.name,
                "\(id) applied \(now.applied.rawValue) past its commit \(now.commit.rawValue)")
        }
        guard now.commit <= now.last.index else {
            throw Violation(
                Self.name,
                "\(id) has commit \(now.commit.rawValue) past its log's end "
                    + "\(now.last.index.rawValue)")
        }
        if now.start != before?.start ?? .zero { try compareSnapshot(id, now, committed) }
        var index = max(before?.commit ?? .zero, now.start.index, committed.base.index)
        while index < now.commit {
            index = index.next
            try compare(id, index, now, node, &committed)
        }
    }

    private mutating func compareSnapshot(
        _ id: NodeID, _ now: Glance, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        guard now.start.index >= committed.base.index else { return }
        exercised += 1
        let isBase = now.start.index == committed.base.index
        let known = isBase ? committed.base.term : committed[now.start.index]?.term
        guard known != now.start.term else { return }
        throw Violation(
            Self.name,
            "\(id) has a log that starts after \(now.start.index.rawValue) of term "
                + "\(now.start.term.rawValue), "
                + (known.map { "which was committed with term \($0.rawValue)" }
                    ?? "which nobody committed"))
    }

    private mutating func compare<R: Replica>(
        _ id: NodeID, _ index: LogIndex, _ now: Glance, _ node: borrowing R,
        _ committed: inout CommittedLog
    ) throws(Violation) {
        guard let entry = node.entry(at: index) else {
            throw Violation(
                Self.name, "\(id) committed \(index.rawValue), which its log does not hold")
        }
        let digest = entry.contentDigest
        guard let known = committed[index] else {
            guard index == committed.last.next else {
                throw Violation(
                    Self.name,
                    "\(id) committed \(index.rawValue) before anyone committed "
                        + "\(committed.last.next.rawValue)")
            }
            committed.append(.init(term: entry.term, digest: digest, committedIn: now.term))
            return
        }
        exercised += 1
        guard known.term == entry.term, known.digest == digest else {
            throw Violation(
                Self.name,
                "\(id) committed at \(index.rawValue) an entry of term \(entry.term.rawValue) "
                    + "(\(hex(digest))), another node one of term \(known.term.rawValue) "
                    + "(\(hex(known.digest)))")
        }
    }
}
