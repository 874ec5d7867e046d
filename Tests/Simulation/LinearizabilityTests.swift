import Protocols
import SimNet
import Testing

/// Writes down a history as one would say it.
private struct Story {
    var checker = Linearizability()

    mutating func begin(_ client: Int, _ operation: Int, _ write: RegisterOperation? = nil) {
        record(
            client,
            .invoked(RegisterCall(operation: operation, key: "r", write: write)))
    }

    mutating func end(_ client: Int, _ operation: Int, _ result: RegisterResult) {
        record(client, .returned(operation: operation, result))
    }

    mutating func giveUp(_ client: Int, _ operation: Int) {
        record(client, .abandoned(operation: operation))
    }

    private mutating func record(_ client: Int, _ observation: Observation) {
        do {
            try checker.observed(ClientID(client), observation, at: .zero)
        } catch {
            Issue.record("\(error)")
        }
    }

    /// True when there is an order.
    var isLinearizable: Bool {
        var copy = checker
        do {
            try copy.search()
            return true
        } catch {
            return false
        }
    }
}

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func set(_ text: String) -> RegisterOperation { .set(value: bytes(text)) }
private func swap(_ version: UInt64, _ text: String) -> RegisterOperation {
    .compareAndSet(expectedVersion: version, value: bytes(text))
}
private func at(_ version: UInt64, _ text: String) -> RegisterValue {
    RegisterValue(value: bytes(text), version: version)
}

@Suite("Linearizability of registers")
struct LinearizabilityTests {
    @Test("operations one after the other are in order")
    func sequential() {
        var story = Story()
        story.begin(0, 0)
        story.end(0, 0, .value(RegisterValue()))
        story.begin(0, 1, set("a"))
        story.end(0, 1, .written(version: 1))
        story.begin(1, 0, swap(1, "b"))
        story.end(1, 0, .written(version: 2))
        story.begin(1, 1, swap(1, "c"))
        story.end(1, 1, .mismatch(at(2, "b")))
        story.begin(0, 2)
        story.end(0, 2, .value(at(2, "b")))
        #expect(story.isLinearizable)
    }

    @Test("a stale read is seen")
    func staleRead() {
        var story = Story()
        story.begin(0, 0, set("a"))
        story.end(0, 0, .written(version: 1))
        story.begin(1, 0, set("b"))
        story.end(1, 0, .written(version: 2))
        story.begin(0, 1)
        story.end(0, 1, .value(at(1, "a")))
        #expect(!story.isLinearizable)
    }

    @Test("reads during a write may see it or not, but not the one after the other")
    func readsDuringWrite() {
        for order in [[0, 1], [1, 0]] {
            var story = Story()
            story.begin(0, 0, set("a"))
            for (place, seen) in order.enumerated() {
                story.begin(1, place)
                story.end(1, place, .value(seen == 1 ? at(1, "a") : RegisterValue()))
            }
            story.end(0, 0, .written(version: 1))
            #expect(story.isLinearizable == (order == [0, 1]))
        }
    }

    @Test("a lost update is seen: two writers were told the same version")
    func lostUpdate() {
        var story = Story()
        story.begin(0, 0, swap(0, "a"))
        story.begin(1, 0, swap(0, "b"))
        story.end(0, 0, .written(version: 1))
        story.end(1, 0, .written(version: 1))
        #expect(!story.isLinearizable)
    }

    @Test("a write of another's value under the right version is seen")
    func wrongValue() {
        var story = Story()
        story.begin(0, 0, set("a"))
        story.end(0, 0, .written(version: 1))
        story.begin(1, 0)
        story.end(1, 0, .value(at(1, "b")))
        #expect(!story.isLinearizable)
    }

    @Test("a write of unknown outcome may happen late, early or never, but once")
    func unknownWrite() {
        func story(_ reads: [RegisterValue]) -> Bool {
            var story = Story()
            story.begin(0, 0, set("a"))
            story.giveUp(0, 0)
            for (place, value) in reads.enumerated() {
                story.begin(1, place)
                story.end(1, place, .value(value))
            }
            return story.isLinearizable
        }
        #expect(story([at(0, ""), at(0, "")]))
        #expect(story([at(1, "a"), at(1, "a")]))
        #expect(story([at(0, ""), at(1, "a")]))
        #expect(!story([at(1, "a"), at(0, "")]))
        #expect(!story([at(1, "a"), at(2, "a")]))
    }

    @Test("an operation applied twice is seen by the version")
    func appliedTwice() {
        var story = Story()
        story.begin(0, 0, set("a"))
        story.end(0, 0, .written(version: 1))
        story.begin(1, 0)
        story.end(1, 0, .value(at(2, "a")))
        #expect(!story.isLinearizable)
    }

