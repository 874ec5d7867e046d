import Testing

@testable import Protocols

@Suite("Rooms between clusters")
struct FederationTests {
    private func room(_ net: inout FederationNet, _ client: ConnectionID) -> UniqueID {
        let answers = net.ask(
            0, client, .createRoom(name: "tea", creator: "ann", description: "hot"))
        guard case .message(.roomCreated(let room, _, _))? = answers.first else {
            preconditionFailure("\(answers)")
        }
        return room.id
    }

    private func joined(_ answers: [NodeNet.Heard]) -> JoinReply? {
        for case .message(.joined(let reply)) in answers { return reply }
        return nil
    }

    private func texts(_ messages: [ServerMessage]) -> [String] {
        messages.compactMap {
            if case .newMessage(_, let message) = $0 {
                "\(message.sequence) \(message.user): \(message.content)"
            } else {
                nil
            }
        }
    }

    private func events(_ messages: [ServerMessage]) -> [String] {
        messages.compactMap {
            switch $0 {
            case .memberJoined(_, let user, let count, _): "+\(user) \(count)"
            case .memberLeft(_, let user, let count, let reason, _): "-\(user) \(count) \(reason)"
            default: nil
            }
        }
    }

    @Test("clients of two clusters talk in one room, in one order, and see who comes and goes")
    func conversation() throws {
        var net = FederationNet.ready([1, 3])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        _ = net.ask(0, ann, say(tea, "ann", "before"))
        let bob = net.client(1, node: 2)

        let found = net.ask(1, bob, .discoverRooms, node: 2)
        let foreign = RoomSummary(
            id: tea, name: "tea", description: "hot", memberCount: 1, admin: .cluster(net.names[0]))
        #expect(
            found == [
                .message(.globalRoomsList([foreign], Reach(available: [net.names[0]])))
            ])
        let reply = try #require(
            joined(net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil), node: 2)))
        #expect(reply.members == ["ann", "bob"])
        #expect(reply.room.admin == .cluster(net.names[0]))
        let sent = net.ask(1, bob, say(tea, "bob", "hello", key: "k"), node: 2)
        #expect(
            sent.contains {
                if case .message(.messageSent(tea, _, 2, _, "k")) = $0 { true } else { false }
            })
        _ = net.ask(0, ann, say(tea, "ann", "welcome"))
        _ = net.ask(1, bob, .leaveRoom(room: tea, user: "bob"), node: 2)

        let expected = ["1 ann: before", "2 bob: hello", "3 ann: welcome"]
        #expect(texts(net.heard(0, ann)) == expected)
        #expect(texts(net.heard(1, bob, node: 2)) == expected)
        #expect(events(net.heard(0, ann)) == ["+bob 2", "-bob 1 requested"])
        #expect(events(net.heard(1, bob, node: 2)) == [])
        // With its last user here the mirror is gone; with the guest, the deliveries.
        #expect(net.state(1).room(tea) == nil)
        #expect(net.state(0).guests(of: tea) == [])
        #expect(net.marks.contains(.joinForeignAsked))
    }

    @Test("three clusters of one: everybody hears of everybody exactly once")
    func three() {
        var net = FederationNet.ready([1, 1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        let cat = net.client(2)
        _ = net.ask(2, cat, .joinRoom(room: tea, user: "cat", since: nil))
        _ = net.ask(2, cat, say(tea, "cat", "hi"))
        net.nets[2].step(1, .disconnected(cat))
        net.carry()
        net.run(200)
        #expect(events(net.heard(0, ann)) == ["+bob 2", "+cat 3", "-cat 2 disconnected"])
        #expect(events(net.heard(1, bob)) == ["+cat 3", "-cat 2 disconnected"])
        #expect(texts(net.heard(1, bob)) == ["1 cat: hi"])
        #expect(net.state(0).members(of: tea) == ["ann", "bob"])
        #expect(net.state(1).members(of: tea) == ["ann", "bob"])
    }

    @Test("a room that no cluster has is not found; one whose host is away is unavailable")
    func unknownRooms() {
        var net = FederationNet.ready([1, 1])
        let bob = net.client(1)
        let nowhere = UniqueID(high: 1, low: 1)
        #expect(
            net.ask(1, bob, .joinRoom(room: nowhere, user: "bob", since: nil))
                == [.message(.joinFailed(room: nowhere, .roomNotFound))])
        net.cut(0, 1)
        #expect(
            net.ask(1, bob, .joinRoom(room: nowhere, user: "bob", since: nil))
                == [.message(.joinFailed(room: nowhere, .unavailable))])
        #expect(
            net.ask(1, bob, say(nowhere, "bob", "x"))
                == [
                    .message(
                        .messageFailed(room: nowhere, clientMessageID: nil, .roomNotFound))
                ])
    }

    @Test("an answer that is lost costs nothing: the call is made again and is an echo")
    func lostAnswers() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        net.deaf = [(0, 1), (1, 0)]
        _ = net.ask(0, ann, say(tea, "ann", "one"))
        net.run(3_000)
        net.deaf = []
        net.run(7_000)
        _ = net.ask(0, ann, say(tea, "ann", "two"))
        net.deaf = [(1, 0)]
        let before = net.heard(1, bob).count
        _ = net.ask(1, bob, say(tea, "bob", "three", key: "k"), for: 1_000)
        net.deaf = []
        net.run(10_000)
        #expect(texts(net.heard(1, bob)) == ["1 ann: one", "2 ann: two", "3 bob: three"])
        let answers = net.heard(1, bob, since: before).filter {
            switch $0 {
            case .messageSent, .messageFailed: true
            default: false
            }
        }
        // Its time was over before the answer came through; nobody can know, and a retry is safe.
        #expect(answers == [.messageFailed(room: tea, clientMessageID: "k", .outcomeUnknown)])
        let again = net.ask(1, bob, say(tea, "bob", "three", key: "k"))
        #expect(
            again.contains {
                if case .message(.messageSent(tea, _, 3, _, "k")) = $0 { true } else { false }
            })
        #expect(net.state(0).lastSequence(in: tea) == 3)
        #expect(net.marks.contains(.federationRetried))
        #expect(net.marks.contains(.federationCallTimedOut))
    }

    @Test("a cluster that misses two heartbeats is away: its users leave, and return with it")
    func failure() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        net.silent = [(0, 1), (1, 0)]
        net.run(70_000)
        #expect(events(net.heard(0, ann)) == ["+bob 2", "-bob 1 nodeUnreachable"])
        #expect(net.state(0).clusters.table[net.names[1]]?.isAway == true)
        #expect(net.marks.contains(.clusterFailed))
        _ = net.ask(0, ann, say(tea, "ann", "missed"))
        let refused = net.ask(1, bob, say(tea, "bob", "x", key: "k"))
        #expect(
            refused == [
                .message(.messageFailed(room: tea, clientMessageID: "k", .unavailable))
            ])
        net.heal()
        net.run(70_000)
        #expect(net.marks.contains(.clusterReturned))
        #expect(texts(net.heard(1, bob)) == ["1 ann: missed"])
        #expect(events(net.heard(0, ann)) == ["+bob 2", "-bob 1 nodeUnreachable", "+bob 2"])
        #expect(net.state(0).members(of: tea) == ["ann", "bob"])
        _ = net.ask(1, bob, say(tea, "bob", "back"))
        #expect(texts(net.heard(0, ann)) == ["1 ann: missed", "2 bob: back"])
    }

    @Test("a host that removed our users while we noticed nothing takes them back")
    func oneSidedFailure() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        // The host's own calls fail, ours get through.
        net.silent = [(0, 1)]
        net.run(66_000)
        #expect(net.state(0).members(of: tea) == ["ann"])
        let refused = net.ask(1, bob, say(tea, "bob", "x", key: "k"))
        #expect(
            refused.first
                == .message(.messageFailed(room: tea, clientMessageID: "k", .unavailable)))
        #expect(net.marks.contains(.federationRejoined))
        net.heal()
        net.run(40_000)
        #expect(net.state(0).members(of: tea) == ["ann", "bob"])
        _ = net.ask(0, ann, say(tea, "ann", "there you are"))
        #expect(texts(net.heard(1, bob)).last == "1 ann: there you are")
    }

    @Test("a message that arrives before its predecessors brings them along")
    func gap() {
        var net = FederationNet.ready([1, 1], older: [0])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        net.silent = [(0, 1)]
        for text in ["one", "two"] { _ = net.ask(0, ann, say(tea, "ann", text)) }
        let second = net.state(0).lastMessages(in: tea, limit: 1)[0]
        // A host of the older system delivers without order.
        net.nets[1].step(
            1, .rpc(IncomingCallID(9_999), .messageBroadcast(room: tea, second), CallContext()))
        net.carry()
        net.run(500)
        #expect(net.marks.contains(.federationGap))
        #expect(texts(net.heard(1, bob)) == ["1 ann: one", "2 ann: two"])
        net.heal()
        net.run(10_000)
        #expect(texts(net.heard(1, bob)) == ["1 ann: one", "2 ann: two"])
    }

    @Test("what a host tells in numbers that no room has changes nothing")
    func numbers() {
        var net = FederationNet.ready([1, 1], older: [0])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        for (place, sequence) in [0, .max, UInt64.max - 1, 1 << 63].enumerated() {
            let message = ChatMessage(
                id: UniqueID(high: 9, low: sequence), sequence: sequence, user: "eve",
                content: "x", at: WallTime(milliseconds: 1))
            let call = FederationCall.messageBroadcast(room: tea, message)
            net.nets[1].step(
                1, .rpc(IncomingCallID(9_000 + UInt64(place)), call, CallContext()))
            net.carry()
            net.run(50)
        }
        _ = net.ask(0, ann, say(tea, "ann", "one"))
        #expect(texts(net.heard(1, bob)) == ["1 ann: one"])
    }

    @Test("a client's word on what it has of a room does not spoil the mirror")
    func boastfulClient() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        for text in ["one", "two"] { _ = net.ask(0, ann, say(tea, "ann", text)) }
        let eve = net.client(1)
        _ = net.ask(1, eve, .joinRoom(room: tea, user: "eve", since: 1 << 40))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: 1))
        _ = net.ask(0, ann, say(tea, "ann", "three"), for: 500)
        #expect(texts(net.heard(1, bob)).last == "3 ann: three")
        #expect(net.state(1).lastSequence(in: tea) == 3)
    }

    @Test("a long absence is caught up with in several answers")
    func catchUp() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        net.silent = [(0, 1), (1, 0)]
        net.run(70_000)
        for number in 1...2_100 {
            net.nets[0].step(1, .request(ann, say(tea, "ann", "\(number)")))
        }
        net.run(500)
        net.heal()
        net.run(70_000)
        #expect(texts(net.heard(1, bob)) == (1...2_100).map { "\($0) ann: \($0)" })
    }

    @Test("a cluster that answers under another's name is nobody to be federated with")
    func misnamed() {
        var net = FederationNet.ready([1, 1])
        net.silent = [(0, 1)]
        func heartbeat() -> CallID? {
            net.nets[0][1].federation.calls.first { $0.value.purpose == .heartbeat }?.key
        }
        for _ in 0..<70 where heartbeat() == nil { net.run(500) }
        guard let call = heartbeat() else {
            Issue.record("no heartbeat")
            return
        }
        let answer = HeartbeatAnswer(
            name: net.names[0], at: WallTime(milliseconds: 1), understandsContext: true,
            visit: nil)
        net.nets[0].step(1, .called(call, .answered(.heartbeat(answer))))
        #expect(net.nets[0].notes[0].contains(.clusterMisnamed(net.names[1], net.names[0])))
        #expect(net.nets[0][1].federation.standings[net.names[1]]?.misses == 1)
    }

    @Test("what a follower forwards is safe to repeat")
    func followerForwards() {
        var net = FederationNet.ready([1, 3])
        let ann = net.client(0)
        let tea = room(&net, ann)
        let node = net.nets[1].followers[0]
        let bob = net.client(1, node: node)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil), node: node)
        for _ in 0..<2 {
            let answers = net.ask(1, bob, say(tea, "bob", "once", key: "k"), node: node)
            #expect(
                answers.contains {
                    if case .message(.messageSent(tea, _, 1, _, "k")) = $0 { true } else { false }
                })
        }
        #expect(net.state(0).lastSequence(in: tea) == 1)
    }

    @Test("only clusters that are known may join; only the host may end a room")
    func strangers() {
        var net = FederationNet.ready([1, 1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        func call(_ cluster: Int, _ call: FederationCall, _ context: CallContext = CallContext()) {
            net.nets[cluster].step(1, .rpc(IncomingCallID(9_999), call, context))
            net.carry()
            net.run(200)
        }
        let stranger = ClusterName("nobody")
        call(0, .joinRoom(room: tea, user: "eve", from: stranger))
        #expect(net.state(0).members(of: tea) == ["bob"])
        #expect(!net.state(0).clusters.table.contains(stranger))
        let commit = FederationCall.commitDeletion(
            room: tea, transaction: UniqueID(high: 1, low: 1), name: nil)
        call(1, commit)
        call(1, commit, CallContext(caller: net.names[2]))
        call(0, commit)
        #expect(net.state(0).room(tea) != nil)
        #expect(net.state(1).members(of: tea) == ["bob"])
        call(1, commit, CallContext(caller: net.names[0]))
        #expect(net.state(1).room(tea) == nil)
    }

    @Test("calls that were overtaken by later ones of the same cluster change nothing")
    func echoes() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        _ = net.ask(1, bob, .leaveRoom(room: tea, user: "bob"))
        let join = net.calls.first { if case .joinRoom = $0.call { true } else { false } }
        guard let join, join.3.number != nil else {
            Issue.record("a join without a place in the outbox")
            return
        }
        net.nets[0].step(1, .rpc(IncomingCallID(9_999), join.call, join.3))
        net.carry()
        net.run(200)
        #expect(net.marks.contains(.federationEcho))
        #expect(net.state(0).members(of: tea) == [])
    }

    @Test("a mirror that can only go on after a gap closes its clients, who join again")
    func jump() {
        var net = FederationNet.ready([1, 1], older: [0]) { $0.limits.joinHistory = 2 }
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        let messages = (5...6).map { number in
            ChatMessage(
                id: UniqueID(high: 7, low: number), sequence: number, user: "ann",
                content: "late", at: WallTime(milliseconds: 1))
        }
        let hosted = HostedRoom(
            id: tea, name: "tea", description: "", memberCount: 2, host: net.names[0])
        net.silent = [(1, 0)]
        net.nets[1].step(
            1,
            .rpc(
                IncomingCallID(9_999), .messageBroadcast(room: tea, messages[1]), CallContext()))
        net.carry()
        net.run(20)
        // The host of an older system answers a join with its newest messages only.
        let call = net.nets[1][1].federation.calls.first {
            if case .outbox = $0.value.purpose { true } else { false }
        }
        guard let call else {
            Issue.record("no join was asked")
            return
        }
        net.nets[1].step(
            1,
            .called(
                call.key,
                .answered(.joined(hosted, members: ["ann", "bob"], messages: messages))))
        net.run(200)
        #expect(net.marks.contains(.mirrorJumped))
        #expect(net.nets[1].heard(1, bob).last == .closed(.serviceRestart))
    }

    @Test("a cluster that takes nothing for too long counts as away")
    func fullOutbox() {
        var state = ReplicatedState()
        let name = ClusterName("b")
        state.clusters.meet(name)
        for number in 1...UInt64(ForeignClusters.outboxLimit) {
            state.clusters.push(
                .rollbackDeletion(
                    room: UniqueID(high: 0, low: number), transaction: UniqueID(high: 1, low: 1)),
                to: name)
        }
        var effects: [StateEffect] = []
        var marks = MarkSet()
        state.tellClusters(from: 0, of: &effects, marks: &marks)
        #expect(!marks.contains(.clusterOutboxFull))
        state.clusters.push(
            .rollbackDeletion(
                room: UniqueID(high: 0, low: 0), transaction: UniqueID(high: 1, low: 1)),
            to: name)
        state.tellClusters(from: 0, of: &effects, marks: &marks)
        #expect(marks.contains(.clusterOutboxFull))
        #expect(state.clusters.table[name]?.isAway == true)
        #expect(
            state.clusters.table[name]?.outbox.items.count == ForeignClusters.outboxLimit)
    }

    @Test("the state with mirrors, guests and outboxes comes back from a snapshot")
    func snapshot() throws {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        net.silent = [(0, 1), (1, 0)]
        _ = net.ask(0, ann, say(tea, "ann", "waits"))
        _ = net.ask(0, ann, .deleteRoom(room: tea, user: "ann"))
        for cluster in 0..<2 {
            let state = net.state(cluster)
            let copy = try ReplicatedState(snapshotChunks: state.snapshotChunks())
            #expect(copy == state)
            #expect(copy.byteCount == state.byteCount)
            #expect(copy.snapshotChunks() == state.snapshotChunks())
        }
    }
}
