/// What can happen to a node.
public enum NodeEvent: Equatable, Sendable {
    /// The node's deadline has come.
    case tick
    /// A link to a member is open in both directions; what was sent on an earlier link and not
    /// received is lost.
    case peerUp(NodeID)
    /// The link to a member is gone.
    case peerDown(NodeID)
    /// A member sent a message.
    case peer(NodeID, PeerMessage)
    /// Every log write up to this token is durable.
    case persisted(PersistToken)
    /// The snapshot of this token is durable.
    case snapshotSaved(PersistToken)
    /// A client has opened a connection.
    case connected(ConnectionID)
    /// A client asks for something.
    case request(ConnectionID, ClientRequest)
    /// A client's connection is gone.
    case disconnected(ConnectionID)
    /// So many bytes wait to be taken by a client after the driver tried to send.
    case backlog(ConnectionID, bytes: Int)
    /// Another cluster asks for something; every call is answered once, unless the node stops.
    case rpc(IncomingCallID, FederationCall, CallContext)
    /// What became of a call to another cluster; ignored for one that was abandoned.
    case called(CallID, CallResult)
    /// What the wall clock shows; drivers send it with each batch of client events and once a
    /// second at least.
    case wallClock(WallTime)
    /// The operator wants the node to hand over and stop.
    case drain
    /// The operator wants leadership to go to this member, or to the best one; a node that does not
    /// lead does nothing. It is an attempt: what comes of it shows in the roles.
    case transfer(NodeID?)
}

/// What a node wants done.
///
/// Order is a promise per peer (`send`), per connection (`reply`, `deliver`, `close`) and for
/// persists; nothing else is ordered.
public enum NodeEffect: Equatable, Sendable {
    /// Send to a member; may be lost.
    case send(NodeID, PeerMessage)
    /// Make the write durable after all earlier ones, then bring `persisted`.
    case persist(LogWrite, PersistToken)
    /// Make the snapshot durable, then bring `snapshotSaved`.
    case saveSnapshot(Snapshot, PersistToken)
    /// The log up to here is in a durable snapshot; its files may go.
    case compactLog(through: LogIndex)
    /// Answer one client.
    case reply(ConnectionID, ServerMessage)
    /// The same message to many clients.
    case deliver([ConnectionID], ServerMessage)
    /// End a client's connection after what was sent before.
    case close(ConnectionID, CloseReason)
    /// Ask another cluster, then bring `called`. The node watches the time: until it abandons the
    /// call, the driver waits for the answer.
    case call(CallID, ClusterName, FederationCall, CallContext)
    /// Nobody waits for a call's answer any more: free what it holds.
    case abandonCall(CallID)
    /// Answer a call of another cluster.
    case answer(IncomingCallID, FederationAnswer)
    /// Tell the operator.
    case note(Note)
    /// The node must not go on: the driver stops the process.
    case halt(HaltReason)
}

/// Why a node ends a client's connection; each has a WebSocket close code (RFC 6455 section 7.4).
public enum CloseReason: Equatable, Sendable {
    /// The node is being stopped, or its clients must join anew elsewhere: 1012.
    case serviceRestart
    /// The client did not take what was sent to it: 1013.
    case tooSlow

    /// The close code.
    public var code: UInt16 {
        switch self {
        case .serviceRestart: 1012
        case .tooSlow: 1013
        }
    }
}

/// Why a node must not go on.
public enum HaltReason: Equatable, Sendable {
    /// Its state differs from the leader's at this index.
    case diverged(at: LogIndex)
    /// The cluster knows this node with another data directory.
    case wiped(cluster: ClusterID)
    /// The leader's snapshot is of a form that only a later version knows.
    case snapshotUnreadable(at: LogIndex)
    /// The drain is complete.
    case drained
}

/// Something an operator wants to read in the log.
public enum Note: Equatable, Sendable {
    /// The first start waits for members that were not reached yet.
    case waitingForMembers([NodeID])
    /// The first membership is written.
    case bootstrapped(ClusterID)
    /// The node's role or the leader it knows changed.
    case roleChanged(Role, Term, leader: NodeID?)
    /// A peer is refused.
    case peerRefused(NodeID, PeerRefusal)
    /// A member sent what no correct one sends; nothing came of it.
    case peerFaulty(NodeID, PeerFault)
    /// A snapshot was taken up to here.
    case snapshotTaken(SnapshotPoint, bytes: Int)
    /// A snapshot of the leader's was installed.
    case snapshotInstalled(SnapshotPoint, bytes: Int)
    /// A client was dropped for it does not read.
    case slowClientDropped(ConnectionID, bytes: Int)
    /// This node administers so many rooms of a member that is gone.
    case roomsTakenOver(from: NodeID, count: Int)
    /// The leader gave up its role, for its own disk does not complete writes.
    case diskStalled
    /// A cluster that this one is federated with did not answer two heartbeats: its users are out.
    case clusterAway(ClusterName)
    /// It answers again.
    case clusterBack(ClusterName)
    /// Under the address of a cluster another one answers; that is nobody to be federated with.
    case clusterMisnamed(ClusterName, ClusterName)
    /// What became of a room's deletion; `without` did not vote in time.
    case deletionDecided(room: UniqueID, isCommitted: Bool, without: [ClusterName])
    /// All members speak this version now.
    case clusterVersion(UInt32)
}

/// Why a peer is not listened to.
public enum PeerRefusal: Equatable, Sendable {
    /// It belongs to another cluster.
    case foreignCluster(ClusterID)
    /// Its data directory is not the one the membership names.
    case foreignIncarnation
    /// It is no member.
    case notMember
    /// It was configured with other members.
    case membersDiffer
    /// It speaks no version that this node speaks.
    case versions
}

/// A member of the cluster: an id and the data directory that goes with it.
public struct Member: Hashable, Comparable, Sendable {
    /// The id.
    public var id: NodeID
    /// The directory.
    public var incarnation: Incarnation

    /// Makes a member.
    public init(id: NodeID, incarnation: Incarnation) {
        self.id = id
        self.incarnation = incarnation
    }

    /// Orders by id.
    public static func < (a: Member, b: Member) -> Bool { a.id < b.id }
}

/// The first message on every link: who speaks, and what it knows of the cluster.
public struct PeerHello: Equatable, Sendable {
    /// The sender's data directory.
    public var incarnation: Incarnation
    /// The oldest version the sender speaks.
    public var oldestVersion: UInt32
    /// The newest version the sender speaks.
    public var newestVersion: UInt32
    /// The ids the sender was configured with, ascending.
    public var configured: [NodeID]
    /// The first membership, ascending by id; empty before the cluster is bootstrapped.
    public var founders: [Member]

    /// Makes a hello.
    public init(
        incarnation: Incarnation, oldestVersion: UInt32, newestVersion: UInt32,
        configured: [NodeID], founders: [Member]
    ) {
        self.incarnation = incarnation
        self.oldestVersion = oldestVersion
        self.newestVersion = newestVersion
        self.configured = configured
        self.founders = founders
    }
}

/// What members say to each other.
public enum PeerMessage: Equatable, Sendable {
    /// Who speaks; the first message on a link, and again when it changes.
    case hello(PeerHello)
    /// Consensus.
    case raft(RaftMessage)
}
