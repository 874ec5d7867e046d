import Protocols

// Who brings the faults: the plan's strikes, each at its time.
extension World {
    /// Schedules the plan's next strike.
    mutating func armStrike() {
        guard strikesDone < plan.strikes.count else { return }
        push(
            .nemesis, at: max(now, plan.strikes[strikesDone].at.nanoseconds),
            payload: UInt32(strikesDone), epoch: planEpoch)
    }

    /// The next strike is due; in the liveness phase it hits only what is outside the core.
    mutating func onStrike(_ event: Scheduled) {
        guard event.epoch == planEpoch, phase != .finished else { return }
        let number = Int(event.payload)
        strikesDone = number + 1
        armStrike()
        strike(plan.strikes[number], number)
    }

    private mutating func strike(_ strike: Strike, _ number: Int) {
        switch strike.act {
        case .partition, .oneWay, .cut, .clog, .resetLink, .heal, .rule, .candidates,
            .resetClient, .unreachable, .order:
            if phase == .chaos { strikeNetwork(strike, number) }
        case .transfer(let target): if phase == .chaos { transfer(target) }
        case .crash(let victims, let loss, let downtime):
            strikeAll(victims, loss, downtime, strike.salt)
        case .restart(let host): if mayStrike(host) { start(host) }
        case .reseed(let future): reseed(future)
        case .ambush(let host, _, _, _, _, _), .stumble(let host, _, _), .pause(let host, _),
            .slowNode(let host, _, _), .drain(let host, _):
            if mayStrike(host) { strikeProcess(strike, host, number) }
        case .slowDisk(let host, _, _), .stallDisk(let host, _), .failSync(let host, _),
            .fillDisk(let host, _), .misdirect(let host), .rot(let host), .jump(let host, _),
            .wipe(let host, _):
            if mayStrike(host) { strikeDisk(strike, host, number) }
        }
    }

    private func mayStrike(_ host: Int) -> Bool {
        hosts.indices.contains(host) && (phase == .chaos || !hosts[host].isCore)
    }

    /// What befalls a host next draws from this strike.
    private mutating func salt(_ host: Int, _ salt: UInt32) {
        hosts[host].fate = Stream.strike(salt).prng(streams)
    }

    // MARK: Network

    private mutating func strikeNetwork(_ strike: Strike, _ number: Int) {
        switch strike.act {
        case .partition(_, let noticed, let lasting):
            cut(strike, .partition, noticed, lasting, number)
        case .oneWay(_, _, let noticed, let lasting):
            cut(strike, .oneWayPartition, noticed, lasting, number)
        case .cut(_, _, _, let noticed, let lasting):
            cut(strike, .partialPartition, noticed, lasting, number)
        case .clog(let from, let to, let lasting):
            guard isPair(from, to) else { return }
            statistics.count(.linkClogged)
            note { _ in "\(strike.act)" }
            let end = now + lasting.nanoseconds
            network.update(from, to) { $0.clogged = end }
        case .resetLink(let a, let b, let within):
            guard isPair(a, b) else { return }
            statistics.count(.linkReset)
            note { _ in "\(strike.act)" }
            closeLink(a, b, learned: within)
        case .heal:
            healPaths()
            rules.removeAll()
            candidates = nil
        case .rule(let rule):
            rules.append(ActiveRule(rule, number, at: now))
        case .candidates(let only, let lasting):
            candidates = only
            candidatesUntil = lasting.map { now + $0.nanoseconds } ?? .max
        case .resetClient(let client):
            guard clients.indices.contains(client) else { return }
            guard let host = hosts.indices.first(where: { hosts[$0].connected[client] != 0 })
            else { return }
            statistics.count(.clientReset)
            dropClient(client, host, code: 0, within: .milliseconds(100))
        case .unreachable(let host, let lasting):
            guard hosts.indices.contains(host) else { return }
            statistics.count(.clientUnreachable)
            hosts[host].unreachableUntil = now + lasting.nanoseconds
            for client in clients.indices where hosts[host].connected[client] != 0 {
                dropClient(client, host, code: 0, within: .seconds(1))
            }
        case .order(let client, let order):
            if client < options.load.scripted { stepClient(client, .order(order)) }
        default: break
        }
    }

    private func isPair(_ a: Int, _ b: Int) -> Bool {
        a != b && hosts.indices.contains(a) && hosts.indices.contains(b)
    }

