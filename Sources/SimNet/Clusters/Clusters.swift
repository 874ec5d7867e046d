import Protocols

/// Several federated clusters on one clock, driven by one seed.
///
/// ## Overview
/// Each cluster is a `World` of its own, with its hosts, disks, faults, clients and checkers. Always
/// the one whose event is next goes on. What a node calls in another cluster is carried there by
/// `ClusterCalls`, which loses, delays and doubles some of it and cuts clusters off for a while.
///
/// ## Function
/// The checkers of each cluster look at it alone; those of `ClusterCheckers` at all of them
/// together. When the faults have stopped, all clusters must come to one view of their rooms.
public struct Clusters: Sendable {
    /// What all is drawn from.
    public let seed: UInt64
    /// The clusters, in order of name.
    public private(set) var worlds: [World]
    /// The clusters' names.
    public let names: [ClusterName]
    /// How the run ended; nil before it has.
    public private(set) var verdict: Verdict?
    /// What calls do on their way.
    var calls: ClusterCalls
    private var checkers: ClusterCheckers
    private var now: Int64 = 0
    private let muted: [String]
    private var trace: [String]?
    /// When it is looked whether all have settled.
    private var lookAt: Int64

    /// Makes two or three clusters from a seed.
    public init(
        seed: UInt64, duration: Interval = .seconds(60), ablation: Ablation = Ablation()
    ) {
        self.seed = seed
        muted = ablation.checkers
        var prng = Stream.clusters.prng(seed)
        let count = prng.int(in: 2..<4)
        let names = (0..<count).map { ClusterName(["amber", "birch", "cedar"][$0]) }
        let times = Clusters.times(&prng)
        var settling = Interval.zero
        worlds = (0..<count).map { place in
            var own = Stream.cluster(place).prng(seed)
            let seed = own.next()
            var options = Options.draw(mix: .clusters, seed: seed, duration: duration)
            options.leaveOut(ablation)
            options.load.only = []
            // The checker of presence does not know which acts go on in other clusters.
            options.limits.inactivityTimeout = .zero
            settling = options.settling
            var federation = times
            federation.name = names[place]
            federation.peers = names.filter { $0 != names[place] }
            let nodes = (1...options.nodes).map { NodeID(UInt32($0)) }
            let visitors = (0..<own.int(in: 2..<4)).map { number in
                SimClient.visitor(
                    VisitorClient(
                        id: ClientID(number), user: "\(names[place].text)\(number)", nodes: nodes,
                        prng: Stream.visitor(number).prng(seed)))
            }
            return World(
                seed: seed, options: options, plan: Plan.draw(options, seed: seed), codecs: nil,
                visitors: visitors, abroad: Abroad(federation))
        }
        self.names = names
        let calm = max(duration - settling, .zero).nanoseconds
        calls = ClusterCalls(seed: seed, clusters: count, calmAt: calm)
        checkers = ClusterCheckers(names)
        lookAt = duration.nanoseconds
    }

    /// Short times, so that clusters fail and come back within a run.
    private static func times(_ prng: inout Prng) -> FederationConfiguration {
        func draw(_ lower: Int, _ upper: Int) -> Interval {
            .milliseconds(Int64(prng.int(in: lower..<upper)))
        }
        var times = FederationConfiguration()
        times.heartbeatInterval = draw(500, 2_000)
        times.heartbeatTimeout = draw(300, 1_000)
        times.callTimeout = draw(500, 2_000)
        times.listTimeout = draw(300, 1_000)
        times.voteTimeout = draw(500, 3_000)
        times.retryPause = draw(100, 400)
        return times
    }

    // MARK: Running

    /// Runs to the end.
    public mutating func run() -> RunResult {
        while advance() {}
        return result
    }

    /// What the run came to; call it when the run is over.
    public var result: RunResult {
        var statistics = Statistics()
        var digest = Digest()
        digest.combine(calls.digest.value)
        for world in worlds {
            let result = world.result
            statistics.add(result.statistics)
            digest.combine(result.digest)
        }
        for (name, count) in zip(ClusterCheckers.names, checkers.exercised) {
            statistics.checkers.append(Statistics.Count(name: name, count: UInt64(count)))
        }
        statistics.add(chat: UInt64(checkers.chatExercised))
        return RunResult(
            seed: seed, options: worlds[0].options, verdict: verdict ?? .held,
            simulated: Interval(nanoseconds: now), digest: digest.value, statistics: statistics)
    }

