/// From committed entries to answers and fan-out.
extension Node {
    /// Applies what is committed, a bounded part of it a step.
    mutating func applyCommitted(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        var budget = configuration.limits.applyBatch
        while state.applied.index < raft.commitIndex {
            guard budget > 0 else {
                upkeep.continueAt(now)
                return
            }
            budget -= 1
            let index = state.applied.index.next
            guard let entry = raft.log.entry(at: index) else {
                preconditionFailure("\(configuration.id) holds no entry \(index) to apply")
            }
            upkeep.logBytes += entry.size
            let report = state.apply(entry, into: &stateEffects)
            out.merge(report.marks)
            if let index = report.mismatch {
                halt(.diverged(at: index), into: &out)
                return
            }
            if entry.kind == .clusterVersion {
                out.mark(.clusterVersionRaised)
                out.emit(.note(.clusterVersion(state.clusterVersion)))
            }
            performStateEffects(now, into: &out)
        }
        takeSnapshotIfDue(into: &out, now)
    }

    private mutating func performStateEffects(
        _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard !stateEffects.isEmpty else { return }
        for position in stateEffects.indices {
            switch stateEffects[position] {
            case .outcome(let session, let sequence, let outcome):
                onOutcome(outcome, session: session, sequence: sequence, now, into: &out)
            case .nodeSessionOpened(let node, let boot, let opened):
                if node == configuration.id, boot == configuration.boot {
                    session = opened
                    proposePending(before: now, now, into: &out)
                }
            case .nodeSessionEnded(_, let ended):
                if ended == session { loseSession(into: &out) } else { noteTakeover(into: &out) }
            case .message(let room, let message):
                deliver(
                    .newMessage(room: room, message),
                    to: fanOut.receivers(of: message.sequence, in: room), into: &out)
            case .memberJoined(let room, let user, let by, let count, let at):
                let joiner = by.session == session ? by.connection : nil
                deliver(
                    .memberJoined(room: room, user: user, memberCount: count, at: at),
                    to: others(fanOut.receivers(in: room), in: room, than: user)
                        .filter { $0 != joiner },
                    into: &out)
            case .memberLeft(let room, let user, let count, let reason, let at):
                deliver(
                    .memberLeft(
                        room: room, user: user, memberCount: count, reason: reason, at: at),
                    to: others(
                        fanOut.receivers(in: room, besidesEnding: user), in: room, than: user),
                    into: &out)
            case .deletionBegun(let room, _, let by, let user):
                let asker = by.session == session ? by.connection : nil
                deliver(
                    .deletionBegun(room: room, transaction: nil, initiator: user),
                    to: fanOut.receivers(in: room).filter { $0 != asker }, into: &out)
            case .roomDeleted, .deletionAborted:
                onDecided(stateEffects[position], into: &out)
            case .foreignJoin(let by, let room, let user, let refused):
                onForeignJoin(by, room, user, refused, now, into: &out)
            case .historyJumped(let room):
                out.mark(.mirrorJumped)
                fanOut.fallBehind(in: room)
                upkeep.continueAt(now)
            case .guestLeft(let room, _, _, _):
                // With its last user here the mirror went: what is subscribed to a later one must
                // begin where that begins.
                if state.room(room) == nil { fanOut.remove(room) }
            }
        }
        stateEffects.removeAll(keepingCapacity: true)
    }

    private func deliver(
        _ message: ServerMessage, to receivers: [ConnectionID],
        into out: inout Outbox<NodeEffect>
    ) {
        if !receivers.isEmpty { out.emit(.deliver(receivers, message)) }
    }

    /// The connections in a room, without those of a user of a mirrored room, whom the host's word on
    /// itself would only confuse.
    private func others(
        _ receivers: [ConnectionID], in room: UniqueID, than user: String
    ) -> [ConnectionID] {
        guard host(of: room) != nil, let session else { return receivers }
        return receivers.filter {
            !state.isMember(
                user, of: room, via: MemberConnection(session: session, connection: $0))
        }
    }

