import Protocols
import SimNet
import Testing

/// A replica in whatever state a test wants, a wrong one too.
struct FakeReplica: Replica {
    var glance = Glance()
    var memberCount = 3
    var entries: [Entry] = []

    func term(at index: LogIndex) -> Term? {
        index == glance.start.index ? glance.start.term : entry(at: index)?.term
    }

    func entry(at index: LogIndex) -> Entry? { entries.first { $0.index == index } }

    /// A replica whose log has entries of these terms, from index 1 on.
    static func with(_ terms: [UInt64], content: UInt8 = 1) -> FakeReplica {
        var replica = FakeReplica()
        replica.entries = terms.enumerated().map { position, term in
            Entry(
                index: LogIndex(UInt64(position + 1)), term: Term(term), stamp: .zero,
                kind: .command, payload: [content])
        }
        replica.glance.last = SnapshotPoint(
            index: LogIndex(UInt64(terms.count)), term: Term(terms.last ?? 0))
        replica.glance.term = Term(terms.last ?? 0)
        return replica
    }

    /// The same replica with other numbers.
    func but(_ change: (inout Glance) -> Void) -> FakeReplica {
        var copy = self
        change(&copy.glance)
        return copy
    }
}

private let one = NodeID(1)
private let two = NodeID(2)
private let three = NodeID(3)

private func raft(_ term: UInt64, _ body: RaftMessage.Body) -> PeerMessage {
    .raft(RaftMessage(group: .main, term: Term(term), body: body))
}

private func matched(_ index: UInt64, to leader: NodeID, in term: UInt64) -> NodeEffect {
    .send(leader, raft(term, .appendResponse(.matched(LogIndex(index)))))
}

private func persist(_ entries: [Entry]) -> NodeEffect {
    .persist(LogWrite(entries: entries), PersistToken(boot: Boot(1), sequence: 1))
}

/// The name of the checker that fires in `body`; nil when all are silent.
private func fired(_ body: (inout Checkers) throws -> Void) -> String? {
    var checkers = Checkers()
    do {
        try body(&checkers)
        return nil
    } catch let violation as Violation {
        return violation.checker
    } catch {
        return "another error"
    }
}

private func count(_ checkers: Checkers, _ name: String) -> Int {
    checkers.exercised.first { $0.name == name }?.count ?? -1
}

@Suite("Checkers of consensus")
struct CheckerTests {
    @Test("an election, an entry on a majority and its commit are no violation")
    func goodHistory() throws {
        var checkers = Checkers()
        let log = FakeReplica.with([1, 2, 2])
        try checkers.look(
            at: log.but {
                $0.role = .candidate; $0.vote = one
            }, one,
            [
                .send(two, raft(2, .voteRequest(VoteRequest(last: .zero, transfer: false))))
            ])
        try checkers.look(
            at: log.but { $0.vote = one }, two,
            [
                .send(one, raft(2, .voteResponse(granted: true)))
            ])
        let leader = log.but {
            $0.role = .leader; $0.vote = one
        }
        try checkers.look(at: leader, one, [persist(log.entries)])
        let durable = leader.but { $0.durable = LogIndex(3) }
        try checkers.look(at: durable, one, [])
        try checkers.look(
            at: log.but { $0.vote = one }, two,
            [persist(log.entries), matched(3, to: one, in: 2)])
        let committed = LogIndex(3)
        try checkers.look(at: durable.but { $0.commit = committed }, one, [])
        try checkers.look(
            at: log.but {
                $0.commit = committed; $0.vote = one
            }, two, [])
        try checkers.crashed(two)
        try checkers.cameBack(two, log.but { $0.vote = one })
        #expect(checkers.lastCommitted == committed)
        for name in [
            "election-safety", "term-and-vote", "leader-append-only", "log-matching",
            "state-machine-safety", "committed-durable",
        ] {
            #expect(count(checkers, name) > 0, "\(name) compared nothing")
        }
    }