    @Test("a write that surely failed must not be seen")
    func failedWrite() {
        var story = Story()
        story.begin(0, 0, set("a"))
        story.end(0, 0, .failed)
        #expect(story.isLinearizable)
        story.begin(1, 0)
        story.end(1, 0, .value(at(1, "a")))
        #expect(!story.isLinearizable)
    }

    @Test("unseen writes of unknown outcome fill the versions that others skipped")
    func unknownFillers() {
        var story = Story()
        story.begin(0, 0, set("a"))
        story.giveUp(0, 0)
        story.begin(1, 0, swap(1, "b"))
        story.giveUp(1, 0)
        story.begin(2, 0, set("c"))
        story.end(2, 0, .written(version: 3))
        #expect(story.isLinearizable)
        story.begin(2, 1, set("d"))
        story.end(2, 1, .written(version: 5))
        #expect(!story.isLinearizable)
        story.begin(3, 0, set("e"))
        #expect(!story.isLinearizable, "what began after the end cannot have come before it")
    }

    @Test("which unknown write came first is found by trying")
    func backtracking() {
        var story = Story()
        story.begin(0, 0, swap(0, "a"))
        story.giveUp(0, 0)
        story.begin(1, 0, set("b"))
        story.giveUp(1, 0)
        story.begin(2, 0, set("c"))
        story.giveUp(2, 0)
        story.begin(3, 0)
        story.end(3, 0, .value(at(2, "c")))
        story.begin(3, 1, set("d"))
        story.end(3, 1, .written(version: 4))
        #expect(story.isLinearizable)
    }

    @Test("an answer to an operation that is not open is seen")
    func answerToNothing() {
        var checker = Linearizability()
        #expect(throws: Violation.self) {
            try checker.observed(
                ClientID(0), .returned(operation: 3, .written(version: 1)), at: .zero)
        }
    }

    @Test("random histories of one copy are linearizable, and stale reads in them are found")
    func randomHistories() {
        for seed in 0..<200 as Range<UInt64> {
            let honest = simulate(seed: seed, operations: 60, stale: false)
            #expect(honest.isLinearizable, "seed \(seed)")
        }
        var found = 0
        for seed in 0..<100 as Range<UInt64> {
            if !simulate(seed: seed, operations: 60, stale: true).isLinearizable { found += 1 }
        }
        #expect(found > 50, "what was overwritten meanwhile is not always stale")
    }

    @Test("a history of a thousand operations of eight clients is searched to the end")
    func longHistory() throws {
        var story = simulate(seed: 5, operations: 1_000, stale: false)
        try story.checker.search()
        #expect(story.checker.undecided == 0)
        #expect(story.checker.exercised > 700)
    }
}

/// Runs clients against one copy: each operation takes effect at a drawn moment between its
/// beginning and its end; some are never answered, and of those some never take effect.
private func simulate(seed: UInt64, operations: Int, stale: Bool) -> Story {
    struct Open {
        var operation: Int
        var write: RegisterOperation?
        var result: RegisterResult?
        var isLost: Bool
    }
    var prng = Prng(seed: seed)
    var story = Story()
    var content = RegisterValue()
    var past = RegisterValue()
    var clients = [Open?](repeating: nil, count: 8)
    var begun = 0
    var orphans: [Open] = []
    func apply(_ open: inout Open) {
        switch open.write {
        case nil: open.result = .value(stale && begun > operations / 2 ? past : content)
        case .set(let value):
            past = content
            content = RegisterValue(value: value, version: content.version + 1)
            open.result = .written(version: content.version)
        case .compareAndSet(let expected, let value):
            guard expected == content.version else {
                open.result = .mismatch(content)
                return
            }
            past = content
            content = RegisterValue(value: value, version: content.version + 1)
            open.result = .written(version: content.version)
        }
    }
    while begun < operations {
        let client = prng.int(in: 0..<8)
        if !orphans.isEmpty, prng.chance(1, in: 20) {
            var orphan = orphans.remove(at: prng.int(in: 0..<orphans.count))
            apply(&orphan)
        }
        guard var open = clients[client] else {
            let value = bytes("c\(client).\(begun)")
            let writes: [RegisterOperation?] = [
                nil, .set(value: value),
                .compareAndSet(expectedVersion: content.version, value: value),
            ]
            let write = writes[prng.int(in: 0..<3)]
            clients[client] = Open(
                operation: begun, write: write, isLost: prng.chance(1, in: 30))
            story.begin(client, begun, write)
            begun += 1
            continue
        }
        if let result = open.result {
            if open.isLost {
                story.giveUp(client, open.operation)
            } else {
                story.end(client, open.operation, result)
            }
            clients[client] = nil
        } else if open.isLost, prng.chance(1, in: 2) {
            story.giveUp(client, open.operation)
            orphans.append(open)
            clients[client] = nil
        } else {
            apply(&open)
            clients[client] = open
        }
    }
    return story
}
