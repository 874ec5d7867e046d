import Protocols

extension ChatJSON {
    /// Appends what a node says to a client.
    ///
    /// The text is the same for every client of the node, so a fan-out encodes once. A failure
    /// that fits no documented answer is an `error`; those of registers are `register_error`.
    public static func encode(
        _ message: ServerMessage, in cluster: Cluster, into out: inout [UInt8]
    ) {
        switch message {
        case .newMessage(let room, let message): newMessage(room, message, &out)
        case .messageSent(let room, let id, let sequence, let at, let name):
            messageSent(room, id, sequence, at, name, &out)
        case .messageFailed(let room, let name, let error):
            out.text(#"{"type":"message_error","data":{"room_id":"#)
            out.quoted(room)
            failure(error.code, error.explanation, name, &out)
        case .memberJoined(let room, let user, let count, let at):
            memberEvent("member_joined", room, user, count, at, nil, &out)
        case .memberLeft(let room, let user, let count, let reason, let at):
            memberEvent("member_left", room, user, count, at, words(of: reason), &out)
        case .roomsList(let rooms):
            out.text(#"{"type":"rooms_list","data":{"rooms":"#)
            list(rooms, &out)
            out.text("}}")
        case .globalRoomsList(let rooms, let reach):
            globalRoomsList(rooms, reach, in: cluster, &out)
        case .roomCreated(let room, let at, let members): roomCreated(room, at, members, &out)
        case .createFailed(let error): createFailed("\(error.explanation)", error, &out)
        case .joined(let reply): joined(reply, &out)
        case .joinFailed(let room, let error):
            out.text(#"{"type":"join_room_error","data":{"room_id":"#)
            out.quoted(room)
            failure(error.joinCode, error.explanation, nil, &out)
        case .left(let room, let user):
            out.text(#"{"type":"leave_room_success","data":{"room_id":"#)
            out.quoted(room)
            out.text(#","username":"#)
            out.quoted(user)
            out.text("}}")
        case .leaveFailed(let room, let error):
            general("\(error.explanation)", error, &out) {
                $0.text(#","room_id":"#)
                $0.quoted(room)
            }
        case .deletionBegun, .deletionDone, .deletionFailed, .roomDeleted:
            deletion(message, &out)
        case .sessionOpened, .registerValue, .registerWritten, .registerMismatch:
            register(message, &out)
        case .registerFailed(let key, let error):
            registerError(key, "\(error.explanation)", error, &out)
        case .failed(let error): general("\(error.explanation)", error, &out) { _ in }
        }
    }

    /// Appends the answer to a text that is no request.
    public static func encode(_ refusal: Refusal, into out: inout [UInt8]) {
        switch refusal {
        case .notJSON:
            out.text(#"{"type":"error","data":{"success":false,"message":"Invalid JSON format"}}"#)
        case .unknownType(let type):
            out.text(#"{"type":"error","data":{"success":false,"message":"#)
            out.quoted("Unknown message type: " + type)
            out.text("}}")
        case .createRoom(let text): createFailed(text, .invalidRequest, &out)
        case .joinRoom(let room, let error, let text):
            out.text(#"{"type":"join_room_error","data":{"room_id":"#)
            quotedOrNull(room, &out)
            failure(error.joinCode, text, nil, &out)
        case .leaveRoom(let error, let text): general(text, error, &out) { _ in }
        case .deleteRoom(let room, let error, let text):
            out.text(#"{"type":"delete_room_failed","data":{"room_id":"#)
            quotedOrNull(room, &out)
            deletionFailure(text, error, nil, &out)
        case .sendMessage(let room, let name, let error, let text):
            out.text(#"{"type":"message_error","data":{"room_id":"#)
            quotedOrNull(room, &out)
            failure(error.code, text, name, &out)
        case .register(let key, let text): registerError(key, text, .invalidRequest, &out)
        }
    }

    // MARK: Messages

    private static func newMessage(
        _ room: UniqueID, _ message: ChatMessage, _ out: inout [UInt8]
    ) {
        // One growth instead of several; escapes, which are rare, may need another.
        let needed = out.count + 256 + message.user.utf8.count + message.content.utf8.count
        if out.capacity < needed { out.reserveCapacity(needed) }
        out.text(#"{"type":"new_message","data":{"message_id":"#)
        out.quoted(message.id)
        out.text(#","room_id":"#)
        out.quoted(room)
        out.text(#","username":"#)
        out.quoted(message.user)
        out.text(#","content":"#)
        out.quoted(message.content)
        out.text(#","sequence_number":"#)
        out.number(message.sequence)
        out.text(#","timestamp":"#)
        out.quoted(message.at)
        out.text("}}")
    }

    private static func messageSent(
        _ room: UniqueID, _ id: UniqueID, _ sequence: UInt64, _ at: WallTime, _ name: String?,
        _ out: inout [UInt8]
    ) {
        out.text(#"{"type":"message_sent","data":{"room_id":"#)
        out.quoted(room)
        out.text(#","message_id":"#)
        out.quoted(id)
        out.text(#","sequence_number":"#)
        out.number(sequence)
        out.text(#","timestamp":"#)
        out.quoted(at)
        clientMessageID(name, &out)
        out.text("}}")
    }

    private static func memberEvent(
        _ type: StaticString, _ room: UniqueID, _ user: String, _ count: Int, _ at: WallTime,
        _ reason: StaticString?, _ out: inout [UInt8]
    ) {
        out.text(#"{"type":""#)
        out.text(type)
        out.text(#"","data":{"room_id":"#)
        out.quoted(room)
        out.text(#","username":"#)
        out.quoted(user)
        out.text(#","member_count":"#)
        out.number(UInt64(max(0, count)))
        out.text(#","timestamp":"#)
        out.quoted(at)
        if let reason {
            out.text(#","reason":""#)
            out.text(reason)
            out.append(0x22)
        }
        out.text("}}")
    }

    private static func words(of reason: LeaveReason) -> StaticString? {
        switch reason {
        case .requested: nil
        case .disconnected: "User disconnected"
        case .nodeUnreachable: "Node unreachable"
        case .inactive: "Inactivity"
        }
    }

    // MARK: Rooms

    private static func list(_ rooms: [RoomSummary], _ out: inout [UInt8]) {
        out.list(rooms) { out, room in
            out.text(#"{"room_id":"#)
            out.quoted(room.id)
            out.text(#","room_name":"#)
            out.quoted(room.name)
            out.text(#","description":"#)
            out.quoted(room.description)
            out.text(#","member_count":"#)
            out.number(UInt64(max(0, room.memberCount)))
            out.text(#","admin_node":"#)
            out.quoted(room.admin)
            if let address = room.address {
                out.text(#","node_address":"#)
                out.quoted(address)
            }
            out.append(0x7D)
        }
        out.text(#","total_count":"#)
        out.number(UInt64(rooms.count))
    }

    private static func globalRoomsList(
        _ rooms: [RoomSummary], _ reach: Reach, in cluster: Cluster, _ out: inout [UInt8]
    ) {
        let available = cluster.available.map(\.description) + reach.available.map(\.text)
        let unavailable = cluster.unavailable.map(\.description) + reach.unavailable.map(\.text)
        out.text(#"{"type":"global_rooms_list","data":{"rooms":"#)
        list(rooms, &out)
        out.text(#","nodes_queried":"#)
        let queried = (available + unavailable).map { TextKey($0) }.sorted()
        out.list(queried) { $0.quoted($1.text) }
        out.text(#","nodes_available":"#)
        out.list(available) { $0.quoted($1) }
        out.text(#","nodes_unavailable":"#)
        out.list(unavailable) { $0.quoted($1) }
        out.text("}}")
    }

    private static func roomCreated(
        _ room: RoomSummary, _ at: WallTime, _ members: [String], _ out: inout [UInt8]
    ) {
        out.text(#"{"type":"room_created","data":{"room_id":"#)
        out.quoted(room.id)
        out.text(#","room_name":"#)
        out.quoted(room.name)
        out.text(#","admin_node":"#)
        out.quoted(room.admin)
        out.text(#","members":"#)
        out.list(members) { $0.quoted($1) }
        out.text(#","created_at":"#)
        out.quoted(at)
        out.text("}}")
    }

    private static func joined(_ reply: JoinReply, _ out: inout [UInt8]) {
        out.text(#"{"type":"join_room_success","data":{"room_id":"#)
        out.quoted(reply.room.id)
        out.text(#","room_name":"#)
        out.quoted(reply.room.name)
        out.text(#","description":"#)
        out.quoted(reply.room.description)
        out.text(#","members":"#)
        out.list(reply.members) { $0.quoted($1) }
        out.text(#","member_count":"#)
        out.number(UInt64(max(0, reply.room.memberCount)))
        out.text(#","admin_node":"#)
        out.quoted(reply.room.admin)
        out.text(#","history_from":"#)
        out.number(reply.historyFrom)
        out.text(#","history_complete":"#)
        out.text(reply.historyComplete ? "true}}" : "false}}")
    }

    // MARK: Failures

    /// The end of an answer that has `error` and `error_code`.
    private static func failure(
        _ code: StaticString, _ text: StaticString, _ name: String?, _ out: inout [UInt8]
    ) {
        failure(code, "\(text)", name, &out)
    }

    private static func failure(
        _ code: StaticString, _ text: String, _ name: String?, _ out: inout [UInt8]
    ) {
        out.text(#","error":"#)
        out.quoted(text)
        errorCode(code, &out)
        clientMessageID(name, &out)
        out.text("}}")
    }

    private static func createFailed(
        _ text: String, _ error: RequestError, _ out: inout [UInt8]
    ) {
        out.text(#"{"type":"room_created","data":{"success":false,"message":"#)
        out.quoted(text)
        errorCode(error.code, &out)
        out.text("}}")
    }

    private static func general(
        _ text: String, _ error: RequestError, _ out: inout [UInt8],
        _ more: (inout [UInt8]) -> Void
    ) {
        out.text(#"{"type":"error","data":{"success":false,"message":"#)
        out.quoted(text)
        errorCode(error.code, &out)
        more(&out)
        out.text("}}")
    }

    private static func errorCode(_ code: StaticString, _ out: inout [UInt8]) {
        out.text(#","error_code":""#)
        out.text(code)
        out.append(0x22)
    }

    private static func clientMessageID(_ name: String?, _ out: inout [UInt8]) {
        guard let name else { return }
        out.text(#","client_message_id":"#)
        out.quoted(name)
    }

    private static func quotedOrNull(_ string: String?, _ out: inout [UInt8]) {
        if let string { out.quoted(string) } else { out.text("null") }
    }

    // MARK: Registers

    private static func register(_ message: ServerMessage, _ out: inout [UInt8]) {
        switch message {
        case .sessionOpened(let session):
            out.text(#"{"type":"session_opened","data":{"session_id":"#)
            out.number(session.rawValue)
        case .registerValue(let key, let content):
            out.text(#"{"type":"register_value","data":{"#)
            register(key, content, &out)
        case .registerMismatch(let key, let content):
            out.text(#"{"type":"register_mismatch","data":{"#)
            register(key, content, &out)
        case .registerWritten(let key, let version):
            out.text(#"{"type":"register_written","data":{"key":"#)
            out.quoted(key)
            out.text(#","version":"#)
            out.number(version)
        case .roomsList, .globalRoomsList, .roomCreated, .createFailed, .joined, .joinFailed,
            .left, .leaveFailed, .messageSent, .messageFailed, .newMessage, .memberJoined,
            .memberLeft, .registerFailed, .failed, .deletionBegun, .deletionDone, .deletionFailed,
            .roomDeleted:
            preconditionFailure("no message of registers: \(message)")
        }
        out.text("}}")
    }

    private static func register(
        _ key: String, _ content: RegisterValue, _ out: inout [UInt8]
    ) {
        out.text(#""key":"#)
        out.quoted(key)
        out.text(#","value":"#)
        // Bytes that are not UTF-8 are shown as U+FFFD, for JSON has no other form.
        out.quoted(String(decoding: content.value, as: UTF8.self))
        out.text(#","version":"#)
        out.number(content.version)
    }

    private static func registerError(
        _ key: String?, _ text: String, _ error: RequestError, _ out: inout [UInt8]
    ) {
        out.text(#"{"type":"register_error","data":{"#)
        if let key {
            out.text(#""key":"#)
            out.quoted(key)
            out.append(0x2C)
        }
        out.text(#""error":"#)
        out.quoted(text)
        errorCode(error.code, &out)
        out.text("}}")
    }
}
