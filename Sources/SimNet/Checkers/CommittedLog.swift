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

    private var items: [Item] = []

    /// Makes an empty log.
    public init() {}

    /// The last committed index.
    public var last: LogIndex { LogIndex(UInt64(items.count)) }

    subscript(index: LogIndex) -> Item? {
        index > .zero && index <= last ? items[Int(index.rawValue) - 1] : nil
    }

    mutating func append(_ item: Item) { items.append(item) }
}
