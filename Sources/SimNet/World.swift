import Protocols

/// A whole cluster with its network, disks, clocks and clients, driven by one seed.
///
/// ## Overview
/// A value: a copy is a branch with the same past. One event is taken from the schedule at a time
/// and handed to a node or a client; what comes out is performed as new events. What goes wrong
/// stands in the plan; every other choice is drawn from a stream of the seed that belongs to one
/// host, link, disk or client alone, so that a run can be repeated exactly and changed in one place.
///
/// ## Function
/// First comes chaos, in which safety is checked after each step. Then the faults stop for a
/// majority, the core, and stay for the rest: the core must elect, serve every client and reach
/// one state within bounded time.
public struct World: Sendable {
    /// Where the run stands.
    public enum Phase: Equatable, Sendable {
        /// Faults strike everywhere.
        case chaos
        /// A majority is left in peace.
        case settling
        /// It is over.
        case finished
    }

    /// What all is drawn from.
    public let seed: UInt64
    /// What the seed drew.
    public let options: Options
    /// What goes wrong when.
    public internal(set) var plan: Plan
    /// Virtual nanoseconds since the start.
    public internal(set) var now: Int64 = 0
    /// Where the run stands.
    public internal(set) var phase = Phase.chaos
    /// How the run ended; nil before it has.
    public internal(set) var verdict: Verdict?
    /// What happened how often.
    public internal(set) var statistics = Statistics()
    /// The rolling fingerprint of all events and effects.
    public internal(set) var digest = Digest()
    /// The nodes, in order of id; that of a host that is down is as it was.
    public internal(set) var nodes: [Node]

    /// What the streams of chance are drawn from: the seed, or the number of a branch.
    var streams: UInt64
    /// How many of the plan's strikes have struck.
    public internal(set) var strikesDone = 0
    /// Tells the strikes of this plan from those of the one before a branch.
    var planEpoch: UInt32 = 0
    /// Counts the times at which all cuts ended.
    var cutEpoch: UInt32 = 0
    /// What becomes of some messages.
    var rules: [ActiveRule] = []
    /// The hosts whose campaigns get through; nil for all.
    var candidates: [Int]?
    var candidatesUntil: Int64 = 0
    /// A message under way is forged: that the node finds fault with its sender is right.
    var isForging = false
    /// Rare moments, for whoever wants to branch there.
    public internal(set) var moments = Moments()
    /// By direction, as the network numbers them.
    var pathStreams: [Prng]
    /// By pair.
    var linkStreams: [Prng]
    var schedule = Schedule()
    var hosts: [Host]
    var network: Network
    var clients: [SimClient]
    var clientLinks: [ClientLink]
    var checkers: Checkers
    var messages = Pool<PeerMessage>(
        empty: .raft(RaftMessage(group: .main, term: .zero, body: .timeoutNow)))
    var requests = Pool<ClientRequest>(empty: .listRooms)
    var replies = Pool<ServerMessage>(empty: .failed(.unavailable))
    var segments = Pool<[UInt8]>(empty: [])
    var outbox = Outbox<NodeEffect>()
    var clientOutbox = Outbox<ClientEffect>()
    let codecs: ByteCodecs?
    /// Lines of the trace that were not taken yet; nil when there is none to be written.
    var trace: [String]?
    /// What clients that act on orders saw and nobody took yet; nil when nobody wants it.
    var observations: [(client: Int, what: Observation)]?
    /// How many messages met each strike that is a rule, skipped ones too, by the strike's number.
    public internal(set) var ruled: [Int] = []
    /// Gathers what a report is drawn from; nil when none is wanted.
    var recorder: Recorder?
    /// Connections of generations up to this one were there before the world began, and lead to
    /// nobody any more.
    var strangers: UInt32 = 0
    /// Stands in the place of the nodes, when a script drives disks and links; nil in a run.
    var probe: Probe?
    /// What goes to other clusters and comes from them; nil in a world of one cluster.
    var abroad: Abroad?
    /// What other clusters ask and answer.
    var foreign = Pool<NodeEvent>(empty: .tick)

    /// Makes the world of a seed, with drawn options.
    public init(
        seed: UInt64, mix: Mix = .swarm, duration: Interval = .seconds(60),
        codecs: ByteCodecs? = nil
    ) {
        self.init(
            seed: seed, options: Options.draw(mix: mix, seed: seed, duration: duration),
            codecs: codecs)
    }

    /// Makes a world of a seed with options of the caller's, and with the plan that these draw.
    public init(seed: UInt64, options: Options, codecs: ByteCodecs? = nil) {
        self.init(
            seed: seed, options: options, plan: Plan.draw(options, seed: seed), codecs: codecs)
    }

