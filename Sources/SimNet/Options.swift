import Protocols

/// A named choice of what a run's options may be drawn from.
public enum Mix: String, CaseIterable, Sendable {
    /// Every fault may be on; each seed draws its own.
    case swarm
    /// No faults at all.
    case calm
    /// Faults of the network alone.
    case network
    /// Faults of the disks, with the crashes that bring them out.
    case disk
    /// Crashes, pauses and restarts alone.
    case crash
    /// As swarm, always through the real codecs.
    case bytes
    /// Three nodes and a crowd of 200 that only chats; nodes crash, are paused and are cut off.
    case hour
    /// Several clusters that are federated, each with faults of its own and cuts between them.
    case clusters
}

/// Which clients there are. Those of the seed are drawn; others do only what a plan orders.
public struct Load: Equatable, Sendable {
    /// How many clients act on orders alone; they have the first numbers.
    public var scripted = 0
    /// The drawn clients that take part, counted from 0 among the drawn; nil for all.
    public var only: [Int]?
    /// The most acts of each drawn client before the faults stop.
    public var operations = Int.max
    /// How many clients only chat, each in one room of twenty; 0 draws clients of all kinds.
    public var crowd = 0
    /// What the names of the clients' rooms begin with.
    public var rooms = "room"

    /// All drawn clients, and nobody else.
    public init() {}
}

/// What one seed drew: the size of the cluster, its times and limits, which faults and how often.
///
/// Chances are out of 65,536. An interval of zero between faults means that the fault is off.
public struct Options: Equatable, Sendable {
    /// What the options were drawn from.
    public var mix: Mix
    /// Virtual time of the whole run, the liveness phase not counted if it takes longer.
    public var duration = Interval.seconds(60)
    /// How long before the duration's end the faults stop.
    public var settling = Interval.seconds(10)
    /// How long the core may take to serve and converge once the faults have stopped.
    public var livenessBound = Interval.seconds(60)

    /// How many nodes there are.
    public var nodes = 3
    /// Consensus: times and limits, equal on all nodes.
    public var raft = RaftConfiguration()
    /// What shapes the replicated state, equal on all nodes.
    public var state = StateLimits()
    /// What bounds a node's own work, equal on all nodes.
    public var limits = NodeLimits()
    /// How many bytes of state one node allows itself, an operator's mistake; 0 when none does.
    public var crampedBytes = 0
    /// How many messages every other node is told to keep a room; 0 when none is told anything.
    public var shortHistory = 0
    /// How long those nodes are told to keep a message; zero: for ever.
    public var shortHistoryAge = Interval.zero
    /// The nodes are renewed one by one, to a version that speaks one more.
    public var upgrades = false
    /// Peers and clients speak through the real codecs.
    public var bytes = false
    /// The bytes at which a file of the log ends and the next begins.
    public var segmentBytes = 1 << 20
    /// Who asks for what.
    public var load = Load()
    /// What is left out.
    public var ablation = Ablation()

    /// The shortest way of a message from one node to another.
    public var latency = Interval.microseconds(200)
    /// How much longer than the shortest a message ordinarily takes.
    public var jitter = Interval.microseconds(400)
    /// The longest way of a message that is late beyond all measure.
    public var lateness = Interval.seconds(1)
    /// The chance that a message is lost.
    public var lossChance: UInt64 = 0
    /// The chance that a message comes twice.
    public var duplicateChance: UInt64 = 0
    /// The chance that a message overtakes those before it.
    public var reorderChance: UInt64 = 0
    /// The chance that a message is very late.
    public var lateChance: UInt64 = 0

    /// The chance that a broken member tells a leader what no correct one can, for each message.
    public var forgeChance: UInt64 = 0
    /// The chance that a client sends junk for a request or a handshake; through real bytes alone.
    public var garbageChance: UInt64 = 0
    /// The silence after which a client is pinged; through real bytes alone.
    public var pingInterval = EdgeLimits().pingInterval

    /// The shortest time of a write with its sync.
    public var diskLatency = Interval.microseconds(300)
    /// How much longer than the shortest a write ordinarily takes.
    public var diskJitter = Interval.milliseconds(2)
    /// The longest stall of a disk.
    public var diskStall = Interval.seconds(4)

    /// The most by which a clock runs fast or slow, in parts per million.
    public var clockDrift: Int64 = 0
    /// The most by which a tick comes late.
    public var tickLateness = Interval.microseconds(500)
    /// The longest pause of a process.
    public var pause = Interval.seconds(3)
    /// The longest time that a crashed node stays down.
    public var downtime = Interval.seconds(5)
    /// The longest time that a cut or a clog lasts.
    public var cut = Interval.seconds(6)