    private mutating func cut(
        _ strike: Strike, _ fault: Fault, _ noticed: Bool, _ lasting: Interval?, _ number: Int
    ) {
        let paths = strike.act.paths(among: hosts.count)
        guard hosts.count > 1 else { return }
        statistics.count(fault)
        note { _ in "\(strike.act)" }
        for (from, to) in paths { network.update(from, to) { $0.cuts += 1 } }
        if noticed { noticeCuts() }
        if let lasting {
            push(.heal, after: lasting, payload: UInt32(number), epoch: cutEpoch)
        }
    }

    private mutating func noticeCuts() {
        for a in hosts.indices {
            for b in hosts.indices where a < b && !network.isWhole(a, b) {
                closeLink(a, b, learned: .seconds(1))
            }
        }
    }

    // MARK: Process

    private mutating func strikeAll(
        _ victims: [Int], _ loss: Loss, _ downtime: Interval?, _ number: UInt32
    ) {
        let hit = victims.filter { mayStrike($0) && hosts[$0].status == .up }
        guard !hit.isEmpty else { return }
        statistics.count(victims.count > 1 ? .crashOfAll : .crash)
        for host in hit {
            salt(host, number &+ UInt32(host) &* 10_007)
            hosts[host].downtime = downtime
            crashAndRestart(host, loss)
        }
    }

    private mutating func strikeProcess(_ strike: Strike, _ host: Int, _ number: Int) {
        if case .stumble(_, let loss, let downtime) = strike.act {
            salt(host, strike.salt)
            hosts[host].stumble = Stumble(loss: loss, downtime: downtime)
            return
        }
        guard hosts[host].status == .up else { return }
        switch strike.act {
        case .ambush(_, let kind, let after, let last, let loss, let downtime):
            salt(host, strike.salt)
            hosts[host].downtime = downtime
            hosts[host].ambush = Ambush(kind: kind, left: after, last: last, loss: loss)
        case .pause(_, let lasting):
            statistics.count(.pause)
            note { _ in "\(strike.act)" }
            hosts[host].busyUntil = max(hosts[host].busyUntil, now + lasting.nanoseconds)
        case .slowNode(_, let step, let lasting):
            statistics.count(.slowNode)
            hosts[host].stepCost = step.nanoseconds
            hosts[host].slowedBy = number
            push(.heal, after: lasting, payload: UInt32(number), epoch: cutEpoch)
        case .drain(_, let downtime):
            hosts[host].downtime = downtime
            arrive(
                Scheduled(
                    time: now, kind: .drain, host: UInt8(host), epoch: hosts[host].life))
        default: break
        }
    }

    /// The operator asks every node that takes itself for the leader.
    private mutating func transfer(_ target: Int?) {
        if let target, !hosts.indices.contains(target) { return }
        for host in hosts.indices
        where hosts[host].status == .up && nodes[host].raft.role == .leader {
            arrive(
                Scheduled(
                    time: now, kind: .transfer, host: UInt8(host),
                    payload: target.map { UInt32($0) + 1 } ?? 0, epoch: hosts[host].life))
        }
    }

    // MARK: Disk and clock

    private mutating func strikeDisk(_ strike: Strike, _ host: Int, _ number: Int) {
        switch strike.act {
        case .slowDisk(_, let factor, let lasting):
            statistics.count(.diskSlow)
            hosts[host].diskFactor = Int64(factor)
            hosts[host].diskSlowedBy = number
            push(.heal, after: lasting, payload: UInt32(number), epoch: cutEpoch)
        case .stallDisk(_, let lasting):
            statistics.count(.diskStall)
            hosts[host].diskStalled = now + lasting.nanoseconds
            note { _ in "\(strike.act)" }
        case .failSync(_, let downtime): failNextWrite(.syncFailed, strike, host, downtime)
        case .fillDisk(_, let downtime): failNextWrite(.diskFull, strike, host, downtime)
        case .misdirect:
            if mayDamage(host) { failNextWrite(.writeMisdirected, strike, host, nil) }
        case .rot:
            salt(host, strike.salt)
            rot(host)
        case .jump(_, let by): if phase == .chaos { jump(host, by) }
        case .wipe(_, let downtime): wipe(host, downtime)
        default: break
        }
    }

    private mutating func failNextWrite(
        _ fault: Fault, _ strike: Strike, _ host: Int, _ downtime: Interval?
    ) {
        salt(host, strike.salt)
        if fault != .writeMisdirected { hosts[host].downtime = downtime }
        hosts[host].nextWriteFault = fault
    }

