import Protocols

/// A leader only appends to its log: what was its last entry stays where it was (Raft section 5.3).
public struct LeaderAppendOnly: Sendable {
    /// The name in reports.
    public static let name = "leader-append-only"
    /// How often a leader's log was compared with what it was a step before.
    public private(set) var exercised = 0

    /// Makes a checker.
    public init() {}

    mutating func changed<R: Replica>(
        _ id: NodeID, from before: Glance, to now: Glance, _ node: borrowing R
    ) throws(Violation) {
        guard before.role == .leader, now.role == .leader, before.term == now.term else { return }
        exercised += 1
        guard now.last.index >= before.last.index else {
            throw Violation(
                Self.name,
                "\(id) leads term \(now.term.rawValue) and cut its log from "
                    + "\(before.last.index.rawValue) to \(now.last.index.rawValue)")
        }
        guard before.last.index >= now.start.index,
            node.term(at: before.last.index) != before.last.term
        else { return }
        throw Violation(
            Self.name,
            "\(id) leads term \(now.term.rawValue) and replaced its entry "
                + "\(before.last.index.rawValue) of term \(before.last.term.rawValue)")
    }
}
