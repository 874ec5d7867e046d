import Protocols
import SimCodecs
import SimNet
import Testing

private let one = NodeID(1)
private let two = NodeID(2)
private let client = ConnectionID(slot: 1, generation: 0)

/// The name of the checker that fires in `body`; nil when all are silent.
private func fired(
    _ checkers: Checkers = Checkers(), _ body: (inout Checkers) throws(Violation) -> Void
) -> String? {
    var checkers = checkers
    do throws(Violation) {
        try body(&checkers)
        return nil
    } catch {
        return error.checker
    }
}

@Suite("Leaving out faults and checkers")
struct AblationTests {
    @Test("a fault that is left out does not strike, and the plan is otherwise as it was drawn")
    func plansKeepTheRest() {
        var wanted = Ablation()
        wanted.leaveOut(.partition)
        for seed in 0..<40 as Range<UInt64> {
            let whole = Options.draw(mix: .swarm, seed: seed, duration: .seconds(60))
            var options = whole
            options.leaveOut(wanted)
            let plan = Plan.draw(whole, seed: seed)
            let left = Plan.draw(options, seed: seed)
            #expect(left.ending == plan.ending)
            // All strikes of the others are there, in their order.
            var rest = plan.strikes[...]
            for strike in left.strikes {
                guard let place = rest.firstIndex(of: strike) else {
                    Issue.record("seed \(seed): \(strike.text) is new")
                    break
                }
                rest = rest[(place + 1)...]
            }
            #expect(
                !left.strikes.contains { if case .partition = $0.act { true } else { false } })
        }
    }

    @Test(
        "what can be left out is not counted any more",
        arguments: Fault.allCases.filter { !$0.isConsequence })
    func nothingStrikes(fault: Fault) {
        var ablation = Ablation()
        ablation.leaveOut(fault)
        #expect(ablation.faults == [fault] && ablation.lacks(fault))
        for seed in 0..<6 as Range<UInt64> {
            var options = Options.draw(mix: .swarm, seed: seed, duration: .seconds(20))
            options[.crash] = .seconds(2)
            options[fault] = .seconds(1)
            options.leaveOut(ablation)
            var world = World(seed: seed, options: options, codecs: chatCodecs)
            let result = world.run()
            #expect(result.verdict == .held)
            // A late notice of a cut and a directory that is refused are counted as what they are.
            #expect(result.statistics.faults[Int(fault.rawValue)] == 0, "\(fault)")
        }
    }

    @Test("every kind of fault is in one group at the most, and no consequence is in one")
    func groups() {
        let grouped = Fault.groups.flatMap(\.faults)
        #expect(Set(grouped).count == grouped.count)
        let consequences = grouped.filter(\.isConsequence)
        #expect(consequences == [])
    }

    @Test("a muted checker is silent and keeps nobody else from speaking")
    func mutedCheckers() {
        let leader = FakeReplica.with([1]).but {
            $0.role = .leader; $0.term = Term(4)
        }
        func twoLeaders(_ checkers: inout Checkers) throws(Violation) {
            try checkers.look(at: leader, one, [])
            try checkers.look(at: leader, two, [])
        }
        func shorter(_ checkers: inout Checkers) throws(Violation) {
            try twoLeaders(&checkers)
            try checkers.look(at: leader.but { $0.last = .zero }, two, [])
        }
        #expect(fired(Checkers(), shorter) == "election-safety")
        let deaf = Checkers(muted: ["election-safety"])
        #expect(deaf.isMuted("election-safety") && !deaf.isMuted("term-and-vote"))
        #expect(fired(deaf, twoLeaders) == nil)
        #expect(fired(deaf, shorter) == "leader-append-only")
        var ablation = Ablation()
        let takesChat = ablation.leaveOut(checker: "chat")
        let takesNobody = ablation.leaveOut(checker: "nobody")
        #expect(takesChat && !takesNobody && ablation.checkers == ["chat"])
    }
}

@Suite("Checkers that look at the cause")
struct DirectCheckerTests {
    @Test("a leader that commits up to an entry of an earlier term is seen (figure 8, planted 11)")
    func earlierTerm() {
        let leader = FakeReplica.with([1, 2, 4]).but {
            $0.role = .leader; $0.term = Term(4); $0.commit = LogIndex(1)
        }
        func commits(_ index: UInt64) -> String? {
            fired(Checkers(muted: ["committed-durable"])) { checkers throws(Violation) in
                try checkers.look(at: leader, one, [])
                try checkers.look(at: leader.but { $0.commit = LogIndex(index) }, one, [])
            }
        }
        #expect(commits(2) == "leader-completeness")
        #expect(commits(3) == nil)
    }

    @Test("cluster time that is ahead of the fastest clock is seen (planted 53)")
    func clusterTime() throws {
        var checker = ClusterTimeBound(drift: 10_000)
        let now = Instant.zero + .seconds(10)
        func stamp(_ milliseconds: Int64) -> ClusterTime { .zero + .milliseconds(milliseconds) }
        try checker.applied(one, stamp(0), at: now)
        try checker.applied(one, stamp(10_100), at: now)
        do throws(Violation) {
            try checker.applied(one, stamp(10_102), at: now)
            Issue.record("a stamp over the bound is let pass")
        } catch {
            #expect(error.checker == "cluster-time")
        }
        #expect(checker.exercised == 3)
    }

    @Test("a read that is answered from a state older than its question is seen (planted 30, 31)")
    func freshReads() throws {
        let read = NodeEvent.request(client, .readRegister(key: "r"))
        let value = ServerMessage.registerValue(key: "r", RegisterValue())
        var checker = FreshReads()
        checker.told(one, read, committed: LogIndex(5))
        try checker.answers(one, client, value, from: LogIndex(5))
        #expect(checker.exercised == 1)

        checker.told(one, read, committed: LogIndex(9))
        var stale = checker
        do throws(Violation) {
            try stale.answers(one, client, value, from: LogIndex(8))
            Issue.record("an answer from an old state is let pass")
        } catch {
            #expect(error.checker == "fresh-reads")
        }
        // What was not asked on this connection, or by a node that is gone, is compared with nothing.
        try checker.answers(two, client, value, from: .zero)
        checker.told(one, .disconnected(client), committed: LogIndex(9))
        try checker.answers(one, client, value, from: .zero)
        checker.told(one, read, committed: LogIndex(9))
        checker.crashed(one)
        try checker.answers(one, client, value, from: .zero)
        #expect(checker.exercised == 1)
    }

    @Test("of several reads under way an answer is compared with the oldest")
    func severalReads() throws {
        let read = NodeEvent.request(client, .listRooms)
        var checker = FreshReads()
        checker.told(one, read, committed: LogIndex(3))
        checker.told(one, read, committed: LogIndex(7))
        try checker.answers(one, client, .roomsList([]), from: LogIndex(7))
        try checker.answers(one, client, .roomsList([]), from: LogIndex(3))
        #expect(checker.exercised == 2)
    }
}
