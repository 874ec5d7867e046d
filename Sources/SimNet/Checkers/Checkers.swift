import Protocols

/// All checkers of a world.
///
/// Each call is forwarded to those whom it concerns. The checkers of consensus share one look at
/// the node and one pass over its effects, and see a node's numbers only when one has changed, so
/// that a step costs well under a microsecond.
public struct Checkers: Sendable {
    private var committed = CommittedLog()
    private var glances = PerNode<Glance?>(nil)

    private var electionSafety = ElectionSafety()
    private var termAndVote = TermAndVote()
    private var leaderAppendOnly = LeaderAppendOnly()
    private var logMatching = LogMatching()
    private var leaderCompleteness = LeaderCompleteness()
    private var stateMachineSafety = StateMachineSafety()
    private var committedDurable = CommittedDurable()
    private var stateAgreement = StateAgreement()
    private var memory = Memory()
    private var linearizability = Linearizability()
    private var chat = Chat()
    private var clusterTime: ClusterTimeBound
    private var freshReads = FreshReads()
    private var presence: Presence
    private var answersExamined = 0
    /// The checkers whose word does not count, by their places in `names`.
    private let muted: UInt32

    /// Makes checkers that have seen nothing, for clocks that run fast by at most `drift` parts
    /// per million. What a `muted` one sees is let pass.
    public init(drift: Int64 = 0, muted: [String] = []) {
        clusterTime = ClusterTimeBound(drift: drift)
        presence = Presence(drift: drift)
        self.muted = muted.reduce(0) { $0 | Checkers.bit(of: $1) }
    }

    /// The names of all that can find fault with a run. Those from `answers` on are no checkers of
    /// their own: the world itself sees strange answers, a directory that is refused or wrongly
    /// taken, a node that halts or blames a peer without cause, bytes that cannot be read, states
    /// that differ in the end, and a core that does not serve.
    public static let names =
        [
            ElectionSafety.name, TermAndVote.name, LeaderAppendOnly.name, LogMatching.name,
            LeaderCompleteness.name, StateMachineSafety.name, CommittedDurable.name,
            StateAgreement.name, Memory.name, ClusterTimeBound.name, FreshReads.name,
            Presence.name, Linearizability.name, Chat.name, "answers", "recovery", "halt",
            "peer-fault",
            "addressing",
            "edge", "codec", "convergence", "liveness",
        ] + ClusterCheckers.names

    private static func bit(of name: String) -> UInt32 {
        names.firstIndex(of: name).map { 1 << UInt32($0) } ?? 0
    }

    /// True when the word of this checker does not count.
    public func isMuted(_ name: String) -> Bool { muted & Checkers.bit(of: name) != 0 }

    /// Each checker's name and how often it compared something.
    public var exercised: [(name: String, count: Int)] {
        [
            (ElectionSafety.name, electionSafety.exercised),
            (TermAndVote.name, termAndVote.exercised),
            (LeaderAppendOnly.name, leaderAppendOnly.exercised),
            (LogMatching.name, logMatching.exercised),
            (LeaderCompleteness.name, leaderCompleteness.exercised),
            (StateMachineSafety.name, stateMachineSafety.exercised),
            (CommittedDurable.name, committedDurable.exercised),
            (StateAgreement.name, stateAgreement.exercised),
            (Memory.name, memory.exercised),
            (ClusterTimeBound.name, clusterTime.exercised),
            (FreshReads.name, freshReads.exercised),
            (Presence.name, presence.exercised),
            (Linearizability.name, linearizability.exercised),
            (Chat.name, chat.exercised),
            ("answers", answersExamined),
        ]
    }

    /// How many registers had a history too wide to be searched to the end.
    public var undecided: Int { linearizability.undecided }

    /// The last index that any node knows as committed.
    public var lastCommitted: LogIndex { committed.last }

    /// What a checker saw counts, unless it is muted; a muted one keeps nobody else from looking.
    private func weigh(_ violation: Violation) throws(Violation) {
        if !isMuted(violation.checker) { throw violation }
    }

    // MARK: Nodes

    /// A node is about to handle an event.
    @inline(__always)
    public mutating func steps(_ id: NodeID, _ event: NodeEvent) {
        switch event {
        case .request, .disconnected:
            freshReads.told(id, event, committed: committed.last)
            presence.told(id, event)
        default: break
        }
    }

    /// A node handled an event and put out these effects.
    mutating func stepped(
        _ id: NodeID, _ node: NodeInPlace, _ effects: [NodeEffect], at world: Instant
    ) throws(Violation) {
        let before = glances[id]?.applied
        try look(at: node, id, effects)
        let applied = node.place.pointee.state.applied.index
        if applied != before {
            do {
                try stateAgreement.applied(
                    id, upTo: applied, node.place.pointee.state.rollingDigest)
            } catch { try weigh(error) }
            do {
                try clusterTime.applied(id, node.place.pointee.state.stamp, at: world)
            } catch { try weigh(error) }
        }
        do {
            try presence.stepped(
                id, effects, timeout: node.place.pointee.configuration.limits.inactivityTimeout,
                at: world)
        } catch { try weigh(error) }
        for position in effects.indices {
            guard case .reply(let connection, let message) = effects[position] else { continue }
            do {
                try freshReads.answers(id, connection, message, from: applied)
            } catch { try weigh(error) }
        }
        if memory.isDue() {
            do { try memory.look(id, node.place) } catch { try weigh(error) }
        }
    }

    /// A node stopped without warning; its volatile state is gone.
    public mutating func crashed(_ id: NodeID) throws(Violation) {
        glances[id] = nil
        freshReads.crashed(id)
        presence.crashed(id)
    }