    /// The mean time between two faults of a kind, by the fault's number; zero when it is off.
    public var meanIntervals = [Interval](repeating: .zero, count: Fault.allCases.count)

    /// The mean time between two faults of this kind; zero when it is off.
    public subscript(fault: Fault) -> Interval {
        get { meanIntervals[Int(fault.rawValue)] }
        set { meanIntervals[Int(fault.rawValue)] = newValue }
    }

    /// Makes options without faults; `draw` makes those of a seed.
    public init(mix: Mix = .calm) { self.mix = mix }

    /// Draws the options of a seed.
    public static func draw(mix: Mix, seed: UInt64, duration: Interval) -> Options {
        var prng = Stream.options.prng(seed)
        var options = draw(mix: mix, from: &prng)
        options.duration = duration
        if mix == .hour { return options }
        var presence = Stream.presence.prng(seed)
        options.drawPresence(from: &presence)
        options.drawHistories(from: &presence)
        return options
    }

    /// Draws options.
    public static func draw(mix: Mix, from prng: inout Prng) -> Options {
        var options = Options(mix: mix)
        if mix == .hour {
            options.drawHour(from: &prng)
            return options
        }
        options.nodes = prng.chance(1, in: 10) ? 1 : prng.chance(1, in: 6) ? 5 : 3
        options.bytes = mix == .bytes || prng.chance(1, in: 8)
        options.drawTimes(from: &prng)
        options.drawLimits(from: &prng)
        if mix != .calm {
            if prng.chance(1, in: 10) { options.crampedBytes = 1 << prng.int(in: 10..<15) }
            options.upgrades = prng.chance(1, in: 5)
        }
        switch mix {
        case .calm, .hour: break
        case .clusters: options.drawOneOfClusters(from: &prng)
        case .network: options.drawNetworkFaults(from: &prng)
        case .disk:
            options.drawDiskFaults(from: &prng)
            options.drawCrashes(from: &prng, always: true)
        case .crash: options.drawCrashes(from: &prng, always: true)
        case .swarm, .bytes:
            if prng.chance(3, in: 4) { options.drawNetworkFaults(from: &prng) }
            if prng.chance(3, in: 4) { options.drawCrashes(from: &prng, always: false) }
            if prng.chance(1, in: 2) { options.drawDiskFaults(from: &prng) }
            if prng.chance(1, in: 2) { options.drawClockFaults(from: &prng) }
            if prng.chance(1, in: 8) { options[.wiped] = .seconds(40) }
            options.draw(.transfer, chance: 1, in: 3, from: &prng)
        }
        if options.bytes { options.drawWire(from: &prng) }
        if mix == .swarm || mix == .bytes, prng.chance(1, in: 10) {
            options.forgeChance = 1 << UInt64(prng.int(in: 0..<9))
        }
        return options
    }

    /// An hour of chat in a minute: every kind of fault several times, nothing else unusual.
    private mutating func drawHour(from prng: inout Prng) {
        nodes = 3
        load.crowd = 200
        drawTimes(from: &prng)
        downtime = .seconds(4)
        pause = .seconds(5)
        cut = .seconds(8)
        for fault in [Fault.crash, .crashMidStep, .pause, .partition] {
            self[fault] = .milliseconds(Int64(prng.int(in: 6_000..<12_000)))
        }
        self[.crashOfAll] = .seconds(25)
    }

    /// The faults within one cluster of several; a third of the clusters has a single node.
    private mutating func drawOneOfClusters(from prng: inout Prng) {
        nodes = prng.chance(1, in: 3) ? 1 : 3
        bytes = false
        upgrades = false
        crampedBytes = 0
        if prng.chance(1, in: 2) { drawNetworkFaults(from: &prng) }
        if prng.chance(1, in: 2) { drawCrashes(from: &prng, always: false) }
        if prng.chance(1, in: 4) { drawDiskFaults(from: &prng) }
        if prng.chance(1, in: 4) { drawClockFaults(from: &prng) }
        draw(.transfer, chance: 1, in: 3, from: &prng)
    }

    private mutating func drawWire(from prng: inout Prng) {
        if prng.chance(1, in: 2) {
            pingInterval = .milliseconds(Int64(prng.int(in: 1_000..<8_000)))
        }
        if mix != .calm, prng.chance(1, in: 2) { garbageChance = 1 << UInt64(prng.int(in: 7..<13)) }
    }

