import Protocols

// A host's life: it starts, takes events, is busy or paused, and goes down.
extension World {
    // MARK: Start and stop

    /// Starts a node from what its disk holds.
    mutating func start(_ host: Int) {
        guard hosts[host].status == .down, !hosts[host].staysDown else { return }
        guard let recovered = recover(host) else { return }
        if let stumble = hosts[host].stumble {
            hosts[host].stumble = nil
            if phase == .chaos {
                let count = hosts[host].fate.int(in: 0..<recovered.operations.count + 1)
                recovered.operations.prefix(count).forEach { hosts[host].disk.perform($0) }
                statistics.count(.crash)
                loseCache(host, stumble.loss)
                push(.restart, after: stumble.downtime, host: host)
                return
            }
        }
        for operation in recovered.operations { hosts[host].disk.perform(operation) }
        if recovered.tornTail { statistics.count(mark: .tornTailCut) }
        note { "\($0.hosts[host].id) starts, boot \(recovered.boot.rawValue)" }
        if recovered.boot > Boot(1) { statistics.count(.restart) }

        hosts[host].status = .up
        hosts[host].life &+= 1
        hosts[host].boot = recovered.boot
        hosts[host].busyUntil = 0
        hosts[host].storage = Storage()
        hosts[host].storage.writer = recovered.writer
        hosts[host].tickFor = .distantFuture
        hosts[host].lastWall = WallTime(milliseconds: .min)
        hosts[host].ambush = nil
        hosts[host].nextWriteFault = nil
        let reading = max(hosts[host].clock.monotonic(at: now), hosts[host].lastNow)
        hosts[host].lastNow = reading
        if options.upgrades, phase == .settling || hosts[host].ticks.chance(1, in: 3) {
            hosts[host].version = 2
        }
        for peer in hosts.indices where peer != host {
            let delay = draw(link: host, peer, .microseconds(100), .milliseconds(50))
            scheduleTry(host, peer, after: delay)
        }
        if probe != nil {
            probe?.sights.append(.started(host, recovered.boot, recovered.durable))
        } else {
            makeNode(host, recovered, reading)
        }
    }

    /// Makes the node of a host that has just started.
    private mutating func makeNode(_ host: Int, _ recovered: Recovered, _ reading: Instant) {
        do throws(StartRefusal) {
            nodes[host] = try Node(
                configuration(host, recovered.identity), durable: recovered.durable, now: reading)
        } catch {
            refuse(host, "\(error)")
            return
        }
        hosts[host].deadline = nodes[host].deadline
        do throws(Violation) {
            try withUnsafePointer(to: nodes[host]) { (node) throws(Violation) in
                try checkers.restarted(hosts[host].id, NodeInPlace(place: node))
            }
        } catch {
            fail(error)
        }
        push(.wallSecond, host: host, epoch: hosts[host].life)
        armTick(host)
    }

    private func configuration(_ host: Int, _ identity: DirectoryIdentity) -> NodeConfiguration {
        var configuration = NodeConfiguration(
            id: hosts[host].id, members: hosts.map(\.id), incarnation: identity.incarnation,
            boot: identity.boot,
            seed: streams &* 31 &+ UInt64(host) &+ UInt64(identity.boot.rawValue) &* 977)
        configuration.raft = options.raft
        configuration.state = options.state
        configuration.limits = options.limits
        configuration.limits.history = options.toldHistory(host)
        if hosts[host].isCramped { configuration.limits.stateBytes = options.crampedBytes }
        configuration.versions = 1...hosts[host].version
        if let abroad { configuration.federation = abroad.configuration }
        return configuration
    }

    /// Reads the disk; nil when the directory is refused, which must have a reason.
    private mutating func recover(_ host: Int) -> Recovered? {
        do throws(RecoveryError) {
            if let found = try open(host) { return found }
            let steps = DataDirectory.format(
                incarnation: hosts[host].incarnation, node: hosts[host].id)
            for step in steps { hosts[host].disk.perform(step) }
            return try open(host)
        } catch {
            refuse(host, error.description)
            return nil
        }
    }

    /// The directory cannot be used; somebody must have harmed it.
    private mutating func refuse(_ host: Int, _ reason: String) {
        note { "\($0.hosts[host].id) refuses to start: \(reason)" }
        hosts[host].status = .lost
        guard !hosts[host].isDamaged else {
            statistics.count(.recoveryRefused)
            statistics.count(mark: .recoveryRefused)
            return
        }
        fail(
            Violation(
                "recovery", "\(hosts[host].id) refuses a directory that no fault harmed: \(reason)")
        )
    }

