// What a node answers to other clusters.
extension Node {
    /// The most messages in the answer to a join that says what it has.
    static let maximumCatchUp = 1_000
    /// The bytes of content after which such an answer ends.
    static let maximumCatchUpBytes = 256 << 10

    mutating func onIncoming(
        _ id: IncomingCallID, _ call: FederationCall, _ context: CallContext, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        if case .heartbeat = call { return answerHeartbeat(id, context, now, into: &out) }
        if let (refusal, text) = refusal(of: call) {
            out.emit(.answer(id, .refused(refusal, text)))
            return
        }
        if let caller = call.caller ?? context.caller { hear(caller, now) }
        guard let operation = operation(of: call, context, now) else {
            let number = requests.add(
                PendingRead(
                    connection: nil, caller: id, query: .hostedRooms,
                    deadline: now + configuration.limits.requestTimeout))
            ask(number, now, into: &out)
            return
        }
        submit(operation, since: context.since, caller: id, for: nil, now, into: &out)
    }

    private func answerHeartbeat(
        _ id: IncomingCallID, _ context: CallContext, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let visit = context.caller.flatMap { state.clusters.table[$0]?.visit.rawValue }
        out.emit(
            .answer(
                id,
                .heartbeat(
                    HeartbeatAnswer(
                        name: configuration.federation.name, at: wall.read(now),
                        understandsContext: true, visit: visit))))
    }

    /// A cluster that was away has made a call: it is asked at once whether it is back.
    private mutating func hear(_ caller: ClusterName, _ now: Instant) {
        guard state.clusters.table[caller]?.isAway == true else { return }
        federation.standings.update(caller) { $0.heartbeatAt = min($0.heartbeatAt, now) }
        wake(now)
    }

    private func refusal(of call: FederationCall) -> (FederationRefusal, String)? {
        if upkeep.isDraining { return (.unavailable, "The node is stopping") }
        guard pendingCount < configuration.limits.pendingRequests,
            requests.bytes < configuration.limits.pendingBytes
        else { return (.unavailable, "The node has too many unfinished requests") }
        if let from = call.caller, !configuration.federation.peers.contains(from) {
            // Nobody knows where to tell it what happens in the room.
            return (.invalidRequest, "\(from) is not among this node's FEDERATION_PEERS")
        }
        switch call {
        case .joinRoom(let room, let user, _):
            guard Node.isName(user) else {
                return (.invalidRequest, "The name is empty, too long or has control characters")
            }
            if isFull(room, for: user) {
                return (.invalidRequest, "The room has as many members as MEMBER_LIMIT allows")
            }
        case .leaveRoom(_, let user, _), .memberDisconnected(_, let user, _, _):
            guard Node.isLabel(user) else { return (.invalidRequest, "The name is too long") }
        case .forwardMessage(_, let user, let content, _):
            guard Node.isLabel(user) else { return (.invalidRequest, "The name is too long") }
            guard Node.fits(content), TextRules.isContent(content) else {
                return (.invalidContent, "The content must have 1 to 5,000 characters")
            }
        case .messageBroadcast(_, let message):
            guard Node.isLabel(message.user), Node.fits(message.content) else {
                return (.invalidRequest, "The message is too long")
            }
        case .memberEventBroadcast(_, let event):
            guard Node.isLabel(event.user) else { return (.invalidRequest, "The name is too long") }
        case .heartbeat, .hostedRooms, .prepareDeletion, .commitDeletion, .rollbackDeletion: break
        }
        if call.addsToState, state.byteCount >= configuration.limits.stateBytes {
            // Not `unavailable`, for what follows in the caller's outbox may free space.
            return (.invalidRequest, "The storage limit is reached")
        }
        return nil
    }

    private mutating func operation(
        of call: FederationCall, _ context: CallContext, _ now: Instant
    ) -> Operation? {
        let at = wall.read(now)
        func place(_ caller: ClusterName) -> CallPlace {
            // Numbers count only from the one who says who it is.
            guard context.caller == caller else { return CallPlace(caller: caller) }
            return CallPlace(
                caller: caller, stream: context.stream ?? 0, number: context.number ?? 0)
        }
        switch call {
        case .heartbeat, .hostedRooms: return nil
        case .joinRoom(let room, let user, let from):
            return .federation(.join(place(from), room: room, user: user, at: at))
        case .leaveRoom(let room, let user, let from):
            return .federation(
                .leave(place(from), room: room, user: user, reason: .requested, at: at))
        case .memberDisconnected(let room, let user, let from, let reason):
            return .federation(
                .leave(place(from), room: room, user: user, reason: reason, at: at))
        case .forwardMessage(let room, let user, let content, let from):
            return .federation(
                .send(
                    from: from,
                    MessageSubmission(
                        room: room, user: user, connection: .guest,
                        id: UniqueID(drawing: &prng), content: content,
                        clientMessageID: context.clientMessageID.map { "\(from)/\($0)" },
                        at: at)))
        case .messageBroadcast(let room, let message):
            return .federation(
                .message(context.caller.map { place($0) }, room: room, message))
        case .memberEventBroadcast(let room, let event):
            return .federation(
                .memberEvent(context.caller.map { place($0) }, room: room, event))
        case .prepareDeletion(let room, let transaction, let coordinator):
            return .federation(
                .prepareDeletion(
                    room: room, transaction: transaction, coordinator: coordinator))
        case .commitDeletion(let room, let transaction, _):
            return .federation(
                .finishDeletion(
                    room: room, transaction: transaction, isCommitted: true,
                    from: context.caller))
        case .rollbackDeletion(let room, let transaction):
            return .federation(
                .finishDeletion(
                    room: room, transaction: transaction, isCommitted: false,
                    from: context.caller))
        }
    }

