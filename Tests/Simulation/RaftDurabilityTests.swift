import Testing

@testable import Protocols

@Suite("Raft: what is durable")
struct RaftDurabilityTests {
    @Test("an acknowledgement waits for every write before it, in order")
    func inOrder() {
        var solo = Solo(term: 1, terms: [1])
        _ = solo.receive(2, 1, append(after: point(1, 1), commit: 1, [entry(2, 1)]))
        _ = solo.receive(2, 1, append(after: point(2, 1), commit: 1, [entry(3, 1)]))
        // An append that brings nothing new promises what is still on its way to the disk.
        #expect(solo.receive(2, 1, append(after: point(3, 1), commit: 1)) == [])
        #expect(solo.step(.persisted(token(1))) == [sent(2, 1, matched(2))])
        #expect(solo.raft.durableIndex == index(2))
        #expect(
            solo.step(.persisted(token(2))) == [sent(2, 1, matched(3)), sent(2, 1, matched(3))])
        #expect(solo.raft.durableIndex == index(3))
    }

    @Test("one completion covers the writes before it")
    func covers() {
        var solo = Solo(term: 1, terms: [1])
        _ = solo.receive(2, 1, append(after: point(1, 1), commit: 1, [entry(2, 1)]))
        _ = solo.receive(2, 1, append(after: point(2, 1), commit: 1, [entry(3, 1)]))
        #expect(
            solo.step(.persisted(token(2))) == [sent(2, 1, matched(2)), sent(2, 1, matched(3))])
        #expect(solo.step(.persisted(token(2))) == [])
    }

    @Test("a completion of an earlier boot is not one of this boot")
    func otherBoot() {
        var solo = Solo(term: 1, terms: [1], boot: 2)
        _ = solo.receive(2, 1, append(after: point(1, 1), commit: 1, [entry(2, 1)]))
        #expect(solo.step(.persisted(token(1, boot: 1))) == [])
        #expect(solo.raft.durableIndex == index(1))
        #expect(solo.step(.persisted(token(1, boot: 2))) == [sent(2, 1, matched(2))])
    }

    @Test("answers to heartbeats and rejections wait for the term alone")
    func termBarrier() {
        var solo = Solo(term: 1, terms: [1])
        _ = solo.receive(2, 2, append(after: point(1, 1), commit: 1, [entry(2, 2)]))
        _ = solo.receive(2, 2, append(after: point(2, 2), commit: 1, [entry(3, 2)]))
        #expect(solo.receive(2, 2, heartbeat(round: 4)) == [])
        #expect(
            solo.step(.persisted(token(1))) == [
                sent(2, 2, matched(2)), sent(2, 2, .heartbeatResponse(round: 4)),
            ])
        #expect(
            solo.receive(2, 2, heartbeat(round: 5)) == [
                sent(2, 2, .heartbeatResponse(round: 5))
            ])
    }

    @Test("a vote waits for its own write even when entries are written before it")
    func voteBehindEntries() {
        var solo = Solo(term: 1, terms: [1])
        _ = solo.receive(2, 1, append(after: point(1, 1), commit: 1, [entry(2, 1)]))
        solo.wait(2_000)
        #expect(
            solo.receive(3, 2, voteRequest(point(2, 1))) == [persist(2, hardState: hardState(2, 3))]
        )
        #expect(solo.step(.persisted(token(1))) == [sent(2, 1, matched(2))])
        #expect(solo.step(.persisted(token(2))) == [sent(3, 2, .voteResponse(granted: true))])
    }

    @Test("cutting the log takes back what was durable (planted 18)")
    func truncationLowersDurable() {
        var solo = Solo(term: 1, terms: [1, 1, 1, 1])
        #expect(solo.raft.durableIndex == index(4))
        _ = solo.receive(2, 2, append(after: point(2, 1), commit: 1, [entry(3, 2)]))
        #expect(solo.raft.durableIndex == index(2))
        _ = solo.persisted()
        #expect(solo.raft.durableIndex == index(3))
    }

    @Test("the completion of a write of entries that were replaced says nothing (planted 19)")
    func lateToken() {
        var solo = Solo(term: 1, terms: [1])
        _ = solo.receive(
            2, 1, append(after: point(1, 1), commit: 1, entries(from: 2, terms: [1, 1])))
        _ = solo.receive(
            3, 2, append(after: point(1, 1), commit: 1, entries(from: 2, terms: [2, 2])))
        _ = solo.step(.persisted(token(1)))
        #expect(solo.raft.durableIndex == index(1))
        #expect(solo.step(.persisted(token(2))) == [sent(3, 2, matched(3))])
        #expect(solo.raft.durableIndex == index(3))
    }

    @Test("the completion of a write whose entries were replaced and came back says nothing")
    func lateTokenComesBack() {
        var solo = Solo(term: 1, terms: [1])
        _ = solo.receive(2, 1, append(after: point(1, 1), commit: 1, [entry(2, 1)]))
        _ = solo.receive(3, 2, append(after: point(1, 1), commit: 1, [entry(2, 2)]))
        _ = solo.receive(2, 3, append(after: point(1, 1), commit: 1, [entry(2, 1)]))
        // A crash now may leave the second write on the disk and not the third.
        _ = solo.step(.persisted(token(1)))
        #expect(solo.raft.durableIndex == index(1))
        _ = solo.step(.persisted(token(3)))
        #expect(solo.raft.durableIndex == index(2))
    }

    @Test("a leader whose disk does not complete writes gives up its role")
    func stalledDisk() {
        var solo = Solo(term: 1, terms: [1])
        solo.becomeSettledLeader()
        _ = solo.step(.propose(.command, payload: [1]))
        _ = solo.tick()
        for _ in 0..<14 {
            solo.wait(100)
            _ = solo.receive(2, 2, .heartbeatResponse(round: 0))
            _ = solo.tick()
        }
        #expect(solo.raft.role == .leader)
        solo.wait(100)
        #expect(solo.tick().first == .diskStalled)
        #expect(solo.raft.role == .follower)
        let settles = solo.settlesAfterTicks()
        #expect(settles)
        // While it stalls the member does not campaign either.
        solo.now = solo.raft.electionDeadline
        #expect(solo.tick() == [])
        #expect(solo.raft.electionDeadline > solo.now)
        _ = solo.persisted()
        #expect(
            solo.untilDeadline() == [
                sent(2, 3, preVoteRequest(point(3, 2))), sent(3, 3, preVoteRequest(point(3, 2))),
            ])
        #expect(solo.marks.contains(.steppedDownOnStalledDisk))
    }

    @Test("what the disk does not take does not gather in memory: the leader sends it again")
    func stalledFollower() {
        var solo = Solo(term: 1, terms: [1])
        let first = entries(from: 2, terms: [1])
        #expect(
            solo.receive(2, 1, append(after: point(1, 1), commit: 1, first)) == [persist(1, first)])
        solo.now = solo.now + solo.raft.configuration.diskStall
        let more = append(after: point(2, 1), commit: 1, entries(from: 3, terms: [1]))
        #expect(solo.receive(2, 1, more) == [])
        #expect(solo.raft.log.lastIndex == index(2))
        #expect(solo.marks.contains(.appendDroppedOnStalledDisk))
        #expect(solo.persisted() == [sent(2, 1, matched(2))])
        #expect(
            solo.receive(2, 1, more) == [persist(2, entries(from: 3, terms: [1]))])
    }

    @Test("a leader that steps down still writes what it had gathered")
    func gatheredIsWritten() {
        var solo = Solo(term: 1, terms: [1])
        solo.becomeSettledLeader()
        _ = solo.step(.propose(.command, payload: [1]))
        let effects = solo.receive(2, 5, .heartbeatResponse(round: 0))
        #expect(
            effects == [
                persist(
                    3, hardState: hardState(5),
                    Array(solo.raft.log.slice(from: index(3), maximumBytes: .max)))
            ])
        #expect(solo.raft.log.lastIndex == index(3))
    }

    @Test("what is acknowledged survives the crash of every member (Raft figure 2)")
    func crashOfAll() throws {
        var net = RaftNet(3)
        net.run(2_000)
        let leader = try #require(net.leaders.first)
        for value in UInt8(0)..<10 { net.propose(leader, [value]) }
        net.run(200)
        let before = net.payloads(leader)
        #expect(before.count == 10)
        for id in UInt32(1)...3 { net.restart(id) }
        net.run(3_000)
        for id in UInt32(1)...3 { #expect(net.payloads(id) == before) }
    }
}
