import Protocols
import SimCodecs
import SimNet
import Testing

/// What nobody should ever send, in the simulated world: it is refused, and all else goes on.
@Suite("Junk and forgery")
struct GarbageTests {
    private func statistics(_ change: (inout Options) -> Void) -> Statistics {
        var all = Statistics()
        for seed in UInt64(0)..<6 {
            var options = Options()
            options.duration = .seconds(25)
            options.bytes = true
            change(&options)
            var world = World(seed: seed, options: options, codecs: chatCodecs)
            let result = world.run()
            #expect(result.verdict == .held, "seed \(seed)")
            all.add(result.statistics)
        }
        return all
    }

    private func count(_ mark: Mark, _ statistics: Statistics) -> UInt64 {
        statistics.marks[Int(mark.rawValue)]
    }

    private func count(_ fault: Fault, _ statistics: Statistics) -> UInt64 {
        statistics.faults[Int(fault.rawValue)]
    }

    @Test("clients' junk is refused, and everybody is served")
    func junk() {
        let seen = statistics { $0.garbageChance = 4_096 }
        #expect(count(.clientGarbage, seen) > 30)
        // Half a frame is not refused: it ends by silence, or with the client's patience.
        #expect(count(.junkRefused, seen) > count(.clientGarbage, seen) / 2)
        #expect(count(.junkRefused, seen) < count(.clientGarbage, seen))
        let calm = statistics { _ in }
        #expect(count(.clientGarbage, calm) == 0 && count(.junkRefused, calm) == 0)
    }

    @Test("silent clients are pinged, those that answer stay, and those that sent half a frame go")
    func pings() {
        let seen = statistics { $0.pingInterval = .milliseconds(300) }
        #expect(count(.silentClientPinged, seen) > 100)
        #expect(count(.silentClientDropped, seen) < count(.silentClientPinged, seen) / 10)
        let halves = statistics {
            $0.pingInterval = .milliseconds(300)
            $0.garbageChance = 4_096
        }
        #expect(count(.silentClientDropped, halves) > count(.silentClientDropped, seen))
    }

    @Test("a leader finds fault with every forged message, and leads on")
    func forgery() {
        let seen = statistics { $0.forgeChance = 1_024 }
        #expect(count(.messageForged, seen) > 20)
        #expect(count(.faultyPeerRefused, seen) == count(.messageForged, seen))
        let calm = statistics { _ in }
        #expect(count(.electedLeader, seen) <= count(.electedLeader, calm) + 1)
    }
}
