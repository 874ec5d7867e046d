/// Snapshots: taking them, and sending them in parts (Raft section 7, thesis chapter 5).

/// A snapshot that is arriving, part by part.
struct IncomingSnapshot: Equatable, Sendable {
    var point: SnapshotPoint
    var count: Int
    var chunks: [[UInt8]] = []
    /// All parts are here and the disk is at work.
    var isSaving = false
}

/// A snapshot on its way to the member's own disk.
struct SavingSnapshot: Equatable, Sendable {
    var sequence: UInt64
    var snapshot: Snapshot
    /// The leader that sent it; `nil` for one of the member's own.
    var sender: NodeID?
}

extension Raft {
    // MARK: Taking

    /// True when no snapshot is on its way to the disk.
    public var canTakeSnapshot: Bool { savingSnapshots.isEmpty }

    /// The state at an index that is committed here and durable.
    mutating func onSnapshotTaken(_ taken: Snapshot, into out: inout Outbox<Effect>) {
        guard taken.point.index > snapshot?.point.index ?? .zero, savingSnapshots.isEmpty else {
            return
        }
        precondition(
            taken.point.index <= min(commitIndex, durableIndex) && log.matches(taken.point),
            "\(id): a snapshot of \(taken.point) is not of this log")
        out.mark(.snapshotTaken)
        save(taken, from: nil, into: &out)
    }

    private mutating func save(
        _ saving: Snapshot, from sender: NodeID?, into out: inout Outbox<Effect>
    ) {
        durability.issuedSnapshots += 1
        savingSnapshots.append(
            SavingSnapshot(
                sequence: durability.issuedSnapshots, snapshot: saving, sender: sender))
        out.emit(
            .saveSnapshot(
                saving, PersistToken(boot: boot, sequence: durability.issuedSnapshots)))
    }

    mutating func onSnapshotSaved(
        _ token: PersistToken, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard token.boot == boot,
            let position = savingSnapshots.firstIndex(where: { $0.sequence == token.sequence })
        else { return }
        let saved = savingSnapshots.remove(at: position)
        if saved.sender != nil {
            install(saved, now, into: &out)
            return
        }
        guard saved.snapshot.point.index > snapshot?.point.index ?? .zero else { return }
        adopt(saved.snapshot, into: &out)
    }

    /// A durable snapshot of this very log stands for its beginning from now on.
    private mutating func adopt(_ durable: Snapshot, into out: inout Outbox<Effect>) {
        snapshot = durable
        let keep = log.trailingStart(
            before: durable.point.index, maximumBytes: configuration.trailingBytes)
        if keep > log.start.index { out.mark(.logCompacted) }
        log.compact(through: keep)
        out.emit(.compactLog(through: durable.point.index))
    }

    // MARK: Sending

    /// What the follower needs next is compacted: send the snapshot instead.
    mutating func beginSnapshot(
        to peer: NodeID, _ known: inout Progress, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard let snapshot else {
            preconditionFailure("\(id): the log starts at \(log.start) without a snapshot")
        }
        out.mark(.snapshotSent)
        sendChunk(0, of: snapshot, to: peer, &known, now)
    }

    mutating func sendChunk(
        _ number: Int, of snapshot: Snapshot, to peer: NodeID, _ known: inout Progress,
        _ now: Instant
    ) {
        known.state = .snapshot(
            SnapshotTransfer(snapshot: snapshot, number: number, sentAt: now))
        send(
            peer,
            .snapshotChunk(
                SnapshotChunk(
                    point: snapshot.point, number: number, count: snapshot.chunks.count,
                    bytes: snapshot.chunks[number])),
            after: .nothing)
    }

    /// Sends the last part again when its answer is overdue.
    mutating func resendChunk(
        of transfer: SnapshotTransfer, to peer: NodeID, _ known: inout Progress, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        guard now - transfer.sentAt >= configuration.electionLower else { return }
        out.mark(.snapshotChunkResent)
        sendChunk(transfer.number, of: transfer.snapshot, to: peer, &known, now)
    }

    mutating func onSnapshotResponse(
        _ response: SnapshotResponse, from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        guard role == .leader, var known = progress[sender] else { return }
        known.lastContact = now
        if case .installed(let index) = response, index > log.lastIndex {
            refuse(sender, .claimBeyondLog, into: &out)
            return
        }
        switch (response, known.state) {
        case (.wants(let number, let index), .snapshot(let transfer)):
            // A doubled answer asks for what was sent already; the timer sends that again.
            if index == transfer.snapshot.point.index, number != transfer.number,
                transfer.snapshot.chunks.indices.contains(number)
            {
                sendChunk(number, of: transfer.snapshot, to: sender, &known, now)
            }
        case (.installed(let index), .snapshot(let transfer)):
            _ = known.advance(to: index)
            if index >= transfer.snapshot.point.index { known.becomeProbe() }
        case (.wants, .probe), (.wants, .replicate):
            break
        case (.installed(let index), .probe), (.installed(let index), .replicate):
            _ = known.advance(to: index)
        }
        progress[sender] = known
        advanceCommit(now, into: &out)
        sendAppends(to: sender, now, into: &out)
    }

    // MARK: Receiving

    mutating func onSnapshotChunk(
        _ chunk: SnapshotChunk, from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        hearLeader(sender, now, into: &out)
        if chunk.point.index <= commitIndex {
            out.mark(.snapshotIgnoredStale)
            incoming = nil
            send(sender, .snapshotResponse(.installed(commitIndex)), after: .everything)
            return
        }
        if log.matches(chunk.point) {
            // The log has all that the snapshot stands for: nothing needs to be replaced.
            out.mark(.snapshotKeptSuffix)
            incoming = nil
            commit(through: chunk.point.index)
            send(sender, .snapshotResponse(.installed(chunk.point.index)), after: .everything)
            return
        }
        receive(chunk, from: sender, into: &out)
    }

    private mutating func receive(
        _ chunk: SnapshotChunk, from sender: NodeID, into out: inout Outbox<Effect>
    ) {
        var arriving =
            incoming?.point == chunk.point && incoming?.count == chunk.count
            ? incoming! : IncomingSnapshot(point: chunk.point, count: chunk.count)
        guard !arriving.isSaving else { return }
        incoming = nil
        if chunk.number == arriving.chunks.count { arriving.chunks.append(chunk.bytes) }
        if arriving.chunks.count == arriving.count {
            arriving.isSaving = true
            save(Snapshot(point: arriving.point, chunks: arriving.chunks), from: sender, into: &out)
            arriving.chunks = []
        } else {
            send(
                sender,
                .snapshotResponse(.wants(number: arriving.chunks.count, of: arriving.point.index)),
                after: .term)
        }
        incoming = arriving
    }

    /// A leader's snapshot is durable: it replaces the log, unless the log has overtaken it.
    private mutating func install(
        _ saved: SavingSnapshot, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        let point = saved.snapshot.point
        if incoming?.point == point { incoming = nil }
        if point.index <= commitIndex {
            // The log has got past it by itself meanwhile.
            out.mark(.snapshotIgnoredStale)
        } else if log.matches(point) {
            out.mark(.snapshotKeptSuffix)
            commit(through: point.index)
        } else {
            out.mark(.snapshotInstalled)
            log.reset(to: point)
            durability.restarted(after: point)
            commitIndex = point.index
            snapshot = saved.snapshot
            out.emit(.restore(saved.snapshot))
            out.emit(.compactLog(through: point.index))
        }
        if let leader, role == .follower {
            send(leader, .snapshotResponse(.installed(commitIndex)), after: .everything)
        }
    }
}
