import Testing

@testable import Protocols

@Suite("Node: how a cluster begins")
struct NodeStartTests {
    @Test("a cluster begins when every node has heard every other, with one first entry")
    func bootstrap() {
        var net = NodeNet(3)
        net.connect(1, 2)
        net.run(3_000)
        #expect(net.notes[0] == [.waitingForMembers([node(3)])])
        #expect(net[1].missingMembers == [node(3)] && net[1].cluster == nil)
        #expect(net[1].raft.deadline == nil)
        net.connect(1, 3)
        net.connect(2, 3)
        net.run(4_000)
        let founders = (1...3).map {
            Member(id: node($0), incarnation: Incarnation(UInt64($0) * 11))
        }
        let cluster = ClusterID(founders: founders)
        for id in UInt32(1)...3 {
            #expect(net[id].cluster == cluster)
            #expect(net.notes[Int(id) - 1].contains(.bootstrapped(cluster)))
            #expect(net[id].state.founders == founders)
            #expect(net[id].raft.log.entry(at: index(1)) == net[1].raft.log.entry(at: index(1)))
        }
        #expect(net.leaders.count == 1 && !net.hasSpun)
        #expect(net.marks.contains(.bootstrapped))
    }

    @Test("a node alone is a cluster")
    func alone() {
        var net = NodeNet(1)
        net.run(2_000)
        #expect(net[1].isReady && net.leaders == [1])
        let client = net.connectClient(1)
        #expect(
            net.ask(1, client, write("k", [1], as: nil)) == [
                .message(.registerWritten(key: "k", version: 1))
            ])
    }

    @Test("every node opens a session of its own once there is a leader")
    func sessions() {
        let net = NodeNet.ready()
        for id in UInt32(1)...3 {
            #expect(net[id].isReady)
            #expect(net[id].session == net[1].state.nodeSession(of: node(id)))
        }
    }

    @Test("a wiped node halts, and nobody listens to it (planted 32)")
    func wiped() throws {
        var net = NodeNet.ready()
        let cluster = try #require(net[1].cluster)
        let wiped = net.followers[0]
        net.restart(wiped, incarnation: 999, isBlank: true)
        #expect(net[wiped].halted == .wiped(cluster: cluster))
        #expect(net[wiped].deadline == nil)
        #expect(net.disks[Int(wiped) - 1] == DurableState())
        for id in UInt32(1)...3 where id != wiped {
            #expect(
                net.notes[Int(id) - 1].contains(.peerRefused(node(wiped), .foreignIncarnation)))
            #expect(!net[id].connectedMembers.contains(node(wiped)))
        }
        let client = net.connectClient(net.leader)
        #expect(
            net.ask(net.leader, client, write("k", [1], as: nil)) == [
                .message(.registerWritten(key: "k", version: 1))
            ])
        #expect(net.marks.contains(.wipedNodeRefused))
        #expect(net.marks.contains(.foreignPeerRefused))
    }

    @Test("a founder that crashed before its first write finds itself and joins")
    func founderRejoins() {
        var net = NodeNet(3)
        net.cuts = [(1, 3), (2, 3)]
        net.connectAll()
        net.run(3_000)
        #expect(net[1].isReady && net[3].missingMembers == [node(1), node(2)])
        net.heal()
        net.restart(3, isBlank: true)
        net.run(3_000)
        #expect(net[3].cluster == net[1].cluster && net[3].isReady)
        #expect(net[3].state.rollingDigest == net[1].state.rollingDigest)
    }

    @Test("a restarted node applies its log again and says nothing")
    func restart() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        let room = net.createRoom(id, client, "tea")
        _ = net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil))
        _ = net.ask(id, client, say(room, "ann", "hello"))
        let before = net.heard(id, client).count
        let session = net[id].session
        net.restart(id)
        net.run(3_000)
        #expect(net.heard(id, client).count == before)
        #expect(net[id].state.rollingDigest == net[net.leader].state.rollingDigest)
        // Its later boot ended the earlier one's session, and with it the memberships.
        #expect(net[id].session != session && net[id].isReady)
        #expect(net[id].state.members(of: room) == [])
    }

    @Test("the cluster speaks a new version once every member does")
    func clusterVersion() {
        var net = NodeNet.ready { $0.versions = 1...2 }
        #expect(net.nodes.map(\.state.clusterVersion) == [2, 2, 2])
        #expect(net.marks.contains(.clusterVersionRaised))
        for id in UInt32(1)...3 {
            #expect(net.notes[Int(id) - 1].filter { $0 == .clusterVersion(2) }.count == 1)
        }
        net = NodeNet.ready { $0.versions = 1...($0.id == node(3) ? 1 : 2) }
        #expect(net.nodes.map(\.state.clusterVersion) == [1, 1, 1])
    }

    @Test("a directory of other members or of another node does not start")
    func refusals() {
        let net = NodeNet.ready()
        func refusal(_ configuration: NodeConfiguration) -> StartRefusal? {
            do throws(StartRefusal) {
                _ = try Node(configuration, durable: net.disks[0], now: .zero)
                return nil
            } catch {
                return error
            }
        }
        func configuration(_ members: [NodeID], _ incarnation: UInt64) -> NodeConfiguration {
            NodeConfiguration(
                id: node(1), members: members, incarnation: Incarnation(incarnation),
                boot: Boot(2), seed: 1)
        }
        let three = [node(1), node(2), node(3)]
        #expect(refusal(configuration(three, 11)) == nil)
        #expect(refusal(configuration(three, 12)) == .foreignDirectory)
        #expect(
            refusal(configuration([node(1), node(2)], 11))
                == .membersChanged(stored: three, configured: [node(1), node(2)]))
    }

    @Test("a replica whose state is not the leader's halts, and says nothing after that")
    func diverged() {
        var net = NodeNet.ready { $0.limits.checkpointEntries = 4 }
        let id = net.followers[0]
        let client = net.connectClient(id)
        net.nodes[Int(id) - 1].state.rollingDigest ^= 1
        for value in UInt8(0)..<8 {
            net.step(id, .request(client, .readRegister(key: "k")))
            _ = net.ask(id, client, write("k", [value], as: nil), for: 200)
        }
        guard case .diverged(let at)? = net[id].halted else {
            preconditionFailure("not halted")
        }
        #expect(at.rawValue % 4 == 0 && net[id].deadline == nil && !net.hasSpokenAfterHalt)
        let heard = net.heard(id, client).count
        net.step(id, .request(client, .readRegister(key: "k")))
        net.run(500)
        #expect(net.heard(id, client).count == heard)
        for other in UInt32(1)...3 where other != id { #expect(net[other].halted == nil) }
    }
}

