/// What a node knows of other clusters besides the replicated state: calls under way, who waits for
/// them, and when to ask again. All of it may be lost; `Node+Federation` decides what to do.
struct Federation: Equatable, Sendable {
    /// A call that has no answer yet.
    struct OpenCall: Equatable, Sendable {
        var cluster: ClusterName
        var purpose: Purpose
        var deadline: Instant
    }

    /// What a call is for.
    enum Purpose: Equatable, Sendable {
        /// The leader asks whether the cluster is there.
        case heartbeat
        /// The leader delivers what has this number in the outbox; of a join, since which message.
        case outbox(UInt64, since: UInt64?)
        /// The leader asks for a vote.
        case vote(transaction: UniqueID)
        /// Clients want to know of the cluster's rooms.
        case list
        /// A client says something in a room that the cluster hosts.
        case forward(ConnectionID)
    }

    /// How this node stands with a cluster.
    struct Standing: Equatable, Sendable {
        /// It said that it understands `CallContext`.
        var understandsContext = false
        /// When the leader asks again whether it is there.
        var heartbeatAt: Instant
        /// Heartbeats without an answer in a row, and from when on one more counts.
        var misses = 0
        var missAt: Instant
        /// The leader delivered the outbox up to here.
        var cursor: UInt64 = 0
        /// And has last had the replicas forget it up to here.
        var confirmed: UInt64 = 0
        /// A delivery or a heartbeat is under way.
        var isDelivering = false
        /// It answered a heartbeat of this leadership, so that it is known what it understands.
        var isHeard = false
        var isAsking = false
        /// How often the delivery at the cursor was answered with an error that says nothing.
        var faults = 0
        /// When the leader may deliver again after a failure, and how long it waits after the next.
        var retryAt: Instant
        var pause = Federation.shortestPause
        /// When the leader may say again what it found out.
        var proposeAt: Instant
        /// A list of its rooms is under way.
        var isListing = false
    }

    /// A message on its way to a room's host; one at a time for each connection keeps their order.
    struct Forward: Equatable, Sendable {
        var connection: ConnectionID
        var room: UniqueID
        var user: String
        var content: String
        var clientMessageID: String?
        /// The name under which the host knows the message, so that a retry is harmless.
        var key: String
        var host: ClusterName
        var deadline: Instant
        var isCalled = false
        var retryAt: Instant
        /// It was sent at least once, so it may have happened.
        var mayHaveHappened = false
    }

    /// A join whose room's host was asked through the outbox.
    struct WaitingJoin: Equatable, Sendable {
        var pending: PendingCommand
        var connection: ConnectionID
        var room: UniqueID
        var user: String
        var deadline: Instant
    }

    /// Somebody who wants to know the rooms of other clusters.
    struct Listing: Equatable, Sendable {
        enum Asker: Equatable, Sendable {
            /// A client that asked for all rooms; these are the cluster's own.
            case discovery(ConnectionID, own: [RoomSummary])
            /// A client that wants to join a room which this cluster does not know.
            case join(PendingCommand, UniqueID)
        }

        var asker: Asker
        var waitingFor: [ClusterName]
        var rooms: [HostedRoom] = []
        var reach: Reach
    }

    /// The votes on a deletion, as far as the leader has asked for them.
    struct Votes: Equatable, Sendable {
        var ready: [ClusterName] = []
        var asked: [ClusterName] = []
        var retryAt: Instant
        /// When the decision may be proposed again.
        var proposeAt: Instant
    }

    private(set) var calls = OrderedMap<CallID, OpenCall>()
    private var lastCall: UInt64 = 0
    var standings = SortedMap<ClusterName, Standing>()
    var forwards: [Forward] = []
    var joins: [WaitingJoin] = []
    var listings: [Listing] = []
    var votes = OrderedMap<UniqueID, Votes>()
    /// The hosts of rooms that were listed; beyond the bound that of the least id goes.
    private(set) var hosts = OrderedMap<UniqueID, ClusterName>()
    /// This node leads, and acts for the cluster.
    var isLeading = false
    /// When something is to be done at the latest.
    var wakeAt: Instant?

    /// The most rooms whose hosts are remembered.
    static let hostLimit = 10_000

    init(_ configuration: FederationConfiguration, _ now: Instant) {
        for peer in configuration.peers {
            standings[peer] = Standing(
                heartbeatAt: now, missAt: now, retryAt: now, proposeAt: now)
        }
    }

    /// True when there is anybody to be federated with.
    var isActive: Bool { standings.count > 0 }

    /// The first pause after a delivery that failed; each further one is twice as long.
    static let shortestPause = Interval.milliseconds(20)
    /// How often a delivery is repeated that the other answers with an error that says nothing; a
    /// peer that never learns to take it must not hold up all that follows.
    static let maximumFaults = 10

    func hasGivenUp(_ peer: ClusterName) -> Bool {
        guard let standing = standings[peer], !standing.understandsContext else { return false }
        return standing.faults >= Federation.maximumFaults
    }

    /// How many clients wait for other clusters.
    var waitingCount: Int { forwards.count + joins.count + listings.count }

    /// True while a client waits for another cluster.
    func isWaiting(_ connection: ConnectionID) -> Bool {
        forwards.contains { $0.connection == connection }
            || joins.contains { $0.connection == connection }
            || listings.contains {
                switch $0.asker {
                case .discovery(connection, _): true
                case .discovery: false
                case .join(let pending, _): pending.connection == connection
                }
            }
    }

    mutating func open(_ call: OpenCall) -> CallID {
        lastCall += 1
        calls[CallID(lastCall)] = call
        return CallID(lastCall)
    }

    mutating func close(_ id: CallID) -> OpenCall? { calls.removeValue(forKey: id) }

    mutating func remember(_ rooms: [HostedRoom], of host: ClusterName) {
        for room in rooms {
            if hosts.count >= Federation.hostLimit { _ = hosts.popFirst() }
            hosts[room.id] = host
        }
    }

    mutating func forget(_ room: UniqueID) { hosts[room] = nil }

    func digest(into digest: inout Digest) {
        guard isActive else { return }
        digest.combine(lastCall)
        digest.combine(calls.count)
        digest.combine(waitingCount)
        digest.combine(isLeading)
        for (_, standing) in standings {
            digest.combine(standing.cursor)
            digest.combine(standing.misses)
            digest.combine(standing.understandsContext)
        }
    }
}
