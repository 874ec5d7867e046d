/// Calls between clusters as calls of XML-RPC, and back.
///
/// The documented parameters come first, in their order. A context that says something follows as
/// one struct more; it goes only to peers that said that they understand it.
extension RPCCall {
    /// Makes the call of XML-RPC.
    public init(_ call: FederationCall, _ context: CallContext = CallContext()) {
        var parameters: [RPCValue]
        switch call {
        case .heartbeat, .hostedRooms: parameters = []
        case .joinRoom(let room, let user, let from), .leaveRoom(let room, let user, let from):
            parameters = [.id(room), .string(user), .string(from.text)]
        case .forwardMessage(let room, let user, let content, let from):
            parameters = [.id(room), .string(user), .string(content), .string(from.text)]
        case .messageBroadcast(let room, let message):
            parameters = [.id(room), .message(message, in: room)]
        case .memberEventBroadcast(let room, let event):
            let type = event.kind == .joined ? "member_joined" : "member_left"
            parameters = [.id(room), .string(type), .memberEvent(event, in: room)]
        case .memberDisconnected(let room, let user, let from, let reason):
            parameters = [
                .id(room), .string(user), .string(from.text),
                .string(reason.wireText),
            ]
        case .prepareDeletion(let room, let transaction, let coordinator):
            parameters = [.id(room), .id(transaction), .string(coordinator.text)]
        case .commitDeletion(let room, let transaction, let name):
            parameters = [.id(room), .id(transaction)]
            if let name {
                parameters.append(.string(name))
            } else if !context.isEmpty {
                // Keeps the context in its place.
                parameters.append(.null)
            }
        case .rollbackDeletion(let room, let transaction):
            parameters = [.id(room), .id(transaction)]
        }
        if !context.isEmpty { parameters.append(.context(context)) }
        self.init(call.method.rawValue, parameters)
    }
}

extension FederationCall {
    /// Reads a call of XML-RPC.
    ///
    /// Throws the fault to answer with: -32601 for a method that does not exist, -32602 for
    /// parameters that it does not take. Members of structs that are not known are ignored.
    public static func read(
        _ call: RPCCall
    ) throws(RPCFault) -> (call: FederationCall, context: CallContext) {
        guard let method = FederationMethod(rawValue: call.method) else {
            throw .unknownMethod(call.method)
        }
        var parameters = FederationParameters(call.parameters)
        let result = try read(method, from: &parameters)
        return (result, try parameters.context())
    }

    private static func read(
        _ method: FederationMethod, from parameters: inout FederationParameters
    ) throws(RPCFault) -> FederationCall {
        switch method {
        case .heartbeat: return .heartbeat
        case .hostedRooms: return .hostedRooms
        case .joinRoom:
            return .joinRoom(
                room: try parameters.id("room_id"), user: try parameters.text("username"),
                from: ClusterName(try parameters.text("client_node_id")))
        case .leaveRoom:
            return .leaveRoom(
                room: try parameters.id("room_id"), user: try parameters.text("username"),
                from: ClusterName(try parameters.text("client_node_id")))
        case .forwardMessage:
            return .forwardMessage(
                room: try parameters.id("room_id"), user: try parameters.text("username"),
                content: try parameters.text("content"),
                from: ClusterName(try parameters.text("sender_node_id")))
        case .messageBroadcast:
            let room = try parameters.id("room_id")
            guard let message = ChatMessage(try parameters.structure("message")) else {
                throw .invalidParameters(
                    "message: expected message_id, username, content and sequence_number")
            }
            return .messageBroadcast(room: room, message)
        case .memberEventBroadcast:
            let room = try parameters.id("room_id")
            let type = try parameters.text("event_type")
            return .memberEventBroadcast(
                room: room, try event(type, try parameters.structure("event")))
        case .memberDisconnected:
            return .memberDisconnected(
                room: try parameters.id("room_id"), user: try parameters.text("username"),
                from: ClusterName(try parameters.text("member_node_id")),
                reason: LeaveReason(text: try parameters.text("reason")))
        case .prepareDeletion:
            return .prepareDeletion(
                room: try parameters.id("room_id"),
                transaction: try parameters.id("transaction_id"),
                coordinator: ClusterName(try parameters.text("coordinator_node")))
        case .commitDeletion:
            return .commitDeletion(
                room: try parameters.id("room_id"),
                transaction: try parameters.id("transaction_id"),
                name: try parameters.optionalText("room_name"))
        case .rollbackDeletion:
            return .rollbackDeletion(
                room: try parameters.id("room_id"),
                transaction: try parameters.id("transaction_id"))
        }
    }

    private static func event(
        _ type: String, _ value: RPCValue
    ) throws(RPCFault) -> MemberEvent {
        let kind: MemberEvent.Kind
        switch type {
        case "member_joined": kind = .joined
        case "member_left": kind = .left
        default:
            throw .invalidParameters("event_type: expected member_joined or member_left")
        }
        guard let event = MemberEvent(kind, value) else {
            throw .invalidParameters("event: expected username and member_count")
        }
        return event
    }
}

/// The parameters of a call, taken one after the other.
private struct FederationParameters {
    private var rest: ArraySlice<RPCValue>

    init(_ parameters: [RPCValue]) { rest = parameters[...] }

    mutating func id(_ name: String) throws(RPCFault) -> UniqueID {
        guard let text = rest.popFirst()?.text, let id = UniqueID(text) else {
            throw .invalidParameters("\(name): expected a UUID")
        }
        return id
    }

    mutating func text(_ name: String) throws(RPCFault) -> String {
        guard let text = rest.popFirst()?.text else {
            throw .invalidParameters("\(name): expected a string")
        }
        return text
    }

    /// A string, `nil` for an absent one or `<nil/>`; a struct in its place is the context.
    mutating func optionalText(_ name: String) throws(RPCFault) -> String? {
        guard let value = rest.first, value.members == nil else { return nil }
        rest.removeFirst()
        if value.isNull { return nil }
        guard let text = value.text else {
            throw .invalidParameters("\(name): expected a string or nil")
        }
        return text
    }

    mutating func structure(_ name: String) throws(RPCFault) -> RPCValue {
        guard let value = rest.popFirst(), value.members != nil else {
            throw .invalidParameters("\(name): expected a struct")
        }
        return value
    }

    /// What follows the documented parameters: nothing, or one struct.
    mutating func context() throws(RPCFault) -> CallContext {
        guard let value = rest.popFirst() else { return CallContext() }
        guard value.members != nil, rest.isEmpty else {
            throw .invalidParameters("there are too many parameters")
        }
        return CallContext(value)
    }
}
