import Protocols
import Testing

@testable import SimNet

/// The simulated disk keeps what every data directory promises.
@Suite("Conformance of the simulated disk")
struct DiskConformanceTests {
    @Test("any script over any disk keeps the contract, through kills, power cuts and clean stops")
    func holds() throws {
        var kinds = [0, 0, 0]
        var partial = 0
        for seed in 0..<1_500 as Range<UInt64> {
            var prng = Prng(seed: seed)
            let script = DiskScript.draw(prng.int(in: 5..<40), power: true, from: &prng)
            var disk = SimulatedDisk(seed: seed, segmentBytes: 1 << prng.int(in: 8..<14))
            let trace = try disk.run(script)
            try DiskContract.check(trace)
            for case .ended(let ending) in trace {
                kinds[DiskEnding.allCases.firstIndex(of: ending)!] += 1
            }
            partial += lost(trace)
        }
        #expect(kinds.allSatisfy { $0 > 500 }, "\(kinds)")
        #expect(partial > 200, "\(partial) starts found less than was asked for")
    }

    /// How many starts found fewer entries than were asked for.
    private func lost(_ trace: [DiskSight]) -> Int {
        var asked = LogIndex.zero
        var count = 0
        for sight in trace {
            switch sight {
            case .asked(.persist(let write, _)):
                asked = max(asked, write.entries.last?.index ?? .zero)
            case .began(_, let durable):
                if durable.entries.last?.index ?? durable.snapshot?.point.index ?? .zero < asked {
                    count += 1
                }
                asked = .zero
            default: break
            }
        }
        return count
    }

    @Test("a script is text that reads back as itself")
    func scripts() {
        for seed in 0..<100 as Range<UInt64> {
            var prng = Prng(seed: seed)
            let script = DiskScript.draw(20, power: true, from: &prng)
            #expect(DiskScript(script.description) == script)
            let link = LinkScript.draw(20, longest: 100_000, from: &prng)
            #expect(LinkScript(link.description) == link)
        }
        #expect(DiskScript("append 1 2; end kill") == DiskScript([.append([1, 2]), .end(.kill)]))
        for text in [
            "apend 1", "append", "append x", "end soon", "end", "vote 1", "append 1000001",
        ] {
            #expect(DiskScript(text) == nil)
        }
        for text in ["say 2 1", "say 0", "cut 1", "kill", "kill 2", "clog 0"] {
            #expect(LinkScript(text) == nil)
        }
    }

    @Test("a disk can show what another of it showed", arguments: 0..<40 as Range<UInt64>)
    func showsItself(seed: UInt64) throws {
        var prng = Prng(seed: seed)
        let script = DiskScript.draw(12, power: false, from: &prng)
        var disk = SimulatedDisk(seed: seed, segmentBytes: 1_024)
        let trace = try disk.run(script)
        let position = DiskShowing.firstUnshown(in: trace, seed: seed + 1, segmentBytes: 1_024)
        #expect(position == nil, "\(script): \(trace[position ?? 0])")
    }

    @Test("what a disk cannot show is found where it first differs")
    func unshown() throws {
        let script = try #require(DiskScript("append 1; settle; append 2; settle"))
        var disk = SimulatedDisk(seed: 1, segmentBytes: 1_024)
        var trace = try disk.run(script)
        let first = try #require(trace.firstIndex(of: .told(.persisted(token(1)))))
        trace[first] = .told(.persisted(token(2)))
        #expect(DiskShowing.firstUnshown(in: trace, seed: 1, segmentBytes: 1_024) == first)
    }

    @Test("writes of one turn are done at once, though nothing else was under way")
    func oneBatch() throws {
        let trace = try shown("append 1; append 2; settle") {
            $0 == [.persisted(token(2))]
        }
        #expect(trace)
    }

    @Test("a closed directory has all that was asked for, though nobody was told")
    func closes() throws {
        #expect(try shown("append 1; turn; append 2; end stop; settle") { $0.isEmpty })
    }