    private mutating func open(_ host: Int) throws(RecoveryError) -> Recovered? {
        let disk = hosts[host].disk
        var harmed: String?
        let recovered = try DataDirectory.recover(
            names: disk.listing, node: hosts[host].id, segmentLimit: options.segmentBytes
        ) { name in
            if disk.isHarmed(name) { harmed = name }
            return disk.read(name)
        }
        // Damage strikes only where it is sure to show.
        if let harmed {
            fail(Violation("recovery", "\(hosts[host].id) starts, and \(harmed) is damaged"))
        }
        return recovered
    }

    /// The process is gone in the middle of whatever it did.
    mutating func crash(_ host: Int, _ loss: Loss) {
        guard hosts[host].status == .up else { return }
        let powerLoss = loss == .power || loss == .unsynced
        note { "\($0.hosts[host].id) crashes\(powerLoss ? ", power lost" : "")" }
        if hosts[host].storage.isWriting {
            moments.crashesBeforeSync += 1
            moments.host = host
        }
        if hosts[host].storage.isSavingSnapshot { moments.crashesOverSnapshot += 1 }
        hosts[host].status = .down
        hosts[host].life &+= 1
        abroad?.crashed.append(host)
        for position in hosts[host].inboxDone..<hosts[host].inbox.count {
            discard(hosts[host].inbox[position])
        }
        hosts[host].inbox.removeAll(keepingCapacity: true)
        hosts[host].inboxDone = 0
        landPartOfWrites(host, loss)
        loseCache(host, loss)
        hosts[host].storage = Storage()
        network.forget(host)
        for peer in hosts.indices where peer != host {
            recorder?.close(peer, host, at: now)
            // A dead process resets its connections; a dead machine is missed after a while.
            let silence: Interval = powerLoss ? .milliseconds(1_500) : .milliseconds(5)
            closeLink(host, peer, learned: draw(link: host, peer, .zero, silence))
        }
        for client in clients.indices where hosts[host].connected[client] != 0 {
            dropClient(client, host, code: 0, within: .milliseconds(200))
            hosts[host].connected[client] = 0
        }
        do throws(Violation) {
            try checkers.crashed(hosts[host].id)
        } catch {
            fail(error)
        }
    }

    /// What a crash leaves of what was not durable.
    private mutating func loseCache(_ host: Int, _ loss: Loss) {
        var fate = hosts[host].fate
        for fault in hosts[host].disk.crash(loss, sparing: options.ablation, from: &fate) {
            statistics.count(fault)
        }
        hosts[host].fate = fate
    }

    /// Crashes a host and, unless it stays down, starts it again after its downtime.
    mutating func crashAndRestart(_ host: Int, _ loss: Loss) {
        crash(host, loss)
        guard hosts[host].status == .down, let downtime = hosts[host].downtime else { return }
        if hosts[host].isCore || phase == .chaos || hosts[host].fate.chance(1, in: 2) {
            push(.restart, after: downtime, host: host)
        }
    }

    // MARK: Events

    /// A host's own event is due: it is handled, or waits, or is lost.
    mutating func arrive(_ event: Scheduled) {
        let host = Int(event.host)
        guard hosts[host].status == .up else {
            discard(event)
            return
        }
        if hosts[host].busyUntil > now || hosts[host].inboxDone < hosts[host].inbox.count {
            hosts[host].inbox.append(event)
            armWake(host)
            return
        }
        handle(event, host)
    }

    /// Takes the next event that waited.
    mutating func wake(_ host: Int) {
        hosts[host].wakes = false
        guard hosts[host].status == .up else { return }
        guard hosts[host].inboxDone < hosts[host].inbox.count else { return }
        guard hosts[host].busyUntil <= now else {
            armWake(host)
            return
        }
        let event = hosts[host].inbox[hosts[host].inboxDone]
        hosts[host].inboxDone += 1
        if hosts[host].inboxDone == hosts[host].inbox.count {
            hosts[host].inbox.removeAll(keepingCapacity: true)
            hosts[host].inboxDone = 0
        }
        handle(event, host)
        if hosts[host].inboxDone < hosts[host].inbox.count { armWake(host) }
    }

    private mutating func armWake(_ host: Int) {
        guard !hosts[host].wakes else { return }
        hosts[host].wakes = true
        push(.wake, at: max(now, hosts[host].busyUntil), host: host)
    }

