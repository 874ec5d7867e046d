import Protocols

/// What a client of one node knows, whatever becomes of the node.
struct ChatWitness: Equatable, Sendable {
    /// Which messages it sent under a name of their own, one bit each.
    var sent: UInt16 = 0
    /// At which place of the room each message stands that was acknowledged, by its number.
    var acknowledged = ChatOrder()
    /// Which messages it was shown, by their places in the room.
    var shown = ChatOrder()
    /// The room, once it joined it.
    var room: UniqueID?
    /// It uses the room, and joins again when its connection is gone.
    var hasEntered = false
    /// It has joined through its present connection.
    var isMember = false
}

/// Up to fifteen small numbers by their place from 1, four bits each; 0 stands for none.
struct ChatOrder: Equatable, Sendable {
    private(set) var bits: UInt64 = 0

    /// The greatest place and the greatest number.
    static let most = 15

    subscript(place: Int) -> Int {
        get { Int(bits >> UInt64(4 * place) & 15) }
        set {
            bits &= ~(15 << UInt64(4 * place))
            bits |= UInt64(newValue & 15) << UInt64(4 * place)
        }
    }

    /// How many places from 1 on hold a number, one after the other.
    var count: Int {
        var place = 1
        while place <= ChatOrder.most, self[place] != 0 { place += 1 }
        return place - 1
    }

    /// The places that hold a number, such as `[1:4 2:1]`.
    var text: String {
        let words = (1...ChatOrder.most).filter { self[$0] != 0 }.map { "\($0):\(self[$0])" }
        return "[" + words.joined(separator: " ") + "]"
    }

    /// True when both hold the same wherever both hold something.
    func agrees(with other: ChatOrder) -> Bool {
        for place in 1...ChatOrder.most
        where self[place] != 0 && other[place] != 0 && self[place] != other[place] {
            return false
        }
        return true
    }
}

/// A whole node in a search, with one client that says something in one room.
///
/// Time passes in leaps that are longer than all of upkeep's times; sessions never end by time.
/// The node's links are always up: what is on its way can be lost all the same, for a message
/// need not arrive. After a restart the peers introduce themselves at once.
struct ChatMember: Sendable {
    private(set) var node: Node
    var witness = ChatWitness()
    private let hellos: [(peer: NodeID, hello: PeerHello)]

    /// The most ticks that may be due at one moment.
    private static let mostTicks = 1_000
    /// Who speaks for every client; one user, so that a message sent again elsewhere is the same.
    private static let user = "ann"
    private static let wall = WallTime(milliseconds: 0)
    /// How much time passes when a member's short time comes.
    static let leap = Interval.seconds(1)

    /// What a node starts with, apart from what is on its disk.
    init(
        _ id: NodeID, of members: [NodeID], boot: Boot, durable: DurableState,
        _ raft: RaftConfiguration, now: Instant
    ) {
        var configuration = NodeConfiguration(
            id: id, members: members, incarnation: ChatMember.incarnation(of: id), boot: boot,
            seed: UInt64(id.rawValue) << 32 | boot.rawValue)
        configuration.raft = raft
        configuration.limits.requestTimeout = .seconds(1_000_000_000)
        configuration.limits.snapshotLogBytes = .max
        configuration.limits.proposalRetry = .milliseconds(500)
        configuration.state.nodeSessionLife = .seconds(1_000_000_000)
        configuration.state.messageKeyLife = .seconds(1_000_000_000)
        do throws(StartRefusal) {
            node = try Node(configuration, durable: durable, now: now)
        } catch {
            preconditionFailure("\(id) does not start: \(error)")
        }
        let founders = members.map { Member(id: $0, incarnation: ChatMember.incarnation(of: $0)) }
        hellos = members.filter { $0 != id }.map { peer in
            let hello = PeerHello(
                incarnation: ChatMember.incarnation(of: peer), oldestVersion: 1, newestVersion: 1,
                configured: members, founders: founders)
            return (peer, hello)
        }
    }

    static func incarnation(of id: NodeID) -> Incarnation { Incarnation(UInt64(id.rawValue) * 11) }

    /// The first entry of every member's log.
    static func founding(_ members: [NodeID]) -> Entry {
        let payload = MembershipPayload(
            members: members.map { Member(id: $0, incarnation: incarnation(of: $0)) },
            clusterVersion: 1)
        return Entry(
            index: LogIndex(1), term: Term(1), stamp: .zero, kind: .membership,
            payload: payload.encoded())
    }

    /// What the node did; `violation` is what its client saw that must never be.
    struct Outcome {
        var effects: [NodeEffect] = []
        var violation: String?
    }

    // MARK: Events

    /// The links come up, and a client that used the room before comes back.
    mutating func begin(at now: Instant, into outcome: inout Outcome) {
        for (peer, hello) in hellos {
            step(.peerUp(peer), at: now, into: &outcome)
            step(.peer(peer, .hello(hello)), at: now, into: &outcome)
        }
        witness.isMember = false
        if witness.hasEntered { enter(at: now, into: &outcome) }
    }

    /// The client connects and joins the room, which it makes if there is none.
    mutating func enter(at now: Instant, into outcome: inout Outcome) {
        witness.hasEntered = true
        step(.connected(connection), at: now, into: &outcome)
        if let room {
            join(room, at: now, into: &outcome)
        } else {
            ask(
                .createRoom(name: "room", creator: ChatMember.user, description: ""), at: now,
                into: &outcome)
        }
    }

