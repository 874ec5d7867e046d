import Protocols

/// Runs seeds to a rare moment, copies the world there and tries many futures from the copy.
///
/// ## Overview
/// Two rare events in a row cost a plain search the product of their rarities. Here the way to the
/// first is paid once, and each future costs what is left of the run: with several moments, one
/// after the other, the costs add up (importance splitting: Villen-Altamirano, "RESTART", 1991).
///
/// Each future is a plan with a `reseed` at the moment, so a failure is an ordinary scenario.
public struct Brancher: Sendable {
    /// The moments, one after the other.
    public let points: [BranchPoint]
    /// How many futures each moment gets.
    public let futures: Int
    /// The most moments of a kind in one run that are branched at.
    public let perRun: Int

    /// What came of one or more seeds.
    public struct Outcome: Sendable {
        /// Seeds begun.
        public var seeds = 0
        /// Moments at which futures were tried, by level.
        public var moments: [Int] = []
        /// Futures that were run to their end.
        public var futures = 0
        /// Steps of nodes, shared pasts counted once.
        public var events: UInt64 = 0
        /// The first failure.
        public var failure: (scenario: Scenario, result: RunResult)?

        /// Nothing yet.
        public init() {}
    }

    /// Makes a brancher; there must be a moment and a future.
    public init(points: [BranchPoint], futures: Int, perRun: Int = 1) {
        precondition(!points.isEmpty && futures > 0 && perRun > 0, "a branch needs a future")
        self.points = points
        self.futures = futures
        self.perRun = perRun
    }

    /// Runs one seed with its branches; stops at the first failure.
    public func run(
        seed: UInt64, mix: Mix, duration: Interval, codecs: ByteCodecs?, into outcome: inout Outcome
    ) {
        outcome.seeds += 1
        if outcome.moments.isEmpty { outcome.moments = points.map { _ in 0 } }
        var world = World(seed: seed, mix: mix, duration: duration, codecs: codecs)
        explore(&world, level: 0, path: seed, into: &outcome)
    }

    /// Runs a world to its end and branches on the way.
    private func explore(
        _ world: inout World, level: Int, path: UInt64, into outcome: inout Outcome
    ) {
        var begun = world.statistics.events
        var used = 0
        while level < points.count, used < perRun {
            let isThere = advance(&world, to: points[level])
            outcome.events += world.statistics.events - begun
            begun = world.statistics.events
            guard isThere else { break }
            used += 1
            outcome.moments[level] += 1
            for future in 1...UInt64(futures) {
                var number = Prng(seed: path ^ future << 40 ^ UInt64(used) << 56)
                let name = number.next() >> 32
                var copy = world
                copy.branch(into: name)
                explore(&copy, level: level + 1, path: name, into: &outcome)
                if outcome.failure != nil { return }
            }
        }
        let result = world.run()
        outcome.events += world.statistics.events - begun
        if level > 0 { outcome.futures += 1 }
        if result.verdict != .held, outcome.failure == nil {
            outcome.failure = (world.scenario, result)
        }
    }

    private func advance(_ world: inout World, to point: BranchPoint) -> Bool {
        var count = point.count(in: world)
        while world.advance() {
            guard world.phase == .chaos else { return false }
            let present = point.count(in: world)
            guard present > count else { continue }
            if point.isWanted(in: world) { return true }
            count = present
        }
        return false
    }
}

extension World {
    /// Goes over to another future: other streams of chance, and other faults from now on.
    public mutating func branch(into future: UInt64) {
        // The next microsecond, so that the moment's own events are of the past.
        let at = Interval(nanoseconds: (now / 1_000 + 1) * 1_000)
        let fresh = Plan.draw(options, seed: seed ^ future &* 0xD134_2543_DE82_EF95, after: at)
        plan.strikes.removeSubrange(strikesDone...)
        plan.strikes.append(Strike(at: at, .reseed(future)))
        plan.strikes += fresh.strikes
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
