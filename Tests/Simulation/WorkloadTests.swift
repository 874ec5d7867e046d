import Protocols
import SimNet
import Testing

/// One honest server that any client reaches under each node's name, with a network that breaks
/// connections, loses requests and answers, and at times cannot serve.
private struct Bench {
    enum Delivery {
        case opened(Int, epoch: Int, NodeID)
        case request(Int, epoch: Int, ClientRequest)
        case answer(Int, epoch: Int, ServerMessage)
        case broken(Int, epoch: Int)
        case drain(Int, epoch: Int)
    }

    struct Link {
        var epoch = 0
        var isUp = false
        var rooms: [UniqueID] = []
        var isPaused = false
        var held: [ServerMessage] = []
    }

    struct House {
        var name: String
        var messages: [ChatMessage] = []
        var keys: [String: Int] = [:]
    }

    var prng: Prng
    var now = Instant.zero
    var clients: [SimClient]
    var links: [Link]
    /// Every delivery takes the same time, so that the first is always the next.
    var queue: [(at: Instant, Delivery)] = []
    var delivered = 0
    var chat = Chat()
    var registers = Linearizability()
    var kinds: [String: Int] = [:]
    var isCalm = false
    /// A bug: a retried message is appended again.
    var forgetsKeys = false

    var houses: [UniqueID: House] = [:]
    var roomOrder: [UniqueID] = []
    var values: [String: RegisterValue] = [:]
    var outcomes: [String: ServerMessage] = [:]
    var nextSession: UInt64 = 1

    init(seed: UInt64) {
        prng = Prng(seed: seed)
        clients = Workload.draw(prng: &prng, nodes: [NodeID(1), NodeID(2), NodeID(3)])
        links = clients.map { _ in Link() }
    }

    /// Runs until `end`, or until all are satisfied once it is calm.
    mutating func run(until end: Instant) throws {
        while now < end {
            if isCalm, clients.allSatisfy(\.isSatisfied) { return }
            let client = clients.indices.min {
                (clients[$0].deadline ?? .distantFuture) < (clients[$1].deadline ?? .distantFuture)
            }!
            let wake = clients[client].deadline ?? .distantFuture
            if delivered < queue.count, queue[delivered].at <= wake {
                let next = queue[delivered]
                delivered += 1
                now = max(now, next.at)
                try perform(next.1)
            } else {
                guard wake < end else { return now = end }
                now = max(now, wake)
                try step(client, .wake)
            }
        }
    }

    mutating func quiesce() throws {
        isCalm = true
        for client in clients.indices { try step(client, .quiesce) }
    }

    private mutating func push(_ delivery: Delivery) {
        queue.append((now + .microseconds(500), delivery))
    }

    private mutating func step(_ client: Int, _ event: ClientEvent) throws {
        var out = Outbox<ClientEffect>()
        clients[client].step(event, at: now, into: &out)
        for effect in out.effects {
            switch effect {
            case .connect(let node):
                #expect(!links[client].isUp, "one connection at a time")
                links[client] = Link(epoch: links[client].epoch + 1)
                push(
                    isCalm || !prng.chance(1, in: 6)
                        ? .opened(client, epoch: links[client].epoch, node)
                        : .broken(client, epoch: links[client].epoch))
            case .disconnect:
                links[client] = Link(epoch: links[client].epoch + 1)
            case .request(let request):
                #expect(links[client].isUp, "requests go on an open connection")
                push(.request(client, epoch: links[client].epoch, request))
            case .pauseReading(let pauses):
                links[client].isPaused = pauses
                if !pauses { push(.drain(client, epoch: links[client].epoch)) }
            case .record(let observation):
                kinds[String("\(observation)".prefix { $0 != "(" }), default: 0] += 1
                try chat.observed(ClientID(client), observation, at: now)
                try registers.observed(ClientID(client), observation, at: now)
            }
        }
    }

