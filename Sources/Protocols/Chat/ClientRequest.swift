/// What a client asks of a node.
public enum ClientRequest: Equatable, Sendable {
    /// The rooms that this node administers.
    case listRooms
    /// All rooms of the cluster.
    case discoverRooms
    /// Make a room.
    case createRoom(name: String, creator: String, description: String)
    /// Become a member; the history after `since`, or the last 100 messages without it.
    case joinRoom(room: UniqueID, user: String, since: UInt64?)
    /// Stop being a member.
    case leaveRoom(room: UniqueID, user: String)
    /// Delete a room; only its creator may.
    case deleteRoom(room: UniqueID, user: String)
    /// Say something.
    case sendMessage(room: UniqueID, user: String, content: String, clientMessageID: String?)
    /// Open a session whose requests the client numbers itself.
    case openSession
    /// Read a register, linearizably.
    case readRegister(key: String)
    /// Write a register; with a session and a number the write happens once however often asked.
    case writeRegister(key: String, RegisterOperation, request: SessionRequest?)
}

/// A client's own numbering of a request.
public struct SessionRequest: Equatable, Sendable {
    /// The client's session.
    public var session: SessionID
    /// The request's number, from 1.
    public var sequence: UInt64
    /// The client has the answers to all requests numbered below this.
    public var acknowledgedBelow: UInt64

    /// Makes a numbering.
    public init(session: SessionID, sequence: UInt64, acknowledgedBelow: UInt64) {
        self.session = session
        self.sequence = sequence
        self.acknowledgedBelow = acknowledgedBelow
    }
}

/// What a node says to a client.
public enum ServerMessage: Equatable, Sendable {
    /// The rooms this node administers.
    case roomsList([RoomSummary])
    /// All rooms of the cluster and of those it is federated with.
    case globalRoomsList([RoomSummary], Reach = Reach())
    /// The room was made.
    case roomCreated(RoomSummary, createdAt: WallTime, members: [String])
    /// The room was not made.
    case createFailed(RequestError)
    /// The client is a member; the history follows as `newMessage`s.
    case joined(JoinReply)
    /// The client is no member.
    case joinFailed(room: UniqueID, RequestError)
    /// The client is a member no more.
    case left(room: UniqueID, user: String)
    /// The client could not leave.
    case leaveFailed(room: UniqueID, RequestError)
    /// The message is committed on a majority.
    case messageSent(
        room: UniqueID, id: UniqueID, sequence: UInt64, at: WallTime, clientMessageID: String?)
    /// The message was not sent, or nobody knows.
    case messageFailed(room: UniqueID, clientMessageID: String?, RequestError)
    /// A member said something.
    case newMessage(room: UniqueID, ChatMessage)
    /// A user became a member.
    case memberJoined(room: UniqueID, user: String, memberCount: Int, at: WallTime)
    /// A user is a member no more.
    case memberLeft(
        room: UniqueID, user: String, memberCount: Int, reason: LeaveReason, at: WallTime)
    /// The room is about to go: to the asker with the transaction, to members with who asked.
    case deletionBegun(room: UniqueID, transaction: UniqueID?, initiator: String?)
    /// The room is gone, to the asker.
    case deletionDone(room: UniqueID, transaction: UniqueID)
    /// The room stays, to the asker; `reason` says more where there is more to say.
    case deletionFailed(
        room: UniqueID, transaction: UniqueID?, RequestError, reason: String?)
    /// The room is gone, to its members.
    case roomDeleted(room: UniqueID, name: String)
    /// A session is open.
    case sessionOpened(SessionID)
    /// A register's content.
    case registerValue(key: String, RegisterValue)
    /// The register was written and has this version.
    case registerWritten(key: String, version: UInt64)
    /// The register was not written, for its content is this.
    case registerMismatch(key: String, RegisterValue)
    /// A register was not read or not written, or nobody knows.
    case registerFailed(key: String, RequestError)
    /// Rooms could not be listed, or a session not opened.
    case failed(RequestError)
}

