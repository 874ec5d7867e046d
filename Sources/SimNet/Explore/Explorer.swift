import Protocols

/// Tries everything that can happen to a few members, breadth first, up to stated bounds.
///
/// ## Overview
/// A state is the members with their disks, the messages in flight and what is used up of the
/// bounds. It is a row of numbers: members and messages are kept once in a `NodeTable`. Two states
/// with one fingerprint count as one. Fingerprints are sums over members and messages, so that a
/// child's follows from its parent's; the least over all renamings of the members stands for all
/// of them, which is sound because a member treats the others alike.
///
/// ## Function
/// Time is left out: a member's clock moves when its own time comes (`timeout`, `heartbeat`), or by
/// as much as ends its hope of a leader (`deliverLate`). A crash includes the restart, for a member
/// that is down differs from a silent one in nothing that others see. Loss needs no action:
/// whatever can happen after a loss can happen while the message is still on its way.
///
/// The first violation has a path that is as short as any. Only the present level's states are
/// kept; of all others there are fingerprint, parent and action.
public struct Explorer: Sendable {
    /// What is searched.
    public let configuration: ExploreConfiguration
    var table: NodeTable
    var invariants: Invariants
    private var visited = FlatSet()
    private(set) var parents: ContiguousArray<UInt32> = []
    private(set) var actions: ContiguousArray<UInt32> = []
    private var next: ContiguousArray<UInt32> = []
    private var counts = ExploreCounts()
    private(set) var found: (violation: Violation, parent: UInt32, action: UInt32)?
    /// The first healing world that was stuck, or did what must never be. The search goes on without
    /// healing, for a way there that it takes step by step tells more; without one, this counts.
    private var inHealing: (violation: Violation, parent: UInt32, action: UInt32)?
    /// The count of states at which it stops looking for such a way.
    private var enough = Int.max
    private static let statesAfterHealing = 2_000_000
    /// The sums of the state under expansion, one for each renaming.
    private var sums: [UInt64]
    /// Of the action under way: the places of messages that leave the network, and those that enter.
    private var gone: ContiguousArray<Int> = []
    private var come: ContiguousArray<UInt32> = []
    private var healer: Healer
    private var trapWatch: TrapWatch?
    /// The start and the actions that lead to the violation, once there is one.
    private(set) var shortest: (start: Int, actions: [ActionCode])?
    /// Fingerprints in order of discovery, for tests; kept only when asked for.
    var keepsPrints = false
    private(set) var prints: [UInt64] = []

    /// Told before each step that a machine really takes: the state's number and the action.
    public typealias TrapWatch = @Sendable (_ state: UInt32, _ action: UInt32) -> Void

    /// Makes a search.
    ///
    /// - Parameter trapWatch: told before each step that a machine really takes, so that whoever
    ///   catches a trap can say which one it was.
    public init(_ configuration: ExploreConfiguration, trapWatch: TrapWatch? = nil) {
        self.configuration = configuration
        self.trapWatch = trapWatch
        table = NodeTable(configuration)
        invariants = Invariants(without: configuration.without)
        healer = Healer(configuration)
        sums = [UInt64](repeating: 0, count: table.renamings.count)
    }

    // MARK: The search

    /// Searches until everything within the bounds was seen, or a violation, or the memory's end.
    ///
    /// - Parameters:
    ///   - trap: a state and an action at which the search ends, taken for a violation: where an
    ///     earlier run of the same search ended in a trap.
    ///   - progress: called every few ten thousand states; false ends the search.
    public mutating func run(
        trap: (state: UInt32, action: UInt32)? = nil,
        progress: (ExploreCounts) -> Bool = { _ in true }
    ) -> ExploreResult {
        var level = begin()
        var first: UInt32 = 0
        var ending = ExploreEnding.complete
        search: while found == nil, !level.isEmpty, counts.states < enough {
            guard counts.depth < configuration.bounds.depth else {
                ending = .deepest
                break
            }
            next.removeAll(keepingCapacity: true)
            var number = first
            let following = UInt32(parents.count)
            var place = 0
            while place < level.count {
                if let trap, trap.state == number { reach(trap) }
                place = expand(level, place, number)
                if found != nil { break search }
                number += 1
                if number & 0x3FFF == 0 {
                    counts.memory = memory(level.count)
                    if counts.memory > configuration.memory {
                        ending = .memory
                        break search
                    }
                    if !progress(counts) {
                        ending = .stopped
                        break search
                    }
                }
            }
            counts.levels.append(parents.count - Int(following))
            if !next.isEmpty { counts.depth += 1 }
            swap(&level, &next)
            first = following
        }
        found = found ?? inHealing
        return finish(ending, level.count)
    }

