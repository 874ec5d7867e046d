import Protocols

/// Plays actions one by one, for starts, for telling a path and for steps that were written down;
/// not for speed. It leaves the same messages in flight as the search does.
struct Stage: Sendable {
    private(set) var row: WorldRow
    private(set) var violation: Violation?
    var steps: [ExploreStep] = []
    private var commands: UInt32 = 0

    /// The members right after the founding: each with the membership as its first entry, durable.
    init(_ table: inout NodeTable) {
        let ids = (1...table.configuration.members).map { NodeID(UInt32($0)) }
        let isChat = table.configuration.world == .chat
        let founding =
            isChat
            ? ChatMember.founding(ids)
            : Entry(
                index: LogIndex(1), term: Term(1), stamp: .zero, kind: .membership, payload: [])
        let durable = DurableState(
            hardState: HardState(term: Term(1)), entries: [founding])
        row = WorldRow(nodes: [])
        for id in ids {
            let settings = table.configuration.raft
            let body: LocalNode.Body =
                isChat
                ? .chat(
                    ChatMember(
                        id, of: ids, boot: Boot(1), durable: durable, settings, now: .zero))
                : .raft(
                    Raft(
                        id: id, boot: Boot(1), voters: ids, durable: durable,
                        configuration: settings, stampFloor: .zero, seed: 1, now: .zero))
            var node = LocalNode(body: body, now: .zero, disk: LocalDisk(durable))
            node.ghost.spoken = Term(1)
            node.ghost.committed = PackedLog(node.raft.log)
            node.ghost.committedIn = Term(1)
            if isChat {
                var outcome = LocalNode.Outcome(table.configuration)
                node.talk(&outcome) { $0.begin(at: $1, into: &$2) }
                violation = violation ?? outcome.violation
            }
            row.nodes.append(table.add(node))
        }
    }

    // MARK: Actions

    /// Takes an action; false when it leads beyond the bounds of term and log, and changes nothing.
    @discardableResult
    mutating func perform(_ action: ActionCode, _ table: inout NodeTable) -> Bool {
        var step = announce(action, table)
        let old = row.nodes[action.member]
        let result = table.step(old, action)
        if result.violation > 0 { violation = table.violations[Int(result.violation) - 1] }
        guard !result.isBeyond else { return false }
        switch action.kind {
        case .deliver, .deliverLate, .drop:
            guard let place = row.flight.firstIndex(of: action.argument) else {
                preconditionFailure("a message that is not in flight")
            }
            row.flight.remove(at: place)
        case .duplicate, .timeout, .heartbeat, .persist, .saveSnapshot, .propose, .takeSnapshot,
            .crash, .wait, .resend, .enter:
            break
        }
        row.nodes[action.member] = result.node
        forget(action.member, table)
        for send in 0..<Int(result.sends) {
            let packet = table.sends[Int(result.firstSend) + send]
            let recipient = Int(table.recipients[Int(packet)])
            if table.configuration.forgetsStale,
                table.isStale(Int(packet), table.facts[Int(row.nodes[recipient])])
            {
                continue
            }
            row.flight.append(packet)
        }
        row.flight.sort()
        step.consequence = Stage.consequence(
            table.facts[Int(old)], table.facts[Int(result.node)])
        steps.append(step)
        return true
    }

    /// Takes from the network what a member will never heed.
    private mutating func forget(_ member: Int, _ table: NodeTable) {
        guard table.configuration.forgetsStale else { return }
        let facts = table.facts[Int(row.nodes[member])]
        row.flight.removeAll {
            Int(table.recipients[Int($0)]) == member && table.isStale(Int($0), facts)
        }
    }