/// Why a request failed, in terms a client can act on.
public enum RequestError: UInt8, Error, Sendable {
    /// A field is missing or out of bounds, or a name has characters that none may have.
    case invalidRequest
    /// The content is empty, blank, over 5,000 characters, or has control characters.
    case invalidContent
    /// No room has this id.
    case roomNotFound
    /// A room has this name already.
    case nameTaken
    /// The connection has not joined the room.
    case notMember
    /// No leader could be reached in time; nothing was done.
    case unavailable
    /// The request may or may not have been done; safe to retry with the same idempotency key.
    case outcomeUnknown
    /// The node has more unfinished requests than it takes; nothing was done.
    case overloaded
    /// The replicated state has reached its budget; nothing was done.
    case stateFull
    /// The session is over; whether the request was done is unknown.
    case sessionExpired
    /// The number was acknowledged before.
    case alreadyAcknowledged
    /// The connection asks more often than it may; nothing was done.
    case rateLimited
    /// The cluster has as many rooms as it may have; nothing was done.
    case roomLimit
    /// The room has as many members as it may have; nothing was done.
    case roomFull
    /// Only the creator of a room may delete it.
    case unauthorized
    /// The room cannot be deleted now: it is being deleted, or another cluster hosts it.
    case invalidState
    /// A cluster that has members in the room voted against its deletion.
    case deletionFailed
}

/// Who administers a room.
public enum RoomAdmin: Equatable, Sendable, CustomStringConvertible {
    /// A node of this cluster.
    case node(NodeID)
    /// Another cluster, which hosts the room.
    case cluster(ClusterName)

    /// The name people use.
    public var description: String {
        switch self {
        case .node(let node): node.description
        case .cluster(let name): name.text
        }
    }
}

/// Which other clusters a list of rooms takes in.
public struct Reach: Equatable, Sendable {
    /// Those that answered, ascending.
    public var available: [ClusterName]
    /// Those that did not, ascending.
    public var unavailable: [ClusterName]

    /// Makes a reach; by default that of a cluster that is federated with none.
    public init(available: [ClusterName] = [], unavailable: [ClusterName] = []) {
        self.available = available
        self.unavailable = unavailable
    }
}

/// A room as lists show it.
public struct RoomSummary: Equatable, Sendable {
    /// The room's id.
    public var id: UniqueID
    /// Its name.
    public var name: String
    /// What it is for.
    public var description: String
    /// How many users are members.
    public var memberCount: Int
    /// Who administers it.
    public var admin: RoomAdmin
    /// The XML-RPC address of the cluster that hosts it, of a room that came from another.
    public var address: String?

    /// Makes a summary.
    public init(
        id: UniqueID, name: String, description: String, memberCount: Int, admin: RoomAdmin,
        address: String? = nil
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.memberCount = memberCount
        self.admin = admin
        self.address = address
    }

    /// Makes a summary of a room that a node of this cluster administers.
    public init(id: UniqueID, name: String, description: String, memberCount: Int, admin: NodeID) {
        self.init(
            id: id, name: name, description: description, memberCount: memberCount,
            admin: .node(admin))
    }
}

/// The answer to a join.
public struct JoinReply: Equatable, Sendable {
    /// The room.
    public var room: RoomSummary
    /// The users who are members, in order of name.
    public var members: [String]
    /// The sequence number of the first message that follows as history; one past the last when
    /// none follows.
    public var historyFrom: UInt64
    /// False when messages that the client asked for with `since` are gone.
    public var historyComplete: Bool

    /// Makes a reply.
    public init(room: RoomSummary, members: [String], historyFrom: UInt64, historyComplete: Bool) {
        self.room = room
        self.members = members
        self.historyFrom = historyFrom
        self.historyComplete = historyComplete
    }
}
