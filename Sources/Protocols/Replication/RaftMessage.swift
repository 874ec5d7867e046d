/// What members of one replication group say to each other.
///
/// Every message carries the group and the sender's term. In a pre-vote request the term is the
/// one the sender would campaign in, which it has not taken yet (thesis 9.6).
public struct RaftMessage: Equatable, Sendable {
    /// The log it is about.
    public var group: GroupID
    /// The sender's term, but see pre-votes.
    public var term: Term
    /// What it says.
    public var body: Body

    /// Makes a message.
    public init(group: GroupID, term: Term, body: Body) {
        self.group = group
        self.term = term
        self.body = body
    }

    /// The kinds of message.
    public enum Body: Equatable, Sendable {
        /// Would you vote for me in this term?
        case preVoteRequest(VoteRequest)
        /// I would, or not; a refusal carries the refuser's own term.
        case preVoteResponse(granted: Bool)
        /// Vote for me in this term.
        case voteRequest(VoteRequest)
        /// You have my vote, durably, or not.
        case voteResponse(granted: Bool)
        /// Append these entries.
        case append(AppendRequest)
        /// What became of an append.
        case appendResponse(AppendResponse)
        /// The leader is alive; what is committed, as far as the receiver's log is known to reach.
        case heartbeat(commit: LogIndex, round: UInt64)
        /// The receiver still follows; echoes the round, which confirms reads.
        case heartbeatResponse(round: UInt64)
        /// A part of a snapshot.
        case snapshotChunk(SnapshotChunk)
        /// What became of a part of a snapshot.
        case snapshotResponse(SnapshotResponse)
        /// Campaign at once: leadership is handed to you (thesis 3.10).
        case timeoutNow
        /// Append this for me; sent by a follower to its leader.
        case forward(kind: EntryKind, payload: [UInt8])
        /// Tell me an index that is safe to read at; sent by a follower to its leader.
        case readRequest(ReadID)
        /// It is safe to read once this index is applied; `nil`: ask again later.
        case readResponse(ReadID, index: LogIndex?)
    }
}

/// What is wrong with a message that no correct member sends. The message changes nothing; the
/// member that sent it is broken, and an operator should know.
public enum PeerFault: UInt8, Equatable, Sendable {
    /// It leads a term that the receiver leads itself (Raft section 5.2: at most one does).
    case secondLeader
    /// It claims to hold entries that the term's leader never had.
    case claimBeyondLog
    /// It asks the leader to append what only a leader itself decides on.
    case foreignEntry
}

extension RaftMessage.Body {
    /// True for what only the leader of the message's term says.
    var isOfLeader: Bool {
        switch self {
        case .append, .heartbeat, .snapshotChunk: true
        case .preVoteRequest, .preVoteResponse, .voteRequest, .voteResponse, .appendResponse,
            .heartbeatResponse, .snapshotResponse, .timeoutNow, .forward, .readRequest,
            .readResponse:
            false
        }
    }
}

/// A request for a vote or a pre-vote (Raft section 5.2 and 5.4.1).
public struct VoteRequest: Equatable, Sendable {
    /// The candidate's last entry.
    public var last: SnapshotPoint
    /// The leader itself asked for this election; a live leader is then no reason to refuse.
    public var transfer: Bool

    /// Makes a request.
    public init(last: SnapshotPoint, transfer: Bool) {
        self.last = last
        self.transfer = transfer
    }
}

/// Entries for a follower's log (Raft section 5.3).
public struct AppendRequest: Equatable, Sendable {
    /// The entry before the first one sent.
    public var previous: SnapshotPoint
    /// The leader's commit index.
    public var commit: LogIndex
    /// Consecutive entries; empty for a probe.
    public var entries: [Entry]

    /// Makes a request.
    public init(previous: SnapshotPoint, commit: LogIndex, entries: [Entry]) {
        self.previous = previous
        self.commit = commit
        self.entries = entries
    }
}

/// What became of an append.
public enum AppendResponse: Equatable, Sendable {
    /// The follower's log equals the leader's up to here, durably.
    case matched(LogIndex)
    /// The follower has no entry equal to `previous`. The hint is the follower's last entry, or an
    /// earlier one, that could still match: none of its entries after the hint does.
    case rejected(previous: LogIndex, hint: SnapshotPoint)
}

/// A part of a snapshot on its way to a follower (Raft section 7).
public struct SnapshotChunk: Equatable, Sendable {
    /// What the whole stands for.
    public var point: SnapshotPoint
    /// Which part this is, from 0.
    public var number: Int
    /// How many parts there are, at least 1.
    public var count: Int
    /// The part.
    public var bytes: [UInt8]

    /// Makes a part.
    public init(point: SnapshotPoint, number: Int, count: Int, bytes: [UInt8]) {
        self.point = point
        self.number = number
        self.count = count
        self.bytes = bytes
    }
}

/// What became of a part of a snapshot.
public enum SnapshotResponse: Equatable, Sendable {
    /// The follower wants this part of the snapshot at this index next.
    case wants(number: Int, of: LogIndex)
    /// The follower's log reaches this index durably; no more parts are needed.
    case installed(LogIndex)
}

/// Names one linearizable read at the node that wants it; unique within a boot.
public struct ReadID: Hashable, Comparable, Sendable {
    /// The boot of the node that reads; an answer to an earlier boot is dropped.
    public var boot: Boot
    /// Counts up within the boot, from 1.
    public var sequence: UInt64

    /// Makes an id.
    public init(boot: Boot, sequence: UInt64) {
        self.boot = boot
        self.sequence = sequence
    }

    /// Orders by boot, then by sequence.
    public static func < (a: ReadID, b: ReadID) -> Bool {
        (a.boot, a.sequence) < (b.boot, b.sequence)
    }
}