    /// The place of an earlier run's trap is reached.
    private mutating func reach(_ trap: (state: UInt32, action: UInt32)) {
        if trap.action == .max {
            let text = "a machine traps once the faults have stopped"
            inHealing = (Violation("precondition", text), trap.state, .max)
            enough = counts.states + Explorer.statesAfterHealing
        } else {
            let text = "the machine traps in the last action"
            found = (Violation("precondition", text), trap.state, trap.action)
        }
    }

    private func memory(_ level: Int) -> Int {
        visited.bytes + parents.count * 8 + (level + next.count) * 4 + table.bytes
            + healer.bytes
    }

    private mutating func finish(_ ending: ExploreEnding, _ level: Int) -> ExploreResult {
        counts.memory = memory(level)
        counts.members = table.nodes.count
        counts.messages = table.packets.count
        counts.steps = table.stepCount
        var checkers: [ExploreResult.Exercised] = []
        for (place, checker) in ExploreChecker.allCases.enumerated() {
            checkers.append(.init(checker: checker, count: invariants.exercised[place]))
        }
        guard let found else {
            return ExploreResult(
                counts: counts, ending: ending, checkers: checkers, violation: nil, path: [])
        }
        let path = path(to: found.parent, found.action)
        let isHealed = found.action == .max && found.parent != .max
        shortest = path
        return ExploreResult(
            counts: counts, ending: .violated, checkers: checkers, violation: found.violation,
            path: describe(path),
            steps: Steps(
                path, packets: table.packets, endsHealed: isHealed, violation: found.violation,
                in: configuration))
    }

    /// Enters the starts; returns the rows of the first level.
    private mutating func begin() -> ContiguousArray<UInt32> {
        next.removeAll()
        for (number, scenes) in configuration.starts.enumerated() {
            var stage = Stage(&table)
            let isPlayed = stage.play(scenes, &table)
            precondition(isPlayed, "a start of \(configuration.name) elects nobody")
            if let violation = stage.violation, found == nil {
                found = (violation, .max, UInt32(number))
            }
            let row = stage.row
            computeSums(row)
            guard visited.insert(fingerprint(used: row.used)) else { continue }
            enter(row, parent: .max, action: UInt32(number))
            for place in row.nodes.indices { check(row.nodes, place, .max, UInt32(number)) }
        }
        counts.levels = [parents.count]
        defer { next.removeAll() }
        return next
    }

    private mutating func computeSums(_ row: WorldRow) {
        for renaming in sums.indices {
            var sum: UInt64 = 0
            for node in row.nodes { sum &+= table.nodePrints[Int(node) * sums.count + renaming] }
            for packet in row.flight {
                sum &+= table.packetPrints[Int(packet) * sums.count + renaming]
            }
            sums[renaming] = sum
        }
    }

    /// The fingerprint of a state with these sums; the least of them stands for all renamings.
    @inline(__always)
    private func fingerprint(used: UInt32) -> UInt64 {
        Explorer.mix(sums.min() ?? 0, used)
    }

    @inline(__always)
    private static func mix(_ sum: UInt64, _ used: UInt32) -> UInt64 {
        var digest = Digest(sum)
        digest.combine(UInt64(used))
        return digest.value
    }

    private mutating func enter(_ row: WorldRow, parent: UInt32, action: UInt32) {
        if keepsPrints { prints.append(fingerprint(used: row.used)) }
        parents.append(parent)
        actions.append(action)
        counts.states += 1
        next.append(contentsOf: row.nodes)
        next.append(row.used)
        next.append(UInt32(row.flight.count))
        next.append(contentsOf: row.flight)
    }

    private mutating func check(
        _ nodes: [UInt32], _ changed: Int, _ parent: UInt32, _ action: UInt32
    ) {
        guard found == nil else { return }
        let facts = table.facts
        let violation =
            invariants.check(changed, count: nodes.count) { facts[Int(nodes[$0])] }
            ?? invariants.checkChat(changed, nodes, table.chatFacts)
        if let violation { found = (violation, parent, action) }
    }

    // MARK: One state

