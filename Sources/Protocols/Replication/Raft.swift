/// One member of one replicated log: elections, replication, snapshots, linearizable reads.
///
/// ## Overview
/// Raft after Ongaro's thesis ("Consensus: Bridging Theory and Practice", 2014), with pre-vote and
/// check-quorum (9.6, 6.2), leadership transfer (3.10), pipelining under limits by count and by
/// bytes (10.2.1), chunked snapshots (5) and ReadIndex (6.4).
///
/// ## Function
/// Entries are batched: a proposal asks for a tick at once (`deadline` is then not after `now`), and
/// that tick writes and sends all that gathered meanwhile. Ordering rules:
/// - `persist` effects complete in order; each completion covers all before it.
/// - A message that promises something durable is held back until every write that was put out
///   before it is durable (`Raft+Durability.swift`). Appends, heartbeats and rejections are not held.
/// - The leader counts itself only for what is durable on its own disk, and need not wait for its
///   own disk where a majority of the others has an entry.
///
/// What is committed is read off `commitIndex` after each step.
public struct Raft: Machine {
    /// What can happen to the member.
    public enum Event: Equatable, Sendable {
        /// The deadline has come.
        case tick
        /// A member sent a message.
        case message(NodeID, RaftMessage)
        /// Append this to the log; forwarded to the leader, or dropped when there is none. Nothing
        /// tells the proposer but the entry's appearance among the committed ones.
        case propose(EntryKind, payload: [UInt8])
        /// Find an index at which reading is linearizable.
        case read(ReadID)
        /// All writes up to this token are durable.
        case persisted(PersistToken)
        /// The snapshot of this token is durable.
        case snapshotSaved(PersistToken)
        /// The state at a committed, durable index, for compaction.
        case snapshotTaken(Snapshot)
        /// A link to the member was made anew; what was on its way is lost.
        case peerUp(NodeID)
        /// Hand leadership over: to the member, or to the best one.
        case transfer(NodeID?)
    }

    /// What the member wants done.
    public enum Effect: Equatable, Sendable {
        /// Send to a member; may be lost, doubled or reordered.
        case send(NodeID, RaftMessage)
        /// Make durable, in order.
        case persist(LogWrite, PersistToken)
        /// Make durable, on a lane of its own.
        case saveSnapshot(Snapshot, PersistToken)
        /// A durable snapshot stands for the log up to here.
        case compactLog(through: LogIndex)
        /// The state is replaced by a leader's snapshot; `commitIndex` is its index at least.
        case restore(Snapshot)
        /// The read is linearizable once this index is applied.
        case readReady(ReadID, LogIndex)
        /// The read was not confirmed; it may be asked for again.
        case readFailed(ReadID)
        /// The leader gave up its role, for its own disk does not complete writes.
        case diskStalled
        /// The member sent what no correct one sends; nothing came of it.
        case peerFaulty(NodeID, PeerFault)
    }

    /// The member's own id.
    public let id: NodeID
    /// The log it is about.
    public let group: GroupID
    /// Which start of the member this is; tokens and reads carry it.
    public let boot: Boot
    /// Times and limits.
    public let configuration: RaftConfiguration

    /// Who votes. Without voters the member is passive: it waits for `bootstrap`.
    public internal(set) var quorum: Quorum
    /// The latest term seen.
    public internal(set) var term: Term
    /// Whom it voted for in that term.
    public internal(set) var vote: NodeID?
    /// What it is in that term.
    public internal(set) var role: Role = .follower
    /// The leader of that term, once known.
    public internal(set) var leader: NodeID?
    /// The log.
    public internal(set) var log: RaftLog
    /// Everything up to here is committed; never goes back.
    public internal(set) var commitIndex: LogIndex
    /// The newest durable snapshot.
    public internal(set) var snapshot: Snapshot?

    // Waiting
    var prng: Prng
    var electionDeadline: Instant
    var lastLeaderContact: Instant?
    var flushAt: Instant?
    // Durability
    var durability: Durability
    var savingSnapshots: [SavingSnapshot] = []
    // Candidates
    var votes: SortedMap<NodeID, Bool> = [:]
    // Followers
    var incoming: IncomingSnapshot?
    // Leaders
    var progress: SortedMap<NodeID, Progress> = [:]
    var heartbeatAt: Instant
    var clock: LeaderClock
    var reads = LeaderReads()
    var handover: Handover?
    /// The bytes of entries that a leader took on and that are not committed; 0 in other roles. What
    /// it inherited does not count, for it may be committed without the leader knowing yet.
    public internal(set) var uncommittedBytes = 0

