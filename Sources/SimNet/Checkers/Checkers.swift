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
    private var answersExamined = 0

    /// Makes checkers that have seen nothing.
    public init() {}

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
            (Linearizability.name, linearizability.exercised),
            (Chat.name, chat.exercised),
            ("answers", answersExamined),
        ]
    }

    /// How many registers had a history too wide to be searched to the end.
    public var undecided: Int { linearizability.undecided }

    /// The last index that any node knows as committed.
    public var lastCommitted: LogIndex { committed.last }

    // MARK: Nodes

    /// A node handled an event and put out these effects.
    public mutating func stepped(
        _ id: NodeID, _ node: borrowing Node, _ effects: [NodeEffect]
    ) throws(Violation) {
        let before = glances[id]?.applied
        try look(at: node, id, effects)
        let applied = node.state.applied.index
        if applied != before {
            try stateAgreement.applied(id, upTo: applied, node.state.rollingDigest)
        }
        if memory.isDue() { try memory.look(id, node) }
    }

    /// A node stopped without warning; its volatile state is gone.
    public mutating func crashed(_ id: NodeID) throws(Violation) {
        glances[id] = nil
    }

    /// A node came back from what its disk held, or came up for the first time.
    public mutating func restarted(_ id: NodeID, _ node: borrowing Node) throws(Violation) {
        try cameBack(id, node)
        let applied = node.state.applied.index
        if applied > .zero {
            try stateAgreement.applied(id, upTo: applied, node.state.rollingDigest)
        }
    }

    // MARK: Clients and the end

    /// A client recorded an observation.
    public mutating func observed(
        _ client: ClientID, _ observation: Observation, at now: Instant
    ) throws(Violation) {
        switch observation {
        case .invoked, .returned, .abandoned:
            try linearizability.observed(client, observation, at: now)
        case .submitted, .acknowledged, .joined, .received, .detached:
            try chat.observed(client, observation, at: now)
        }
    }

    /// The run is over, the liveness phase passed: the surviving nodes, converged.
    public mutating func finished(_ nodes: [Node]) throws(Violation) {
        try linearizability.finished(nodes)
        try stateAgreement.finished(nodes)
        try chat.finished(nodes)
    }

    /// What each client holds against the answers it was given, one by one.
    public mutating func answered(_ clients: [SimClient]) throws(Violation) {
        for (number, client) in clients.enumerated() {
            answersExamined += client.answerCount
            guard let surprise = client.surprise else { continue }
            throw Violation("answers", "client \(number): \(surprise)")
        }
    }

    // MARK: Consensus

    /// Shows the checkers of consensus a replica after a step.
    public mutating func look<R: Replica>(
        at node: borrowing R, _ id: NodeID, _ effects: [NodeEffect]
    ) throws(Violation) {
        let now = node.glance
        for effect in effects {
            switch effect {
            case .send(let receiver, .raft(let message)):
                try termAndVote.sends(id, to: receiver, message, now)
                committedDurable.sends(id, message, now)
                try leaderAppendOnly.sends(id, to: receiver, message, now)
            case .persist(let write, _):
                try committedDurable.writes(id, write, committed)
                try logMatching.writes(id, write.entries, node)
            case .send(_, .hello), .saveSnapshot, .compactLog, .reply, .deliver, .close, .note,
                .halt:
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
        try termAndVote.restarted(id, now)
        try committedDurable.restarted(id, now, node, committed)
        try logMatching.restarted(id, now, node)
        glances[id] = now
        try changed(id, from: nil, to: now, node)
    }

    private mutating func changed<R: Replica>(
        _ id: NodeID, from before: Glance?, to now: Glance, _ node: borrowing R
    ) throws(Violation) {
        if let before {
            try termAndVote.changed(id, from: before, to: now)
            try leaderAppendOnly.changed(id, from: before, to: now, node)
        }
        if now.role == .leader, before?.role != .leader || before?.term != now.term {
            try electionSafety.changed(id, to: now)
            try termAndVote.elected(id, in: now.term, members: node.memberCount)
            try leaderCompleteness.becameLeader(id, now, node, committed)
        }
        try committedDurable.changed(id, to: now, committed)
        let known = committed.last
        try stateMachineSafety.changed(id, from: before, to: now, node, &committed)
        if committed.last > known {
            try committedDurable.commits(
                id, upTo: committed.last, members: node.memberCount, committed)
        }
    }
}
