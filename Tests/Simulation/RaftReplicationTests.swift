import Testing

@testable import Protocols

@Suite("Raft: replication, the follower's part")
struct RaftFollowerTests {
    @Test("entries are acknowledged when they are durable, and not before (Raft figure 2)")
    func acknowledged() {
        var solo = Solo(term: 1, terms: [1])
        let new = entries(from: 2, terms: [1, 1])
        #expect(solo.receive(2, 1, append(after: point(1, 1), commit: 2, new)) == [persist(1, new)])
        #expect(solo.raft.commitIndex == index(2))
        #expect(solo.persisted() == [sent(2, 1, matched(3))])
    }

    @Test("a new term and the entries that come in it are one write")
    func termAndEntries() {
        var solo = Solo(term: 1, terms: [1])
        let new = entries(from: 2, terms: [4])
        #expect(
            solo.receive(2, 4, append(after: point(1, 1), commit: 0, new)) == [
                persist(1, hardState: hardState(4), new)
            ])
        #expect(solo.raft.leader == node(2))
    }

    @Test("an append of an earlier term is refused (Raft 5.1)")
    func staleTerm() {
        var solo = Solo(term: 3, terms: [1])
        let before = solo.raft.log
        #expect(
            solo.receive(2, 2, append(after: point(1, 1), commit: 2, entries(from: 2, terms: [2])))
                == [sent(2, 3, .heartbeatResponse(round: 0))])
        #expect(solo.raft.log == before)
    }

    @Test("an append whose previous entry is missing or different is rejected (Raft 5.3)")
    func rejected() {
        var solo = Solo(term: 4, terms: [1, 1, 2, 2])
        #expect(
            solo.receive(2, 4, append(after: point(9, 4), commit: 9)) == [
                sent(2, 4, .appendResponse(.rejected(previous: index(9), hint: point(4, 2))))
            ])
        #expect(
            solo.receive(2, 4, append(after: point(4, 1), commit: 9)) == [
                sent(2, 4, .appendResponse(.rejected(previous: index(4), hint: point(2, 1))))
            ])
        #expect(solo.raft.commitIndex == index(1) && solo.raft.log.lastIndex == index(4))
        #expect(solo.marks.contains(.appendRejected))
    }

    @Test("a conflicting entry goes with all after it (Raft 5.3, planted 14)")
    func conflict() {
        var solo = Solo(term: 2, terms: [1, 1, 2, 2, 2])
        let new = [entry(3, 3)]
        #expect(
            solo.receive(2, 3, append(after: point(2, 1), commit: 1, new)) == [
                persist(1, hardState: hardState(3), new)
            ])
        #expect(solo.raft.log.last == point(3, 3))
        #expect(solo.raft.durableIndex == index(2))
        #expect(solo.persisted() == [sent(2, 3, matched(3))])
        #expect(solo.raft.durableIndex == index(3))
        #expect(solo.marks.contains(.truncatedConflictingSuffix))
    }

    @Test("a late append that holds less than the log cuts nothing off (Raft 5.3, planted 13)")
    func lateAppend() {
        var solo = Solo(term: 1, terms: [1, 1, 1, 1])
        #expect(
            solo.receive(2, 1, append(after: point(1, 1), commit: 1, entries(from: 2, terms: [1])))
                == [sent(2, 1, matched(2))])
        #expect(solo.raft.log.lastIndex == index(4))
        #expect(
            solo.receive(2, 1, append(after: point(2, 1), commit: 1)) == [sent(2, 1, matched(2))])
        #expect(solo.raft.log.lastIndex == index(4) && solo.raft.durableIndex == index(4))
    }

    @Test("the commit index goes no further than what the append vouches for (Raft figure 2, 12)")
    func commitBound() {
        var solo = Solo(term: 2, terms: [1, 1, 1, 1])
        // Entries 3 and 4 may conflict with the leader's: the probe at 2 says nothing of them.
        _ = solo.receive(2, 2, append(after: point(2, 1), commit: 4))
        #expect(solo.raft.commitIndex == index(2))
        _ = solo.receive(2, 2, append(after: point(2, 1), commit: 9, [entry(3, 2)]))
        #expect(solo.raft.commitIndex == index(3))
        _ = solo.receive(2, 2, append(after: point(3, 2), commit: 2))
        #expect(solo.raft.commitIndex == index(3))
    }

    @Test("an append that begins before the commit index undoes nothing (planted 15, 16)")
    func committedPrefix() {
        var solo = Solo(term: 1, terms: [1, 1, 1, 1])
        _ = solo.receive(2, 1, append(after: point(4, 1), commit: 3))
        let log = solo.raft.log
        #expect(
            solo.receive(
                2, 1, append(after: .zero, commit: 0, entries(terms: [1, 1, 1, 1, 1, 1])))
                == [sent(2, 1, matched(3))])
        #expect(solo.raft.log == log)
        #expect(solo.marks.contains(.staleAppendIgnored))
        var compacted = Solo(term: 2, terms: [2, 2], snapshot: snapshot(point(10, 2)))
        #expect(
            compacted.receive(
                2, 2, append(after: point(5, 1), commit: 12, entries(from: 6, terms: [2, 2])))
                == [sent(2, 2, matched(10))])
        #expect(compacted.raft.log.lastIndex == index(12))
    }

    @Test("a heartbeat commits no more than the log has, and is answered with its round")
    func heartbeats() {
        var solo = Solo(term: 1, terms: [1, 1, 1])
        #expect(
            solo.receive(2, 1, heartbeat(commit: 2, round: 7)) == [
                sent(2, 1, .heartbeatResponse(round: 7))
            ])
        #expect(solo.raft.commitIndex == index(2) && solo.raft.leader == node(2))
        _ = solo.receive(2, 1, heartbeat(commit: 99))
        #expect(solo.raft.commitIndex == index(3))
        _ = solo.receive(2, 1, heartbeat(commit: 1))
        #expect(solo.raft.commitIndex == index(3))
    }

    @Test("a follower forwards proposals to the leader, and drops them without one")
    func forward() {
        var solo = Solo(term: 1, terms: [1])
        #expect(solo.step(.propose(.command, payload: [1])) == [])
        _ = solo.receive(2, 1, heartbeat())
        #expect(
            solo.step(.propose(.command, payload: [1])) == [
                sent(2, 1, .forward(kind: .command, payload: [1]))
            ])
        #expect(solo.receive(3, 1, .forward(kind: .command, payload: [1])) == [])
        #expect(solo.marks.contains(.proposalForwarded))
        #expect(solo.marks.contains(.proposalDropped))
    }
}

