import Protocols

/// At most one leader in a term (Raft section 5.2). A node that comes back counts as another one,
/// for a term that was its own before the crash is spent.
public struct ElectionSafety: Sendable {
    /// The name in reports.
    public static let name = "election-safety"
    /// How often a leader was seen beside what is known of its term.
    public private(set) var exercised = 0

    private struct Reign: Equatable, Sendable {
        var leader: NodeID
        var boot: Boot
    }

    private var reigns: [Term: Reign] = [:]

    /// Makes a checker.
    public init() {}

    mutating func changed(_ id: NodeID, to now: Glance) throws(Violation) {
        guard now.role == .leader else { return }
        exercised += 1
        let reign = Reign(leader: id, boot: now.boot)
        guard let known = reigns[now.term] else {
            reigns[now.term] = reign
            return
        }
        guard known == reign else {
            throw Violation(
                Self.name,
                "\(id) (boot \(now.boot.rawValue)) leads term \(now.term.rawValue), which "
                    + "\(known.leader) (boot \(known.boot.rawValue)) led already")
        }
    }
}
