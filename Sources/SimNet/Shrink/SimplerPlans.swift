import Protocols

// Smaller plans, and simpler strikes.
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
        for step in [tenth * 5, tenth] {
            let rounded = Interval(nanoseconds: (at.nanoseconds + step / 2) / step * step)
            if at.nanoseconds % step != 0, rounded > .zero {
                others.append(Strike(at: rounded, act, salt: salt))
            }
            if let round = act.rounded(to: step) { add(round) }
        }
        if salt != 0 { others.append(Strike(at: at, act, salt: 0)) }
        return others
    }
}

extension Act {
    /// The same for a rounder time; nil where the time is round, or where there is none.
    fileprivate func rounded(to step: Int64) -> Act? {
        func round(_ lasting: Interval?) -> Interval? {
            guard let lasting, lasting.nanoseconds % step != 0 else { return nil }
            return Interval(nanoseconds: max(step, (lasting.nanoseconds + step / 2) / step * step))
        }
        switch self {
        case .partition(let side, let noticed, let lasting):
            return round(lasting).map { .partition(side, noticed: noticed, lasting: $0) }
        case .oneWay(let host, let incoming, let noticed, let lasting):
            return round(lasting).map {
                .oneWay(host, incoming: incoming, noticed: noticed, lasting: $0)
            }
        case .cut(let a, let b, let bothWays, let noticed, let lasting):
            return round(lasting).map {
                .cut(a, b, bothWays: bothWays, noticed: noticed, lasting: $0)
            }
        case .clog(let from, let to, let lasting):
            return round(lasting).map { .clog(from, to, lasting: $0) }
        case .unreachable(let host, let lasting):
            return round(lasting).map { .unreachable(host, lasting: $0) }
        case .crash(let hosts, let loss, let downtime):
            return round(downtime).map { .crash(hosts, loss, downtime: $0) }
        case .ambush(let host, let kind, let after, let last, let loss, let downtime):
            return round(downtime).map {
                .ambush(host, kind, after: after, last, loss, downtime: $0)
            }
        case .pause(let host, let lasting): return round(lasting).map { .pause(host, lasting: $0) }
        case .drain(let host, let downtime):
            return round(downtime).map { .drain(host, downtime: $0) }
        case .stallDisk(let host, let lasting):
            return round(lasting).map { .stallDisk(host, lasting: $0) }
        case .failSync(let host, let downtime):
            return round(downtime).map { .failSync(host, downtime: $0) }
        case .fillDisk(let host, let downtime):
            return round(downtime).map { .fillDisk(host, downtime: $0) }
        default: return nil
        }
    }
}
