import Protocols

/// Two logs with an entry of the same index and term are equal up to there (Raft section 5.3).
///
/// By induction it is enough that each (index, term) names one content and one previous term.
public struct LogMatching: Sendable {
    /// The name in reports.
    public static let name = "log-matching"
    /// How many entries were compared with an equal one written before.
    public private(set) var exercised = 0

    private struct Known: Sendable {
        var term: Term
        var previous: Term
        var digest: UInt64
    }

    private struct Place: Hashable, Sendable {
        var index: LogIndex
        var term: Term
    }

    /// By index, the entry seen first there; nearly always the only one.
    private var first: [Known?] = []
    /// The others.
    private var others: [Place: Known] = [:]

    /// Makes a checker.
    public init() {}

    /// Entries are on their way to a node's disk; the node's log holds them.
    mutating func writes<R: Replica>(
        _ id: NodeID, _ entries: [Entry], _ node: borrowing R
    ) throws(Violation) {
        guard let head = entries.first, node.term(at: head.index) == head.term,
            var previous = node.term(at: head.index.previous)
        else { return }
        for entry in entries {
            try compare(id, entry, after: previous)
            previous = entry.term
        }
    }

    /// A node came back with these entries.
    mutating func restarted<R: Replica>(
        _ id: NodeID, _ now: Glance, _ node: borrowing R
    ) throws(Violation) {
        var previous = now.start.term
        var index = now.start.index.next
        while index <= now.last.index {
            guard let entry = node.entry(at: index) else {
                throw Violation(Self.name, "\(id) has no entry \(index.rawValue) in its own log")
            }
            try compare(id, entry, after: previous)
            previous = entry.term
            index = index.next
        }
    }

    private mutating func compare(
        _ id: NodeID, _ entry: Entry, after previous: Term
    ) throws(Violation) {
        let own = Known(term: entry.term, previous: previous, digest: entry.contentDigest)
        let position = Int(entry.index.rawValue)
        while first.count <= position { first.append(nil) }
        guard let head = first[position] else {
            first[position] = own
            return
        }
        let known: Known
        if head.term == entry.term {
            known = head
        } else if let other = others[Place(index: entry.index, term: entry.term)] {
            known = other
        } else {
            others[Place(index: entry.index, term: entry.term)] = own
            return
        }
        exercised += 1
        guard known.digest == own.digest, known.previous == own.previous else {
            throw Violation(
                Self.name,
                "\(id) has another entry \(entry.index.rawValue) of term \(entry.term.rawValue) "
                    + "than was written before: content \(hex(own.digest)) after term "
                    + "\(own.previous.rawValue), not \(hex(known.digest)) after term "
                    + "\(known.previous.rawValue)")
        }
    }
}

/// A fingerprint as people read it.
func hex(_ digest: UInt64) -> String { String(digest, radix: 16) }
