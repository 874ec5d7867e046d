import Protocols
import SimCodecs
import Testing

@testable import SimNet

/// Copies of a world go their own way from the same past, and what they come to can be repeated.
@Suite struct BranchTests {
    /// A world of a seed at the first moment of a kind; nil when it has none.
    private func world(_ seed: UInt64, at point: BranchPoint) -> World? {
        var world = World(seed: seed, duration: .seconds(40), codecs: chatCodecs)
        while world.advance() {
            if point.count(in: world) > 0 { return world.phase == .chaos ? world : nil }
        }
        return nil
    }

    @Test("a copy that is not branched comes to the same end")
    func copiesAreEqual() throws {
        var original = try #require(world(3, at: .leaderChange))
        var copy = original
        #expect(original.run() == copy.run())
    }

    @Test("branches of one number are equal, those of two are not, and the original goes its way")
    func branchesRepeat() throws {
        let trunk = try #require(world(3, at: .leaderChange))
        var plain = World(seed: 3, duration: .seconds(40), codecs: chatCodecs)
        var first = trunk
        var second = trunk
        var other = trunk
        first.branch(into: 1)
        second.branch(into: 1)
        other.branch(into: 2)
        let result = first.run()
        #expect(result == second.run())
        #expect(result.digest != other.run().digest)
        var original = trunk
        #expect(original.run() == plain.run())
    }

    @Test("a branch shares the past of its run to the step")
    func pastIsShared() throws {
        let trunk = try #require(world(3, at: .leaderChange))
        var branch = trunk
        branch.branch(into: 7)
        _ = branch.run()
        var written = branch.scenario.world(codecs: chatCodecs)
        while written.statistics.events < trunk.statistics.events { _ = written.advance() }
        #expect(written.digest == trunk.digest)
        #expect(written.now == trunk.now)
    }

    @Test(
        "a branch, and a branch of a branch, can be written down and repeated exactly",
        arguments: [
            BranchPoint.leaderChange, .twoLeaders, .suffixLeft, .snapshotInFlight,
            .crashBeforeSync, .mark(.snapshotInstalled), .time(.seconds(9)),
        ])
    func branchesAreScenarios(point: BranchPoint) throws {
        var repeated = 0
        for seed in 0..<40 as Range<UInt64> where repeated < 3 {
            guard var branch = world(seed, at: point) else { continue }
            branch.branch(into: 11)
            for _ in 0..<2_000 { _ = branch.advance() }
            if branch.phase == .chaos { branch.branch(into: 12) }
            let result = branch.run()
            let scenario = try Scenario.parse(branch.scenario.text)
            var again = scenario.world(codecs: chatCodecs)
            let second = again.run()
            #expect(second.digest == result.digest, "seed \(seed)")
            #expect(second.verdict == result.verdict, "seed \(seed)")
            #expect(second.simulated == result.simulated, "seed \(seed)")
            repeated += 1
        }
        #expect(repeated > 0)
    }

    @Test("several moments in a row are found, counted, and cost no past twice")
    func levelsMultiply() {
        let brancher = Brancher(points: [.time(.seconds(5)), .time(.seconds(9))], futures: [2, 3])
        let outcome = brancher.run(World(seed: 5, duration: .seconds(20)))
        #expect(outcome.failure == nil)
        #expect(outcome.runs == 1)
        #expect(outcome.moments == [1, 2])
        #expect(outcome.futures == 2 + 2 * 3)
        // Nine runs that share what they can.
        var plain = World(seed: 5, duration: .seconds(20))
        let whole = plain.run().statistics.events
        #expect(outcome.events > whole)
        #expect(outcome.events < 9 * whole)
        #expect(outcome.digest == brancher.run(World(seed: 5, duration: .seconds(20))).digest)
    }

    @Test("a future that does not reach the next moment in time is given up")
    func impatience() {
        let points: [BranchPoint] = [.time(.seconds(5)), .time(.seconds(15))]
        let world = World(seed: 5, duration: .seconds(30))
        let patient = Brancher(points: points, futures: [4]).run(world)
        let hasty = Brancher(points: points, futures: [4], within: .seconds(2)).run(world)
        #expect(patient.moments == [1, 4])
        #expect(hasty.moments == [1, 0])
        #expect(hasty.futures == 4)
        #expect(hasty.events < patient.events)
    }

    @Test("a future's first faults may come soon, and many are at the host of the moment")
    func faultsComeSoon() {
        let options = Options.draw(mix: .swarm, seed: 1, duration: .seconds(60))
        let at = Interval.seconds(20)
        var soon = 0
        var first: Plan?
        for future in 0..<200 as Range<UInt64> {
            let plan = Plan.future(future, of: options, seed: 1, after: at, at: 0)
            if plan.strikes.contains(where: { $0.at < at + .milliseconds(100) }) { soon += 1 }
            #expect(plan.strikes.allSatisfy { $0.at > at })
            #expect(plan.strikes.map(\.at) == plan.strikes.map(\.at).sorted())
            if future == 0 { first = plan }
        }
        #expect(soon > 60)
        #expect(first == Plan.future(0, of: options, seed: 1, after: at, at: 0))
    }

    @Test("each future is told before it is run, so that one in which a machine traps is known")
    func futuresAreTold() {
        var told: [Scenario] = []
        let brancher = Brancher(points: [.time(.seconds(5))], futures: [3])
        let outcome = brancher.run(World(seed: 5, duration: .seconds(25))) { scenario, _ in
            told.append(scenario)
        }
        // The trunk, three futures, and the trunk again.
        #expect(told.count == 5)
        #expect(outcome.futures == 3)
        let reseeded = told.filter { scenario in
            scenario.plan.strikes.contains {
                if case .reseed = $0.act { true } else { false }
            }
        }
        #expect(reseeded.count == 3)
        #expect(Set(reseeded.map(\.text)).count == 3)
    }

    @Test("moments have names, and so have marks and times")
    func names() {
        for (name, point) in BranchPoint.named { #expect(BranchPoint(name) == point) }
        #expect(BranchPoint("snapshotInstalled") == .mark(.snapshotInstalled))
        #expect(BranchPoint("12.5s") == .time(.milliseconds(12_500)))
        #expect(BranchPoint("nowhere") == nil)
    }

    @Test("some seeds reach every moment that has a name, but for the two rarest")
    func momentsHappen() {
        var counts = BranchPoint.named.map { _ in UInt64(0) }
        for seed in 0..<60 as Range<UInt64> {
            var world = World(seed: seed, duration: .seconds(40))
            _ = world.run()
            for (position, named) in BranchPoint.named.enumerated() {
                counts[position] += named.point.count(in: world)
            }
        }
        for (position, named) in BranchPoint.named.enumerated()
        where named.point != .snapshotOverSuffix && named.point != .crashOverSnapshot {
            #expect(counts[position] > 0, "\(named.name)")
        }
    }

    @Test("a crash over a snapshot is counted, and one over the log alone is not")
    func crashOverSnapshot() throws {
        for (kind, count) in [("snapshot", UInt64(1)), ("hardState", 0)] {
            let scenario = try Scenario.parse(
                """
                clients all
                snapshot-log 2048
                3.000 ambush node1 \(kind) effects all for 1s
                3.000 candidates node2
                """)
            var world = scenario.world(codecs: chatCodecs)
            _ = world.run()
            #expect(BranchPoint.crashOverSnapshot.count(in: world) == count, "\(kind)")
        }
    }
}