    private func token(_ sequence: UInt64) -> PersistToken {
        PersistToken(boot: Boot(1), sequence: sequence)
    }

    /// True when one of some disks tells just this.
    private func shown(_ text: String, _ told: ([NodeEvent]) -> Bool) throws -> Bool {
        let script = try #require(DiskScript(text))
        return try (0..<100 as Range<UInt64>).contains { seed in
            var disk = SimulatedDisk(seed: seed, segmentBytes: 1 << 20)
            return told(
                try disk.run(script).compactMap {
                    if case .told(let event) = $0 { event } else { nil }
                })
        }
    }
}

/// The simulated link keeps what every link promises.
@Suite("Conformance of the simulated network")
struct LinkConformanceTests {
    @Test(
        "any script over any link keeps the contract, as a stream where nothing is lost by chance",
        arguments: SimulatedLink.Manner.allCases)
    func holds(manner: SimulatedLink.Manner) throws {
        var heard = 0
        var late = 0
        for seed in 0..<400 as Range<UInt64> {
            var prng = Prng(seed: seed)
            let script = LinkScript.draw(prng.int(in: 5..<40), longest: 2_000, from: &prng)
            var link = SimulatedLink(seed: seed, manner)
            let trace = try link.run(script)
            try LinkContract.check(trace, isStream: manner.isStream)
            heard += trace.count { if case .heard = $0 { true } else { false } }
            late += lastWords(trace)
        }
        #expect(heard > 1_000, "\(heard) messages")
        #expect(late > 20, "\(late) last words of the dead")
    }

    /// How many messages were heard of a process that was dead by then.
    private func lastWords(_ trace: [LinkSight]) -> Int {
        var isDead = [false, false]
        var count = 0
        for sight in trace {
            switch sight {
            case .did(.kill(let end)): isDead[end] = true
            case .did(.start(let end)): isDead[end] = false
            case .heard(let end, _): if isDead[1 - end] { count += 1 }
            case .did, .said, .up, .down: break
            }
        }
        return count
    }

    @Test("a hostile link is no stream")
    func hostile() {
        let broken = (0..<50 as Range<UInt64>).contains { seed in
            var prng = Prng(seed: seed)
            let script = LinkScript.draw(30, longest: 100, from: &prng)
            var link = SimulatedLink(seed: seed, .hostile)
            guard let trace = try? link.run(script) else { return false }
            return (try? LinkContract.check(trace, isStream: true)) == nil
        }
        #expect(broken)
    }

    @Test("a link can show what another of it showed", arguments: 0..<20 as Range<UInt64>)
    func showsItself(seed: UInt64) throws {
        var prng = Prng(seed: seed)
        let script = LinkScript.draw(8, longest: 100, from: &prng)
        var link = SimulatedLink(seed: seed, .calm)
        let trace = try link.run(script)
        let position = LinkShowing.firstUnshown(in: trace, seed: seed + 1, .calm)
        #expect(position == nil, "\(script): \(trace[position ?? 0])")
    }

    @Test("what a calm link cannot show is found where it first differs")
    func unshown() {
        let trace: [LinkSight] = [
            .did(.settle), .up(0), .up(1), .did(.say(0, [1, 1])), .said(0, 1), .said(0, 2),
            .heard(1, 2),
        ]
        #expect(LinkShowing.firstUnshown(in: trace, seed: 1, .calm) == 6)
    }

    @Test("one end is up again before the other knows that it was down")
    func reopens() throws {
        let script = try #require(LinkScript("settle; cut; settle"))
        let shown = try (0..<200 as Range<UInt64>).contains { seed in
            var link = SimulatedLink(seed: seed, .calm)
            let trace = try link.run(script)
            guard let up = trace.lastIndex(of: .up(0)), let down = trace.lastIndex(of: .down(1))
            else { return false }
            return up < down
        }
        #expect(shown)
    }
}
