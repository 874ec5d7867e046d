import Testing

@testable import Protocols

@Suite("Raft: snapshots")
struct RaftSnapshotTests {
    // MARK: Taking

    @Test("a snapshot compacts the log when it is durable, and not before (Raft 7)")
    func taken() {
        var configuration = RaftConfiguration()
        configuration.trailingBytes = 0
        var solo = Solo(term: 1, terms: [1, 1, 1, 1], configuration: configuration)
        _ = solo.receive(2, 1, heartbeat(commit: 3))
        let own = snapshot(point(3, 1))
        #expect(solo.step(.snapshotTaken(own)) == [.saveSnapshot(own, token(1))])
        #expect(solo.raft.log.start == .zero && !solo.raft.canTakeSnapshot)
        #expect(solo.step(.snapshotSaved(token(1))) == [.compactLog(through: index(3))])
        #expect(solo.raft.log.start == point(3, 1) && solo.raft.snapshot == own)
        #expect(solo.raft.canTakeSnapshot)
        #expect(solo.marks.contains(.logCompacted))
        #expect(solo.marks.contains(.snapshotTaken))
    }

    @Test("entries before a snapshot's point are kept for followers that lag a little")
    func trailing() {
        var configuration = RaftConfiguration()
        configuration.trailingBytes = 100
        var solo = Solo(term: 1, terms: [1, 1, 1, 1], configuration: configuration)
        _ = solo.receive(2, 1, heartbeat(commit: 4))
        _ = solo.step(.snapshotTaken(snapshot(point(4, 1))))
        #expect(solo.step(.snapshotSaved(token(1))) == [.compactLog(through: index(4))])
        #expect(solo.raft.log.start == point(2, 1))
    }

    @Test("one snapshot is saved at a time, and none that is older (planted 21)")
    func oneAtATime() {
        var solo = Solo(term: 1, terms: [1, 1, 1, 1])
        _ = solo.receive(2, 1, heartbeat(commit: 4))
        _ = solo.step(.snapshotTaken(snapshot(point(3, 1))))
        #expect(solo.step(.snapshotTaken(snapshot(point(4, 1)))) == [])
        _ = solo.step(.snapshotSaved(token(1)))
        #expect(solo.step(.snapshotTaken(snapshot(point(2, 1)))) == [])
        #expect(solo.step(.snapshotTaken(snapshot(point(3, 1)))) == [])
        #expect(solo.step(.snapshotSaved(token(1))) == [])
        #expect(solo.step(.snapshotSaved(token(2, boot: 9))) == [])
        #expect(solo.raft.snapshot?.point == point(3, 1))
    }

    @Test("an own snapshot that becomes durable late does not replace the leader's (planted 21)")
    func ownSnapshotIsLate() {
        var solo = Solo(term: 1, terms: [1, 1, 1])
        _ = solo.receive(2, 1, heartbeat(commit: 3))
        _ = solo.step(.snapshotTaken(snapshot(point(3, 1))))
        let leaders = snapshot(point(9, 1))
        _ = solo.receive(2, 1, chunk(leaders, 0))
        _ = solo.step(.snapshotSaved(token(2)))
        #expect(solo.raft.commitIndex == index(9))
        #expect(solo.step(.snapshotSaved(token(1))) == [])
        #expect(solo.raft.snapshot == leaders && solo.raft.log.start == point(9, 1))
    }

    @Test("a member starts from its snapshot: what it stands for is committed")
    func start() {
        let own = snapshot(point(5, 2))
        let solo = Solo(term: 3, terms: [2, 3], snapshot: own)
        #expect(solo.raft.commitIndex == index(5) && solo.raft.log.start == point(5, 2))
        #expect(solo.raft.log.lastIndex == index(7) && solo.raft.durableIndex == index(7))
        #expect(solo.raft.snapshot == own)
    }

    // MARK: Receiving

