import Protocols

/// Makes a failing run as small as it gets while the same checker still fires.
///
/// ## Overview
/// Delta debugging (Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input", 2002)
/// over the plan's strikes; then options are set back to calm one by one, nodes and clients taken
/// away, operations and time cut. What one pass frees another may remove, so they take turns until
/// none finds anything. Each candidate is tried with a few seeds: what is left out moves the rest a
/// little, and a bug that needs a certain moment would hide behind one seed.
///
/// Deterministic: equal scenarios and limits give equal results.
public struct Shrinker {
    /// How far the work is.
    public struct Progress: Equatable, Sendable {
        /// What is being tried.
        public var pass: String
        /// Runs made so far.
        public var runs: Int
        /// The smallest so far.
        public var strikes: Int
        /// The lines of the smallest scenario so far.
        public var lines: Int
    }

    /// What a run came to, as far as shrinking is concerned.
    struct Failure: Equatable {
        /// The checker, or `liveness`.
        var checker: String
        /// When it fired.
        var at: Interval
    }

    /// The smallest scenario so far; it fails.
    public internal(set) var best: Scenario
    /// The checker that fires.
    public let checker: String
    /// Runs made so far.
    public internal(set) var runs = 0
    /// The events that these runs took.
    public internal(set) var events: UInt64 = 0
    /// The most runs.
    public let limit: Int
    /// How many seeds each candidate is tried with.
    public let tries: Int

    let codecs: ByteCodecs?
    let report: (Progress) -> Void
    var pass = ""
    /// When the best scenario fails.
    var failsAt: Interval

    /// Makes a shrinker; nil when the scenario does not fail.
    public init?(
        _ scenario: Scenario, codecs: ByteCodecs? = nil, limit: Int = 6_000, tries: Int = 4,
        report: @escaping (Progress) -> Void = { _ in }
    ) {
        self.limit = limit
        self.tries = tries
        self.codecs = codecs
        self.report = report
        best = scenario
        var world = scenario.world(codecs: codecs)
        let result = world.run()
        guard let failure = Shrinker.failure(result) else { return nil }
        checker = failure.checker
        failsAt = failure.at
    }

    /// Shrinks until nothing more can go, or the limit of runs is reached.
    public mutating func run() -> Scenario {
        best.expectations = []
        cutTime()
        var before: Scenario
        repeat {
            before = best
            shrinkStrikes()
            resetOptions()
            dropNodes()
            dropClients()
            cutTime()
        } while best != before && runs < limit
        simplifyStrikes()
        shrinkStrikes()
        best.expectations = [checker == "liveness" ? .stuck : .violation(checker)]
        return best
    }

    static func failure(_ result: RunResult) -> Failure? {
        switch result.verdict {
        case .held: nil
        case .violated(let violation):
            Failure(checker: violation.checker, at: result.simulated)
        case .stuck: Failure(checker: "liveness", at: result.simulated)
        }
    }

    // MARK: Trying

    /// Keeps the candidate if it fails as the first scenario did, with one of a few seeds.
    mutating func keeps(_ candidate: Scenario) -> Bool {
        guard candidate != best else { return false }
        for attempt in 0..<tries where runs < limit {
            var candidate = candidate
            candidate.seed = best.seed &+ UInt64(attempt)
            var world = candidate.world(codecs: codecs)
            let result = world.run()
            runs += 1
            events += result.statistics.events
            guard let failure = Shrinker.failure(result), failure.checker == checker else {
                continue
            }
            best = candidate
            failsAt = failure.at
            tell()
            return true
        }
        tell()
        return false
    }

    private func tell() {
        report(
            Progress(
                pass: pass, runs: runs, strikes: best.plan.strikes.count,
                lines: best.lines.count))
    }
}

// The passes.
extension Shrinker {
    // MARK: Time

    /// Ends the run soon after it fails.
    mutating func cutTime() {
        pass = "time"
        var candidate = best
        candidate.plan.strikes.removeAll { $0.at > failsAt }
        _ = keeps(candidate)
        // What fails among the faults needs no time after them; what fails later needs the end.
        for settling in [Interval.seconds(1), .seconds(3), best.options.settling] {
            let isEarly = failsAt <= best.chaos
            let last = best.plan.strikes.last?.at ?? .zero
            let chaos = isEarly ? failsAt : min(best.chaos, last + .seconds(1))
            candidate = best
            candidate.options.settling = settling
            let whole = (chaos.milliseconds + 999) / 1_000
            candidate.options.duration = .seconds(whole) + settling
            if candidate.options.duration < best.options.duration, keeps(candidate) { return }
        }
        guard failsAt > best.chaos else { return }
        while best.chaos > .seconds(2) {
            candidate = best
            candidate.options.duration = best.options.duration - best.chaos / 3
            candidate.options.duration = .seconds(candidate.options.duration.milliseconds / 1_000)
            let chaos = candidate.chaos
            candidate.plan.strikes.removeAll { $0.at > chaos }
            guard keeps(candidate) else { return }
        }
    }

    // MARK: Strikes

