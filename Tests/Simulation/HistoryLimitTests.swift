import SimCodecs
import SimNet
import Testing

@testable import Protocols

@Suite("History limits that travel through the log")
struct HistoryLimitTests {
    private static func stamp(_ seconds: Int64) -> ClusterTime {
        ClusterTime.zero + .seconds(seconds)
    }

    private static func said(_ history: inout History, at seconds: Int64, _ limits: StateLimits) {
        _ = history.append(
            id: UniqueID(high: 1, low: UInt64(seconds)), user: "ann", content: "x",
            at: WallTime(milliseconds: 0), stamp: stamp(seconds), limits: limits)
    }

    // MARK: One history

    @Test("messages leave with their age, at most an eighth of it late, the last one too")
    func age() {
        var limits = StateLimits()
        limits.historyAge = .seconds(80)
        var history = History()
        for second in Int64(1)...100 {
            Self.said(&history, at: second, limits)
            _ = history.expire(at: Self.stamp(second), age: limits.historyAge)
            guard second > 90 else { continue }
            // What is 80 seconds old may stay for ten more, what is older may not.
            let oldest = second - Int64(history.count) + 1
            #expect((second - 90...second - 80 + 1).contains(oldest), "\(oldest) at \(second)")
        }
        let again = history.expire(at: Self.stamp(100), age: limits.historyAge)
        let rest = history.expire(at: Self.stamp(180), age: limits.historyAge)
        #expect(!again && rest)
        #expect(history.count == 0 && history.byteCount == 0)
        #expect(history.firstSequence == 101 && history.lastSequence == 100)
        Self.said(&history, at: 200, limits)
        #expect(history.messages(from: 1, limit: 9).map(\.sequence) == [101])
    }

    @Test("the payload comes back, and nothing else is read")
    func payload() throws {
        let told = HistoryLimits(count: 5, bytes: 1 << 40, age: .milliseconds(3))
        let bytes = told.encoded()
        #expect(try HistoryLimits(decoding: bytes) == told)
        for length in bytes.indices {
            #expect(throws: DecodeError.self) {
                try HistoryLimits(decoding: Array(bytes[..<length]))
            }
        }
        #expect(throws: DecodeError.self) { try HistoryLimits(decoding: bytes + [0]) }
        #expect(throws: DecodeError.self) { try HistoryLimits(decoding: [1, 0, 1, 0]) }
        #expect(throws: DecodeError.self) {
            try HistoryLimits(
                decoding: HistoryLimits(count: 1, bytes: 1, age: .zero - .seconds(1)).encoded())
        }
    }

    // MARK: A cluster

    /// Three nodes of which each was told another count.
    private static func net(_ age: Interval = .zero) -> NodeNet {
        NodeNet.ready {
            $0.state.historyBlockBytes = 128
            $0.limits.checkpointEntries = 8
            $0.limits.history = HistoryLimits(
                count: Int($0.id.rawValue) * 10, bytes: 1 << 20, age: age)
        }
    }

    @Test("the leader's limits are in force on all nodes, and the next leader's after it")
    func leaderDecides() {
        var net = Self.net()
        let first = net.leader
        #expect(net.nodes.allSatisfy { $0.state.limits.historyCount == Int(first) * 10 })
        let client = net.connectClient(first)
        let room = net.createRoom(first, client, "tea")
        _ = net.ask(first, client, .joinRoom(room: room, user: "ann", since: nil))
        for number in 0..<60 { _ = net.ask(first, client, say(room, "ann", "\(number)"), for: 5) }
        let kept = net[first].state.room(room)?.history.count ?? 0
        #expect(kept >= Int(first) * 10 && kept < 60)
        net.step(first, .transfer(nil))
        net.run(3_000)
        let second = net.leader
        #expect(second != first)
        #expect(net.nodes.allSatisfy { $0.state.limits.historyCount == Int(second) * 10 })
        #expect(
            net.marks.contains(.historyLimitsChanged) && net.marks.contains(.checkpointCompared))
        #expect(net.nodes.allSatisfy { $0.halted == nil })
        #expect(Set(net.nodes.map(\.state.rollingDigest)).count == 1)
    }

    @Test("old messages go on all nodes by the log's time, and a late joiner is told so")
    func ageInCluster() {
        var net = Self.net(.seconds(20))
        let client = net.connectClient(1)
        let room = net.createRoom(1, client, "tea")
        _ = net.ask(1, client, .joinRoom(room: room, user: "ann", since: nil))
        for number in 0..<5 { _ = net.ask(1, client, say(room, "ann", "\(number)")) }
        net.run(10_000)
        #expect(net[1].state.room(room)?.history.count == 5)
        net.run(20_000)
        #expect(net.nodes.allSatisfy { $0.state.room(room)?.history.count == 0 })
        #expect(net.marks.contains(.historyAged))
        let late = net.connectClient(2)
        guard
            case .message(.joined(let reply))? =
                net.ask(2, late, .joinRoom(room: room, user: "bob", since: 2)).first
        else {
            Issue.record("not joined")
            return
        }
        #expect(reply.historyFrom == 6 && !reply.historyComplete)
        _ = net.ask(2, late, say(room, "bob", "hello"))
        #expect(net.sequences(2, late) == [6])
    }

    @Test("limits and ages come through a snapshot")
    func snapshot() throws {
        var state = ReplicatedState()
        var effects: [StateEffect] = []
        let told = HistoryLimits(count: 7, bytes: 9_999, age: .seconds(60))
        state.apply(
            Entry(
                index: LogIndex(1), term: Term(1), stamp: Self.stamp(1), kind: .limits,
                payload: told.encoded()), into: &effects)
        #expect(state.limits.history == told && effects == [])
        let restored = try ReplicatedState(snapshotChunks: state.snapshotChunks())
        #expect(restored == state && restored.limits.history == told)
        // What cannot be read changes nothing.
        state.apply(
            Entry(
                index: LogIndex(2), term: Term(1), stamp: Self.stamp(1), kind: .limits,
                payload: [1, 0]), into: &effects)
        #expect(state.limits.history == told)
    }

    @Test("seeds in which members were told different limits hold")
    func seeds() {
        let result = run(seeds: 30_500..<30_520, duration: .seconds(30), codecs: chatCodecs)
        #expect(result.failures.map(\.seed) == [])
        #expect(result.statistics.marks[Int(Mark.historyLimitsChanged.rawValue)] > 5)
        #expect(result.statistics.marks[Int(Mark.historyAged.rawValue)] > 0)
    }
}
