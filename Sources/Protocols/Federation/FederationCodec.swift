// The binary forms of calls and answers between clusters: for recordings, and inside log entries.
// Between clusters themselves they travel as XML-RPC.

extension FederationCall {
    private enum Kind: UInt8 {
        case heartbeat = 1
        case hostedRooms, joinRoom, leaveRoom, forwardMessage
        case messageBroadcast, memberEventBroadcast, memberDisconnected
        case prepareDeletion, commitDeletion, rollbackDeletion
    }

    /// Writes the call.
    func write(to writer: inout ByteWriter) {
        func begin(_ kind: Kind, _ room: UniqueID) {
            writer.write(byte: kind.rawValue)
            writer.write(room)
        }
        switch self {
        case .heartbeat: writer.write(byte: Kind.heartbeat.rawValue)
        case .hostedRooms: writer.write(byte: Kind.hostedRooms.rawValue)
        case .joinRoom(let room, let user, let from):
            begin(.joinRoom, room)
            writer.write(user)
            writer.write(from.text)
        case .leaveRoom(let room, let user, let from):
            begin(.leaveRoom, room)
            writer.write(user)
            writer.write(from.text)
        case .forwardMessage(let room, let user, let content, let from):
            begin(.forwardMessage, room)
            writer.write(user)
            writer.write(content)
            writer.write(from.text)
        case .messageBroadcast(let room, let message):
            begin(.messageBroadcast, room)
            message.write(to: &writer)
        case .memberEventBroadcast(let room, let event):
            begin(.memberEventBroadcast, room)
            event.write(to: &writer)
        case .memberDisconnected(let room, let user, let from, let reason):
            begin(.memberDisconnected, room)
            writer.write(user)
            writer.write(from.text)
            writer.write(byte: reason.rawValue)
        case .prepareDeletion(let room, let transaction, let coordinator):
            begin(.prepareDeletion, room)
            writer.write(transaction)
            writer.write(coordinator.text)
        case .commitDeletion(let room, let transaction, let name):
            begin(.commitDeletion, room)
            writer.write(transaction)
            writer.write(optional: name)
        case .rollbackDeletion(let room, let transaction):
            begin(.rollbackDeletion, room)
            writer.write(transaction)
        }
    }

    /// Reads what `write(to:)` wrote.
    init(from reader: inout ByteReader) throws(DecodeError) {
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed }
        switch kind {
        case .heartbeat: self = .heartbeat
        case .hostedRooms: self = .hostedRooms
        case .joinRoom:
            self = .joinRoom(
                room: try reader.uniqueID(), user: try reader.string(),
                from: try reader.clusterName())
        case .leaveRoom:
            self = .leaveRoom(
                room: try reader.uniqueID(), user: try reader.string(),
                from: try reader.clusterName())
        case .forwardMessage:
            self = .forwardMessage(
                room: try reader.uniqueID(), user: try reader.string(),
                content: try reader.string(), from: try reader.clusterName())
        case .messageBroadcast:
            self = .messageBroadcast(
                room: try reader.uniqueID(), try ChatMessage(from: &reader))
        case .memberEventBroadcast:
            self = .memberEventBroadcast(
                room: try reader.uniqueID(), try MemberEvent(from: &reader))
        case .memberDisconnected:
            self = .memberDisconnected(
                room: try reader.uniqueID(), user: try reader.string(),
                from: try reader.clusterName(), reason: try reader.leaveReason())
        case .prepareDeletion:
            self = .prepareDeletion(
                room: try reader.uniqueID(), transaction: try reader.uniqueID(),
                coordinator: try reader.clusterName())
        case .commitDeletion:
            self = .commitDeletion(
                room: try reader.uniqueID(), transaction: try reader.uniqueID(),
                name: try reader.optionalString())
        case .rollbackDeletion:
            self = .rollbackDeletion(
                room: try reader.uniqueID(), transaction: try reader.uniqueID())
        }
    }

    /// Feeds the call.
    func digest(into digest: inout Digest) {
        var writer = ByteWriter()
        write(to: &writer)
        digest.combine(writer.bytes)
    }
}

