/// The binary form of commands, as they stand in the log.
///
/// A leading byte names the form, so that a later version can read logs of this one. The form is
/// strict: every command has exactly one encoding.
///
/// ```
/// form (1) · session · sequence · acknowledgedBelow · operation's tag · its fields
/// ```
extension Command {
    /// The form that this version writes.
    static let form: UInt8 = 1

    /// The command's binary form.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 24 + operation.sizeEstimate)
        writer.write(byte: Command.form)
        writer.write(session.rawValue)
        writer.write(sequence)
        writer.write(acknowledgedBelow)
        operation.encode(into: &writer)
        return writer.bytes
    }

    /// Reads the binary form; throws on anything that `encoded` does not write.
    public init(decoding bytes: [UInt8]) throws(DecodeError) {
        var reader = ByteReader(bytes)
        let header = try CommandHeader(reading: &reader)
        let operation = try Operation(reading: &reader)
        try reader.finish()
        self.init(
            session: header.session, sequence: header.sequence,
            acknowledgedBelow: header.acknowledgedBelow, operation: operation)
    }
}

/// The part of a command that says whose request it is; readable even if the operation is not.
struct CommandHeader: Equatable, Sendable {
    /// Whose request it is.
    var session: SessionID
    /// Its number in the session.
    var sequence: UInt64
    /// Outcomes below this may be forgotten.
    var acknowledgedBelow: UInt64

    init(session: SessionID, sequence: UInt64, acknowledgedBelow: UInt64) {
        self.session = session
        self.sequence = sequence
        self.acknowledgedBelow = acknowledgedBelow
    }

    init(reading reader: inout ByteReader) throws(DecodeError) {
        guard try reader.byte() == Command.form else { throw .malformed }
        session = SessionID(try reader.number())
        sequence = try reader.number()
        acknowledgedBelow = try reader.number()
    }
}

extension Operation {
    private enum Tag: UInt8 {
        case openNodeSession = 0
        case openClientSession = 1
        case keepAlive = 2
        case expireSessions = 3
        case createRoom = 4
        case join = 5
        case leave = 6
        case disconnect = 7
        case send = 8
        case sendWithMessageID = 9
        case registerSet = 10
        case registerCompareAndSet = 11
        case deleteRoom = 12
        case decideDeletion = 13
        case federation = 14
    }

    fileprivate var sizeEstimate: Int {
        switch self {
        case .openNodeSession, .openClientSession, .keepAlive, .expireSessions, .disconnect: 40
        case .deleteRoom(let deletion): 96 + deletion.participants.count * 24
        case .decideDeletion: 128
        case .federation(let operation): operation.sizeEstimate
        case .createRoom(let room):
            64 + room.name.utf8.count + room.creator.utf8.count + room.description.utf8.count
        case .join(_, let user, _, _), .leave(_, let user, _, _): 48 + user.utf8.count
        case .send(let message):
            64 + message.user.utf8.count + message.content.utf8.count
                + (message.clientMessageID?.utf8.count ?? 0)
        case .register(let key, .set(let value)),
            .register(let key, .compareAndSet(_, let value)):
            32 + key.utf8.count + value.count
        }
    }

    func encode(into writer: inout ByteWriter) {
        switch self {
        case .openNodeSession(let node, let incarnation, let boot, let at):
            writer.write(byte: Tag.openNodeSession.rawValue)
            writer.write(UInt64(node.rawValue))
            writer.write(fixed64: incarnation.rawValue)
            writer.write(boot.rawValue)
            writer.write(wallTime: at)
        case .openClientSession:
            writer.write(byte: Tag.openClientSession.rawValue)
        case .keepAlive:
            writer.write(byte: Tag.keepAlive.rawValue)
        case .expireSessions(let at):
            writer.write(byte: Tag.expireSessions.rawValue)
            writer.write(wallTime: at)
        case .createRoom(let room):
            writer.write(byte: Tag.createRoom.rawValue)
            writer.write(room.id)
            writer.write(room.name)
            writer.write(room.creator)
            writer.write(room.description)
            writer.write(UInt64(room.admin.rawValue))
            writer.write(wallTime: room.at)
        case .join(let room, let user, let connection, let at):
            writer.write(byte: Tag.join.rawValue)
            writer.write(membership: room, user, connection, at)
        case .leave(let room, let user, let connection, let at):
            writer.write(byte: Tag.leave.rawValue)
            writer.write(membership: room, user, connection, at)
        case .disconnect(let connection, let reason, let at):
            writer.write(byte: Tag.disconnect.rawValue)
            writer.write(connection: connection)
            writer.write(byte: reason.rawValue)
            writer.write(wallTime: at)
        case .send(let message):
            let tag: Tag = message.clientMessageID == nil ? .send : .sendWithMessageID
            writer.write(byte: tag.rawValue)
            writer.write(membership: message.room, message.user, message.connection, message.at)
            writer.write(message.id)
            writer.write(message.content)
            if let name = message.clientMessageID { writer.write(name) }
        case .deleteRoom(let deletion):
            writer.write(byte: Tag.deleteRoom.rawValue)
            deletion.write(to: &writer)
        case .decideDeletion(let room, let transaction, let verdict):
            writer.write(byte: Tag.decideDeletion.rawValue)
            writer.write(room)
            writer.write(transaction)
            verdict.write(to: &writer)
        case .federation(let operation):
            writer.write(byte: Tag.federation.rawValue)
            operation.encode(into: &writer)
        case .register(let key, .set(let value)):
            writer.write(byte: Tag.registerSet.rawValue)
            writer.write(key)
            writer.write(value)
        case .register(let key, .compareAndSet(let expected, let value)):
            writer.write(byte: Tag.registerCompareAndSet.rawValue)
            writer.write(key)
            writer.write(expected)
            writer.write(value)
        }
    }