    /// The client sends a message, for the first time or again.
    ///
    /// Odd ones have a name, and may be sent again. Even ones have none, and are sent once: only
    /// the node's own session keeps them from standing in the room twice.
    mutating func send(_ number: Int, at now: Instant, into outcome: inout Outcome) {
        guard let room else { return }
        let isNamed = number % 2 == 1
        if isNamed { witness.sent |= 1 << UInt16(number) }
        ask(
            .sendMessage(
                room: room, user: ChatMember.user, content: "\(number)",
                clientMessageID: isNamed ? "\(number)" : nil), at: now, into: &outcome)
    }

    private mutating func join(
        _ room: UniqueID, at now: Instant, into outcome: inout Outcome
    ) {
        ask(
            .joinRoom(room: room, user: ChatMember.user, since: UInt64(witness.shown.count)),
            at: now, into: &outcome)
    }

    private mutating func ask(
        _ request: ClientRequest, at now: Instant, into outcome: inout Outcome
    ) {
        step(.request(connection, request), at: now, into: &outcome)
    }

    /// Takes an event and all ticks that are due then.
    mutating func step(_ event: NodeEvent, at now: Instant, into outcome: inout Outcome) {
        var out = Outbox<NodeEffect>()
        // The wall clock stands still: what clients ask for is the same whenever they ask.
        node.step(.wallClock(ChatMember.wall), at: now, into: &out)
        node.step(event, at: now, into: &out)
        var ticks = 0
        while let deadline = node.deadline, deadline <= now {
            node.step(.tick, at: now, into: &out)
            ticks += 1
            precondition(ticks < ChatMember.mostTicks, "a node is due for ever")
        }
        outcome.effects += out.effects
        for effect in out.effects { look(at: effect, now, into: &outcome) }
    }

    private var connection: ConnectionID {
        ConnectionID(slot: 1, generation: UInt32(node.configuration.boot.rawValue))
    }

    /// The room, once there is one.
    private var room: UniqueID? {
        witness.room ?? node.state.roomSummaries(limit: 1).first?.id
    }

    // MARK: What the client sees

    private mutating func look(
        at effect: NodeEffect, _ now: Instant, into outcome: inout Outcome
    ) {
        switch effect {
        case .reply(let receiver, let message):
            if receiver == connection { hear(message, now, into: &outcome) }
        case .deliver(let receivers, let message):
            if receivers.contains(connection) { hear(message, now, into: &outcome) }
        case .send, .persist, .saveSnapshot, .compactLog, .close, .note, .halt, .call,
            .abandonCall, .answer:
            break
        }
    }

    private mutating func hear(
        _ message: ServerMessage, _ now: Instant, into outcome: inout Outcome
    ) {
        switch message {
        case .roomCreated(let room, _, _): join(room.id, at: now, into: &outcome)
        case .joined(let reply):
            witness.isMember = true
            witness.room = reply.room.id
            // What has no answer is sent again, under its own name.
            for number in 1...ChatOrder.most
            where witness.sent >> UInt16(number) & 1 == 1 && witness.acknowledged[number] == 0 {
                send(number, at: now, into: &outcome)
            }
        case .messageSent(_, _, let sequence, _, let name):
            hearAnswer(Int(sequence), name, into: &outcome)
        case .newMessage(_, let message):
            hearMessage(message, into: &outcome)
        case .roomsList, .globalRoomsList, .createFailed, .joinFailed, .left, .leaveFailed,
            .deletionBegun, .deletionDone, .deletionFailed, .roomDeleted,
            .messageFailed, .memberJoined, .memberLeft, .sessionOpened, .registerValue,
            .registerWritten, .registerMismatch, .registerFailed, .failed:
            break
        }
    }

    private mutating func hearAnswer(
        _ sequence: Int, _ name: String?, into outcome: inout Outcome
    ) {
        guard let number = name.flatMap({ Int($0) }) else { return }
        let before = witness.acknowledged[number]
        if before != 0, before != sequence {
            report(
                "message \(number) is acknowledged at \(sequence) and was at \(before)", &outcome)
        }
        witness.acknowledged[number] = sequence
    }

    private mutating func hearMessage(_ message: ChatMessage, into outcome: inout Outcome) {
        let sequence = Int(message.sequence)
        let wanted = witness.shown.count + 1
        if sequence != wanted {
            report("the client is shown \(sequence) and \(wanted) is next", &outcome)
        }
        if sequence <= ChatOrder.most { witness.shown[sequence] = Int(message.content) ?? 0 }
    }

    private func report(_ text: String, _ outcome: inout Outcome) {
        outcome.violation = outcome.violation ?? "\(node.configuration.id): \(text)"
    }

    // MARK: For the search

    /// What stands in the room, as this node applied it.
    var history: ChatOrder {
        var order = ChatOrder()
        guard let room else { return order }
        for message in node.state.messages(in: room, after: 0, limit: ChatOrder.most) {
            order[Int(message.sequence)] = Int(message.content) ?? 0
        }
        return order
    }

    /// True when the client can send something.
    var takesCommands: Bool { witness.isMember && node.halted == nil }

    /// What the room holds twice; nil when nothing.
    var double: Int? {
        var seen: UInt16 = 0
        let history = history
        for place in 1...ChatOrder.most where history[place] != 0 {
            let bit: UInt16 = 1 << UInt16(history[place])
            if seen & bit != 0 { return history[place] }
            seen |= bit
        }
        return nil
    }

    func abstractDigest(at now: Instant, names: [UInt32], into digest: inout Digest) {
        node.abstractDigest(at: now, names: names, into: &digest)
        digest.combine(UInt64(witness.sent))
        digest.combine(witness.acknowledged.bits)
        digest.combine(witness.shown.bits)
        digest.combine(witness.hasEntered)
        digest.combine(witness.isMember)
        digest.combine(node.configuration.boot.rawValue)
    }
}
