import Protocols
import Testing

@testable import SimNet

/// Exhaustive searches within small bounds.
@Suite struct ExploreTests {
    private func election(
        timeouts: Int = 1, crashes: Int = 0, duplicates: Int = 0, depth: Int = 200
    ) -> ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.timeouts = timeouts
        bounds.crashes = crashes
        bounds.duplicates = duplicates
        bounds.depth = depth
        bounds.losesHeartbeats = true
        return ExploreConfiguration("small", members: 3, bounds: bounds)
    }

    // MARK: Counts

    @Test("one election among three has exactly so many states, in every process")
    func electionIsCounted() {
        for _ in 0..<2 {
            var search = Explorer(election())
            let result = search.run()
            #expect(result.ending == .complete)
            #expect(result.violation == nil)
            #expect(result.counts.levels == ExploreTests.electionLevels)
            #expect(result.counts.transitions == ExploreTests.electionTransitions)
        }
    }

    private static let electionLevels = [
        1, 1, 1, 2, 2, 4, 5, 8, 14, 35, 76, 124, 162, 180, 182, 187, 189, 167, 123, 72, 30, 8, 1, 0,
    ]
    private static let electionTransitions = 5_349

    @Test("members that differ in their ids alone count once, and nothing else is lost by it")
    func symmetryIsExact() {
        var plain = election()
        plain.isSymmetric = false
        var all = Explorer(plain)
        var few = Explorer(election())
        let (allResult, fewResult) = (all.run(), few.run())
        #expect(allResult.ending == .complete)
        #expect(fewResult.counts.states < allResult.counts.states)
        #expect(fewResult.counts.states * 6 >= allResult.counts.states)
        #expect(fewResult.counts.depth == allResult.counts.depth)
    }

    @Test("every named search begins, and holds as far as a few thousand states", arguments: 0..<4)
    func namedSearchesBegin(number: Int) {
        let configuration = ExploreConfiguration.named[number]
        var search = Explorer(configuration)
        let result = search.run { $0.states < 20_000 }
        #expect(result.ending == .stopped)
        #expect(result.violation == nil)
        #expect(result.counts.healed > 0)
    }

    @Test("every named search plays how it begins, and the worlds there heal", arguments: 0..<7)
    func namedStartsPlay(number: Int) {
        let configuration = ExploreConfiguration.named[number]
        for start in configuration.starts {
            var table = NodeTable(configuration)
            var stage = Stage(&table)
            #expect(stage.play(start, &table))
            #expect(stage.violation == nil)
            var healer = Healer(configuration)
            #expect(
                healer.heal(nodes: stage.row.nodes, flight: stage.row.flight, of: table) == nil)
        }
    }

    @Test("there are seven named searches")
    func namesAreKnown() {
        #expect(
            ExploreConfiguration.named.map(\.name) == [
                "raft-election-3", "raft-election-4", "raft-replication-3", "raft-snapshot-3",
                "node-chat-1", "node-chat-3", "node-chat-crash-3",
            ])
    }

    @Test("a search stops at its memory bound and says so")
    func memoryIsBounded() {
        var configuration = election(timeouts: 2)
        configuration.memory = 1 << 20
        var search = Explorer(configuration)
        #expect(search.run().ending == .memory)
    }

    // MARK: Deduplication

    @Test(
        "a search that looks nothing up and leaves nothing out meets the same states",
        arguments: [(0, 0, 9), (1, 0, 6), (0, 1, 7), (1, 1, 5)])
    func deduplicationIsSound(crashes: Int, duplicates: Int, depth: Int) {
        var configuration = election(
            timeouts: 2, crashes: crashes, duplicates: duplicates, depth: depth)
        configuration.forgetsStale = false
        var search = Explorer(configuration)
        search.keepsPrints = true
        let result = search.run()
        #expect(result.violation == nil)
        var plain = PlainSearch(configuration)
        plain.run()
        #expect(Set(search.prints).count == search.prints.count)
        #expect(Set(search.prints) == plain.prints)
        #expect(plain.visits > search.prints.count)
        #expect(plain.violations == 0)
    }

    // MARK: Counterexamples

    @Test("a disk that forgets votes is found out, and the shortest way there is real")
    func forgottenVoteIsFound() throws {
        var configuration = election(timeouts: 2, crashes: 1)
        configuration.flaw = .voteForgotten
        configuration.livenessSample = 0
        var search = Explorer(configuration)
        let result = search.run()
        let violation = try #require(result.violation)
        #expect(violation.checker == ExploreChecker.termAndVote.rawValue)
        #expect(result.ending == .violated)
        let path = try #require(search.shortest)
        #expect(path.actions.count == result.path.count)
        #expect(replay(path.actions, search) == violation)
        #expect(
            result.path.contains { $0.text.hasPrefix("node1 crashes and starts again") })
    }

    @Test("without the checker of votes, that disk leads to two leaders in one term")
    func forgottenVoteElectsTwo() throws {
        var configuration = election(timeouts: 2, crashes: 1)
        configuration.flaw = .voteForgotten
        configuration.livenessSample = 0
        configuration.without = [.termAndVote, .durableClaims]
        var search = Explorer(configuration)
        let violation = try #require(search.run().violation)
        #expect(violation.checker == ExploreChecker.electionSafety.rawValue)
        let path = try #require(search.shortest)
        #expect(replay(path.actions, search) == nil)
    }

    /// Takes the actions with machines alone; returns what the last one violates by itself.
    private func replay(_ actions: [ActionCode], _ search: Explorer) -> Violation? {
        let configuration = search.configuration
        var table = NodeTable(configuration)
        var nodes = Stage(&table).row.nodes.map { table.nodes[Int($0)] }
        var flight: [UInt64] = []
        let names = table.renamings[0]
        var violation: Violation?
        for action in actions {
            #expect(violation == nil)
            var packet: Packet?
            switch action.kind {
            case .deliver, .deliverLate, .duplicate, .drop:
                let arriving = search.table.packets[Int(action.argument)]
                let place = flight.firstIndex(of: arriving.abstractDigest(names: names))
                #expect(place != nil)
                if let place, action.kind != .duplicate { flight.remove(at: place) }
                packet = arriving
            case .timeout, .heartbeat, .persist, .saveSnapshot, .propose, .takeSnapshot, .crash,
                .wait, .resend, .enter:
                break
            }
            let outcome = nodes[action.member].perform(action, packet, configuration)
            flight += outcome.sends.map { $0.abstractDigest(names: names) }
            violation = outcome.violation
        }
        return violation
    }

    @Test("a healed world elects and serves from the founding, and from a lost election")
    func healedWorldServes() {
        let configuration = election()
        var table = NodeTable(configuration)
        var stage = Stage(&table)
        #expect(stage.play([.timeout(1), .lose, .timeout(2)], &table))
        var healer = Healer(configuration)
        #expect(healer.heal(nodes: stage.row.nodes, flight: stage.row.flight, of: table) == nil)
        // What is known is not followed again.
        #expect(healer.heal(nodes: stage.row.nodes, flight: stage.row.flight, of: table) == nil)
    }

    @Test("a world in which nobody can be elected does not heal")
    func deadWorldIsStuck() throws {
        let configuration = election()
        var table = NodeTable(configuration)
        let stage = Stage(&table)
        // Nobody's term may grow, so nobody can be elected.
        var healer = Healer(configuration, term: 1)
        let found = healer.heal(nodes: stage.row.nodes, flight: stage.row.flight, of: table)
        let violation = try #require(found)
        #expect(violation.checker == ExploreChecker.liveness.rawValue)
        #expect(violation.message.hasPrefix("a healed world does not commit a command: node1 "))
    }

    @Test("what the bounds cut off is counted by the bound")
    func cutsAreCounted() {
        var flight = election(timeouts: 2)
        flight.bounds.flight = 2
        var term = election(timeouts: 2)
        term.bounds.term = 1
        var first = Explorer(flight)
        var second = Explorer(term)
        let (byFlight, byTerm) = (first.run().counts, second.run().counts)
        #expect(byFlight.cutByFlight > 0 && byFlight.cutByTerm == 0)
        #expect(byTerm.cutByTerm > 0 && byTerm.cutByFlight == 0)
        #expect(byFlight.healed == byFlight.states)
    }

    // MARK: Parts

    @Test("packed logs compare as logs do")
    func packedLogsCompare() {
        func log(_ terms: [UInt64], start: Int = 0) -> PackedLog {
            var log = PackedLog(start: start)
            for term in terms { log.append(term: term, value: term) }
            return log
        }
        #expect(log([1, 2, 2]).covers(log([1, 2])))
        #expect(!log([1, 2]).covers(log([1, 2, 2])))
        #expect(!log([1, 3, 3]).covers(log([1, 2])))
        #expect(log([2, 2], start: 1).covers(log([1, 2])))
        #expect(log([1, 2, 3]).lastCommon(with: log([1, 2, 4])) == 2)
        #expect(log([1, 2, 3]).matches(log([1, 2, 4])))
        #expect(!log([1, 2, 3]).matches(log([1, 1, 3])))
        #expect(log([1, 2]).holds(2, term: 2))
        #expect(log([], start: 5).holds(4, term: 9))
        #expect(!log([1, 2]).holds(3, term: 2))
        #expect(PackedLog.mask(after: 14, through: 15) == 0xF000_0000_0000_0000)
        #expect(PackedLog.mask(after: 2, through: 2) == 0)
        #expect(log([3, 4], start: 1).description == "[…1 2@3 3@4]")
    }

    @Test("the flat tables keep what a Set and a Dictionary keep")
    func flatTablesKeep() {
        var prng = Prng(seed: 7)
        var flat = FlatSet()
        var set: Set<UInt64> = []
        var map = FlatMap()
        var dictionary: [UInt64: UInt32] = [:]
        var differences = 0
        for number in 0..<50_000 {
            let key = prng.below(30_000) + 1
            let isNew = set.insert(key).inserted
            if flat.insert(key &* 0x9E37_79B9) != isNew { differences += 1 }
            if dictionary[key] == nil {
                dictionary[key] = UInt32(number)
                map.insert(key, UInt32(number))
            }
            if map.find(key) != dictionary[key] { differences += 1 }
        }
        #expect(differences == 0)
        #expect(flat.count == set.count)
        #expect(map.find(40_000) == nil)
    }
}

