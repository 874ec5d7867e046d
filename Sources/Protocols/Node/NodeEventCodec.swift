/// The binary form of what a node can be told, version 1.
///
/// One byte of kind, then the fields as `ByteWriter` forms. A member's message is in the form of
/// `PeerMessage`, its length before it. Reading is strict: what is not exactly an event is an error.
/// Texts are bounded by the bytes that are there; whoever reads bounds those.
extension NodeEvent {
    /// The version of the form.
    public static let formVersion: UInt8 = 1

    private enum Kind: UInt8 {
        case tick = 1
        case peerUp, peerDown, peer
        case persisted, snapshotSaved
        case connected, request, disconnected, backlog
        case wallClock, drain, transfer
        case rpc, called
    }

    /// The bytes of the event alone, its version first.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.write(byte: NodeEvent.formVersion)
        write(to: &writer)
        return writer.bytes
    }

    /// Reads an event with its version; everything that is not exactly one is an error.
    public init(decoding bytes: [UInt8]) throws(DecodeError) {
        var reader = ByteReader(bytes)
        guard try reader.byte() == NodeEvent.formVersion else { throw .malformed }
        self = try NodeEvent(from: &reader)
        try reader.finish()
    }

    /// Writes the event without its version, for forms that state it once.
    public func write(to writer: inout ByteWriter) {
        func begin(_ kind: Kind) { writer.write(byte: kind.rawValue) }
        switch self {
        case .tick: begin(.tick)
        case .peerUp(let peer):
            begin(.peerUp)
            writer.write(UInt64(peer.rawValue))
        case .peerDown(let peer):
            begin(.peerDown)
            writer.write(UInt64(peer.rawValue))
        case .peer(let peer, let message):
            begin(.peer)
            writer.write(UInt64(peer.rawValue))
            writer.write(message.encoded())
        case .persisted(let token):
            begin(.persisted)
            token.write(to: &writer)
        case .snapshotSaved(let token):
            begin(.snapshotSaved)
            token.write(to: &writer)
        case .connected(let connection):
            begin(.connected)
            connection.writeEvent(to: &writer)
        case .request(let connection, let request):
            begin(.request)
            connection.writeEvent(to: &writer)
            request.write(to: &writer)
        case .disconnected(let connection):
            begin(.disconnected)
            connection.writeEvent(to: &writer)
        case .backlog(let connection, let bytes):
            begin(.backlog)
            connection.writeEvent(to: &writer)
            writer.write(signed: Int64(bytes))
        case .wallClock(let wall):
            begin(.wallClock)
            writer.write(signed: wall.milliseconds)
        case .drain: begin(.drain)
        case .rpc(let id, let call, let context):
            begin(.rpc)
            writer.write(id.rawValue)
            call.write(to: &writer)
            context.write(to: &writer)
        case .called(let id, let result):
            begin(.called)
            writer.write(id.rawValue)
            result.write(to: &writer)
        case .transfer(let target):
            begin(.transfer)
            writer.write(target != nil)
            if let target { writer.write(UInt64(target.rawValue)) }
        }
    }

    /// Reads what `write(to:)` wrote and leaves the reader behind it.
    public init(from reader: inout ByteReader) throws(DecodeError) {
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed }
        switch kind {
        case .tick: self = .tick
        case .peerUp: self = .peerUp(NodeID(try reader.small()))
        case .peerDown: self = .peerDown(NodeID(try reader.small()))
        case .peer:
            let peer = NodeID(try reader.small())
            self = .peer(peer, try PeerMessage(decoding: try reader.byteString()))
        case .persisted: self = .persisted(try PersistToken(from: &reader))
        case .snapshotSaved: self = .snapshotSaved(try PersistToken(from: &reader))
        case .connected: self = .connected(try ConnectionID(event: &reader))
        case .request:
            let connection = try ConnectionID(event: &reader)
            self = .request(connection, try ClientRequest(from: &reader))
        case .disconnected: self = .disconnected(try ConnectionID(event: &reader))
        case .backlog:
            let connection = try ConnectionID(event: &reader)
            guard let bytes = Int(exactly: try reader.signed()) else { throw .malformed }
            self = .backlog(connection, bytes: bytes)
        case .wallClock: self = .wallClock(WallTime(milliseconds: try reader.signed()))
        case .drain: self = .drain
        case .rpc:
            let id = IncomingCallID(try reader.number())
            let call = try FederationCall(from: &reader)
            self = .rpc(id, call, try CallContext(from: &reader))
        case .called:
            let id = CallID(try reader.number())
            self = .called(id, try CallResult(from: &reader))
        case .transfer: self = .transfer(try reader.flag() ? NodeID(try reader.small()) : nil)
        }
    }
}

