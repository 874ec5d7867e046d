import Protocols
import Testing

@testable import SimNet

/// What a simulated disk may do to files, and what it must not.
@Suite struct DiskTests {
    private func makeDisk() -> Disk {
        var disk = Disk()
        disk.perform(.create("a"))
        disk.perform(.append("a", [UInt8](repeating: 1, count: 1_000)))
        disk.perform(.sync("a"))
        disk.perform(.syncDirectory)
        return disk
    }

    @Test("what was synced survives every crash", arguments: 0..<200 as Range<UInt64>)
    func syncedSurvives(seed: UInt64) {
        var prng = Prng(seed: seed)
        var disk = makeDisk()
        disk.perform(.append("a", [UInt8](repeating: 2, count: 3_000)))
        _ = disk.crash(powerLoss: true, from: &prng)
        let bytes = disk.read("a") ?? []
        #expect(bytes.count >= 1_000 && bytes.count <= 4_000)
        #expect(bytes.prefix(1_000).allSatisfy { $0 == 1 })
        #expect(bytes.dropFirst(1_000).allSatisfy { $0 == 2 || $0 == 0 })
    }

    @Test("a crash can lose, tear and reorder what was not synced")
    func unsyncedSuffers() {
        var faults: [Fault] = []
        for seed in 0..<200 as Range<UInt64> {
            var prng = Prng(seed: seed)
            var disk = makeDisk()
            disk.perform(.append("a", [UInt8](repeating: 2, count: 3_000)))
            faults += disk.crash(powerLoss: true, from: &prng)
        }
        for fault in [Fault.writeLost, .writeTorn, .writeReordered] {
            #expect(faults.contains(fault))
        }
    }

    @Test("a process that dies loses nothing that reached the kernel")
    func processDeathIsHarmless() {
        var prng = Prng(seed: 1)
        var disk = makeDisk()
        disk.perform(.append("a", [2, 3]))
        disk.perform(.create("b"))
        #expect(disk.crash(powerLoss: false, from: &prng) == [])
        #expect(disk.read("a")?.suffix(2) == [2, 3])
        #expect(disk.listing == ["a", "b"])
    }

    @Test(
        "after a rename without a sync of the directory there is the old file or the new one, whole"
    )
    func renamesAreAtomic() {
        var seen: [UInt8] = []
        for seed in 0..<100 as Range<UInt64> {
            var prng = Prng(seed: seed)
            var disk = makeDisk()
            disk.perform(.create("a.tmp"))
            disk.perform(.append("a.tmp", [9]))
            disk.perform(.sync("a.tmp"))
            disk.perform(.rename(from: "a.tmp", to: "a"))
            _ = disk.crash(powerLoss: true, from: &prng)
            let bytes = disk.read("a") ?? []
            #expect(bytes == [9] || bytes == [UInt8](repeating: 1, count: 1_000))
            seen.append(bytes.first ?? 0)
        }
        #expect(seen.contains(9) && seen.contains(1))
    }

    @Test("a removal that was not synced may be undone, one that was synced never")
    func removals() {
        var returned = 0
        for seed in 0..<50 as Range<UInt64> {
            var prng = Prng(seed: seed)
            var disk = makeDisk()
            disk.perform(.delete("a"))
            var synced = disk
            synced.perform(.syncDirectory)
            _ = disk.crash(powerLoss: true, from: &prng)
            _ = synced.crash(powerLoss: true, from: &prng)
            if disk.read("a") != nil { returned += 1 }
            #expect(synced.read("a") == nil)
        }
        #expect(returned > 0 && returned < 50)
    }

    @Test("a cut that was not synced may be undone")
    func cuts() {
        var lengths: [Int] = []
        for seed in 0..<50 as Range<UInt64> {
            var prng = Prng(seed: seed)
            var disk = makeDisk()
            disk.perform(.truncate("a", length: 10))
            _ = disk.crash(powerLoss: true, from: &prng)
            lengths.append(disk.read("a")?.count ?? 0)
        }
        #expect(lengths.contains(10) && lengths.contains(1_000))
        #expect(lengths.allSatisfy { $0 == 10 || $0 == 1_000 })
    }

