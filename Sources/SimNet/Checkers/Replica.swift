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

/// A node where it lies, as the checkers read it after each step: a `Node` as an argument would be
/// copied, all 1,500 bytes of it, for the caller has it as a place that may change.
struct NodeInPlace: Replica {
    /// Valid for the one call that it is handed to.
    let place: UnsafePointer<Node>

    var glance: Glance {
        Glance(
            incarnation: place.pointee.configuration.incarnation,
            boot: place.pointee.configuration.boot, term: place.pointee.raft.term,
            vote: place.pointee.raft.vote, role: place.pointee.raft.role,
            commit: place.pointee.raft.commitIndex, applied: place.pointee.state.applied.index,
            durable: place.pointee.raft.durableIndex, start: place.pointee.raft.log.start,
            last: place.pointee.raft.log.last)
    }

    var memberCount: Int { place.pointee.configuration.members.count }

    func term(at index: LogIndex) -> Term? { place.pointee.raft.log.term(at: index) }

    func entry(at index: LogIndex) -> Entry? { place.pointee.raft.log.entry(at: index) }
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
