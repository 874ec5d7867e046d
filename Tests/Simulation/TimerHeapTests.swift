import Protocols
import Testing

@Suite("TimerHeap")
struct TimerHeapTests {
    @Test(
        "deadlines come out as from a sorted list, moved and cancelled ones included",
        arguments: 1...5)
    func model(seed: UInt64) {
        var prng = Prng(seed: seed)
        var heap = TimerHeap<UInt64, UInt64>()
        var model: [UInt64: UInt64] = [:]
        var now: UInt64 = 0
        for _ in 0..<5_000 {
            let id = prng.below(60)
            switch prng.below(8) {
            case 0..<4:
                let time = now + prng.below(50)
                heap.schedule(id, at: time)
                model[id] = time
            case 4, 5:
                heap.cancel(id)
                model[id] = nil
            case 6:
                now += prng.below(20)
                let limit = Int(prng.below(5))
                var taken: [[UInt64]] = []
                let count = heap.expire(through: now, limit: limit) { taken.append([$1, $0]) }
                let due = model.filter { $0.value <= now }.map { [$0.value, $0.key] }
                    .sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit)
                #expect(taken == Array(due))
                #expect(count == due.count)
                for pair in due { model[pair[1]] = nil }
            default:
                #expect(heap.time(of: id) == model[id])
            }
            #expect(heap.next == model.values.min())
            #expect(heap.count == model.count)
        }
        var fresh = TimerHeap<UInt64, UInt64>()
        for (id, time) in model.sorted(by: { $0.key > $1.key }) { fresh.schedule(id, at: time) }
        #expect(fresh == heap)
    }

    @Test("a deadline that is moved for ever does not grow the heap")
    func moving() {
        var heap = TimerHeap<Int, Int>()
        for time in 0..<100_000 { heap.schedule(time % 3, at: time) }
        #expect(heap.count == 3)
        #expect(heap.next == 99_997)
        #expect(heap.popFirst(through: 99_996) == nil)
        #expect(heap.popFirst(through: 99_997)?.id == 1)
    }
}
