import Protocols

// How a seed draws its plan: each kind of fault from a stream of its own, each strike from another.
extension Plan {
    /// Draws all that goes wrong in the run of a seed.
    ///
    /// With `after`, strikes before that time are left out; they are drawn all the same, so that
    /// the later ones do not depend on it.
    public static func draw(
        _ options: Options, seed: UInt64, after: Interval = .zero
    ) -> Plan {
        var plan = Plan()
        for fault in Fault.allCases where options[fault] > .zero {
            var prng = Stream.fault(fault).prng(seed)
            plan.strikes += strikes(fault, options, &prng)
        }
        if options[.crash] > .zero || options[.crashMidStep] > .zero,
            !options.ablation.lacks(.crash)
        {
            plan.strikes += stumbles(options, seed)
        }
        // Sorted by time; what is drawn for one time keeps the order of the faults.
        plan.strikes = plan.strikes.enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element).filter { $0.at >= after }
        plan.ending = .draw(options, seed)
        return plan
    }

    /// Up to three strikes soon after a time, of the faults that the options have, half of them at
    /// one host; how soon is drawn evenly over all scales from 50 microseconds to 6 seconds.
    static func soon(
        _ options: Options, seed: UInt64, after at: Interval, at host: Int
    ) -> [Strike] {
        let faults = Fault.allCases.filter { options[$0] > .zero }
        var prng = Stream.soon.prng(seed)
        guard !faults.isEmpty else { return [] }
        let end = max(options.duration - options.settling, .zero)
        var strikes: [Strike] = []
        for _ in 0..<prng.int(in: 0..<4) {
            var own = prng.split()
            var delay = Interval.microseconds(50)
            for _ in 0..<own.int(in: 0..<17) { delay = delay * 2 }
            delay = own.interval(from: delay, to: delay * 2)
            let time = at + .microseconds(delay.nanoseconds / 1_000)
            let fault = faults[own.int(in: 0..<faults.count)]
            let focus = own.chance(1, in: 2) ? host : nil
            guard time < end, let act = Act.draw(fault, options, &own, at: focus) else { continue }
            strikes.append(Strike(at: time, act, salt: UInt32(own.below(10_000))))
        }
        return strikes
    }

    /// The strikes of one kind of fault.
    private static func strikes(
        _ fault: Fault, _ options: Options, _ prng: inout Prng
    ) -> [Strike] {
        let mean = options[fault]
        let chaos = max(options.duration - options.settling, .zero)
        let end = fault.strikesOutsideCore ? chaos + options.livenessBound : chaos
        var strikes: [Strike] = []
        var time = Interval.zero
        while true {
            time = time + prng.round(mean / 4, mean * 7 / 4) + .milliseconds(1)
            var own = prng.split()
            guard time < end else { return strikes }
            guard let act = Act.draw(fault, options, &own) else { continue }
            strikes.append(Strike(at: time, act, salt: UInt32(own.below(10_000))))
            strikes += lateNotice(of: act, at: time, options, &own)
        }
    }

    /// A cut that was not noticed at once may be noticed when it has lasted for long: the ends give
    /// the link up, and what was answered meanwhile is lost though its questions came through.
    private static func lateNotice(
        of act: Act, at time: Interval, _ options: Options, _ prng: inout Prng
    ) -> [Strike] {
        let end: Interval
        switch act {
        case .partition(_, noticed: false, let lasting?),
            .cut(_, _, _, noticed: false, let lasting?),
            .oneWay(_, _, noticed: false, let lasting?):
            guard prng.chance(2, in: 3), !options.ablation.lacks(.linkReset) else { return [] }
            end = time + lasting - .milliseconds(1)
        default: return []
        }
        let pairs = act.paths(among: options.nodes).map {
            (min($0.from, $0.to), max($0.from, $0.to))
        }
        return pairs.enumerated().filter { place, pair in
            !pairs[..<place].contains { $0 == pair }
        }.map {
            Strike(
                at: end, .resetLink($0.element.0, $0.element.1, within: .milliseconds(200)),
                salt: UInt32(prng.below(10_000)))
        }
    }

    /// One start in twenty dies before the node runs.
    private static func stumbles(_ options: Options, _ seed: UInt64) -> [Strike] {
        var prng = Stream.stumbles.prng(seed)
        var strikes: [Strike] = []
        for host in 0..<options.nodes {
            var time = Interval.zero
            while time < options.duration - options.settling {
                var own = prng.split()
                if own.chance(1, in: 8) {
                    strikes.append(
                        Strike(
                            at: time,
                            .stumble(
                                host, own.chance(1, in: 2) ? .power : .nothing,
                                downtime: own.round(.milliseconds(10), options.downtime)),
                            salt: UInt32(own.below(10_000))))
                }
                time = time + .seconds(15)
            }
        }
        return strikes
    }
}

extension Fault {
    /// True for what goes on outside the core once the faults have stopped there.
    fileprivate var strikesOutsideCore: Bool {
        switch self {
        case .crash, .crashMidStep, .crashOfAll, .pause, .slowNode, .diskSlow, .diskStall,
            .syncFailed, .diskFull:
            true
        case .messageLost, .messageDuplicated, .messageReordered, .messageLate, .partition,
            .oneWayPartition, .partialPartition, .linkClogged, .linkReset, .clientReset,
            .clientUnreachable, .slowReader, .clientGarbage, .messageForged, .restart, .drain,
            .writeLost, .writeTorn,
            .writeReordered, .writeMisdirected, .bitRot, .directoryLost, .recoveryRefused,
            .clockDrift, .wallJump, .wiped, .transfer, .segmented:
            false
        }
    }
}

