import Testing

@testable import Protocols

@Suite("Raft: linearizable reads (thesis 6.4)")
struct RaftReadTests {
    let first = ReadID(boot: Boot(1), sequence: 1)
    let second = ReadID(boot: Boot(1), sequence: 2)

    /// A leader of term 2 whose own entry, at 2, is committed and known to all.
    func leader(of voters: [UInt32] = [1, 2, 3]) -> Solo {
        var solo = Solo(of: voters, term: 1, terms: [1])
        solo.becomeSettledLeader()
        return solo
    }

    @Test("a read waits for a round of heartbeats that a majority answers (planted 31)")
    func round() {
        var solo = leader()
        #expect(solo.step(.read(first)) == [])
        #expect(
            solo.tick() == [
                sent(2, 2, heartbeat(commit: 2, round: 1)),
                sent(3, 2, heartbeat(commit: 2, round: 1)),
            ])
        #expect(solo.receive(2, 2, .heartbeatResponse(round: 0)) == [])
        #expect(
            solo.receive(2, 2, .heartbeatResponse(round: 1)) == [.readReady(first, index(2))])
        #expect(solo.receive(3, 2, .heartbeatResponse(round: 1)) == [])
        #expect(solo.marks.contains(.readIndexServed))
    }

    @Test("a majority of five needs two answers beside the leader")
    func five() {
        var solo = leader(of: [1, 2, 3, 4, 5])
        _ = solo.step(.read(first))
        _ = solo.tick()
        #expect(solo.receive(2, 2, .heartbeatResponse(round: 1)) == [])
        #expect(solo.receive(2, 2, .heartbeatResponse(round: 1)) == [])
        #expect(
            solo.receive(4, 2, .heartbeatResponse(round: 1)) == [.readReady(first, index(2))])
    }

    @Test("the index of a read is the commit index when its round began")
    func indexOfRound() {
        var solo = leader()
        _ = solo.step(.read(first))
        _ = solo.tick()
        _ = solo.step(.propose(.command, payload: [1]))
        _ = solo.tick()
        _ = solo.receive(2, 2, matched(3))
        _ = solo.receive(3, 2, matched(3))
        #expect(solo.raft.commitIndex == index(3))
        _ = solo.step(.read(second))
        _ = solo.tick()
        #expect(
            solo.receive(2, 2, .heartbeatResponse(round: 2)) == [
                .readReady(first, index(2)), .readReady(second, index(3)),
            ])
    }

    @Test("a read that came after a round began waits for the next one (etcd raft 397)")
    func laterRead() {
        var solo = leader()
        _ = solo.step(.read(first))
        _ = solo.tick()
        _ = solo.step(.read(second))
        #expect(
            solo.receive(2, 2, .heartbeatResponse(round: 1)) == [.readReady(first, index(2))])
        _ = solo.tick()
        #expect(
            solo.receive(3, 2, .heartbeatResponse(round: 2)) == [.readReady(second, index(2))])
    }

    @Test("a new leader reads nothing before its own entry is committed (thesis 6.4, planted 30)")
    func ownTermFirst() {
        var solo = Solo(term: 1, terms: [1, 1])
        solo.becomeLeader()
        #expect(solo.step(.read(first)) == [])
        #expect(solo.tick() == [])
        #expect(
            solo.receive(2, 2, .heartbeatResponse(round: 0)).contains {
                if case .readReady = $0 { true } else { false }
            } == false)
        _ = solo.receive(2, 2, matched(3))
        #expect(
            solo.tick().first == sent(2, 2, heartbeat(commit: 3, round: 1)))
        #expect(
            solo.receive(2, 2, .heartbeatResponse(round: 1)) == [.readReady(first, index(3))])
        #expect(solo.marks.contains(.readIndexDeferred))
    }

    @Test("a leader that steps down fails the reads that wait, in all stages")
    func stepDown() {
        var solo = leader()
        _ = solo.step(.read(first))
        _ = solo.tick()
        _ = solo.step(.read(second))
        _ = solo.receive(3, 2, .readRequest(ReadID(boot: Boot(4), sequence: 9)))
        #expect(
            solo.receive(2, 3, .heartbeatResponse(round: 1)) == [
                .readFailed(first), .readFailed(second), persist(3, hardState: hardState(3)),
                sent(3, 3, .readResponse(ReadID(boot: Boot(4), sequence: 9), index: nil)),
            ])
        #expect(solo.marks.contains(.readIndexAborted))
    }

    @Test("a follower asks its leader; without one a read fails at once")
    func forwarded() {
        var solo = Solo(term: 1, terms: [1])
        #expect(solo.step(.read(first)) == [.readFailed(first)])
        _ = solo.receive(2, 1, heartbeat())
        #expect(solo.step(.read(first)) == [sent(2, 1, .readRequest(first))])
        #expect(
            solo.receive(2, 1, .readResponse(first, index: index(1))) == [
                .readReady(first, index(1))
            ])
        #expect(solo.receive(2, 1, .readResponse(second, index: nil)) == [.readFailed(second)])
        #expect(solo.marks.contains(.readIndexForwarded))
    }

    @Test("an answer to a read of an earlier boot is dropped")
    func otherBoot() {
        var solo = Solo(term: 1, terms: [1], boot: 2)
        _ = solo.receive(2, 1, heartbeat())
        #expect(solo.receive(2, 1, .readResponse(first, index: index(1))) == [])
    }

    @Test("a leader answers a follower's read when the round is confirmed; others refuse")
    func forFollower() {
        var solo = leader()
        #expect(solo.receive(3, 2, .readRequest(first)) == [])
        _ = solo.tick()
        #expect(
            solo.receive(2, 2, .heartbeatResponse(round: 1)) == [
                sent(3, 2, .readResponse(first, index: index(2)))
            ])
        var follower = Solo(term: 2, terms: [1])
        #expect(
            follower.receive(3, 2, .readRequest(first)) == [
                sent(3, 2, .readResponse(first, index: nil))
            ])
    }

    @Test("a member alone reads without a round")
    func alone() {
        var solo = leader(of: [1])
        #expect(solo.raft.commitIndex == index(2))
        _ = solo.step(.read(first))
        #expect(solo.tick() == [.readReady(first, index(2))])
    }

    @Test("a leader that was replaced without knowing it confirms no read (planted 31)")
    func replaced() throws {
        var net = RaftNet(3)
        net.run(2_000)
        let old = try #require(net.leaders.first)
        net.isolate(old)
        net.run(500)
        net.step(old, .read(first))
        net.run(2_500)
        let new = try #require(net.leaders.first)
        #expect(new != old)
        net.propose(new, [5])
        net.run(200)
        #expect(net.reads[Int(old) - 1] == [.readFailed(first)])
        net.heal()
        net.run(500)
        net.step(old, .read(second))
        net.run(200)
        #expect(
            net.reads[Int(old) - 1] == [
                .readFailed(first), .readReady(second, net[new].commitIndex),
            ])
    }
}