@Suite("Node: chat")
struct NodeChatTests {
    @Test("create, join, send, history, leave: the whole conversation as two clients see it")
    func conversation() {
        var net = NodeNet.ready()
        let (a, b) = (net.followers[0], net.leader)
        let ann = net.connectClient(a)
        let bob = net.connectClient(b)
        let createdAt = net.wall
        let room = net.createRoom(a, ann, "tea")
        func summary(_ count: Int) -> RoomSummary {
            RoomSummary(id: room, name: "tea", description: "", memberCount: count, admin: node(a))
        }
        #expect(
            net.heard(a, ann) == [
                .message(.roomCreated(summary(0), createdAt: createdAt, members: []))
            ])
        #expect(
            net.ask(a, ann, .joinRoom(room: room, user: "ann", since: nil)) == [
                .message(
                    .joined(
                        JoinReply(
                            room: summary(1), members: ["ann"], historyFrom: 1,
                            historyComplete: true)))
            ])
        let sentAt = net.wall
        let answers = net.ask(a, ann, say(room, "ann", "hello", key: "m1"))
        guard case .message(.messageSent(_, let id, _, _, _))? = answers.first else {
            preconditionFailure("\(answers)")
        }
        let hello = ChatMessage(id: id, sequence: 1, user: "ann", content: "hello", at: sentAt)
        #expect(
            answers == [
                .message(
                    .messageSent(room: room, id: id, sequence: 1, at: sentAt, clientMessageID: "m1")
                ), .message(.newMessage(room: room, hello)),
            ])
        let joinedAt = net.wall
        #expect(
            net.ask(b, bob, .joinRoom(room: room, user: "bob", since: nil)) == [
                .message(
                    .joined(
                        JoinReply(
                            room: summary(2), members: ["ann", "bob"], historyFrom: 1,
                            historyComplete: true))),
                .message(.newMessage(room: room, hello)),
            ])
        #expect(
            net.heard(a, ann).last
                == .message(.memberJoined(room: room, user: "bob", memberCount: 2, at: joinedAt)))
        let leftAt = net.wall
        #expect(
            net.ask(a, ann, .leaveRoom(room: room, user: "ann")) == [
                .message(.left(room: room, user: "ann"))
            ])
        #expect(
            net.heard(b, bob).last
                == .message(
                    .memberLeft(
                        room: room, user: "ann", memberCount: 1, reason: .requested, at: leftAt)))
        _ = net.ask(b, bob, say(room, "bob", "gone?"))
        #expect(net.sequences(b, bob) == [1, 2] && net.sequences(a, ann) == [1])
    }

    @Test("a resend with the client's own message id is answered as the first was, once delivered")
    func resend() {
        var net = NodeNet.ready()
        let (a, b) = (net.followers[0], net.followers[1])
        let ann = net.connectClient(a)
        let room = net.createRoom(a, ann, "tea")
        _ = net.ask(a, ann, .joinRoom(room: room, user: "ann", since: nil))
        let first = net.ask(a, ann, say(room, "ann", "hello", key: "m1"))[0]
        let again = net.connectClient(b)
        _ = net.ask(b, again, .joinRoom(room: room, user: "ann", since: 1))
        #expect(net.ask(b, again, say(room, "ann", "hello", key: "m1")) == [first])
        #expect(net.sequences(a, ann) == [1] && net.sequences(b, again) == [])
    }

    @Test("what a client asks wrongly is refused before anything is done")
    func refusals() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        let room = UniqueID(high: 1, low: 1)
        let long = String(repeating: "x", count: 5_001)
        func failed(_ error: RequestError) -> [NodeNet.Heard] {
            [.message(.messageFailed(room: room, clientMessageID: nil, error))]
        }
        #expect(net.ask(id, client, say(room, "ann", "")) == failed(.invalidContent))
        #expect(net.ask(id, client, say(room, "ann", long)) == failed(.invalidContent))
        #expect(net.ask(id, client, say(room, "", "x")) == failed(.invalidRequest))
        #expect(net.ask(id, client, say(room, "ann", "x")) == failed(.roomNotFound))
        #expect(
            net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil)) == [
                .message(.joinFailed(room: room, .roomNotFound))
            ])
        let tea = net.createRoom(id, client, "tea")
        #expect(
            net.ask(id, client, say(tea, "ann", "x")) == [
                .message(.messageFailed(room: tea, clientMessageID: nil, .notMember))
            ])
        #expect(
            net.ask(id, client, .createRoom(name: "tea", creator: "b", description: "")) == [
                .message(.createFailed(.nameTaken))
            ])
        #expect(
            net.ask(id, client, .leaveRoom(room: tea, user: "ann")) == [
                .message(.leaveFailed(room: tea, .notMember))
            ])
    }

    @Test("a client that does not read is dropped with 1013, and its membership ends")
    func slowReader() {
        var net = NodeNet.ready { $0.limits.clientBacklog = 1_000 }
        let (a, b) = (net.followers[0], net.leader)
        let (slow, other) = (net.connectClient(a), net.connectClient(b))
        let room = net.createRoom(b, other, "tea")
        _ = net.ask(b, other, .joinRoom(room: room, user: "bob", since: nil))
        _ = net.ask(a, slow, .joinRoom(room: room, user: "ann", since: nil))
        net.step(a, .backlog(slow, bytes: 1_000))
        #expect(net[a].backlog(of: slow) == 1_000)
        let droppedAt = net.wall
        net.step(a, .backlog(slow, bytes: 1_001))
        #expect(net.heard(a, slow).last == .closed(.tooSlow) && CloseReason.tooSlow.code == 1013)
        #expect(net.notes[Int(a) - 1].contains(.slowClientDropped(slow, bytes: 1_001)))
        net.run(50)
        #expect(
            net.heard(b, other).last
                == .message(
                    .memberLeft(
                        room: room, user: "ann", memberCount: 1, reason: .disconnected,
                        at: droppedAt)))
        #expect(net.marks.contains(.slowReaderDropped))
    }

    @Test("a long history goes out in bounded batches, without waiting for anything but time")
    func longHistory() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        let room = net.createRoom(id, client, "tea")
        _ = net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil))
        for _ in 0..<1_000 { net.step(id, .request(client, say(room, "ann", "x"))) }
        net.run(200)
        let late = net.connectClient(id)
        _ = net.ask(id, late, .joinRoom(room: room, user: "late", since: 0), for: 60)
        #expect(net.sequences(id, late) == Array(1...1_000))
        #expect(!net.hasSpun)
    }

    @Test("a client with a backlog waits for its history and costs no ticks meanwhile")
    func backlogHoldsHistory() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let client = net.connectClient(id)
        let room = net.createRoom(id, client, "tea")
        _ = net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil))
        for _ in 0..<300 { net.step(id, .request(client, say(room, "ann", "x"))) }
        net.run(200)
        let late = net.connectClient(id)
        net.step(id, .backlog(late, bytes: 10))
        _ = net.ask(id, late, .joinRoom(room: room, user: "late", since: 0))
        #expect(net.sequences(id, late) == [])
        let before = net.ticks
        net.run(1_000, by: 1)
        #expect(net.ticks - before < 300)
        net.step(id, .backlog(late, bytes: 0))
        net.run(50, by: 1)
        #expect(net.sequences(id, late) == Array(1...300))
        #expect(net.marks.contains(.rejoinSince))
    }

    /// A node whose client stays in a room while the node misses messages and gets a snapshot.
    private func afterSnapshot(historyCount: Int) -> (NodeNet, UInt32, ConnectionID, UniqueID) {
        var net = NodeNet.ready {
            $0.raft.trailingBytes = 0
            $0.limits.snapshotLogBytes = 2_000
            $0.state.historyCount = historyCount
            $0.state.historyBlockBytes = 256
        }
        let (away, leader) = (net.followers[0], net.leader)
        let (ann, bob) = (net.connectClient(away), net.connectClient(leader))
        let room = net.createRoom(leader, bob, "tea")
        _ = net.ask(away, ann, .joinRoom(room: room, user: "ann", since: nil))
        _ = net.ask(leader, bob, .joinRoom(room: room, user: "bob", since: nil))
        _ = net.ask(leader, bob, say(room, "bob", "before"))
        net.isolate(away)
        for _ in 0..<60 { _ = net.ask(leader, bob, say(room, "bob", "missed"), for: 10) }
        net.heal()
        net.run(3_000)
        return (net, away, ann, room)
    }

    @Test("clients of a follower that installs a snapshot get what it skipped (planted 51)")
    func snapshotCatchUp() {
        var (net, away, ann, room) = afterSnapshot(historyCount: 10_000)
        #expect(
            net.notes[Int(away) - 1].contains {
                if case .snapshotInstalled = $0 { true } else { false }
            })
        #expect(net.sequences(away, ann) == Array(1...61))
        _ = net.ask(away, ann, say(room, "ann", "after"))
        #expect(net.sequences(away, ann) == Array(1...62))
        #expect(!net.heard(away, ann).contains(.closed(.serviceRestart)))
        #expect(net.marks.contains(.fanOutCaughtUp))
    }

    @Test("clients whose missing messages are gone are closed with 1012, never left with a gap")
    func snapshotGap() {
        let (net, away, ann, _) = afterSnapshot(historyCount: 10)
        #expect(net.sequences(away, ann) == [1])
        #expect(net.heard(away, ann).last == .closed(.serviceRestart))
        #expect(CloseReason.serviceRestart.code == 1012)
        #expect(net.marks.contains(.fanOutGapClosed))
    }

    @Test("a snapshot is labelled with the entry up to which its state was applied (planted 22)")
    func snapshotLabel() throws {
        let (net, away, _, _) = afterSnapshot(historyCount: 10_000)
        for id in UInt32(1)...3 {
            let taken = try #require(net[id].raft.snapshot)
            let state = try ReplicatedState(snapshotChunks: taken.chunks)
            #expect(state.applied == taken.point)
            #expect(net.disks[Int(id) - 1].snapshot == taken)
        }
        #expect(net[away].state.rollingDigest == net[net.leader].state.rollingDigest)
    }
}