    /// Takes every action that is possible in the state at `place`; returns where the next begins.
    private mutating func expand(
        _ level: ContiguousArray<UInt32>, _ place: Int, _ number: UInt32
    ) -> Int {
        let members = configuration.members
        let flightCount = Int(level[place + members + 1])
        let end = place + members + 2 + flightCount
        level.withUnsafeBufferPointer { rows in
            let row = RowView(
                nodes: UnsafeBufferPointer(rebasing: rows[place..<place + members]),
                used: rows[place + members],
                flight: UnsafeBufferPointer(rebasing: rows[place + members + 2..<end]))
            for renaming in sums.indices {
                var sum: UInt64 = 0
                for node in row.nodes {
                    sum &+= table.nodePrints[Int(node) * sums.count + renaming]
                }
                for packet in row.flight {
                    sum &+= table.packetPrints[Int(packet) * sums.count + renaming]
                }
                sums[renaming] = sum
            }
            deliverAll(row, number)
            for member in 0..<members where found == nil { act(row, member, number) }
            if configuration.livenessSample > 0, found == nil, inHealing == nil,
                fingerprint(used: row.used) % configuration.livenessSample == 0
            {
                tryLiveness(row, number)
            }
        }
        return end
    }

    private mutating func deliverAll(_ row: RowView, _ number: UInt32) {
        let bounds = configuration.bounds
        var last = UInt32.max
        for place in row.flight.indices where row.flight[place] != last && found == nil {
            last = row.flight[place]
            let packet = Int(last)
            let member = Int(table.recipients[packet])
            let facts = table.facts[Int(row.nodes[member])]
            attempt(row, number, ActionCode(.deliver, member, last), removing: place)
            let isLate =
                switch table.manners[packet] {
                case .vote: facts.hopes
                case .heartbeatAnswer: facts.sendsSnapshot
                case .other: false
                }
            if isLate {
                attempt(row, number, ActionCode(.deliverLate, member, last), removing: place)
            }
            if row.isLeft(.duplicates, bounds.duplicates) {
                attempt(
                    row, number, ActionCode(.duplicate, member, last), uses: .duplicates)
            }
            if row.isLeft(.drops, bounds.drops) {
                attempt(
                    row, number, ActionCode(.drop, member, last), removing: place, uses: .drops)
            }
        }
    }

    private mutating func act(_ row: RowView, _ member: Int, _ number: UInt32) {
        let bounds = configuration.bounds
        let facts = table.facts[Int(row.nodes[member])]
        if facts.writes > 0 { attempt(row, number, ActionCode(.persist, member)) }
        if facts.saves > 0 { attempt(row, number, ActionCode(.saveSnapshot, member)) }
        if row.isLeft(.timeouts, bounds.timeouts) {
            attempt(row, number, ActionCode(.timeout, member), uses: .timeouts)
        }
        if facts.hasUpkeep, row.isLeft(.heartbeats, bounds.heartbeats) {
            attempt(row, number, ActionCode(.heartbeat, member), uses: .heartbeats)
        }
        if facts.takesCommands {
            let commands = UInt32(row.count(.proposals))
            if row.isLeft(.proposals, bounds.proposals) {
                attempt(row, number, ActionCode(.propose, member, commands), uses: .proposals)
            }
            if row.isLeft(.resends, bounds.resends) {
                for command in stride(from: 0, to: commands, by: 2) {
                    attempt(row, number, ActionCode(.resend, member, command), uses: .resends)
                }
            }
        }
        if facts.canTakeSnapshot, row.isLeft(.snapshots, bounds.snapshots) {
            attempt(row, number, ActionCode(.takeSnapshot, member), uses: .snapshots)
        }
        if row.isLeft(.crashes, bounds.crashes) {
            for kept in 0...facts.writes {
                for saved in 0...min(1, facts.saves) {
                    let survival = UInt32(kept << 1 | saved)
                    attempt(row, number, ActionCode(.crash, member, survival), uses: .crashes)
                }
            }
        }
    }

    // MARK: One action