    /// Frees what an event that nobody takes holds.
    private mutating func discard(_ event: Scheduled) {
        switch event.kind {
        case .peerMessage:
            recorder?.take(slot: event.payload, .receiverDown, at: now)
            _ = messages.take(event.payload)
        case .peerBytes, .clientBytes: _ = segments.take(event.payload)
        case .clientRequest: _ = requests.take(event.payload)
        case .clientConnect: refuseClient(event)
        case .foreign: _ = foreign.take(event.payload)
        default: break
        }
    }

    private mutating func handle(_ event: Scheduled, _ host: Int) {
        let other = Int(event.other)
        switch event.kind {
        case .tick:
            guard event.epoch == hosts[host].tickEpoch else { return }
            hosts[host].tickFor = .distantFuture
            let reading = max(hosts[host].clock.monotonic(at: now), hosts[host].lastNow)
            if let deadline = hosts[host].deadline, deadline <= reading {
                step(host, .tick)
            } else {
                armTick(host)
            }
        case .peerUp where event.payload == hosts[host].life: learnUp(host, other, event.epoch)
        case .peerDown where event.payload == hosts[host].life:
            learnDown(host, other, event.epoch)
        case .peerUp, .peerDown: break
        case .peerMessage:
            let message = messages.take(event.payload)
            let isCurrent = network.hears(host, other, event.epoch)
            recorder?.take(slot: event.payload, isCurrent ? .arrived : .linkClosed, at: now)
            if isCurrent {
                step(host, .peer(hosts[other].id, message))
                forge(other, host)
            }
        case .peerBytes:
            let bytes = segments.take(event.payload)
            if network.hears(host, other, event.epoch) {
                receive(bytes, from: other, at: host)
            }
        case .persisted where event.epoch == hosts[host].life:
            step(
                host,
                .persisted(
                    PersistToken(boot: hosts[host].boot, sequence: UInt64(event.payload))))
        case .snapshotSaved where event.epoch == hosts[host].life:
            step(
                host,
                .snapshotSaved(
                    PersistToken(boot: hosts[host].boot, sequence: UInt64(event.payload))))
        case .persisted, .snapshotSaved: break
        case .clientConnect, .clientRequest, .clientBytes, .clientGone, .backlog, .edgeTick:
            handleClient(event, host, other)
        case .wallClock where event.epoch == hosts[host].life: tellWallClock(host)
        case .wallClock: break
        case .drain where event.epoch == hosts[host].life:
            statistics.count(.drain)
            step(host, .drain)
        case .drain: break
        case .transfer where event.epoch == hosts[host].life:
            statistics.count(.transfer)
            step(host, .transfer(event.payload == 0 ? nil : hosts[Int(event.payload) - 1].id))
        case .transfer: break
        case .foreign: hearForeign(event, host)
        default: preconditionFailure("\(event.kind) is not for a host")
        }
    }

    // MARK: Clocks

    /// Schedules the tick for the node's deadline, unless one comes early enough.
    mutating func armTick(_ host: Int) {
        guard let deadline = hosts[host].deadline, deadline < hosts[host].tickFor else { return }
        hosts[host].tickFor = deadline
        hosts[host].tickEpoch &+= 1
        var time = now
        if deadline > hosts[host].lastNow {
            let lateness = hosts[host].ticks.below(UInt64(options.tickLateness.nanoseconds) + 1)
            time = max(now, hosts[host].clock.world(of: deadline)) + Int64(lateness)
        } else if hosts[host].ticks.next() & 1 == 0 {
            time += Int64(hosts[host].ticks.below(20_000))
        }
        push(.tick, at: time, host: host, epoch: hosts[host].tickEpoch)
    }

    mutating func onWallSecond(_ host: Int, _ event: Scheduled) {
        guard event.epoch == hosts[host].life, hosts[host].status == .up else { return }
        push(.wallSecond, after: .seconds(1), host: host, epoch: event.epoch)
        arrive(
            Scheduled(time: now, kind: .wallClock, host: event.host, epoch: hosts[host].life))
    }

    /// Tells the node what its wall clock shows, if it shows something new.
    mutating func tellWallClock(_ host: Int) {
        let wall = hosts[host].clock.wall(at: now)
        guard wall != hosts[host].lastWall else { return }
        hosts[host].lastWall = wall
        step(host, .wallClock(wall))
    }
}
