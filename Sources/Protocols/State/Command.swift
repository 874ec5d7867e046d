/// What a replica applies: one operation of one session, numbered so that it happens once.
public struct Command: Equatable, Sendable {
    /// Whose request it is; zero only for `openNodeSession`, which is idempotent by itself.
    public var session: SessionID
    /// The request's number in its session, from 1.
    public var sequence: UInt64
    /// The origin holds the outcome of every request numbered below this: forget those.
    public var acknowledgedBelow: UInt64
    /// What to do.
    public var operation: Operation

    /// Makes a command.
    public init(
        session: SessionID, sequence: UInt64, acknowledgedBelow: UInt64, operation: Operation
    ) {
        self.session = session
        self.sequence = sequence
        self.acknowledgedBelow = acknowledgedBelow
        self.operation = operation
    }
}

/// What a command does to the replicated state.
///
/// Ids are drawn by the node where the request arrived, so that a retried proposal carries the
/// same ones. Wall times are for display and come from there, too.
public enum Operation: Equatable, Sendable {
    /// A node's start: opens its session, ends the session of its earlier boot.
    case openNodeSession(node: NodeID, incarnation: Incarnation, boot: Boot, at: WallTime)
    /// Opens a session for a client that numbers its own requests.
    case openClientSession
    /// Renews the command's session and does nothing else.
    case keepAlive
    /// Ends every session whose time is over at the entry's stamp; proposed by the leader.
    case expireSessions(at: WallTime)
    /// Makes a room.
    case createRoom(RoomCreation)
    /// Makes a user of a connection a member.
    case join(room: UniqueID, user: String, connection: ConnectionID, at: WallTime)
    /// Ends one membership.
    case leave(room: UniqueID, user: String, connection: ConnectionID, at: WallTime)
    /// Ends all memberships of a connection that is gone.
    case disconnect(connection: ConnectionID, reason: LeaveReason, at: WallTime)
    /// Appends a message to a room's history.
    case send(MessageSubmission)
    /// Begins to delete a room.
    case deleteRoom(RoomDeletion)
    /// Ends a deletion one way or the other; proposed by the leader when the votes are in.
    case decideDeletion(room: UniqueID, transaction: UniqueID, DeletionVerdict)
    /// Something about rooms between clusters.
    case federation(FederationOperation)
    /// Reads or writes a register.
    case register(key: String, RegisterOperation)
}

/// The content of a request for a new room.
public struct RoomCreation: Equatable, Sendable {
    /// The room's id.
    public var id: UniqueID
    /// Its name, unique in the cluster.
    public var name: String
    /// Who asked for it.
    public var creator: String
    /// What it is for; may be empty.
    public var description: String
    /// The node where the request arrived; it administers the room.
    public var admin: NodeID
    /// When it was asked for, for display.
    public var at: WallTime

    /// Makes a creation.
    public init(
        id: UniqueID, name: String, creator: String, description: String, admin: NodeID,
        at: WallTime
    ) {
        self.id = id
        self.name = name
        self.creator = creator
        self.description = description
        self.admin = admin
        self.at = at
    }
}

/// The content of a request to send a message.
public struct MessageSubmission: Equatable, Sendable {
    /// The room.
    public var room: UniqueID
    /// The member who speaks.
    public var user: String
    /// The connection through which the user joined.
    public var connection: ConnectionID
    /// The message's id.
    public var id: UniqueID
    /// The text, 1 to 5,000 characters.
    public var content: String
    /// The client's own name for the message, which makes a retry harmless.
    public var clientMessageID: String?
    /// When it was sent, for display.
    public var at: WallTime

    /// Makes a submission.
    public init(
        room: UniqueID, user: String, connection: ConnectionID, id: UniqueID, content: String,
        clientMessageID: String?, at: WallTime
    ) {
        self.room = room
        self.user = user
        self.connection = connection
        self.id = id
        self.content = content
        self.clientMessageID = clientMessageID
        self.at = at
    }
}

/// Why a member left a room.
public enum LeaveReason: UInt8, Sendable {
    /// The member asked to.
    case requested = 0
    /// The connection is gone.
    case disconnected = 1
    /// The node that held the connection is gone.
    case nodeUnreachable = 2
    /// The member was idle for too long.
    case inactive = 3
}

/// What a request does to a register.
public enum RegisterOperation: Equatable, Sendable {
    /// Replaces the value.
    case set(value: [UInt8])
    /// Replaces the value if the version is the expected one; version 0 means absent.
    case compareAndSet(expectedVersion: UInt64, value: [UInt8])
}

/// A register's content: a value and how often it was written.
public struct RegisterValue: Equatable, Sendable {
    /// The value last written; empty before the first write.
    public var value: [UInt8]
    /// The count of writes; 0 when the register was never written.
    public var version: UInt64

    /// Makes a content; by default that of a register never written.
    public init(value: [UInt8] = [], version: UInt64 = 0) {
        self.value = value
        self.version = version
    }
}

/// What became of a command; the same on every replica.
public enum Outcome: Equatable, Sendable {
    /// Done, with nothing to tell.
    case done
    /// The session is open under this id.
    case sessionOpened(SessionID)
    /// The room exists now.
    case roomCreated(UniqueID)
    /// The member is in; the room's last sequence number at that moment.
    case joined(room: UniqueID, lastSequence: UInt64)
    /// The membership is over.
    case left(room: UniqueID)
    /// The room is on its way out.
    case deletionBegun(transaction: UniqueID)
    /// The room's host was asked; `foreignJoin` tells what it said.
    case joinPending
    /// The message stands in the history.
    case sent(room: UniqueID, id: UniqueID, sequence: UInt64, at: WallTime)
    /// The register was written and has this version.
    case written(version: UInt64)
    /// The register was not written, for its version is this one.
    case versionMismatch(RegisterValue)
    /// Nothing was done.
    case refused(Refusal)
}