@Suite("Raft: replication, the leader's part")
struct RaftLeaderTests {
    /// A leader of term 2 with entries 1...3 of term 1 and its own at 4.
    func leader(_ configuration: RaftConfiguration = RaftConfiguration()) -> Solo {
        var solo = Solo(term: 1, terms: [1, 1, 1], configuration: configuration)
        solo.becomeLeader()
        return solo
    }

    @Test("proposals of one moment are one write and one append each (thesis 10.2)")
    func batch() {
        var solo = leader()
        _ = solo.receive(2, 2, matched(4))
        _ = solo.receive(3, 2, matched(4))
        _ = solo.tick()
        #expect(solo.step(.propose(.command, payload: [1])) == [])
        #expect(solo.step(.propose(.command, payload: [2])) == [])
        #expect(solo.raft.deadline == solo.now)
        let stamp = solo.raft.clusterTime(at: solo.now)!
        let new = [
            Entry(index: index(5), term: Term(2), stamp: stamp, kind: .command, payload: [1]),
            Entry(index: index(6), term: Term(2), stamp: stamp, kind: .command, payload: [2]),
        ]
        #expect(
            solo.tick() == [
                persist(3, new), sent(2, 2, append(after: point(4, 2), commit: 4, new)),
                sent(3, 2, append(after: point(4, 2), commit: 4, new)),
            ])
        #expect(solo.tick() == [])
    }

    @Test("stamps never go back along the log, across leaders too")
    func stamps() throws {
        var net = RaftNet(3)
        net.run(2_000)
        for _ in 0..<4 {
            let leader = try #require(net.leaders.first)
            net.propose(leader, [1])
            net.run(700)
            net.step(leader, .transfer(nil))
            net.run(1_500)
        }
        let log = net[1].log
        let stamps = log.slice(from: log.firstIndex, maximumBytes: .max).map(\.stamp)
        #expect(stamps == stamps.sorted() && stamps.count >= 9)
        #expect(Set(net.members.map { $0.log.last.index.rawValue }).count == 1)
    }

    @Test("an entry of an earlier term is not committed by counting (Raft 5.4.2, figure 8)")
    func figure8() {
        var solo = leader()
        _ = solo.receive(2, 2, matched(3))
        #expect(solo.raft.commitIndex == index(1))
        _ = solo.receive(2, 2, matched(4))
        #expect(solo.raft.commitIndex == index(4))
        #expect(solo.marks.contains(.earlierTermCommittedIndirectly))
    }

    @Test("the leader's own disk counts only when the write is durable; two others suffice")
    func ownDisk() {
        var solo = leader()
        _ = solo.receive(2, 2, matched(4))
        _ = solo.step(.propose(.command, payload: [1]))
        _ = solo.tick()
        _ = solo.receive(2, 2, matched(5))
        #expect(solo.raft.commitIndex == index(4))
        _ = solo.receive(3, 2, matched(5))
        #expect(solo.raft.commitIndex == index(5))
        #expect(solo.marks.contains(.commitWithoutOwnDisk))
        _ = solo.step(.propose(.command, payload: [2]))
        _ = solo.tick()
        _ = solo.receive(2, 2, matched(6))
        #expect(solo.raft.commitIndex == index(5))
        _ = solo.persisted()
        #expect(solo.raft.commitIndex == index(6))
    }

    @Test("a majority is needed: one of four others is none (planted 20)")
    func majority() {
        var solo = Solo(of: [1, 2, 3, 4, 5], term: 1, terms: [1])
        solo.becomeLeader()
        _ = solo.receive(2, 2, matched(2))
        #expect(solo.raft.commitIndex == index(1))
        _ = solo.receive(3, 2, matched(2))
        #expect(solo.raft.commitIndex == index(2))
        var four = Solo(of: [1, 2, 3, 4], term: 1, terms: [1])
        four.becomeLeader()
        _ = four.receive(2, 2, matched(2))
        #expect(four.raft.commitIndex == index(1))
    }

    @Test("a match never goes back (planted 17)")
    func matchIsMonotone() {
        var solo = leader()
        _ = solo.receive(2, 2, matched(4))
        _ = solo.receive(2, 2, matched(2))
        #expect(solo.raft.progress[node(2)]?.match == index(4))
        #expect(solo.raft.progress[node(2)]?.next == index(5))
        _ = solo.receive(2, 2, .appendResponse(.rejected(previous: index(3), hint: point(1, 1))))
        #expect(solo.raft.progress[node(2)]?.match == index(4))
    }

    @Test("a match past the leader's log is worth nothing")
    func impossibleMatch() {
        var solo = leader()
        _ = solo.receive(2, 2, matched(1_000))
        #expect(solo.raft.progress[node(2)]?.match == .zero)
        #expect(solo.raft.commitIndex == index(1))
    }

    @Test("a rejection makes the leader skip whole terms (Raft 5.3)")
    func fastBackup() {
        var solo = Solo(term: 5, terms: [1, 1, 2, 2, 2, 5, 5])
        solo.becomeLeader()
        // The follower has 1 1 3 3 3 3 3: its last entry that could match stands at 2.
        let answer = solo.receive(
            2, 6, .appendResponse(.rejected(previous: index(7), hint: point(7, 3))))
        #expect(
            answer == [
                sent(
                    2, 6,
                    append(
                        after: point(5, 2), commit: 1,
                        Array(solo.raft.log.slice(from: index(6), maximumBytes: .max))))
            ])
        let second = solo.receive(
            2, 6, .appendResponse(.rejected(previous: index(5), hint: point(2, 1))))
        #expect(
            second == [
                sent(
                    2, 6,
                    append(
                        after: point(2, 1), commit: 1,
                        Array(solo.raft.log.slice(from: index(3), maximumBytes: .max))))
            ])
        #expect(solo.marks.contains(.hintSkippedTerm))
    }

    @Test("a rejection by a follower that replicated makes the leader look where it stands")
    func replicatingRejects() {
        var solo = Solo(term: 1, terms: [1])
        solo.becomeSettledLeader()
        for value in UInt8(0)..<2 {
            _ = solo.step(.propose(.command, payload: [value]))
            _ = solo.tick()
        }
        let match = solo.raft.progress[node(2)]?.match ?? .zero
        #expect(match + 2 == solo.raft.log.lastIndex)
        let rejected = AppendResponse.rejected(
            previous: match.next, hint: SnapshotPoint(index: match, term: solo.raft.term))
        #expect(solo.receive(2, solo.raft.term.rawValue, .appendResponse(rejected)).count == 1)
        #expect(solo.raft.progress[node(2)]?.next == match.next)
        #expect(solo.marks.contains(.probeEntered))
    }

    @Test(
        "any follower's log is made equal to the leader's (Raft 5.3, figure 7)",
        arguments: [
            [1, 1, 1, 4, 4, 5, 5, 6, 6], [1, 1, 1, 4], [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], [1, 1, 1, 4, 4, 4, 4],
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
        ] as [[UInt64]])
    func figure7(follower: [UInt64]) {
        var net = RaftNet(3)
        net.disks[0] = DurableState(
            hardState: hardState(7), entries: entries(terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]))
        net.disks[1] = DurableState(
            hardState: hardState(7), entries: entries(terms: follower))
        net.disks[2] = net.disks[0]
        for id in UInt32(1)...3 { net.restart(id) }
        net.cut(2, 3)
        net.isolate(2)
        net.run(3_000)
        net.heal()
        net.run(3_000)
        #expect(net[1].log.last.index >= index(11))
        #expect(net[1].commitIndex == net[1].log.lastIndex)
        #expect(net[2].log == net[1].log && net[2].log == net[3].log)
        #expect(net.disks[1].entries == net.disks[0].entries)
    }

    @Test("a follower that probes gets one append at a time, again after a heartbeat's answer")
    func probe() {
        var solo = leader()
        _ = solo.step(.propose(.command, payload: [1]))
        #expect(solo.tick().count == 1)
        let again = solo.receive(2, 2, .heartbeatResponse(round: 0))
        #expect(
            again == [
                sent(
                    2, 2,
                    append(
                        after: point(3, 1), commit: 1,
                        Array(solo.raft.log.slice(from: index(4), maximumBytes: .max))))
            ])
    }

    @Test("appends in flight are limited by count, and lost answers do not block (thesis 10.2.1)")
    func inflightCount() {
        var configuration = RaftConfiguration()
        configuration.inflightCount = 2
        var solo = leader(configuration)
        _ = solo.receive(2, 2, matched(4))
        for value in UInt8(1)...4 {
            _ = solo.step(.propose(.command, payload: [value]))
            _ = solo.tick()
        }
        #expect(solo.raft.progress[node(2)]?.next == index(7))
        #expect(solo.marks.contains(.inflightLimitHit))
        _ = solo.receive(2, 2, matched(5))
        #expect(solo.raft.progress[node(2)]?.next == index(9))
        var other = leader(configuration)
        _ = other.receive(2, 2, matched(4))
        for value in UInt8(1)...4 {
            _ = other.step(.propose(.command, payload: [value]))
            _ = other.tick()
        }
        _ = other.receive(2, 2, .heartbeatResponse(round: 0))
        // The answers were lost; what the follower lacks is found out.
        _ = other.receive(2, 2, .appendResponse(.rejected(previous: index(7), hint: point(4, 2))))
        #expect(other.raft.progress[node(2)]?.next == index(5))
    }

    @Test("appends in flight are limited by bytes, and one entry goes alone whatever its size")
    func inflightBytes() {
        var configuration = RaftConfiguration()
        configuration.inflightBytes = 1_000
        configuration.appendBytes = 100
        var solo = leader(configuration)
        _ = solo.receive(2, 2, matched(4))
        for _ in 0..<4 {
            _ = solo.step(.propose(.command, payload: [UInt8](repeating: 1, count: 900)))
        }
        let sends = solo.tick().filter {
            if case .send(node(2), _) = $0 { true } else { false }
        }
        #expect(sends.count == 2)
        #expect(solo.raft.progress[node(2)]?.next == index(7))
    }

    @Test("entries that are not committed are limited by bytes, and the room comes back")
    func uncommittedLimit() {
        var configuration = RaftConfiguration()
        configuration.uncommittedBytes = 200
        var solo = leader(configuration)
        _ = solo.receive(2, 2, matched(4))
        #expect(solo.raft.uncommittedBytes == 0)
        for _ in 0..<5 {
            _ = solo.step(.propose(.command, payload: [UInt8](repeating: 1, count: 60)))
        }
        #expect(solo.raft.log.lastIndex == index(6))
        #expect(solo.marks.contains(.uncommittedLimitHit))
        _ = solo.tick()
        _ = solo.persisted()
        _ = solo.receive(2, 2, matched(6))
        #expect(solo.raft.uncommittedBytes == 0)
        _ = solo.step(.propose(.command, payload: [1]))
        #expect(solo.raft.log.lastIndex == index(7))
    }

    @Test("the commit index is told with the next append or by itself")
    func tellsCommit() {
        var solo = leader()
        #expect(
            solo.receive(2, 2, matched(4)) == [sent(2, 2, append(after: point(4, 2), commit: 4))])
        #expect(solo.tick() == [])
        // The third member, not heard yet, learns no more from a heartbeat than what it has.
        solo.wait(100)
        #expect(
            solo.tick() == [
                sent(2, 2, heartbeat(commit: 4)), sent(3, 2, heartbeat(commit: 0)),
            ])
    }

    @Test("a new link makes the leader look where a replicating follower stands")
    func peerUp() {
        var solo = leader()
        _ = solo.receive(2, 2, matched(4))
        _ = solo.tick()
        _ = solo.step(.propose(.command, payload: [1]))
        _ = solo.tick()
        let new = Array(solo.raft.log.slice(from: index(5), maximumBytes: .max))
        #expect(
            solo.step(.peerUp(node(2))) == [
                sent(2, 2, heartbeat(commit: 4)),
                sent(2, 2, append(after: point(4, 2), commit: 4, new)),
            ])
    }

    @Test("a new link to a follower that has not answered yet does not begin from the first entry")
    func peerUpWhileProbing() {
        var solo = leader()
        let own = Array(solo.raft.log.slice(from: index(4), maximumBytes: .max))
        #expect(
            solo.step(.peerUp(node(2))) == [
                sent(2, 2, heartbeat()), sent(2, 2, append(after: point(3, 1), commit: 1, own)),
            ])
    }

    @Test("all payloads reach all members in one order, through cuts and restarts")
    func network() throws {
        var net = RaftNet(5)
        net.run(2_000)
        for round in UInt8(0)..<12 {
            let leader = try #require(net.leaders.last)
            net.propose(leader, [round])
            net.run(100)
            switch round % 4 {
            case 0: net.isolate(leader)
            case 1: net.heal()
            case 2: net.restart(leader % 5 + 1)
            default: net.cut(leader, (leader + 1) % 5 + 1)
            }
            net.run(2_500)
        }
        net.heal()
        net.run(3_000)
        #expect(net.leaders.count == 1)
        for id in UInt32(2)...5 {
            #expect(net[id].log == net[1].log)
            #expect(net.payloads(id) == net.payloads(1))
            #expect(net.disks[Int(id) - 1].entries == net.disks[0].entries)
        }
        #expect(net.payloads(1).count >= 8)
    }
}

