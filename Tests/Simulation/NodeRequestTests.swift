import Testing

@testable import Protocols

@Suite("Node: requests and their outcomes")
struct NodeRequestTests {
    // MARK: Time-outs

    @Test("a request that was never proposed is unavailable, one that was is of unknown outcome")
    func timeouts() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        net.isolate(id)
        net.step(id, .request(client, write("k", [1], as: nil)))
        net.run(3_000)
        #expect(net[id].raft.leader == nil)
        net.step(id, .request(client, write("k", [2], as: nil)))
        net.step(id, .request(client, .discoverRooms))
        #expect(net[id].pendingCount == 3)
        net.run(5_000)
        #expect(
            net.heard(id, client) == [
                .message(.registerFailed(key: "k", .outcomeUnknown)),
                .message(.registerFailed(key: "k", .unavailable)),
                .message(.failed(.unavailable)),
            ])
        #expect(net[id].pendingCount == 0 && net[id].pendingBytes == 0 && !net.hasSpun)
        #expect(net.marks.contains(.requestTimedOut))
    }

    @Test("a proposal whose forward was lost is proposed again and happens once")
    func retried() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        net.isolate(id)
        net.step(id, .request(client, write("k", [1], as: nil)))
        net.run(100)
        net.heal()
        net.run(1_500)
        #expect(net.heard(id, client) == [.message(.registerWritten(key: "k", version: 1))])
        #expect(net[id].state.register("k") == RegisterValue(value: [1], version: 1))
        #expect(net.marks.contains(.proposalRetried))
    }

    @Test("a request that a snapshot may have decided is not called unavailable")
    func forgottenProposal() throws {
        var net = NodeNet.ready {
            $0.raft.trailingBytes = 0
            $0.limits.snapshotLogBytes = 2_000
        }
        let (id, leader) = (net.followers[0], net.leader)
        let (client, other) = (net.connectClient(id), net.connectClient(leader))
        // The leader hears the proposal, and the node hears nothing of the leader any more.
        net.cuts.append((leader, id))
        net.step(id, .request(client, write("k", [1], as: nil)))
        net.deliver()
        net.run(100)
        #expect(net[leader].state.register("k").version == 1)
        net.cuts.append((id, leader))
        net.cuts += [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)].filter {
            $0.0 == id || $0.1 == id
        }
        for value in UInt8(0)..<40 {
            _ = net.ask(leader, other, write("o", [value], as: nil), for: 10)
        }
        net.heal()
        // Back for as long as the snapshot takes, and away again before anything is asked anew.
        var limit = 2_000
        while net[id].state.register("k").version == 0, limit > 0 {
            limit -= 1
            if net.letters.isEmpty {
                net.now = net.now + .milliseconds(5)
                net.tickDue()
            } else {
                let letter = net.letters.removeFirst()
                net.step(letter.to, .peer(node(letter.from), letter.message))
            }
        }
        #expect(net[id].state.register("k").version == 1)
        net.letters = []
        net.isolate(id)
        net.run(6_000)
        let answers = net.heard(id, client)
        #expect(
            answers == [.message(.registerWritten(key: "k", version: 1))]
                || answers == [.message(.registerFailed(key: "k", .outcomeUnknown))])
    }

    @Test("more unfinished requests than the limit are refused, by number and by bytes")
    func overload() {
        var net = NodeNet.ready {
            $0.limits.pendingRequests = 2
            $0.limits.pendingBytes = 2_000
        }
        let id = net.followers[0]
        let client = net.connectClient(id)
        net.isolate(id)
        let before = net.heard(id, client).count
        for _ in 0..<2 { net.step(id, .request(client, .discoverRooms)) }
        net.step(id, .request(client, .discoverRooms))
        #expect(net.heard(id, client)[before...] == [.message(.failed(.overloaded))])
        net.heal()
        net.run(1_500)
        net.isolate(id)
        net.step(id, .request(client, write("k", [UInt8](repeating: 0, count: 2_000), as: nil)))
        net.step(id, .request(client, .discoverRooms))
        #expect(net.heard(id, client).last == .message(.failed(.overloaded)))
        #expect(net.marks.contains(.overloadRefused))
    }

    @Test("a state over its budget takes nothing that adds to it, and still answers reads")
    func stateFull() {
        var net = NodeNet.ready { $0.limits.stateBytes = 1 }
        let id = net.followers[0]
        let client = net.connectClient(id)
        #expect(
            net.ask(id, client, write("k", [1], as: nil)) == [
                .message(.registerFailed(key: "k", .stateFull))
            ])
        #expect(
            net.ask(id, client, .readRegister(key: "k")) == [
                .message(.registerValue(key: "k", RegisterValue()))
            ])
        #expect(net.marks.contains(.stateLimitHit))
    }

    // MARK: Reads

    @Test("a list on any node holds what was acknowledged on another before (linearizable)")
    func lists() {
        var net = NodeNet.ready()
        let clients = (UInt32(1)...3).map { net.connectClient($0) }
        for round in 0..<6 {
            let id = UInt32(round % 3) + 1
            let reader = UInt32((round + 1) % 3) + 1
            let room = net.createRoom(id, clients[Int(id) - 1], "room \(round)")
            let answers = net.ask(reader, clients[Int(reader) - 1], .discoverRooms)
            guard case .message(.globalRoomsList(let rooms, _))? = answers.first else {
                preconditionFailure("\(answers)")
            }
            #expect(rooms.count == round + 1 && rooms.contains { $0.id == room })
            let own = net.ask(id, clients[Int(id) - 1], .listRooms)
            guard case .message(.roomsList(let administered))? = own.first else {
                preconditionFailure("\(own)")
            }
            #expect(administered.count == round / 3 + 1)
            #expect(administered.allSatisfy { $0.admin == .node(node(id)) })
        }
    }

    @Test("a leader that was replaced without knowing it does not answer reads (planted 31)")
    func staleLeader() {
        var net = NodeNet.ready()
        let old = net.leader
        let reader = net.connectClient(old)
        net.isolate(old)
        net.step(old, .request(reader, .readRegister(key: "k")))
        net.run(3_000)
        let new = net.leader
        #expect(new != old)
        let writer = net.connectClient(new)
        #expect(
            net.ask(new, writer, write("k", [7], as: nil)) == [
                .message(.registerWritten(key: "k", version: 1))
            ])
        #expect(net.heard(old, reader) == [])
        net.heal()
        net.run(1_500)
        #expect(
            net.heard(old, reader) == [
                .message(.registerValue(key: "k", RegisterValue(value: [7], version: 1)))
            ])
    }

    // MARK: Exactly once

    @Test("a write that the client numbers happens once, however often and wherever it is asked")
    func exactlyOnce() {
        var net = NodeNet.ready()
        let (a, b) = (net.followers[0], net.leader)
        let (first, second) = (net.connectClient(a), net.connectClient(b))
        let session = net.openSession(a, first)
        let request = SessionRequest(session: session, sequence: 1, acknowledgedBelow: 1)
        let cas = write("k", [5], expecting: 0, as: request)
        let written = [NodeNet.Heard.message(.registerWritten(key: "k", version: 1))]
        #expect(net.ask(a, first, cas) == written)
        #expect(net.ask(b, second, cas) == written)
        #expect(net.ask(b, second, cas) == written)
        #expect(net[a].state.register("k") == RegisterValue(value: [5], version: 1))
        let next = SessionRequest(session: session, sequence: 2, acknowledgedBelow: 2)
        #expect(
            net.ask(b, second, write("k", [6], expecting: 0, as: next)) == [
                .message(.registerMismatch(key: "k", RegisterValue(value: [5], version: 1)))
            ])
        #expect(net.ask(b, second, cas) == [.message(.registerFailed(key: "k", .outcomeUnknown))])
    }

    @Test("a number of a session that is over is refused, never executed")
    func expiredSession() {
        var net = NodeNet.ready { $0.state.clientSessionLife = .seconds(1) }
        let id = net.followers[0]
        let client = net.connectClient(id)
        let session = net.openSession(id, client)
        net.run(2_500)
        let request = SessionRequest(session: session, sequence: 1, acknowledgedBelow: 1)
        #expect(
            net.ask(id, client, write("k", [1], as: request)) == [
                .message(.registerFailed(key: "k", .sessionExpired))
            ])
        #expect(net[id].state.register("k").version == 0)
    }

    @Test("a client cannot number requests in a node's own session")
    func foreignSession() throws {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        for owner in UInt32(1)...3 {
            let session = try #require(net[owner].session)
            let request = SessionRequest(session: session, sequence: 1_000, acknowledgedBelow: .max)
            #expect(
                net.ask(id, client, write("k", [1], as: request)) == [
                    .message(.registerFailed(key: "k", .sessionExpired))
                ])
        }
        for owner in UInt32(1)...3 {
            let other = net.connectClient(owner)
            #expect(
                net.ask(owner, other, write("k\(owner)", [1], as: nil)) == [
                    .message(.registerWritten(key: "k\(owner)", version: 1))
                ])
        }
    }

    // MARK: Sessions of nodes

    @Test("a node whose clients number their own requests keeps its own session")
    func numberedTraffic() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        let session = net.openSession(id, client)
        let own = net[id].session
        for sequence in UInt64(1)...25 {
            let request = SessionRequest(
                session: session, sequence: sequence, acknowledgedBelow: sequence)
            #expect(
                net.ask(id, client, write("k", [1], as: request), for: 1_000) == [
                    .message(.registerWritten(key: "k", version: sequence))
                ])
        }
        #expect(net[id].session == own)
    }

    @Test("a quiet node keeps its session; one that is away loses it, with its clients")
    func nodeSession() {
        var net = NodeNet.ready()
        let (id, leader) = (net.followers[0], net.leader)
        let (ann, bob) = (net.connectClient(id), net.connectClient(leader))
        let room = net.createRoom(leader, bob, "tea")
        _ = net.ask(id, ann, .joinRoom(room: room, user: "ann", since: nil))
        _ = net.ask(leader, bob, .joinRoom(room: room, user: "bob", since: nil))
        let session = net[id].session
        net.run(20_000)
        #expect(net[id].session == session)
        net.isolate(id)
        net.run(20_000)
        guard
            case .message(.memberLeft(_, let user, 1, .nodeUnreachable, _))? =
                net.heard(leader, bob).last
        else { preconditionFailure("\(net.heard(leader, bob))") }
        #expect(user == "ann")
        net.heal()
        net.run(3_000)
        #expect(net.heard(id, ann).last == .closed(.serviceRestart))
        #expect(net[id].session != session && net[id].isReady)
    }

    @Test("a client that goes while there is no leader does not stay a member")
    func disconnectedWithoutLeader() {
        var net = NodeNet.ready()
        let (id, leader) = (net.followers[0], net.leader)
        let (ann, bob) = (net.connectClient(id), net.connectClient(leader))
        let room = net.createRoom(leader, bob, "tea")
        _ = net.ask(id, ann, .joinRoom(room: room, user: "ann", since: nil))
        net.isolate(id)
        net.run(1_500)
        net.step(id, .disconnected(ann))
        net.run(7_000)
        net.heal()
        net.run(3_000)
        #expect(net[leader].state.members(of: room) == [])
        #expect(!net.hasSpun)
    }

    @Test("a join that is decided after its client left ends at once")
    func lateJoin() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let ann = net.connectClient(id)
        let room = net.createRoom(id, ann, "tea")
        net.step(id, .request(ann, .joinRoom(room: room, user: "ann", since: nil)))
        net.step(id, .disconnected(ann))
        net.run(3_000)
        #expect(net[id].state.members(of: room) == [])
        #expect(net[id].pendingCount == 0)
    }

    // MARK: Handing over

    @Test("an order to hand over asks the named member to campaign, and means nothing elsewhere")
    func transferOrder() {
        let net = NodeNet.ready()
        let (old, other) = (net.leader, net.followers[1])
        let ask = NodeEffect.send(
            node(other),
            .raft(RaftMessage(group: .main, term: net[old].raft.term, body: .timeoutNow)))
        func effects(_ id: UInt32, _ target: NodeID?) -> [NodeEffect] {
            var node = net[id]
            var out = Outbox<NodeEffect>()
            node.step(.transfer(target), at: net.now, into: &out)
            return out.effects
        }
        #expect(effects(old, node(other)) == [ask])
        #expect(effects(old, nil).count == 1)
        #expect(effects(old, node(old)) == [])
        #expect(effects(old, node(9)) == [])
        #expect(effects(other, node(old)) == [])
        #expect(effects(other, nil) == [])
    }

    @Test("leadership goes to the named member, and no client of the old leader notices")
    func transfer() {
        var net = NodeNet.ready()
        let (old, new) = (net.leader, net.followers[1])
        let ann = net.connectClient(old)
        let room = net.createRoom(old, ann, "tea")
        _ = net.ask(old, ann, .joinRoom(room: room, user: "ann", since: nil))
        net.step(old, .transfer(node(new)))
        let answers = net.ask(old, ann, say(room, "ann", "still here"), for: 2_000)
        #expect(net.leaders == [new])
        #expect(answers.count == 2 && net.sequences(old, ann) == [1])
        #expect(net[old].halted == nil && net[old].isReady)
    }

    @Test("a member that cannot take over leaves the leader in office, and writes go on (35)")
    func failedTransfer() {
        var net = NodeNet.ready()
        let (old, target) = (net.leader, net.followers[0])
        let ann = net.connectClient(old)
        net.isolate(target)
        net.step(old, .transfer(node(target)))
        #expect(net.ask(old, ann, .createRoom(name: "tea", creator: "ann", description: "")) == [])
        net.run(3_000)
        guard case .message(.roomCreated)? = net.heard(old, ann).first else {
            Issue.record("the write was not taken again: \(net.heard(old, ann))")
            return
        }
        #expect(net.leader == old)
    }
}
