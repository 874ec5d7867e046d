import Protocols

/// A whole cluster with its network, disks, clocks and clients, driven by one seed.
///
/// ## Overview
/// A value: a copy is a branch with the same past. One event is taken from the schedule at a time
/// and handed to a node or a client; what comes out is performed as new events. Every choice is
/// drawn from the seed, so that a run can be repeated exactly.
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

    var prng: Prng
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
    let segmentLimit: Int
    /// Lines of the trace that were not taken yet; nil when there is none to be written.
    var trace: [String]?

    /// Makes the world of a seed, with drawn options.
    public init(
        seed: UInt64, mix: Mix = .swarm, duration: Interval = .seconds(60),
        codecs: ByteCodecs? = nil
    ) {
        var prng = Prng(seed: seed ^ 0x5EED_5EED)
        var options = Options.draw(mix: mix, from: &prng)
        options.duration = duration
        self.init(seed: seed, options: options, codecs: codecs)
    }

    /// Makes a world of a seed with options of the caller's.
    public init(seed: UInt64, options: Options, codecs: ByteCodecs? = nil) {
        precondition((1...15).contains(options.nodes), "a cluster has 1 to 15 nodes")
        var prng = Prng(seed: Prng(seed: seed).seedOfWorld)
        self.seed = seed
        self.options = options
        self.codecs = codecs
        segmentLimit = prng.chance(1, in: 2) ? 1 << 20 : 1 << prng.int(in: 10..<17)
        clients = Workload.draw(options, &prng)
        clientLinks = clients.map { _ in ClientLink() }
        network = Network(options)
        checkers = Checkers()
        let clientCount = clients.count
        hosts = (0..<options.nodes).map { World.host($0, options, clientCount, &prng) }
        let members = hosts.map(\.id)
        nodes = hosts.map { World.blankNode($0, members) }
        self.prng = prng
        begin()
    }

    private static func host(
        _ number: Int, _ options: Options, _ clients: Int, _ prng: inout Prng
    ) -> Host {
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
            connected: Array(repeating: 0, count: clients))
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
        if options.crampedBytes > 0 { hosts[prng.int(in: 0..<hosts.count)].isCramped = true }
        for host in hosts.indices {
            if hosts[host].clock.drift != 0 { statistics.count(.clockDrift) }
            push(.restart, after: draw(.zero, .milliseconds(300)), host: host)
        }
        for client in clients.indices { armClient(client) }
        for fault in Fault.allCases where options[fault] > .zero { scheduleFault(fault) }
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
        case .nemesis: strike(event)
        case .restart: start(host)
        case .heal: heal(event)
        case .ambush: onAmbush(host, event)
        case .liveness: settle()
        case .checkConverged: checkConverged()
        case .tick, .peerUp, .peerDown, .peerMessage, .peerBytes, .persisted, .snapshotSaved,
            .clientConnect, .clientRequest, .clientBytes, .clientGone, .backlog, .wallClock, .drain:
            preconditionFailure("\(event.kind) is for a host")
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

    /// An interval between the two.
    mutating func draw(_ lower: Interval, _ upper: Interval) -> Interval {
        prng.interval(from: lower, to: upper)
    }

    /// The run is over: a checker saw something.
    mutating func fail(_ violation: Violation) {
        if verdict == nil { verdict = .violated(violation) }
        note { _ in "VIOLATION \(violation.checker): \(violation.message)" }
    }

    /// Adds a line to the trace, if there is one.
    mutating func note(_ line: (World) -> String) {
        guard trace != nil else { return }
        let text = line(self)
        trace?.append("\(Trace.time(now)) \(text)")
    }
}

extension Prng {
    /// Where a world's own random numbers start, apart from those of its options.
    fileprivate var seedOfWorld: UInt64 {
        var copy = self
        return copy.next() ^ 0x0057_4F52_4C44
    }
}