    @Test("rot changes one bit below the limit")
    func rot() {
        var prng = Prng(seed: 5)
        var disk = makeDisk()
        #expect(disk.rot("a", below: 100, from: &prng))
        let harmed = (disk.read("a") ?? []).enumerated().filter { $0.element != 1 }
        #expect(harmed.count == 1)
        #expect((harmed.first?.offset ?? 1_000) < 100)
        #expect(
            (harmed.first?.element ?? 1) ^ 1 == 1
                << UInt8(((harmed.first?.element ?? 1) ^ 1).trailingZeroBitCount))
        #expect(!disk.rot("none", below: 100, from: &prng))
    }
}

/// How messages travel.
@Suite struct NetworkTests {
    private func arrivals(_ options: Options, count: Int) -> (times: [Int64], lost: Int) {
        var network = Network(options)
        var prng = Prng(seed: 9)
        var counts = Statistics()
        network.open(0, 1, learnsA: 0, learnsB: 0)
        var times: [Int64] = []
        var lost = 0
        for number in 0..<count {
            let now = Int64(number) * 1_000
            switch network.send(0, 1, at: now, from: &prng, counts: &counts) {
            case .lost: lost += 1
            case .arrives(let time): times.append(time)
            case .arrivesTwice(let time, let again): times += [time, again]
            }
        }
        return (times, lost)
    }

    @Test("a quiet link is first in, first out and loses nothing")
    func quiet() {
        let (times, lost) = arrivals(Options(), count: 1_000)
        #expect(lost == 0)
        #expect(times.count == 1_000)
        #expect(times == times.sorted())
    }

    @Test("chance loses, doubles and reorders")
    func chances() {
        var options = Options()
        options.lossChance = 8_192
        options.duplicateChance = 8_192
        options.reorderChance = 8_192
        let (times, lost) = arrivals(options, count: 1_000)
        #expect(lost > 60 && lost < 200)
        #expect(times.count > 1_000 - lost)
        #expect(times != times.sorted())
    }

    @Test("nothing passes a cut, and the other direction is not touched")
    func cut() {
        var network = Network(Options())
        var prng = Prng(seed: 9)
        var counts = Statistics()
        network.open(0, 1, learnsA: 0, learnsB: 0)
        network.update(0, 1) { $0.isCut = true }
        guard case .lost = network.send(0, 1, at: 0, from: &prng, counts: &counts) else {
            Issue.record("a message passed the cut")
            return
        }
        guard case .arrives = network.send(1, 0, at: 0, from: &prng, counts: &counts) else {
            Issue.record("the other direction is cut, too")
            return
        }
        #expect(!network.isWhole(0, 1))
    }

    @Test("a link's other life has another number")
    func epochs() {
        var network = Network(Options())
        network.open(0, 1, learnsA: 0, learnsB: 0)
        let first = network.between(0, 1).epoch
        network.close(1, 0)
        #expect(!network.between(0, 1).isUp)
        network.open(1, 0, learnsA: 0, learnsB: 0)
        #expect(network.between(1, 0).epoch > first)
    }
}

/// The queue of events and the clocks.
@Suite struct ScheduleTests {
    @Test("events come in order of time, and of scheduling where times are equal")
    func order() {
        var prng = Prng(seed: 3)
        var schedule = Schedule()
        for number in 0..<2_000 as Range<UInt32> {
            schedule.push(
                Scheduled(time: Int64(prng.below(50)), kind: .wake, payload: number))
        }
        var last = (time: Int64(-1), payload: UInt32(0))
        var count = 0
        while let event = schedule.pop() {
            #expect(
                event.time > last.time || (event.time == last.time && event.payload > last.payload))
            last = (event.time, event.payload)
            count += 1
        }
        #expect(count == 2_000)
    }

    @Test("an event is at most 64 bytes")
    func size() {
        #expect(MemoryLayout<Scheduled>.stride <= 64)
    }

    @Test("a clock's time of the world is the first at which it shows the instant")
    func clocks() {
        for drift in [-20_000, -1, 0, 1, 20_000] as [Int64] {
            let clock = HostClock(drift: drift, offset: 77, wallOffset: 0)
            for instant in [77, 78, 1_000_077, 60_000_000_077] as [Int64] {
                let world = clock.world(of: Instant(nanoseconds: instant))
                #expect(clock.monotonic(at: world).nanoseconds >= instant)
                #expect(world == 0 || clock.monotonic(at: world - 1).nanoseconds < instant)
            }
        }
    }

    @Test("a pool reuses its slots")
    func pools() {
        var pool = Pool(empty: 0)
        let first = pool.put(5)
        #expect(pool.peek(first) == 5)
        #expect(pool.take(first) == 5)
        #expect(pool.put(6) == first)
        #expect(pool.count == 1)
    }
}