    private mutating func perform(_ delivery: Delivery) throws {
        switch delivery {
        case .opened(let client, let epoch, let node):
            guard links[client].epoch == epoch else { return }
            links[client].isUp = true
            try step(client, .connected(node))
        case .broken(let client, let epoch):
            guard links[client].epoch == epoch else { return }
            links[client] = Link(epoch: epoch + 1)
            try step(client, .disconnected(code: nil))
        case .request(let client, let epoch, let request):
            guard links[client].epoch == epoch else { return }
            let fate = isCalm ? 100 : prng.int(in: 0..<100)
            if fate < 2 { return }
            if fate < 4 { return push(.broken(client, epoch: epoch)) }
            if fate < 8 { return push(.answer(client, epoch: epoch, refusal(of: request))) }
            let answer = serve(request, client)
            if fate < 10 { return push(.broken(client, epoch: epoch)) }
            push(.answer(client, epoch: epoch, answer))
            if case .joined(let reply) = answer {
                for message in houses[reply.room.id]!.messages
                where message.sequence >= reply.historyFrom {
                    push(.answer(client, epoch: epoch, .newMessage(room: reply.room.id, message)))
                }
            }
        case .answer(let client, let epoch, let message):
            guard links[client].epoch == epoch else { return }
            if links[client].isPaused || !links[client].held.isEmpty {
                links[client].held.append(message)
            } else {
                try step(client, .message(message))
            }
        case .drain(let client, let epoch):
            while links[client].epoch == epoch, !links[client].isPaused,
                !links[client].held.isEmpty
            {
                try step(client, .message(links[client].held.removeFirst()))
            }
        }
    }

    private func refusal(of request: ClientRequest) -> ServerMessage {
        switch request {
        case .createRoom: .createFailed(.unavailable)
        case .joinRoom(let room, _, _): .joinFailed(room: room, .unavailable)
        case .leaveRoom(let room, _): .leaveFailed(room: room, .unavailable)
        case .sendMessage(let room, _, _, let name):
            .messageFailed(room: room, clientMessageID: name, .overloaded)
        case .readRegister(let key), .writeRegister(let key, _, _):
            .registerFailed(key: key, .unavailable)
        case .deleteRoom(let room, _):
            .deletionFailed(room: room, transaction: nil, .unavailable, reason: nil)
        case .listRooms, .discoverRooms, .openSession: .failed(.unavailable)
        }
    }

    // MARK: The server

    private func summary(_ id: UniqueID) -> RoomSummary {
        RoomSummary(
            id: id, name: houses[id]!.name, description: "", memberCount: 1, admin: NodeID(1))
    }

    private mutating func serve(_ request: ClientRequest, _ client: Int) -> ServerMessage {
        switch request {
        case .listRooms: return .roomsList(roomOrder.map(summary))
        case .discoverRooms: return .globalRoomsList(roomOrder.map(summary), Reach())
        case .deleteRoom(let room, _):
            return .deletionFailed(room: room, transaction: nil, .unauthorized, reason: nil)
        case .createRoom(let name, _, _):
            guard !roomOrder.contains(where: { houses[$0]!.name == name }) else {
                return .createFailed(.nameTaken)
            }
            let id = UniqueID(drawing: &prng)
            roomOrder.append(id)
            houses[id] = House(name: name)
            return .roomCreated(summary(id), createdAt: WallTime(milliseconds: 0), members: [])
        case .joinRoom(let room, let user, let since):
            guard let house = houses[room] else { return .joinFailed(room: room, .roomNotFound) }
            if !links[client].rooms.contains(room) { links[client].rooms.append(room) }
            let next = UInt64(house.messages.count) + 1
            return .joined(
                JoinReply(
                    room: summary(room), members: [user],
                    historyFrom: since.map { $0 + 1 } ?? (next > 100 ? next - 100 : 1),
                    historyComplete: true))
        case .leaveRoom(let room, let user):
            guard links[client].rooms.contains(room) else {
                return .leaveFailed(room: room, .notMember)
            }
            links[client].rooms.removeAll { $0 == room }
            return .left(room: room, user: user)
        case .sendMessage(let room, let user, let content, let name):
            return send(room, user, content, name!, client)
        case .openSession:
            nextSession += 1
            return .sessionOpened(SessionID(nextSession))
        case .readRegister(let key):
            return .registerValue(key: key, values[key] ?? RegisterValue())
        case .writeRegister(let key, let operation, let request):
            return write(key, operation, request)
        }
    }

