import Protocols

/// A short log in a few words, so that logs are compared without a loop: for each index from 1 the
/// entry's term and what it holds, four bits each.
struct PackedLog: Equatable, Sendable, CustomStringConvertible {
    /// Entries up to here are in a snapshot; their terms and values are not known.
    var start = 0
    /// The last entry.
    var last = 0
    var terms: Word = 0
    var values: Word = 0

    /// Four bits for each index from 0 on.
    typealias Word = UInt128

    /// The greatest index that fits, and the greatest term.
    static let lastIndex = 31

    init() {}

    init(start: Int) {
        self.start = start
        last = start
    }

    /// Packs a log.
    init(_ log: RaftLog) {
        self.init(start: Int(log.start.index.rawValue))
        for index in start..<Int(log.lastIndex.rawValue) {
            guard let entry = log.entry(at: LogIndex(UInt64(index + 1))) else { break }
            append(term: entry.term.rawValue, value: PackedLog.value(of: entry))
        }
    }

    /// Packs what a start would find on a disk.
    init(_ durable: DurableState) {
        self.init(start: Int((durable.snapshot?.point.index ?? .zero).rawValue))
        for entry in durable.entries {
            append(term: entry.term.rawValue, value: PackedLog.value(of: entry))
        }
    }

    /// What an entry holds: nothing, the membership, or a command by its number; of a node's
    /// commands, which are longer, four bits that tell most of them apart.
    static func value(of entry: Entry) -> UInt64 {
        switch entry.kind {
        case .noop: 0
        case .membership: 1
        case .command where entry.payload.count == 1: 2 + UInt64(entry.payload[0])
        case .command: 2 + Digest(of: entry.payload).value % 13
        case .clusterVersion, .checkpoint, .limits: 15
        }
    }

    /// Appends one entry; what does not fit is left out, for the search ends there.
    mutating func append(term: UInt64, value: UInt64) {
        guard last < PackedLog.lastIndex else { return }
        last += 1
        terms |= Word(term & 15) << Word(4 * last)
        values |= Word(value & 15) << Word(4 * last)
    }

    @inline(__always)
    func term(_ index: Int) -> UInt64 { UInt64(truncatingIfNeeded: terms >> Word(4 * index)) & 15 }
    @inline(__always)
    func value(_ index: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: values >> Word(4 * index)) & 15
    }

    /// The bits of the indexes after `lower` up to `upper`.
    @inline(__always)
    static func mask(after lower: Int, through upper: Int) -> Word {
        guard upper > lower else { return 0 }
        let below: Word = upper >= lastIndex ? .max : 1 << Word(4 * (upper + 1)) &- 1
        return below & ~(1 << Word(4 * (lower + 1)) &- 1)
    }

    /// True when both hold the same wherever both hold something.
    @inline(__always)
    func agrees(with other: PackedLog) -> Bool {
        let mask = PackedLog.mask(after: max(start, other.start), through: min(last, other.last))
        return ((terms ^ other.terms) | (values ^ other.values)) & mask == 0
    }

    /// True when all of `other` is in here, as far as it can be seen.
    @inline(__always)
    func covers(_ other: PackedLog) -> Bool { last >= other.last && agrees(with: other) }

    /// The last index at which both have an entry of the same term; 0 when there is none.
    @inline(__always)
    func lastCommon(with other: PackedLog) -> Int {
        var index = min(last, other.last)
        let lowest = max(start, other.start)
        while index > lowest {
            if term(index) == other.term(index) { return index }
            index -= 1
        }
        return 0
    }

    /// True when logs that have one equal entry are equal before it (Raft section 5.3).
    @inline(__always)
    func matches(_ other: PackedLog) -> Bool {
        let mask = PackedLog.mask(
            after: max(start, other.start), through: lastCommon(with: other))
        return ((terms ^ other.terms) | (values ^ other.values)) & mask == 0
    }

    /// True when the entry at an index is of this term, or in a snapshot.
    @inline(__always)
    func holds(_ index: Int, term: UInt64) -> Bool {
        index <= start || index <= last && self.term(index) == term
    }

    func digest(into digest: inout Digest) {
        for word in [terms, values] {
            digest.combine(UInt64(truncatingIfNeeded: word))
            digest.combine(UInt64(truncatingIfNeeded: word >> 64))
        }
        digest.combine(last)
    }

    /// The entries with their terms, such as `[1@1 2@3]`.
    var description: String {
        var words: [String] = start > 0 ? ["…\(start)"] : []
        for index in start..<last { words.append("\(index + 1)@\(term(index + 1))") }
        return "[" + words.joined(separator: " ") + "]"
    }
}

extension Digest {
    /// The digest of some bytes alone.
    fileprivate init(of bytes: [UInt8]) {
        self.init()
        combine(bytes)
    }
}