    /// Makes a world of a seed in which goes wrong what the plan says and nothing else.
    public init(seed: UInt64, options: Options, plan: Plan, codecs: ByteCodecs? = nil) {
        self.init(
            seed: seed, options: options, plan: plan, codecs: codecs, visitors: [], abroad: nil)
    }

    /// Makes the world of a cluster among others, with clients of theirs besides its own.
    init(
        seed: UInt64, options: Options, plan: Plan, codecs: ByteCodecs?, visitors: [SimClient],
        abroad: Abroad?
    ) {
        precondition((1...15).contains(options.nodes), "a cluster has 1 to 15 nodes")
        self.seed = seed
        self.options = options
        self.plan = plan
        self.codecs = codecs
        streams = seed
        self.abroad = abroad
        clients = Workload.draw(options, plan, seed: seed) + visitors
        let firstVisitor = clients.count - visitors.count
        clientLinks = clients.indices.map {
            // By the client's own number: orders for one client more move no other.
            let number = $0 - options.load.scripted
            let isDrawn = number >= 0 && $0 < firstVisitor
            return ClientLink(
                isMuted: isDrawn && options.load.only?.contains(number) == false,
                prng: Stream.clientLink(number).prng(seed))
        }
        network = Network(options)
        checkers = Checkers(drift: options.clockDrift, muted: options.ablation.checkers)
        let clientCount = clients.count
        hosts = (0..<options.nodes).map { World.host($0, options, clientCount, seed) }
        let members = hosts.map(\.id)
        nodes = hosts.map { World.blankNode($0, members) }
        // A pair has the same number in every cluster, for a smaller one must not change it.
        let pairs = (0..<options.nodes * options.nodes).map {
            $0 / options.nodes * 16 + $0 % options.nodes
        }
        pathStreams = pairs.map { Stream.path($0).prng(seed) }
        linkStreams = pairs.map { Stream.link($0).prng(seed) }
        begin()
    }

    private static func host(
        _ number: Int, _ options: Options, _ clients: Int, _ seed: UInt64
    ) -> Host {
        var prng = Stream.host(number).prng(seed)
        var drift: Int64 = 0
        if options.clockDrift > 0 {
            let reach = Int(options.clockDrift)
            drift = Int64(prng.int(in: -reach..<reach + 1))
        }
        let clock = HostClock(
            drift: drift, offset: Int64(prng.below(1 << 50)),
            wallOffset: 1_750_000_000_000_000_000 + Int64(prng.below(10_000_000_000)))
        return Host(
            id: NodeID(UInt32(number + 1)), clock: clock,
            incarnation: Incarnation(prng.next()),
            connected: Array(repeating: 0, count: clients),
            downtime: .seconds(1), ticks: Stream.ticks(number).prng(seed),
            writes: Stream.disk(number).prng(seed), fate: Stream.fate(number).prng(seed))
    }

    /// What stands for a node that was never started.
    private static func blankNode(_ host: Host, _ members: [NodeID]) -> Node {
        let configuration = NodeConfiguration(
            id: host.id, members: members, incarnation: host.incarnation, boot: Boot(0), seed: 0)
        do throws(StartRefusal) {
            return try Node(configuration, durable: DurableState(), now: .zero)
        } catch {
            preconditionFailure("an empty disk is refused: \(error)")
        }
    }

    private mutating func begin() {
        digest.combine(seed)
        if options.crampedBytes > 0 {
            var prng = Stream.cramped.prng(seed)
            hosts[prng.int(in: 0..<hosts.count)].isCramped = true
        }
        for host in hosts.indices {
            if hosts[host].clock.drift != 0 { statistics.count(.clockDrift) }
            let delay = hosts[host].ticks.interval(from: .zero, to: .milliseconds(300))
            push(.restart, after: delay, host: host)
        }
        for client in clients.indices { armClient(client, clients[client].deadline) }
        armStrike()
        let chaos = options.duration - options.settling
        push(.liveness, after: max(chaos, .zero))
    }

    // MARK: Running

    /// Runs to the end.
    public mutating func run() -> RunResult {
        while advance() {}
        return result
    }

    /// What the run came to; call it when the run is over.
    public var result: RunResult {
        var statistics = statistics
        statistics.checkers = checkers.exercised.map {
            Statistics.Count(name: $0.name, count: UInt64($0.count))
        }
        return RunResult(
            seed: seed, options: options, verdict: verdict ?? .held,
            simulated: Interval(nanoseconds: now), digest: digest.value, statistics: statistics)
    }

