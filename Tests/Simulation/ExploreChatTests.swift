import Protocols
import Testing

@testable import SimNet

/// Exhaustive searches over whole nodes with clients in a room.
@Suite struct ExploreChatTests {
    private func named(_ name: String) throws -> ExploreConfiguration {
        try #require(ExploreConfiguration.named.first { $0.name == name })
    }

    @Test("a node alone, its client, one message and one crash: all is seen and held")
    func loneNodeHolds() throws {
        var configuration = try named("node-chat-1")
        configuration.bounds.timeouts = 0
        configuration.bounds.crashes = 1
        configuration.bounds.heartbeats = 1
        configuration.bounds.proposals = 1
        var search = Explorer(configuration)
        let result = search.run()
        #expect(result.ending == .complete)
        #expect(result.violation == nil)
        #expect(result.counts.states == ExploreChatTests.loneStates)
        #expect(result.counts.healed == result.counts.states)
        let chat = result.checkers.first { $0.checker == .chat }
        #expect(chat?.count == 82)
    }

    private static let loneStates = 83

    @Test("a search that looks nothing up and leaves nothing out meets the same states of a node")
    func deduplicationIsSound() throws {
        var configuration = try named("node-chat-1")
        configuration.bounds.depth = 6
        configuration.livenessSample = 0
        var search = Explorer(configuration)
        search.keepsPrints = true
        #expect(search.run().violation == nil)
        var table = NodeTable(configuration)
        var stage = Stage(&table)
        #expect(stage.play(configuration.starts[0], &table))
        var plain = PlainNode(configuration: configuration)
        plain.visit(table.nodes[Int(stage.row.nodes[0])], used: [:], 0)
        #expect(Set(search.prints) == plain.prints)
        #expect(plain.visits > 2 * search.prints.count)
    }

    /// Steps a node alone along every path, and leaves nothing out because it was seen before.
    private struct PlainNode {
        let configuration: ExploreConfiguration
        private(set) var prints: Set<UInt64> = []
        private(set) var visits = 0

        init(configuration: ExploreConfiguration) { self.configuration = configuration }

        mutating func visit(_ node: LocalNode, used: [ExploreBudget: Int], _ depth: Int) {
            visits += 1
            prints.insert(fingerprint(node, used))
            guard depth < configuration.bounds.depth else { return }
            func count(_ budget: ExploreBudget) -> Int { used[budget] ?? 0 }
            let bounds = configuration.bounds
            let writes = node.disk.writes.count
            var steps: [(ActionCode, ExploreBudget?)] = []
            if writes > 0 { steps.append((ActionCode(.persist, 0), nil)) }
            if count(.timeouts) < bounds.timeouts {
                steps.append((ActionCode(.timeout, 0), .timeouts))
            }
            if count(.heartbeats) < bounds.heartbeats {
                steps.append((ActionCode(.heartbeat, 0), .heartbeats))
            }
            if case .chat(let member) = node.body, member.takesCommands {
                let next = UInt32(count(.proposals))
                if next < bounds.proposals {
                    steps.append((ActionCode(.propose, 0, next), .proposals))
                }
                if next > 0, count(.resends) < bounds.resends {
                    steps.append((ActionCode(.resend, 0, 0), .resends))
                }
            }
            if count(.crashes) < bounds.crashes {
                for kept in 0...writes {
                    steps.append((ActionCode(.crash, 0, UInt32(kept << 1)), .crashes))
                }
            }
            for (action, budget) in steps {
                var after = node
                let outcome = after.perform(action, nil, configuration)
                #expect(outcome.violation == nil && outcome.sends.isEmpty)
                guard !outcome.isBeyond else { continue }
                var more = used
                if let budget { more[budget, default: 0] += 1 }
                visit(after, used: more, depth + 1)
            }
        }

        private func fingerprint(_ node: LocalNode, _ used: [ExploreBudget: Int]) -> UInt64 {
            var digest = Digest(node.abstractDigest(names: [0, 1]))
            let budgets: [ExploreBudget] = [
                .timeouts, .proposals, .crashes, .heartbeats, .resends,
            ]
            digest.combine(
                UInt64(budgets.reduce(0 as UInt32) { $0 + UInt32(used[$1] ?? 0) * $1.unit }))
            return digest.value
        }
    }

    @Test("a message goes through three nodes, is shown to both clients and acknowledged")
    func messageIsServed() throws {
        let steps = try Steps.parse(
            """
            steps node-chat-3
            \(ExploreChatTests.room)
            propose node2 0
            deliver node2->node1 forward
            settle node1 node2
            heal
            expect held
            """)
        var run = StepsRun(steps)
        run.run()
        #expect(run.disappointment == nil)
        #expect(run.passedOver == 0)
    }

    @Test("a node whose client has not joined sends nothing")
    func strangersAreSilent() throws {
        let steps = try Steps.parse(
            """
            steps node-chat-3
            propose node1 0
            enter node3
            expect held
            """)
        var run = StepsRun(steps)
        run.run()
        #expect(
            run.story == [
                "propose node1 0  -- passed over: its client has not joined", "enter node3",
            ])
    }

    private static let room = """
        elect node1 by node2
        settle node1 node2
        heartbeat node1
        settle node1 node2
        enter node1
        settle node1 node2
        heartbeat node1
        settle node1 node2
        heartbeat node2
        settle node1 node2
        enter node2
        settle node1 node2
        heartbeat node1
        settle node1 node2
        """

    // MARK: Checkers

    private func facts(_ history: [Int], _ change: (inout ChatWitness) -> Void) -> ChatFacts {
        var order = ChatOrder()
        for (place, number) in history.enumerated() { order[place + 1] = number }
        var witness = ChatWitness()
        change(&witness)
        return ChatFacts(history: order, witness: witness)
    }

    @Test("two orders in one room, a lost acknowledgement and a client misled are conflicts")
    func conflictsAreSeen() {
        let long = facts([1, 3]) { _ in }
        #expect(long.conflict(with: facts([1]) { _ in }) == nil)
        #expect(long.conflict(with: facts([3, 1]) { _ in }) == "hold different messages")
        let told = facts([]) { $0.acknowledged[3] = 2 }
        #expect(told.conflict(with: facts([1]) { _ in }) == nil)
        #expect(told.conflict(with: long) == nil)
        #expect(
            told.conflict(with: facts([1, 5]) { _ in })
                == "differ: message 3 was acknowledged at 2 by the first")
        let shown = facts([]) { $0.shown[1] = 3 }
        #expect(
            shown.conflict(with: long)
                == "differ: the first one's client was shown another order")
    }

    @Test("a client is served when it is in, was shown all and has all its answers")
    func servedIsKnown() {
        #expect(facts([1]) { _ in }.isServed)
        #expect(!facts([1]) { $0.hasEntered = true }.isServed)
        func client(_ witness: inout ChatWitness) {
            witness.hasEntered = true
            witness.isMember = true
            witness.shown[1] = 1
        }
        #expect(facts([1], client).isServed)
        #expect(!facts([1, 3], client).isServed)
        let waiting = facts([1]) {
            client(&$0)
            $0.sent = 2
        }
        #expect(!waiting.isServed)
    }
}
