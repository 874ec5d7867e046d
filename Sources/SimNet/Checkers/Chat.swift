import Protocols

/// In a room all clients see one order without a gap or a duplicate, and what was acknowledged is
/// there for ever (wire-chat.md; total order broadcast after Hadzilacos & Toueg 1994).
///
/// A message's content begins with the name that its client gave it, up to the first space, so that
/// a message that stands twice in a history shows in anybody's receipts.
public struct Chat: Sendable, Checker {
    /// The name in reports.
    public static let name = "chat"
    /// How many receipts and acknowledgements were compared with an earlier one.
    public private(set) var exercised = 0

    private struct Room: Sendable {
        let id: UniqueID
        /// By sequence number less one: the message that a client received first.
        var messages: [ChatMessage?] = []
        /// The sequence number of each client's name for a message, from receipts or answers.
        var sequences: [String: UInt64] = [:]
        var acknowledged: [Acknowledged] = []
        /// Positions in `acknowledged` by sequence number.
        var acknowledgedAt: [UInt64: Int] = [:]
        var submissions: UInt64 = 0
    }

    private struct Acknowledged: Sendable {
        var sequence: UInt64
        var id: UniqueID
        var clientMessageID: String
    }

    /// A client's place in a room: what it must receive next.
    private struct Place: Sendable {
        var room: Int
        var next: UInt64
    }

    private var rooms: [Room] = []
    private var numbers: [UniqueID: Int] = [:]
    private var submitted: [String: UniqueID] = [:]
    private var places: [[Place]] = []

    /// Makes a checker.
    public init() {}

    /// Compares what a client saw with what all saw.
    public mutating func observed(
        _ client: ClientID, _ observation: Observation, at now: Instant
    ) throws(Violation) {
        switch observation {
        case .submitted(let room, let name):
            guard submitted.updateValue(room, forKey: name) == nil else { return }
            rooms[number(of: room)].submissions += 1
        case .acknowledged(let room, let name, let id, let sequence):
            try acknowledged(
                number(of: room),
                Acknowledged(sequence: sequence, id: id, clientMessageID: name), client)
        case .joined(let room, let historyFrom, let complete, let since):
            try joined(client, number(of: room), historyFrom, complete, since)
        case .received(let room, let message):
            try received(client, number(of: room), message)
        case .detached:
            if client.rawValue < places.count { places[client.rawValue].removeAll() }
        case .invoked, .returned, .abandoned:
            break
        }
    }

    /// Looks for everything that was acknowledged in what each surviving node keeps.
    public mutating func finished(_ nodes: [Node]) throws(Violation) {
        for node in nodes { try compare(with: node.state, of: node.configuration.id) }
    }

    /// Compares an archive with what clients saw; what its limits trimmed may be missing.
    public mutating func compare<Archive: RoomArchive>(
        with archive: borrowing Archive, of node: NodeID
    ) throws(Violation) {
        for room in rooms where !room.acknowledged.isEmpty || !room.messages.isEmpty {
            guard let kept = archive.history(of: room.id) else {
                throw Violation(Self.name, "\(node) has lost room \(room.id)")
            }
            for known in room.acknowledged {
                exercised += 1
                if known.sequence < kept.first { continue }
                guard kept.message(known.sequence)?.id == known.id else {
                    throw Violation(
                        Self.name,
                        "\(node) has lost message \(known.clientMessageID) of room \(room.id), "
                            + "acknowledged with number \(known.sequence); its history is from "
                            + "\(kept.first) on, \(kept.messages.count) messages")
                }
            }
            for case let known? in room.messages where known.sequence >= kept.first {
                guard kept.message(known.sequence) == known else {
                    throw Violation(
                        Self.name,
                        "\(node) keeps no or another message than clients received as number "
                            + "\(known.sequence) of room \(room.id)")
                }
            }
        }
    }

    // MARK: Observations

    private mutating func acknowledged(
        _ room: Int, _ answer: Acknowledged, _ client: ClientID
    ) throws(Violation) {
        let name = answer.clientMessageID
        guard submitted[name] == rooms[room].id else {
            throw Violation(
                Self.name,
                "client \(client.rawValue) was told that \(name) is in room \(rooms[room].id), to "
                    + "which it could not be sent")
        }
        try assign(answer.sequence, to: name, in: room)
        if let position = rooms[room].acknowledgedAt[answer.sequence] {
            exercised += 1
            let known = rooms[room].acknowledged[position]
            guard known.id == answer.id, known.clientMessageID == name else {
                throw Violation(
                    Self.name,
                    "number \(answer.sequence) of room \(rooms[room].id) was acknowledged as "
                        + "\(known.clientMessageID) \(known.id) and as \(name) \(answer.id)")
            }
            return
        }
        rooms[room].acknowledgedAt[answer.sequence] = rooms[room].acknowledged.count
        rooms[room].acknowledged.append(answer)
        if let message = seen(answer.sequence, in: room) { try compare(message, answer, in: room) }
    }

    private mutating func joined(
        _ client: ClientID, _ room: Int, _ historyFrom: UInt64, _ complete: Bool, _ since: UInt64?
    ) throws(Violation) {
        while places.count <= client.rawValue { places.append([]) }
        if let since {
            exercised += 1
            guard complete ? historyFrom == since + 1 : historyFrom > since + 1 else {
                throw Violation(
                    Self.name,
                    "client \(client.rawValue) asked room \(rooms[room].id) for what came after "
                        + "\(since) and was promised \(complete ? "all" : "not all") of it from "
                        + "\(historyFrom) on")
            }
        }
        guard historyFrom > 0 else {
            throw Violation(Self.name, "room \(rooms[room].id) has a message number 0")
        }
        let place = Place(room: room, next: historyFrom)
        if let position = places[client.rawValue].firstIndex(where: { $0.room == room }) {
            places[client.rawValue][position] = place
        } else {
            places[client.rawValue].append(place)
        }
    }