    @Test("parts are asked for one by one, saved, then installed, then acknowledged (Raft 7)")
    func install() {
        var solo = Solo(term: 1, terms: [1])
        let whole = snapshot(point(9, 1), chunks: 2)
        #expect(
            solo.receive(2, 1, chunk(whole, 0)) == [
                sent(2, 1, .snapshotResponse(.wants(number: 1, of: index(9))))
            ])
        #expect(solo.receive(2, 1, chunk(whole, 1)) == [.saveSnapshot(whole, token(1))])
        #expect(solo.raft.commitIndex == index(1))
        #expect(
            solo.step(.snapshotSaved(token(1))) == [
                .restore(whole), .compactLog(through: index(9)),
                persist(1, startAfter: point(9, 1)),
            ])
        #expect(solo.raft.commitIndex == index(9) && solo.raft.log == RaftLog(start: point(9, 1)))
        #expect(solo.raft.durableIndex == index(9))
        #expect(solo.persisted() == [sent(2, 1, .snapshotResponse(.installed(index(9))))])
        #expect(solo.marks.contains(.snapshotInstalled))
    }

    @Test("a part that is not the next one is asked for again; twice the same changes nothing")
    func partsOutOfOrder() {
        var solo = Solo(term: 1, terms: [1])
        let whole = snapshot(point(9, 1), chunks: 3)
        let wantsFirst = sent(2, 1, .snapshotResponse(.wants(number: 0, of: index(9))))
        let wantsSecond = sent(2, 1, .snapshotResponse(.wants(number: 1, of: index(9))))
        #expect(solo.receive(2, 1, chunk(whole, 2)) == [wantsFirst])
        #expect(solo.receive(2, 1, chunk(whole, 0)) == [wantsSecond])
        #expect(solo.receive(2, 1, chunk(whole, 0)) == [wantsSecond])
        _ = solo.receive(2, 1, chunk(whole, 1))
        #expect(solo.receive(2, 1, chunk(whole, 2)) == [.saveSnapshot(whole, token(1))])
        #expect(solo.receive(2, 1, chunk(whole, 2)) == [])
    }

    @Test("parts of another snapshot begin anew")
    func otherSnapshot() {
        var solo = Solo(term: 1, terms: [1])
        _ = solo.receive(2, 1, chunk(snapshot(point(9, 1), chunks: 3), 0))
        let newer = snapshot(point(12, 1), chunks: 2)
        #expect(
            solo.receive(2, 1, chunk(newer, 1)) == [
                sent(2, 1, .snapshotResponse(.wants(number: 0, of: index(12))))
            ])
        _ = solo.receive(2, 1, chunk(newer, 0))
        #expect(solo.receive(2, 1, chunk(newer, 1)) == [.saveSnapshot(newer, token(1))])
    }

    @Test("a snapshot of what is committed here is not needed (Raft 7)")
    func stale() {
        var solo = Solo(term: 1, terms: [1, 1, 1])
        _ = solo.receive(2, 1, heartbeat(commit: 3))
        #expect(
            solo.receive(2, 1, chunk(snapshot(point(2, 1)), 0)) == [
                sent(2, 1, .snapshotResponse(.installed(index(3))))
            ])
        #expect(solo.marks.contains(.snapshotIgnoredStale))
    }

    @Test("a snapshot of a part of the log commits it and keeps what follows (Raft 7, planted 23)")
    func prefix() {
        var solo = Solo(term: 1, terms: [1, 1, 1, 1])
        #expect(
            solo.receive(2, 1, chunk(snapshot(point(3, 1)), 0)) == [
                sent(2, 1, .snapshotResponse(.installed(index(3))))
            ])
        #expect(solo.raft.commitIndex == index(3) && solo.raft.log.lastIndex == index(4))
        #expect(solo.marks.contains(.snapshotKeptSuffix))
    }

    @Test("a log that got past a snapshot while that was saved is kept (planted 23)")
    func overtaken() {
        var solo = Solo(term: 1, terms: [1])
        let whole = snapshot(point(3, 1))
        _ = solo.receive(2, 1, chunk(whole, 0))
        _ = solo.receive(
            2, 1, append(after: point(1, 1), commit: 1, entries(from: 2, terms: [1, 1, 1])))
        _ = solo.persisted()
        #expect(
            solo.step(.snapshotSaved(token(1))) == [
                sent(2, 1, .snapshotResponse(.installed(index(3))))
            ])
        #expect(solo.raft.log.lastIndex == index(4) && solo.raft.commitIndex == index(3))
        var other = Solo(term: 1, terms: [1])
        _ = other.receive(2, 1, chunk(whole, 0))
        _ = other.receive(
            2, 1, append(after: point(1, 1), commit: 4, entries(from: 2, terms: [1, 1, 1])))
        _ = other.persisted()
        #expect(
            other.step(.snapshotSaved(token(1))) == [
                sent(2, 1, .snapshotResponse(.installed(index(4))))
            ])
        #expect(other.raft.commitIndex == index(4) && other.raft.log.lastIndex == index(4))
    }

    @Test("a conflicting log is replaced by a leader's snapshot (Raft 7)")
    func conflicting() {
        var solo = Solo(term: 2, terms: [1, 1, 2, 2, 2])
        let whole = snapshot(point(4, 3))
        _ = solo.receive(2, 3, chunk(whole, 0))
        #expect(
            solo.step(.snapshotSaved(token(1))) == [
                .restore(whole), .compactLog(through: index(4)),
                persist(2, startAfter: point(4, 3)),
            ])
        #expect(solo.raft.log.last == point(4, 3))
    }

    // MARK: Sending

    /// A leader whose log begins after a snapshot of two parts at 5; its own entry stands at 6.
    func leader() -> Solo {
        var solo = Solo(
            term: 2, snapshot: snapshot(point(5, 2), chunks: 2))
        solo.becomeLeader()
        return solo
    }

    /// Has member 2 reject what the leader has, so that the snapshot is sent.
    func begin(_ solo: inout Solo) -> [Raft.Effect] {
        solo.receive(2, 3, .appendResponse(.rejected(previous: index(5), hint: point(1, 1))))
    }

    @Test("a follower that needs what is compacted gets the snapshot, part by part (Raft 7)")
    func send() {
        var solo = leader()
        let whole = solo.raft.snapshot!
        #expect(begin(&solo) == [sent(2, 3, chunk(whole, 0))])
        #expect(
            solo.receive(2, 3, .snapshotResponse(.wants(number: 1, of: index(5)))) == [
                sent(2, 3, chunk(whole, 1))
            ])
        let own = Array(solo.raft.log.slice(from: index(6), maximumBytes: .max))
        #expect(
            solo.receive(2, 3, .snapshotResponse(.installed(index(5)))) == [
                sent(2, 3, append(after: point(5, 2), commit: 5, own))
            ])
        #expect(solo.raft.progress[node(2)]?.match == index(5))
        #expect(solo.marks.contains(.snapshotSent))
    }

    @Test("no appends go to a follower while it gets a snapshot")
    func quietMeanwhile() {
        var solo = leader()
        _ = begin(&solo)
        _ = solo.step(.propose(.command, payload: [1]))
        let toTwo = solo.tick().filter { if case .send(node(2), _) = $0 { true } else { false } }
        #expect(toTwo == [])
    }

    @Test("a part is sent again when its answer is overdue, and not earlier")
    func resend() {
        var solo = leader()
        let whole = solo.raft.snapshot!
        _ = begin(&solo)
        solo.wait(399)
        #expect(solo.receive(2, 3, .heartbeatResponse(round: 0)) == [])
        solo.wait(1)
        #expect(solo.receive(2, 3, .heartbeatResponse(round: 0)) == [sent(2, 3, chunk(whole, 0))])
        #expect(solo.marks.contains(.snapshotChunkResent))
    }

    @Test("an answer that comes twice does not double the transfer")
    func noDoubling() {
        var solo = Solo(term: 2, snapshot: snapshot(point(5, 2), chunks: 4))
        solo.becomeLeader()
        let whole = solo.raft.snapshot!
        _ = begin(&solo)
        let wants = RaftMessage.Body.snapshotResponse(.wants(number: 1, of: index(5)))
        #expect(solo.receive(2, 3, wants) == [sent(2, 3, chunk(whole, 1))])
        #expect(solo.receive(2, 3, wants) == [])
    }

    @Test("a follower that crashed during the transfer gets it from the beginning")
    func followerCrashed() {
        var solo = leader()
        let whole = solo.raft.snapshot!
        _ = begin(&solo)
        _ = solo.receive(2, 3, .snapshotResponse(.wants(number: 1, of: index(5))))
        #expect(
            solo.receive(2, 3, .snapshotResponse(.wants(number: 0, of: index(5)))) == [
                sent(2, 3, chunk(whole, 0))
            ])
    }

    @Test("answers about another snapshot or a part that is none are passed over")
    func foreignAnswers() {
        var solo = leader()
        _ = begin(&solo)
        #expect(solo.receive(2, 3, .snapshotResponse(.wants(number: 1, of: index(4)))) == [])
        #expect(solo.receive(2, 3, .snapshotResponse(.wants(number: 7, of: index(5)))) == [])
        #expect(
            solo.receive(2, 3, .snapshotResponse(.installed(index(999)))) == [
                .peerFaulty(node(2), .claimBeyondLog)
            ])
        #expect(solo.receive(3, 3, .snapshotResponse(.wants(number: 0, of: index(5)))) == [])
        #expect(solo.raft.progress[node(2)]?.match == .zero)
    }

    @Test("a follower that was away while the log was compacted catches up by snapshot")
    func network() throws {
        var configuration = RaftConfiguration()
        configuration.trailingBytes = 0
        var net = RaftNet(3, configuration: configuration)
        net.run(2_000)
        let leader = try #require(net.leaders.first)
        let away = leader % 3 + 1
        net.isolate(away)
        for value in UInt8(0)..<5 { net.propose(leader, [value]) }
        net.run(300)
        let at = SnapshotPoint(index: net[leader].commitIndex, term: net[leader].log.lastTerm)
        net.step(leader, .snapshotTaken(snapshot(at, chunks: 3)))
        #expect(net[leader].log.start == at)
        net.propose(leader, [77])
        net.run(300)
        net.heal()
        net.run(3_000)
        #expect(net[away].snapshot?.point == at)
        #expect(
            net[away].log == net[leader].log && net[away].commitIndex == net[leader].commitIndex)
        #expect(net.payloads(away) == [[77]])
        net.restart(away)
        net.run(2_000)
        #expect(net[away].log == net[leader].log)
    }
}