    private mutating func send(
        _ room: UniqueID, _ user: String, _ content: String, _ name: String, _ client: Int
    ) -> ServerMessage {
        func failed(_ error: RequestError) -> ServerMessage {
            .messageFailed(room: room, clientMessageID: name, error)
        }
        guard (1...5_000).contains(content.utf8.count) else { return failed(.invalidContent) }
        guard houses[room] != nil else { return failed(.roomNotFound) }
        guard links[client].rooms.contains(room) else { return failed(.notMember) }
        if let known = houses[room]!.keys[name], !forgetsKeys {
            return sent(room, houses[room]!.messages[known], name)
        }
        let sequence = UInt64(houses[room]!.messages.count) + 1
        let message = ChatMessage(
            id: UniqueID(drawing: &prng), sequence: sequence, user: user, content: content,
            at: WallTime(milliseconds: 0))
        houses[room]!.keys[name] = houses[room]!.messages.count
        houses[room]!.messages.append(message)
        for other in links.indices where links[other].rooms.contains(room) {
            push(.answer(other, epoch: links[other].epoch, .newMessage(room: room, message)))
        }
        return sent(room, message, name)
    }

    private func sent(_ room: UniqueID, _ message: ChatMessage, _ name: String) -> ServerMessage {
        .messageSent(
            room: room, id: message.id, sequence: message.sequence, at: message.at,
            clientMessageID: name)
    }

    private mutating func write(
        _ key: String, _ operation: RegisterOperation, _ request: SessionRequest?
    ) -> ServerMessage {
        let name = request.map { "\($0.session.rawValue)/\($0.sequence)" }
        if let name, let known = outcomes[name] { return known }
        let content = values[key] ?? RegisterValue()
        let answer: ServerMessage
        switch operation {
        case .compareAndSet(let expected, _) where expected != content.version:
            answer = .registerMismatch(key: key, content)
        case .compareAndSet(_, let value), .set(let value):
            values[key] = RegisterValue(value: value, version: content.version + 1)
            answer = .registerWritten(key: key, version: content.version + 1)
        }
        if let name { outcomes[name] = answer }
        return answer
    }
}

@Suite("Simulated clients")
struct WorkloadTests {
    @Test("clients of an honest server see nothing wrong and are satisfied in the end")
    func honestServer() throws {
        var kinds: [String: Int] = [:]
        for seed in 0..<30 as Range<UInt64> {
            var bench = Bench(seed: seed)
            try bench.run(until: .zero + .seconds(60))
            try bench.quiesce()
            try bench.run(until: bench.now + .seconds(40))
            for client in bench.clients {
                #expect(client.isSatisfied, "seed \(seed): \(client.waitsFor)")
                #expect(client.surprise == nil, "seed \(seed)")
                #expect(client.answerCount > 0)
            }
            try bench.registers.search()
            #expect(bench.registers.undecided == 0)
            kinds.merge(bench.kinds, uniquingKeysWith: +)
        }
        for kind in [
            "invoked", "returned", "abandoned", "submitted", "acknowledged", "joined", "received",
            "detached",
        ] {
            #expect(kinds[kind, default: 0] > 100, "few observations of kind \(kind)")
        }
    }

    @Test("a server that appends retried messages again is found out by the clients' receipts")
    func forgetfulServer() {
        var found = 0
        for seed in 0..<20 as Range<UInt64> {
            var bench = Bench(seed: seed)
            bench.forgetsKeys = true
            do {
                try bench.run(until: .zero + .seconds(60))
            } catch {
                #expect((error as? Violation)?.checker == "chat")
                found += 1
            }
        }
        #expect(found > 15)
    }

    @Test("equal seeds give equal clients and equal conversations")
    func determinism() throws {
        var one = Bench(seed: 11)
        var two = Bench(seed: 11)
        #expect(one.clients == two.clients)
        try one.run(until: .zero + .seconds(20))
        try two.run(until: .zero + .seconds(20))
        #expect(one.clients == two.clients)
        #expect(one.kinds == two.kinds)
    }

    @Test("an answer that the protocol does not document is a surprise")
    func surprise() {
        var prng = Prng(seed: 3)
        var clients = Workload.draw(prng: &prng, nodes: [NodeID(1)])
        var out = Outbox<ClientEffect>()
        for client in clients.indices {
            clients[client].step(.wake, at: clients[client].deadline!, into: &out)
            clients[client].step(.connected(NodeID(1)), at: .zero + .seconds(2), into: &out)
            clients[client].step(
                .message(.registerWritten(key: "none", version: 1)), at: .zero + .seconds(2),
                into: &out)
            #expect(clients[client].surprise != nil)
        }
    }
}
