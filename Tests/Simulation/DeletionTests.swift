import Testing

@testable import Protocols

@Suite("Rooms are deleted in all clusters or in none")
struct DeletionTests {
    private func room(_ net: inout FederationNet, _ client: ConnectionID) -> UniqueID {
        let answers = net.ask(
            0, client, .createRoom(name: "tea", creator: "ann", description: ""))
        guard case .message(.roomCreated(let room, _, _))? = answers.first else {
            preconditionFailure("\(answers)")
        }
        return room.id
    }

    private func begun(_ answers: [NodeNet.Heard]) -> UniqueID? {
        for case .message(.deletionBegun(_, let transaction?, _)) in answers { return transaction }
        return nil
    }

    @Test("alone, a cluster deletes at once; the asker and the members learn of it in order")
    func alone() throws {
        var net = NodeNet.ready(3)
        let ann = net.connectClient(1)
        let tea = net.createRoom(1, ann, "tea")
        let bob = net.connectClient(2)
        _ = net.ask(2, bob, .joinRoom(room: tea, user: "bob", since: nil))
        _ = net.ask(2, bob, say(tea, "bob", "hi"))
        func refused(_ error: RequestError) -> [NodeNet.Heard] {
            [.message(.deletionFailed(room: tea, transaction: nil, error, reason: nil))]
        }
        #expect(net.ask(2, bob, .deleteRoom(room: tea, user: "bob")) == refused(.unauthorized))
        let answers = net.ask(1, ann, .deleteRoom(room: tea, user: "ann"))
        let transaction = try #require(begun(answers))
        #expect(
            answers == [
                .message(.deletionBegun(room: tea, transaction: transaction, initiator: nil)),
                .message(.deletionDone(room: tea, transaction: transaction)),
            ])
        #expect(
            Array(net.heard(2, bob).suffix(2)) == [
                .message(.deletionBegun(room: tea, transaction: nil, initiator: "ann")),
                .message(.roomDeleted(room: tea, name: "tea")),
            ])
        #expect(net.ask(1, ann, .deleteRoom(room: tea, user: "ann")) == refused(.roomNotFound))
        #expect(
            net.ask(2, bob, say(tea, "bob", "x"))
                == [.message(.messageFailed(room: tea, clientMessageID: nil, .roomNotFound))])
        // Its name is free again, and nothing of it is left in the budget.
        let empty = NodeNet.ready(3)[1].state.rooms.byteCount
        #expect(net[1].state.rooms.byteCount == empty)
        #expect(net.createRoom(3, net.connectClient(3), "tea") != tea)
        #expect(net.marks.contains(.deletionCommitted))
    }

    @Test("with other clusters it is committed when all are ready, and their members learn of it")
    func committed() {
        var net = FederationNet.ready([3, 1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        #expect(
            net.ask(1, bob, .deleteRoom(room: tea, user: "ann"))
                == [
                    .message(
                        .deletionFailed(room: tea, transaction: nil, .invalidState, reason: nil))
                ])
        _ = net.ask(0, ann, .deleteRoom(room: tea, user: "ann"), for: 300)
        guard case .deletionDone? = net.heard(0, ann).last else {
            Issue.record("\(net.heard(0, ann))")
            return
        }
        #expect(net.heard(1, bob).last == .roomDeleted(room: tea, name: "tea"))
        for cluster in 0..<3 { #expect(net.state(cluster).room(tea) == nil) }
        let asked = net.calls.filter { if case .prepareDeletion = $0.call { true } else { false } }
        #expect(asked.map(\.to).sorted() == [1, 2])
        #expect(net.marks.contains(.deletionPrepared))
        // Nothing is left to be told.
        net.run(2_000)
        for cluster in 0..<3 {
            #expect(net.state(cluster).clusters.table.allSatisfy { $0.value.outbox.items.isEmpty })
        }
    }

    @Test("a vote against it keeps the room everywhere")
    func aborted() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        // The other cluster has a mirror of a room with this id from elsewhere.
        net.nets[1].step(1, .wallClock(net.nets[1].wall))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        var state = net.nets[1].nodes[0].state
        state.rooms.table.update(tea) { room in
            room = Room(
                RoomCreation(
                    id: tea, name: "tea", creator: "", description: "", admin: NodeID(1),
                    at: WallTime(milliseconds: 0)))
        }
        net.nets[1].nodes[0].state = state
        let answers = net.ask(0, ann, .deleteRoom(room: tea, user: "ann"), for: 300)
        guard case .message(.deletionFailed(tea, _?, .deletionFailed, let reason?))? = answers.last
        else {
            Issue.record("\(answers)")
            return
        }
        #expect(reason == "b voted against it: Another node hosts the room")
        #expect(net.state(0).room(tea) != nil)
        #expect(net.state(0).rooms.deletions.isEmpty)
        #expect(net.marks.contains(.deletionAborted))
    }

    @Test("a cluster that is away delays a deletion by five seconds, then it is done without it")
    func withoutVote() {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        let tea = room(&net, ann)
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        net.silent = [(0, 1), (1, 0)]
        _ = net.ask(0, ann, .deleteRoom(room: tea, user: "ann"), for: 4_500)
        #expect(net.state(0).room(tea) != nil)
        #expect(
            net.ask(0, ann, .deleteRoom(room: tea, user: "ann"), for: 20)
                == [
                    .message(
                        .deletionFailed(room: tea, transaction: nil, .invalidState, reason: nil))
                ])
        net.run(700)
        #expect(net.state(0).room(tea) == nil)
        #expect(net.marks.contains(.deletionWithoutVote))
        #expect(
            net.nets[0].notes[0].contains(
                .deletionDecided(room: tea, isCommitted: true, without: [net.names[1]])))
        // The other learns of it when it is back.
        #expect(net.state(1).room(tea) != nil)
        net.heal()
        net.run(10_000)
        #expect(net.state(1).room(tea) == nil)
        #expect(net.heard(1, bob).last == .roomDeleted(room: tea, name: "tea"))
    }

    @Test("a crash of either side leaves no cluster in doubt")
    func crashes() {
        for crashed in [0, 1] {
            var net = FederationNet.ready([1, 1])
            let ann = net.client(0)
            let tea = room(&net, ann)
            let bob = net.client(1)
            _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
            net.deaf = [(0, 1)]
            _ = net.ask(0, ann, .deleteRoom(room: tea, user: "ann"), for: 200)
            #expect(net.state(1).room(tea)?.prepared != nil)
            #expect(net.state(0).rooms.deletions.count == 1)
            net.nets[crashed].restart(1)
            net.heal()
            net.run(20_000)
            for cluster in 0..<2 { #expect(net.state(cluster).room(tea) == nil) }
        }
    }
}
