import Protocols
import Testing

@testable import SimNet

/// The contracts refuse what no world may do: each test plants one lie into a true trace.
@Suite("Conformance contracts")
struct ContractTests {
    // MARK: Disks

    /// A directory that does everything at once, as a base for lies.
    private func diskTrace() throws -> [DiskSight] {
        let script = try #require(
            DiskScript(
                "append 1 2 3; settle; vote; settle; snapshot 1 10; settle; append 4; append 5; "
                    + "end stop; append 6; settle"))
        var disk = SimulatedDisk(seed: 1, segmentBytes: 1 << 20)
        return try disk.run(script)
    }

    private func refuses(_ trace: [DiskSight], _ words: String) {
        #expect {
            try DiskContract.check(trace)
        } throws: { error in
            (error as? Violation)?.message.contains(words) == true
        }
    }

    private func told(_ trace: [DiskSight]) -> [Int] {
        trace.indices.filter { if case .told = trace[$0] { true } else { false } }
    }

    private func start(_ trace: [DiskSight]) throws -> (Int, Boot, DurableState) {
        let position = try #require(
            trace.lastIndex { if case .began = $0 { true } else { false } })
        guard case .began(let boot, let durable) = trace[position] else { throw Lost() }
        return (position, boot, durable)
    }

    private struct Lost: Error {}

    @Test("a true trace is accepted")
    func accepted() throws {
        try DiskContract.check(try diskTrace())
    }

    @Test("a completion that comes before its sync: the power fails and the write is gone")
    func completesTooEarly() throws {
        let script = try #require(DiskScript("append 1; settle; append 2"))
        var disk = SimulatedDisk(seed: 1, segmentBytes: 1 << 20)
        var trace = try disk.run(script)
        trace.append(.told(.persisted(PersistToken(boot: Boot(1), sequence: 2))))
        trace.append(.ended(.power))
        let (_, _, none) = try start(trace)
        var one = none
        if case .asked(.persist(let write, _)) = trace[2] { one.entries = write.entries }
        refuses(trace + [.began(Boot(2), one)], "which no 2 to 2 writes")
        // Had it not been told, it might be gone.
        trace.removeAll { $0 == .told(.persisted(PersistToken(boot: Boot(1), sequence: 2))) }
        try DiskContract.check(trace + [.began(Boot(2), one)])
    }

    @Test("completions out of order, twice, of nothing, and of the dead are refused")
    func completions() throws {
        let trace = try diskTrace()
        let places = told(trace)
        var swapped = trace
        swapped.swapAt(places[0], places[1])
        refuses(swapped, "nobody asked for")
        var twice = trace
        twice.insert(trace[places[0]], at: places[1] + 1)
        refuses(twice, "once more, or after a later one")
        var early = trace
        early.insert(trace[places[0]], at: 1)
        refuses(early, "nobody asked for")
        var dead = trace
        let end = try #require(trace.firstIndex(of: .ended(.stop)))
        dead.insert(.told(.persisted(PersistToken(boot: Boot(1), sequence: 6))), at: end + 1)
        refuses(dead, "nobody runs")
    }

    @Test("a snapshot that is done out of turn, and a removal before it is done, are refused")
    func snapshots() throws {
        let trace = try diskTrace()
        let saved = try #require(
            trace.firstIndex { if case .told(.snapshotSaved) = $0 { true } else { false } })
        var twice = trace
        twice.insert(trace[saved], at: saved + 1)
        refuses(twice, "its turn was not")
        let removal = try #require(
            trace.firstIndex { if case .asked(.compactLog) = $0 { true } else { false } })
        var early = trace
        early.swapAt(saved, removal)
        refuses(early, "no snapshot has them")
    }

    @Test("a start that lost, kept or changed anything that it must not is refused")
    func starts() throws {
        let trace = try diskTrace()
        let (position, boot, durable) = try start(trace)
        func with(_ change: (inout DurableState) -> Void) -> [DiskSight] {
            var other = durable
            change(&other)
            var lie = trace
            lie[position] = .began(boot, other)
            return lie
        }
        refuses(with { $0.entries.removeLast() }, "a start after stop")
        refuses(with { $0.entries.removeFirst() }, "a start after stop")
        refuses(with { $0.entries.swapAt(0, 1) }, "a start after stop")
        refuses(with { $0.snapshot = nil }, "a start after stop")
        refuses(with { $0.hardState.vote = nil }, "a start after stop")
        refuses(with { $0.snapshot?.chunks[0][0] ^= 1 }, "a start after stop")
        var again = trace
        again[position] = .began(Boot(1), durable)
        refuses(again, "boot 1 begins after 1")
    }

    @Test("a write of which a part survived is refused")
    func torn() throws {
        let script = try #require(DiskScript("append 1 2 3; end kill"))
        var disk = SimulatedDisk(seed: 1, segmentBytes: 1 << 20)
        var trace = try disk.run(script)
        trace.removeAll { if case .told = $0 { true } else { false } }
        let (position, boot, _) = try start(trace)
        guard case .asked(.persist(let write, _)) = trace[2] else { throw Lost() }
        for count in 0...3 {
            trace[position] = .began(
                boot, DurableState(entries: Array(write.entries.prefix(count))))
            let isAccepted = (try? DiskContract.check(trace)) != nil
            #expect(isAccepted == (count == 0 || count == 3))
        }
    }

    // MARK: Links

    private func refuses(_ text: [LinkSight], isStream: Bool = true, _ words: String) {
        #expect {
            try LinkContract.check(text, isStream: isStream)
        } throws: { error in
            (error as? Violation)?.message.contains(words) == true
        }
    }

    private let open: [LinkSight] = [.up(0), .up(1), .said(0, 1), .said(0, 2), .said(0, 3)]

    @Test("messages of a stream come in order, once and without a gap; other links may do worse")
    func streams() throws {
        try LinkContract.check(open + [.heard(1, 1), .heard(1, 2), .heard(1, 3)], isStream: true)
        let worse: [[LinkSight]] = [
            [.heard(1, 2)], [.heard(1, 1), .heard(1, 3)], [.heard(1, 1), .heard(1, 1)],
        ]
        for sights in worse {
            refuses(open + sights, "in the place of")
            try LinkContract.check(open + sights, isStream: false)
        }
    }

    @Test("nothing is heard before a link is open, after it is closed, or by the dead")
    func bounds() {
        refuses([.up(0), .said(0, 1), .heard(1, 1)], isStream: false, "while its link is closed")
        refuses(open + [.down(1), .heard(1, 1)], isStream: false, "while its link is closed")
        refuses(open + [.did(.kill(1)), .heard(1, 1)], isStream: false, "is dead")
        refuses(open + [.did(.kill(1)), .down(1)], isStream: false, "is dead")
        refuses([.up(0), .up(0)], isStream: false, "within an opening")
        refuses([.down(0)], isStream: false, "was not open")
    }

    @Test("nothing is heard that was not said, or was said to an end that took the link for closed")
    func invented() {
        refuses(open + [.heard(1, 4)], isStream: false, "said to nobody")
        refuses(open + [.down(0), .said(0, 4), .heard(1, 4)], isStream: false, "said to nobody")
    }

    @Test("the words of one opening are not heard in another")
    func openings() throws {
        let again: [LinkSight] = open + [.down(0), .down(1), .up(0), .up(1), .said(0, 4)]
        try LinkContract.check(again + [.heard(1, 4)], isStream: true)
        refuses(again + [.heard(1, 4), .heard(1, 1)], isStream: false, "of another opening")
        let heard: [LinkSight] = open + [.heard(1, 1), .down(1), .up(1), .heard(1, 2)]
        refuses(heard, isStream: false, "of an earlier opening")
        // What a dead process said is still heard where the end is not known.
        try LinkContract.check(open + [.did(.kill(0)), .heard(1, 1)], isStream: true)
    }
}