    /// A deletion is decided: the asker and the members learn of it.
    private mutating func onDecided(
        _ effect: StateEffect, into out: inout Outbox<NodeEffect>
    ) {
        switch effect {
        case .roomDeleted(let room, let name, let transaction, let asked, let without):
            if let asked {
                out.mark(.deletionCommitted)
                out.emit(
                    .note(.deletionDecided(room: room, isCommitted: true, without: without)))
                if asked.session == session, fanOut.isOpen(asked.connection) {
                    out.emit(
                        .reply(
                            asked.connection, .deletionDone(room: room, transaction: transaction)))
                }
            }
            deliver(
                .roomDeleted(room: room, name: name), to: fanOut.receivers(in: room), into: &out)
            fanOut.remove(room)
        case .deletionAborted(let room, let transaction, let asked, let by, let reason):
            out.mark(.deletionAborted)
            out.emit(.note(.deletionDecided(room: room, isCommitted: false, without: [])))
            guard asked.session == session, fanOut.isOpen(asked.connection) else { return }
            out.emit(
                .reply(
                    asked.connection,
                    .deletionFailed(
                        room: room, transaction: transaction, .deletionFailed,
                        reason: "\(by) voted against it: \(reason)")))
        case .outcome, .nodeSessionOpened, .nodeSessionEnded, .message, .memberJoined,
            .memberLeft, .deletionBegun, .foreignJoin, .guestLeft, .historyJumped:
            preconditionFailure("no decision on a deletion")
        }
    }

    // MARK: Outcomes

    private mutating func onOutcome(
        _ outcome: Outcome, session: SessionID, sequence: UInt64, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let number =
            session == self.session
            ? sequence : requests.number(session: session, sequence: sequence)
        guard let number, let pending = requests.removeCommand(number) else { return }
        if case .disconnect(let connection, let reason, let at) = pending.operation {
            onMembershipsEnded(of: connection, reason, at, outcome, now, into: &out)
        }
        if let caller = pending.caller { return answer(caller, pending, outcome, into: &out) }
        guard let connection = pending.connection else { return }
        guard fanOut.touch(connection, now) else {
            // The client left while its join was under way: nobody else ends that membership. Of
            // one whose outcome is forgotten, nobody knows whether there is any.
            switch (pending.operation, outcome) {
            case (_, .joined), (_, .joinPending), (.join, .refused(.alreadyAcknowledged)):
                endMemberships(of: connection, now, into: &out)
            default: break
            }
            return
        }
        answer(pending, outcome, connection, now, into: &out)
    }

    private mutating func answer(
        _ pending: PendingCommand, _ outcome: Outcome, _ connection: ConnectionID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        switch (pending.operation, outcome) {
        case (.join, .refused(.roomNotFound)) where federation.isActive:
            lookUp(pending, now, into: &out)
        case (_, .joinPending):
            out.mark(.joinForeignAsked)
            awaitJoin(pending, now, into: &out)
        case (.federation(.joinForeign(let id, _, _, _, _, _)), .joined):
            onJoined(id, pending, connection, now, into: &out)
        case (.deleteRoom(let deletion), .deletionBegun(let transaction)):
            out.emit(
                .reply(
                    connection,
                    .deletionBegun(
                        room: deletion.room, transaction: transaction, initiator: nil)))
        case (_, .refused(let refusal)):
            fail(pending, RequestError(refusal), into: &out)
        case (.createRoom, .roomCreated(let id)):
            guard let room = state.room(id), let summary = state.summary(of: id) else {
                return fail(pending, .roomNotFound, into: &out)
            }
            out.emit(
                .reply(
                    connection,
                    .roomCreated(
                        summary, createdAt: room.createdAt, members: state.members(of: id))))
        case (.join(let id, _, _, _), .joined):
            onJoined(id, pending, connection, now, into: &out)
        case (.leave(let id, let user, _, _), .left):
            if let session,
                state.memberships(of: .init(session: session, connection: connection))
                    .allSatisfy({ $0.room != id })
            {
                fanOut.unsubscribe(connection, from: id)
            }
            out.emit(.reply(connection, .left(room: id, user: user)))
        case (.send(let submission), .sent(let room, let id, let sequence, let at)):
            if id != submission.id { out.mark(.retryByMessageID) }
            out.emit(
                .reply(
                    connection,
                    .messageSent(
                        room: room, id: id, sequence: sequence, at: at,
                        clientMessageID: submission.clientMessageID)))
        case (.openClientSession, .sessionOpened(let opened)):
            out.emit(.reply(connection, .sessionOpened(opened)))
        case (.register(let key, _), .written(let version)):
            out.emit(.reply(connection, .registerWritten(key: key, version: version)))
        case (.register(let key, _), .versionMismatch(let value)):
            out.emit(.reply(connection, .registerMismatch(key: key, value)))
        case (_, .done), (_, .roomCreated), (_, .joined), (_, .left), (_, .sent),
            (_, .sessionOpened), (_, .written), (_, .versionMismatch), (_, .deletionBegun):
            // A client reused a request number of its session for something else.
            fail(pending, .alreadyAcknowledged, into: &out)
        }
    }

