/// How a search ended.
public enum ExploreEnding: String, Sendable {
    /// Everything within the bounds was seen.
    case complete
    /// The deepest level was reached and there would be more.
    case deepest = "depth bound reached"
    /// A checker saw what must never be.
    case violated
    /// The tables reached their bound.
    case memory = "memory bound reached"
    /// Whoever watches the progress wanted no more.
    case stopped
}

/// What a search did so far.
public struct ExploreCounts: Equatable, Sendable {
    /// Different states.
    public var states = 0
    /// Actions taken, most of them to states seen before.
    public var transitions = 0
    /// Actions that were not followed, for they led beyond the greatest term or the longest log.
    public var cutByTerm = 0
    /// Actions that were not followed, for more messages would have been in flight than the bound.
    public var cutByFlight = 0
    /// The deepest level entered.
    public var depth = 0
    /// States tried for liveness.
    public var healed = 0
    /// The new states of each level.
    public var levels: [Int] = []
    /// Different states of single members, at the end.
    public var members = 0
    /// Different messages, at the end.
    public var messages = 0
    /// Steps that machines took, at the end; the other transitions were looked up.
    public var steps = 0
    /// Bytes of the tables, as last reckoned.
    public var memory = 0
}

/// One action of a path, in words.
public struct ExploreStep: Equatable, Sendable {
    /// What happens.
    public var text: String
    /// What it changes; empty when that is nothing worth a word.
    public var consequence: String
    /// It belongs to how the search begins.
    public var isPrologue = false
}

/// What a search came to.
public struct ExploreResult: Sendable {
    /// A checker and how often it compared something.
    public struct Exercised: Equatable, Sendable {
        /// The checker.
        public var checker: ExploreChecker
        /// How often.
        public var count: UInt64
    }

    /// What it did.
    public var counts: ExploreCounts
    /// How it ended.
    public var ending: ExploreEnding
    /// What the checkers of whole states did.
    public var checkers: [Exercised]
    /// What was seen that must never be.
    public var violation: Violation?
    /// The shortest way there.
    public var path: [ExploreStep]
    /// The same as a run that can be repeated; nil when nothing was seen.
    public var steps: Steps?
}