extension Act {
    /// Draws one strike of a kind, at a host or at any; nil where the cluster has no place for it.
    fileprivate static func draw(
        _ fault: Fault, _ options: Options, _ prng: inout Prng, at focus: Int? = nil
    ) -> Act? {
        let drawn = prng.int(in: 0..<options.nodes)
        let host = focus ?? drawn
        switch fault {
        case .partition, .oneWayPartition, .partialPartition, .linkClogged, .linkReset:
            return drawNetwork(fault, host, options, &prng)
        case .clientReset: return .resetClient(prng.int(in: 0..<Workload.mostClients))
        case .clientUnreachable:
            return .unreachable(host, lasting: prng.round(.milliseconds(100), options.cut))
        case .crash, .crashMidStep, .crashOfAll, .pause, .slowNode, .drain:
            return drawProcess(fault, host, options, &prng)
        case .diskSlow:
            return .slowDisk(
                host, factor: prng.int(in: 2..<60),
                lasting: prng.round(.milliseconds(500), .seconds(8)))
        case .diskStall:
            return .stallDisk(host, lasting: prng.round(.milliseconds(100), options.diskStall))
        case .syncFailed: return .failSync(host, downtime: prng.downtime(options))
        case .diskFull: return .fillDisk(host, downtime: prng.downtime(options))
        case .writeMisdirected: return .misdirect(host)
        case .bitRot: return .rot(host)
        case .wallJump:
            let reach = Interval.seconds(prng.chance(1, in: 4) ? 100_000 : 100)
            return .jump(host, by: prng.round(.zero, reach * 2) - reach)
        case .wiped: return .wipe(host, downtime: prng.downtime(options))
        case .transfer: return .transfer(to: prng.chance(1, in: 2) ? host : nil)
        case .messageLost, .messageDuplicated, .messageReordered, .messageLate, .slowReader,
            .clientGarbage, .messageForged,
            .restart, .writeLost, .writeTorn, .writeReordered, .directoryLost, .recoveryRefused,
            .clockDrift, .segmented:
            preconditionFailure("\(fault) does not strike by itself")
        }
    }

    private static func drawNetwork(
        _ fault: Fault, _ host: Int, _ options: Options, _ prng: inout Prng
    ) -> Act? {
        let count = options.nodes
        guard count > 1 else { return nil }
        let other = (host + 1 + prng.int(in: 0..<count - 1)) % count
        let lasting = prng.round(.milliseconds(50), options.cut)
        // A cut link is noticed by its silence, or not at all before it is whole again.
        let noticed = prng.chance(2, in: 3)
        switch fault {
        case .partition:
            let side = (0..<count).filter { _ in prng.chance(1, in: 2) }
            return .partition(side, noticed: noticed, lasting: lasting)
        case .oneWayPartition:
            return .oneWay(
                host, incoming: prng.chance(1, in: 2), noticed: noticed, lasting: lasting)
        case .partialPartition:
            return .cut(
                host, other, bothWays: prng.chance(2, in: 3), noticed: noticed, lasting: lasting)
        case .linkClogged: return .clog(host, other, lasting: lasting)
        default: return .resetLink(host, other, within: prng.round(.zero, .milliseconds(500)))
        }
    }

    private static func drawProcess(
        _ fault: Fault, _ host: Int, _ options: Options, _ prng: inout Prng
    ) -> Act {
        let loss: Loss = prng.chance(1, in: 2) ? .power : .nothing
        switch fault {
        case .crash: return .crash([host], loss, downtime: prng.downtime(options))
        case .crashOfAll:
            return .crash(Array(0..<options.nodes), loss, downtime: prng.downtime(options))
        case .crashMidStep:
            let kind = StepKind.allCases[prng.int(in: 0..<5)]
            return .ambush(
                host, kind, after: prng.int(in: 0..<(kind == .any ? 30 : 3)), .drawn, loss,
                downtime: prng.downtime(options))
        case .pause:
            return .pause(host, lasting: prng.round(.milliseconds(10), options.pause))
        case .slowNode:
            return .slowNode(
                host, step: .microseconds(Int64(prng.int(in: 20..<3_000))),
                lasting: prng.round(.milliseconds(500), .seconds(8)))
        default: return .drain(host, downtime: prng.downtime(options))
        }
    }
}

extension Ending {
    /// Draws a majority, and what the others suffer.
    fileprivate static func draw(_ options: Options, _ seed: UInt64) -> Ending {
        var ending = Ending()
        guard options.mix != .calm else { return ending }
        var prng = Stream.ending.prng(seed)
        var core = Array(0..<options.nodes)
        let size = prng.int(in: options.nodes / 2 + 1..<options.nodes + 1)
        while core.count > size { core.remove(at: prng.int(in: 0..<core.count)) }
        ending.core = core
        ending.rests = (0..<options.nodes).map { _ in
            Rest.allCases[prng.int(in: 0..<Rest.allCases.count)]
        }
        if ending.rests.allSatisfy({ $0 == .down }) { ending.rests = [] }
        return ending
    }
}

extension Prng {
    /// An interval between the two in whole milliseconds, so that a plan can be read.
    fileprivate mutating func round(_ lower: Interval, _ upper: Interval) -> Interval {
        let drawn = interval(from: lower, to: upper)
        return .milliseconds(drawn.milliseconds)
    }

    fileprivate mutating func downtime(_ options: Options) -> Interval {
        round(.milliseconds(10), options.downtime)
    }
}