    private mutating func drawTimes(from prng: inout Prng) {
        let pace = Int64(prng.int(in: 60..<160))
        raft.heartbeat = .milliseconds(pace)
        raft.electionLower = .milliseconds(pace * Int64(prng.int(in: 3..<6)))
        raft.electionUpper =
            raft.electionLower + .milliseconds(pace * Int64(prng.int(in: 3..<6)))
        raft.diskStall = .milliseconds(Int64(prng.int(in: 600..<2_500)))
        latency = .microseconds(Int64(prng.int(in: 20..<1_000)))
        jitter = .microseconds(Int64(1 << prng.int(in: 4..<15)))
        diskLatency = .microseconds(Int64(prng.int(in: 20..<2_000)))
        diskJitter = .microseconds(Int64(1 << prng.int(in: 4..<14)))
        tickLateness = .microseconds(Int64(1 << prng.int(in: 0..<13)))
    }

    private mutating func drawLimits(from prng: inout Prng) {
        if prng.chance(2, in: 3) {
            limits.snapshotLogBytes = 1 << prng.int(in: 11..<18)
            raft.trailingBytes = prng.chance(1, in: 2) ? 0 : 1 << prng.int(in: 10..<16)
        }
        if prng.chance(1, in: 3) { raft.inflightCount = prng.int(in: 1..<9) }
        if prng.chance(1, in: 3) { raft.inflightBytes = 1 << prng.int(in: 9..<15) }
        if prng.chance(1, in: 3) { raft.appendBytes = 1 << prng.int(in: 8..<14) }
        if prng.chance(1, in: 4) { raft.uncommittedBytes = 1 << prng.int(in: 11..<16) }
        if prng.chance(1, in: 3) {
            state.historyCount = 1 << prng.int(in: 2..<8)
            state.historyBytes = 1 << prng.int(in: 11..<18)
            state.historyBlockBytes = 1 << prng.int(in: 8..<12)
        }
        if prng.chance(1, in: 4) {
            state.nodeSessionLife = .seconds(Int64(prng.int(in: 4..<15)))
            state.clientSessionLife = .seconds(Int64(prng.int(in: 3..<30)))
            state.clientSessions = prng.int(in: 3..<20)
        }
        if prng.chance(1, in: 4) { limits.pendingRequests = prng.int(in: 2..<30) }
        if prng.chance(1, in: 4) { limits.clientBacklog = 1 << prng.int(in: 9..<14) }
        if prng.chance(1, in: 3) { limits.applyBatch = prng.int(in: 1..<20) }
        if prng.chance(1, in: 2) { limits.checkpointEntries = UInt64(1 << prng.int(in: 2..<9)) }
        if prng.chance(1, in: 3) { limits.joinHistory = prng.int(in: 0..<20) }
        if prng.chance(1, in: 2) { segmentBytes = 1 << prng.int(in: 10..<17) }
    }

    /// How long members may be idle: here and there no longer than clients think. And how often
    /// they may ask.
    private mutating func drawPresence(from prng: inout Prng) {
        guard prng.chance(1, in: 4) else { return }
        limits.inactivityTimeout = .milliseconds(Int64(prng.int(in: 500..<4_000)))
        limits.cleanupInterval = .milliseconds(Int64(prng.int(in: 100..<2_000)))
        if prng.chance(1, in: 3) {
            limits.rateLimit = prng.int(in: 3..<20)
            limits.rateBurst = prng.int(in: 2..<20)
        }
    }

    /// Members that were told different limits, as in the middle of a change that goes from node to
    /// node.
    private mutating func drawHistories(from prng: inout Prng) {
        guard prng.chance(1, in: 5) else { return }
        shortHistory = 1 << prng.int(in: 2..<8)
        if prng.chance(1, in: 2) {
            shortHistoryAge = .milliseconds(Int64(prng.int(in: 1_000..<20_000)))
        }
    }

    /// What the node on this host is told of histories: every other one has them shorter.
    func toldHistory(_ host: Int) -> HistoryLimits? {
        guard shortHistory > 0 else { return nil }
        var told = state.history
        if host % 2 == 0 {
            told.count = min(told.count, shortHistory)
            told.age = shortHistoryAge
        }
        return told
    }

    private mutating func drawNetworkFaults(from prng: inout Prng) {
        if prng.chance(1, in: 2) { lossChance = 1 << UInt64(prng.int(in: 4..<14)) }
        if prng.chance(1, in: 2) { duplicateChance = 1 << UInt64(prng.int(in: 4..<14)) }
        if prng.chance(1, in: 2) { reorderChance = 1 << UInt64(prng.int(in: 4..<14)) }
        if prng.chance(1, in: 2) {
            lateChance = 1 << UInt64(prng.int(in: 3..<11))
            lateness = .milliseconds(Int64(1 << prng.int(in: 6..<13)))
        }
        cut = .milliseconds(Int64(prng.int(in: 500..<8_000)))
        for fault in [
            Fault.partition, .oneWayPartition, .partialPartition, .linkClogged, .linkReset,
            .clientReset, .clientUnreachable,
        ] {
            draw(fault, chance: 2, in: 5, from: &prng)
        }
    }

