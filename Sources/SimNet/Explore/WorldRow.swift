import Protocols

/// A state of the world by the numbers of its parts in a `NodeTable`.
struct WorldRow: Equatable, Sendable {
    var nodes: [UInt32]
    var used: UInt32 = 0
    /// Messages in flight, ascending.
    var flight: [UInt32] = []
}

/// The same, inside a level's rows.
struct RowView {
    var nodes: UnsafeBufferPointer<UInt32>
    var used: UInt32
    var flight: UnsafeBufferPointer<UInt32>

    /// How often a budget was used.
    @inline(__always)
    func count(_ budget: ExploreBudget) -> Int { Int(used >> (4 * budget.rawValue) & 15) }

    /// True when a budget is not used up.
    @inline(__always)
    func isLeft(_ budget: ExploreBudget, _ bound: Int) -> Bool {
        count(budget) < min(bound, ExploreBudget.most)
    }
}

/// Plays actions one by one, for starts and for telling a path; not for speed.
struct Stage {
    private(set) var row: WorldRow
    private(set) var violation: Violation?
    var steps: [ExploreStep] = []
    private var commands: UInt32 = 0

    /// The members right after the founding: each with the membership as its first entry, durable.
    init(_ table: inout NodeTable) {
        let ids = (1...table.configuration.members).map { NodeID(UInt32($0)) }
        let founding = Entry(
            index: LogIndex(1), term: Term(1), stamp: .zero, kind: .membership, payload: [])
        let durable = DurableState(
            hardState: HardState(term: Term(1)), entries: [founding])
        row = WorldRow(nodes: [])
        for id in ids {
            let raft = Raft(
                id: id, boot: Boot(1), voters: ids, durable: durable,
                configuration: table.configuration.raft, stampFloor: .zero, seed: 1, now: .zero)
            var node = LocalNode(raft: raft, now: .zero, disk: LocalDisk(durable))
            node.ghost.spoken = Term(1)
            node.ghost.committed = PackedLog(raft.log)
            node.ghost.committedIn = Term(1)
            row.nodes.append(table.add(node))
        }
    }

    // MARK: Actions

    mutating func perform(_ action: ActionCode, _ table: inout NodeTable) {
        var step = announce(action, table)
        let old = row.nodes[action.member]
        switch action.kind {
        case .deliver, .deliverLate, .drop:
            guard let place = row.flight.firstIndex(of: action.argument) else {
                preconditionFailure("a message that is not in flight")
            }
            row.flight.remove(at: place)
        case .duplicate, .timeout, .heartbeat, .persist, .saveSnapshot, .propose, .takeSnapshot,
            .crash:
            break
        }
        let result = table.step(old, action)
        if result.violation > 0 { violation = table.violations[Int(result.violation) - 1] }
        for send in 0..<Int(result.sends) {
            row.flight.append(table.sends[Int(result.firstSend) + send])
        }
        row.flight.sort()
        row.nodes[action.member] = result.node
        step.consequence = Stage.consequence(
            table.facts[Int(old)], table.facts[Int(result.node)])
        steps.append(step)
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
        case .heartbeat: text = "\(name)'s heartbeat time comes"
        case .persist: text = "\(name)'s disk completes a write"
        case .saveSnapshot: text = "\(name)'s disk completes a snapshot"
        case .propose: text = "a client hands \(name) command \(action.argument)"
        case .takeSnapshot: text = "\(name) snapshots its state"
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

    mutating func play(_ scenes: [ExploreScene], _ table: inout NodeTable) {
        for scene in scenes where violation == nil {
            switch scene {
            case .elect(let leader, let voter): elect(leader - 1, voter - 1, &table)
            case .timeout(let member): perform(ActionCode(.timeout, member - 1), &table)
            case .settle(let one, let other): settle(one - 1, other - 1, &table)
            case .propose(let member):
                perform(ActionCode(.propose, member - 1, commands), &table)
                commands += 1
            case .snapshot(let member):
                perform(ActionCode(.takeSnapshot, member - 1), &table)
                perform(ActionCode(.saveSnapshot, member - 1), &table)
            case .lose:
                row.flight.removeAll()
                steps.append(ExploreStep(text: "lose all messages in flight", consequence: ""))
            case .forgo(let budget, let count):
                row.used += budget.unit * UInt32(min(count, ExploreBudget.most))
            }
        }
    }

    private mutating func elect(_ leader: Int, _ voter: Int, _ table: inout NodeTable) {
        for _ in 0..<4 where violation == nil {
            perform(ActionCode(.timeout, leader), &table)
            settle(leader, voter, &table) { $0.facts[Int($1.nodes[leader])].role == .leader }
            if table.facts[Int(row.nodes[leader])].role == .leader { return }
        }
        precondition(violation != nil, "the start of a search elects nobody")
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