    /// Makes a member from what its disk holds.
    ///
    /// - Parameters:
    ///   - voters: the members, or none when the disk holds no membership yet.
    ///   - stampFloor: the stamp of the state in the snapshot, below which no stamp may fall.
    public init(
        id: NodeID, group: GroupID = .main, boot: Boot, voters: [NodeID], durable: DurableState,
        configuration: RaftConfiguration, stampFloor: ClusterTime, seed: UInt64, now: Instant
    ) {
        self.id = id
        self.group = group
        self.boot = boot
        self.configuration = configuration
        quorum = Quorum(voters)
        let start = durable.snapshot?.point ?? .zero
        log = RaftLog(start: start, entries: durable.entries)
        // A leader's snapshot may have become durable before the term in which it came.
        term = max(durable.hardState.term, log.lastTerm)
        vote = term == durable.hardState.term ? durable.hardState.vote : nil
        snapshot = durable.snapshot
        // The first membership is the same on every member, so its commitment needs no vote.
        commitIndex = start.index == .zero && !durable.entries.isEmpty ? LogIndex(1) : start.index
        prng = Prng(seed: seed)
        durability = Durability(durableIndex: log.lastIndex, unwritten: log.lastIndex.next)
        heartbeatAt = now
        clock = LeaderClock(floor: max(stampFloor, log.lastStamp ?? .zero), since: now)
        electionDeadline = now
        resetElectionTimer(now)
    }

    /// Gives a blank member its first entry, the same on every member, and thereby its voters.
    ///
    /// The entry counts as committed at once; the member speaks only when it is durable.
    public mutating func bootstrap(
        voters: [NodeID], entry: Entry, at now: Instant, into out: inout Outbox<Effect>
    ) {
        precondition(log.last == .zero && quorum.voters.isEmpty, "\(id) is bootstrapped already")
        quorum = Quorum(voters)
        term = max(term, entry.term)
        log.append(entry)
        commitIndex = entry.index
        durability.hardStateChanged = true
        resetElectionTimer(now)
        finishStep(now, into: &out)
    }

    /// Takes one event.
    public mutating func step(_ event: Event, at now: Instant, into out: inout Outbox<Effect>) {
        switch event {
        case .tick: onTick(now, into: &out)
        case .message(let sender, let message): onMessage(sender, message, now, into: &out)
        case .propose(let kind, let payload): onPropose(kind, payload, now, into: &out)
        case .read(let read): onRead(read, from: id, now, into: &out)
        case .persisted(let token): onPersisted(token, now, into: &out)
        case .snapshotSaved(let token): onSnapshotSaved(token, now, into: &out)
        case .snapshotTaken(let snapshot): onSnapshotTaken(snapshot, into: &out)
        case .peerUp(let peer): onPeerUp(peer, now, into: &out)
        case .transfer(let target): onTransfer(to: target, now, into: &out)
        }
        finishStep(now, into: &out)
    }

    /// The earliest of the election, heartbeat, transfer, disk and flush times.
    @inline(__always)
    public var deadline: Instant? {
        guard !quorum.voters.isEmpty else { return nil }
        var earliest = role == .leader ? heartbeatAt : electionDeadline
        if let flushAt { earliest = min(earliest, flushAt) }
        if role == .leader {
            if let handover { earliest = min(earliest, handover.deadline) }
            if let stall = durability.stallTime(configuration) { earliest = min(earliest, stall) }
        }
        return earliest
    }

    /// What the leader's clock shows; `nil` in other roles.
    public func clusterTime(at now: Instant) -> ClusterTime? {
        role == .leader ? clock.read(now) : nil
    }

    /// Feeds the whole state but configuration.
    public func digest(into digest: inout Digest) {
        digest.combine(term.rawValue)
        digest.combine(UInt64(vote?.rawValue ?? 0))
        digest.combine(UInt64(role.rawValue))
        digest.combine(UInt64(leader?.rawValue ?? 0))
        log.digest(into: &digest)
        digest.combine(commitIndex.rawValue)
        digest.combine(snapshot?.point.index.rawValue ?? 0)
        prng.digest(into: &digest)
        digest.combine(UInt64(bitPattern: electionDeadline.nanoseconds))
        durability.digest(into: &digest)
        for (peer, known) in votes {
            digest.combine(UInt64(peer.rawValue))
            digest.combine(known)
        }
        digest.combine(UInt64(bitPattern: heartbeatAt.nanoseconds))
        for (peer, known) in progress {
            digest.combine(UInt64(peer.rawValue))
            known.digest(into: &digest)
        }
        reads.digest(into: &digest)
        digest.combine(UInt64(handover?.target.rawValue ?? 0))
        digest.combine(handover?.asked ?? false)
        digest.combine(UInt64(bitPattern: flushAt?.nanoseconds ?? -1))
        digest.combine(UInt64(bitPattern: lastLeaderContact?.nanoseconds ?? -1))
        digest.combine(incoming?.point.index.rawValue ?? 0)
        digest.combine(incoming?.chunks.count ?? 0)
        for saving in savingSnapshots { digest.combine(saving.snapshot.point.index.rawValue) }
    }