    /// Takes an action and enters the state that it leads to, if that is new and within bounds.
    private mutating func attempt(
        _ row: RowView, _ number: UInt32, _ action: ActionCode, removing: Int? = nil,
        uses budget: ExploreBudget? = nil
    ) {
        guard found == nil else { return }
        counts.transitions += 1
        let old = row.nodes[action.member]
        let step: NodeTable.Step
        if let known = table.knownStep(old, action) {
            step = known
        } else {
            trapWatch?(number, action.bits)
            step = table.step(old, action)
        }
        if step.violation > 0 {
            found = (table.violations[Int(step.violation) - 1], number, action.bits)
            return
        }
        guard !step.isBeyond else {
            counts.cutByTerm += 1
            return
        }
        moveMessages(row, action.member, old, step, removing)
        guard row.flight.count - gone.count + come.count <= configuration.bounds.flight else {
            counts.cutByFlight += 1
            return
        }
        let used = budget.map { row.used + $0.unit } ?? row.used
        let mark = fingerprint(row, old, step.node, used)
        guard visited.insert(mark) else { return }
        if keepsPrints { prints.append(mark) }
        enter(row, number, action, step.node, used)
    }

    /// Finds which messages an action takes from the network and which it adds.
    @inline(__always)
    private mutating func moveMessages(
        _ row: RowView, _ member: Int, _ old: UInt32, _ step: NodeTable.Step, _ removing: Int?
    ) {
        gone.removeAll(keepingCapacity: true)
        come.removeAll(keepingCapacity: true)
        if let removing { gone.append(removing) }
        if configuration.forgetsStale, step.node != old {
            let (before, after) = (table.facts[Int(old)], table.facts[Int(step.node)])
            if before.durableTerm != after.durableTerm || before.role != after.role
                || before.term != after.term
            {
                for place in row.flight.indices where place != removing {
                    let packet = Int(row.flight[place])
                    if Int(table.recipients[packet]) == member, table.isStale(packet, after) {
                        gone.append(place)
                    }
                }
            }
        }
        for send in 0..<Int(step.sends) {
            let packet = table.sends[Int(step.firstSend) + send]
            let recipient = Int(table.recipients[Int(packet)])
            if configuration.forgetsStale,
                table.isStale(Int(packet), table.facts[Int(row.nodes[recipient])])
            {
                continue
            }
            come.append(packet)
        }
    }

    @inline(__always)
    private func fingerprint(
        _ row: RowView, _ old: UInt32, _ new: UInt32, _ used: UInt32
    ) -> UInt64 {
        let stride = sums.count
        var least = UInt64.max
        for renaming in 0..<stride {
            var sum = sums[renaming]
            if new != old {
                sum &-= table.nodePrints[Int(old) * stride + renaming]
                sum &+= table.nodePrints[Int(new) * stride + renaming]
            }
            for place in gone {
                sum &-= table.packetPrints[Int(row.flight[place]) * stride + renaming]
            }
            for packet in come { sum &+= table.packetPrints[Int(packet) * stride + renaming] }
            least = min(least, sum)
        }
        return Explorer.mix(least, used)
    }

    private mutating func enter(
        _ row: RowView, _ parent: UInt32, _ action: ActionCode, _ new: UInt32, _ used: UInt32
    ) {
        parents.append(parent)
        actions.append(action.bits)
        counts.states += 1
        let start = next.count
        next.append(contentsOf: row.nodes)
        next[start + action.member] = new
        next.append(used)
        let count = next.count
        next.append(0)
        for place in row.flight.indices where !gone.contains(place) {
            next.append(row.flight[place])
        }
        for packet in come {
            // In ascending order, so that equal messages stand together.
            var place = next.count
            next.append(packet)
            while place > count + 1, next[place - 1] > packet {
                next[place] = next[place - 1]
                place -= 1
            }
            next[place] = packet
        }
        next[count] = UInt32(next.count - count - 1)
        guard new != row.nodes[action.member] else { return }
        let nodes = row.nodes
        var violation = table.facts.withUnsafeBufferPointer { facts in
            invariants.check(action.member, count: nodes.count) { place in
                facts[Int(place == action.member ? new : nodes[place])]
            }
        }
        if !table.chatFacts.isEmpty, violation == nil {
            var changed = Array(nodes)
            changed[action.member] = new
            violation = invariants.checkChat(action.member, changed, table.chatFacts)
        }
        if let violation { found = (violation, parent, action.bits) }
    }

    // MARK: Liveness

    private mutating func tryLiveness(_ row: RowView, _ number: UInt32) {
        guard !configuration.without.contains(.liveness) else { return }
        invariants.count(.liveness)
        counts.healed += 1
        trapWatch?(number, .max)
        let violation =
            healer.heal(nodes: row.nodes, flight: EmptyCollection(), of: table)
            ?? healer.heal(nodes: row.nodes, flight: row.flight, of: table)
        if let violation {
            inHealing = (violation, number, .max)
            enough = counts.states + Explorer.statesAfterHealing
        }
    }
}
