import Protocols

/// What the world keeps of one node besides the node itself: its process, its clocks, its disk.
struct Host: Sendable {
    /// Whether there is a process, and whether there can be.
    enum Status: Equatable, Sendable {
        /// The node runs; it may be paused.
        case up
        /// The node crashed or stopped; a restart may be scheduled.
        case down
        /// The directory cannot be used any more, or belongs to nobody: down for good.
        case lost
    }

    /// The node's name.
    let id: NodeID
    /// The host's clocks.
    var clock: HostClock
    /// What is on the disk.
    var disk = Disk()
    /// The identity of the data directory.
    var incarnation: Incarnation
    /// Which start of that directory this is.
    var boot = Boot(0)

    var status = Status.down
    /// Counts starts and stops; events of an earlier life are dropped.
    var life: UInt32 = 0
    /// What came while the node was paused or busy, oldest first.
    var inbox: [Scheduled] = []
    /// How many of the inbox's first events are done.
    var inboxDone = 0
    /// The node takes nothing before this time.
    var busyUntil: Int64 = 0
    /// How long each step takes.
    var stepCost: Int64 = 0
    /// The number of the strike that made it slow.
    var slowedBy = 0
    /// A `wake` is scheduled.
    var wakes = false
    /// Where a crash lies in wait.
    var ambush: Ambush?
    /// When the node wants a tick.
    var deadline: Instant?
    /// The deadline for which a tick is scheduled, on the host's clock.
    var tickFor = Instant.distantFuture
    /// Tells the scheduled tick from those before it.
    var tickEpoch: UInt32 = 0
    /// The last reading of the monotonic clock, which never goes back.
    var lastNow = Instant.zero
    /// The reading of the wall clock that the node was last told.
    var lastWall = WallTime(milliseconds: .min)
    /// The epoch of each client's open connection, 0 where there is none.
    var connected: [UInt32]

    /// The log's and the snapshots' way to the disk.
    var storage = Storage()
    /// Writes take so many times longer.
    var diskFactor: Int64 = 1
    /// The number of the strike that did it.
    var diskSlowedBy = 0
    /// Writes under way are not completed before this time.
    var diskStalled: Int64 = 0
    /// What the next write meets.
    var nextWriteFault: Fault?

    /// The data directory was harmed on purpose, so that it may be refused.
    var isDamaged = false
    /// The directory was emptied; the node must be refused by the others.
    var isWiped = false
    /// The host belongs to the majority that must serve in the liveness phase.
    var isCore = true
    /// The node allows itself too little state.
    var isCramped = false
    /// The newest version that the node's program speaks.
    var version: UInt32 = 1
    /// Nobody starts it again.
    var staysDown = false
    /// Clients cannot reach it before this time.
    var unreachableUntil: Int64 = 0
    /// How long it stays down after the next crash; nil until somebody starts it.
    var downtime: Interval?
    /// The next start dies on its way.
    var stumble: Stumble?

    /// Where the lateness of its ticks is drawn from.
    var ticks: Prng
    /// Where the length of its writes is drawn from.
    var writes: Prng
    /// Where the details of what befalls it are drawn from; each strike begins it anew.
    var fate: Prng
}

/// A start that dies while it mends its directory.
struct Stumble: Sendable {
    var loss: Loss
    var downtime: Interval
}

/// A crash that lies in wait for a step of a kind, since most harm is done around few steps.
struct Ambush: Sendable {
    var kind: StepKind
    /// How many such steps pass by first.
    var left: Int
    /// What it still does.
    var last: LastEffects
    /// What is lost.
    var loss: Loss

    /// True if the step with these effects is of the kind.
    func matches(_ effects: [NodeEffect]) -> Bool {
        guard kind != .any else { return true }
        for effect in effects {
            switch effect {
            case .persist(let write, _):
                switch kind {
                case .hardState: if write.hardState != nil { return true }
                case .entries: if !write.entries.isEmpty { return true }
                case .snapshot: if write.startAfter != nil { return true }
                case .any, .answer: break
                }
            case .saveSnapshot, .compactLog: if kind == .snapshot { return true }
            case .reply, .deliver, .answer: if kind == .answer { return true }
            case .send, .close, .note, .halt, .call, .abandonCall: break
            }
        }
        return false
    }
}

/// One node's writes: those under way and those that gather behind them.
struct Storage: Sendable {
    /// Writes the log's bytes; nil while the node is down.
    var writer: LogWriter?
    /// A batch of the log is begun and still takes what comes before `turnEnds`.
    var isBatchOpen = false
    /// When the turn ends in which the batch was begun.
    var turnEnds: Int64 = 0
    /// The steps under way on the log, done when the write completes.
    var logSteps: [FileOperation] = []
    /// Where the log ends once they are done.
    var logEnd: LogPosition?
    /// The token of the newest write under way.
    var logToken: UInt64 = 0
    var isLogBusy = false
    /// Writes that wait.
    var gathered: [LogWrite] = []
    /// The token of the newest of them.
    var gatheredToken: UInt64 = 0

    /// The steps under way beside the log.
    var sideSteps: [FileOperation] = []
    var isSideBusy = false
    /// What is to be done beside the log, one after the other, the one under way first.
    var side: [SideJob] = []

    /// Something is on its way to the disk that is not synced.
    var isWriting: Bool { !logSteps.isEmpty || !sideSteps.isEmpty || !gathered.isEmpty }

    /// A snapshot is on its way to the disk.
    var isSavingSnapshot: Bool {
        if case .save? = side.first { isSideBusy } else { false }
    }

    /// Makes idle storage.
    init() {}

    /// Makes one batch of what has gathered, unless the node is down. The writer is changed in its
    /// place: of a copy, all would be copied with each batch.
    mutating func closeBatch() {
        if case .none = writer { return }
        isBatchOpen = false
        logSteps = writer!.append(gathered)
        logSteps.append(writer!.syncOperation)
        gathered.removeAll(keepingCapacity: true)
        logToken = gatheredToken
        logEnd = writer!.end
    }
}

/// What a node's disk does beside writing the log.
enum SideJob: Sendable {
    /// To save a snapshot, and say so with the token.
    case save(Snapshot, token: UInt64)
    /// To remove files that a snapshot made superfluous.
    case removal([FileOperation])
}
