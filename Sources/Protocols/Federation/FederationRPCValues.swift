/// The parts of calls and answers as values of XML-RPC, and back.
///
/// Readers return `nil` for a value that lacks what the part needs; what is documented as optional
/// may be absent, and members that are not known are ignored.
extension RPCValue {
    static func id(_ id: UniqueID) -> RPCValue { .string(id.description) }

    static func time(_ time: WallTime) -> RPCValue { .string(CivilTime(time).text) }

    static func message(_ message: ChatMessage, in room: UniqueID) -> RPCValue {
        .structure([
            RPCMember("message_id", .id(message.id)), RPCMember("room_id", .id(room)),
            RPCMember("username", .string(message.user)),
            RPCMember("content", .string(message.content)),
            RPCMember("sequence_number", .number(message.sequence)),
            RPCMember("timestamp", .time(message.at)),
        ])
    }

    static func memberEvent(_ event: MemberEvent, in room: UniqueID) -> RPCValue {
        var members = [
            RPCMember("room_id", .id(room)), RPCMember("username", .string(event.user)),
            RPCMember("member_count", .int(Int64(event.memberCount))),
            RPCMember("timestamp", .time(event.at)),
        ]
        if event.kind == .left, event.reason != .requested {
            members.append(RPCMember("reason", .string(event.reason.wireText)))
        }
        return .structure(members)
    }

    static func context(_ context: CallContext) -> RPCValue {
        var members: [RPCMember] = []
        if let caller = context.caller { members.append(RPCMember("caller", .string(caller.text))) }
        if let stream = context.stream { members.append(RPCMember("stream", .number(stream))) }
        if let number = context.number { members.append(RPCMember("number", .number(number))) }
        if let since = context.since { members.append(RPCMember("since", .number(since))) }
        if let id = context.clientMessageID {
            members.append(RPCMember("client_message_id", .string(id)))
        }
        return .structure(members)
    }

    static func room(_ room: HostedRoom) -> RPCValue {
        .structure(members(of: room))
    }

    /// A room as `join_room` answers it, with the names of its members.
    static func room(_ room: HostedRoom, members names: [String]) -> RPCValue {
        var members = members(of: room)
        members.append(RPCMember("members", .array(names.map { .string($0) })))
        return .structure(members)
    }

    private static func members(of room: HostedRoom) -> [RPCMember] {
        var members = [
            RPCMember("room_id", .id(room.id)), RPCMember("room_name", .string(room.name)),
            RPCMember("description", .string(room.description)),
            RPCMember("member_count", .int(Int64(room.memberCount))),
            RPCMember("admin_node", .string(room.host.text)),
        ]
        if let address = room.address {
            members.append(RPCMember("node_address", .string(address)))
        }
        if let last = room.lastSequence {
            members.append(RPCMember("last_sequence", .number(last)))
        }
        return members
    }

    /// A time, from a string or a `<dateTime.iso8601>`; `nil` for anything else.
    var time: WallTime? {
        switch self {
        case .string(let text): return CivilTime.parse(text)
        case .dateTime(let text):
            // 20260102T03:04:05, the form of XML-RPC's own type, lacks the dashes.
            let bytes = Array(text.utf8)
            guard bytes.count >= 8, !bytes.contains(0x2D) else { return CivilTime.parse(text) }
            let dash = [UInt8(ascii: "-")]
            let full = bytes[..<4] + dash + bytes[4..<6] + dash + bytes[6...]
            return CivilTime.parse(String(decoding: full, as: UTF8.self))
        case .int, .bool, .double, .base64, .null, .array, .structure: return nil
        }
    }

    var id: UniqueID? { text.flatMap { UniqueID($0) } }
}

extension LeaveReason {
    /// What the reason is called between nodes; empty for a member that asked to leave.
    var wireText: String {
        switch self {
        case .requested: ""
        case .disconnected: "User disconnected"
        case .nodeUnreachable: "Node unreachable"
        case .inactive: "Inactivity"
        }
    }

    /// The reason of this name; one that is not known counts as a connection that is gone.
    init(text: String) {
        switch text {
        case "": self = .requested
        case "Node unreachable": self = .nodeUnreachable
        case "Inactivity": self = .inactive
        default: self = .disconnected
        }
    }
}

extension CallContext {
    /// Reads what it knows; what has another form counts as absent.
    init(_ value: RPCValue) {
        self.init(
            caller: value["caller"]?.text.map { ClusterName($0) }, stream: value["stream"]?.number,
            number: value["number"]?.number, since: value["since"]?.number,
            clientMessageID: value["client_message_id"]?.text)
    }
}

extension ChatMessage {
    /// Without a time that can be read it is of 1970.
    init?(_ value: RPCValue) {
        guard let id = value["message_id"]?.id, let user = value["username"]?.text,
            let content = value["content"]?.text,
            let sequence = value["sequence_number"]?.number, sequence > 0
        else { return nil }
        self.init(
            id: id, sequence: sequence, user: user, content: content,
            at: value["timestamp"]?.time ?? WallTime(milliseconds: 0))
    }
}

extension MemberEvent {
    /// Without a time that can be read it is of 1970.
    init?(_ kind: Kind, _ value: RPCValue) {
        guard let user = value["username"]?.text, let count = value["member_count"]?.number,
            let count = Int(exactly: count)
        else { return nil }
        let reason = kind == .left ? value["reason"]?.text : nil
        self.init(
            kind: kind, user: user, memberCount: count,
            reason: reason.map { LeaveReason(text: $0) } ?? .requested,
            at: value["timestamp"]?.time ?? WallTime(milliseconds: 0))
    }
}

extension HostedRoom {
    /// A room that does not name its host belongs to who answers.
    init?(_ value: RPCValue, of answering: ClusterName?) {
        guard let id = value["room_id"]?.id, let name = value["room_name"]?.text,
            let host = value["admin_node"]?.text.map({ ClusterName($0) }) ?? answering
        else { return nil }
        let count = value["member_count"]?.number.flatMap { Int(exactly: $0) }
        self.init(
            id: id, name: name, description: value["description"]?.text ?? "",
            memberCount: count ?? value["members"]?.elements?.count ?? 0, host: host,
            address: value["node_address"]?.text, lastSequence: value["last_sequence"]?.number)
    }
}
