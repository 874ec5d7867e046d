/// What an entry of the replicated log is for.
public enum EntryKind: UInt8, Sendable {
    /// Nothing: a new leader's first entry, whose commit commits all before it (thesis 6.4).
    case noop = 0
    /// A `Command` that the replicated state applies.
    case command = 1
    /// The members of the cluster with their incarnations.
    case membership = 2
    /// A version of the cluster that all members speak.
    case clusterVersion = 3
    /// The rolling state digest that the leader had at an earlier index.
    case checkpoint = 4
    /// What histories keep from here on, as the leader was told.
    case limits = 5
}

/// One entry of the replicated log.
public struct Entry: Equatable, Sendable {
    /// Its position.
    public let index: LogIndex
    /// The term of the leader that made it.
    public let term: Term
    /// The cluster time at which the leader made it; never goes back along the log.
    public let stamp: ClusterTime
    /// What it is for.
    public let kind: EntryKind
    /// Its content in the binary form of its kind.
    public let payload: [UInt8]

    /// Makes an entry.
    public init(
        index: LogIndex, term: Term, stamp: ClusterTime, kind: EntryKind, payload: [UInt8]
    ) {
        self.index = index
        self.term = term
        self.stamp = stamp
        self.kind = kind
        self.payload = payload
    }

    /// What the entry counts for in limits by bytes: the payload and a fixed overhead.
    public var size: Int { payload.count + 48 }
}

/// What a node must remember of elections before it speaks (Raft figure 2, persistent state).
public struct HardState: Equatable, Sendable {
    /// The latest term the node has seen.
    public var term: Term
    /// Whom it voted for in that term.
    public var vote: NodeID?

    /// Makes a hard state; by default that of a node that never took part.
    public init(term: Term = .zero, vote: NodeID? = nil) {
        self.term = term
        self.vote = vote
    }
}

/// The point in the log up to which a snapshot stands for everything.
public struct SnapshotPoint: Equatable, Sendable {
    /// The last entry inside.
    public var index: LogIndex
    /// That entry's term.
    public var term: Term

    /// Makes a point.
    public init(index: LogIndex, term: Term) {
        self.index = index
        self.term = term
    }

    /// Before the first entry.
    public static let zero = SnapshotPoint(index: .zero, term: .zero)
}

/// The whole replicated state at one point of the log, in chunks that are sent and stored one by one.
public struct Snapshot: Equatable, Sendable {
    /// What it stands for.
    public var point: SnapshotPoint
    /// The encoded state; history blocks are shared with the live state, so that holding a snapshot
    /// costs little. No chunk is longer than `maximumChunk`.
    public var chunks: [[UInt8]]

    /// The longest chunk in bytes.
    public static let maximumChunk = 256 * 1024

    /// Makes a snapshot.
    public init(point: SnapshotPoint, chunks: [[UInt8]]) {
        self.point = point
        self.chunks = chunks
    }

    /// The bytes of all chunks together.
    public var size: Int { chunks.reduce(0) { $0 + $1.count } }
}

/// What must become durable together, in this order: hard state, then entries.
///
/// An entry whose index is not past the log's last one replaces that entry and all after it.
public struct LogWrite: Equatable, Sendable {
    /// The new hard state, if it changed.
    public var hardState: HardState?
    /// The log starts anew after this point; everything before it is in a durable snapshot.
    public var startAfter: SnapshotPoint?
    /// Entries with consecutive indexes.
    public var entries: [Entry]

    /// Makes a write.
    public init(
        hardState: HardState? = nil, startAfter: SnapshotPoint? = nil, entries: [Entry] = []
    ) {
        self.hardState = hardState
        self.startAfter = startAfter
        self.entries = entries
    }
}

/// What a data directory holds: where a node starts from.
public struct DurableState: Equatable, Sendable {
    /// Term and vote.
    public var hardState: HardState
    /// The newest whole snapshot.
    public var snapshot: Snapshot?
    /// The entries after the snapshot's point, consecutive.
    public var entries: [Entry]

    /// Makes a durable state; by default that of an empty directory.
    public init(
        hardState: HardState = HardState(), snapshot: Snapshot? = nil, entries: [Entry] = []
    ) {
        self.hardState = hardState
        self.snapshot = snapshot
        self.entries = entries
    }
}
