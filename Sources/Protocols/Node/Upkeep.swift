/// When a node does what no event asks for.
struct Upkeep: Equatable, Sendable {
    /// A single member found an empty disk: the cluster begins at the first step.
    var foundAlone = false
    /// The bytes of log applied since the last snapshot was taken.
    var logBytes = 0
    /// The operator wants the node to stop; how far that has come.
    var drain: Drain?
    /// Requests must be proposed again at the end of this step.
    var mustPropose = false
    /// When the node's session was last renewed by a command.
    private(set) var renewedAt: Instant
    /// The last index whose state digest this node proposed as a checkpoint.
    var checkpointed = LogIndex.zero
    /// When the node last asked for a session.
    var openingAt: Instant?
    /// When the periodic work is due.
    private(set) var periodAt: Instant
    /// When the node last looked for idle members.
    private var cleanedAt: Instant
    /// When this node last proposed what histories keep.
    private var proposedLimitsAt: Instant?
    /// When something that could not be finished goes on.
    private(set) var soon: Instant?

    /// How often the periodic work is due.
    static let period = Interval.milliseconds(250)

    init(_ now: Instant) {
        renewedAt = now
        periodAt = now
        cleanedAt = now
    }

    var isDraining: Bool { drain != nil }

    mutating func renewed(_ now: Instant) { renewedAt = now }
    mutating func continueAt(_ time: Instant) { soon = min(soon ?? time, time) }

    /// The time to continue has come: what still cannot be finished asks again.
    mutating func continued(_ now: Instant) {
        if let time = soon, time <= now { soon = nil }
    }

    /// True once a period.
    mutating func isDue(_ now: Instant) -> Bool {
        guard now >= periodAt else { return false }
        periodAt = now + Upkeep.period
        return true
    }

    /// True when no proposal of limits is likely to be under way; one is from now on.
    mutating func mayProposeLimits(_ now: Instant, again pause: Interval) -> Bool {
        if let time = proposedLimitsAt, now - time < pause { return false }
        proposedLimitsAt = now
        return true
    }

    /// True when it is time to look for idle members.
    func isCleanupDue(_ now: Instant, every interval: Interval) -> Bool {
        now - cleanedAt >= interval
    }

    mutating func cleaned(_ now: Instant) { cleanedAt = now }

    func deadline(isLeader: Bool) -> Instant {
        min(periodAt, soon ?? periodAt, drain?.deadline ?? periodAt)
    }
}

extension Node {
    mutating func onTick(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        upkeep.continued(now)
        drive(.tick, now, into: &out)
        expireRequests(now, into: &out)
        sendHistory(now, into: &out)
        goOnDraining(now, into: &out)
        guard halted == nil, upkeep.isDue(now) else { return }
        keepSession(now, into: &out)
        removeIdleMembers(now, into: &out)
        proposePending(
            before: now - configuration.limits.proposalRetry, now, into: &out)
        if raft.role == .leader { keepCluster(now, into: &out) }
    }

    // MARK: The node's own session

    /// Opens the node's session, or renews it when its clients were silent for long.
    private mutating func keepSession(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        guard raft.leader != nil else { return }
        guard session != nil else {
            if let asked = upkeep.openingAt, now - asked < configuration.limits.proposalRetry {
                return
            }
            upkeep.openingAt = now
            let command = Command(
                session: SessionID(0), sequence: 0, acknowledgedBelow: 0,
                operation: .openNodeSession(
                    node: configuration.id, incarnation: configuration.incarnation,
                    boot: configuration.boot, at: wall.read(now)))
            drive(.propose(.command, payload: command.encoded()), now, into: &out)
            return
        }
        if now - upkeep.renewedAt >= configuration.state.nodeSessionLife / 3 {
            submit(.keepAlive, for: nil, now, into: &out)
        }
    }

    // MARK: What the leader does for the cluster

    private mutating func keepCluster(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        if let clusterTime = raft.clusterTime(at: now), let expiry = state.nextSessionExpiry,
            expiry <= clusterTime, session != nil, !requests.hasPendingExpiry
        {
            submit(.expireSessions(at: wall.read(now)), for: nil, now, into: &out)
        }
        if let checkpoint = state.checkpoints.last, checkpoint.index > upkeep.checkpointed {
            upkeep.checkpointed = checkpoint.index
            drive(.propose(.checkpoint, payload: checkpoint.encoded()), now, into: &out)
        }
        if let told = configuration.limits.history, told != state.limits.history,
            upkeep.mayProposeLimits(now, again: configuration.limits.proposalRetry)
        {
            drive(.propose(.limits, payload: told.encoded()), now, into: &out)
        }
        if let version = peering.commonVersion, version > state.clusterVersion {
            let payload = ClusterVersionPayload(clusterVersion: version)
            drive(.propose(.clusterVersion, payload: payload.encoded()), now, into: &out)
        }
    }

    // MARK: Snapshots

    /// Takes a snapshot when enough was applied since the last one and the log is durable here.
    mutating func takeSnapshotIfDue(into out: inout Outbox<NodeEffect>, _ now: Instant) {
        guard upkeep.logBytes >= configuration.limits.snapshotLogBytes,
            state.applied.index <= raft.durableIndex, raft.canTakeSnapshot
        else { return }
        upkeep.logBytes = 0
        let snapshot = Snapshot(point: state.applied, chunks: state.snapshotChunks())
        out.emit(.note(.snapshotTaken(snapshot.point, bytes: snapshot.size)))
        drive(.snapshotTaken(snapshot), now, into: &out)
    }
}
