/// The outcomes of one session's recent requests, by number.
///
/// Numbers mostly arrive ascending and leave from the front, so that a sorted array whose front
/// is let go lazily serves better than a tree.
public struct OutcomeWindow: Equatable, Sendable {
    struct Item: Equatable, Sendable {
        let sequence: UInt64
        let outcome: Outcome
    }

    private var items: [Item] = []
    /// Items before this one are gone already.
    private var head = 0
    /// An estimate of the memory in use.
    private(set) var byteCount = 0

    static let outcomeBytes = 80

    init() {}

    /// The number of outcomes.
    public var count: Int { items.count - head }
    /// The lowest number that has an outcome.
    public var lowest: UInt64? { head < items.count ? items[head].sequence : nil }

    /// The outcome of a request.
    public subscript(sequence: UInt64) -> Outcome? {
        guard let last = items.last, sequence <= last.sequence else { return nil }
        let place = lowerBound(of: sequence)
        return items[place].sequence == sequence ? items[place].outcome : nil
    }

    var live: ArraySlice<Item> { items[head...] }

    /// Adds the outcome of a request that has none; returns the bytes it takes.
    mutating func insert(_ outcome: Outcome, at sequence: UInt64) -> Int {
        let item = Item(sequence: sequence, outcome: outcome)
        if let last = items.last, sequence <= last.sequence {
            items.insert(item, at: lowerBound(of: sequence))
        } else {
            items.append(item)
        }
        let bytes = outcome.byteCount
        byteCount += bytes
        return bytes
    }

    /// Forgets the outcomes of lower numbers; returns the bytes they took.
    mutating func remove(below sequence: UInt64) -> Int {
        var freed = 0
        while head < items.count, items[head].sequence < sequence {
            freed += items[head].outcome.byteCount
            head += 1
        }
        if head == items.count {
            items.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 32, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        byteCount -= freed
        return freed
    }

    private func lowerBound(of sequence: UInt64) -> Int {
        var low = head
        var high = items.count
        while low < high {
            let middle = (low + high) >> 1
            if items[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// True when both hold the same outcomes.
    public static func == (a: OutcomeWindow, b: OutcomeWindow) -> Bool { a.live == b.live }

    func digest(into digest: inout Digest) {
        digest.combine(count)
        for item in live {
            digest.combine(item.sequence)
            item.outcome.digest(into: &digest)
        }
    }
}

extension Outcome {
    /// An estimate of the memory an outcome takes in its session.
    var byteCount: Int {
        switch self {
        case .versionMismatch(let value): OutcomeWindow.outcomeBytes + value.value.count
        case .done, .sessionOpened, .roomCreated, .joined, .left, .sent, .written, .refused,
            .deletionBegun, .joinPending:
            OutcomeWindow.outcomeBytes
        }
    }
}
