import Protocols

/// Runs worlds to a rare moment, copies them there and tries many futures from the copies.
///
/// ## Overview
/// Two rare events in a row cost a plain search the product of their rarities. Here the way to the
/// first is paid once, and each future costs what is left of the run: with several moments, one
/// after the other, the costs add up (multilevel splitting: Villen-Altamirano, "RESTART", 1991).
///
/// ## Function
/// A future has its own streams of chance, its own mixture of faults as another seed would have
/// drawn it, and often a fault or two soon after the moment, as likely as not at the node where it
/// was: how soon is drawn evenly over all scales from 50 microseconds to 6 seconds, for a rare
/// moment is often short. The cluster, its times and its limits stay those of the seed. Each future is a plan with a `reseed` at the
/// moment, so a failure is an ordinary scenario.
public struct Brancher: Sendable {
    /// The moments, one after the other.
    public let points: [BranchPoint]
    /// How many futures a moment of each level gets.
    public let futures: [Int]
    /// The most moments of a level in one run that are branched at.
    public let perRun: Int
    /// A future that has not reached the next moment after this time is given up; nil to run each
    /// to its end.
    public let within: Interval?

    /// What came of one or more runs.
    public struct Outcome: Sendable {
        /// Runs begun: seeds, or scenarios.
        public var runs = 0
        /// Moments at which futures were tried, by level.
        public var moments: [Int]
        /// Futures begun.
        public var futures = 0
        /// Steps of nodes, shared pasts counted once.
        public var events: UInt64 = 0
        /// The fingerprints of all ends, in order.
        public var digest = Digest()
        /// The first failure.
        public var failure: (scenario: Scenario, result: RunResult)?

        /// Nothing yet, for so many levels.
        public init(levels: Int) { moments = Array(repeating: 0, count: levels) }
    }

    /// Makes a brancher; there must be a moment and a future. The last count of futures is for all
    /// levels beyond.
    public init(
        points: [BranchPoint], futures: [Int], perRun: Int = 1, within: Interval? = nil
    ) {
        precondition(!points.isEmpty && perRun > 0, "a branch needs a moment")
        precondition(!futures.isEmpty && futures.allSatisfy { $0 > 0 }, "a branch needs a future")
        self.points = points
        self.futures = points.indices.map { futures[min($0, futures.count - 1)] }
        self.perRun = perRun
        self.within = within
    }

    /// Runs one world with its branches; stops at the first failure.
    ///
    /// `about` is told what is run before it is, and what came of the rest so far, so that a future
    /// in which a machine traps is known; nil when nobody wants to know, for it takes its time.
    public func run(
        _ world: World, about: ((Scenario, Outcome) -> Void)? = nil
    ) -> Outcome {
        var outcome = Outcome(levels: points.count)
        outcome.runs = 1
        var world = world
        about?(world.scenario, outcome)
        explore(&world, level: 0, path: world.seed, about, into: &outcome)
        return outcome
    }

    /// Runs a world to its end and branches on the way.
    private func explore(
        _ world: inout World, level: Int, path: UInt64, _ about: ((Scenario, Outcome) -> Void)?,
        into outcome: inout Outcome
    ) {
        var begun = world.statistics.events
        var used: UInt64 = 0
        while level < points.count, used < perRun {
            // The first moment has the whole run to come.
            let patience = level > 0 ? within : nil
            let end = patience.map { world.now + $0.nanoseconds } ?? .max
            let isThere = advance(&world, to: points[level], until: end)
            outcome.events += world.statistics.events - begun
            begun = world.statistics.events
            if !isThere, world.now >= end, world.verdict == nil { return }
            guard isThere else { break }
            used += 1
            outcome.moments[level] += 1
            for future in 1...UInt64(futures[level]) {
                // Short enough to be read, and its own for each way there.
                var number = Prng(seed: path ^ future << 40 ^ used << 56)
                let name = number.next() >> 32
                var copy = world
                copy.branch(into: name)
                outcome.futures += 1
                about?(copy.scenario, outcome)
                explore(&copy, level: level + 1, path: name, about, into: &outcome)
                if outcome.failure != nil { return }
            }
            about?(world.scenario, outcome)
        }
        let result = world.run()
        outcome.events += world.statistics.events - begun
        outcome.digest.combine(result.digest)
        if result.verdict != .held { outcome.failure = (world.scenario, result) }
    }

    private func advance(
        _ world: inout World, to point: BranchPoint, until end: Int64
    ) -> Bool {
        let count = point.count(in: world)
        while world.advance() {
            guard world.phase == .chaos, world.now < end else { return false }
            if point.count(in: world) > count { return true }
        }
        return false
    }
}

extension World {
    /// Goes over to another future: other streams of chance, and other faults from now on.
    public mutating func branch(into future: UInt64) {
        // A moment at which nothing else is due: what comes before and after is plain.
        var at = Interval(nanoseconds: (now / 1_000 + 1) * 1_000)
        while schedule.isDue(at: at.nanoseconds) { at = at + .microseconds(1) }
        let fresh = Plan.future(
            future, of: options, seed: seed, after: at, at: moments.host)
        plan.strikes.removeSubrange(strikesDone...)
        plan.strikes.append(Strike(at: at, .reseed(future)))
        plan.strikes += fresh.strikes
        plan.ending = fresh.ending
        planEpoch &+= 1
        armStrike()
    }

    /// The run of this world from its beginning, written down.
    public var scenario: Scenario {
        var scenario = Scenario()
        scenario.seed = seed
        scenario.options = options.written
        scenario.plan = plan
        return scenario
    }
}

extension Plan {
    /// Draws what goes wrong in a future: as another seed would have it, and something soon.
    static func future(
        _ future: UInt64, of options: Options, seed: UInt64, after at: Interval, at host: Int
    ) -> Plan {
        let own = seed ^ future &* 0xD134_2543_DE82_EF95
        var drawn = options
        // A run that was written down has no mixture of its own.
        drawn.mix = options.mix == .calm ? .swarm : options.mix
        let other = Options.draw(mix: drawn.mix, seed: own, duration: options.duration)
        drawn.meanIntervals = other.meanIntervals
        drawn.pause = other.pause
        drawn.downtime = other.downtime
        drawn.cut = other.cut
        drawn.diskStall = other.diskStall
        var plan = Plan.draw(drawn, seed: own, after: at + .microseconds(1))
        plan.strikes = soon(drawn, seed: own, after: at, at: host) + plan.strikes
        plan.strikes = plan.strikes.enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element)
        return plan
    }
}