extension CallContext {
    /// Writes the context.
    func write(to writer: inout ByteWriter) {
        writer.write(optional: caller?.text)
        writer.write(optional: stream)
        writer.write(optional: number)
        writer.write(optional: since)
        writer.write(optional: clientMessageID)
    }

    /// Reads what `write(to:)` wrote.
    init(from reader: inout ByteReader) throws(DecodeError) {
        let caller = try reader.optionalString().map { ClusterName($0) }
        let stream = try reader.optionalNumber()
        let number = try reader.optionalNumber()
        let since = try reader.optionalNumber()
        self.init(
            caller: caller, stream: stream, number: number, since: since,
            clientMessageID: try reader.optionalString())
    }

    /// Feeds the context.
    func digest(into digest: inout Digest) {
        var writer = ByteWriter()
        write(to: &writer)
        digest.combine(writer.bytes)
    }
}

extension CallResult {
    /// Writes the result.
    func write(to writer: inout ByteWriter) {
        switch self {
        case .answered(let answer):
            writer.write(byte: 1)
            answer.write(to: &writer)
        case .fault(let code, let text):
            writer.write(byte: 2)
            writer.write(signed: Int64(code))
            writer.write(text)
        case .failed(let wasSent):
            writer.write(byte: 3)
            writer.write(wasSent)
        }
    }

    /// Reads what `write(to:)` wrote.
    init(from reader: inout ByteReader) throws(DecodeError) {
        switch try reader.byte() {
        case 1: self = .answered(try FederationAnswer(from: &reader))
        case 2:
            guard let code = Int32(exactly: try reader.signed()) else { throw .malformed }
            self = .fault(code: code, try reader.string())
        case 3: self = .failed(wasSent: try reader.flag())
        default: throw .malformed
        }
    }
}

extension FederationAnswer {
    private enum Kind: UInt8 {
        case heartbeat = 1
        case hostedRooms, joined, left, forwarded, received, vote, finished, refused
    }

    /// Writes the answer.
    func write(to writer: inout ByteWriter) {
        func begin(_ kind: Kind) { writer.write(byte: kind.rawValue) }
        switch self {
        case .heartbeat(let heartbeat):
            begin(.heartbeat)
            writer.write(heartbeat.name.text)
            writer.write(wallTime: heartbeat.at)
            writer.write(heartbeat.understandsContext)
            writer.write(optional: heartbeat.visit)
        case .hostedRooms(let rooms):
            begin(.hostedRooms)
            writer.write(count: rooms.count)
            for room in rooms { room.write(to: &writer) }
        case .joined(let room, let members, let messages):
            begin(.joined)
            room.write(to: &writer)
            writer.write(count: members.count)
            for member in members { writer.write(member) }
            writer.write(count: messages.count)
            for message in messages { message.write(to: &writer) }
        case .left: begin(.left)
        case .forwarded(let id, let sequence, let at):
            begin(.forwarded)
            writer.write(id)
            writer.write(sequence)
            writer.write(wallTime: at)
        case .received(let isTaken):
            begin(.received)
            writer.write(isTaken)
        case .vote(let abort):
            begin(.vote)
            writer.write(optional: abort)
        case .finished: begin(.finished)
        case .refused(let refusal, let text):
            begin(.refused)
            writer.write(byte: refusal.rawValue)
            writer.write(text)
        }
    }

