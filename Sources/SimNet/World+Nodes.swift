import Protocols

// One step of a node, and what comes of its effects.
extension World {
    /// Which effects a process still performs before it dies in the middle of a step.
    private enum Survival {
        case all
        /// The first so many, in the order of the outbox.
        case first(Int)
        /// Everything but writes: what was said before it was durable shows.
        case allButWrites
        /// Writes alone: what was durable and never said.
        case writes
    }

    /// Hands one event to a node and performs the effects.
    mutating func step(_ host: Int, _ event: NodeEvent) {
        if probe != nil {
            probe?.sights.append(.told(host, event))
            return
        }
        let reading = max(hosts[host].clock.monotonic(at: now), hosts[host].lastNow)
        hosts[host].lastNow = reading
        statistics.events += 1
        digest.combine(UInt64(bitPattern: now) << 4 | UInt64(host))
        digest.combine(event)

        var box = Outbox<NodeEffect>()
        swap(&box, &outbox)
        var violation: Violation?
        do throws(Violation) {
            hosts[host].deadline = try World.turn(
                &nodes[host], hosts[host].id, event, reading, now, &box, &checkers)
        } catch {
            violation = error
        }
        if !box.marks.isEmpty {
            statistics.count(box.marks)
            countMoments(host, box.marks)
        }
        if trace != nil { traceStep(host, event, box.effects) }
        if recorder != nil { recordStep(host, event, box.effects) }
        if let violation { fail(violation) }

        var survival = Survival.all
        if hosts[host].ambush != nil, springs(host, box.effects) {
            survival = survivalOf(host, box.effects.count)
        }
        if hosts[host].stepCost > 0 { hosts[host].busyUntil = now + hosts[host].stepCost }
        var halt: HaltReason?
        for position in box.effects.indices {
            digest.combine(box.effects[position])
            guard survives(box.effects[position], position, survival) else { continue }
            if let reason = perform(box.effects[position], host) { halt = reason }
        }
        abroad?.stepped.append(host)
        let crashes = if case .all = survival { false } else { true }
        box.removeAll()
        swap(&box, &outbox)
        if let halt {
            stop(host, halt)
        } else if crashes {
            statistics.count(.crashMidStep)
            crashAndRestart(host, hosts[host].ambush?.loss ?? .nothing)
        } else {
            armTick(host)
        }
    }

    /// Steps a node and looks at it, all in its place: an array's element would be copied for
    /// each reading. Returns when the node wants a tick.
    private static func turn(
        _ node: inout Node, _ id: NodeID, _ event: NodeEvent, _ reading: Instant, _ world: Int64,
        _ box: inout Outbox<NodeEffect>, _ checkers: inout Checkers
    ) throws(Violation) -> Instant? {
        checkers.steps(id, event)
        node.step(event, at: reading, into: &box)
        try withUnsafePointer(to: &node) { (node) throws(Violation) in
            try checkers.stepped(
                id, NodeInPlace(place: node), box.effects, at: Instant(nanoseconds: world))
        }
        return node.deadline
    }

    /// Whether the crash that lies in wait comes in the middle of this step. Else it may come soon
    /// after it, while what the step put out is on its way to disk and peers.
    private mutating func springs(_ host: Int, _ effects: [NodeEffect]) -> Bool {
        guard let ambush = hosts[host].ambush, ambush.matches(effects) else { return false }
        guard ambush.left == 0 else {
            hosts[host].ambush?.left -= 1
            return false
        }
        if ambush.last != .drawn || hosts[host].fate.chance(1, in: 2) { return true }
        let soon = options.diskLatency + options.diskJitter + options.latency
        let delay = hosts[host].fate.interval(from: .zero, to: soon)
        // It has sprung; how much is lost is asked again when it comes to it.
        hosts[host].ambush?.left = .max
        push(.ambush, after: delay, host: host, epoch: hosts[host].life)
        return false
    }

    /// The crash comes that a step called up.
    mutating func onAmbush(_ host: Int, _ event: Scheduled) {
        guard event.epoch == hosts[host].life, phase == .chaos || !hosts[host].isCore else {
            return
        }
        statistics.count(.crashMidStep)
        crashAndRestart(host, hosts[host].ambush?.loss ?? .nothing)
    }

    private mutating func survivalOf(_ host: Int, _ count: Int) -> Survival {
        switch hosts[host].ambush?.last ?? .drawn {
        case .all: .first(count)
        case .said: .allButWrites
        case .wrote: .writes
        case .drawn:
            switch hosts[host].fate.int(in: 0..<4) {
            case 0: .allButWrites
            case 1: .writes
            default: .first(hosts[host].fate.int(in: 0..<count + 1))
            }
        }
    }