    /// A node came back from what its disk held, or came up for the first time.
    mutating func restarted(_ id: NodeID, _ node: NodeInPlace) throws(Violation) {
        try cameBack(id, node)
        let applied = node.place.pointee.state.applied.index
        if applied > .zero {
            do {
                try stateAgreement.applied(
                    id, upTo: applied, node.place.pointee.state.rollingDigest)
            } catch { try weigh(error) }
        }
    }

    /// Goes on from nodes that nobody watched before, all at one moment; hard states as on disk.
    ///
    /// What they hold, know as committed and claim as durable counts from now on, and must fit
    /// together already. `clusterTime` is the most that any leader's clock may show.
    mutating func adopt(
        _ nodes: [(NodeID, Node, HardState)], clusterTime passed: Interval
    ) throws(Violation) {
        clusterTime.adopt(passed)
        var base = SnapshotPoint.zero
        for (id, node, hardState) in nodes {
            let now = withUnsafePointer(to: node) { NodeInPlace(place: $0).glance }
            if now.start.index > base.index { base = now.start }
            committedDurable.adopt(id, now)
            termAndVote.adopt(id, hardState, now)
        }
        committed = CommittedLog(after: base)
        for (id, node, _) in nodes {
            try withUnsafePointer(to: node) { (node) throws(Violation) in
                try restarted(id, NodeInPlace(place: node))
            }
        }
    }

    // MARK: Clients and the end

    /// A client recorded an observation.
    public mutating func observed(
        _ client: ClientID, _ observation: Observation, at now: Instant
    ) throws(Violation) {
        switch observation {
        case .invoked, .returned, .abandoned:
            do {
                try linearizability.observed(client, observation, at: now)
            } catch { try weigh(error) }
        case .submitted, .acknowledged, .joined, .received, .detached:
            do { try chat.observed(client, observation, at: now) } catch { try weigh(error) }
        }
    }

    /// The run is over, the liveness phase passed: the surviving nodes, converged.
    public mutating func finished(_ nodes: [Node]) throws(Violation) {
        do { try linearizability.finished(nodes) } catch { try weigh(error) }
        do { try stateAgreement.finished(nodes) } catch { try weigh(error) }
        do { try chat.finished(nodes) } catch { try weigh(error) }
    }

    /// Who is in the rooms at the end, as the clients know it.
    public mutating func parted(_ clients: [SimClient], _ nodes: [Node]) throws(Violation) {
        do { try presence.finished(clients, nodes) } catch { try weigh(error) }
    }

    /// What each client holds against the answers it was given, one by one.
    public mutating func answered(_ clients: [SimClient]) throws(Violation) {
        for (number, client) in clients.enumerated() {
            answersExamined += client.answerCount
            guard let surprise = client.surprise, !isMuted("answers") else { continue }
            throw Violation("answers", "client \(number): \(surprise)")
        }
    }

    // MARK: Consensus

    /// Shows the checkers of consensus a replica after a step.
    public mutating func look<R: Replica>(
        at node: borrowing R, _ id: NodeID, _ effects: [NodeEffect]
    ) throws(Violation) {
        let now = node.glance
        for position in effects.indices {
            switch effects[position] {
            case .send(let receiver, .raft(let message)):
                do {
                    try termAndVote.sends(id, to: receiver, message, now)
                } catch { try weigh(error) }
                committedDurable.sends(id, message, now)
                do {
                    try leaderAppendOnly.sends(id, to: receiver, message, now)
                } catch { try weigh(error) }
            case .persist(let write, _):
                do { try committedDurable.writes(id, write, committed) } catch { try weigh(error) }
                do { try logMatching.writes(id, write.entries, node) } catch { try weigh(error) }
            case .send(_, .hello), .saveSnapshot, .compactLog, .reply, .deliver, .close, .note,
                .halt, .call, .abandonCall, .answer:
                break
            }
        }
        let before = glances[id]
        guard before != now else { return }
        glances[id] = now
        try changed(id, from: before, to: now, node)
    }

    /// Shows the checkers of consensus a replica that has just started.
    public mutating func cameBack<R: Replica>(
        _ id: NodeID, _ node: borrowing R
    ) throws(Violation) {
        let now = node.glance
        do { try termAndVote.restarted(id, now) } catch { try weigh(error) }
        do { try committedDurable.restarted(id, now, node, committed) } catch { try weigh(error) }
        do { try logMatching.restarted(id, now, node) } catch { try weigh(error) }
        glances[id] = now
        try changed(id, from: nil, to: now, node)
    }

    private mutating func changed<R: Replica>(
        _ id: NodeID, from before: Glance?, to now: Glance, _ node: borrowing R
    ) throws(Violation) {
        if let before {
            do { try termAndVote.changed(id, from: before, to: now) } catch { try weigh(error) }
            do {
                try leaderAppendOnly.changed(id, from: before, to: now, node)
            } catch { try weigh(error) }
            do {
                try leaderCompleteness.commits(id, from: before, to: now, node)
            } catch { try weigh(error) }
        }
        if now.role == .leader, before?.role != .leader || before?.term != now.term {
            do { try electionSafety.changed(id, to: now) } catch { try weigh(error) }
            do {
                try termAndVote.elected(id, in: now.term, members: node.memberCount)
            } catch { try weigh(error) }
            do {
                try leaderCompleteness.becameLeader(id, now, node, committed)
            } catch { try weigh(error) }
        }
        do { try committedDurable.changed(id, to: now, committed) } catch { try weigh(error) }
        let known = committed.last
        do {
            try stateMachineSafety.changed(id, from: before, to: now, node, &committed)
        } catch { try weigh(error) }
        if committed.last > known {
            do {
                try committedDurable.commits(
                    id, upTo: committed.last, members: node.memberCount, committed)
            } catch { try weigh(error) }
        }
    }
}
