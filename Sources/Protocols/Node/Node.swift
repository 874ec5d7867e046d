/// One node: consensus, replicated state, its clients' requests and their fan-out, in one machine.
///
/// ## Overview
/// A client's request becomes a command in the node's own exactly-once session and is proposed to
/// the replicated log until its outcome is known, here or on any other leader. Every node applies
/// every entry; the node where the request arrived answers it when it applies it, and each node
/// tells its own members of the room.
///
/// ## Function
/// Nothing is answered before it is committed on a majority. A restarted node applies its log again
/// and says nothing, for it has no connections. Ordering rules stand at `NodeEffect`.
public struct Node: Machine {
    /// What it was told at its start.
    public let configuration: NodeConfiguration
    /// Consensus.
    public internal(set) var raft: Raft
    /// What entries apply to.
    public internal(set) var state: ReplicatedState
    /// Why the node stopped deciding, if it did.
    public internal(set) var halted: HaltReason?
    /// The earliest of consensus's, the requests' and upkeep's times, after each step.
    public private(set) var deadline: Instant?

    var peering: Peering
    var requests = Requests()
    var fanOut = FanOut()
    var federation: Federation
    /// The node's exactly-once session, once it is open.
    var session: SessionID?
    var upkeep: Upkeep
    var prng: Prng
    var wall = WallReading()
    /// Scratch space, empty between steps; kept for its storage.
    var raftOut = Outbox<Raft.Effect>()
    var stateEffects: [StateEffect] = []

    /// Makes a node from what its disk holds; throws when the disk's content is not this node's.
    public init(
        _ configuration: NodeConfiguration, durable: DurableState, now: Instant
    ) throws(StartRefusal) {
        precondition(configuration.members.contains(configuration.id), "a node is a member")
        self.configuration = configuration
        state = try Node.state(of: durable, configuration)
        let founders = try Node.founders(state, durable)
        try Node.check(founders, against: configuration)
        var prng = Prng(seed: configuration.seed)
        raft = Raft(
            id: configuration.id, boot: configuration.boot, voters: founders.map(\.id),
            durable: durable, configuration: configuration.raft, stampFloor: state.stamp,
            seed: prng.next(), now: now)
        self.prng = prng
        peering = Peering(configuration, founders: founders)
        upkeep = Upkeep(now)
        federation = Federation(configuration.federation, now)
        if founders.isEmpty, configuration.members.count == 1 { upkeep.foundAlone = true }
        deadline = nextDeadline
    }

    /// How many requests of clients wait for an answer.
    public var pendingCount: Int {
        requests.commands.count + requests.reads.count + federation.waitingCount
    }
    /// The bytes of the commands among them.
    public var pendingBytes: Int { requests.bytes }
    /// The identity of the cluster, once it has begun.
    public var cluster: ClusterID? { peering.cluster }
    /// True when the node can serve: the cluster has a leader and the node a session.
    public var isReady: Bool { session != nil && raft.leader != nil && !upkeep.isDraining }
    /// The members that were not heard yet on this node's first start.
    public var missingMembers: [NodeID] { peering.founders.isEmpty ? peering.missing : [] }
    /// The members whose links are up and who are listened to.
    public var connectedMembers: [NodeID] { peering.accepted }
    /// The bytes that wait for a client, as the driver last said; `nil` when it is not connected.
    public func backlog(of connection: ConnectionID) -> Int? {
        fanOut.clients[connection]?.backlog
    }

    /// Takes one event.
    public mutating func step(
        _ event: NodeEvent, at now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard halted == nil else { return }
        let before = Standing(raft)
        switch event {
        case .tick: onTick(now, into: &out)
        case .peerUp(let peer): out.emit(.send(peer, .hello(peering.hello)))
        case .peerDown(let peer): peering.forget(peer)
        case .peer(let peer, .hello(let hello)): onHello(hello, from: peer, now, into: &out)
        case .peer(let peer, .raft(let message)):
            if peering.accepts(peer) { drive(.message(peer, message), now, into: &out) }
        case .persisted(let token): drive(.persisted(token), now, into: &out)
        case .snapshotSaved(let token): drive(.snapshotSaved(token), now, into: &out)
        case .connected(let connection): onConnected(connection, now, into: &out)
        case .request(let connection, let request):
            onRequest(request, from: connection, now, into: &out)
        case .disconnected(let connection): onDisconnected(connection, now, into: &out)
        case .backlog(let connection, let bytes):
            onBacklog(bytes, of: connection, now, into: &out)
        case .wallClock(let reading): wall = WallReading(time: reading, at: now)
        case .rpc(let id, let call, let context):
            onIncoming(id, call, context, now, into: &out)
        case .called(let id, let result): onCalled(id, result, now, into: &out)
        case .drain: onDrain(now, into: &out)
        case .transfer(let target): drive(.transfer(target), now, into: &out)
        }
        settle(since: before, now, into: &out)
        federate(now, into: &out)
        deadline = nextDeadline
    }