    /// Reads what `write(to:)` wrote.
    init(from reader: inout ByteReader) throws(DecodeError) {
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed }
        switch kind {
        case .heartbeat:
            let name = try reader.clusterName()
            let at = try reader.wallTime()
            let understands = try reader.flag()
            self = .heartbeat(
                HeartbeatAnswer(
                    name: name, at: at, understandsContext: understands,
                    visit: try reader.optionalNumber()))
        case .hostedRooms:
            var rooms: [HostedRoom] = []
            for _ in 0..<(try reader.count(limit: reader.remaining)) {
                rooms.append(try HostedRoom(from: &reader))
            }
            self = .hostedRooms(rooms)
        case .joined:
            let room = try HostedRoom(from: &reader)
            var members: [String] = []
            for _ in 0..<(try reader.count(limit: reader.remaining)) {
                members.append(try reader.string())
            }
            var messages: [ChatMessage] = []
            for _ in 0..<(try reader.count(limit: reader.remaining)) {
                messages.append(try ChatMessage(from: &reader))
            }
            self = .joined(room, members: members, messages: messages)
        case .left: self = .left
        case .forwarded:
            self = .forwarded(
                id: try reader.uniqueID(), sequence: try reader.number(),
                at: try reader.wallTime())
        case .received: self = .received(try reader.flag())
        case .vote: self = .vote(abort: try reader.optionalString())
        case .finished: self = .finished
        case .refused:
            guard let refusal = FederationRefusal(rawValue: try reader.byte()) else {
                throw .malformed
            }
            self = .refused(refusal, try reader.string())
        }
    }

    /// Feeds the answer.
    func digest(into digest: inout Digest) {
        var writer = ByteWriter()
        write(to: &writer)
        digest.combine(writer.bytes)
    }
}

extension HostedRoom {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.write(name)
        writer.write(description)
        writer.write(signed: Int64(memberCount))
        writer.write(host.text)
        writer.write(optional: address)
        writer.write(optional: lastSequence)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
        let id = try reader.uniqueID()
        let name = try reader.string()
        let description = try reader.string()
        guard let count = Int(exactly: try reader.signed()) else { throw .malformed }
        self.init(
            id: id, name: name, description: description, memberCount: count,
            host: try reader.clusterName(), address: try reader.optionalString(),
            lastSequence: try reader.optionalNumber())
    }
}

extension ChatMessage {
    /// Writes the message with its number.
    func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.write(sequence)
        writer.write(user)
        writer.write(content)
        writer.write(wallTime: at)
    }

    /// Reads what `write(to:)` wrote.
    init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(
            id: try reader.uniqueID(), sequence: try reader.number(), user: try reader.string(),
            content: try reader.string(), at: try reader.wallTime())
    }
}

extension MemberEvent {
    /// Writes the event.
    func write(to writer: inout ByteWriter) {
        writer.write(byte: kind.rawValue)
        writer.write(user)
        writer.write(signed: Int64(memberCount))
        writer.write(byte: reason.rawValue)
        writer.write(wallTime: at)
    }

    /// Reads what `write(to:)` wrote.
    init(from reader: inout ByteReader) throws(DecodeError) {
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed }
        let user = try reader.string()
        guard let count = Int(exactly: try reader.signed()) else { throw .malformed }
        self.init(
            kind: kind, user: user, memberCount: count, reason: try reader.leaveReason(),
            at: try reader.wallTime())
    }
}

extension ByteWriter {
    mutating func write(optional text: String?) {
        write(text != nil)
        if let text { write(text) }
    }

    mutating func write(optional number: UInt64?) {
        write(number != nil)
        if let number { write(number) }
    }
}

extension ByteReader {
    mutating func clusterName() throws(DecodeError) -> ClusterName { ClusterName(try string()) }

    mutating func leaveReason() throws(DecodeError) -> LeaveReason {
        guard let reason = LeaveReason(rawValue: try byte()) else { throw .malformed }
        return reason
    }

    mutating func optionalString() throws(DecodeError) -> String? {
        try flag() ? try string() : nil
    }

    mutating func optionalNumber() throws(DecodeError) -> UInt64? {
        try flag() ? try number() : nil
    }
}