@Suite("Raft: the log")
struct RaftLogTests {
    @Test("terms are known for held entries and for the start, and for nothing else")
    func terms() {
        let log = RaftLog(start: point(10, 2), entries: entries(from: 11, terms: [2, 3]))
        #expect((9...13).map { log.term(at: index($0)) } == [nil, Term(2), Term(2), Term(3), nil])
        #expect(log.matches(point(12, 3)) && !log.matches(point(12, 2)))
        #expect(!log.matches(point(13, 3)))
    }

    @Test("a cut drops the entry and all after it, and their bytes")
    func truncate() {
        var log = RaftLog(entries: entries(terms: [1, 1, 2]))
        log.truncate(from: index(2))
        #expect(log == RaftLog(entries: entries(terms: [1])))
        log.truncate(from: index(5))
        #expect(log.lastIndex == index(1))
    }

    @Test("compaction keeps the term of the last entry it drops")
    func compact() {
        var log = RaftLog(entries: entries(terms: [1, 1, 2]))
        log.compact(through: index(2))
        #expect(log == RaftLog(start: point(2, 1), entries: entries(from: 3, terms: [2])))
        log.compact(through: index(1))
        log.compact(through: index(9))
        #expect(log.start == point(2, 1))
    }

    @Test("a slice is bounded by bytes but never empty")
    func slice() {
        let log = RaftLog(entries: entries(terms: [1, 1, 1]))
        #expect(log.slice(from: index(1), maximumBytes: 0).count == 1)
        #expect(log.slice(from: index(1), maximumBytes: 96).count == 2)
        #expect(log.slice(from: index(2), maximumBytes: .max).count == 2)
        #expect(log.slice(from: index(4), maximumBytes: .max) == [])
        #expect(log.slice(from: index(0), maximumBytes: .max) == [])
    }

    @Test("the point of back-up is the last one whose term is not above the asked one")
    func lastPoint() {
        let log = RaftLog(start: point(2, 1), entries: entries(from: 3, terms: [2, 2, 4]))
        #expect(log.lastPoint(atMost: index(9), termAtMost: Term(9)) == point(5, 4))
        #expect(log.lastPoint(atMost: index(9), termAtMost: Term(3)) == point(4, 2))
        #expect(log.lastPoint(atMost: index(3), termAtMost: Term(9)) == point(3, 2))
        #expect(log.lastPoint(atMost: index(9), termAtMost: Term(0)) == point(2, 1))
    }

    @Test("the trailing part is as long as its bytes allow")
    func trailing() {
        let log = RaftLog(entries: entries(terms: [1, 1, 1, 1]))
        #expect(log.trailingStart(before: index(4), maximumBytes: 0) == index(4))
        #expect(log.trailingStart(before: index(4), maximumBytes: 96) == index(2))
        #expect(log.trailingStart(before: index(4), maximumBytes: 9_999) == .zero)
    }
}
