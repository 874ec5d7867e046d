@testable import Protocols

/// Nodes 1...n on one clock, with instant disks, links that the test can cut, and clients whose
/// messages are kept.
struct NodeNet {
    struct Letter {
        var from: UInt32
        var to: UInt32
        var message: PeerMessage
    }

    /// What a client was told.
    enum Heard: Equatable {
        case message(ServerMessage)
        case closed(CloseReason)
    }

    var nodes: [Node]
    var disks: [DurableState]
    var now = Instant.zero
    var letters: [Letter] = []
    /// Directed pairs whose link carries nothing.
    var cuts: [(UInt32, UInt32)] = []
    var notes: [[Note]]
    /// What concerns other clusters, with the node that put it out.
    var outside: [(node: UInt32, effect: NodeEffect)] = []
    /// A node's deadline stayed at or before now although it was ticked again and again.
    var hasSpun = false
    /// A node put something out after its halt.
    var hasSpokenAfterHalt = false
    /// The rare paths that any node took.
    private(set) var marks = MarkSet()
    /// Ticks that were asked for.
    var ticks = 0
    private var heard: [(node: UInt32, connection: ConnectionID, what: Heard)] = []
    private var connections: UInt32 = 0
    private var boots: [UInt64]
    private let configure: (inout NodeConfiguration) -> Void

    static let wallStart: Int64 = 1_000_000

    /// Makes blank nodes without links.
    init(_ count: UInt32, configure: @escaping (inout NodeConfiguration) -> Void = { _ in }) {
        self.configure = configure
        let ids = Array(1...count)
        disks = ids.map { _ in DurableState() }
        notes = ids.map { _ in [] }
        boots = ids.map { _ in 1 }
        nodes = []
        for id in ids { nodes.append(make(id, of: count)) }
        for id in ids { step(id, .wallClock(WallTime(milliseconds: NodeNet.wallStart))) }
    }

    /// A cluster that has begun, has a leader, and whose nodes all have sessions.
    static func ready(
        _ count: UInt32 = 3, configure: @escaping (inout NodeConfiguration) -> Void = { _ in }
    ) -> NodeNet {
        var net = NodeNet(count, configure: configure)
        net.connectAll()
        net.run(4_000)
        return net
    }

    private func make(_ id: UInt32, of count: UInt32, incarnation: UInt64? = nil) -> Node {
        var configuration = NodeConfiguration(
            id: node(id), members: (1...count).map { node($0) },
            incarnation: Incarnation(incarnation ?? UInt64(id) * 11),
            boot: Boot(boots[Int(id) - 1]), seed: UInt64(id) * 100 + boots[Int(id) - 1])
        configure(&configuration)
        guard
            let made = try? Node(configuration, durable: disks[Int(id) - 1], now: now)
        else { preconditionFailure("node \(id) does not start") }
        return made
    }

    subscript(id: UInt32) -> Node { nodes[Int(id) - 1] }

    var wall: WallTime { WallTime(milliseconds: NodeNet.wallStart + now.nanoseconds / 1_000_000) }

    var leaders: [UInt32] {
        nodes.filter { $0.halted == nil && $0.raft.role == .leader }.map(
            \.configuration.id.rawValue)
    }

    /// The leader; the one with the latest term when an old one is cut off.
    var leader: UInt32 {
        leaders.max { self[$0].raft.term < self[$1].raft.term } ?? 1
    }

    /// Nodes that do not lead, ascending.
    var followers: [UInt32] {
        nodes.map(\.configuration.id.rawValue).filter { $0 != leader }
    }

    // MARK: Links

    mutating func connect(_ a: UInt32, _ b: UInt32) {
        step(a, .peerUp(node(b)))
        step(b, .peerUp(node(a)))
    }

    mutating func connectAll() {
        for a in nodes.indices {
            for b in nodes.indices where a < b { connect(UInt32(a + 1), UInt32(b + 1)) }
        }
        deliver()
    }

    mutating func isolate(_ id: UInt32) {
        for other in UInt32(1)...UInt32(nodes.count) where other != id {
            cuts += [(id, other), (other, id)]
        }
    }

    mutating func heal() { cuts = [] }

    // MARK: Time

    mutating func step(_ id: UInt32, _ event: NodeEvent) {
        var out = Outbox<NodeEffect>()
        let place = Int(id) - 1
        nodes[place].step(event, at: now, into: &out)
        marks.formUnion(out.marks)
        var completions: [NodeEvent] = []
        for effect in out.effects {
            switch effect {
            case .send(let to, let message):
                if !cuts.contains(where: { $0 == id && $1 == to.rawValue }) {
                    letters.append(Letter(from: id, to: to.rawValue, message: message))
                }
            case .persist(let write, let token):
                disks[place].apply(write)
                completions.append(.persisted(token))
            case .saveSnapshot(let snapshot, let token):
                disks[place].snapshot = snapshot
                disks[place].entries.removeAll { $0.index <= snapshot.point.index }
                completions.append(.snapshotSaved(token))
            case .reply(let connection, let message): hear(id, connection, .message(message))
            case .deliver(let connections, let message):
                for connection in connections { hear(id, connection, .message(message)) }
            case .close(let connection, let reason): hear(id, connection, .closed(reason))
            case .note(let note): notes[place].append(note)
            case .halt(let reason):
                if out.effects.last != .halt(reason) { hasSpokenAfterHalt = true }
            case .call, .abandonCall, .answer: outside.append((id, effect))
            case .compactLog: break
            }
        }
        for completion in completions { step(id, completion) }
    }

