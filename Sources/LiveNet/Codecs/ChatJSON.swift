import Protocols

/// The chat protocol between JSON text and typed values, both directions of it.
///
/// ## Overview
/// A node reads with `request` and writes with `encode(_:in:into:)`; a client writes with
/// `encode(_: ClientRequest ...)` and reads with `message`. Every message is one object
/// `{"type": ..., "data": {...}}`. Fields that are not known are ignored.
///
/// ## Function
/// Rooms and messages are named by UUIDs, nodes by `node1`, sequence numbers are whole numbers,
/// times are ISO 8601 in UTC with an offset. To the documented protocol are added: the optional
/// fields `client_message_id`, `since`, `history_from`, `history_complete` and `error_code`, and
/// the types for sessions and registers (`open_session`, `register_get`, `register_set`,
/// `register_cas`).
public enum ChatJSON {
    /// What a node knows of its cluster, for the fields that tell of it.
    public struct Cluster: Equatable, Sendable {
        /// The node that answers.
        public var node: NodeID
        /// Members that can be reached now, the node itself among them; ascending.
        public var available: [NodeID]
        /// Members that cannot be reached now; ascending.
        public var unavailable: [NodeID]

        /// Makes the facts; by default those of a node that is alone.
        public init(
            node: NodeID, available: [NodeID]? = nil, unavailable: [NodeID] = []
        ) {
            self.node = node
            self.available = available ?? [node]
            self.unavailable = unavailable
        }
    }

    /// The longest part of an unknown type that is shown back to its sender, in characters.
    static let maximumEcho = 64
}

extension RequestError {
    /// The protocol's word for the error.
    ///
    /// A join that fails for want of a leader says `ADMIN_NODE_UNAVAILABLE`, which is what the
    /// documented protocol has for it; see `joinCode`.
    public var code: StaticString {
        switch self {
        case .invalidRequest: "INVALID_REQUEST"
        case .invalidContent: "INVALID_CONTENT"
        case .roomNotFound: "ROOM_NOT_FOUND"
        case .nameTaken: "NAME_TAKEN"
        case .notMember: "NOT_MEMBER"
        case .unavailable: "UNAVAILABLE"
        case .outcomeUnknown: "OUTCOME_UNKNOWN"
        case .overloaded: "OVERLOADED"
        case .stateFull: "STATE_FULL"
        case .sessionExpired: "SESSION_EXPIRED"
        case .alreadyAcknowledged: "ALREADY_ACKNOWLEDGED"
        case .rateLimited: "RATE_LIMITED"
        case .roomLimit: "ROOM_LIMIT"
        case .roomFull: "ROOM_FULL"
        case .unauthorized: "UNAUTHORIZED"
        case .invalidState: "INVALID_STATE"
        case .deletionFailed: "DELETION_FAILED"
        }
    }

    /// The word for the error in the answer to a join.
    var joinCode: StaticString { self == .unavailable ? "ADMIN_NODE_UNAVAILABLE" : code }

    /// What the error means and what to do about it, in one sentence.
    public var explanation: StaticString {
        switch self {
        case .invalidRequest:
            """
            A field is missing, empty or too long, or a name has control characters or white \
            space at an end; correct the request
            """
        case .invalidContent:
            """
            The content must have 1 to 5,000 characters, not all of them white space, and no \
            control characters but tabs and line ends
            """
        case .roomNotFound:
            "The room does not exist; list the rooms and choose another"
        case .nameTaken:
            "A room with this name exists already; join it or choose another name"
        case .notMember:
            "You are not a member of this room on this connection; join it first"
        case .unavailable:
            "The cluster cannot decide just now; nothing was done, try again shortly"
        case .outcomeUnknown:
            "The outcome is not known; repeat the request with the same client_message_id"
        case .overloaded:
            "The node has too many unfinished requests; nothing was done, try again later"
        case .stateFull:
            "The cluster's storage limit is reached; nothing was done, ask the operator"
        case .sessionExpired:
            "The session is over; open a new one, and read before you repeat the request"
        case .alreadyAcknowledged:
            "The request's number was acknowledged before; use a new one"
        case .rateLimited:
            "You ask more often than RATE_LIMIT allows; nothing was done, try again in a second"
        case .roomLimit:
            "The cluster has as many rooms as ROOM_LIMIT allows; nothing was done, ask the operator"
        case .roomFull:
            "The room has as many members as MEMBER_LIMIT allows; nothing was done, try again later"
        case .unauthorized:
            "Only the creator of a room may delete it"
        case .invalidState:
            "The room cannot be deleted here and now; it is being deleted, or another node hosts it"
        case .deletionFailed:
            "A node that has members in the room voted against its deletion; the room stays"
        }
    }

    /// The error of a word; one that is not known leaves the outcome open.
    static func named(_ code: String) -> RequestError {
        switch code {
        case "INVALID_REQUEST": .invalidRequest
        case "INVALID_CONTENT": .invalidContent
        case "ROOM_NOT_FOUND": .roomNotFound
        case "NAME_TAKEN": .nameTaken
        case "NOT_MEMBER": .notMember
        case "UNAVAILABLE", "ADMIN_NODE_UNAVAILABLE": .unavailable
        case "OVERLOADED": .overloaded
        case "STATE_FULL": .stateFull
        case "SESSION_EXPIRED": .sessionExpired
        case "ALREADY_ACKNOWLEDGED": .alreadyAcknowledged
        case "RATE_LIMITED": .rateLimited
        case "ROOM_LIMIT": .roomLimit
        case "ROOM_FULL": .roomFull
        case "UNAUTHORIZED": .unauthorized
        case "INVALID_STATE": .invalidState
        case "DELETION_FAILED": .deletionFailed
        default: .outcomeUnknown
        }
    }
}
