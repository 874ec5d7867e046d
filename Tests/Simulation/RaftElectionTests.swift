import Testing

@testable import Protocols

@Suite("Raft: elections")
struct RaftElectionTests {
    let last = point(3, 1)
    func follower(term: UInt64 = 1, vote: UInt32? = nil) -> Solo {
        Solo(term: term, vote: vote, terms: [1, 1, 1])
    }

    // MARK: Starting an election

    @Test("a follower that hears nobody asks for pre-votes and keeps its term (thesis 9.6)")
    func preVote() {
        var solo = follower()
        #expect(solo.raft.deadline == solo.raft.electionDeadline)
        solo.now = solo.raft.electionDeadline - Interval(nanoseconds: 1)
        #expect(solo.tick() == [])
        #expect(
            solo.untilDeadline() == [
                sent(2, 2, preVoteRequest(last)), sent(3, 2, preVoteRequest(last)),
            ])
        #expect(solo.raft.term == Term(1) && solo.raft.role == .preCandidate)
        #expect(solo.raft.electionDeadline > solo.now)
        #expect(solo.marks.contains(.preVoteStarted))
    }

    @Test("the wait for a leader lies within its bounds and differs (Raft 5.2)")
    func timeouts() {
        var waits: [Int64] = []
        var solo = follower()
        for _ in 0..<20 {
            solo.raft.resetElectionTimer(solo.now)
            waits.append((solo.raft.electionDeadline - solo.now).milliseconds)
        }
        #expect(waits.allSatisfy { (400..<800).contains($0) })
        #expect(waits.min() != waits.max())
    }

    @Test("a candidate's term and own vote are one write, and nothing leaves before it (Raft 5.2)")
    func campaign() {
        var solo = follower()
        _ = solo.untilDeadline()
        #expect(
            solo.receive(2, 2, .preVoteResponse(granted: true)) == [
                persist(1, hardState: hardState(2, 1))
            ])
        #expect(solo.raft.role == .candidate)
        #expect(
            solo.persisted() == [sent(2, 2, voteRequest(last)), sent(3, 2, voteRequest(last))])
        #expect(solo.marks.contains(.campaigned))
    }

    @Test("an elected leader tells everybody and appends an entry of its term (Raft 5.2, 8)")
    func elected() {
        var solo = follower()
        solo.becomeCandidate()
        #expect(
            solo.receive(3, 2, .voteResponse(granted: true)) == [
                sent(2, 2, heartbeat()), sent(3, 2, heartbeat()),
            ])
        #expect(solo.raft.role == .leader && solo.raft.leader == node(1))
        let noop = entry(4, 2, .noop)
        #expect(
            solo.untilDeadline() == [
                persist(2, [noop]),
                sent(2, 2, append(after: last, commit: 1, [noop])),
                sent(3, 2, append(after: last, commit: 1, [noop])),
            ])
        #expect(solo.marks.contains(.electedLeader))
    }

    @Test("a member alone elects itself once its vote is durable, and not before")
    func alone() {
        var solo = Solo(of: [1], term: 1, terms: [1])
        #expect(solo.untilDeadline() == [persist(1, hardState: hardState(2, 1))])
        #expect(solo.raft.role == .candidate)
        #expect(solo.persisted() == [])
        #expect(solo.raft.role == .leader)
        #expect(solo.untilDeadline() == [persist(2, [entry(2, 2, .noop)])])
        #expect(solo.persisted() == [])
        #expect(solo.raft.commitIndex == index(2))
    }

    @Test("a vote of the candidate for itself does not count before it is durable")
    func ownVoteDurable() {
        var solo = follower()
        _ = solo.untilDeadline()
        _ = solo.receive(2, 2, .preVoteResponse(granted: true))
        #expect(solo.receive(2, 2, .voteResponse(granted: true)) == [])
        #expect(solo.raft.role == .candidate)
        _ = solo.persisted()
        #expect(solo.raft.role == .leader)
    }

    // MARK: Counting

    @Test("a vote that comes twice counts once (Raft 5.2)")
    func duplicateVote() {
        var solo = Solo(of: [1, 2, 3, 4, 5], term: 1, terms: [1])
        solo.becomeCandidate()
        #expect(solo.receive(2, 2, .voteResponse(granted: true)) == [])
        #expect(solo.receive(2, 2, .voteResponse(granted: true)) == [])
        #expect(solo.raft.role == .candidate)
        _ = solo.receive(3, 2, .voteResponse(granted: true))
        #expect(solo.raft.role == .leader)
    }

    @Test("a vote of an earlier term does not count (Raft 5.1)")
    func staleVote() {
        var solo = follower()
        solo.becomeCandidate()
        solo.becomeCandidate()
        #expect(solo.raft.term == Term(3))
        #expect(solo.receive(2, 2, .voteResponse(granted: true)) == [])
        #expect(solo.raft.role == .candidate)
    }

    @Test("a vote of somebody who is no voter does not count")
    func learnersVote() {
        var solo = follower()
        solo.becomeCandidate()
        #expect(solo.receive(9, 2, .voteResponse(granted: true)) == [])
        #expect(solo.receive(1, 2, .voteResponse(granted: true)) == [])
        #expect(solo.raft.role == .candidate)
    }

    @Test("a majority is more than half of the voters")
    func majority() {
        let sizes: [UInt32] = [1, 2, 3, 4, 5, 7]
        let majorities = sizes.map { size in Quorum((1...size).map { node($0) }).majority }
        #expect(majorities == [1, 2, 2, 3, 3, 4])
        let four = Quorum([4, 2, 3, 1].map { node($0) })
        #expect(!four.isMet { $0.rawValue <= 2 })
        #expect(four.isMet { $0.rawValue <= 3 })
        #expect(four.reached { Int($0.rawValue) } == 2)
        #expect(Quorum([1, 2, 3].map { node($0) }).reached { Int($0.rawValue) } == 2)
        #expect(Quorum([]).reached { Int($0.rawValue) } == nil)
        #expect(!Quorum([]).isMet { _ in true })
    }

    // MARK: Giving votes

    @Test("a vote is durable with its term before it is told (Raft figure 2)")
    func voteDurable() {
        var solo = follower()
        #expect(
            solo.receive(2, 2, voteRequest(last)) == [persist(1, hardState: hardState(2, 2))])
        #expect(solo.persisted() == [sent(2, 2, .voteResponse(granted: true))])
    }

    @Test("a vote in a term that was known before is written, too (Raft figure 2, planted 1)")
    func voteInKnownTerm() {
        var solo = follower(term: 2)
        #expect(
            solo.receive(2, 2, voteRequest(last)) == [persist(1, hardState: hardState(2, 2))])
        #expect(solo.persisted() == [sent(2, 2, .voteResponse(granted: true))])
    }

    @Test("one vote a term: the first who asks gets it, and gets it again (Raft 5.2)")
    func oneVote() {
        var solo = follower(term: 2, vote: 2)
        #expect(
            solo.receive(3, 2, voteRequest(last)) == [sent(3, 2, .voteResponse(granted: false))])
        #expect(solo.receive(2, 2, voteRequest(last)) == [sent(2, 2, .voteResponse(granted: true))])
        #expect(solo.marks.contains(.voteRefusedAlreadyVoted))
    }

    @Test("term and vote outlive a restart (Raft figure 2)")
    func restart() {
        var solo = follower(term: 7, vote: 3)
        #expect(solo.raft.term == Term(7) && solo.raft.vote == node(3))
        #expect(
            solo.receive(2, 7, voteRequest(last)) == [sent(2, 7, .voteResponse(granted: false))])
        #expect(
            solo.receive(2, 6, voteRequest(last)) == [sent(2, 7, .voteResponse(granted: false))])
    }

    @Test("a log whose last term is past the hard state's raises the term and takes no vote over")
    func termFromLog() {
        let solo = Solo(term: 2, vote: 3, terms: [1, 4])
        #expect(solo.raft.term == Term(4) && solo.raft.vote == nil)
    }

    @Test(
        "no vote for a candidate whose log is not as up to date (Raft 5.4.1)",
        arguments: [
            (point(3, 2), true), (point(4, 2), true), (point(2, 3), true),
            (point(2, 2), false), (point(9, 1), false), (point(0, 0), false),
        ])
    func upToDate(candidate: SnapshotPoint, granted: Bool) {
        var solo = Solo(term: 2, terms: [1, 1, 2])
        _ = solo.receive(2, 5, voteRequest(candidate))
        #expect(solo.persisted() == [sent(2, 5, .voteResponse(granted: granted))])
        #expect(solo.raft.vote == (granted ? node(2) : nil))
        #expect(solo.marks.contains(.voteRefusedStaleLog) == !granted)
    }

    @Test("the vote outlives a step down within its term (Raft 5.2)")
    func voteKeptInTerm() {
        var solo = follower()
        solo.becomeCandidate()
        _ = solo.receive(2, 2, heartbeat())
        #expect(solo.raft.role == .follower && solo.raft.vote == node(1))
        #expect(
            solo.receive(3, 2, voteRequest(last)) == [sent(3, 2, .voteResponse(granted: false))])
    }

    @Test("no vote in a term that has a leader already")
    func noVoteUnderLeader() {
        var solo = follower()
        _ = solo.receive(2, 1, heartbeat())
        #expect(
            solo.receive(3, 1, voteRequest(last)) == [sent(3, 1, .voteResponse(granted: false))])
        #expect(solo.raft.vote == nil)
    }

    @Test("only a vote that is given delays the own election (Raft 5.2)")
    func timerOnVote() {
        var solo = Solo(term: 1, terms: [1, 1, 1])
        let due = solo.raft.electionDeadline
        solo.wait(300)
        _ = solo.receive(2, 2, voteRequest(point(1, 1)))
        #expect(solo.raft.electionDeadline == due)
        _ = solo.receive(2, 2, preVoteRequest(point(9, 9)))
        #expect(solo.raft.electionDeadline == due)
        _ = solo.receive(3, 2, voteRequest(last))
        #expect(solo.raft.electionDeadline >= solo.now + .milliseconds(400))
    }

    // MARK: Pre-votes

    @Test("a pre-vote promises nothing: no write, no change (thesis 9.6)")
    func preVoteGranted() {
        var solo = follower()
        solo.wait(500)
        let before = solo.raft
        #expect(
            solo.receive(2, 2, preVoteRequest(last)) == [
                sent(2, 2, .preVoteResponse(granted: true))
            ])
        #expect(solo.raft == before)
    }

    @Test("no pre-vote while a leader is heard, for a stale log, or for a term that is not new")
    func preVoteDenied() {
        var solo = follower()
        let denial = sent(2, 1, .preVoteResponse(granted: false))
        #expect(solo.receive(2, 2, preVoteRequest(point(2, 1))) == [denial])
        #expect(solo.receive(2, 1, preVoteRequest(last)) == [denial])
        _ = solo.receive(3, 1, heartbeat())
        #expect(solo.receive(2, 2, preVoteRequest(last)) == [denial])
        solo.wait(400)
        #expect(
            solo.receive(2, 2, preVoteRequest(last)) == [
                sent(2, 2, .preVoteResponse(granted: true))
            ])
        #expect(solo.marks.contains(.preVoteDenied))
    }

    @Test("a pre-candidate learns a higher term from a refusal (etcd raft 8525)")
    func preVoteHigherTerm() {
        var solo = follower()
        _ = solo.untilDeadline()
        #expect(
            solo.receive(2, 7, .preVoteResponse(granted: false)) == [
                persist(1, hardState: hardState(7))
            ])
        #expect(solo.raft.role == .follower && solo.raft.term == Term(7))
        #expect(
            solo.persisted() == [])
        _ = solo.untilDeadline()
        #expect(solo.raft.role == .preCandidate && solo.raft.term == Term(7))
    }

    @Test("a grant for another term than the one asked for does not count")
    func preVoteWrongTerm() {
        var solo = follower()
        _ = solo.untilDeadline()
        #expect(solo.receive(2, 5, .preVoteResponse(granted: true)) == [])
        #expect(solo.receive(3, 1, .preVoteResponse(granted: true)) == [])
        #expect(solo.raft.role == .preCandidate && solo.raft.term == Term(1))
    }

    @Test("a member that was cut off does not depose the leader when it comes back (thesis 6.2.3)")
    func cutOffMemberReturns() throws {
        var net = RaftNet(3)
        net.run(2_000)
        let leader = try #require(net.leaders.first)
        let term = net[leader].term
        let other = leader % 3 + 1
        net.isolate(other)
        net.run(5_000)
        #expect(net[other].term == term)
        net.heal()
        net.run(2_000)
        #expect(net.leaders == [leader] && net[leader].term == term)
    }

    @Test("a vote request does not depose a leader that is heard, a transfer's does (thesis 6.2.3)")
    func leaderStickiness() {
        var solo = follower()
        _ = solo.receive(2, 1, heartbeat())
        #expect(solo.receive(3, 9, voteRequest(point(9, 9))) == [])
        #expect(solo.raft.term == Term(1) && solo.raft.leader == node(2))
        #expect(
            solo.receive(3, 9, voteRequest(point(9, 9), transfer: true)) == [
                persist(1, hardState: hardState(9, 3))
            ])
        #expect(solo.marks.contains(.voteRefusedLeaderAlive))
    }

    // MARK: Terms

    @Test("a leader of an earlier term is told of the later one (thesis 6.2.3, planted 34)")
    func oldLeaderTold() {
        var solo = follower(term: 5)
        let answer = [sent(2, 5, .heartbeatResponse(round: 0))]
        let due = solo.raft.electionDeadline
        #expect(solo.receive(2, 4, heartbeat()) == answer)
        #expect(solo.receive(2, 4, append(after: last, commit: 3)) == answer)
        #expect(solo.receive(2, 4, chunk(snapshot(point(9, 4)), 0)) == answer)
        #expect(solo.raft.leader == nil && solo.raft.electionDeadline == due)
        #expect(solo.marks.contains(.oldLeaderToldOfHigherTerm))
    }

    @Test("a leader that hears of a later term follows, and its term is durable before it speaks")
    func stepDown() {
        var solo = follower()
        solo.becomeLeader()
        #expect(
            solo.receive(2, 9, .heartbeatResponse(round: 0)) == [
                persist(3, hardState: hardState(9))
            ])
        #expect(solo.raft.role == .follower && solo.raft.leader == nil)
        #expect(solo.raft.electionDeadline >= solo.now + .milliseconds(400))
        #expect(solo.marks.contains(.steppedDownOnHigherTerm))
    }

    @Test("a member cut off from the leader alone does not disturb the majority that hears it")
    func partialPartition() throws {
        var net = RaftNet(3)
        net.run(2_000)
        let old = try #require(net.leaders.first)
        let other = old % 3 + 1
        let both = 6 - old - other
        net.cut(old, other)
        net.run(3_000)
        #expect(net.leaders == [old])
        net.propose(old, [1])
        net.run(300)
        #expect(net.payloads(both) == [[1]])
    }

    @Test("a leader without a majority steps down, and the others elect (thesis 6.2)")
    func checkQuorum() throws {
        var net = RaftNet(5)
        net.run(2_000)
        let old = try #require(net.leaders.first)
        let friend = old % 5 + 1
        for id in UInt32(1)...5 where id != old && id != friend {
            net.cut(old, id)
            net.cut(friend, id)
        }
        net.run(3_000)
        let now = try #require(net.leaders.first)
        #expect(net.leaders.count == 1 && now != old && now != friend)
        #expect(net[old].role != .leader)
        net.heal()
        net.run(2_000)
        #expect(net.leaders.count == 1)
        #expect(net[old].term == net[now].term)
    }

    @Test("a member with a later term does not stay outside for ever (planted 33)")
    func laterTermRejoins() throws {
        var net = RaftNet(3)
        net.run(2_000)
        let leader = try #require(net.leaders.first)
        let other = leader % 3 + 1
        net.isolate(other)
        net.step(other, .message(node(leader), message(net[other].term.rawValue, .timeoutNow)))
        let raised = net[other].term
        #expect(raised > net[leader].term)
        net.propose(leader, [9])
        net.run(2_000)
        net.heal()
        net.run(5_000)
        let now = try #require(net.leaders.first)
        #expect(net.leaders.count == 1)
        #expect(net[other].leader == node(now) && net[other].term >= raised)
        #expect(net.payloads(other) == [[9]])
    }

    // MARK: Handing over (thesis 3.10)

    @Test("a leader hands over once the target has its whole log")
    func transfer() {
        var solo = follower()
        solo.becomeSettledLeader()
        _ = solo.step(.propose(.command, payload: [1]))
        #expect(solo.step(.transfer(node(2))) == [])
        _ = solo.untilDeadline()
        #expect(solo.receive(2, 2, matched(5)).contains(sent(2, 2, .timeoutNow)))
        #expect(solo.marks.contains(.transferStarted))
    }

    @Test("proposals are refused while leadership is handed over, and taken when that failed (35)")
    func failedTransfer() {
        var solo = follower()
        solo.becomeSettledLeader()
        #expect(solo.step(.transfer(node(2))) == [sent(2, 2, .timeoutNow)])
        let last = solo.raft.log.lastIndex
        _ = solo.step(.propose(.command, payload: [1]))
        #expect(solo.raft.log.lastIndex == last)
        for _ in 0..<20 {
            solo.wait(50)
            _ = solo.receive(3, 2, .heartbeatResponse(round: 0))
            _ = solo.tick()
        }
        #expect(solo.raft.role == .leader)
        _ = solo.step(.propose(.command, payload: [1]))
        #expect(solo.raft.log.lastIndex == last.next)
    }

    @Test("the target campaigns at once, past pre-votes and in the name of the leader")
    func timeoutNow() {
        var solo = follower()
        _ = solo.receive(2, 1, heartbeat())
        #expect(solo.receive(2, 1, .timeoutNow) == [persist(1, hardState: hardState(2, 1))])
        #expect(
            solo.persisted() == [
                sent(2, 2, voteRequest(last, transfer: true)),
                sent(3, 2, voteRequest(last, transfer: true)),
            ])
    }

    @Test("leadership goes to the target without a pause")
    func transferInNet() throws {
        var net = RaftNet(3)
        net.run(2_000)
        let old = try #require(net.leaders.first)
        let target = old % 3 + 1
        net.step(old, .transfer(node(target)))
        net.run(100)
        #expect(net.leaders == [target])
    }

    // MARK: Input that no honest member sends

    @Test("messages of other groups, of strangers and from itself change nothing")
    func strangers() {
        var solo = follower()
        let before = solo.raft
        #expect(solo.receive(9, 99, heartbeat()) == [])
        #expect(solo.receive(1, 99, heartbeat()) == [])
        var foreign = message(99, heartbeat())
        foreign.group = GroupID(4)
        #expect(solo.step(.message(node(2), foreign)) == [])
        #expect(solo.raft == before)
    }

    @Test("a member without voters is passive until it is bootstrapped")
    func passive() {
        var solo = Solo(of: [])
        #expect(solo.raft.deadline == nil)
        solo.wait(10_000)
        #expect(solo.tick() == [])
        #expect(solo.receive(2, 5, voteRequest(point(9, 9))) == [])
        #expect(solo.raft.term == .zero)
        let first = entry(1, 1, .membership)
        var out = Outbox<Raft.Effect>()
        solo.raft.bootstrap(
            voters: [node(1), node(2)], entry: first, at: solo.now, into: &out)
        #expect(out.effects == [persist(1, hardState: hardState(1), [first])])
        #expect(solo.raft.commitIndex == index(1))
        // It speaks only when its first entry is durable.
        #expect(solo.receive(2, 2, preVoteRequest(point(1, 1))) == [])
        #expect(
            solo.step(.persisted(token(1))) == [sent(2, 2, .preVoteResponse(granted: true))])
    }
}