    @Test("two leaders of one term are seen (Raft 5.2)")
    func twoLeaders() {
        let leader = FakeReplica.with([1]).but {
            $0.role = .leader; $0.term = Term(4)
        }
        #expect(
            fired {
                try $0.look(at: leader, one, [])
                try $0.look(at: leader, two, [])
            } == "election-safety")
    }

    @Test("a node that leads its old term after a restart is seen")
    func leaderOfOldTerm() {
        let leader = FakeReplica.with([1]).but {
            $0.role = .leader; $0.term = Term(4)
        }
        #expect(
            fired {
                try $0.look(at: leader, one, [])
                try $0.crashed(one)
                try $0.cameBack(
                    one,
                    leader.but {
                        $0.role = .follower; $0.boot = Boot(2)
                    })
                try $0.look(at: leader.but { $0.boot = Boot(2) }, one, [])
            } == "election-safety")
    }

    @Test("a second vote in one term is seen, over a restart too (Raft 5.2)")
    func secondVote() {
        let voter = FakeReplica.with([1]).but { $0.term = Term(3) }
        #expect(
            fired {
                try $0.look(at: voter, three, [.send(one, raft(3, .voteResponse(granted: true)))])
                try $0.look(at: voter, three, [.send(two, raft(3, .voteResponse(granted: true)))])
            } == "term-and-vote")
        #expect(
            fired {
                try $0.look(
                    at: voter.but { $0.vote = one }, three,
                    [.send(one, raft(3, .voteResponse(granted: true)))])
                try $0.crashed(three)
                try $0.cameBack(three, voter)
            } == "term-and-vote")
    }

    @Test("a vote that is erased when the node steps down in its term is seen")
    func erasedVote() {
        let voter = FakeReplica.with([1]).but { $0.term = Term(3) }
        #expect(
            fired {
                try $0.look(at: voter.but { $0.vote = one }, three, [])
                try $0.look(at: voter, three, [])
            } == "term-and-vote")
    }

    @Test("a term that goes back, in a boot or over a restart, is seen")
    func termGoesBack() {
        let node = FakeReplica.with([1])
        #expect(
            fired {
                try $0.look(at: node.but { $0.term = Term(3) }, one, [])
                try $0.look(at: node.but { $0.term = Term(2) }, one, [])
            } == "term-and-vote")
        #expect(
            fired {
                try $0.look(at: node.but { $0.term = Term(3) }, one, [matched(1, to: two, in: 3)])
                try $0.crashed(one)
                try $0.cameBack(one, node.but { $0.term = Term(2) })
            } == "term-and-vote")
    }

    @Test("a wiped node that votes under its old name is seen")
    func wipedVoter() {
        let node = FakeReplica.with([1]).but { $0.incarnation = Incarnation(7) }
        let wiped = FakeReplica().but { $0.incarnation = Incarnation(8) }
        #expect(
            fired {
                try $0.look(at: node, one, [matched(1, to: two, in: 1)])
                try $0.crashed(one)
                try $0.cameBack(one, wiped)
                try $0.look(
                    at: wiped.but { $0.term = Term(5) }, one,
                    [.send(two, raft(5, .voteResponse(granted: true)))])
            } == "term-and-vote")
    }

    @Test("a leader that cuts or replaces its log is seen (Raft 5.3)")
    func leaderRewrites() {
        let leader = FakeReplica.with([1, 2, 2]).but { $0.role = .leader }
        let shorter = FakeReplica.with([1, 2]).but { $0.role = .leader }
        var replaced = leader
        replaced.entries[2] = Entry(
            index: LogIndex(3), term: Term(1), stamp: .zero, kind: .noop, payload: [])
        replaced.glance.last.term = Term(1)
        for wrong in [shorter, replaced] {
            #expect(
                fired {
                    try $0.look(at: leader, one, [])
                    try $0.look(at: wrong, one, [])
                } == "leader-append-only")
        }
    }

    @Test("two contents, or two pasts, of one index and term are seen (Raft 5.3)")
    func logMismatch() {
        let log = FakeReplica.with([1, 1, 2])
        for other in [FakeReplica.with([1, 1, 2], content: 9), FakeReplica.with([1, 2, 2])] {
            #expect(
                fired {
                    try $0.look(at: log, one, [persist(log.entries)])
                    try $0.look(at: other, two, [persist(other.entries)])
                } == "log-matching")
        }
    }

    @Test("an entry that comes back from a disk with another content is seen")
    func rottenEntry() {
        let log = FakeReplica.with([1, 1])
        #expect(
            fired {
                try $0.look(at: log, one, [persist(log.entries)])
                try $0.crashed(one)
                try $0.cameBack(one, FakeReplica.with([1, 1], content: 3))
            } == "log-matching")
    }

    @Test("a leader without a committed entry is seen, one elected late in an old term is not")
    func incompleteLeader() {
        let log = FakeReplica.with([1, 2, 2])
        let old = FakeReplica.with([1])
        func history(_ checkers: inout Checkers, leadsIn term: UInt64) throws {
            try checkers.look(at: log, one, [persist(log.entries)])
            try checkers.look(at: log, two, [persist(log.entries), matched(3, to: one, in: 2)])
            try checkers.look(
                at: log.but {
                    $0.role = .leader
                    $0.durable = LogIndex(3)
                    $0.commit = LogIndex(3)
                }, one, [])
            try checkers.look(
                at: old.but {
                    $0.role = .leader; $0.term = Term(term)
                }, three, [])
        }
        #expect(fired { try history(&$0, leadsIn: 3) } == "leader-completeness")
        #expect(fired { try history(&$0, leadsIn: 1) } == nil)
    }

    @Test("different entries committed at one index are seen (Raft 5.4.3)")
    func differentCommits() {
        let log = FakeReplica.with([1, 2])
        let other = FakeReplica.with([1, 1])
        #expect(
            fired {
                for id in [two, three] {
                    try $0.look(at: log, id, [persist(log.entries), matched(2, to: one, in: 2)])
                }
                try $0.look(at: log.but { $0.commit = LogIndex(2) }, one, [])
                try $0.look(at: other.but { $0.commit = LogIndex(2) }, NodeID(4), [])
            } == "state-machine-safety")
    }

    @Test("a commit index that goes back, or an applied one past it, is seen")
    func commitGoesBack() {
        let log = FakeReplica.with([1])
        #expect(
            fired {
                try $0.look(at: log.but { $0.commit = LogIndex(1) }, one, [])
                try $0.look(at: log, one, [])
            } == "state-machine-safety")
        #expect(
            fired { try $0.look(at: log.but { $0.applied = LogIndex(1) }, one, []) }
                == "state-machine-safety")
    }

    @Test("a snapshot of another term, or of what nobody committed, is seen")
    func wrongSnapshot() {
        let log = FakeReplica.with([1])
        for point in [(1, 2), (5, 1)] as [(UInt64, UInt64)] {
            let start = SnapshotPoint(index: LogIndex(point.0), term: Term(point.1))
            #expect(
                fired {
                    try $0.look(at: log.but { $0.commit = LogIndex(1) }, one, [])
                    try $0.look(
                        at: FakeReplica().but {
                            $0.start = start
                            $0.last = start
                            $0.commit = start.index
                        }, two, [])
                } == "state-machine-safety")
        }
    }

    @Test("a commit that no majority holds is seen")
    func commitWithoutMajority() {
        let log = FakeReplica.with([1, 1])
        #expect(
            fired {
                try $0.look(
                    at: log.but {
                        $0.role = .leader
                        $0.durable = LogIndex(2)
                        $0.commit = LogIndex(2)
                    }, one, [])
            } == "committed-durable")
    }

    @Test("an acknowledged entry that a crash loses is seen")
    func lostEntry() {
        let log = FakeReplica.with([1, 1])
        #expect(
            fired {
                try $0.look(at: log, two, [matched(2, to: one, in: 1)])
                try $0.crashed(two)
                try $0.cameBack(two, FakeReplica.with([1]))
            } == "committed-durable")
    }

    @Test("an overwritten entry is no loss when it was not committed, and one when it was")
    func overwrittenEntry() {
        let log = FakeReplica.with([1, 1, 1])
        let after = FakeReplica.with([1, 2])
        func history(_ checkers: inout Checkers, committed: UInt64) throws {
            try checkers.look(at: log, one, [persist(log.entries)])
            try checkers.look(at: log, two, [persist(log.entries), matched(3, to: one, in: 1)])
            try checkers.look(
                at: log.but {
                    $0.role = .leader
                    $0.durable = LogIndex(3)
                    $0.commit = LogIndex(committed)
                }, one, [])
            try checkers.look(at: after, two, [persist([after.entries[1]])])
            try checkers.crashed(two)
            try checkers.cameBack(two, after)
        }
        #expect(fired { try history(&$0, committed: 1) } == nil)
        #expect(fired { try history(&$0, committed: 3) } == "committed-durable")
    }

    @Test("a log cut below what is committed and claimed is seen at once")
    func cutLog() {
        let log = FakeReplica.with([1, 1, 1])
        #expect(
            fired {
                try $0.look(at: log, one, [persist(log.entries)])
                try $0.look(at: log, two, [persist(log.entries), matched(3, to: one, in: 1)])
                try $0.look(
                    at: log.but {
                        $0.role = .leader
                        $0.durable = LogIndex(3)
                        $0.commit = LogIndex(3)
                    }, one, [])
                try $0.look(at: FakeReplica.with([1, 1]), two, [])
            } == "committed-durable")
    }

    @Test("a claimed entry that was not committed may go for the one that was")
    func otherEntryCommitted() {
        let stale = FakeReplica.with([1, 1])
        let log = FakeReplica.with([1, 2])
        #expect(
            fired {
                try $0.look(
                    at: stale.but {
                        $0.role = .leader
                        $0.durable = LogIndex(2)
                    }, two, [persist(stale.entries)])
                try $0.crashed(two)
                for id in [one, three] {
                    try $0.look(at: log, id, [persist(log.entries), matched(2, to: one, in: 2)])
                }
                try $0.look(at: log.but { $0.commit = LogIndex(2) }, one, [])
                try $0.cameBack(two, stale)
                try $0.look(at: log, two, [persist([log.entries[1]])])
                try $0.crashed(two)
                try $0.cameBack(two, log)
            } == nil)
    }

    @Test("a stale append that drops the committed entries behind it is seen")
    func staleAppendTruncates() {
        let log = FakeReplica.with([1, 1, 1])
        #expect(
            fired {
                try $0.look(at: log, one, [persist(log.entries)])
                try $0.look(at: log, two, [persist(log.entries), matched(3, to: one, in: 1)])
                try $0.look(
                    at: log.but {
                        $0.role = .leader
                        $0.durable = LogIndex(3)
                        $0.commit = LogIndex(3)
                    }, one, [])
                try $0.look(at: FakeReplica.with([1, 1]), two, [persist([log.entries[1]])])
            } == "committed-durable")
    }

    @Test("a claim of another entry is no copy of the committed one")
    func otherEntryIsNoCopy() {
        let stale = FakeReplica.with([1, 1])
        let log = FakeReplica.with([1, 2])
        #expect(
            fired {
                try $0.look(at: stale, two, [persist(stale.entries), matched(2, to: one, in: 1)])
                try $0.look(
                    at: log.but {
                        $0.role = .leader
                        $0.durable = LogIndex(2)
                        $0.commit = LogIndex(2)
                    }, one, [persist(log.entries)])
            } == "committed-durable")
    }

    @Test("what a wiped node had claimed is not asked of it")
    func wipedNode() {
        let log = FakeReplica.with([1, 1]).but { $0.incarnation = Incarnation(7) }
        #expect(
            fired {
                try $0.cameBack(two, log)
                try $0.look(at: log, two, [matched(2, to: one, in: 1)])
                try $0.crashed(two)
                try $0.cameBack(two, FakeReplica().but { $0.incarnation = Incarnation(8) })
            } == nil)
    }

    @Test("replicas of one applied index and two states are seen")
    func differentStates() throws {
        var agreement = StateAgreement()
        try agreement.applied(one, upTo: LogIndex(4), 77)
        try agreement.applied(two, upTo: LogIndex(5), 78)
        try agreement.applied(two, upTo: LogIndex(4), 77)
        #expect(agreement.exercised == 1)
        #expect(throws: Violation.self) { try agreement.applied(three, upTo: LogIndex(5), 1) }
    }

    @Test("a value over its bound is seen")
    func overBound() throws {
        var memory = Memory()
        try memory.compare(one, "a queue", 10, limit: 10)
        #expect(
            throws: Violation("memory", "node1 has a queue of 11, over the bound of 10")
        ) { try memory.compare(one, "a queue", 11, limit: 10) }
    }
}
