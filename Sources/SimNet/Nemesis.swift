import Protocols

// Who brings the faults: each kind strikes again and again, at times and places drawn.
extension World {
    /// What a `heal` event undoes.
    private enum Cure: UInt32 {
        case paths, unreachable, slowNode, slowDisk
    }

    /// Schedules a fault's next strike.
    mutating func scheduleFault(_ fault: Fault) {
        let mean = options[fault]
        push(.nemesis, after: draw(mean / 4, mean * 7 / 4), payload: UInt32(fault.rawValue))
    }

    /// A fault strikes; in the liveness phase only outside the core.
    mutating func strike(_ event: Scheduled) {
        guard phase != .finished, let fault = Fault(rawValue: UInt8(event.payload)) else { return }
        scheduleFault(fault)
        let candidates = hosts.indices.filter { phase == .chaos || !hosts[$0].isCore }
        guard !candidates.isEmpty else { return }
        let host = candidates[prng.int(in: 0..<candidates.count)]
        switch fault {
        case .partition, .oneWayPartition, .partialPartition, .linkClogged, .linkReset,
            .clientReset, .clientUnreachable, .drain, .wallJump, .wiped:
            guard phase == .chaos else { return }
        default: break
        }
        switch fault {
        case .partition, .oneWayPartition, .partialPartition, .linkClogged, .linkReset:
            strikeNetwork(fault, host)
        case .clientReset, .clientUnreachable: strikeClients(fault, host)
        case .crash, .crashMidStep, .crashOfAll, .pause, .slowNode, .drain:
            strikeProcess(fault, host)
        case .diskSlow, .diskStall, .syncFailed, .diskFull, .writeMisdirected, .bitRot:
            strikeDisk(fault, host)
        case .wallJump: jump(host)
        case .wiped: wipe(host)
        default: preconditionFailure("\(fault) does not strike by itself")
        }
    }

    // MARK: Network

    private mutating func strikeNetwork(_ fault: Fault, _ host: Int) {
        guard hosts.count > 1 else { return }
        let until = draw(.milliseconds(50), options.cut)
        let other = (host + 1 + prng.int(in: 0..<hosts.count - 1)) % hosts.count
        statistics.count(fault)
        note { "\(fault) of \($0.hosts[host].id), \($0.hosts[other].id), \(until.milliseconds) ms" }
        switch fault {
        case .partition:
            // Two sides, each drawn; nothing passes between them.
            let sides = hosts.indices.map { _ in prng.chance(1, in: 2) }
            for a in hosts.indices {
                for b in hosts.indices where a != b {
                    if sides[a] != sides[b] { network.update(a, b) { $0.isCut = true } }
                }
            }
        case .oneWayPartition:
            let incoming = prng.chance(1, in: 2)
            for peer in hosts.indices where peer != host {
                if incoming {
                    network.update(peer, host) { $0.isCut = true }
                } else {
                    network.update(host, peer) { $0.isCut = true }
                }
            }
        case .partialPartition:
            network.update(host, other) { $0.isCut = true }
            if prng.chance(2, in: 3) { network.update(other, host) { $0.isCut = true } }
        case .linkClogged:
            let end = now + until.nanoseconds
            network.update(host, other) { $0.clogged = end }
        case .linkReset:
            closeLink(host, other, learned: draw(.zero, .milliseconds(500)))
        default: break
        }
        guard fault != .linkClogged, fault != .linkReset else { return }
        // A cut link is noticed by its silence, or not at all before it is whole again.
        if prng.chance(2, in: 3) { noticeCuts() }
        push(.heal, after: until, payload: Cure.paths.rawValue)
    }

    private mutating func noticeCuts() {
        for a in hosts.indices {
            for b in hosts.indices where a < b && !network.isWhole(a, b) {
                closeLink(a, b, learned: .seconds(1))
            }
        }
    }

    private mutating func strikeClients(_ fault: Fault, _ host: Int) {
        switch fault {
        case .clientReset:
            let there = clients.indices.filter { hosts[host].connected[$0] != 0 }
            guard !there.isEmpty else { return }
            statistics.count(fault)
            dropClient(
                there[prng.int(in: 0..<there.count)], host, code: 0,
                after: draw(.zero, .milliseconds(100)))
        default:
            statistics.count(fault)
            hosts[host].isUnreachable = true
            for client in clients.indices where hosts[host].connected[client] != 0 {
                dropClient(client, host, code: 0, after: draw(.zero, .seconds(1)))
            }
            push(
                .heal, after: draw(.milliseconds(100), options.cut), host: host,
                payload: Cure.unreachable.rawValue)
        }
    }