    private func survives(_ effect: NodeEffect, _ position: Int, _ survival: Survival) -> Bool {
        let writes =
            switch effect {
            case .persist, .saveSnapshot, .compactLog: true
            case .send, .reply, .deliver, .close, .note, .halt, .call, .abandonCall, .answer: false
            }
        return switch survival {
        case .all: true
        case .first(let count): position < count
        case .allButWrites: !writes
        case .writes: writes
        }
    }

    /// Performs one effect; returns the reason if the node must not go on.
    mutating func perform(_ effect: NodeEffect, _ host: Int) -> HaltReason? {
        switch effect {
        case .send(let peer, let message): send(message, host, Int(peer.rawValue) - 1)
        case .persist(let write, let token): persist(write, token, host)
        case .saveSnapshot(let snapshot, let token): save(snapshot, token, host)
        case .compactLog(let index): compact(index, host)
        case .reply(let connection, let message): tell(connection, message, host)
        case .deliver(let connections, let message):
            if case .roomDeleted(let room, _) = message { abroad?.ended.append(room) }
            for connection in connections { tell(connection, message, host) }
        case .close(let connection, let reason): close(connection, reason, host)
        case .note(.peerFaulty(let peer, let fault)):
            guard !isForging else { break }
            fail(Violation("peer-fault", "\(hosts[host].id) finds fault with \(peer): \(fault)"))
        case .call, .abandonCall, .answer: sayAbroad(effect, host)
        case .note: break
        case .halt(let reason): return reason
        }
        return nil
    }

    /// A node asked to be stopped.
    private mutating func stop(_ host: Int, _ reason: HaltReason) {
        note { "\($0.hosts[host].id) halts: \(reason)" }
        switch reason {
        case .drained:
            // The directory is closed as it should be, unless the process is killed for its delay,
            // before that or in the middle of it.
            switch hosts[host].fate.int(in: 0..<4) {
            case 0: break
            case 1: beginClosing(host)
            default: closeStorage(host)
            }
            crashAndRestart(host, .nothing)
        case .wiped:
            crash(host, .nothing)
            hosts[host].status = .lost
            if !hosts[host].isWiped {
                fail(Violation("halt", "\(hosts[host].id) takes itself for wiped and never was"))
            }
        case .snapshotUnreadable(let index):
            fail(
                Violation(
                    "halt", "\(hosts[host].id) cannot read the snapshot at \(index.rawValue)"))
        case .diverged(let index):
            fail(
                Violation(
                    "halt",
                    "\(hosts[host].id) has another state than its leader at index \(index.rawValue)"
                ))
        }
    }

    // MARK: Peers

    private mutating func send(_ message: PeerMessage, _ from: Int, _ to: Int) {
        guard to != from, hosts.indices.contains(to) else {
            fail(Violation("addressing", "\(hosts[from].id) sends to number \(to + 1)"))
            return
        }
        guard network.speaks(from, to) else { return }
        let link = network.between(from, to)
        if !rules.isEmpty || candidates != nil, let verb = rule(on: message, from, to) {
            switch verb {
            case .drop:
                if recorder != nil { recordLoss(message, from, to) }
                return
            case .delay(let by):
                if !options.bytes, !network.paths[network.path(from, to)].isCut {
                    post(message, from, to, now + by.nanoseconds, link.epoch)
                    return
                }
            case .duplicate(let after):
                if !options.bytes, !network.paths[network.path(from, to)].isCut {
                    post(message, from, to, now + after.nanoseconds, link.epoch)
                }
            }
        }
        if options.bytes {
            sendBytes(message, from, to)
            return
        }
        let isRare = message.isRare
        switch network.send(
            from, to, isRare: isRare, at: now, from: &pathStreams[network.path(from, to)],
            counts: &statistics)
        {
        case .lost:
            if recorder != nil { recordLoss(message, from, to) }
            if message.isHello { loseHello(from, to) }
        case .arrives(let time): post(message, from, to, time, link.epoch)
        case .arrivesTwice(let time, let again):
            post(message, from, to, time, link.epoch)
            post(message, from, to, again, link.epoch)
        }
    }

    /// A hello is the first word on a link: a link that loses it is no link, and is closed.
    mutating func loseHello(_ from: Int, _ to: Int) {
        closeLink(from, to, learned: .milliseconds(500), lingers: false)
    }

    @inline(__always)
    private mutating func post(
        _ message: PeerMessage, _ from: Int, _ to: Int, _ time: Int64, _ epoch: UInt32
    ) {
        let slot = messages.put(message)
        if recorder != nil { recordPost(message, from, to, slot: slot) }
        push(.peerMessage, at: time, host: to, other: from, payload: slot, epoch: epoch)
    }

    // MARK: Links

