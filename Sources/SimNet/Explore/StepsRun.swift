import Protocols

/// Takes the steps of a run that was written down, and looks at every state as a search does.
///
/// A step that cannot happen is passed over and told: where a bug is mended, the message that it
/// sent is not there, and the rest of the run must hold all the same.
public struct StepsRun: Sendable {
    /// What is run.
    public let steps: Steps
    /// What happened, one line for each step.
    public private(set) var story: [String] = []
    /// What was seen that must never be.
    public private(set) var violation: Violation?
    /// How many steps could not happen.
    public private(set) var passedOver = 0
    private var table: NodeTable
    private var stage: Stage
    private var invariants: Invariants
    private var told = 0

    /// Makes a run that has not begun.
    public init(_ steps: Steps) {
        self.steps = steps
        var world = steps.world
        world.isSymmetric = false
        table = NodeTable(world)
        stage = Stage(&table)
        invariants = Invariants(without: world.without)
    }

    /// Takes all steps, or those up to the first violation.
    public mutating func run() {
        for line in steps.lines where violation == nil { take(line) }
    }

    /// What is not as expected; nil when all is.
    public var disappointment: String? {
        switch (steps.expectation, violation) {
        case (.held, nil): nil
        case (.held, let violation?): "expected held, and it violated \(violation.checker)"
        case (.violation(let checker), nil): "expected violation \(checker), and it held"
        case (.violation(let checker), let violation?):
            checker == violation.checker
                ? nil : "expected violation \(checker), and it violated \(violation.checker)"
        }
    }

    /// A number that stands for all members and messages as they are now.
    public var digest: UInt64 {
        var digest = Digest()
        for node in stage.row.nodes { digest.combine(table.nodePrints[Int(node)]) }
        var messages: UInt64 = 0
        for packet in stage.row.flight { messages &+= table.packetPrints[Int(packet)] }
        digest.combine(messages)
        return digest.value
    }

    // MARK: Steps

    mutating func take(_ line: Steps.Line) {
        switch line {
        case .elect(let leader, let voter): play(.elect(leader + 1, by: voter + 1), line)
        case .settle(let one, let other): play(.settle(one + 1, other + 1), line)
        case .lose: play(.lose, line)
        case .message(let kind, let message):
            guard let packet = find(message) else { return passOver(line, "no such message") }
            perform(ActionCode(kind, message.to, packet), line)
        case .action(let action):
            if let reason = obstacle(to: action) { return passOver(line, reason) }
            perform(action, line)
        case .heal:
            var healer = Healer(table.configuration)
            violation =
                healer.heal(nodes: stage.row.nodes, flight: EmptyCollection(), of: table)
                ?? healer.heal(nodes: stage.row.nodes, flight: stage.row.flight, of: table)
            tell(line)
        }
    }

    private mutating func play(_ scene: ExploreScene, _ line: Steps.Line) {
        guard stage.play([scene], &table) else { return passOver(line, "nobody is elected") }
        violation = stage.violation
        for member in stage.row.nodes.indices { check(member) }
        tell(line)
    }

    private mutating func perform(_ action: ActionCode, _ line: Steps.Line) {
        guard stage.perform(action, &table) else {
            return passOver(line, "terms and logs do not go so far")
        }
        violation = stage.violation
        check(action.member)
        tell(line)
    }

    private mutating func check(_ member: Int) {
        guard violation == nil else { return }
        let (facts, nodes) = (table.facts, stage.row.nodes)
        violation =
            invariants.check(member, count: nodes.count) { facts[Int(nodes[$0])] }
            ?? invariants.checkChat(member, nodes, table.chatFacts)
    }

    private mutating func passOver(_ line: Steps.Line, _ reason: String) {
        passedOver += 1
        story.append("\(line.text)  -- passed over: \(reason)")
    }

    private mutating func tell(_ line: Steps.Line) {
        let changes = stage.steps[told...].map(\.consequence).filter { !$0.isEmpty }
        told = stage.steps.count
        story.append(([line.text] + changes).joined(separator: "  -> "))
        if let violation { story.append("violated \(violation.checker): \(violation.message)") }
    }

    /// Why an action cannot be taken now; nil when it can.
    private func obstacle(to action: ActionCode) -> String? {
        let facts = table.facts[Int(stage.row.nodes[action.member])]
        switch action.kind {
        case .persist where facts.writes == 0: return "no write is under way"
        case .saveSnapshot where facts.saves == 0: return "no snapshot is under way"
        case .heartbeat where !facts.hasUpkeep: return "it does not lead"
        case .propose where !facts.takesCommands, .resend where !facts.takesCommands:
            return table.configuration.world == .chat
                ? "its client has not joined" : "it does not lead"
        case .enter where table.configuration.world != .chat: return "there are no clients"
        case .takeSnapshot where !facts.canTakeSnapshot: return "there is nothing to snapshot"
        case .crash:
            let (kept, saved) = (Int(action.argument >> 1), Int(action.argument & 1))
            return kept > facts.writes || saved > facts.saves
                ? "not so much is being written" : nil
        case .deliver, .deliverLate, .duplicate, .drop, .timeout, .heartbeat, .persist,
            .saveSnapshot, .propose, .takeSnapshot, .wait, .resend, .enter:
            return nil
        }
    }

    // MARK: Messages

    /// The different messages in flight that these words fit.
    private func candidates(_ message: Steps.Message) -> [UInt32] {
        var result: [UInt32] = []
        for number in stage.row.flight where number != result.last {
            let packet = table.packets[Int(number)]
            if Int(packet.sender.rawValue) == message.from + 1,
                Int(packet.recipient.rawValue) == message.to + 1,
                packet.stepWords.starts(with: message.words)
            {
                result.append(number)
            }
        }
        return result
    }

    private func find(_ message: Steps.Message) -> UInt32? {
        let found = candidates(message)
        return message.pick <= found.count ? found[message.pick - 1] : nil
    }

    /// The line for an action whose messages a search numbered.
    func line(of action: ActionCode, _ packets: ContiguousArray<Packet>) -> Steps.Line {
        switch action.kind {
        case .deliver, .deliverLate, .duplicate, .drop:
            let packet = packets[Int(action.argument)]
            var message = Steps.Message(
                from: Int(packet.sender.rawValue) - 1, to: action.member, words: packet.stepWords)
            let mark = packet.abstractDigest(names: table.renamings[0])
            let place = candidates(message).firstIndex { table.packetPrints[Int($0)] == mark }
            guard let place else { preconditionFailure("the path's message is not in flight") }
            message.pick = place + 1
            return .message(action.kind, message)
        case .timeout, .heartbeat, .persist, .saveSnapshot, .propose, .takeSnapshot, .crash, .wait,
            .resend, .enter:
            return .action(action)
        }
    }
}
