import Protocols

extension ChatJSON {
    /// Appends what a client asks.
    public static func encode(_ request: ClientRequest, into out: inout [UInt8]) {
        switch request {
        case .listRooms: out.text(#"{"type":"list_rooms"}"#)
        case .discoverRooms: out.text(#"{"type":"discover_rooms"}"#)
        case .createRoom(let name, let creator, let description):
            out.text(#"{"type":"create_room","data":{"room_name":"#)
            out.quoted(name)
            out.text(#","creator_id":"#)
            out.quoted(creator)
            out.text(#","description":"#)
            out.quoted(description)
            out.text("}}")
        case .joinRoom(let room, let user, let since):
            member("join_room", room, user, &out)
            if let since {
                out.text(#","since":"#)
                out.number(since)
            }
            out.text("}}")
        case .leaveRoom(let room, let user):
            member("leave_room", room, user, &out)
            out.text("}}")
        case .sendMessage(let room, let user, let content, let name):
            member("send_message", room, user, &out)
            out.text(#","content":"#)
            out.quoted(content)
            if let name {
                out.text(#","client_message_id":"#)
                out.quoted(name)
            }
            out.text("}}")
        case .deleteRoom(let room, let user):
            member("delete_room", room, user, &out)
            out.text("}}")
        case .openSession: out.text(#"{"type":"open_session"}"#)
        case .readRegister(let key):
            out.text(#"{"type":"register_get","data":{"key":"#)
            out.quoted(key)
            out.text("}}")
        case .writeRegister(let key, let operation, let request):
            writeRegister(key, operation, request, &out)
        }
    }

    private static func member(
        _ type: StaticString, _ room: UniqueID, _ user: String, _ out: inout [UInt8]
    ) {
        out.text(#"{"type":""#)
        out.text(type)
        out.text(#"","data":{"room_id":"#)
        out.quoted(room)
        out.text(#","username":"#)
        out.quoted(user)
    }

    private static func writeRegister(
        _ key: String, _ operation: RegisterOperation, _ request: SessionRequest?,
        _ out: inout [UInt8]
    ) {
        switch operation {
        case .set(let value):
            out.text(#"{"type":"register_set","data":{"key":"#)
            out.quoted(key)
            out.text(#","value":"#)
            out.quoted(String(decoding: value, as: UTF8.self))
        case .compareAndSet(let version, let value):
            out.text(#"{"type":"register_cas","data":{"key":"#)
            out.quoted(key)
            out.text(#","expected_version":"#)
            out.number(version)
            out.text(#","value":"#)
            out.quoted(String(decoding: value, as: UTF8.self))
        }
        if let request {
            out.text(#","session_id":"#)
            out.number(request.session.rawValue)
            out.text(#","request":"#)
            out.number(request.sequence)
            out.text(#","acknowledged_below":"#)
            out.number(request.acknowledgedBelow)
        }
        out.text("}}")
    }

    // MARK: Reading

    /// Why the text of a server is no message that this client knows.
    public enum Unreadable: Error, Equatable, Sendable {
        /// The text is not a JSON object.
        case notJSON
        /// There is no such type; a newer server may have it, so it is best ignored.
        case unknownType(String)
        /// A message of this type lacks a field or has a wrong one.
        case malformed(String)
    }

    /// Reads what a server says; the reader may be any, its document is replaced.
    public static func message(
        parsing text: [UInt8], with reader: JSONReader
    ) throws(Unreadable) -> ServerMessage {
        do throws(JSONError) {
            try reader.parse(text)
        } catch {
            throw .notJSON
        }
        guard reader.root == .object else { throw .notJSON }
        let type = reader.string("type") ?? ""
        guard let message = try message(type, reader) else {
            throw .malformed(type)
        }
        return message
    }

    private static func message(
        _ type: String, _ reader: JSONReader
    ) throws(Unreadable) -> ServerMessage? {
        switch type {
        case "new_message": newMessage(reader)
        case "message_sent": messageSent(reader)
        case "message_error":
            messageFailed(reader)
        case "member_joined", "member_left": memberEvent(type, reader)
        case "rooms_list": rooms(reader).map { .roomsList($0) }
        case "global_rooms_list": rooms(reader).map { .globalRoomsList($0, reach(reader)) }
        case "room_created": roomCreated(reader)
        case "join_room_success": joined(reader)
        case "join_room_error":
            .joinFailed(room: room(reader) ?? unknownID, error(reader))
        case "leave_room_success":
            pair(room(reader), reader.string("data", "username")).map {
                .left(room: $0.0, user: $0.1)
            }
        case "delete_room_initiated", "delete_room_success", "delete_room_failed", "room_deleted":
            deletion(type, reader)
        case "error": failed(reader)
        case "register_error": registerFailed(reader)
        case "session_opened":
            number(reader, "session_id").map { .sessionOpened(SessionID($0)) }
        case "register_value", "register_mismatch", "register_written": register(type, reader)
        default: throw .unknownType(String(type.prefix(maximumEcho)))
        }
    }

    /// Stands for a room that the server could not name, since the request did not either.
    private static let unknownID = UniqueID(high: 0, low: 0)

    private static func pair<A, B>(_ a: A?, _ b: B?) -> (A, B)? {
        guard let a, let b else { return nil }
        return (a, b)
    }

    private static func room(_ reader: JSONReader) -> UniqueID? {
        reader.string("data", "room_id").flatMap { UniqueID($0) }
    }

    private static func number(_ reader: JSONReader, _ name: StaticString) -> UInt64? {
        reader.int64("data", name).flatMap { UInt64(exactly: $0) }
    }

    private static func time(_ reader: JSONReader, _ name: StaticString) -> WallTime? {
        reader.string("data", name).flatMap { CivilTime.parse($0) }
    }

    /// Who administers a room: `node2` is taken for a node of the cluster asked, all else is another
    /// cluster.
    private static func admin(_ name: String?) -> RoomAdmin? {
        guard let name else { return nil }
        let prefix = "node"
        guard name.hasPrefix(prefix), let number = UInt32(name.dropFirst(prefix.count)) else {
            return .cluster(ClusterName(name))
        }
        return .node(NodeID(number))
    }

    /// All names that the list gives: members of the cluster asked, too.
    private static func reach(_ reader: JSONReader) -> Reach {
        func names(_ key: StaticString) -> [ClusterName] {
            var names: [ClusterName] = []
            _ = reader.forEach("data", key) {
                if let name = reader.rootString { names.append(ClusterName(name)) }
                return true
            }
            return names
        }
        return Reach(
            available: names("nodes_available"), unavailable: names("nodes_unavailable"))
    }

    private static func error(_ reader: JSONReader) -> RequestError {
        guard let code = reader.string("data", "error_code") else { return .invalidRequest }
        return .named(code)
    }

    // MARK: Messages

    private static func newMessage(_ reader: JSONReader) -> ServerMessage? {
        guard let room = room(reader),
            let id = reader.string("data", "message_id").flatMap({ UniqueID($0) }),
            let user = reader.string("data", "username"),
            let content = reader.string("data", "content"),
            let sequence = number(reader, "sequence_number"), let at = time(reader, "timestamp")
        else { return nil }
        return .newMessage(
            room: room,
            ChatMessage(id: id, sequence: sequence, user: user, content: content, at: at))
    }

    private static func messageSent(_ reader: JSONReader) -> ServerMessage? {
        guard let room = room(reader),
            let id = reader.string("data", "message_id").flatMap({ UniqueID($0) }),
            let sequence = number(reader, "sequence_number"), let at = time(reader, "timestamp")
        else { return nil }
        return .messageSent(
            room: room, id: id, sequence: sequence, at: at,
            clientMessageID: reader.string("data", "client_message_id"))
    }

    private static func messageFailed(_ reader: JSONReader) -> ServerMessage? {
        .messageFailed(
            room: room(reader) ?? unknownID,
            clientMessageID: reader.string("data", "client_message_id"), error(reader))
    }

    private static func memberEvent(_ type: String, _ reader: JSONReader) -> ServerMessage? {
        guard let room = room(reader), let user = reader.string("data", "username"),
            let count = number(reader, "member_count").flatMap({ Int(exactly: $0) }),
            let at = time(reader, "timestamp")
        else { return nil }
        if type == "member_joined" {
            return .memberJoined(room: room, user: user, memberCount: count, at: at)
        }
        let reason: LeaveReason =
            switch reader.string("data", "reason") {
            case "User disconnected": .disconnected
            case "Node unreachable": .nodeUnreachable
            case "Inactivity": .inactive
            default: .requested
            }
        return .memberLeft(room: room, user: user, memberCount: count, reason: reason, at: at)
    }

    // MARK: Rooms

    private static func rooms(_ reader: JSONReader) -> [RoomSummary]? {
        var rooms: [RoomSummary] = []
        var isWhole = true
        let isList = reader.forEach("data", "rooms") {
            guard let id = reader.string("room_id").flatMap({ UniqueID($0) }),
                let name = reader.string("room_name"),
                let count = reader.int64("member_count"),
                let admin = admin(reader.string("admin_node"))
            else {
                isWhole = false
                return false
            }
            rooms.append(
                RoomSummary(
                    id: id, name: name, description: reader.string("description") ?? "",
                    memberCount: Int(count), admin: admin,
                    address: reader.string("node_address")))
            return true
        }
        return isList && isWhole ? rooms : nil
    }

    private static func members(_ reader: JSONReader) -> [String]? {
        var members: [String] = []
        var isWhole = true
        let isList = reader.forEach("data", "members") {
            guard let name = reader.rootString else {
                isWhole = false
                return false
            }
            members.append(name)
            return true
        }
        return isList && isWhole ? members : nil
    }

    private static func roomCreated(_ reader: JSONReader) -> ServerMessage? {
        if reader.bool("data", "success") == false { return .createFailed(error(reader)) }
        guard let id = room(reader), let name = reader.string("data", "room_name"),
            let admin = admin(reader.string("data", "admin_node")),
            let members = members(reader), let at = time(reader, "created_at")
        else { return nil }
        // The answer does not repeat the description, which the asker gave.
        let room = RoomSummary(
            id: id, name: name, description: reader.string("data", "description") ?? "",
            memberCount: members.count, admin: admin)
        return .roomCreated(room, createdAt: at, members: members)
    }

    private static func joined(_ reader: JSONReader) -> ServerMessage? {
        guard let id = room(reader), let name = reader.string("data", "room_name"),
            let admin = admin(reader.string("data", "admin_node")),
            let members = members(reader),
            let count = number(reader, "member_count").flatMap({ Int(exactly: $0) })
        else { return nil }
        let room = RoomSummary(
            id: id, name: name, description: reader.string("data", "description") ?? "",
            memberCount: count, admin: admin)
        return .joined(
            JoinReply(
                room: room, members: members, historyFrom: number(reader, "history_from") ?? 1,
                historyComplete: reader.bool("data", "history_complete") ?? true))
    }

    // MARK: Others

    private static func failed(_ reader: JSONReader) -> ServerMessage {
        let error = error(reader)
        if let room = room(reader) { return .leaveFailed(room: room, error) }
        return .failed(error)
    }

    private static func registerFailed(_ reader: JSONReader) -> ServerMessage {
        // Without a key the request had none.
        guard let key = reader.string("data", "key") else { return .failed(error(reader)) }
        return .registerFailed(key: key, error(reader))
    }

    private static func register(_ type: String, _ reader: JSONReader) -> ServerMessage? {
        guard let key = reader.string("data", "key"), let version = number(reader, "version") else {
            return nil
        }
        if type == "register_written" { return .registerWritten(key: key, version: version) }
        guard let value = reader.bytes("data", "value") else { return nil }
        let content = RegisterValue(value: value, version: version)
        return type == "register_value"
            ? .registerValue(key: key, content) : .registerMismatch(key: key, content)
    }
}
