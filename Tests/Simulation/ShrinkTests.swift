import Protocols
import SimCodecs
import Testing

@testable import SimNet

/// What shrinking keeps, and how small it gets. The runs are kept for a mark, which stands in for
/// a checker that fires, or for a made-up property.
@Suite struct ShrinkTests {
    private func shrinker(
        _ scenario: Scenario, limit: Int = 400, trying: Shrinker.Tries? = nil
    ) throws -> Shrinker {
        try #require(
            Shrinker(
                scenario, limit: limit,
                trying: trying ?? Trial.oneByOne(codecs: chatCodecs)))
    }

    private func seed(_ seed: UInt64, keeping expectation: Scenario.Expectation) -> Scenario {
        var scenario = Scenario(seed: seed, duration: .seconds(30))
        scenario.expectations = [expectation]
        return scenario
    }

    /// Says that a scenario fails exactly when its strikes are as the closure wants them.
    private func tries(
        trap: Bool = false, where fails: @escaping (Scenario) -> Bool
    ) -> Shrinker.Tries {
        { candidates, isWanted in
            var trials: [Trial] = []
            for candidate in candidates {
                let isWrong = fails(candidate)
                let end: Trial.Ending = trap ? .trapped : .violated("made-up")
                let expected = candidate.expectedVerdict == .violation("made-up")
                trials.append(
                    Trial(
                        ending: isWrong ? end : .held, isAsExpected: isWrong && expected,
                        at: .seconds(20), events: 100))
                if isWanted(trials[trials.count - 1]) { break }
            }
            return trials
        }
    }

    @Test(
        "a run that takes a rare path is shrunk to under 20 lines that still take it",
        arguments: [
            (UInt64(2), Mark.electedLeader), (3, .truncatedConflictingSuffix),
            (6, .steppedDownWithoutQuorum),
        ])
    func marksAreKept(start: UInt64, mark: Mark) throws {
        let found = (start..<start + 60).first { seed in
            Trial(of: self.seed(seed, keeping: .mark(mark)), codecs: chatCodecs).isAsExpected
        }
        let scenario = seed(try #require(found), keeping: .mark(mark))
        var shrinker = try shrinker(scenario)
        let small = shrinker.run()
        #expect(small.length < 20, "\(small.text)")
        #expect(small.length < scenario.length)
        #expect(small.expectations == [.mark(mark)])
        #expect(shrinker.runs <= 400)
        // What was written is what was tried.
        let read = try Scenario.parse(small.text)
        #expect(Trial(of: read, codecs: chatCodecs).isAsExpected)
        var run = ScenarioRun(read, codecs: chatCodecs)
        _ = run.run()
        #expect(run.disappointments == [])
    }

    @Test("shrinking twice gives the same bytes")
    func shrinkingRepeats() throws {
        let scenario = seed(2, keeping: .mark(.electedLeader))
        var first = try shrinker(scenario)
        var second = try shrinker(scenario)
        #expect(first.run().text == second.run().text)
        #expect(first.runs == second.runs)
        #expect(first.events == second.events)
    }

    @Test("a run that is stuck without a majority stays stuck, and loses all else")
    func stuckIsKept() throws {
        var scenario = Scenario(seed: 12, mix: .calm, duration: .seconds(20))
        scenario.plan.strikes = [
            Strike(at: .seconds(1), .jump(0, by: .seconds(5))),
            Strike(at: .seconds(2), .clog(0, 1, lasting: .seconds(1))),
        ]
        // No core can serve in so short a time.
        scenario.options.livenessBound = .milliseconds(1)
        var shrinker = try shrinker(scenario)
        #expect(shrinker.property == "liveness")
        let small = shrinker.run()
        #expect(small.plan.strikes == [])
        #expect(small.expectations == [.stuck])
        #expect(Trial(of: small, codecs: chatCodecs).isAsExpected)
    }

    @Test("of many faults the two that matter are left, with the simplest words")
    func faultsAreFound() throws {
        var scenario = Scenario(seed: 7, duration: .seconds(60))
        scenario.options.nodes = 5
        scenario.plan.strikes = (0..<60).map {
            Strike(
                at: .milliseconds(300 * Int64($0) + 37),
                .crash([$0 % 5], .power, downtime: .milliseconds(1_234)), salt: UInt32($0))
        }
        func isThere(_ host: Int, _ scenario: Scenario) -> Bool {
            scenario.plan.strikes.contains {
                if case .crash([host], _, _) = $0.act { true } else { false }
            }
        }
        var shrinker = try shrinker(
            scenario, limit: 2_000, trying: tries { isThere(1, $0) && isThere(2, $0) })
        let small = shrinker.run()
        #expect(small.options.nodes == 3)
        #expect(small.options.load.only == [])
        #expect(small.plan.strikes.count == 2)
        for strike in small.plan.strikes {
            #expect(strike.salt == 0)
            #expect(strike.at.nanoseconds % 500_000_000 == 0)
            guard case .crash(_, let loss, let downtime) = strike.act else {
                Issue.record("\(strike.act)")
                continue
            }
            #expect(loss == .nothing)
            #expect(downtime == .seconds(1))
        }
        #expect(small.length == 6 + 1, "\(small.text)")
    }

    @Test("a machine that traps is kept as such, and nothing is expected of the result")
    func trapsAreKept() throws {
        let scenario = Scenario(seed: 7, duration: .seconds(60))
        let wanted = try #require(scenario.plan.strikes.last)
        var shrinker = try shrinker(
            scenario, limit: 1_000,
            trying: tries(trap: true) { candidate in
                candidate.plan.strikes.contains { $0.act == wanted.act }
            })
        #expect(shrinker.property == "trap")
        let small = shrinker.run()
        #expect(small.plan.strikes.map(\.act) == [wanted.act])
        #expect(small.expectations == [])
    }

    @Test("the limit of runs is kept, and the best so far is the result")
    func limitIsKept() throws {
        let scenario = Scenario(seed: 7, duration: .seconds(60))
        let count = scenario.plan.strikes.count
        var shrinker = try shrinker(
            scenario, limit: 25, trying: tries { $0.plan.strikes.count > count - 5 })
        let small = shrinker.run()
        #expect(shrinker.runs == 25)
        #expect(small.plan.strikes.count <= count)
        #expect(small.plan.strikes.count > count - 5)
    }

    @Test("a run that holds and of which nothing is expected is not shrunk")
    func nothingToKeep() {
        let calm = Scenario(seed: 1, mix: .calm, duration: .seconds(15))
        #expect(Shrinker(calm, trying: Trial.oneByOne(codecs: chatCodecs)) == nil)
        var disappointed = calm
        disappointed.expectations = [.mark(.snapshotInstalled)]
        #expect(Shrinker(disappointed, trying: Trial.oneByOne(codecs: chatCodecs)) == nil)
    }

    @Test("the plan of a smaller cluster names no host that it has not")
    func smallerClusters() {
        var plan = Plan()
        plan.strikes = [
            Strike(at: .seconds(1), .partition([0, 4], noticed: true, lasting: nil)),
            Strike(at: .seconds(2), .partition([3, 4], noticed: true, lasting: nil)),
            Strike(at: .seconds(3), .crash([1, 3], .nothing, downtime: .seconds(1))),
            Strike(at: .seconds(4), .cut(0, 3, bothWays: true, noticed: false, lasting: nil)),
            Strike(at: .seconds(5), .heal),
        ]
        plan.ending.core = [2, 3, 4]
        plan.ending.rests = [.down, .cutOff, .down, .hearsOnly, .connected]
        let small = plan.limited(to: 3)
        #expect(
            small.strikes == [
                Strike(at: .seconds(1), .partition([0], noticed: true, lasting: nil)),
                Strike(at: .seconds(3), .crash([1], .nothing, downtime: .seconds(1))),
                Strike(at: .seconds(5), .heal),
            ])
        #expect(small.ending.core == [2])
        #expect(small.ending.rests == [.down, .cutOff, .down])
    }

    @Test("every seed's run can be written down, read back and repeated", arguments: 0..<24)
    func scenariosRepeat(seed: UInt64) throws {
        let drawn = Scenario(seed: seed, duration: .seconds(20))
        let read = try Scenario.parse(drawn.text)
        #expect(read.text == drawn.text)
        #expect(read.plan.strikes == drawn.plan.strikes)
        var plain = World(seed: seed, duration: .seconds(20), codecs: chatCodecs)
        var written = read.world(codecs: chatCodecs)
        let (first, second) = (plain.run(), written.run())
        #expect(first.digest == second.digest)
        #expect(first.verdict == second.verdict)
    }
}
