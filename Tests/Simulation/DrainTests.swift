import Testing

@testable import Protocols

@Suite("Node: stopping")
struct DrainTests {
    /// When each of these clients was closed, as milliseconds after the drain began.
    private static func closings(
        _ net: inout NodeNet, _ id: UInt32, _ clients: [ConnectionID], within limit: Int64
    ) -> [Int64] {
        let start = net.now
        var closed: [ConnectionID: Int64] = [:]
        net.step(id, .drain)
        for _ in 0..<limit {
            for client in clients where closed[client] == nil {
                if net.heard(id, client).last == .closed(.serviceRestart) {
                    closed[client] = (net.now - start).milliseconds
                }
            }
            guard net[id].halted == nil else { break }
            net.run(1, by: 1)
        }
        return clients.compactMap { closed[$0] }
    }

    @Test("a leader that is drained hands over, closes its clients with 1012 and halts")
    func drain() {
        var net = NodeNet.ready()
        let old = net.leader
        let client = net.connectClient(old)
        net.step(old, .drain)
        #expect(!net[old].isReady)
        net.run(1_000)
        #expect(net[old].halted == .drained)
        #expect(net.heard(old, client) == [.closed(.serviceRestart)])
        #expect(!net.hasSpokenAfterHalt)
        #expect(net.leaders.count == 1 && net.leader != old)
    }

    @Test("a drain that cannot finish ends after three seconds, and does not spin until then")
    func drainAlone() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        net.isolate(id)
        net.run(1_517)
        net.step(id, .request(client, .discoverRooms))
        net.step(id, .drain)
        net.run(2_990)
        #expect(net[id].halted == nil)
        net.run(20)
        #expect(net[id].halted == .drained && !net.hasSpun)
        #expect(net.heard(id, client).last == .closed(.serviceRestart))
    }

    @Test("clients are closed over a span that grows with their number, in no order")
    func jitter() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let clients = (0..<200).map { _ in net.connectClient(id) }
        let times = Self.closings(&net, id, clients, within: 2_000)
        #expect(times.count == 200)
        #expect(times.max() ?? 0 > 300 && times.max() ?? 0 <= 401)
        // In each tenth of the span some go, and not too many.
        for tenth in 0..<10 {
            let count = times.filter { $0 / 40 == tenth }.count
            #expect((5...45).contains(count), "\(count) in tenth \(tenth)")
        }
        #expect(times != times.sorted())
        #expect(net[id].halted == .drained && !net.hasSpun)
    }

    @Test("the span has a bound, and the whole drain with it")
    func bounded() {
        var net = NodeNet.ready { $0.limits.drainSpan = .milliseconds(100) }
        let id = net.followers[0]
        let clients = (0..<200).map { _ in net.connectClient(id) }
        let times = Self.closings(&net, id, clients, within: 2_000)
        #expect(times.count == 200 && times.max() ?? 0 <= 101)
    }

    @Test("a client is served until its time comes, then refused, and closed when it is answered")
    func served() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let (client, other) = (net.connectClient(id), net.connectClient(id))
        let room = net.createRoom(id, client, "tea")
        _ = net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil))
        for _ in 0..<40 { _ = net.connectClient(id) }
        let before = net.heard(id, client).count
        // Its message is on its way to the leader, and stays there beyond the span.
        net.cuts.append((id, net.leader))
        net.step(id, .request(client, say(room, "ann", "last words", key: "k")))
        net.step(id, .drain)
        net.run(200)
        #expect(net.heard(id, other).last == .closed(.serviceRestart))
        net.step(id, .request(client, say(room, "ann", "too late", key: "l")))
        net.heal()
        net.run(2_000)
        let heard = Array(net.heard(id, client)[before...])
        #expect(
            heard.first
                == .message(.messageFailed(room: room, clientMessageID: "l", .unavailable)))
        #expect(
            heard.contains {
                if case .message(.messageSent(room, _, 1, _, "k")) = $0 { true } else { false }
            })
        #expect(heard.last == .closed(.serviceRestart))
        #expect(net[net.leader].state.members(of: room) == [], "it has left its room")
        #expect(net[id].halted == .drained)
    }

    @Test("who connects to a node that is stopping is sent on at once")
    func lateComer() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        for _ in 0..<50 { _ = net.connectClient(id) }
        net.step(id, .drain)
        let late = net.connectClient(id)
        #expect(net.heard(id, late) == [.closed(.serviceRestart)])
    }
}
