/// What one cluster asks of another: the methods of the guides' XML-RPC interface.
///
/// `from` and `coordinator` are the asking cluster. Receivers must take any call any number of
/// times: an answer may be lost.
public enum FederationCall: Equatable, Sendable {
    /// `heartbeat`: are you there?
    case heartbeat
    /// `get_hosted_rooms`: the rooms of which the asked cluster is the host.
    case hostedRooms
    /// `join_room`: a user of the asking cluster becomes a member.
    case joinRoom(room: UniqueID, user: String, from: ClusterName)
    /// `leave_room`: a user of the asking cluster is a member no more.
    case leaveRoom(room: UniqueID, user: String, from: ClusterName)
    /// `forward_message`: a user of the asking cluster says something.
    case forwardMessage(room: UniqueID, user: String, content: String, from: ClusterName)
    /// `receive_message_broadcast`: the host tells what was said.
    case messageBroadcast(room: UniqueID, ChatMessage)
    /// `receive_member_event_broadcast`: the host tells who came and went.
    case memberEventBroadcast(room: UniqueID, MemberEvent)
    /// `notify_member_disconnect`: a user of the asking cluster is gone.
    case memberDisconnected(
        room: UniqueID, user: String, from: ClusterName, reason: LeaveReason)
    /// `prepare_delete_room`: may the room go?
    case prepareDeletion(room: UniqueID, transaction: UniqueID, coordinator: ClusterName)
    /// `commit_delete_room`: the room is gone.
    case commitDeletion(room: UniqueID, transaction: UniqueID, name: String?)
    /// `rollback_delete_room`: the room stays.
    case rollbackDeletion(room: UniqueID, transaction: UniqueID)
}

/// What Parley's clusters add to a call, as one struct after the documented arguments; sent only to
/// a peer whose heartbeat said that it understands it. All parts are optional.
public struct CallContext: Equatable, Sendable {
    /// Who asks.
    public var caller: ClusterName?
    /// Which run of the caller's outbox the call is from; another number is another run, of a
    /// cluster that has lost its data.
    public var stream: UInt64?
    /// The call's place in that run, from 1. One below the last that was taken is an echo and
    /// changes nothing; the last itself may come again and is done again.
    public var number: UInt64?
    /// Of a join: the last message that the caller has of the room.
    public var since: UInt64?
    /// Of a forwarded message: the client's own name for it, which makes a retry harmless.
    public var clientMessageID: String?

    /// Makes a context; by default one that says nothing.
    public init(
        caller: ClusterName? = nil, stream: UInt64? = nil, number: UInt64? = nil,
        since: UInt64? = nil, clientMessageID: String? = nil
    ) {
        self.caller = caller
        self.stream = stream
        self.number = number
        self.since = since
        self.clientMessageID = clientMessageID
    }

    /// True when it says nothing.
    public var isEmpty: Bool { self == CallContext() }
}

/// A user came into a room or left it.
public struct MemberEvent: Equatable, Sendable {
    /// What happened.
    public enum Kind: UInt8, Equatable, Sendable {
        /// `member_joined`.
        case joined = 0
        /// `member_left`.
        case left = 1
    }

    /// What happened.
    public var kind: Kind
    /// To whom.
    public var user: String
    /// How many users are members since.
    public var memberCount: Int
    /// Why a member left; of no meaning for one who joined.
    public var reason: LeaveReason
    /// When, for display.
    public var at: WallTime

    /// Makes an event.
    public init(
        kind: Kind, user: String, memberCount: Int, reason: LeaveReason = .requested, at: WallTime
    ) {
        self.kind = kind
        self.user = user
        self.memberCount = memberCount
        self.reason = reason
        self.at = at
    }
}
