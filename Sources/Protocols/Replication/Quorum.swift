/// The members that vote, and what a majority of them is.
///
/// Everything that counts members counts through this type; joint consensus will make it two sets.
public struct Quorum: Equatable, Sendable {
    /// The voters, ascending; empty before the cluster is bootstrapped.
    public let voters: [NodeID]

    /// Makes a quorum; the ids are sorted.
    public init(_ voters: [NodeID]) {
        self.voters = voters.sorted()
    }

    /// How many voters make a majority.
    public var majority: Int { voters.count / 2 + 1 }

    /// True when the member votes.
    public func contains(_ id: NodeID) -> Bool { voters.contains(id) }

    /// True when a majority of the voters satisfies `condition`.
    public func isMet(by condition: (NodeID) -> Bool) -> Bool {
        var count = 0
        for voter in voters where condition(voter) { count += 1 }
        return !voters.isEmpty && count >= majority
    }

    /// The greatest value that a majority of the voters has reached; `nil` without voters.
    ///
    /// Quadratic in the number of voters and free of allocation, for voters are few.
    public func reached<Value: Comparable>(_ value: (NodeID) -> Value) -> Value? {
        var best: Value?
        for candidate in voters {
            let reached = value(candidate)
            if let best, reached <= best { continue }
            if isMet(by: { value($0) >= reached }) { best = reached }
        }
        return best
    }
}
