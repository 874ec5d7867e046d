import Protocols
import SimCodecs
import SimNet
import Testing

/// What a simulated chat client may ask for when it does not know what became of a join.
@Suite("A simulated chat client")
struct ChatClientTests {
    /// How often a client sent what must be refused to a room that it tried to join.
    private struct Intrusions: Equatable {
        /// On the connection on which the join had failed.
        var here = 0
        /// On a later connection.
        var later = 0
    }

    /// A client whose joins fail with `error`, now and then cut off, for half a minute.
    private func intrusions(after error: RequestError, seed: UInt64) -> Intrusions {
        let room = UniqueID(high: 1, low: seed)
        var settings = ChatClient.Settings()
        settings.rude = 1_000
        settings.hop = 0
        var client = ChatClient(
            id: ClientID(0), nodes: [NodeID(1)], settings: settings, prng: Prng(seed: seed))
        var found = Intrusions()
        var hasFailedHere = false
        var events: [ClientEvent] = []
        var now = Instant.zero
        while now < .zero + .seconds(30) {
            if events.isEmpty { now = max(now, client.deadline ?? .distantFuture) }
            let event = events.isEmpty ? .wake : events.removeFirst()
            var out = Outbox<ClientEffect>()
            client.step(event, at: now, into: &out)
            for effect in out.effects {
                switch effect {
                case .connect(let node):
                    events = [.connected(node)]
                    hasFailedHere = false
                case .request(.createRoom(let name, _, _)):
                    let summary = RoomSummary(
                        id: room, name: name, description: "", memberCount: 0, admin: NodeID(1))
                    events.append(
                        .message(
                            .roomCreated(summary, createdAt: WallTime(milliseconds: 0), members: [])
                        ))
                case .request(.joinRoom(let id, _, _)):
                    events.append(.message(.joinFailed(room: id, error)))
                    hasFailedHere = true
                case .request(.sendMessage(let id, _, _, let name)):
                    if id == room {
                        found.here += hasFailedHere ? 1 : 0
                        found.later += hasFailedHere ? 0 : 1
                    }
                    events.append(
                        .message(.messageFailed(room: id, clientMessageID: name, .notMember)))
                case .request, .disconnect, .pauseReading, .record: break
                }
            }
        }
        #expect(client.surprise == nil)
        return found
    }

    @Test("does not count on a refusal where a join may have been done")
    func unknownJoins() {
        var unknown = Intrusions()
        var unavailable = Intrusions()
        for seed in 1...20 as ClosedRange<UInt64> {
            let one = intrusions(after: .outcomeUnknown, seed: seed)
            let other = intrusions(after: .unavailable, seed: seed)
            unknown.here += one.here
            unknown.later += one.later
            unavailable.here += other.here
            unavailable.later += other.later
        }
        #expect(unknown.here == 0)
        #expect(unknown.later > 0, "a new connection is a stranger again")
        #expect(unavailable.here > 0, "a join that was never proposed leaves a stranger")
    }

    @Test("and the world in which it counted on one holds (seed 4908, made smaller)")
    func seed4908() throws {
        let scenario = try Scenario.parse(
            """
            nodes 3
            seed 4908
            for 23s
            clients 0 1 2 4
            settling 1s
            loss 4096
            reorder 128
            heartbeat 74ms
            election-to 592ms
            operations 64
            8.003 cut node2->node3 noticed for 5.493s
            16.031 wipe node3 for 1.041s
            16.043 partition node1 | rest for 5.014s
            expect held
            """)
        var run = ScenarioRun(scenario, codecs: chatCodecs)
        #expect(run.run().verdict == .held)
        #expect(run.disappointments == [])
    }
}