/// The same search as `Explorer`, done the plain way: machines are copied and stepped along every
/// path, and nothing is left out because it was seen before.
private struct PlainSearch {
    private struct State {
        var nodes: [LocalNode]
        var flight: [Packet] = []
        var timeouts = 0
        var crashes = 0
        var duplicates = 0
    }

    let configuration: ExploreConfiguration
    private let renamings: [[UInt32]]
    private(set) var prints: Set<UInt64> = []
    private(set) var visits = 0
    private(set) var violations = 0

    init(_ configuration: ExploreConfiguration) {
        self.configuration = configuration
        renamings = NodeTable(configuration).renamings
    }

    mutating func run() {
        var table = NodeTable(configuration)
        let nodes = Stage(&table).row.nodes.map { table.nodes[Int($0)] }
        visit(State(nodes: nodes), 0)
    }

    private mutating func visit(_ state: State, _ depth: Int) {
        visits += 1
        prints.insert(fingerprint(state))
        guard depth < configuration.bounds.depth else { return }
        for place in state.flight.indices {
            let packet = state.flight[place]
            let member = Int(packet.recipient.rawValue) - 1
            var rest = state
            rest.flight.remove(at: place)
            go(rest, ActionCode(.deliver, member), packet, depth)
            let node = state.nodes[member]
            switch packet.message.body {
            case .preVoteRequest, .voteRequest:
                if node.raft.followsLiveLeader(at: node.now) {
                    go(rest, ActionCode(.deliverLate, member), packet, depth)
                }
            default: break
            }
            if state.duplicates < configuration.bounds.duplicates {
                var kept = state
                kept.duplicates += 1
                go(kept, ActionCode(.duplicate, member), packet, depth)
            }
        }
        for member in state.nodes.indices {
            let writes = state.nodes[member].disk.writes.count
            if writes > 0 { go(state, ActionCode(.persist, member), nil, depth) }
            if state.timeouts < configuration.bounds.timeouts {
                var next = state
                next.timeouts += 1
                go(next, ActionCode(.timeout, member), nil, depth)
            }
            if state.crashes < configuration.bounds.crashes {
                var next = state
                next.crashes += 1
                for kept in 0...writes {
                    go(next, ActionCode(.crash, member, UInt32(kept << 1)), nil, depth)
                }
            }
        }
    }

    private mutating func go(
        _ state: State, _ action: ActionCode, _ packet: Packet?, _ depth: Int
    ) {
        var next = state
        let outcome = next.nodes[action.member].perform(action, packet, configuration)
        if outcome.violation != nil { violations += 1 }
        guard !outcome.isBeyond else { return }
        next.flight += outcome.sends
        guard next.flight.count <= configuration.bounds.flight else { return }
        visit(next, depth + 1)
    }

    private func fingerprint(_ state: State) -> UInt64 {
        var least = UInt64.max
        for names in renamings {
            var sum: UInt64 = 0
            for node in state.nodes { sum &+= node.abstractDigest(names: names) }
            for packet in state.flight { sum &+= packet.abstractDigest(names: names) }
            least = min(least, sum)
        }
        var digest = Digest(least)
        let used =
            UInt32(state.timeouts) * ExploreBudget.timeouts.unit
            + UInt32(state.crashes) * ExploreBudget.crashes.unit
            + UInt32(state.duplicates) * ExploreBudget.duplicates.unit
        digest.combine(UInt64(used))
        return digest.value
    }
}
