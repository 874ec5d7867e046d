import Protocols

/// Lets worlds heal: their faults have stopped, so do they elect and serve within a bound?
///
/// ## Overview
/// Every disk works, every message arrives, and time passes fairly: members' times come in turn, but
/// only while nobody leads. What follows from a world is the same every time, so that a world that
/// was met before, on the way of another, need not be followed again.
struct Healer: Sendable {
    /// The steps of members whose faults have stopped; their numbers are not those of the search.
    private var table: NodeTable
    /// The number here of a member's state that the search numbered.
    private var numbers: ContiguousArray<UInt32> = []
    private var packetNumbers: ContiguousArray<UInt32> = []
    /// Settled worlds, each at its attempt, that are known to serve.
    private var known = FlatSet()
    private var nodes: [UInt32] = []
    private var flight: ContiguousArray<UInt32> = []
    private var violation: Violation?

    /// The memory at which the steps that were taken are forgotten and begun anew.
    static let tableBytes = 256 << 20
    /// Elections that may fail before the world counts as stuck, for each member.
    static let attemptsPerMember = 4

    /// - Parameter term: the greatest term that elections may reach; a world that needs more is stuck.
    init(_ configuration: ExploreConfiguration, term: UInt64 = .max) {
        var healed = configuration
        healed.bounds.term = term
        healed.bounds.losesHeartbeats = false
        healed.flaw = nil
        healed.isSymmetric = false
        table = NodeTable(healed)
    }

    /// The memory it takes, as far as it can be told.
    var bytes: Int {
        table.bytes + known.bytes + (numbers.count + packetNumbers.count) * 4
    }

    /// What is wrong with the world when it does not serve, or does what must never be.
    ///
    /// - Parameters:
    ///   - flight: the messages that arrive late; none when they are lost.
    ///   - search: the table that members and messages are numbered in.
    mutating func heal(
        nodes: some Sequence<UInt32>, flight: some Sequence<UInt32>, of search: NodeTable
    ) -> Violation? {
        begin(nodes, flight, search)
        settle()
        for attempt in 0..<self.nodes.count * Healer.attemptsPerMember {
            if violation != nil { break }
            if !known.insert(fingerprint(attempt)) { return nil }
            if serves() { return violation ?? disagreement }
            electNext(attempt)
        }
        return violation ?? disagreement ?? (serves() ? nil : stuck)
    }

    private mutating func begin(
        _ nodes: some Sequence<UInt32>, _ flight: some Sequence<UInt32>, _ search: NodeTable
    ) {
        violation = nil
        if table.bytes > Healer.tableBytes {
            // Worlds that are known go by their fingerprints, which no table numbers.
            table = NodeTable(table.configuration)
            numbers.removeAll(keepingCapacity: true)
            packetNumbers.removeAll(keepingCapacity: true)
        }
        self.nodes.removeAll(keepingCapacity: true)
        self.flight.removeAll(keepingCapacity: true)
        for node in nodes {
            while numbers.count <= Int(node) { numbers.append(.max) }
            if numbers[Int(node)] == .max {
                numbers[Int(node)] = table.add(search.nodes[Int(node)])
            }
            self.nodes.append(numbers[Int(node)])
        }
        for packet in flight {
            while packetNumbers.count <= Int(packet) { packetNumbers.append(.max) }
            if packetNumbers[Int(packet)] == .max {
                packetNumbers[Int(packet)] = table.add(search.packets[Int(packet)])
            }
            self.flight.append(packetNumbers[Int(packet)])
        }
        // In an order that does not depend on how the search numbers messages.
        if self.flight.count > 1 {
            self.flight.sort {
                table.packetPrints[Int($0)] < table.packetPrints[Int($1)]
            }
        }
        for member in self.nodes.indices { finishWrites(member) }
    }

    private func fingerprint(_ attempt: Int) -> UInt64 {
        var sum: UInt64 = 0
        for node in nodes { sum &+= table.nodePrints[Int(node)] }
        var digest = Digest(sum)
        digest.combine(attempt)
        return digest.value
    }

    // MARK: What happens

    /// All wait until they have given up hope; then one is the first whose time comes.
    private mutating func electNext(_ attempt: Int) {
        for member in nodes.indices where facts(member).role != .leader {
            act(ActionCode(.wait, member))
        }
        let member = attempt % nodes.count
        if facts(member).role != .leader { act(ActionCode(.timeout, member)) }
        settle()
    }

