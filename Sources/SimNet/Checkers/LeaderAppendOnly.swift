import Protocols

/// A leader only appends to its log: what was its last entry stays where it was (Raft section 5.3);
/// what it knows of a follower's match never goes back, as the commit index in its heartbeats shows.
public struct LeaderAppendOnly: Sendable {
    /// The name in reports.
    public static let name = "leader-append-only"
    /// How often a leader's log was compared with what it was a step before.
    public private(set) var exercised = 0

    /// What a leader told a follower last.
    private struct Told: Sendable {
        var boot = Boot(0)
        var term = Term.zero
        var commit = LogIndex.zero
    }

    private var told = PerNode(PerNode(Told()))

    /// Makes a checker.
    public init() {}

    /// A message leaves the node. A heartbeat names the commit index, but not past the match.
    mutating func sends(
        _ id: NodeID, to receiver: NodeID, _ message: RaftMessage, _ now: Glance
    ) throws(Violation) {
        guard case .heartbeat(let commit, _) = message.body else { return }
        var before = Told()
        told.update(id) { followers in
            followers.update(receiver) {
                before = $0
                $0 = Told(boot: now.boot, term: message.term, commit: commit)
            }
        }
        guard before.boot == now.boot, before.term == message.term else { return }
        exercised += 1
        guard commit >= before.commit else {
            throw Violation(
                Self.name,
                "\(id) leads term \(message.term.rawValue), told \(receiver) that it has "
                    + "\(before.commit.rawValue) committed, and then \(commit.rawValue)")
        }
    }

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
