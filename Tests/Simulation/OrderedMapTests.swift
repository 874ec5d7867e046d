import Protocols
import Testing

@Suite("OrderedMap")
struct OrderedMapTests {
    @Test(
        "an ordered map does what a sorted list of pairs does",
        arguments: [(1, 40), (2, 1_000), (3, 60_000)])
    func model(seed: Int, keySpace: UInt64) {
        var prng = Prng(seed: UInt64(seed))
        var map = OrderedMap<UInt64, UInt64>()
        var model: [UInt64: UInt64] = [:]
        var held: [(OrderedMap<UInt64, UInt64>, [UInt64: UInt64])] = []
        for round in 0..<12_000 {
            // Growth and shrinkage take turns, so that blocks split and merge.
            let growing = (round / 3_000) % 2 == 0
            let key = prng.below(keySpace)
            switch prng.below(10) {
            case 0..<(growing ? 6 : 2):
                map[key] = prng.next()
                model[key] = map[key]
            case 2..<7 where !growing:
                #expect(map.removeValue(forKey: key) == model.removeValue(forKey: key))
            case 6:
                let seen = map.update(key) { value -> UInt64 in
                    value &+= 1
                    return value
                }
                if let old = model[key] { model[key] = old &+ 1 }
                #expect(seen == model[key])
            case 7:
                map.update(key, default: 5) { $0 &*= 3 }
                model[key] = (model[key] ?? 5) &* 3
            case 8:
                let least = map.popFirst()
                #expect(least?.key == model.keys.min())
                if let least { #expect(model.removeValue(forKey: least.key) == least.value) }
            default:
                #expect(map[key] == model[key])
                #expect(map.contains(key) == (model[key] != nil))
            }
            if round % 1_500 == 0 { held.append((map, model)) }
        }
        held.append((map, model))
        for (map, model) in held { expectSame(map, model, &prng) }
    }

    private func expectSame(
        _ map: OrderedMap<UInt64, UInt64>, _ model: [UInt64: UInt64], _ prng: inout Prng
    ) {
        let keys = model.keys.sorted()
        #expect(map.count == keys.count)
        #expect(map.map(\.key) == keys)
        #expect(map.map(\.value) == keys.map { model[$0] })
        #expect(map.first?.key == keys.first)
        #expect(map.last?.key == keys.last)
        for _ in 0..<20 {
            let start = prng.below(keys.last.map { $0 + 2 } ?? 2)
            #expect(map.elements(from: start).map(\.key) == keys.filter { $0 >= start })
        }
        var rebuilt = OrderedMap<UInt64, UInt64>()
        for key in keys.reversed() { rebuilt[key] = model[key] }
        #expect(rebuilt == map)
        if let last = keys.last {
            rebuilt[last] = nil
            #expect(rebuilt != map)
        }
    }

    @Test("ascending and descending keys are kept in order at a hundred thousand")
    func large() {
        var ascending = OrderedMap<Int, Int>()
        var descending = OrderedMap<Int, Int>()
        for key in 0..<100_000 {
            ascending[key] = key
            descending[99_999 - key] = 99_999 - key
        }
        #expect(ascending == descending)
        #expect(ascending.map(\.key) == Array(0..<100_000))
        for key in 0..<100_000 { #expect(ascending.popFirst()?.key == key) }
        #expect(ascending.isEmpty)
        descending.removeAll()
        #expect(ascending == descending)
    }
}
