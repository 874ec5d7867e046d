import SimCodecs
import Testing

@testable import Protocols
@testable import SimNet

@Suite("Node: idle members")
struct PresenceTests {
    private static func net() -> NodeNet {
        NodeNet.ready {
            $0.limits.inactivityTimeout = .seconds(2)
            $0.limits.cleanupInterval = .seconds(1)
        }
    }

    private static func left(
        _ room: UniqueID, _ user: String, _ count: Int, _ reason: LeaveReason
    ) -> (ServerMessage) -> Bool {
        { message in
            guard case .memberLeft(room, user, count, reason, _) = message else { return false }
            return true
        }
    }

    private static func news(_ heard: [NodeNet.Heard]) -> [ServerMessage] {
        heard.compactMap { if case .message(let message) = $0 { message } else { nil } }
    }

    @Test("an idle member leaves its rooms, hears it once, and stays connected")
    func idleMember() throws {
        var net = Self.net()
        let (a, b) = (net.followers[0], net.followers[1])
        let (ann, bob) = (net.connectClient(a), net.connectClient(b))
        let tea = net.createRoom(a, ann, "tea")
        _ = net.ask(a, ann, .joinRoom(room: tea, user: "ann", since: nil))
        _ = net.ask(b, bob, .joinRoom(room: tea, user: "bob", since: nil))
        let (before, heardByBob) = (net.heard(a, ann).count, net.heard(b, bob).count)
        // Bob talks, ann does not.
        for round in 0..<5 { _ = net.ask(b, bob, say(tea, "bob", "\(round)"), for: 1_000) }
        let isGone = Self.left(tea, "ann", 1, .inactive)
        let annHeard = Self.news(Array(net.heard(a, ann)[before...]))
        let bobHeard = Self.news(Array(net.heard(b, bob)[heardByBob...]))
        #expect(annHeard.filter(isGone).count == 1 && bobHeard.filter(isGone).count == 1)
        #expect(annHeard.last.map(isGone) == true, "what comes after is not for her")
        #expect(net[a].state.members(of: tea) == ["bob"])
        #expect(net[a].fanOut.isOpen(ann) && net[a].fanOut.subscribedRooms == [])
        #expect(net.marks.contains(.idleMemberRemoved))
        #expect(
            net.ask(a, ann, say(tea, "ann", "hello?", key: "k")) == [
                .message(.messageFailed(room: tea, clientMessageID: "k", .notMember))
            ])
        // She comes back as anybody does, and misses nothing.
        _ = net.ask(a, ann, .joinRoom(room: tea, user: "ann", since: 0))
        #expect(net[b].state.members(of: tea) == ["ann", "bob"])
        #expect(net.sequences(a, ann).suffix(5) == [1, 2, 3, 4, 5])
    }

    @Test("any request keeps a member, and so does the wait for its outcome")
    func activity() {
        var net = Self.net()
        let id = net.followers[0]
        let client = net.connectClient(id)
        let room = net.createRoom(id, client, "tea")
        _ = net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil))
        for _ in 0..<4 { _ = net.ask(id, client, .listRooms, for: 1_500) }
        #expect(net[id].state.members(of: room) == ["ann"])
        // Cut off, the node cannot say what becomes of the message for longer than the time-out.
        net.step(id, .request(client, say(room, "ann", "still here")))
        net.isolate(id)
        net.run(4_000)
        #expect(!net.marks.contains(.idleMemberRemoved))
    }

    @Test("a zero time-out removes nobody")
    func never() {
        var net = NodeNet.ready { $0.limits.cleanupInterval = .milliseconds(250) }
        let client = net.connectClient(1)
        let room = net.createRoom(1, client, "tea")
        _ = net.ask(1, client, .joinRoom(room: room, user: "ann", since: nil))
        net.run(20_000)
        #expect(net[1].state.members(of: room) == ["ann"])
    }

    @Test("while a removal is under way, requests about rooms are refused and it happens once")
    func requestsWhileEnding() {
        var net = Self.net()
        let id = net.followers[0]
        let client = net.connectClient(id)
        let room = net.createRoom(id, client, "tea")
        _ = net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil))
        net.cuts.append((id, net.leader))
        net.run(3_400)
        #expect(net.marks.contains(.idleMemberRemoved))
        let before = net.heard(id, client).count
        #expect(
            net.ask(id, client, .joinRoom(room: room, user: "ann", since: nil)).first
                == .message(.joinFailed(room: room, .unavailable)))
        #expect(
            net.ask(id, client, .leaveRoom(room: room, user: "ann")).first
                == .message(.leaveFailed(room: room, .unavailable)))
        net.heal()
        net.run(3_000)
        let heard = Self.news(Array(net.heard(id, client)[before...]))
        #expect(heard.filter(Self.left(room, "ann", 0, .inactive)).count == 1)
        #expect(net[id].state.members(of: room) == [])
    }

    @Test("one of two connections of a user is removed: it hears it, the user stays a member")
    func oneOfTwo() {
        var net = Self.net()
        let (idle, busy, witness) = (
            net.connectClient(1), net.connectClient(2), net.connectClient(3)
        )
        let room = net.createRoom(1, idle, "tea")
        _ = net.ask(1, idle, .joinRoom(room: room, user: "ann", since: nil))
        _ = net.ask(2, busy, .joinRoom(room: room, user: "ann", since: nil))
        _ = net.ask(3, witness, .joinRoom(room: room, user: "eve", since: nil))
        for _ in 0..<5 {
            _ = net.ask(2, busy, say(room, "ann", "."), for: 500)
            _ = net.ask(3, witness, .listRooms, for: 500)
        }
        let isGone = Self.left(room, "ann", 2, .inactive)
        #expect(Self.news(net.heard(1, idle)).filter(isGone).count == 1)
        #expect(Self.news(net.heard(2, busy)).filter(isGone).isEmpty)
        #expect(Self.news(net.heard(3, witness)).filter(isGone).isEmpty)
        #expect(net[3].state.members(of: room) == ["ann", "eve"])
    }

    @Test("an end of memberships whose outcome the session forgot is asked for again")
    func forgottenEnd() {
        var net = NodeNet.ready { $0.state.outcomesPerSession = 4 }
        let id = net.followers[0]
        let (ann, bob) = (net.connectClient(id), net.connectClient(id))
        let room = net.createRoom(id, ann, "tea")
        _ = net.ask(id, ann, .joinRoom(room: room, user: "ann", since: nil))
        // The first proposal of the end is lost, those of later requests are not.
        net.step(id, .disconnected(ann))
        net.letters.removeAll { $0.from == id }
        for _ in 0..<8 { net.step(id, .request(bob, .openSession)) }
        net.run(4_000)
        #expect(net.marks.contains(.membershipEndRepeated))
        #expect(net[id].state.members(of: room) == [])
        #expect(net[id].pendingCount == 0)
    }

    @Test("a node that dies leaves its rooms to the lowest live one, and lists and members hear it")
    func takeover() {
        var net = NodeNet.ready()
        let (ann, bob) = (net.connectClient(1), net.connectClient(3))
        let tea = net.createRoom(1, ann, "tea")
        let own = net.createRoom(3, bob, "own")
        _ = net.ask(1, ann, .joinRoom(room: tea, user: "ann", since: nil))
        _ = net.ask(3, bob, .joinRoom(room: tea, user: "bob", since: nil))
        func rooms(_ id: UInt32) -> [UniqueID] {
            let client = net.connectClient(id)
            guard case .message(.roomsList(let rooms))? = net.ask(id, client, .listRooms).first
            else { return [] }
            return rooms.map(\.id)
        }
        #expect(rooms(1) == [tea] && rooms(2) == [] && rooms(3) == [own])
        net.isolate(1)
        net.run(20_000)
        #expect(rooms(2) == [tea] && rooms(3) == [own])
        #expect(net[3].state.summary(of: tea)?.admin == .node(node(2)))
        #expect(net.notes[1].filter { $0 == .roomsTakenOver(from: node(1), count: 1) }.count == 1)
        #expect(!net.notes[2].contains(.roomsTakenOver(from: node(1), count: 1)))
        let gone = Self.news(net.heard(3, bob)).filter(Self.left(tea, "ann", 1, .nodeUnreachable))
        #expect(gone.count == 1)
        // Back again, it has its room back.
        net.heal()
        net.run(3_000)
        #expect(rooms(1) == [tea] && rooms(2) == [])
    }

    // MARK: The checker

    private static let room = UniqueID(high: 1, low: 2)
    private static let client = ConnectionID(slot: 3, generation: 1)

    private static func member(_ checker: inout Presence) throws {
        let reply = JoinReply(
            room: RoomSummary(
                id: room, name: "tea", description: "", memberCount: 1, admin: NodeID(1)),
            members: ["ann"], historyFrom: 1, historyComplete: true)
        try checker.stepped(
            NodeID(1), [.reply(client, .joined(reply))], timeout: .seconds(2),
            at: .zero + .seconds(10))
    }

    private static let removal = NodeEffect.reply(
        client,
        .memberLeft(
            room: room, user: "ann", memberCount: 0, reason: .inactive,
            at: WallTime(milliseconds: 0)))

    @Test("the checker finds a member that is removed too early")
    func tooEarly() throws {
        var checker = Presence(drift: 0)
        try Self.member(&checker)
        #expect(throws: Violation.self) {
            try checker.stepped(
                NodeID(1), [Self.removal], timeout: .seconds(2),
                at: .zero + .milliseconds(11_999))
        }
    }

    @Test("the checker finds a member that is removed twice")
    func twice() throws {
        var checker = Presence(drift: 0)
        try Self.member(&checker)
        let late = Instant.zero + .seconds(12)
        try checker.stepped(NodeID(1), [Self.removal], timeout: .seconds(2), at: late)
        #expect(throws: Violation.self) {
            try checker.stepped(NodeID(1), [Self.removal], timeout: .seconds(2), at: late)
        }
    }

    @Test("the checker finds a message for a connection that is no member any more")
    func notUnsubscribed() throws {
        var checker = Presence(drift: 0)
        try Self.member(&checker)
        let message = ServerMessage.newMessage(
            room: Self.room,
            ChatMessage(
                id: Self.room, sequence: 1, user: "bob", content: "x",
                at: WallTime(milliseconds: 0)))
        let late = Instant.zero + .seconds(12)
        try checker.stepped(
            NodeID(1), [.deliver([Self.client], message), Self.removal], timeout: .seconds(2),
            at: late)
        #expect(throws: Violation.self) {
            try checker.stepped(
                NodeID(1), [.deliver([Self.client], message)], timeout: .seconds(2), at: late)
        }
    }

    @Test("seeds remove idle members, and hold")
    func seeds() {
        let result = run(seeds: 20_000..<20_020, duration: .seconds(30), codecs: chatCodecs)
        #expect(result.failures.map(\.seed) == [])
        #expect(result.statistics.marks[Int(Mark.idleMemberRemoved.rawValue)] > 10)
    }
}

@Suite("Presence: who is in the rooms at the end")
struct PresenceEndTests {
    @Test("an hour of chat ends with everyone in their room; one too many or too few is seen")
    func hour() throws {
        var world = World(seed: 3, mix: .hour, duration: .seconds(30))
        #expect(world.run().verdict == .held)
        #expect(world.clients.count == 200)
        let core = world.hosts.indices.filter { world.hosts[$0].isCore }.map { world.nodes[$0] }
        var checker = Presence(drift: 0)
        try checker.finished(world.clients, core)
        #expect(checker.exercised == 10 * core.count)
        #expect(throws: Violation.self) {
            try checker.finished(Array(world.clients.dropFirst()), core)
        }
        #expect(throws: Violation.self) {
            let young = World(seed: 3, mix: .hour)
            try checker.finished(world.clients, young.nodes)
        }
    }
}
