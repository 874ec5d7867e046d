import Protocols

/// What must never be, and was seen.
public struct Violation: Error, Equatable, Sendable {
    /// The checker that saw it.
    public var checker: String
    /// What it saw, with the values.
    public var message: String
    /// Makes a violation.
    public init(_ checker: String, _ message: String) {
        self.checker = checker
        self.message = message
    }
}

/// An outsider that reads the world after each step.
///
/// A checker is a value: a world's copy has its own. It decides nothing in the world. `exercised`
/// counts how often it had something to compare, so that one which never does shows.
public protocol Checker: Sendable {
    /// The name in reports.
    static var name: String { get }
    /// How often a real comparison was made.
    var exercised: Int { get }
    /// A node handled an event and put out these effects.
    mutating func stepped(_ id: NodeID, _ node: borrowing Node, _ effects: [NodeEffect])
        throws(Violation)
    /// A node stopped without warning; its volatile state is gone.
    mutating func crashed(_ id: NodeID) throws(Violation)
    /// A node came back from what its disk held.
    mutating func restarted(_ id: NodeID, _ node: borrowing Node) throws(Violation)
    /// A client recorded an observation.
    mutating func observed(_ client: ClientID, _ observation: Observation, at now: Instant)
        throws(Violation)
    /// The run is over, the liveness phase passed: the surviving nodes, converged.
    mutating func finished(_ nodes: [Node]) throws(Violation)
}

extension Checker {
    /// Nothing to see in a step.
    public mutating func stepped(
        _ id: NodeID, _ node: borrowing Node, _ effects: [NodeEffect]
    ) throws(Violation) {}
    /// Nothing to see in a crash.
    public mutating func crashed(_ id: NodeID) throws(Violation) {}
    /// Nothing to see in a restart.
    public mutating func restarted(_ id: NodeID, _ node: borrowing Node) throws(Violation) {}
    /// Nothing to see in a client's history.
    public mutating func observed(
        _ client: ClientID, _ observation: Observation, at now: Instant
    ) throws(Violation) {}
    /// Nothing to see at the end.
    public mutating func finished(_ nodes: [Node]) throws(Violation) {}
}