extension ClientRequest {
    private enum Kind: UInt8 {
        case listRooms = 1
        case discoverRooms, createRoom, joinRoom, leaveRoom, sendMessage, openSession
        case readRegister, setRegister, compareAndSetRegister, deleteRoom
    }

    /// Writes the request.
    func write(to writer: inout ByteWriter) {
        func begin(_ kind: Kind) { writer.write(byte: kind.rawValue) }
        switch self {
        case .listRooms: begin(.listRooms)
        case .discoverRooms: begin(.discoverRooms)
        case .createRoom(let name, let creator, let description):
            begin(.createRoom)
            writer.write(name)
            writer.write(creator)
            writer.write(description)
        case .joinRoom(let room, let user, let since):
            begin(.joinRoom)
            writer.write(room)
            writer.write(user)
            writer.write(since != nil)
            if let since { writer.write(since) }
        case .leaveRoom(let room, let user):
            begin(.leaveRoom)
            writer.write(room)
            writer.write(user)
        case .deleteRoom(let room, let user):
            begin(.deleteRoom)
            writer.write(room)
            writer.write(user)
        case .sendMessage(let room, let user, let content, let clientMessageID):
            begin(.sendMessage)
            writer.write(room)
            writer.write(user)
            writer.write(content)
            writer.write(clientMessageID != nil)
            if let clientMessageID { writer.write(clientMessageID) }
        case .openSession: begin(.openSession)
        case .readRegister(let key):
            begin(.readRegister)
            writer.write(key)
        case .writeRegister(let key, .set(let value), let request):
            begin(.setRegister)
            writer.write(key)
            writer.write(value)
            ClientRequest.write(request, to: &writer)
        case .writeRegister(let key, .compareAndSet(let version, let value), let request):
            begin(.compareAndSetRegister)
            writer.write(key)
            writer.write(version)
            writer.write(value)
            ClientRequest.write(request, to: &writer)
        }
    }

    private static func write(_ request: SessionRequest?, to writer: inout ByteWriter) {
        writer.write(request != nil)
        guard let request else { return }
        writer.write(request.session.rawValue)
        writer.write(request.sequence)
        writer.write(request.acknowledgedBelow)
    }

    /// Reads what `write(to:)` wrote.
    init(from reader: inout ByteReader) throws(DecodeError) {
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed }
        switch kind {
        case .listRooms: self = .listRooms
        case .discoverRooms: self = .discoverRooms
        case .createRoom:
            let name = try reader.string()
            let creator = try reader.string()
            self = .createRoom(name: name, creator: creator, description: try reader.string())
        case .joinRoom:
            let room = try reader.uniqueID()
            let user = try reader.string()
            let since = try reader.flag() ? try reader.number() : nil
            self = .joinRoom(room: room, user: user, since: since)
        case .leaveRoom:
            let room = try reader.uniqueID()
            self = .leaveRoom(room: room, user: try reader.string())
        case .deleteRoom:
            let room = try reader.uniqueID()
            self = .deleteRoom(room: room, user: try reader.string())
        case .sendMessage:
            let room = try reader.uniqueID()
            let user = try reader.string()
            let content = try reader.string()
            let name = try reader.flag() ? try reader.string() : nil
            self = .sendMessage(room: room, user: user, content: content, clientMessageID: name)
        case .openSession: self = .openSession
        case .readRegister: self = .readRegister(key: try reader.string())
        case .setRegister:
            let key = try reader.string()
            let value = try reader.byteString()
            let request = try ClientRequest.numbering(from: &reader)
            self = .writeRegister(key: key, .set(value: value), request: request)
        case .compareAndSetRegister:
            let key = try reader.string()
            let version = try reader.number()
            let value = try reader.byteString()
            let request = try ClientRequest.numbering(from: &reader)
            self = .writeRegister(
                key: key, .compareAndSet(expectedVersion: version, value: value), request: request)
        }
    }

    private static func numbering(
        from reader: inout ByteReader
    ) throws(DecodeError) -> SessionRequest? {
        guard try reader.flag() else { return nil }
        let session = SessionID(try reader.number())
        let sequence = try reader.number()
        return SessionRequest(
            session: session, sequence: sequence, acknowledgedBelow: try reader.number())
    }
}

extension PersistToken {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(boot.rawValue)
        writer.write(sequence)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
        let boot = Boot(try reader.number())
        self.init(boot: boot, sequence: try reader.number())
    }
}

extension ConnectionID {
    fileprivate func writeEvent(to writer: inout ByteWriter) {
        writer.write(UInt64(slot))
        writer.write(UInt64(generation))
    }

    fileprivate init(event reader: inout ByteReader) throws(DecodeError) {
        let slot = try reader.small()
        self.init(slot: slot, generation: try reader.small())
    }
}