    /// Words for an action, before it is taken.
    func announce(_ action: ActionCode, _ table: NodeTable) -> ExploreStep {
        let name = "node\(action.member + 1)"
        let facts = table.facts[Int(row.nodes[action.member])]
        func packet() -> String { table.packets[Int(action.argument)].text }
        let text: String
        switch action.kind {
        case .deliver: text = "deliver \(packet())"
        case .deliverLate: text = "after a long silence deliver \(packet())"
        case .duplicate: text = "deliver a copy of \(packet())"
        case .drop: text = "lose \(packet())"
        case .timeout:
            text =
                facts.role == .leader
                ? "\(name) hears no quorum for too long"
                : "\(name)'s election time comes"
        case .heartbeat:
            text = "\(name)'s \(facts.role == .leader ? "heartbeat" : "upkeep") time comes"
        case .persist: text = "\(name)'s disk completes a write"
        case .saveSnapshot: text = "\(name)'s disk completes a snapshot"
        case .propose: text = "a client hands \(name) command \(action.argument)"
        case .takeSnapshot: text = "\(name) snapshots its state"
        case .resend: text = "a client sends \(name) command \(action.argument) again"
        case .enter: text = "a client comes to \(name)"
        case .wait: text = "\(name) hears nothing for a long time"
        case .crash:
            let kept = Int(action.argument >> 1)
            text =
                "\(name) crashes and starts again"
                + (facts.writes == 0
                    ? "" : "; \(kept) of \(facts.writes) writes under way reached its disk")
                + (facts.saves == 0
                    ? "" : "; its snapshot \(action.argument & 1 == 1 ? "did" : "did not")")
        }
        return ExploreStep(text: text, consequence: "")
    }

    private static func consequence(_ old: NodeFacts, _ new: NodeFacts) -> String {
        var words: [String] = []
        if new.role != old.role || new.term != old.term {
            words.append("\(new.role) of term \(new.term)")
        }
        if new.log != old.log { words.append("log \(new.log)") }
        if new.committed != old.committed { words.append("committed \(new.committed)") }
        return words.joined(separator: ", ")
    }

    // MARK: Scenes

    /// Plays scenes up to a violation; false when one of them elects nobody.
    mutating func play(_ scenes: [ExploreScene], _ table: inout NodeTable) -> Bool {
        for scene in scenes where violation == nil {
            switch scene {
            case .elect(let leader, let voter):
                guard elect(leader - 1, voter - 1, &table) else { return false }
            case .timeout(let member): perform(ActionCode(.timeout, member - 1), &table)
            case .settle(let one, let other): settle(one - 1, other - 1, &table)
            case .propose(let member):
                perform(ActionCode(.propose, member - 1, commands), &table)
                commands += 1
            case .snapshot(let member):
                perform(ActionCode(.takeSnapshot, member - 1), &table)
                perform(ActionCode(.saveSnapshot, member - 1), &table)
            case .upkeep(let member): perform(ActionCode(.heartbeat, member - 1), &table)
            case .enter(let member): perform(ActionCode(.enter, member - 1), &table)
            case .lose:
                row.flight.removeAll()
                steps.append(ExploreStep(text: "lose all messages in flight", consequence: ""))
            case .forgo(let budget, let count):
                row.used += budget.unit * UInt32(min(count, ExploreBudget.most))
            }
        }
        return true
    }

    private mutating func elect(_ leader: Int, _ voter: Int, _ table: inout NodeTable) -> Bool {
        for _ in 0..<4 where violation == nil {
            perform(ActionCode(.timeout, leader), &table)
            settle(leader, voter, &table) { $0.facts[Int($1.nodes[leader])].role == .leader }
            if table.facts[Int(row.nodes[leader])].role == .leader { return true }
        }
        return violation != nil
    }

    /// Lets two members work with each other until nothing is left to do, or `isDone`.
    private mutating func settle(
        _ one: Int, _ other: Int, _ table: inout NodeTable,
        until isDone: (NodeTable, WorldRow) -> Bool = { _, _ in false }
    ) {
        for _ in 0..<200 where violation == nil {
            if isDone(table, row) { return }
            if let member = [one, other].first(where: { table.facts[Int(row.nodes[$0])].writes > 0 }
            ) {
                perform(ActionCode(.persist, member), &table)
                continue
            }
            guard
                let packet = row.flight.first(where: { number in
                    let packet = table.packets[Int(number)]
                    let ends = [packet.sender, packet.recipient].map { Int($0.rawValue) - 1 }
                    return ends == [one, other] || ends == [other, one]
                })
            else { return }
            let member = Int(table.recipients[Int(packet)])
            let isLate =
                table.manners[Int(packet)] == .vote && table.facts[Int(row.nodes[member])].hopes
            perform(ActionCode(isLate ? .deliverLate : .deliver, member, packet), &table)
        }
    }
}
