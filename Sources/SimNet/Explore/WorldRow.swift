import Protocols

/// A state of the world by the numbers of its parts in a `NodeTable`.
struct WorldRow: Equatable, Sendable {
    var nodes: [UInt32]
    var used: UInt32 = 0
    /// Messages in flight, ascending.
    var flight: [UInt32] = []
}

/// The same, inside a level's rows.
struct RowView {
    var nodes: UnsafeBufferPointer<UInt32>
    var used: UInt32
    var flight: UnsafeBufferPointer<UInt32>

    /// How often a budget was used.
    @inline(__always)
    func count(_ budget: ExploreBudget) -> Int { Int(used >> (4 * budget.rawValue) & 15) }

    /// True when a budget is not used up.
    @inline(__always)
    func isLeft(_ budget: ExploreBudget, _ bound: Int) -> Bool {
        count(budget) < min(bound, ExploreBudget.most)
    }
}