    mutating func onJoined(
        _ id: UniqueID, _ pending: PendingCommand, _ connection: ConnectionID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        guard let room = state.room(id), let summary = state.summary(of: id) else {
            return fail(pending, .roomNotFound, into: &out)
        }
        let last = room.history.lastSequence
        let wanted: UInt64
        if let since = pending.since {
            out.mark(.rejoinSince)
            wanted = min(since, last) + 1
        } else {
            let recent = UInt64(configuration.limits.joinHistory)
            wanted = last > recent ? last - recent + 1 : 1
        }
        let from = max(wanted, room.history.firstSequence)
        out.emit(
            .reply(
                connection,
                .joined(
                    JoinReply(
                        room: summary, members: state.members(of: id), historyFrom: from,
                        historyComplete: pending.since == nil || from == wanted))))
        fanOut.subscribe(connection, to: id, from: from)
        sendHistory(now, into: &out)
    }

    // MARK: History

    /// Sends the next batch of history to every connection that is behind and takes what it gets.
    mutating func sendHistory(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        guard !fanOut.behind.isEmpty else { return }
        for place in fanOut.ready where place.notBefore <= now {
            guard fanOut.isOpen(place.connection), let room = state.room(place.room) else {
                // The room is gone; who was in it was told so.
                fanOut.unsubscribe(place.connection, from: place.room)
                continue
            }
            if place.next < room.history.firstSequence {
                // What the connection misses is gone: it must learn so by joining again.
                out.mark(.fanOutGapClosed)
                drop(place.connection, .serviceRestart, now, into: &out)
                continue
            }
            var next = place.next
            var bytes = 0
            for message in room.history.messages(from: next, limit: FanOut.batchCount) {
                guard bytes < FanOut.batchBytes else { break }
                bytes += message.content.utf8.count
                next = message.sequence + 1
                out.emit(.reply(place.connection, .newMessage(room: place.room, message)))
            }
            fanOut.advance(place, to: next, last: room.history.lastSequence, now)
        }
        // Who has not taken the last batch is woken by the driver's next word on its backlog.
        if let next = fanOut.ready.map(\.notBefore).min() { upkeep.continueAt(max(next, now)) }
    }

    /// A leader's snapshot replaced the log: the state jumps, and nobody may notice a gap.
    mutating func restore(
        _ snapshot: Snapshot, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard let restored = try? Node.state(in: snapshot, configuration) else {
            // A leader of a later version wrote it; this one can go on only as that version.
            halt(.snapshotUnreadable(at: snapshot.point.index), into: &out)
            return
        }
        tellMembers(before: state, after: restored, now, into: &out)
        tellDeletions(before: state, after: restored, into: &out)
        state = restored
        upkeep.logBytes = 0
        out.emit(.note(.snapshotInstalled(snapshot.point, bytes: snapshot.size)))
        let restoredSession = state.openSession(of: configuration.id, boot: configuration.boot)
        if session != nil, session != restoredSession { loseSession(into: &out) }
        session = restoredSession
        // What was decided inside the snapshot the state remembers; the rest is asked again.
        requests.forgetProposals()
        if !fanOut.rooms.isEmpty { out.mark(.fanOutCaughtUp) }
        fanOut.fallBehind()
        upkeep.continueAt(now)
        upkeep.mustPropose = true
    }

    /// Answers the requests that were decided inside a snapshot. Proposing all of them again would
    /// make the leader's log grow, which can end in the next snapshot, and so on without end.
    mutating func answerRemembered(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        for number in requests.proposedCommands {
            guard let pending = requests.commands[number],
                let owner = pending.numbering?.session ?? session
            else { continue }
            let sequence = pending.numbering?.sequence ?? number
            guard let outcome = state.session(owner)?.outcomes[sequence] else { continue }
            onOutcome(outcome, session: owner, sequence: sequence, now, into: &out)
            if case .deletionBegun(let transaction) = outcome,
                case .deleteRoom(let deletion) = pending.operation
            {
                tellDecision(
                    on: deletion.room, transaction, to: deletion.connection, in: state,
                    into: &out)
            }
        }
    }