    mutating func deliver() {
        var limit = 100_000
        while !letters.isEmpty, limit > 0 {
            limit -= 1
            let letter = letters.removeFirst()
            // Through the codec, as on a real link.
            guard let message = try? PeerMessage(decoding: letter.message.encoded()) else {
                preconditionFailure("a member sent what cannot be read: \(letter.message)")
            }
            step(letter.to, .peer(node(letter.from), message))
            tickDue()
        }
    }

    mutating func tickDue() {
        for place in nodes.indices {
            var limit = 64
            while let deadline = nodes[place].deadline, deadline <= now {
                guard limit > 0 else {
                    hasSpun = true
                    break
                }
                limit -= 1
                ticks += 1
                step(UInt32(place + 1), .tick)
            }
        }
    }

    mutating func run(_ milliseconds: Int64, by stepMilliseconds: Int64 = 5) {
        let end = now + .milliseconds(milliseconds)
        while now < end {
            now = now + .milliseconds(stepMilliseconds)
            tickDue()
            deliver()
        }
    }

    // MARK: Nodes

    /// Crashes a node and starts it from its disk; its links come up again.
    mutating func restart(_ id: UInt32, incarnation: UInt64? = nil, isBlank: Bool = false) {
        let place = Int(id) - 1
        boots[place] += 1
        if isBlank {
            disks[place] = DurableState()
            boots[place] = 1
        }
        letters.removeAll { $0.from == id || $0.to == id }
        nodes[place] = make(id, of: UInt32(nodes.count), incarnation: incarnation)
        step(id, .wallClock(wall))
        for other in UInt32(1)...UInt32(nodes.count) where other != id {
            step(other, .peerDown(node(id)))
            connect(id, other)
        }
        deliver()
    }

    // MARK: Clients

    mutating func connectClient(_ id: UInt32) -> ConnectionID {
        connections += 1
        let connection = ConnectionID(slot: connections, generation: 0)
        step(id, .connected(connection))
        return connection
    }

    /// Asks, lets the cluster work for a while, and returns what the client was told.
    mutating func ask(
        _ id: UInt32, _ connection: ConnectionID, _ request: ClientRequest, for wait: Int64 = 50
    ) -> [Heard] {
        let before = heard.count
        step(id, .request(connection, request))
        run(wait)
        return heard[before...].filter { $0.node == id && $0.connection == connection }
            .map(\.what)
    }

    private mutating func hear(_ id: UInt32, _ connection: ConnectionID, _ what: Heard) {
        heard.append((id, connection, what))
    }

    /// Everything that a client was told.
    func heard(_ id: UInt32, _ connection: ConnectionID) -> [Heard] {
        heard.filter { $0.node == id && $0.connection == connection }.map(\.what)
    }

    /// The numbers of the messages of a room that a client was told, in order.
    func sequences(_ id: UInt32, _ connection: ConnectionID) -> [UInt64] {
        heard(id, connection).compactMap {
            if case .message(.newMessage(_, let message)) = $0 { message.sequence } else { nil }
        }
    }

    /// Makes a room and returns its id.
    mutating func createRoom(_ id: UInt32, _ connection: ConnectionID, _ name: String) -> UniqueID {
        let answers = ask(
            id, connection, .createRoom(name: name, creator: "ann", description: ""))
        guard case .message(.roomCreated(let room, _, _))? = answers.first else {
            preconditionFailure("no room: \(answers)")
        }
        return room.id
    }

    /// Opens a session whose requests the client numbers.
    mutating func openSession(_ id: UInt32, _ connection: ConnectionID) -> SessionID {
        guard case .message(.sessionOpened(let session))? = ask(id, connection, .openSession).first
        else { preconditionFailure("no session") }
        return session
    }
}

func say(_ room: UniqueID, _ user: String, _ content: String, key: String? = nil) -> ClientRequest {
    .sendMessage(room: room, user: user, content: content, clientMessageID: key)
}

func write(
    _ key: String, _ value: [UInt8], expecting version: UInt64? = nil, as request: SessionRequest?
) -> ClientRequest {
    .writeRegister(
        key: key,
        version.map { .compareAndSet(expectedVersion: $0, value: value) } ?? .set(value: value),
        request: request)
}
