import Protocols
import Testing

@Suite("State snapshots")
struct StateSnapshotTests {
    @Test("a restored state is equal and stays equal", arguments: 1...20)
    func midway(seed: UInt64) throws {
        var log = RandomLog(seed: seed)
        let limits = tightLimits()
        var state = ReplicatedState(limits: limits, checkpointEntries: 16)
        var restored: ReplicatedState?
        for round in 0..<1_200 {
            let entry = log.next(for: state)
            var effects: [StateEffect] = []
            var others: [StateEffect] = []
            let report = state.apply(entry, into: &effects)
            if restored != nil {
                #expect(restored?.apply(entry, into: &others) == report)
                #expect(others == effects)
            }
            guard round % 100 == 50 || round == 1_199 else { continue }
            let chunks = state.snapshotChunks()
            if let restored { #expect(restored.snapshotChunks() == chunks) }
            let fresh = try ReplicatedState(
                snapshotChunks: chunks, limits: limits, checkpointEntries: 16)
            #expect(fresh == state)
            #expect(fresh.byteCount == state.byteCount)
            #expect(fresh.nextSessionExpiry == state.nextSessionExpiry)
            #expect(fresh.snapshotChunks() == chunks)
            if round % 200 == 50 { restored = fresh }
        }
    }

    /// A state with more than a chunk of everything and blocks that are shared.
    private func large() -> StateDriver {
        var driver = StateDriver()
        let session = driver.openNode()
        let content = String(repeating: "lorem ", count: 300)
        var sequence: UInt64 = 0
        func run(_ operation: Operation) {
            sequence += 1
            _ = driver.run(session, sequence, operation, below: sequence)
        }
        for room: UInt64 in 1...3 {
            run(creation(room))
            run(joining(room, "alice"))
            for id: UInt64 in 1...200 {
                run(saying(content, in: room, id: id, key: id % 3 == 0 ? "k\(id)" : nil))
            }
        }
        for key in 0..<600 {
            run(.register(key: "key \(key)", .set(value: Array(repeating: 7, count: 1_000))))
        }
        run(.register(key: "large", .set(value: Array(repeating: 8, count: 1 << 20))))
        return driver
    }

    @Test("a large state is cut into chunks, with its history blocks as they are")
    func chunks() throws {
        let state = large().state
        let chunks = state.snapshotChunks()
        #expect(chunks.allSatisfy { $0.count <= Snapshot.maximumChunk })
        #expect(chunks.count > 15)
        #expect(try ReplicatedState(snapshotChunks: chunks) == state)
        #expect(state.snapshotChunks() == chunks)
    }

    @Test("a snapshot that was taken earlier does not change with the state")
    func held() throws {
        var driver = large()
        let before = driver.state
        let chunks = before.snapshotChunks()
        let copy = chunks.map { Array($0.map { $0 &+ 0 }) }
        guard let session = driver.state.nodeSession(of: NodeID(1)) else { return }
        for sequence: UInt64 in 5_000..<5_400 {
            _ = driver.run(session, sequence, saying("more", id: sequence, key: "\(sequence)"))
        }
        #expect(chunks == copy)
        #expect(before.snapshotChunks() == copy)
        #expect(driver.state != before)
    }

    @Test("chunks that are missing, cut, longer or in another order are refused")
    func structure() {
        let chunks = large().state.snapshotChunks()
        func expectRefused(_ chunks: [[UInt8]], _ name: Comment) {
            #expect(throws: DecodeError.self, name) {
                try ReplicatedState(snapshotChunks: chunks)
            }
        }
        expectRefused([], "none")
        expectRefused([[]], "an empty one")
        expectRefused(Array(chunks.dropLast()), "the last is missing")
        expectRefused(Array(chunks.dropFirst()), "the first is missing")
        expectRefused(chunks + [chunks[chunks.count - 1]], "one twice")
        expectRefused(chunks + [[]], "an empty one more")
        for place in chunks.indices {
            var changed = chunks
            changed[place].removeLast()
            expectRefused(changed, "chunk \(place) is cut")
            changed[place] = chunks[place] + [0]
            expectRefused(changed, "chunk \(place) is longer")
        }
    }

    @Test("changed bytes are refused or mean a state of their own, never a trap", arguments: 1...4)
    func fuzz(seed: UInt64) {
        var log = RandomLog(seed: seed)
        let limits = tightLimits()
        var state = ReplicatedState(limits: limits, checkpointEntries: 16)
        for _ in 0..<400 {
            var effects: [StateEffect] = []
            state.apply(log.next(for: state), into: &effects)
        }
        let chunks = state.snapshotChunks()
        var prng = Prng(seed: seed)
        var refused = 0
        for _ in 0..<1_500 {
            var changed = chunks
            let chunk = prng.int(in: 0..<chunks.count)
            for _ in 0...prng.below(2) {
                changed[chunk][prng.int(in: 0..<changed[chunk].count)] = UInt8(prng.below(256))
            }
            guard
                var other = try? ReplicatedState(
                    snapshotChunks: changed, limits: limits, checkpointEntries: 16)
            else {
                refused += 1
                continue
            }
            #expect(other.snapshotChunks() == changed)
            // It can be used, too.
            var rest = RandomLog(seed: seed)
            rest.index = other.applied.index.rawValue
            var effects: [StateEffect] = []
            for _ in 0..<5 { other.apply(rest.next(for: other), into: &effects) }
            _ = other.lastMessages(in: roomID(1), limit: 10)
        }
        #expect(refused > 50)
    }
}
