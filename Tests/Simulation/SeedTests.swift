import Protocols
import SimCodecs
import SimNet
import Testing

/// Seeded runs of the whole cluster; each holds, and each is the same every time.
@Suite struct SeedTests {
    @Test(
        "2,000 seeds of 60 simulated seconds hold",
        arguments: stride(from: UInt64(0), to: 2_000, by: 125).map { $0..<$0 + 125 })
    func seedsHold(seeds: Range<UInt64>) {
        let result = run(seeds: seeds, codecs: chatCodecs)
        for failure in result.failures {
            Issue.record(
                "parley-sim replay \(failure.seed): \(failure.verdict)\n\(failure.options)")
        }
        #expect(result.seeds == seeds.count)
    }

    @Test("every mix holds", arguments: Mix.allCases)
    func mixesHold(mix: Mix) {
        let result = run(seeds: 0..<25, mix: mix, codecs: chatCodecs)
        for failure in result.failures {
            Issue.record(
                "parley-sim replay \(failure.seed) --mix \(mix.rawValue): \(failure.verdict)")
        }
    }

    @Test(
        "the same seed gives the same run twice", arguments: [0, 1, 2, 3, 5, 8, 13, 21] as [UInt64])
    func runsRepeat(seed: UInt64) {
        var first = World(seed: seed, codecs: chatCodecs)
        var second = World(seed: seed, codecs: chatCodecs)
        #expect(first.run() == second.run())
    }

    @Test("two seeds give two runs")
    func seedsDiffer() {
        #expect(run(seeds: 1..<2).digest != run(seeds: 2..<3).digest)
    }

    @Test("a copy of a world in the middle of a run goes the same way")
    func copiesAreBranches() {
        var world = World(seed: 4)
        while world.now < 20_000_000_000, world.advance() {}
        var copy = world
        #expect(world.run() == copy.run())
    }

    @Test("a trace does not change the run")
    func tracingIsSilent() {
        var plain = World(seed: 6, duration: .seconds(20))
        var traced = World(seed: 6, duration: .seconds(20))
        traced.beginTrace()
        var lines = 0
        while traced.advance() { lines += traced.takeTrace().count }
        #expect(plain.run() == traced.result)
        #expect(lines > 1_000)
    }

    @Test("a few hundred seeds reach every fault and every checker")
    func everythingIsExercised() {
        let statistics = run(seeds: 10_000..<10_300, codecs: chatCodecs).statistics
        for fault in Fault.allCases {
            #expect(statistics.faults[Int(fault.rawValue)] > 0, "\(fault) never struck")
        }
        for checker in statistics.checkers {
            #expect(checker.count > 0, "\(checker.name) never compared anything")
        }
        // Counted by the world, which starts the nodes: no machine of its own is there yet.
        for mark in [Mark.tornTailCut, .recoveryRefused] {
            #expect(statistics.marks[Int(mark.rawValue)] > 0, "\(mark) was never hit")
        }
    }

    @Test("a calm cluster elects once and loses nothing")
    func calmIsCalm() {
        let result = run(seeds: 0..<10, mix: .calm)
        #expect(result.failures.isEmpty)
        let marks = result.statistics.marks
        #expect(marks[Int(Mark.electedLeader.rawValue)] <= 14)
        #expect(marks[Int(Mark.steppedDownWithoutQuorum.rawValue)] == 0)
    }
}
