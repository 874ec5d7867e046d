import Protocols

/// What a search must see never happen, by the names in reports.
public enum ExploreChecker: String, CaseIterable, Sendable {
    /// At most one leader in a term (Raft section 5.2).
    case electionSafety = "election-safety"
    /// A leader has the votes of a majority (Raft section 5.2).
    case electedByMajority = "elected-by-majority"
    /// One vote in a term, and no term back, over crashes too (Raft figure 2).
    case termAndVote = "term-and-vote"
    /// What a member says binds it is on its disk (section 5 of the design).
    case durableClaims = "durable-claims"
    /// Logs with one equal entry are equal before it (Raft section 5.3).
    case logMatching = "log-matching"
    /// What a leader knows of a follower's log is true (Raft section 5.3).
    case matchIndex = "match-index"
    /// A leader has everything that was committed (Raft section 5.4).
    case leaderCompleteness = "leader-completeness"
    /// No two members commit different entries at one index (Raft section 5.4.3).
    case stateMachineSafety = "state-machine-safety"
    /// What is committed is on the disks of a majority (Raft section 5.4.2).
    case committedDurable = "committed-durable"
    /// From every state a healed world elects and serves.
    case liveness = "liveness"
    /// In a room all see one order without gap or double; what was acknowledged is there for ever.
    case chat = "chat"
}

/// How far a search goes. Each number but `term`, `depth` and `flight` is a budget of a whole path.
public struct ExploreBounds: Equatable, Sendable {
    /// The greatest term; what goes beyond is cut off.
    public var term: UInt64 = 3
    /// Elections started by silence, and leaders that lose their quorum.
    public var timeouts = 2
    /// Commands that clients hand to leaders.
    public var proposals = 0
    /// Messages that arrive twice.
    public var duplicates = 0
    /// Messages lost. A message that never arrives costs nothing: it need not be lost.
    public var drops = 0
    /// Crashes, each with a restart.
    public var crashes = 0
    /// Heartbeats, beside those of a new leader; in worlds of nodes, upkeep of any member.
    public var heartbeats = 0
    /// The heartbeats of a new leader are lost: its first appends say the same.
    public var losesHeartbeats = false
    /// Snapshots taken.
    public var snapshots = 0
    /// Messages that a client sends again, at the same node or at another.
    public var resends = 0
    /// The most messages in flight; what goes beyond is cut off.
    public var flight = 24
    /// The most actions after the start of a path.
    public var depth = 200

    /// Makes the default bounds.
    public init() {}
}

/// What a path may use so and so often.
public enum ExploreBudget: UInt32, Sendable {
    case timeouts, proposals, duplicates, drops, crashes, heartbeats, snapshots, resends

    /// What one use adds to a count of four bits for each budget.
    var unit: UInt32 { 1 << (4 * rawValue) }
    /// The most that can be counted.
    public static let most = 15
}

/// How a search begins: what happens first, without a choice. Each scene is a run of actions that
/// the machines really take.
public enum ExploreScene: Equatable, Sendable {
    /// A member gets elected by the votes of another; timeouts are taken as often as it needs.
    case elect(Int, by: Int)
    /// A member's election time comes; a leader finds no quorum and follows.
    case timeout(Int)
    /// The messages between two members arrive, and their disks work, until nothing is left.
    case settle(Int, Int)
    /// A client hands a leader a command.
    case propose(Int)
    /// A member snapshots its state, durably.
    case snapshot(Int)
    /// A member's short time comes: a heartbeat, a node's upkeep.
    case upkeep(Int)
    /// A client connects to a member and joins the room, which the first one makes.
    case enter(Int)
    /// All messages in flight are lost.
    case lose
    /// Paths from this start get so much less of a budget.
    case forgo(ExploreBudget, Int)
}

/// A named search: members, starts, bounds.
public struct ExploreConfiguration: Sendable {
    /// A disk's breach of promise, for searches that must fail.
    public enum Flaw: Equatable, Sendable {
        /// A crash loses the vote.
        case voteForgotten
    }

    /// What a member is.
    public enum World: Equatable, Sendable {
        /// Consensus alone; commands are numbers.
        case consensus
        /// A whole node with a client in a chat room; commands are its messages.
        case chat
    }

    /// The name.
    public var name: String
    /// What a member is.
    public var world = World.consensus
    /// How many members there are, 1 to 5.
    public var members: Int
    /// How far to go.
    public var bounds: ExploreBounds
    /// The starts; a search begins at all of them.
    public var starts: [[ExploreScene]] = [[]]
    /// Every write is durable at once: halves the work where no member crashes.
    public var writesAtOnce = false
    /// Messages that no member will ever heed again count as gone, as far as their term shows it.
    public var forgetsStale = true
    /// How many parts a snapshot has.
    public var snapshotParts = 1
    /// Members that differ in their ids alone count as equal.
    public var isSymmetric = true
    /// One state of so many is tried for liveness; 0: none.
    public var livenessSample: UInt64 = 1
    /// The checkers that are switched off.
    public var without: [ExploreChecker] = []
    /// The most memory that the search's tables may take, in bytes.
    public var memory = 2 << 30
    /// What is broken on purpose.
    public var flaw: Flaw?
    /// Times and limits of the machines: time passes in whole leaps, one entry goes in an append,
    /// nothing is kept behind a snapshot.
    public var raft: RaftConfiguration = {
        var raft = RaftConfiguration()
        raft.heartbeat = .microseconds(1)
        raft.electionLower = .seconds(1)
        raft.electionUpper = .seconds(100_000)
        raft.diskStall = .seconds(1_000_000_000)
        raft.appendBytes = 1
        raft.inflightCount = 2
        raft.trailingBytes = 0
        return raft
    }()

    /// Makes a configuration.
    public init(_ name: String, members: Int, bounds: ExploreBounds) {
        precondition((1...5).contains(members), "a search has one to five members")
        self.name = name
        self.members = members
        self.bounds = bounds
    }
}
