/// The answer to a `FederationCall`.
public enum FederationAnswer: Equatable, Sendable {
    /// To `heartbeat`.
    case heartbeat(HeartbeatAnswer)
    /// To `hostedRooms`.
    case hostedRooms([HostedRoom])
    /// To `joinRoom`: the user is a member; messages ascending by number.
    case joined(HostedRoom, members: [String], messages: [ChatMessage])
    /// To `leaveRoom`, `memberDisconnected`: the user is a member no more.
    case left
    /// To `forwardMessage`: the message stands in the room's history.
    case forwarded(id: UniqueID, sequence: UInt64, at: WallTime)
    /// To `messageBroadcast` and `memberEventBroadcast`: whether it was taken.
    case received(Bool)
    /// To `prepareDeletion`: `nil` for READY, else why not.
    case vote(abort: String?)
    /// To `commitDeletion` and `rollbackDeletion`.
    case finished
    /// To any that can fail: it did.
    case refused(FederationRefusal, String)
}

/// Why a call was refused; the documented error codes.
public enum FederationRefusal: UInt8, Equatable, Sendable {
    /// `INVALID_REQUEST`.
    case invalidRequest = 0
    /// `INVALID_CONTENT`.
    case invalidContent = 1
    /// `ROOM_NOT_FOUND`.
    case roomNotFound = 2
    /// `NOT_IN_ROOM`, to a leave.
    case notInRoom = 3
    /// `NOT_MEMBER`, to a forwarded message.
    case notMember = 4
    /// `ADMIN_NODE_UNAVAILABLE`: the asked cluster has no leader just now; nothing was done.
    case unavailable = 5
    /// `INTERNAL_ERROR` and any code that is not known: what became of it is unknown.
    case unknown = 6
    /// `OUT_OF_ORDER`, to a join: a later call of the caller's was taken before. Nothing was done;
    /// the join may be asked anew, as a later call than all others.
    case outOfOrder = 7
}

/// The answer to a heartbeat.
public struct HeartbeatAnswer: Equatable, Sendable {
    /// Who answers.
    public var name: ClusterName
    /// What its clock shows, for display.
    public var at: WallTime
    /// It understands `CallContext`.
    public var understandsContext: Bool
    /// Which stay of the caller's users this is at the answering cluster, if it knows the caller:
    /// a new number means that all of them were removed meanwhile.
    public var visit: UInt64?

    /// Makes an answer.
    public init(name: ClusterName, at: WallTime, understandsContext: Bool, visit: UInt64?) {
        self.name = name
        self.at = at
        self.understandsContext = understandsContext
        self.visit = visit
    }
}

/// A room as its host shows it to other clusters.
public struct HostedRoom: Equatable, Sendable {
    /// The room's id.
    public var id: UniqueID
    /// Its name.
    public var name: String
    /// What it is for.
    public var description: String
    /// How many users are members.
    public var memberCount: Int
    /// The cluster that hosts it.
    public var host: ClusterName
    /// The XML-RPC address under which the host can be reached, as the host says.
    public var address: String?
    /// In the answer to a join that says what it has: the number of the newest message, for the
    /// history may keep none.
    public var lastSequence: UInt64?

    /// Makes a room.
    public init(
        id: UniqueID, name: String, description: String, memberCount: Int, host: ClusterName,
        address: String? = nil, lastSequence: UInt64? = nil
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.memberCount = memberCount
        self.host = host
        self.address = address
        self.lastSequence = lastSequence
    }
}

/// What became of a call.
public enum CallResult: Equatable, Sendable {
    /// The peer answered.
    case answered(FederationAnswer)
    /// The peer answered with a fault of XML-RPC.
    case fault(code: Int32, String)
    /// Nothing that could be understood came back; whether the call was done is unknown unless
    /// `wasSent` is false.
    case failed(wasSent: Bool)
}
