/// The part of the replicated log that a member holds in memory: everything after `start`.
///
/// Entries are consecutive and their terms never go back. What is durable of it, and what is
/// committed, `Raft` knows.
public struct RaftLog: Equatable, Sendable {
    /// The entry before the first one held; earlier ones are in a snapshot.
    public private(set) var start: SnapshotPoint
    /// The bytes that the entries count for in limits.
    public private(set) var byteCount = 0
    private var entries: [Entry]

    /// Makes a log that holds `entries` after `start`; they must be consecutive.
    public init(start: SnapshotPoint = .zero, entries: [Entry] = []) {
        self.start = start
        self.entries = []
        append(entries[...])
    }

    /// The first entry held, or the one that would be.
    public var firstIndex: LogIndex { start.index.next }
    /// The last entry held, or `start` when there is none.
    public var lastIndex: LogIndex { start.index + entries.count }
    /// The term of the last entry.
    public var lastTerm: Term { entries.last?.term ?? start.term }
    /// The last entry's index and term.
    public var last: SnapshotPoint { SnapshotPoint(index: lastIndex, term: lastTerm) }
    /// The last entry's stamp, `nil` when no entry is held.
    public var lastStamp: ClusterTime? { entries.last?.stamp }

    /// The term at an index: known for every entry held and for `start`.
    public func term(at index: LogIndex) -> Term? {
        if index == start.index { return start.term }
        return entry(at: index)?.term
    }

    /// The entry at an index, if held.
    public func entry(at index: LogIndex) -> Entry? {
        guard index > start.index, index <= lastIndex else { return nil }
        return entries[index - firstIndex]
    }

    /// True when the log holds this very entry (log matching, Raft section 5.3).
    public func matches(_ point: SnapshotPoint) -> Bool { term(at: point.index) == point.term }

    /// True when a log that ends here has all that this one may have committed (section 5.4.1).
    public func isCovered(by other: SnapshotPoint) -> Bool {
        (other.term, other.index) >= (lastTerm, lastIndex)
    }

    /// The entries from `index` on, at most `maximumBytes` of them but always one.
    public func slice(from index: LogIndex, maximumBytes: Int) -> [Entry] {
        guard index >= firstIndex, index <= lastIndex else { return [] }
        let lower = index - firstIndex
        var upper = lower
        var bytes = 0
        while upper < entries.count {
            bytes += entries[upper].size
            if bytes > maximumBytes, upper > lower { break }
            upper += 1
        }
        return Array(entries[lower..<upper])
    }

    /// The last index, at most `index`, whose term is at most `term`, with its term; the part of
    /// the log after it cannot match a log that has `term` at `index` (the fast back-up of
    /// section 5.3).
    public func lastPoint(atMost index: LogIndex, termAtMost term: Term) -> SnapshotPoint {
        var index = min(index, lastIndex)
        while index > start.index {
            let own = entries[index - firstIndex].term
            if own <= term { return SnapshotPoint(index: index, term: own) }
            index = index.previous
        }
        return start
    }

    /// Appends entries that follow the last one.
    public mutating func append(_ new: ArraySlice<Entry>) {
        for entry in new { append(entry) }
    }

    /// Appends one entry, which must follow the last one.
    public mutating func append(_ entry: Entry) {
        precondition(
            entry.index == lastIndex.next && entry.term >= lastTerm,
            "entry \(entry.index) of \(entry.term) does not follow \(last)")
        byteCount += entry.size
        entries.append(entry)
    }

    /// Drops the entry at `index` and all after it.
    public mutating func truncate(from index: LogIndex) {
        precondition(index > start.index, "\(index) is compacted, the log starts at \(start)")
        guard index <= lastIndex else { return }
        let keep = index - firstIndex
        for entry in entries[keep...] { byteCount -= entry.size }
        entries.removeLast(entries.count - keep)
    }

    /// Drops the entries up to `index`, which must be held or be `start`.
    public mutating func compact(through index: LogIndex) {
        guard index > start.index, let term = term(at: index) else { return }
        let drop = index - start.index
        for entry in entries[..<drop] { byteCount -= entry.size }
        entries.removeFirst(drop)
        start = SnapshotPoint(index: index, term: term)
    }

    /// Drops everything and starts anew after a snapshot's point.
    public mutating func reset(to point: SnapshotPoint) {
        start = point
        entries = []
        byteCount = 0
    }

    /// The least index whose entries after it up to `end` count for at most `maximumBytes`.
    public func trailingStart(before end: LogIndex, maximumBytes: Int) -> LogIndex {
        var index = end
        var bytes = 0
        while let entry = entry(at: index) {
            bytes += entry.size
            if bytes > maximumBytes { return index }
            index = index.previous
        }
        return start.index
    }

    /// Feeds the log.
    public func digest(into digest: inout Digest) {
        digest.combine(start.index.rawValue)
        digest.combine(start.term.rawValue)
        for entry in entries {
            digest.combine(entry.term.rawValue)
            digest.combine(entry.payload)
        }
    }
}