    // MARK: Answers

    /// Answers a call whose command is decided.
    func answer(
        _ call: IncomingCallID, _ pending: PendingCommand, _ outcome: Outcome,
        into out: inout Outbox<NodeEffect>
    ) {
        guard case .federation(let operation) = pending.operation else { return }
        out.emit(.answer(call, answer(to: operation, pending, outcome)))
    }

    private func answer(
        to operation: FederationOperation, _ pending: PendingCommand, _ outcome: Outcome
    ) -> FederationAnswer {
        switch (operation, outcome) {
        case (.join(_, let room, _, _), .joined): return joined(room, since: pending.since)
        // What came later in the caller's outbox was taken, so this was, too.
        case (.leave, .left), (.leave, .refused(.superseded)): return .left
        case (.join, .refused(.superseded)):
            return .refused(.outOfOrder, "A later call was taken before")
        case (.leave, .refused(.notMember)):
            return .refused(.notInRoom, "The user is not in the room")
        case (.send, .sent(_, let id, let sequence, let at)):
            return .forwarded(id: id, sequence: sequence, at: at)
        case (.message, .done), (.memberEvent, .done), (.message, .refused(.superseded)),
            (.memberEvent, .refused(.superseded)):
            return .received(true)
        case (.message, .refused(.roomNotFound)), (.memberEvent, .refused(.roomNotFound)):
            return .received(false)
        case (.prepareDeletion, .done): return .vote(abort: nil)
        case (.prepareDeletion, .refused(.invalidState)):
            return .vote(abort: "Another node hosts the room")
        case (.finishDeletion, .done): return .finished
        case (.finishDeletion, .refused(.invalidState)):
            return .refused(.invalidRequest, "Another node hosts the room")
        case (_, .refused(let refusal)):
            let error = RequestError(refusal)
            return .refused(FederationRefusal(error), "\(error)")
        default: return .refused(.unknown, "The outcome is not known")
        }
    }

    private func joined(_ id: UniqueID, since: UInt64?) -> FederationAnswer {
        guard let room = state.room(id) else { return .refused(.roomNotFound, "No such room") }
        var messages: [ChatMessage] = []
        if let since {
            var bytes = 0
            for message in state.messages(in: id, after: since, limit: Node.maximumCatchUp) {
                guard bytes < Node.maximumCatchUpBytes else { break }
                bytes += message.content.utf8.count
                messages.append(message)
            }
        } else {
            // One at least, for a mirror must know with which number it begins.
            let limit = max(1, configuration.limits.joinHistory)
            messages = state.lastMessages(in: id, limit: limit)
        }
        var hosted = hosted(room)
        if since != nil { hosted.lastSequence = room.history.lastSequence }
        return .joined(hosted, members: state.members(of: id), messages: messages)
    }

    func hosted(_ room: Room) -> HostedRoom {
        HostedRoom(
            id: room.id, name: room.name, description: room.description,
            memberCount: room.memberCount, host: configuration.federation.name)
    }

    /// Tells the caller that its call was given up.
    func giveUp(
        _ call: IncomingCallID, _ pending: PendingCommand, into out: inout Outbox<NodeEffect>
    ) {
        let refusal: FederationRefusal = pending.mayHaveHappened ? .unknown : .unavailable
        out.emit(.answer(call, .refused(refusal, "The node has no leader just now")))
    }
}

extension FederationCall {
    /// The cluster that asks, where the call says so.
    var caller: ClusterName? {
        switch self {
        case .joinRoom(_, _, let from), .leaveRoom(_, _, let from),
            .forwardMessage(_, _, _, let from), .memberDisconnected(_, _, let from, _):
            from
        case .prepareDeletion(_, _, let coordinator): coordinator
        case .heartbeat, .hostedRooms, .messageBroadcast, .memberEventBroadcast, .commitDeletion,
            .rollbackDeletion:
            nil
        }
    }

    var addsToState: Bool {
        switch self {
        case .joinRoom, .forwardMessage, .messageBroadcast: true
        case .heartbeat, .hostedRooms, .leaveRoom, .memberEventBroadcast, .memberDisconnected,
            .prepareDeletion, .commitDeletion, .rollbackDeletion:
            false
        }
    }
}

extension FederationRefusal {
    /// What a client's error means to another cluster.
    init(_ error: RequestError) {
        self =
            switch error {
            case .invalidRequest: .invalidRequest
            case .invalidContent: .invalidContent
            case .roomNotFound: .roomNotFound
            case .notMember: .notMember
            case .unavailable, .overloaded, .stateFull, .sessionExpired, .rateLimited, .roomLimit,
                .roomFull:
                .unavailable
            case .nameTaken, .outcomeUnknown, .alreadyAcknowledged, .unauthorized, .invalidState,
                .deletionFailed:
                .unknown
            }
    }
}
