/// The methods of the interface between clusters: their names, what they take and what they are for.
public enum FederationMethod: String, CaseIterable, Sendable {
    /// Are you there?
    case heartbeat
    /// The rooms that the asked cluster hosts.
    case hostedRooms = "get_hosted_rooms"
    /// A user becomes a member.
    case joinRoom = "join_room"
    /// A user is a member no more.
    case leaveRoom = "leave_room"
    /// A user says something.
    case forwardMessage = "forward_message"
    /// The host tells what was said.
    case messageBroadcast = "receive_message_broadcast"
    /// The host tells who came and went.
    case memberEventBroadcast = "receive_member_event_broadcast"
    /// A user is gone.
    case memberDisconnected = "notify_member_disconnect"
    /// May the room go?
    case prepareDeletion = "prepare_delete_room"
    /// The room is gone.
    case commitDeletion = "commit_delete_room"
    /// The room stays.
    case rollbackDeletion = "rollback_delete_room"

    /// The types of the result and then of the parameters, as `system.methodSignature` has them.
    public var signature: [String] {
        switch self {
        case .heartbeat: ["struct"]
        case .hostedRooms: ["array"]
        case .joinRoom, .leaveRoom: ["struct", "string", "string", "string"]
        case .forwardMessage: ["struct", "string", "string", "string", "string"]
        case .messageBroadcast: ["boolean", "string", "struct"]
        case .memberEventBroadcast: ["boolean", "string", "string", "struct"]
        case .memberDisconnected: ["struct", "string", "string", "string", "string"]
        case .prepareDeletion, .commitDeletion: ["struct", "string", "string", "string"]
        case .rollbackDeletion: ["struct", "string", "string"]
        }
    }

    /// What it does, for `system.methodHelp`.
    public var help: String {
        switch self {
        case .heartbeat: "heartbeat(): {status, node_id, timestamp}"
        case .hostedRooms: "get_hosted_rooms(): the rooms that this node hosts"
        case .joinRoom:
            "join_room(room_id, username, client_node_id): a user of client_node_id becomes a member"
        case .leaveRoom:
            "leave_room(room_id, username, client_node_id): the user is a member no more"
        case .forwardMessage:
            "forward_message(room_id, username, content, sender_node_id): a member says something"
        case .messageBroadcast:
            "receive_message_broadcast(room_id, message): the room's host tells what was said"
        case .memberEventBroadcast:
            "receive_member_event_broadcast(room_id, event_type, event): the room's host tells who "
                + "came or went; event_type is member_joined or member_left"
        case .memberDisconnected:
            "notify_member_disconnect(room_id, username, member_node_id, reason): the user is gone"
        case .prepareDeletion:
            "prepare_delete_room(room_id, transaction_id, coordinator_node): votes READY or ABORT"
        case .commitDeletion:
            "commit_delete_room(room_id, transaction_id, room_name): the room is gone; room_name may "
                + "be absent"
        case .rollbackDeletion: "rollback_delete_room(room_id, transaction_id): the room stays"
        }
    }
}

extension FederationCall {
    /// The method that the call is made by.
    public var method: FederationMethod {
        switch self {
        case .heartbeat: .heartbeat
        case .hostedRooms: .hostedRooms
        case .joinRoom: .joinRoom
        case .leaveRoom: .leaveRoom
        case .forwardMessage: .forwardMessage
        case .messageBroadcast: .messageBroadcast
        case .memberEventBroadcast: .memberEventBroadcast
        case .memberDisconnected: .memberDisconnected
        case .prepareDeletion: .prepareDeletion
        case .commitDeletion: .commitDeletion
        case .rollbackDeletion: .rollbackDeletion
        }
    }
}