    private mutating func received(
        _ client: ClientID, _ room: Int, _ message: ChatMessage
    ) throws(Violation) {
        let id = client.rawValue
        guard id < places.count,
            let position = places[id].firstIndex(where: { $0.room == room })
        else {
            throw Violation(
                Self.name,
                "client \(id) received number \(message.sequence) of room \(rooms[room].id), which "
                    + "it has not joined")
        }
        let expected = places[id][position].next
        guard message.sequence == expected else {
            throw Violation(
                Self.name,
                "client \(id) received number \(message.sequence) of room \(rooms[room].id) and "
                    + "not \(expected): a "
                    + (message.sequence > expected ? "gap" : "duplicate or a step back"))
        }
        places[id][position].next = expected + 1
        if let known = seen(message.sequence, in: room) {
            exercised += 1
            guard known == message else {
                throw Violation(
                    Self.name,
                    "number \(message.sequence) of room \(rooms[room].id) is \(message.id) to "
                        + "client \(id) and was \(known.id), or other words, to another")
            }
            return
        }
        try keep(message, in: room)
    }

    /// Takes a message that nobody has received before.
    private mutating func keep(_ message: ChatMessage, in room: Int) throws(Violation) {
        let name = Chat.clientMessageID(in: message.content)
        guard submitted[name] == rooms[room].id else {
            throw Violation(
                Self.name,
                "number \(message.sequence) of room \(rooms[room].id) is \(name), which nobody "
                    + "could send there")
        }
        guard message.sequence <= rooms[room].submissions else {
            throw Violation(
                Self.name,
                "room \(rooms[room].id) has a message number \(message.sequence) after "
                    + "\(rooms[room].submissions) submissions")
        }
        try assign(message.sequence, to: name, in: room)
        while UInt64(rooms[room].messages.count) < message.sequence {
            rooms[room].messages.append(nil)
        }
        rooms[room].messages[Int(message.sequence) - 1] = message
        if let position = rooms[room].acknowledgedAt[message.sequence] {
            try compare(message, rooms[room].acknowledged[position], in: room)
        }
    }

    // MARK: Comparisons

    /// One message has one number.
    private mutating func assign(
        _ sequence: UInt64, to name: String, in room: Int
    ) throws(Violation) {
        guard let known = rooms[room].sequences[name] else {
            rooms[room].sequences[name] = sequence
            return
        }
        exercised += 1
        guard known == sequence else {
            throw Violation(
                Self.name,
                "\(name) has the numbers \(known) and \(sequence) in room \(rooms[room].id)")
        }
    }

    private mutating func compare(
        _ message: ChatMessage, _ answer: Acknowledged, in room: Int
    ) throws(Violation) {
        exercised += 1
        guard message.id == answer.id,
            Chat.clientMessageID(in: message.content) == answer.clientMessageID
        else {
            throw Violation(
                Self.name,
                "number \(answer.sequence) of room \(rooms[room].id) was acknowledged as "
                    + "\(answer.clientMessageID) and is \(message.content.prefix(24))")
        }
    }

    private func seen(_ sequence: UInt64, in room: Int) -> ChatMessage? {
        guard sequence > 0, sequence <= UInt64(rooms[room].messages.count) else { return nil }
        return rooms[room].messages[Int(sequence) - 1]
    }

    private mutating func number(of room: UniqueID) -> Int {
        if let known = numbers[room] { return known }
        numbers[room] = rooms.count
        rooms.append(Room(id: room))
        return rooms.count - 1
    }

    /// The client's name for a message, from its content: what stands before the first space.
    public static func clientMessageID(in content: String) -> String {
        let text = content.utf8
        let end = text.firstIndex(of: UInt8(ascii: " ")) ?? text.endIndex
        return String(content[..<end])
    }
}

/// Where the histories of rooms are kept.
public protocol RoomArchive {
    /// What is kept of a room's history; `nil` when there is no such room.
    func history(of room: UniqueID) -> KeptHistory?
}

/// The part of a room's history that limits have left.
public struct KeptHistory: Sendable {
    /// The first number kept; one past the last message's when none is.
    public var first: UInt64
    /// The messages, numbered from `first` on.
    public var messages: [ChatMessage]

    /// Makes a history.
    public init(first: UInt64, messages: [ChatMessage]) {
        self.first = first
        self.messages = messages
    }

    /// The message of this number, if it is there and numbered so.
    func message(_ sequence: UInt64) -> ChatMessage? {
        guard sequence >= first, sequence - first < UInt64(messages.count) else { return nil }
        let message = messages[Int(sequence - first)]
        return message.sequence == sequence ? message : nil
    }
}

extension ReplicatedState: RoomArchive {
    /// What is kept of a room's history; `nil` when there is no such room.
    public func history(of room: UniqueID) -> KeptHistory? {
        guard let history = rooms.table[room]?.history else { return nil }
        return KeptHistory(
            first: history.firstSequence,
            messages: history.messages(from: history.firstSequence, limit: history.count))
    }
}