    private mutating func drawCrashes(from prng: inout Prng, always: Bool) {
        downtime = .milliseconds(Int64(prng.int(in: 50..<8_000)))
        pause = .milliseconds(Int64(prng.int(in: 200..<5_000)))
        for fault in [Fault.crash, .crashMidStep, .crashOfAll, .pause, .slowNode, .drain] {
            draw(fault, chance: 2, in: 5, from: &prng)
        }
        if always, self[.crash] == .zero { self[.crashMidStep] = .seconds(4) }
    }

    private mutating func drawDiskFaults(from prng: inout Prng) {
        diskStall = .milliseconds(Int64(prng.int(in: 300..<6_000)))
        for fault in [Fault.diskSlow, .diskStall, .syncFailed, .diskFull] {
            draw(fault, chance: 2, in: 5, from: &prng)
        }
        if prng.chance(1, in: 4) { self[.bitRot] = .seconds(30) }
        if prng.chance(1, in: 4) { self[.writeMisdirected] = .seconds(30) }
    }

    private mutating func drawClockFaults(from prng: inout Prng) {
        clockDrift = Int64(1 << prng.int(in: 4..<15))
        draw(.wallJump, chance: 2, in: 3, from: &prng)
    }

    private mutating func draw(
        _ fault: Fault, chance: UInt64, in denominator: UInt64, from prng: inout Prng
    ) {
        guard prng.chance(chance, in: denominator) else { return }
        self[fault] = .milliseconds(Int64(prng.int(in: 1_500..<25_000)))
    }
}

extension Options: CustomStringConvertible {
    /// All that differs from a calm run, `name=value` with one space between.
    public var description: String {
        var parts = ["mix=\(mix.rawValue)", "nodes=\(nodes)"]
        parts.append("heartbeat=\(raft.heartbeat.milliseconds)ms")
        parts.append(
            "election=\(raft.electionLower.milliseconds)-\(raft.electionUpper.milliseconds)ms")
        parts.append("latency=\(latency.nanoseconds / 1_000)+\(jitter.nanoseconds / 1_000)us")
        parts.append("disk=\(diskLatency.nanoseconds / 1_000)+\(diskJitter.nanoseconds / 1_000)us")
        if bytes { parts.append("bytes") }
        if upgrades { parts.append("upgrades") }
        if load.crowd > 0 { parts.append("crowd=\(load.crowd)") }
        let plainRaft = RaftConfiguration()
        let plainState = StateLimits()
        let plainLimits = NodeLimits()
        func add(_ name: String, _ value: Int, unless plain: Int) {
            if value != plain { parts.append("\(name)=\(value)") }
        }
        add("cramped", crampedBytes, unless: 0)
        add("loss", Int(lossChance), unless: 0)
        add("duplicate", Int(duplicateChance), unless: 0)
        add("reorder", Int(reorderChance), unless: 0)
        add("late", Int(lateChance), unless: 0)
        add("forged", Int(forgeChance), unless: 0)
        add("garbage", Int(garbageChance), unless: 0)
        add(
            "pingMilliseconds", Int(pingInterval.milliseconds),
            unless: Int(EdgeLimits().pingInterval.milliseconds))
        add("drift", Int(clockDrift), unless: 0)
        add("inflight", raft.inflightCount, unless: plainRaft.inflightCount)
        add("inflightBytes", raft.inflightBytes, unless: plainRaft.inflightBytes)
        add("appendBytes", raft.appendBytes, unless: plainRaft.appendBytes)
        add("uncommitted", raft.uncommittedBytes, unless: plainRaft.uncommittedBytes)
        add("trailing", raft.trailingBytes, unless: plainRaft.trailingBytes)
        add("snapshotLog", limits.snapshotLogBytes, unless: plainLimits.snapshotLogBytes)
        add("history", state.historyCount, unless: plainState.historyCount)
        add("clientSessions", state.clientSessions, unless: plainState.clientSessions)
        add("pending", limits.pendingRequests, unless: plainLimits.pendingRequests)
        add("backlog", limits.clientBacklog, unless: plainLimits.clientBacklog)
        add("applyBatch", limits.applyBatch, unless: plainLimits.applyBatch)
        add("inactivityMilliseconds", Int(limits.inactivityTimeout.milliseconds), unless: 0)
        add("rate", limits.rateLimit, unless: 0)
        add("shortHistory", shortHistory, unless: 0)
        for fault in Fault.allCases where self[fault] > .zero {
            parts.append("\(fault)=\(self[fault].milliseconds)ms")
        }
        let left = ablation.faults.map { "\($0)" } + ablation.checkers
        if !left.isEmpty { parts.append("without=" + left.joined(separator: ",")) }
        return parts.joined(separator: " ")
    }
}
