import Protocols

/// A world whose faults have stopped: does it elect and serve within a bound?
///
/// Every disk works, every message arrives, and time passes fairly: members' times come in turn, but
/// only while nobody leads. Deterministic.
struct HealedWorld {
    private var nodes: [LocalNode]
    private var flight: [Packet]
    private let configuration: ExploreConfiguration
    private var violation: Violation?

    /// Elections that may fail before the world counts as stuck, for each member.
    static let attemptsPerMember = 4

    /// - Parameter flight: the messages that arrive late; none when they are lost.
    init(nodes: [LocalNode], flight: [Packet], _ configuration: ExploreConfiguration) {
        self.nodes = nodes
        self.flight = flight
        var healed = configuration
        healed.bounds.term = .max
        healed.bounds.losesHeartbeats = false
        healed.flaw = nil
        self.configuration = healed
    }

    /// Runs it; returns what is wrong when it does not serve, or does what must never be.
    mutating func run() -> Violation? {
        let reason = serve()
        if let violation { return violation }
        for member in nodes.indices.dropFirst() {
            let (first, other) = (nodes[0].ghost.committed, nodes[member].ghost.committed)
            guard !first.agrees(with: other),
                !configuration.without.contains(.stateMachineSafety)
            else { continue }
            return Violation(
                ExploreChecker.stateMachineSafety.rawValue,
                "after the faults node1 commits \(first), \(nodes[member].raft.id) commits \(other)"
            )
        }
        return reason.map { Violation(ExploreChecker.liveness.rawValue, $0) }
    }

    private mutating func serve() -> String? {
        settle()
        for attempt in 0..<nodes.count * HealedWorld.attemptsPerMember {
            if violation != nil || serves() { return nil }
            // All wait until they have given up hope; then one is the first whose time comes.
            for member in nodes.indices where nodes[member].raft.role != .leader {
                nodes[member].now = nodes[member].now + configuration.raft.electionLower
            }
            let member = attempt % nodes.count
            if nodes[member].raft.role != .leader { act(ActionCode(.timeout, member)) }
            settle()
        }
        if serves() { return nil }
        return "a healed world does not commit a command: "
            + nodes.map {
                "\($0.raft.id) \($0.raft.role) of term \($0.raft.term.rawValue) "
                    + "\(PackedLog($0.raft.log)) commit \($0.raft.commitIndex.rawValue)"
            }.joined(separator: "; ")
    }

    /// Lets leaders speak twice and hands one a command; true when all members commit it.
    private mutating func serves() -> Bool {
        beat()
        var leader: Int?
        for member in nodes.indices
        where nodes[member].raft.role == .leader
            && nodes[member].raft.term >= leader.map({ nodes[$0].raft.term }) ?? .zero
        {
            leader = member
        }
        guard let leader else { return false }
        let target = nodes[leader].raft.log.lastIndex.next
        act(ActionCode(.propose, leader, 9))
        settle()
        beat()
        beat()
        return nodes.allSatisfy { $0.raft.commitIndex >= target }
    }

    private mutating func beat() {
        for member in nodes.indices where nodes[member].raft.role == .leader {
            // A part of a snapshot whose answer was lost is overdue by now.
            nodes[member].now = nodes[member].now + configuration.raft.electionLower
            act(ActionCode(.heartbeat, member))
        }
        settle()
    }

    /// All writes complete and all messages arrive, first sent first, until nothing is left.
    private mutating func settle() {
        for member in nodes.indices { finishWrites(member) }
        var place = 0
        while place < flight.count, violation == nil {
            let packet = flight[place]
            place += 1
            let member = Int(packet.recipient.rawValue) - 1
            act(ActionCode(.deliver, member), packet)
            precondition(place < 100_000, "members talk without end")
        }
        flight.removeAll()
    }

    private mutating func finishWrites(_ member: Int) {
        var outcome = LocalNode.Outcome(configuration)
        nodes[member].finishWrites(&outcome)
        violation = violation ?? outcome.violation
        flight += outcome.sends
    }

    private mutating func act(_ action: ActionCode, _ packet: Packet? = nil) {
        let outcome = nodes[action.member].perform(action, packet, configuration)
        violation = violation ?? outcome.violation
        flight += outcome.sends
        finishWrites(action.member)
    }
}
