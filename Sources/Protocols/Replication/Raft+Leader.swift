/// A leader's part of replication: Raft section 5.3 and 5.4.2, pipelined (thesis 10.2.1).
extension Raft {
    // MARK: Time

    mutating func tickLeader(_ now: Instant, into out: inout Outbox<Effect>) {
        if let handover, now >= handover.deadline {
            // The target did not take over: serve on, or writes would be blocked for ever.
            out.mark(.transferTimedOut)
            self.handover = nil
        }
        if let stall = durability.stallTime(configuration), now >= stall {
            resignForStalledDisk(now, into: &out)
            return
        }
        guard now >= heartbeatAt else { return }
        guard hearsQuorum(now) else {
            out.mark(.steppedDownWithoutQuorum)
            becomeFollower(in: term, of: nil, now, into: &out)
            return
        }
        broadcastHeartbeat(now, into: &out)
    }

    /// Check-quorum: a leader that no majority hears cannot commit and must not pretend (6.2).
    private func hearsQuorum(_ now: Instant) -> Bool {
        quorum.isMet { peer in
            peer == id
                || progress.read(peer) { now - $0.lastContact < configuration.electionUpper }
                    ?? false
        }
    }

    private mutating func resignForStalledDisk(_ now: Instant, into out: inout Outbox<Effect>) {
        out.mark(.steppedDownOnStalledDisk)
        out.emit(.diskStalled)
        onTransfer(to: nil, now, into: &out)
        becomeFollower(in: term, of: nil, now, into: &out)
    }

    mutating func broadcastHeartbeat(_ now: Instant, into out: inout Outbox<Effect>) {
        heartbeatAt = now + configuration.heartbeat
        for (peer, known) in progress {
            send(
                peer, .heartbeat(commit: min(known.match, commitIndex), round: reads.round),
                after: .nothing)
        }
    }

    /// Gives up everything that only a leader holds.
    mutating func resignLeadership(into out: inout Outbox<Effect>) {
        progress = [:]
        handover = nil
        uncommittedBytes = 0
        flushAt = nil
        failReads(into: &out)
    }

    // MARK: Proposals

    mutating func onPropose(
        _ kind: EntryKind, _ payload: [UInt8], _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard role == .leader else {
            if let leader, role == .follower {
                out.mark(.proposalForwarded)
                send(leader, .forward(kind: kind, payload: payload), after: .nothing)
            } else {
                out.mark(.proposalDropped)
            }
            return
        }
        guard handover == nil else {
            out.mark(.proposalDropped)
            return
        }
        guard uncommittedBytes == 0 || uncommittedBytes < configuration.uncommittedBytes else {
            out.mark(.uncommittedLimitHit)
            return
        }
        appendOwn(kind, payload: payload, now)
    }

    /// A follower's proposal; what is no command only a leader decides on.
    mutating func onForward(
        _ kind: EntryKind, _ payload: [UInt8], from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        guard role == .leader else { return }
        guard kind == .command else {
            refuse(sender, .foreignEntry, into: &out)
            return
        }
        onPropose(kind, payload, now, into: &out)
    }

    /// Appends an entry of the leader's own; it is written and sent at the coming flush.
    mutating func appendOwn(_ kind: EntryKind, payload: [UInt8], _ now: Instant) {
        let entry = Entry(
            index: log.lastIndex.next, term: term, stamp: clock.read(now), kind: kind,
            payload: payload)
        log.append(entry)
        uncommittedBytes += entry.size
        scheduleFlush(now)
    }

    /// Writes and sends what gathered since the last flush.
    mutating func flush(_ now: Instant, into out: inout Outbox<Effect>) {
        flushAt = nil
        guard role == .leader else { return }
        startReadRound(now, into: &out)
        for peer in quorum.voters where peer != id {
            sendAppends(to: peer, now, into: &out)
        }
    }

    // MARK: Appends

    /// Sends what the follower's state allows: entries, or news of the commit index. `probing`
    /// sends an empty append even when there is neither, to learn whether earlier ones arrived.
    mutating func sendAppends(
        to peer: NodeID, probing: Bool = false, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard var known = takeProgress(of: peer) else { return }
        defer { progress.exchange(peer, with: known) }
        if case .snapshot = known.state { return }
        guard known.next > log.start.index else {
            beginSnapshot(to: peer, &known, now, into: &out)
            return
        }
        switch known.state {
        case .snapshot: return
        case .probe(let waiting):
            guard !waiting else { return }
            sendAppend(to: peer, &known, bytes: configuration.appendBytes, into: &out)
            known.state = .probe(waiting: true)
        case .replicate(var inflight):
            known.state = .probe(waiting: true)  // Gives the window up, so that it is not copied.
            while known.next <= log.lastIndex {
                guard !inflight.isFull(configuration) else {
                    out.mark(.inflightLimitHit)
                    break
                }
                let (last, bytes) = sendAppend(
                    to: peer, &known, bytes: configuration.appendBytes, into: &out)
                inflight.add(last: last, bytes: bytes)
                known.next = last.next
            }
            known.state = .replicate(inflight)
            if probing || known.toldCommit < commitIndex {
                sendAppend(to: peer, &known, bytes: nil, into: &out)
            }
        }
    }

    /// Takes out what is known of a follower, to be put back when it is changed: two owners of one
    /// window would have it copied. `nil` for who is none.
    mutating func takeProgress(of peer: NodeID) -> Progress? {
        progress.exchange(peer, with: Progress(next: .zero, now: .zero))
    }

