import Protocols

/// What the checkers read of a node, as a protocol so that a test can show them a replica in any
/// state, a wrong one too.
public protocol Replica {
    /// What of it may change with each step, in one small value.
    var glance: Glance { get }
    /// How many members vote.
    var memberCount: Int { get }
    /// The term at an index of its log, if it holds the entry or starts right after it.
    func term(at index: LogIndex) -> Term?
    /// The entry at an index of its log, if held.
    func entry(at index: LogIndex) -> Entry?
}

/// The numbers of a replica by which the checkers of consensus go.
public struct Glance: Equatable, Sendable {
    /// Its data directory.
    public var incarnation: Incarnation
    /// Which start of that directory this is.
    public var boot: Boot
    /// The latest term it has seen.
    public var term: Term
    /// Whom it voted for in that term.
    public var vote: NodeID?
    /// What it is in that term.
    public var role: Role
    /// Committed as far as it knows.
    public var commit: LogIndex
    /// Applied up to here.
    public var applied: LogIndex
    /// Durable on its own disk, as it says itself.
    public var durable: LogIndex
    /// The entry before the first one that it holds.
    public var start: SnapshotPoint
    /// The last entry that it holds.
    public var last: SnapshotPoint

    /// Makes a glance; by default that of a blank member.
    public init(
        incarnation: Incarnation = Incarnation(0), boot: Boot = Boot(1), term: Term = .zero,
        vote: NodeID? = nil, role: Role = .follower, commit: LogIndex = .zero,
        applied: LogIndex = .zero, durable: LogIndex = .zero, start: SnapshotPoint = .zero,
        last: SnapshotPoint = .zero
    ) {
        self.incarnation = incarnation
        self.boot = boot
        self.term = term
        self.vote = vote
        self.role = role
        self.commit = commit
        self.applied = applied
        self.durable = durable
        self.start = start
        self.last = last
    }
}

extension Node: Replica {
    /// What of it may change with each step, in one small value.
    public var glance: Glance {
        Glance(
            incarnation: configuration.incarnation, boot: configuration.boot, term: raft.term,
            vote: raft.vote, role: raft.role, commit: raft.commitIndex,
            applied: state.applied.index, durable: raft.durableIndex, start: raft.log.start,
            last: raft.log.last)
    }

    /// How many members vote.
    public var memberCount: Int { configuration.members.count }

    /// The term at an index of its log, if it holds the entry or starts right after it.
    public func term(at index: LogIndex) -> Term? { raft.log.term(at: index) }

    /// The entry at an index of its log, if held.
    public func entry(at index: LogIndex) -> Entry? { raft.log.entry(at: index) }
}

/// One value for each node, in an array by the node's number.
struct PerNode<Value: Sendable>: Sendable {
    private var values: [Value] = []
    private let initial: Value

    init(_ initial: Value) { self.initial = initial }

    subscript(id: NodeID) -> Value {
        get {
            let position = Int(id.rawValue)
            return position < values.count ? values[position] : initial
        }
        set {
            let position = Int(id.rawValue)
            precondition(position < 4_096, "the world numbers its nodes from 1: \(id)")
            while values.count <= position { values.append(initial) }
            values[position] = newValue
        }
    }

    /// Changes one value in place.
    mutating func update(_ id: NodeID, _ change: (inout Value) -> Void) {
        let position = Int(id.rawValue)
        if position >= values.count { self[id] = initial }
        change(&values[position])
    }

    /// All values, in order of the nodes' numbers.
    var all: [Value] { values }
}

extension Entry {
    /// A fingerprint of all but the index.
    var contentDigest: UInt64 {
        var digest = Digest(term.rawValue)
        digest.combine(UInt64(bitPattern: stamp.nanoseconds))
        digest.combine(UInt64(kind.rawValue))
        digest.combine(payload)
        return digest.value
    }
}