    private mutating func serves() -> Bool {
        table.configuration.world == .chat ? servesChat() : servesCommands()
    }

    /// Gives the nodes time to open sessions and their clients time to come back, then has one say
    /// something; true when every client has its answers and was shown all of one and the same room.
    private mutating func servesChat() -> Bool {
        var speaker: Int?
        for _ in 0..<Healer.beats where speaker == nil {
            beat()
            guard nodes.indices.contains(where: { facts($0).role == .leader }) else { return false }
            speaker = nodes.indices.first { facts($0).takesCommands }
        }
        guard let speaker else { return false }
        act(ActionCode(.propose, speaker, Healer.command))
        settle()
        for _ in 0..<Healer.beats {
            beat()
            let first = chatFacts(0).history
            if nodes.indices.allSatisfy({ chatFacts($0).isServed && chatFacts($0).history == first }
            ) {
                return true
            }
        }
        return false
    }

    /// Lets leaders speak twice and hands one a command; true when all members commit it.
    private mutating func servesCommands() -> Bool {
        beat()
        var leader: Int?
        for member in nodes.indices
        where facts(member).role == .leader
            && facts(member).term >= leader.map({ facts($0).term }) ?? 0
        {
            leader = member
        }
        guard let leader else { return false }
        let target = facts(leader).log.last + 1
        act(ActionCode(.propose, leader, Healer.command))
        settle()
        beat()
        beat()
        return nodes.indices.allSatisfy { facts($0).commit >= target }
    }

    /// The number of the command that a healed world must commit.
    private static let command: UInt32 = 8
    /// How often a node's upkeep may be due until it serves.
    private static let beats = 8

    private mutating func beat() {
        for member in nodes.indices where facts(member).hasUpkeep {
            // A part of a snapshot whose answer was lost is overdue by now.
            if facts(member).role == .leader { act(ActionCode(.wait, member)) }
            act(ActionCode(.heartbeat, member))
        }
        settle()
    }

    /// All messages arrive, first sent first, until nothing is left.
    private mutating func settle() {
        var place = 0
        while place < flight.count, violation == nil {
            let packet = flight[place]
            place += 1
            act(ActionCode(.deliver, Int(table.recipients[Int(packet)]), packet))
            precondition(place < 100_000, "members talk without end")
        }
        flight.removeAll(keepingCapacity: true)
    }

    private mutating func act(_ action: ActionCode) {
        take(action)
        finishWrites(action.member)
    }

    private mutating func finishWrites(_ member: Int) {
        while violation == nil {
            if facts(member).writes > 0 {
                take(ActionCode(.persist, member))
            } else if facts(member).saves > 0 {
                take(ActionCode(.saveSnapshot, member))
            } else {
                return
            }
        }
    }

    private mutating func take(_ action: ActionCode) {
        guard violation == nil else { return }
        let step = table.step(nodes[action.member], action)
        if step.violation > 0 { violation = table.violations[Int(step.violation) - 1] }
        if step.isBeyond { violation = stuck }
        nodes[action.member] = step.node
        for send in 0..<Int(step.sends) {
            flight.append(table.sends[Int(step.firstSend) + send])
        }
    }

    // MARK: What is asked

    private func facts(_ member: Int) -> NodeFacts { table.facts[Int(nodes[member])] }

    private func chatFacts(_ member: Int) -> ChatFacts { table.chatFacts[Int(nodes[member])] }

    private var disagreement: Violation? {
        guard !table.configuration.without.contains(.stateMachineSafety) else { return nil }
        for member in nodes.indices.dropFirst() {
            let (first, other) = (facts(0).committed, facts(member).committed)
            guard !first.agrees(with: other) else { continue }
            return Violation(
                ExploreChecker.stateMachineSafety.rawValue,
                "after the faults node1 commits \(first), node\(member + 1) commits \(other)")
        }
        return nil
    }

    private var stuck: Violation {
        Violation(
            ExploreChecker.liveness.rawValue,
            "a healed world does not commit a command: "
                + nodes.indices.map {
                    "node\($0 + 1) \(facts($0).role) of term \(facts($0).term) "
                        + "\(facts($0).log) commit \(facts($0).commit)"
                        + (table.chatFacts.isEmpty ? "" : " \(chatFacts($0).text)")
                }.joined(separator: "; "))
    }
}