    /// Takes one event; false when the run is over.
    public mutating func advance() -> Bool {
        guard verdict == nil, let event = schedule.pop() else { return false }
        now = event.time
        if event.kind.isForHost {
            arrive(event)
        } else {
            happen(event)
        }
        if recorder != nil { recordTurn(event) }
        return verdict == nil
    }

    /// Starts to write a trace; `takeTrace` hands over its lines.
    public mutating func beginTrace() {
        trace = ["seed \(seed): \(options)"]
    }

    /// The lines of the trace since the last call.
    public mutating func takeTrace() -> [String] {
        guard let lines = trace else { return [] }
        trace = []
        return lines
    }

    /// What clients that act on orders saw since the last call, from the first call on.
    mutating func takeObservations() -> [(client: Int, what: Observation)] {
        let seen = observations ?? []
        observations = []
        return seen
    }

    private mutating func happen(_ event: Scheduled) {
        let host = Int(event.host)
        switch event.kind {
        case .wake: wake(host)
        case .linkTry: tryLink(host, Int(event.other))
        case .peerFlush: flushPeer(host, Int(event.other), event.epoch)
        case .logWritten: onLogWritten(host, event)
        case .snapshotWritten: onSnapshotWritten(host, event)
        case .wallSecond: onWallSecond(host, event)
        case .clientOpened, .clientMessage, .serverBytes, .clientClosed, .clientWake, .clientDrain:
            onClientEvent(event)
        case .nemesis: onStrike(event)
        case .restart: start(host)
        case .heal: heal(event)
        case .ambush: onAmbush(host, event)
        case .liveness: settle()
        case .checkConverged: checkConverged()
        case .tick, .peerUp, .peerDown, .peerMessage, .peerBytes, .persisted, .snapshotSaved,
            .clientConnect, .clientRequest, .clientBytes, .clientGone, .backlog, .edgeTick,
            .wallClock, .drain, .transfer, .foreign:
            preconditionFailure("\(event.kind) is for a host")
        }
    }

    /// Goes over to other streams of chance: what comes now is another future of the same past.
    mutating func reseed(_ future: UInt64) {
        streams = seed ^ future &* 0x9FB2_1C65_1E98_DF25
        for host in hosts.indices {
            hosts[host].ticks = Stream.ticks(host).prng(streams)
            hosts[host].writes = Stream.disk(host).prng(streams)
            hosts[host].fate = Stream.fate(host).prng(streams)
        }
        for path in pathStreams.indices {
            let pair = path / hosts.count * 16 + path % hosts.count
            pathStreams[path] = Stream.path(pair).prng(streams)
            linkStreams[path] = Stream.link(pair).prng(streams)
        }
        for client in clients.indices {
            clientLinks[client].prng = Stream.clientLink(client).prng(streams)
            clients[client].reseed(Stream.client(client).prng(streams))
        }
    }

    // MARK: Helpers

    /// Schedules an event `delay` from now.
    mutating func push(
        _ kind: ScheduledKind, after delay: Interval = .zero, host: Int = 0, other: Int = 0,
        payload: UInt32 = 0, epoch: UInt32 = 0
    ) {
        push(
            kind, at: now + delay.nanoseconds, host: host, other: other, payload: payload,
            epoch: epoch)
    }

    /// Schedules an event at a time of the world.
    @inline(__always)
    mutating func push(
        _ kind: ScheduledKind, at time: Int64, host: Int = 0, other: Int = 0,
        payload: UInt32 = 0, epoch: UInt32 = 0
    ) {
        schedule.push(
            Scheduled(
                time: time, kind: kind, host: UInt8(truncatingIfNeeded: host),
                other: UInt16(truncatingIfNeeded: other), payload: payload, epoch: epoch))
    }

    /// An interval between the two, drawn from the stream of a pair of hosts.
    mutating func draw(link a: Int, _ b: Int, _ lower: Interval, _ upper: Interval) -> Interval {
        linkStreams[network.link(a, b)].interval(from: lower, to: upper)
    }

    /// An interval between the two, drawn from the stream of a client's connection.
    mutating func draw(client: Int, _ lower: Interval, _ upper: Interval) -> Interval {
        clientLinks[client].prng.interval(from: lower, to: upper)
    }

    /// The run is over: a checker saw something.
    mutating func fail(_ violation: Violation) {
        guard !checkers.isMuted(violation.checker) else { return }
        if verdict == nil { verdict = .violated(violation) }
        note { _ in "VIOLATION \(violation.checker): \(violation.message)" }
    }

    /// Adds a line to the trace, if there is one.
    mutating func note(_ line: (World) -> String) {
        guard trace != nil || recorder != nil else { return }
        let text = line(self)
        trace?.append("\(Trace.time(now)) \(text)")
        recorder?.tell(-1, .note, text, at: now)
    }
}