    init(reading reader: inout ByteReader) throws(DecodeError) {
        guard let tag = Tag(rawValue: try reader.byte()) else { throw .malformed }
        switch tag {
        case .openNodeSession:
            self = .openNodeSession(
                node: try reader.nodeID(), incarnation: Incarnation(try reader.fixed64()),
                boot: Boot(try reader.number()), at: try reader.wallTime())
        case .openClientSession:
            self = .openClientSession
        case .keepAlive:
            self = .keepAlive
        case .expireSessions:
            self = .expireSessions(at: try reader.wallTime())
        case .createRoom:
            self = .createRoom(
                RoomCreation(
                    id: try reader.uniqueID(), name: try reader.string(),
                    creator: try reader.string(), description: try reader.string(),
                    admin: try reader.nodeID(), at: try reader.wallTime()))
        case .join:
            let (room, user, connection, at) = try reader.membership()
            self = .join(room: room, user: user, connection: connection, at: at)
        case .leave:
            let (room, user, connection, at) = try reader.membership()
            self = .leave(room: room, user: user, connection: connection, at: at)
        case .disconnect:
            let connection = try reader.connectionID()
            guard let reason = LeaveReason(rawValue: try reader.byte()) else { throw .malformed }
            self = .disconnect(connection: connection, reason: reason, at: try reader.wallTime())
        case .send, .sendWithMessageID:
            let (room, user, connection, at) = try reader.membership()
            self = .send(
                MessageSubmission(
                    room: room, user: user, connection: connection, id: try reader.uniqueID(),
                    content: try reader.string(),
                    clientMessageID: tag == .send ? nil : try reader.string(), at: at))
        case .deleteRoom:
            self = .deleteRoom(try RoomDeletion(from: &reader))
        case .decideDeletion:
            self = .decideDeletion(
                room: try reader.uniqueID(), transaction: try reader.uniqueID(),
                try DeletionVerdict(from: &reader))
        case .federation:
            self = .federation(try FederationOperation(reading: &reader))
        case .registerSet:
            self = .register(
                key: try reader.string(), .set(value: try reader.byteString()))
        case .registerCompareAndSet:
            self = .register(
                key: try reader.string(),
                .compareAndSet(
                    expectedVersion: try reader.number(), value: try reader.byteString()))
        }
    }
}

// MARK: - Forms shared by the state's codecs

extension ByteWriter {
    mutating func write(wallTime: WallTime) {
        write(fixed64: UInt64(bitPattern: wallTime.milliseconds))
    }

    mutating func write(connection: ConnectionID) {
        write(fixed32: connection.slot)
        write(fixed32: connection.generation)
    }

    fileprivate mutating func write(
        membership room: UniqueID, _ user: String, _ connection: ConnectionID, _ at: WallTime
    ) {
        write(room)
        write(user)
        write(connection: connection)
        write(wallTime: at)
    }
}

extension ByteReader {
    mutating func wallTime() throws(DecodeError) -> WallTime {
        WallTime(milliseconds: Int64(bitPattern: try fixed64()))
    }

    mutating func connectionID() throws(DecodeError) -> ConnectionID {
        ConnectionID(slot: try fixed32(), generation: try fixed32())
    }

    mutating func nodeID() throws(DecodeError) -> NodeID {
        let number = try number()
        guard number <= UInt64(UInt32.max) else { throw .malformed }
        return NodeID(UInt32(number))
    }

    fileprivate mutating func membership() throws(DecodeError)
        -> (room: UniqueID, user: String, connection: ConnectionID, at: WallTime)
    {
        (try uniqueID(), try string(), try connectionID(), try wallTime())
    }
}
