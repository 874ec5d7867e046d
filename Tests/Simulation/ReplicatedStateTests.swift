import Protocols
import Testing

@Suite("Replicated state")
struct ReplicatedStateTests {
    @Test("replicas that apply the same entries are equal; no payload is a trap", arguments: 1...20)
    func determinism(seed: UInt64) {
        var log = RandomLog(seed: seed)
        var one = ReplicatedState(limits: tightLimits(), checkpointEntries: 16)
        var two = one
        var marks = MarkSet()
        for round in 0..<1_500 {
            let entry = log.next(for: one)
            let before = one.stamp
            var effects: [StateEffect] = []
            var others: [StateEffect] = [.nodeSessionEnded(node: NodeID(9), SessionID(9))]
            let held = round % 50 == 0 ? two : nil
            let report = one.apply(entry, into: &effects)
            #expect(two.apply(entry, into: &others) == report)
            #expect(Array(others.dropFirst()) == effects)
            #expect(one.stamp >= before)
            #expect(held.map { $0 != two } ?? true)
            marks.formUnion(report.marks)
        }
        #expect(one == two)
        var a = Digest()
        var b = Digest()
        one.digest(into: &a)
        two.digest(into: &b)
        #expect(a == b)
        let usual = [
            Mark.duplicateRequest, Mark.sessionRefused, Mark.sessionExpired,
            Mark.nodeSessionSuperseded, Mark.historyTrimmed, Mark.retryByMessageID,
        ]
        for mark in usual {
            #expect(marks.contains(mark))
        }
    }

    @Test("garbage payloads of every kind change nothing but the position and the digest")
    func garbage() {
        var prng = Prng(seed: 6)
        var driver = StateDriver()
        let session = driver.openNode()
        for _ in 0..<3_000 {
            let payload = (0..<prng.int(in: 0..<40)).map { _ in UInt8(prng.below(256)) }
            for kind: EntryKind in [.noop, .command, .membership, .clusterVersion, .checkpoint] {
                driver.apply(kind, payload.first == 1 ? [7] + payload : payload)
                #expect(driver.effects == [])
            }
        }
        #expect(driver.state.sessions.table.map(\.key) == [session])
        #expect(driver.state.founders == [])
    }

    @Test("an unknown operation of a known session is refused as malformed, once and for all")
    func malformed() {
        var driver = StateDriver()
        let session = driver.openNode()
        let header: [UInt8] = [1, UInt8(session.rawValue), 4, 1]
        let refused = [StateEffect.outcome(session: session, sequence: 4, .refused(.malformed))]
        #expect(driver.apply(.command, header + [200]) == refused)
        #expect(driver.run(session, 4, creation(1)) == refused)
        #expect(driver.state.room(roomID(1)) == nil)
        #expect(driver.apply(.command, Array(header.prefix(3))) == [])
    }

    @Test("the first membership names the cluster; its version only rises")
    func membership() {
        var driver = StateDriver()
        let founders = [1, 2, 3].map { Member(id: NodeID($0), incarnation: Incarnation(5)) }
        driver.apply(
            .membership, MembershipPayload(members: founders, clusterVersion: 2).encoded())
        #expect(driver.report.marks.contains(.membershipAdopted))
        driver.apply(
            .membership,
            MembershipPayload(members: Array(founders.prefix(1)), clusterVersion: 9).encoded())
        #expect(driver.state.founders == founders)
        #expect(driver.state.clusterVersion == 2)
        for version: UInt32 in [1, 4, 3] {
            driver.apply(
                .clusterVersion, ClusterVersionPayload(clusterVersion: version).encoded())
        }
        #expect(driver.state.clusterVersion == 4)
    }

    @Test("replicas that differ in one entry differ from then on, and a checkpoint tells")
    func divergence() {
        var one = StateDriver(checkpointEntries: 8)
        let session = one.openNode()
        var two = one
        _ = one.run(session, 1, .register(key: "k", .set(value: [1])))
        _ = two.run(session, 1, .register(key: "k", .compareAndSet(expectedVersion: 3, value: [1])))
        for sequence: UInt64 in 2...20 {
            #expect(one.state.rollingDigest != two.state.rollingDigest)
            _ = one.run(session, sequence, .keepAlive)
            _ = two.run(session, sequence, .keepAlive)
        }
        let index = LogIndex(16)
        guard let digest = one.state.digest(at: index) else {
            Issue.record("no checkpoint")
            return
        }
        let checkpoint = CheckpointPayload(index: index, digest: digest).encoded()
        one.apply(.checkpoint, checkpoint)
        #expect(one.report.mismatch == nil)
        #expect(one.report.marks.contains(.checkpointCompared))
        two.apply(.checkpoint, checkpoint)
        #expect(two.report.mismatch == index)
        #expect(one.state.digest(at: LogIndex(15)) == nil)
        for _ in 0..<1_000 { one.apply(.noop, []) }
        #expect(one.state.digest(at: index) == nil)
        #expect(one.state.checkpoints.count == ReplicatedState.checkpointLimit)
    }

    @Test("registers are written by version")
    func registers() {
        var driver = StateDriver()
        let session = driver.openNode()
        func write(_ sequence: UInt64, _ operation: RegisterOperation) -> Outcome? {
            driver.outcome(session, sequence, .register(key: "k", operation))
        }
        #expect(
            write(1, .compareAndSet(expectedVersion: 1, value: [1]))
                == .versionMismatch(RegisterValue()))
        #expect(write(2, .compareAndSet(expectedVersion: 0, value: [1])) == .written(version: 1))
        #expect(write(3, .set(value: [2, 2])) == .written(version: 2))
        #expect(
            write(4, .compareAndSet(expectedVersion: 1, value: [3]))
                == .versionMismatch(RegisterValue(value: [2, 2], version: 2)))
        #expect(driver.state.register("k") == RegisterValue(value: [2, 2], version: 2))
        #expect(driver.state.register("j") == RegisterValue())
    }

    @Test("what is gone is not counted any more")
    func accounting() {
        var driver = StateDriver()
        let session = driver.openNode()
        _ = driver.run(session, 1, creation(1))
        _ = driver.run(session, 2, .keepAlive, below: 2)
        let before = driver.state.byteCount
        _ = driver.run(session, 3, joining(1, "alice", 1), below: 3)
        _ = driver.run(session, 4, joining(1, "alice", 2), below: 4)
        _ = driver.run(session, 5, joining(1, "bob", 2), below: 5)
        #expect(driver.state.byteCount > before)
        for slot: UInt32 in 1...2 {
            _ = driver.run(
                session, UInt64(slot) + 5,
                .disconnect(connection: connection(slot), reason: .disconnected, at: wall(1)),
                below: UInt64(slot) + 5)
        }
        #expect(driver.state.byteCount == before)
    }
}