    /// Schedules an attempt to open a link.
    mutating func scheduleTry(_ a: Int, _ b: Int, after delay: Interval) {
        let link = network.link(a, b)
        guard !network.links[link].tries, !network.links[link].isUp else { return }
        network.links[link].tries = true
        push(.linkTry, after: delay, host: min(a, b), other: max(a, b))
    }

    /// Opens a link if both hosts run and nothing cuts them off from each other.
    mutating func tryLink(_ a: Int, _ b: Int) {
        let link = network.link(a, b)
        network.links[link].tries = false
        guard !network.links[link].isUp else { return }
        guard hosts[a].status == .up, hosts[b].status == .up else { return }
        guard network.isWhole(a, b) else {
            scheduleTry(a, b, after: draw(link: a, b, .milliseconds(20), .milliseconds(300)))
            return
        }
        let learnsA = now + draw(link: a, b, .zero, options.jitter).nanoseconds
        let learnsB = now + draw(link: a, b, .zero, options.jitter).nanoseconds
        // A stream of bytes is one at a time; whole messages may come beside those of the next.
        if options.bytes {
            stopLingering(a, b)
            stopLingering(b, a)
        }
        network.open(a, b, learnsA: learnsA, learnsB: learnsB)
        let epoch = network.links[link].epoch
        push(.peerUp, at: learnsA, host: a, other: b, payload: hosts[a].life, epoch: epoch)
        push(.peerUp, at: learnsB, host: b, other: a, payload: hosts[b].life, epoch: epoch)
    }

    /// Closes a link; each end that runs learns of it within `learned`.
    ///
    /// Until then an end may hear what the other had sent before, for a kernel hands on what it
    /// took from a process that is dead by now; a reset loses it. The end with the lower number
    /// opens links: it tries again once it has learned, and the other may learn by that alone.
    mutating func closeLink(_ a: Int, _ b: Int, learned: Interval, lingers: Bool = true) {
        let link = network.link(a, b)
        guard network.links[link].isUp else { return }
        let epoch = network.links[link].epoch
        network.close(a, b)
        var retry: Interval?
        for (end, other) in [(a, b), (b, a)] where hosts[end].status == .up {
            let delay = draw(link: a, b, .zero, learned + .microseconds(1))
            if end < other { retry = delay }
            if lingers, delay.nanoseconds & 1 == 0 {
                network.update(other, end) { $0.lingers = epoch }
            } else {
                recorder?.close(other, end, at: now)
            }
            push(
                .peerDown, after: delay, host: end, other: other, payload: hosts[end].life,
                epoch: epoch)
        }
        let pause = draw(link: a, b, .milliseconds(1), .milliseconds(200))
        if let retry { scheduleTry(a, b, after: retry + pause) }
    }

    /// A host learns that a link is open; it may not have learned that the one before it is closed.
    mutating func learnUp(_ host: Int, _ other: Int, _ epoch: UInt32) {
        let lingers = network.paths[network.path(other, host)].lingers
        guard network.between(host, other).epoch == epoch || lingers == epoch else { return }
        let life = hosts[host].life
        learnDown(host, other, network.paths[network.path(host, other)].known)
        guard hosts[host].life == life, verdict == nil else { return }
        if lingers != epoch { stopLingering(other, host) }
        network.update(host, other) { $0.known = epoch }
        step(host, .peerUp(hosts[other].id))
    }

    /// A host learns that a link is closed, if it had learned that it was open.
    mutating func learnDown(_ host: Int, _ other: Int, _ epoch: UInt32) {
        guard epoch != 0 else { return }
        if network.paths[network.path(other, host)].lingers == epoch { stopLingering(other, host) }
        guard network.paths[network.path(host, other)].known == epoch else { return }
        network.update(host, other) { $0.known = 0 }
        step(host, .peerDown(hosts[other].id))
    }

    /// What was left of a closed link is gone.
    private mutating func stopLingering(_ from: Int, _ to: Int) {
        guard network.paths[network.path(from, to)].lingers != 0 else { return }
        network.update(from, to) { $0.lingers = 0 }
        recorder?.close(from, to, at: now)
    }
}

extension PeerMessage {
    /// True for what is sent now and then only: of elections, refusals and snapshots.
    fileprivate var isRare: Bool {
        guard case .raft(let message) = self else { return false }
        switch message.body {
        case .preVoteRequest, .preVoteResponse, .voteRequest, .voteResponse, .snapshotChunk,
            .snapshotResponse, .timeoutNow, .appendResponse(.rejected):
            return true
        case .append, .appendResponse(.matched), .heartbeat, .heartbeatResponse, .forward,
            .readRequest, .readResponse:
            return false
        }
    }

    /// True for the message that introduces a node.
    var isHello: Bool {
        if case .hello = self { true } else { false }
    }
}
