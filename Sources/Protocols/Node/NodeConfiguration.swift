/// What a node is told at its start. Everything it decides follows from this, from what its
/// directory holds, and from its events.
public struct NodeConfiguration: Equatable, Sendable {
    /// The node's own id; must be among `members`.
    public var id: NodeID
    /// The ids of all members, ascending.
    public var members: [NodeID]
    /// The node's data directory.
    public var incarnation: Incarnation
    /// Which start of that directory this is.
    public var boot: Boot
    /// Where the node's random numbers start; drawn anew at each boot.
    public var seed: UInt64
    /// Consensus: times and limits.
    public var raft = RaftConfiguration()
    /// What shapes the replicated state; equal on all members.
    public var state = StateLimits()
    /// What bounds the node's own work.
    public var limits = NodeLimits()
    /// The clusters this one is federated with.
    public var federation = FederationConfiguration()
    /// The versions this binary speaks.
    public var versions: ClosedRange<UInt32> = 1...1

    /// Makes a configuration with default times and limits.
    public init(
        id: NodeID, members: [NodeID], incarnation: Incarnation, boot: Boot, seed: UInt64
    ) {
        self.id = id
        self.members = members
        self.incarnation = incarnation
        self.boot = boot
        self.seed = seed
    }
}

/// Times and limits of consensus.
public struct RaftConfiguration: Equatable, Sendable {
    /// How often a leader says that it is alive.
    public var heartbeat = Interval.milliseconds(100)
    /// The shortest silence after which a follower campaigns; drawn anew for each wait.
    public var electionLower = Interval.milliseconds(400)
    /// The longest silence after which a follower campaigns.
    public var electionUpper = Interval.milliseconds(800)
    /// How long one write may take before a leader gives up its role.
    public var diskStall = Interval.milliseconds(1_500)
    /// The most appends on their way to one follower.
    public var inflightCount = 256
    /// The most bytes of appends on their way to one follower.
    public var inflightBytes = 4 << 20
    /// The most bytes of entries in one append; a single larger entry still goes alone.
    public var appendBytes = 256 << 10
    /// The most bytes of entries that are not committed; proposals beyond are refused.
    public var uncommittedBytes = 32 << 20
    /// The most bytes of entries kept after a snapshot's point for followers that lag a little.
    public var trailingBytes = 4 << 20

    /// Makes the default configuration.
    public init() {}
}

/// Which clusters a cluster is federated with, and how long it waits for them.
public struct FederationConfiguration: Equatable, Sendable {
    /// This cluster's name among them.
    public var name = ClusterName("")
    /// The others, ascending; the cluster itself is not among them.
    public var peers: [ClusterName] = []
    /// How often each is asked whether it is there.
    public var heartbeatInterval = Interval.seconds(30)
    /// How long an answer to that may take; two that are missed in a row fail a cluster.
    public var heartbeatTimeout = Interval.seconds(2)
    /// How long any other call may take.
    public var callTimeout = Interval.seconds(5)
    /// How long a list of rooms waits for the other clusters.
    public var listTimeout = Interval.seconds(2)
    /// How long a deletion waits for votes; who has not voted by then is not waited for.
    public var voteTimeout = Interval.seconds(5)
    /// How long to wait before a call that failed is made again.
    public var retryPause = Interval.seconds(1)

    /// Makes the configuration of a cluster that is federated with none.
    public init() {}
}

/// What bounds a node's own work.
public struct NodeLimits: Equatable, Sendable {
    /// How long a request may wait for its outcome.
    public var requestTimeout = Interval.seconds(5)
    /// How long a node waits before it proposes again what has no outcome.
    public var proposalRetry = Interval.milliseconds(1_000)
    /// The most requests without an outcome.
    public var pendingRequests = 4_096
    /// The most bytes of requests without an outcome.
    public var pendingBytes = 32 << 20
    /// The most bytes that wait for one client; beyond them it is dropped.
    public var clientBacklog = 4 << 20
    /// The bytes of log after the last snapshot at which a new one is taken.
    public var snapshotLogBytes = 32 << 20
    /// The most bytes of replicated state; requests that would add to it are refused beyond.
    public var stateBytes = 512 << 20
    /// The most entries applied in one step.
    public var applyBatch = 512
    /// How many messages a join without `since` brings.
    public var joinHistory = 100
    /// What histories are to keep when this node leads; `nil`: whatever is in force.
    public var history: HistoryLimits?
    /// How many applied entries lie between two checkpoints of the state digest.
    public var checkpointEntries: UInt64 = 1_024
    /// How long a member may be idle before its memberships end; zero: for ever.
    public var inactivityTimeout = Interval.zero
    /// How often the node looks for idle members.
    public var cleanupInterval = Interval.seconds(60)

    /// The longest span over which a node that stops closes its clients.
    public var drainSpan = Interval.seconds(5)
    /// The most requests of one connection a second; 0: as many as it likes.
    public var rateLimit = 0
    /// The most requests of one connection at once, when it was quiet before.
    public var rateBurst = 1
    /// The most rooms of the cluster; 0: as many as the state has room for. Those under way when
    /// the limit is reached are still made.
    public var roomLimit = 0
    /// The most users in one room; 0: as many as the state has room for, with the same exception.
    public var memberLimit = 0

    /// Makes the default limits.
    public init() {}
}
