/// A member's number, from 1; `node2` is 2. Never reused for another data directory.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number.
    public let rawValue: UInt32
    /// Makes an id from its number.
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    /// Orders by number.
    public static func < (a: NodeID, b: NodeID) -> Bool { a.rawValue < b.rawValue }
    /// The name people use: `node2`.
    public var description: String { "node\(rawValue)" }
}

/// One replicated log among several; there is one so far.
public struct GroupID: Hashable, Sendable {
    /// The number.
    public let rawValue: UInt32
    /// Makes an id from its number.
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    /// The group that carries everything today.
    public static let main = GroupID(0)
}

/// A Raft term: a logical clock that numbers elections (Raft section 5.1).
public struct Term: Hashable, Comparable, Sendable {
    /// The number; 0 before any election.
    public let rawValue: UInt64
    /// Makes a term from its number.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    /// Before any election.
    public static let zero = Term(0)
    /// Orders by number.
    public static func < (a: Term, b: Term) -> Bool { a.rawValue < b.rawValue }
    /// The next term.
    public var next: Term { Term(rawValue + 1) }
}

/// A position in a replicated log, from 1; 0 stands before the first entry.
public struct LogIndex: Hashable, Comparable, Sendable {
    /// The number.
    public let rawValue: UInt64
    /// Makes an index from its number.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    /// Before the first entry.
    public static let zero = LogIndex(0)
    /// Orders by position.
    public static func < (a: LogIndex, b: LogIndex) -> Bool { a.rawValue < b.rawValue }
    /// The following position.
    public var next: LogIndex { LogIndex(rawValue + 1) }
    /// The position before; 0 has none and stays 0.
    public var previous: LogIndex { LogIndex(rawValue == 0 ? 0 : rawValue - 1) }
    /// The position `count` further on.
    public static func + (a: LogIndex, count: Int) -> LogIndex {
        LogIndex(a.rawValue + UInt64(count))
    }
    /// How many positions `a` is past `b`; negative when it is before.
    public static func - (a: LogIndex, b: LogIndex) -> Int {
        Int(Int64(bitPattern: a.rawValue &- b.rawValue))
    }
}

/// The identity of one cluster: a fingerprint of its first membership.
public struct ClusterID: Hashable, Sendable {
    /// The fingerprint.
    public let rawValue: UInt64
    /// Makes an id from its fingerprint.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// The identity of one data directory, drawn at random when it is made.
///
/// A node whose directory was wiped has another incarnation and is not the member it was.
public struct Incarnation: Hashable, Sendable {
    /// 64 random bits.
    public let rawValue: UInt64
    /// Makes an incarnation from its bits.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// Counts the starts of one data directory, from 1.
public struct Boot: Hashable, Comparable, Sendable {
    /// The number.
    public let rawValue: UInt64
    /// Makes a boot from its number.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    /// Orders by age.
    public static func < (a: Boot, b: Boot) -> Bool { a.rawValue < b.rawValue }
}

/// Names one persist, so that its completion can be told from others'; belongs to one boot.
public struct PersistToken: Hashable, Comparable, Sendable {
    /// The start of the node that issued the token.
    public let boot: Boot
    /// Counts up within the boot, from 1.
    public let sequence: UInt64
    /// Makes a token.
    public init(boot: Boot, sequence: UInt64) {
        self.boot = boot
        self.sequence = sequence
    }
    /// Orders by boot, then by sequence.
    public static func < (a: PersistToken, b: PersistToken) -> Bool {
        (a.boot, a.sequence) < (b.boot, b.sequence)
    }
}

/// A client's connection to one node: a slot and how often that slot was used before.
public struct ConnectionID: Hashable, Comparable, Sendable {
    /// The slot.
    public let slot: UInt32
    /// How often the slot was used before; stale ids never match a reused slot.
    public let generation: UInt32
    /// Makes an id.
    public init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
    /// Orders by slot, then by generation.
    public static func < (a: ConnectionID, b: ConnectionID) -> Bool {
        (a.slot, a.generation) < (b.slot, b.generation)
    }
}

/// An exactly-once session, named by the log index that opened it (Ongaro's thesis, 6.3).
public struct SessionID: Hashable, Comparable, Sendable {
    /// The log index of the opening entry.
    public let rawValue: UInt64
    /// Makes an id.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    /// Orders by age.
    public static func < (a: SessionID, b: SessionID) -> Bool { a.rawValue < b.rawValue }
}

/// A 128-bit identifier, shown in the form of a UUID (RFC 9562).
public struct UniqueID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first 64 bits as shown.
    public let high: UInt64
    /// The last 64 bits as shown.
    public let low: UInt64
    /// Makes an id from its two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
    /// Orders by value.
    public static func < (a: UniqueID, b: UniqueID) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

extension UniqueID {
    /// Draws a version 4 UUID.
    public init(drawing prng: inout Prng) {
        high = prng.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        low = prng.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    }

    /// The lower-case text form, 36 characters.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var position = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    text[position] = UInt8(ascii: "-")
                    position += 1
                }
                let half = digit < 16 ? high : low
                let value = UInt8(truncatingIfNeeded: half >> (60 - 4 * UInt64(digit & 15))) & 15
                text[position] = value < 10 ? 48 + value : 87 + value
                position += 1
            }
            return 36
        }
    }

    /// Reads the text form, upper or lower case; `nil` for anything else.
    public init?(_ text: String) {
        var digits = 0
        var position = 0
        var halves: (UInt64, UInt64) = (0, 0)
        for byte in text.utf8 {
            defer { position += 1 }
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let value: UInt8
            switch byte {
            case 48...57: value = byte - 48
            case 65...70: value = byte - 55
            case 97...102: value = byte - 87
            default: return nil
            }
            guard digits < 32 else { return nil }
            if digits < 16 {
                halves.0 = halves.0 << 4 | UInt64(value)
            } else {
                halves.1 = halves.1 << 4 | UInt64(value)
            }
            digits += 1
        }
        guard digits == 32, position == 36 else { return nil }
        self.init(high: halves.0, low: halves.1)
    }
}

/// The name of a cluster among the clusters it is federated with: `node2`.
///
/// What the guides' system calls a node is here a cluster of one member or several.
public struct ClusterName: Comparable, Sendable, CustomStringConvertible {
    /// The name.
    public let text: String
    /// Makes a name.
    public init(_ text: String) { self.text = text }
    /// True when the bytes are equal.
    public static func == (a: ClusterName, b: ClusterName) -> Bool {
        TextKey(a.text) == TextKey(b.text)
    }
    /// Orders by bytes.
    public static func < (a: ClusterName, b: ClusterName) -> Bool {
        TextKey(a.text) < TextKey(b.text)
    }
    /// The name.
    public var description: String { text }
}

/// One call that a node makes to a foreign cluster; counts up within the node's boot.
public struct CallID: Hashable, Comparable, Sendable {
    /// The number.
    public let rawValue: UInt64
    /// Makes an id.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    /// Orders by age.
    public static func < (a: CallID, b: CallID) -> Bool { a.rawValue < b.rawValue }
}

/// One call of a foreign cluster that a node answers; drawn by the driver, unique in its boot.
public struct IncomingCallID: Hashable, Comparable, Sendable {
    /// The number.
    public let rawValue: UInt64
    /// Makes an id.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    /// Orders by age.
    public static func < (a: IncomingCallID, b: IncomingCallID) -> Bool {
        a.rawValue < b.rawValue
    }
}