    /// Tells the clients which rooms went, and how deletions ended, while the state jumped.
    private mutating func tellDeletions(
        before: ReplicatedState, after: ReplicatedState, into out: inout Outbox<NodeEffect>
    ) {
        for (room, deletion) in before.rooms.deletions
        where deletion.asked.session == session {
            tellDecision(
                on: room, deletion.transaction, to: deletion.asked.connection, in: after,
                into: &out)
        }
        for room in fanOut.subscribedRooms {
            guard after.room(room) == nil, let name = before.room(room)?.name else { continue }
            deliver(
                .roomDeleted(room: room, name: name), to: fanOut.receivers(in: room), into: &out)
            fanOut.remove(room)
        }
    }

    /// Tells an asker how a deletion ended that is not under way in this state.
    private func tellDecision(
        on room: UniqueID, _ transaction: UniqueID, to connection: ConnectionID,
        in state: ReplicatedState, into out: inout Outbox<NodeEffect>
    ) {
        guard fanOut.isOpen(connection),
            state.room(room)?.deletion?.transaction != transaction
        else { return }
        out.emit(
            .reply(
                connection,
                state.room(room) == nil
                    ? .deletionDone(room: room, transaction: transaction)
                    : .deletionFailed(
                        room: room, transaction: transaction, .deletionFailed, reason: nil)))
    }

    /// Tells the clients who has joined and left while the state jumped.
    private mutating func tellMembers(
        before: ReplicatedState, after: ReplicatedState, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let at = wall.read(now)
        for room in fanOut.subscribedRooms {
            let receivers = fanOut.receivers(in: room)
            let old = before.members(of: room)
            let new = after.members(of: room)
            for user in old where !new.contains(user) {
                // Who is removed for being idle hears of that alone, when it is known here.
                deliver(
                    .memberLeft(
                        room: room, user: user, memberCount: new.count, reason: .disconnected,
                        at: at),
                    to: fanOut.receivers(in: room, besidesEnding: user), into: &out)
            }
            for user in new where !old.contains(user) {
                deliver(
                    .memberJoined(room: room, user: user, memberCount: new.count, at: at),
                    to: receivers, into: &out)
            }
        }
    }

    // MARK: Connections

    mutating func onDisconnected(
        _ connection: ConnectionID, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard fanOut.close(connection) else { return }
        endMemberships(of: connection, now, into: &out)
    }

    mutating func endMemberships(
        of connection: ConnectionID, because reason: LeaveReason = .disconnected, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        submit(
            .disconnect(connection: connection, reason: reason, at: wall.read(now)), for: nil, now,
            into: &out)
    }

    mutating func onBacklog(
        _ bytes: Int, of connection: ConnectionID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        guard fanOut.isOpen(connection) else { return }
        guard bytes <= configuration.limits.clientBacklog else {
            out.mark(.slowReaderDropped)
            out.emit(.note(.slowClientDropped(connection, bytes: bytes)))
            drop(connection, .tooSlow, now, into: &out)
            return
        }
        fanOut.setBacklog(bytes, of: connection)
        if bytes == 0 { sendHistory(now, into: &out) }
    }

    /// Ends a client's connection and its memberships.
    mutating func drop(
        _ connection: ConnectionID, _ reason: CloseReason, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        out.emit(.close(connection, reason))
        onDisconnected(connection, now, into: &out)
    }

    /// The node's session is over, and with it its clients' memberships: they must join again.
    private mutating func loseSession(into out: inout Outbox<NodeEffect>) {
        out.mark(.nodeSessionSuperseded)
        session = nil
        for number in requests.proposedCommands {
            guard let pending = requests.removeCommand(number) else { continue }
            if let caller = pending.caller { giveUp(caller, pending, into: &out) }
            fail(pending, .outcomeUnknown, into: &out)
        }
        closeAll(into: &out)
    }

    /// Ends all clients' connections.
    mutating func closeAll(into out: inout Outbox<NodeEffect>) {
        for connection in fanOut.openConnections {
            out.emit(.close(connection, .serviceRestart))
            _ = fanOut.close(connection)
        }
    }
}

extension RequestError {
    /// What a refusal of the replicated state means to a client.
    init(_ refusal: Refusal) {
        self =
            switch refusal {
            case .roomNotFound: .roomNotFound
            case .nameTaken: .nameTaken
            case .notMember: .notMember
            case .sessionExpired: .sessionExpired
            case .alreadyAcknowledged: .outcomeUnknown
            case .foreignIncarnation: .unavailable
            case .malformed: .invalidRequest
            case .unauthorized: .unauthorized
            case .invalidState: .invalidState
            case .hostUnavailable, .superseded: .unavailable
            }
    }
}