    private mutating func rot(_ host: Int) {
        guard mayDamage(host), let target = guardedFile(host, logOnly: false) else { return }
        var fate = hosts[host].fate
        let isHarmed = hosts[host].disk.rot(target.name, below: target.limit, from: &fate)
        hosts[host].fate = fate
        guard isHarmed else { return }
        hosts[host].isDamaged = true
        statistics.count(.bitRot)
        note { "\($0.hosts[host].id): a bit of \(target.name) rots" }
    }

    private mutating func jump(_ host: Int, _ by: Interval) {
        statistics.count(.wallJump)
        hosts[host].clock.wallOffset += by.nanoseconds
        note { "\($0.hosts[host].id)'s wall clock jumps by \(by.milliseconds) ms" }
        if hosts[host].status == .up {
            arrive(
                Scheduled(
                    time: now, kind: .wallClock, host: UInt8(host), epoch: hosts[host].life))
        }
    }

    /// The data directory is emptied, and somebody starts the node again.
    private mutating func wipe(_ host: Int, _ downtime: Interval?) {
        guard mayDamage(host) else { return }
        statistics.count(.wiped)
        crash(host, .nothing)
        note { "\($0.hosts[host].id)'s directory is emptied" }
        hosts[host].isWiped = true
        hosts[host].disk = Disk()
        hosts[host].incarnation = Incarnation(hosts[host].incarnation.rawValue ^ .max)
        if let downtime { push(.restart, after: downtime, host: host) }
    }

    // MARK: Healing

    /// A strike's time is over.
    mutating func heal(_ event: Scheduled) {
        let number = Int(event.payload)
        switch plan.strikes[number].act {
        case .partition, .oneWay, .cut:
            guard event.epoch == cutEpoch else { return }
            for (from, to) in plan.strikes[number].act.paths(among: hosts.count) {
                network.update(from, to) { $0.cuts -= 1 }
            }
        case .slowNode(let host, _, _):
            if hosts[host].slowedBy == number { hosts[host].stepCost = 0 }
        case .slowDisk(let host, _, _):
            if hosts[host].diskSlowedBy == number { hosts[host].diskFactor = 1 }
        default: break
        }
    }

    /// All cuts end.
    mutating func healPaths() {
        cutEpoch &+= 1
        for a in hosts.indices {
            for b in hosts.indices where a != b { network.update(a, b) { $0.cuts = 0 } }
        }
    }

    // MARK: Rules

    /// What the rules make of a message; nil when none has anything to say.
    mutating func rule(
        on message: PeerMessage, _ from: Int, _ to: Int
    ) -> MessageRule.Verb? {
        if let candidates, now < candidatesUntil, !candidates.contains(from),
            MessageKind.preVoteRequest.matches(message)
                || MessageKind.voteRequest.matches(message)
        {
            return .drop
        }
        for position in rules.indices where rules[position].applies(message, from, to, now) {
            let number = rules[position].number
            while ruled.count <= number { ruled.append(0) }
            ruled[number] += 1
            guard rules[position].skips == 0 else {
                rules[position].skips -= 1
                continue
            }
            rules[position].left -= 1
            return rules[position].rule.verb
        }
        return nil
    }
}

/// A rule in force.
struct ActiveRule: Sendable {
    let rule: MessageRule
    /// The strike that made it.
    let number: Int
    let until: Int64
    /// How many messages pass before it begins.
    var skips: Int
    /// For how many messages more.
    var left: Int

    init(_ rule: MessageRule, _ number: Int, at now: Int64) {
        self.rule = rule
        self.number = number
        until = rule.lasting.map { now + $0.nanoseconds } ?? .max
        skips = rule.skip
        left = rule.count ?? .max
    }

    func applies(_ message: PeerMessage, _ from: Int, _ to: Int, _ now: Int64) -> Bool {
        left > 0 && now < until && (rule.from ?? from) == from && (rule.to ?? to) == to
            && rule.kind.matches(message)
    }
}

extension Act {
    /// The directions that a cut takes away.
    func paths(among count: Int) -> [(from: Int, to: Int)] {
        var paths: [(from: Int, to: Int)] = []
        func add(_ from: Int, _ to: Int) {
            if from != to, from < count, to < count { paths.append((from, to)) }
        }
        switch self {
        case .partition(let side, _, _):
            for a in 0..<count {
                for b in 0..<count where side.contains(a) != side.contains(b) { add(a, b) }
            }
        case .oneWay(let host, let incoming, _, _):
            for peer in 0..<count { incoming ? add(peer, host) : add(host, peer) }
        case .cut(let a, let b, let bothWays, _, _):
            add(a, b)
            if bothWays { add(b, a) }
        default: break
        }
        return paths
    }
}