    @inline(__always)
    private var nextDeadline: Instant? {
        guard halted == nil else { return nil }
        var earliest = upkeep.deadline(isLeader: raft.role == .leader)
        if let time = raft.deadline { earliest = min(earliest, time) }
        if let time = requests.deadline { earliest = min(earliest, time) }
        if let time = federation.wakeAt { earliest = min(earliest, time) }
        return earliest
    }

    /// Feeds the whole state.
    public func digest(into digest: inout Digest) {
        raft.digest(into: &digest)
        state.digest(into: &digest)
        peering.digest(into: &digest)
        requests.digest(into: &digest)
        fanOut.digest(into: &digest)
        federation.digest(into: &digest)
        digest.combine(session?.rawValue ?? 0)
        prng.digest(into: &digest)
        digest.combine(halted == nil)
    }

    // MARK: Consensus

    /// Steps consensus and carries its effects out.
    mutating func drive(_ event: Raft.Event, _ now: Instant, into out: inout Outbox<NodeEffect>) {
        raft.step(event, at: now, into: &raftOut)
        collect(now, into: &out)
    }

    private mutating func collect(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        out.merge(raftOut.marks)
        for position in raftOut.effects.indices {
            switch raftOut.effects[position] {
            case .send(let peer, let message):
                if peering.accepts(peer) { out.emit(.send(peer, .raft(message))) }
            case .persist(let write, let token): out.emit(.persist(write, token))
            case .saveSnapshot(let snapshot, let token): out.emit(.saveSnapshot(snapshot, token))
            case .compactLog(let index): out.emit(.compactLog(through: index))
            case .restore(let snapshot): restore(snapshot, now, into: &out)
            case .readReady(let read, let index):
                requests.updateRead(read.sequence) { $0.index = index }
            case .readFailed:
                // It is asked again when a leader is known, or after a while: see `readsToAsk`.
                break
            case .diskStalled: out.emit(.note(.diskStalled))
            case .peerFaulty(let peer, let fault): out.emit(.note(.peerFaulty(peer, fault)))
            }
        }
        raftOut.removeAll()
    }

    /// After every event: applies what is committed, then does what has become possible by it.
    private mutating func settle(
        since before: Standing, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard halted == nil else { return }
        if upkeep.foundAlone { found(peering.blankFounders, now, into: &out) }
        applyCommitted(now, into: &out)
        guard halted == nil else { return }
        if upkeep.mustPropose {
            upkeep.mustPropose = false
            // Not while the effects of consensus are gone through, for these may add to them.
            answerJoinsInState(now, into: &out)
            answerRemembered(now, into: &out)
            proposePending(before: now, now, into: &out)
        }
        let standing = Standing(raft)
        if standing != before {
            out.emit(.note(.roleChanged(standing.role, standing.term, leader: standing.leader)))
            if standing.leader != nil { proposePending(before: now, now, into: &out) }
        }
        answerReads(now, into: &out)
    }

    // MARK: Peers

    private mutating func onHello(
        _ hello: PeerHello, from peer: NodeID, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        switch peering.hear(hello, from: peer) {
        case .accepted: drive(.peerUp(peer), now, into: &out)
        case .waiting: out.emit(.note(.waitingForMembers(peering.missing)))
        case .refused(let refusal):
            out.mark(.foreignPeerRefused)
            out.emit(.note(.peerRefused(peer, refusal)))
        case .founded(let founders):
            out.mark(hello.founders.isEmpty ? .bootstrapped : .membershipAdopted)
            found(founders, now, into: &out)
        case .wiped(let cluster):
            out.mark(.wipedNodeRefused)
            halt(.wiped(cluster: cluster), into: &out)
        }
    }

    /// The cluster begins with these founders: its first entry, the same on all of them.
    private mutating func found(
        _ founders: [Member], _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        upkeep.foundAlone = false
        // The first entry is the same whichever binary writes it; a later entry raises the version.
        let payload = MembershipPayload(members: founders, clusterVersion: 1)
        let entry = Entry(
            index: LogIndex(1), term: Term(1), stamp: .zero, kind: .membership,
            payload: payload.encoded())
        let accepted = peering.begin(with: founders)
        raft.bootstrap(voters: founders.map(\.id), entry: entry, at: now, into: &raftOut)
        collect(now, into: &out)
        out.emit(.note(.bootstrapped(ClusterID(founders: founders))))
        for (peer, _) in peering.hellos { out.emit(.send(peer, .hello(peering.hello))) }
        for peer in accepted { drive(.peerUp(peer), now, into: &out) }
    }

    /// Stops deciding.
    mutating func halt(_ reason: HaltReason, into out: inout Outbox<NodeEffect>) {
        halted = reason
        out.emit(.halt(reason))
    }
}

/// What of consensus an operator is told when it changes.
struct Standing: Equatable, Sendable {
    var role: Role
    var term: Term
    var leader: NodeID?

    init(_ raft: Raft) {
        role = raft.role
        term = raft.term
        leader = raft.leader
    }
}

/// The wall clock as last told, carried on by the monotonic one.
struct WallReading: Equatable, Sendable {
    var time = WallTime(milliseconds: 0)
    var at = Instant.zero

    func read(_ now: Instant) -> WallTime {
        WallTime(milliseconds: time.milliseconds + (now - at).milliseconds)
    }
}