/// Why a command was refused by the replicated state.
public enum Refusal: UInt8, Error, Sendable {
    /// No room has this id.
    case roomNotFound = 0
    /// A room has this name already.
    case nameTaken = 1
    /// The user has not joined the room through this connection.
    case notMember = 2
    /// The session is unknown or over; whether the request was done before is unknown.
    case sessionExpired = 3
    /// The request's number is below what its session has acknowledged.
    case alreadyAcknowledged = 4
    /// The node's directory is not the one the membership names.
    case foreignIncarnation = 5
    /// The command is of a kind or form that this version does not know.
    case malformed = 6
    /// Only the creator of a room may delete it.
    case unauthorized = 7
    /// The room is being deleted, or another cluster hosts it.
    case invalidState = 8
    /// The cluster that hosts the room is away.
    case hostUnavailable = 9
    /// The call was overtaken by a later one of the same cluster.
    case superseded = 10
}

/// What applying an entry lets the node know, in order.
public enum StateEffect: Equatable, Sendable {
    /// A request is decided. A duplicate brings the outcome of its first execution.
    case outcome(session: SessionID, sequence: UInt64, Outcome)
    /// A node's session is open (sequence-less, for the node has none before).
    case nodeSessionOpened(node: NodeID, boot: Boot, SessionID)
    /// A node's session ended, by a later boot or by expiry; its memberships ended with it.
    case nodeSessionEnded(node: NodeID, SessionID)
    /// A message was appended to a room's history.
    case message(room: UniqueID, ChatMessage)
    /// A user is a member who was none before. `by` is the connection that did it.
    case memberJoined(
        room: UniqueID, user: String, by: MemberConnection, memberCount: Int, at: WallTime)
    /// A user is no member any more.
    case memberLeft(
        room: UniqueID, user: String, memberCount: Int, reason: LeaveReason, at: WallTime)
    /// A deletion has begun.
    case deletionBegun(room: UniqueID, transaction: UniqueID, by: MemberConnection, user: String)
    /// A room is gone. `asked` by a connection of this cluster, or in a mirror by nobody here.
    case roomDeleted(
        room: UniqueID, name: String, transaction: UniqueID, asked: MemberConnection?,
        without: [ClusterName])
    /// A room stays.
    case deletionAborted(
        room: UniqueID, transaction: UniqueID, asked: MemberConnection, by: ClusterName,
        reason: String)
    /// What became of a join to a room of another cluster.
    case foreignJoin(by: MemberConnection, room: UniqueID, user: String, refused: Refusal?)
    /// A user of this cluster is in a mirrored room no more, which its host must learn.
    case guestLeft(room: UniqueID, host: ClusterName, user: String, reason: LeaveReason)
    /// A mirror's history jumped: what lies between is not known here.
    case historyJumped(room: UniqueID)
}

/// A connection as the whole cluster knows it: the session of its node and its id there.
public struct MemberConnection: Hashable, Comparable, Sendable {
    /// The session of the node that holds the connection.
    public var session: SessionID
    /// The connection's id on that node.
    public var connection: ConnectionID

    /// Makes a reference.
    public init(session: SessionID, connection: ConnectionID) {
        self.session = session
        self.connection = connection
    }

    /// Orders by session, then by connection.
    public static func < (a: MemberConnection, b: MemberConnection) -> Bool {
        (a.session, a.connection) < (b.session, b.connection)
    }
}

/// One message of a room's history.
public struct ChatMessage: Equatable, Sendable {
    /// Its id.
    public var id: UniqueID
    /// Its number in the room, from 1, without gaps.
    public var sequence: UInt64
    /// Who said it.
    public var user: String
    /// What was said.
    public var content: String
    /// When, for display.
    public var at: WallTime

    /// Makes a message.
    public init(id: UniqueID, sequence: UInt64, user: String, content: String, at: WallTime) {
        self.id = id
        self.sequence = sequence
        self.user = user
        self.content = content
        self.at = at
    }
}

/// Bounds that shape the replicated state; equal on all replicas of a cluster.
///
/// Those of histories are what a cluster begins with; `limits` entries of the log change them.
public struct StateLimits: Equatable, Sendable {
    /// The most messages a room's history keeps.
    public var historyCount = 10_000
    /// The most bytes of messages a room's history keeps.
    public var historyBytes = 64 << 20
    /// How long a room's history keeps a message; zero: for ever.
    public var historyAge = Interval.zero
    /// The bytes at which a history block is closed and a new one begun.
    public var historyBlockBytes = 64 << 10
    /// How long a node's session lasts after its last command.
    public var nodeSessionLife = Interval.seconds(15)
    /// How long a client's session lasts after its last command.
    public var clientSessionLife = Interval.seconds(60)
    /// How long a client's own message id is remembered.
    public var messageKeyLife = Interval.seconds(600)
    /// The most message ids remembered a room; the oldest go first.
    public var messageKeyCount = 10_000
    /// The most outcomes a session keeps for requests that were not acknowledged.
    public var outcomesPerSession = 32_768
    /// The most sessions of clients; opening one more ends the one idle longest.
    public var clientSessions = 10_000

    /// Makes the default limits.
    public init() {}
}
