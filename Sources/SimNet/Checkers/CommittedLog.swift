import Protocols

/// The entries that any node has ever known as committed: one for each index, for ever.
///
/// Kept for the whole run, 24 bytes an entry, for a node may come back from an early snapshot.
public struct CommittedLog: Sendable {
    struct Item: Sendable {
        /// The entry's term.
        var term: Term
        /// The entry's content.
        var digest: UInt64
        /// The term of the node that was first to know it as committed, at that moment.
        var committedIn: Term
    }

    /// What was committed up to here is not known; zero for a cluster that is watched from its
    /// beginning.
    let base: SnapshotPoint
    private var items: [Item] = []

    /// Makes an empty log.
    public init() { base = .zero }

    /// Makes the log of a cluster that is watched from here on.
    init(after base: SnapshotPoint) { self.base = base }

    /// The last committed index.
    public var last: LogIndex { LogIndex(base.index.rawValue + UInt64(items.count)) }

    subscript(index: LogIndex) -> Item? {
        index > base.index && index <= last ? items[index - base.index - 1] : nil
    }

    mutating func append(_ item: Item) { items.append(item) }
}