    /// Sends one append with up to `bytes` of entries, or none; returns where it ends.
    @discardableResult
    private mutating func sendAppend(
        to peer: NodeID, _ known: inout Progress, bytes: Int?, into out: inout Outbox<Effect>
    ) -> (last: LogIndex, bytes: Int) {
        let previous = known.next.previous
        guard let previousTerm = log.term(at: previous) else {
            preconditionFailure("\(id) knows no term at \(previous), log starts at \(log.start)")
        }
        let entries = bytes.map { log.slice(from: known.next, maximumBytes: $0) } ?? []
        known.toldCommit = commitIndex
        send(
            peer,
            .append(
                AppendRequest(
                    previous: SnapshotPoint(index: previous, term: previousTerm),
                    commit: commitIndex, entries: entries)),
            after: .nothing)
        return (previous + entries.count, entries.reduce(0) { $0 + $1.size })
    }

    mutating func onAppendResponse(
        _ response: AppendResponse, from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        guard role == .leader, progress.contains(sender) else { return }
        if case .matched(let index) = response, index > log.lastIndex {
            refuse(sender, .claimBeyondLog, into: &out)
            return
        }
        guard var known = takeProgress(of: sender) else { return }
        known.lastContact = now
        switch response {
        case .matched(let index): onMatch(index, of: &known)
        case .rejected(let previous, let hint):
            onReject(previous, hint: hint, of: &known, into: &out)
        }
        progress.exchange(sender, with: known)
        advanceCommit(now, into: &out)
        sendAppends(to: sender, now, into: &out)
        completeHandover(now, into: &out)
    }

    private func onMatch(_ index: LogIndex, of known: inout Progress) {
        let news = known.advance(to: index)
        switch known.state {
        case .probe(let waiting):
            if news || waiting { known.state = .replicate(Inflight()) }
        case .replicate(var inflight):
            known.state = .probe(waiting: true)
            inflight.release(through: index)
            known.state = .replicate(inflight)
        case .snapshot(let transfer):
            if known.match >= transfer.snapshot.point.index { known.becomeProbe() }
        }
    }

    private func onReject(
        _ previous: LogIndex, hint: SnapshotPoint, of known: inout Progress,
        into out: inout Outbox<Effect>
    ) {
        // Answers to appends that were overtaken say nothing new.
        guard previous > known.match else { return }
        switch known.state {
        case .snapshot:
            return
        case .replicate:
            out.mark(.probeEntered)
            known.becomeProbe()
        case .probe:
            guard previous == known.next.previous else { return }
            // Skip whole terms on both sides (the fast back-up of section 5.3).
            let common = log.lastPoint(atMost: hint.index, termAtMost: hint.term)
            if common.index < previous.previous { out.mark(.hintSkippedTerm) }
            known.next = max(min(previous, common.index.next), known.match.next)
            known.state = .probe(waiting: false)
        }
    }

    mutating func onHeartbeatResponse(
        round: UInt64, from sender: NodeID, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard role == .leader, var known = takeProgress(of: sender) else { return }
        known.lastContact = now
        known.confirmedRound = max(known.confirmedRound, round)
        // The answers to what was sent may be lost: one more append finds out.
        let behind = known.match < log.lastIndex || known.toldCommit < commitIndex
        switch known.state {
        case .probe:
            known.state = .probe(waiting: false)
        case .replicate(var inflight):
            known.state = .probe(waiting: true)
            if inflight.isFull(configuration) { inflight.releaseOldest() }
            known.state = .replicate(inflight)
        case .snapshot(let transfer):
            resendChunk(of: transfer, to: sender, &known, now, into: &out)
        }
        progress.exchange(sender, with: known)
        if behind { sendAppends(to: sender, probing: true, now, into: &out) }
        confirmReads(into: &out)
    }

    mutating func onPeerUp(_ peer: NodeID, _ now: Instant, into out: inout Outbox<Effect>) {
        guard role == .leader, var known = progress[peer] else { return }
        switch known.state {
        case .probe: known.state = .probe(waiting: false)
        case .replicate: known.becomeProbe()
        case .snapshot(let transfer):
            sendChunk(transfer.number, of: transfer.snapshot, to: peer, &known, now)
        }
        progress[peer] = known
        send(
            peer, .heartbeat(commit: min(known.match, commitIndex), round: reads.round),
            after: .nothing)
        sendAppends(to: peer, now, into: &out)
    }

    // MARK: Commitment

    /// Commits what a majority holds durably, if it is of the leader's own term (section 5.4.2).
    mutating func advanceCommit(_ now: Instant, into out: inout Outbox<Effect>) {
        let reached = quorum.reached { peer in
            peer == id ? durability.durableIndex : progress.read(peer) { $0.match } ?? .zero
        }
        guard let reached, reached > commitIndex, log.term(at: reached) == term else { return }
        if durability.durableIndex < reached { out.mark(.commitWithoutOwnDisk) }
        if log.term(at: commitIndex.next) != term { out.mark(.earlierTermCommittedIndirectly) }
        commit(through: reached)
        releaseDeferredReads(now)
        scheduleFlush(now)
    }
}

/// A leader's view of cluster time: where it stood at the election, plus the monotonic time since.
struct LeaderClock: Equatable, Sendable {
    /// No stamp falls below this.
    var floor: ClusterTime
    /// When the member began to lead.
    var since: Instant

    /// Cluster time now; never goes back.
    func read(_ now: Instant) -> ClusterTime { floor + (now - since) }
}