    /// Takes the next event of all; false when the run is over.
    public mutating func advance() -> Bool {
        guard verdict == nil else { return false }
        var place: Int?
        var time = min(calls.nextTime ?? .max, lookAt)
        for number in worlds.indices {
            guard let next = worlds[number].schedule.nextTime, next < time else { continue }
            time = next
            place = number
        }
        now = time
        if let place {
            let isOver = !worlds[place].advance()
            take(from: place)
            if isOver, verdict == nil { end(place) }
        } else if calls.nextTime.map({ $0 <= lookAt }) ?? false {
            carry()
        } else {
            look()
        }
        return verdict == nil
    }

    private mutating func end(_ place: Int) {
        switch worlds[place].verdict {
        case .violated(let violation):
            fail(Violation(violation.checker, "cluster \(names[place]): \(violation.message)"))
        case .stuck(let why): verdict = .stuck("cluster \(names[place]): \(why)")
        case .held, nil: preconditionFailure("a cluster stopped on its own")
        }
    }

    private mutating func fail(_ violation: Violation) {
        guard !muted.contains(violation.checker) else { return }
        if verdict == nil { verdict = .violated(violation) }
        trace?.append("VIOLATION \(violation.checker): \(violation.message)")
    }

    /// Shows the checkers what came of an event in a cluster, and takes what is for others.
    private mutating func take(from place: Int) {
        guard let abroad = worlds[place].abroad, !abroad.isEmpty else { return note(place) }
        worlds[place].abroad = Abroad(abroad.configuration)
        do throws(Violation) {
            for host in abroad.stepped {
                try checkers.applied(place, worlds[place].nodes[host].state)
            }
            for room in abroad.ended { try checkers.ends(place, room) }
            for (client, what) in abroad.observed {
                try checkers.observed(
                    ClientID(place * 16 + client), what, at: Instant(nanoseconds: now))
            }
            for case (_, _, .call(_, _, let call, _)) in abroad.said {
                try checkers.tells(place, call)
            }
        } catch {
            fail(error)
        }
        note(place)
        for host in abroad.crashed { calls.crashed(place, host, at: now) }
        for (host, life, effect) in abroad.said {
            switch effect {
            case .call(let id, let name, let call, let context):
                guard let to = names.firstIndex(of: name) else { continue }
                let caller = ClusterCalls.Caller(cluster: place, host: host, life: life, id: id)
                calls.send(
                    ClusterCalls.Letter(caller: caller, to: to, call: call, context: context),
                    at: now)
            case .answer(let id, let answer): calls.answer(id, answer, at: now)
            default: break
            }
        }
    }

    /// Does what is due among the calls.
    private mutating func carry() {
        switch calls.next(at: now, worlds) {
        case .ask(let letter, let incoming, let host):
            worlds[letter.to].post(
                .rpc(incoming, letter.call, letter.context), to: host,
                life: worlds[letter.to].hosts[host].life, at: now)
        case .tell(let caller, let result):
            worlds[caller.cluster].post(
                .called(caller.id, result), to: caller.host, life: caller.life, at: now)
        case .note(let text): trace?.append("\(Trace.time(now)) \(text)")
        case .nothing: break
        }
    }

    /// Looks whether all clusters have served their clients and come to one view.
    private mutating func look() {
        lookAt = now + Interval.milliseconds(50).nanoseconds
        let cores = worlds.map(\.convergedCore)
        let isServed = cores.allSatisfy { $0 != nil }
        let unsettled = checkers.unsettled
        guard isServed, unsettled == nil else {
            let options = worlds[0].options
            let bound = options.duration - options.settling + options.livenessBound
            guard now > bound.nanoseconds else { return }
            if isServed, let unsettled, !muted.contains("federation") {
                fail(Violation("federation", unsettled))
            } else if isServed {
                verdict = .held
            }
            return
        }
        for (place, core) in cores.enumerated() {
            worlds[place].finish(core ?? [])
            if worlds[place].verdict != .held { end(place) }
        }
        do throws(Violation) { try checkers.finished() } catch { fail(error) }
        if verdict == nil { verdict = .held }
    }

    // MARK: Trace

    /// Starts to write a trace; `takeTrace` hands over its lines.
    public mutating func beginTrace() {
        trace = []
        for place in worlds.indices { worlds[place].beginTrace() }
        for place in worlds.indices { note(place) }
    }

    /// The lines of the trace since the last call, each of a cluster's with its name.
    public mutating func takeTrace() -> [String] {
        guard let lines = trace else { return [] }
        trace = []
        return lines
    }

    private mutating func note(_ place: Int) {
        guard trace != nil else { return }
        trace? += worlds[place].takeTrace().map { "\(names[place]) \($0)" }
    }
}

extension Statistics {
    /// Adds what the checker of chat compared over all clusters to what it did in each.
    fileprivate mutating func add(chat count: UInt64) {
        guard let place = checkers.firstIndex(where: { $0.name == Chat.name }) else { return }
        checkers[place].count += count
    }
}