    // MARK: Events that every role takes

    private mutating func onTick(_ now: Instant, into out: inout Outbox<Effect>) {
        if role == .leader {
            tickLeader(now, into: &out)
        } else if now >= electionDeadline, quorum.contains(id) {
            onElectionTimeout(now, into: &out)
        }
        if let due = flushAt, now >= due { flush(now, into: &out) }
    }

    private mutating func onMessage(
        _ sender: NodeID, _ message: RaftMessage, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard message.group == group, quorum.contains(sender), sender != id else { return }
        guard acceptTerm(of: message, from: sender, now, into: &out) else { return }
        if role == .leader, message.term == term, message.body.isOfLeader {
            refuse(sender, .secondLeader, into: &out)
            return
        }
        switch message.body {
        case .preVoteRequest(let request):
            onPreVoteRequest(request, term: message.term, from: sender, now, into: &out)
        case .preVoteResponse(let granted):
            onPreVoteResponse(granted, term: message.term, from: sender, now, into: &out)
        case .voteRequest(let request): onVoteRequest(request, from: sender, now, into: &out)
        case .voteResponse(let granted): onVoteResponse(granted, from: sender, now, into: &out)
        case .append(let request): onAppend(request, from: sender, now, into: &out)
        case .appendResponse(let response):
            onAppendResponse(response, from: sender, now, into: &out)
        case .heartbeat(let commit, let round):
            onHeartbeat(commit: commit, round: round, from: sender, now, into: &out)
        case .heartbeatResponse(let round):
            onHeartbeatResponse(round: round, from: sender, now, into: &out)
        case .snapshotChunk(let chunk): onSnapshotChunk(chunk, from: sender, now, into: &out)
        case .snapshotResponse(let response):
            onSnapshotResponse(response, from: sender, now, into: &out)
        case .timeoutNow: onTimeoutNow(now, into: &out)
        case .forward(let kind, let payload):
            onForward(kind, payload, from: sender, now, into: &out)
        case .readRequest(let read): onRead(read, from: sender, now, into: &out)
        case .readResponse(let read, let index):
            guard read.boot == boot else { return }
            out.emit(index.map { .readReady(read, $0) } ?? .readFailed(read))
        }
    }

    /// Takes no notice of a message that no correct member sends, but says so.
    func refuse(_ sender: NodeID, _ fault: PeerFault, into out: inout Outbox<Effect>) {
        out.mark(.faultyPeerRefused)
        out.emit(.peerFaulty(sender, fault))
    }

    /// Compares terms (Raft section 5.1); false when the message has been dealt with.
    private mutating func acceptTerm(
        of message: RaftMessage, from sender: NodeID, _ now: Instant, into out: inout Outbox<Effect>
    ) -> Bool {
        if message.term == term { return true }
        if message.term > term {
            switch message.body {
            case .preVoteRequest, .preVoteResponse(granted: true):
                return true
            case .voteRequest(let request) where !request.transfer && hearsLeader(now):
                // A member that was away must not depose a leader that a majority hears (6.2.3).
                out.mark(.voteRefusedLeaderAlive)
                return false
            case .append, .heartbeat, .snapshotChunk:
                becomeFollower(in: message.term, of: sender, now, into: &out)
            case .preVoteResponse, .voteRequest, .voteResponse, .appendResponse,
                .heartbeatResponse, .snapshotResponse, .timeoutNow, .forward, .readRequest,
                .readResponse:
                becomeFollower(in: message.term, of: nil, now, into: &out)
            }
            return true
        }
        switch message.body {
        case .append, .heartbeat, .snapshotChunk:
            // An old leader that hears only this member would otherwise never learn (6.2.3).
            out.mark(.oldLeaderToldOfHigherTerm)
            send(sender, .heartbeatResponse(round: 0), after: .term)
        case .preVoteRequest:
            send(sender, .preVoteResponse(granted: false), after: .term)
        case .voteRequest:
            send(sender, .voteResponse(granted: false), after: .term)
        case .forward, .readRequest:
            return true
        case .preVoteResponse, .voteResponse, .appendResponse, .heartbeatResponse,
            .snapshotResponse, .timeoutNow, .readResponse:
            break
        }
        return false
    }
}
