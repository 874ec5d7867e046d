import Protocols

/// A leader's log holds every entry that was committed in an earlier term (Raft section 5.4).
///
/// It would not, if a leader took an entry of an earlier term for committed because a majority holds
/// it (figure 8). So what a leader newly commits must end with an entry of its own term.
public struct LeaderCompleteness: Sendable {
    /// The name in reports.
    public static let name = "leader-completeness"
    /// How many new leaders were compared with a committed entry, and how many commits of leaders
    /// with the leader's term.
    public private(set) var exercised = 0

    /// Makes a checker.
    public init() {}

    /// A leader's commit index moves only to an entry of its own term (section 5.4.2).
    mutating func commits<R: Replica>(
        _ id: NodeID, from before: Glance, to now: Glance, _ node: borrowing R
    ) throws(Violation) {
        guard before.role == .leader, now.role == .leader, before.term == now.term,
            now.commit > before.commit, let term = node.term(at: now.commit)
        else { return }
        exercised += 1
        guard term == now.term else {
            throw Violation(
                Self.name,
                "\(id) leads term \(now.term.rawValue) and committed \(now.commit.rawValue), an "
                    + "entry of term \(term.rawValue)")
        }
    }

    /// Looks at what the new leader does not know as committed itself; the rest was compared when
    /// its own commit index passed it.
    mutating func becameLeader<R: Replica>(
        _ id: NodeID, _ now: Glance, _ node: borrowing R, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        var index = committed.last
        // A leader of the past, elected late, need not hold what later terms committed.
        while let item = committed[index], item.committedIn >= now.term { index = index.previous }
        guard index > .zero else { return }
        exercised += 1
        let floor = min(max(now.commit, now.start.index), index.previous)
        while index > floor, let item = committed[index] {
            defer { index = index.previous }
            if index < now.start.index { return }
            let own = node.term(at: index)
            guard own != item.term else { continue }
            throw Violation(
                Self.name,
                "\(id) leads term \(now.term.rawValue) without the committed entry "
                    + "\(index.rawValue) of term \(item.term.rawValue): "
                    + (own.map { "its own there is of term \($0.rawValue)" }
                        ?? "its log ends at \(now.last.index.rawValue)"))
        }
    }
}