    // MARK: Process

    private mutating func strikeProcess(_ fault: Fault, _ host: Int) {
        guard hosts[host].status == .up else { return }
        switch fault {
        case .crash:
            statistics.count(fault)
            crashAndRestart(host, powerLoss: prng.chance(1, in: 2))
        case .crashMidStep:
            let kind = Ambush.Kind(rawValue: prng.int(in: 0..<5)) ?? .any
            hosts[host].ambush = Ambush(
                kind: kind, left: prng.int(in: 0..<(kind == .any ? 30 : 3)))
        case .crashOfAll:
            statistics.count(fault)
            let powerLoss = prng.chance(1, in: 2)
            for victim in hosts.indices where phase == .chaos || !hosts[victim].isCore {
                crashAndRestart(victim, powerLoss: powerLoss)
            }
        case .pause:
            statistics.count(fault)
            let length = draw(.milliseconds(10), options.pause)
            note { "\($0.hosts[host].id) pauses for \(length.milliseconds) ms" }
            hosts[host].busyUntil = max(hosts[host].busyUntil, now + length.nanoseconds)
        case .slowNode:
            statistics.count(fault)
            hosts[host].stepCost = draw(.microseconds(20), .milliseconds(3)).nanoseconds
            push(
                .heal, after: draw(.milliseconds(500), .seconds(8)), host: host,
                payload: Cure.slowNode.rawValue)
        default:
            arrive(
                Scheduled(
                    time: now, kind: .drain, host: UInt8(host), epoch: hosts[host].life))
        }
    }

    // MARK: Disk and clock

    private mutating func strikeDisk(_ fault: Fault, _ host: Int) {
        switch fault {
        case .diskSlow:
            statistics.count(fault)
            hosts[host].diskFactor = Int64(prng.int(in: 2..<60))
            push(
                .heal, after: draw(.milliseconds(500), .seconds(8)), host: host,
                payload: Cure.slowDisk.rawValue)
        case .diskStall:
            statistics.count(fault)
            let length = draw(.milliseconds(100), options.diskStall)
            hosts[host].diskStalled = now + length.nanoseconds
            note { "\($0.hosts[host].id)'s disk stalls for \(length.milliseconds) ms" }
        case .syncFailed, .diskFull: hosts[host].nextWriteFault = fault
        case .writeMisdirected: if mayDamage(host) { hosts[host].nextWriteFault = fault }
        default:
            guard mayDamage(host), let target = guardedFile(host, logOnly: false) else { return }
            guard hosts[host].disk.rot(target.name, below: target.limit, from: &prng) else {
                return
            }
            hosts[host].isDamaged = true
            statistics.count(fault)
            note { "\($0.hosts[host].id): a bit of \(target.name) rots" }
        }
    }

    private mutating func jump(_ host: Int) {
        statistics.count(.wallJump)
        let reach = Interval.seconds(prng.chance(1, in: 4) ? 100_000 : 100)
        let by = draw(.zero, reach * 2) - reach
        hosts[host].clock.wallOffset += by.nanoseconds
        note { "\($0.hosts[host].id)'s wall clock jumps by \(by.milliseconds) ms" }
        if hosts[host].status == .up {
            arrive(
                Scheduled(
                    time: now, kind: .wallClock, host: UInt8(host), epoch: hosts[host].life))
        }
    }

    /// The data directory is emptied, and somebody starts the node again.
    private mutating func wipe(_ host: Int) {
        guard mayDamage(host) else { return }
        statistics.count(.wiped)
        crash(host, powerLoss: false)
        note { "\($0.hosts[host].id)'s directory is emptied" }
        hosts[host].isWiped = true
        hosts[host].disk = Disk()
        hosts[host].incarnation = Incarnation(prng.next())
        push(.restart, after: draw(.milliseconds(10), options.downtime), host: host)
    }

    // MARK: Healing

    /// A fault's time is over.
    mutating func heal(_ event: Scheduled) {
        let host = Int(event.host)
        guard let cure = Cure(rawValue: event.payload) else { return }
        switch cure {
        case .paths: if phase == .chaos { healPaths() }
        case .unreachable: if phase == .chaos { hosts[host].isUnreachable = false }
        case .slowNode: hosts[host].stepCost = 0
        case .slowDisk: hosts[host].diskFactor = 1
        }
    }

    /// All cuts end.
    mutating func healPaths() {
        for a in hosts.indices {
            for b in hosts.indices where a != b { network.update(a, b) { $0.isCut = false } }
        }
    }
}