    /// Delta debugging: takes out ever smaller parts of the strikes.
    mutating func shrinkStrikes() {
        pass = "faults"
        var parts = 2
        while !best.plan.strikes.isEmpty, runs < limit {
            let count = best.plan.strikes.count
            let size = max(1, (count + parts - 1) / parts)
            var isSmaller = false
            var start = 0
            while start < best.plan.strikes.count, runs < limit {
                var candidate = best
                let end = min(start + size, candidate.plan.strikes.count)
                candidate.plan.strikes.removeSubrange(start..<end)
                if keeps(candidate) { isSmaller = true } else { start += size }
            }
            if size == 1, !isSmaller { break }
            parts = size == 1 ? best.plan.strikes.count : min(count, parts * 2)
        }
        var candidate = best
        candidate.plan.ending = Ending()
        _ = keeps(candidate)
    }

    /// Makes what is left of the strikes simpler, one at a time.
    mutating func simplifyStrikes() {
        pass = "details"
        for position in best.plan.strikes.indices {
            while runs < limit, simplify(position) {}
        }
    }

    private mutating func simplify(_ position: Int) -> Bool {
        for simpler in best.plan.strikes[position].simpler {
            var candidate = best
            candidate.plan.strikes[position] = simpler
            let times = candidate.plan.strikes.map(\.at)
            // A rounded time must not pass its neighbours: their order is part of the schedule.
            guard times == times.sorted() else { continue }
            if keeps(candidate) { return true }
        }
        return false
    }

    // MARK: Options

    /// Sets options back to calm: all at once, then one at a time.
    mutating func resetOptions() {
        pass = "options"
        let calm = Scenario().options
        let kept = ["settling", "liveness-bound", "operations"]
        let fields = OptionField.all.filter { !kept.contains($0.name) }
        var candidate = best
        for field in fields { field.copy(from: calm, to: &candidate.options) }
        if keeps(candidate) { return }
        for field in fields where !field.isEqual(best.options, calm) && runs < limit {
            candidate = best
            field.copy(from: calm, to: &candidate.options)
            _ = keeps(candidate)
        }
    }

    /// Takes nodes away, the last first.
    mutating func dropNodes() {
        pass = "nodes"
        for nodes in [1, 2, 3, 4] where nodes < best.options.nodes {
            var candidate = best
            candidate.options.nodes = nodes
            candidate.plan = best.plan.limited(to: nodes)
            if keeps(candidate) { return }
        }
    }

    // MARK: Clients

    /// Takes clients away, then operations.
    mutating func dropClients() {
        pass = "clients"
        if best.options.load.only == nil {
            var candidate = best
            let drawn = Workload.draw(best.options, seed: best.seed).count
            candidate.options.load.only = Array(0..<drawn - best.options.load.scripted)
            guard keeps(candidate) else { return }
        }
        var candidate = best
        candidate.options.load.only = []
        candidate.options.load.operations = .max
        if keeps(candidate) || best.options.load.only == [] { return }
        var position = 0
        while let only = best.options.load.only, position < only.count, runs < limit {
            candidate = best
            candidate.options.load.only?.remove(at: position)
            if !keeps(candidate) { position += 1 }
        }
        for operations in [0, 1, 2, 4, 8, 16, 32, 64]
        where operations < best.options.load.operations {
            candidate = best
            candidate.options.load.operations = operations
            if keeps(candidate) { return }
        }
    }
}

extension Plan {
    /// The plan for a smaller cluster: what names other hosts is left out.
    func limited(to nodes: Int) -> Plan {
        var plan = self
        plan.strikes = strikes.compactMap { strike in
            var strike = strike
            switch strike.act {
            case .partition(let side, let noticed, let lasting):
                let left = side.filter { $0 < nodes }
                guard !left.isEmpty, left.count < nodes else { return nil }
                strike.act = .partition(left, noticed: noticed, lasting: lasting)
            case .crash(let hosts, let loss, let downtime):
                let left = hosts.filter { $0 < nodes }
                guard !left.isEmpty else { return nil }
                strike.act = .crash(left, loss, downtime: downtime)
            default:
                guard strike.act.hosts.allSatisfy({ $0 < nodes }) else { return nil }
            }
            return strike
        }
        if let core = ending.core {
            let left = core.filter { $0 < nodes }
            plan.ending.core = left.isEmpty ? nil : left
        }
        plan.ending.rests = Array(ending.rests.prefix(nodes))
        return plan
    }
}

extension Strike {
    /// The same in simpler words, each to be tried by itself.
    var simpler: [Strike] {
        var others: [Strike] = []
        func add(_ act: Act) { others.append(Strike(at: at, act, salt: salt)) }
        switch act {
        case .partition(let side, true, let lasting):
            add(.partition(side, noticed: false, lasting: lasting))
        case .oneWay(let host, let incoming, true, let lasting):
            add(.oneWay(host, incoming: incoming, noticed: false, lasting: lasting))
        case .crash(let hosts, let loss, let downtime):
            for host in hosts where hosts.count > 1 {
                add(.crash([host], loss, downtime: downtime))
            }
            if loss == .power {
                add(.crash(hosts, .nothing, downtime: downtime))
                add(.crash(hosts, .unsynced, downtime: downtime))
            }
            add(.crash(hosts, loss, downtime: .seconds(1)))
        case .ambush(let host, let kind, let after, .drawn, let loss, let downtime):
            add(.ambush(host, kind, after: after, .all, loss, downtime: downtime))
        default: break
        }
        let tenth: Int64 = 100_000_000
        let rounded = Interval(nanoseconds: (at.nanoseconds + tenth / 2) / tenth * tenth)
        if rounded != at { others.append(Strike(at: rounded, act, salt: salt)) }
        if salt != 0 { others.append(Strike(at: at, act, salt: 0)) }
        return others
    }
}
