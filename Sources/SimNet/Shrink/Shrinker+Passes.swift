import Protocols

// What is taken away, one kind of thing after the other.
extension Shrinker {
    // MARK: Time

    /// Ends the run soon after it has shown what it is kept for.
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
        while best.chaos > .seconds(2) {
            candidate = best
            candidate.options.duration = best.options.duration - best.chaos / 3
            candidate.options.duration = .seconds(candidate.options.duration.milliseconds / 1_000)
            let chaos = candidate.chaos
            candidate.plan.strikes.removeAll { $0.at > chaos }
            guard keeps(candidate) else { return }
        }
    }

    /// Brings strikes nearer to those before them, and the end with them.
    mutating func closeGaps() {
        pass = "gaps"
        for position in best.plan.strikes.indices {
            while runs < limit, position < best.plan.strikes.count, closeGap(before: position) {}
        }
    }

    private mutating func closeGap(before position: Int) -> Bool {
        let strikes = best.plan.strikes
        let gap = strikes[position].at - (position == 0 ? .zero : strikes[position - 1].at)
        guard gap > .seconds(2) else { return false }
        for share in [3, 2] as [Int64] {
            // Whole seconds, so that what was round stays round.
            let shift = Interval.seconds(gap.milliseconds * share / 4 / 1_000)
            guard shift > .zero, best.chaos > shift else { continue }
            var candidate = best
            for later in position..<strikes.count {
                candidate.plan.strikes[later].at = strikes[later].at - shift
            }
            candidate.options.duration = best.options.duration - shift
            if keeps(candidate) { return true }
        }
        return false
    }

    // MARK: Faults

    /// Takes strikes out, then what the nodes outside the core suffer at the end.
    mutating func shrinkStrikes() {
        pass = "faults"
        takeOut {
            $0.plan.strikes.count
        } removing: {
            $0.plan.strikes.removeSubrange($1)
        }
        var candidate = best
        candidate.plan.ending = Ending()
        if keeps(candidate) { return }
        for host in best.plan.ending.rests.indices {
            candidate = best
            candidate.plan.ending.rests[host] = .down
            _ = keeps(candidate)
        }
    }

    /// Delta debugging: takes ever smaller parts out of something.
    private mutating func takeOut(
        count: (Scenario) -> Int, removing: (inout Scenario, Range<Int>) -> Void
    ) {
        var parts = 2
        while count(best) > 0, runs < limit {
            let whole = count(best)
            let size = max(1, (whole + parts - 1) / parts)
            var isSmaller = false
            var start = 0
            while start < count(best), runs < limit {
                var candidate = best
                removing(&candidate, start..<min(start + size, count(best)))
                // One that is kept may still have as many, where the rest is tied to it.
                if keeps(candidate), count(best) < whole { isSmaller = true } else { start += size }
            }
            if size == 1, !isSmaller { break }
            parts = size == 1 ? max(2, count(best)) : min(whole, parts * 2)
        }
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

    /// Sets options back to calm: all at once, then ever smaller parts of those that differ.
    mutating func resetOptions() {
        pass = "options"
        let calm = Scenario().options
        let fields = Shrinker.resettable
        // Neighbours belong together, such as the bounds of one time: they go together, too.
        takeOut {
            $0.differing(fields, from: calm).count
        } removing: { candidate, range in
            for field in candidate.differing(fields, from: calm)[range] {
                field.copy(from: calm, to: &candidate.options)
            }
        }
    }

    /// The options that are set back; the others have passes of their own.
    private static let resettable = OptionField.all.filter {
        !["settling", "liveness-bound", "operations"].contains($0.name)
    }

    // MARK: Leaps

    /// The best scenario with much taken away at once.
    var leaps: [Scenario] {
        var leaps: [Scenario] = []
        func add(_ change: (inout Scenario) -> Void) {
            var candidate = best
            change(&candidate)
            if candidate != best { leaps.append(candidate) }
        }
        let calm = Scenario().options
        let fields = best.differing(Shrinker.resettable, from: calm)
        for parts in [1, 2, 4] {
            for part in 0..<parts {
                add {
                    let count = $0.plan.strikes.count
                    let range = count * part / parts..<count * (part + 1) / parts
                    $0.plan.strikes.removeSubrange(range)
                }
                add { candidate in
                    let count = fields.count
                    for field in fields[count * part / parts..<count * (part + 1) / parts] {
                        field.copy(from: calm, to: &candidate.options)
                    }
                }
            }
        }
        for (share, whole) in [(1, 3), (2, 3)] as [(Int64, Int64)] where best.chaos > .seconds(3) {
            add {
                let chaos = Interval.seconds($0.chaos.milliseconds * share / whole / 1_000)
                $0.options.duration = chaos + $0.options.settling
                $0.plan.strikes.removeAll { $0.at > chaos }
            }
        }
        if let only = best.options.load.only, only.count > 1 {
            add { $0.options.load.only = Array(only.prefix(only.count / 2)) }
            add { $0.options.load.only = Array(only.dropFirst(only.count / 2)) }
        }
        return leaps
    }

    // MARK: Nodes

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
        var candidate = best
        if best.options.load.only != [] {
            candidate.options.load.only = []
            candidate.options.load.operations = .max
            if keeps(candidate) { return }
        }
        if best.options.load.only == nil {
            candidate = best
            let clients = best.world().clients.count - best.options.load.scripted
            candidate.options.load.only = Array(0..<clients)
            guard keeps(candidate) else { return }
        }
        var position = 0
        while let only = best.options.load.only, position < only.count, runs < limit {
            candidate = best
            candidate.options.load.only?.remove(at: position)
            if !keeps(candidate) { position += 1 }
        }
        for operations in [0, 1, 2, 4, 8, 16, 32, 64]
        where best.options.load.only != [] && operations < best.options.load.operations {
            candidate = best
            candidate.options.load.operations = operations
            if keeps(candidate) { return }
        }
    }
}

extension Scenario {
    /// The options that are not as in others.
    fileprivate func differing(_ fields: [OptionField], from other: Options) -> [OptionField] {
        fields.filter { !$0.isEqual(options, other) }
    }
}
