// What a node does for its clients about rooms of other clusters.
extension Node {
    // MARK: Lists

    /// Asks the other clusters for their rooms on behalf of somebody.
    mutating func list(
        _ asker: Federation.Listing.Asker, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        var listing = Federation.Listing(asker: asker, waitingFor: [], reach: Reach())
        for peer in configuration.federation.peers {
            guard state.clusters.table[peer]?.isAway != true else {
                listing.reach.unavailable.append(peer)
                continue
            }
            listing.waitingFor.append(peer)
            guard federation.standings[peer]?.isListing == false else { continue }
            federation.standings.update(peer) { $0.isListing = true }
            call(
                peer, .hostedRooms, for: .list, within: configuration.federation.listTimeout, now,
                into: &out)
        }
        federation.listings.append(listing)
        finishListings(now, into: &out)
    }

    mutating func onListed(
        _ result: CallResult, of peer: ClusterName, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        federation.standings.update(peer) { $0.isListing = false }
        var rooms: [HostedRoom]?
        if case .answered(.hostedRooms(let listed)) = result {
            // What a cluster says of rooms that are not its own counts for nothing.
            rooms = listed.filter { state.room($0.id)?.host ?? peer == peer }.map { room in
                var room = room
                room.host = peer
                return room
            }
            federation.remember(rooms ?? [], of: peer)
        }
        for place in federation.listings.indices
        where federation.listings[place].waitingFor.contains(peer) {
            federation.listings[place].waitingFor.removeAll { $0 == peer }
            if let rooms {
                federation.listings[place].rooms += rooms
                federation.listings[place].reach.available.append(peer)
            } else {
                federation.listings[place].reach.unavailable.append(peer)
            }
        }
        finishListings(now, into: &out)
    }

    private mutating func finishListings(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        while let place = federation.listings.firstIndex(where: { $0.waitingFor.isEmpty }) {
            var listing = federation.listings.remove(at: place)
            listing.reach.available.sort()
            listing.reach.unavailable.sort()
            switch listing.asker {
            case .discovery(let connection, let own):
                guard fanOut.isOpen(connection) else { continue }
                let rooms = own + listing.rooms.map { RoomSummary($0) }
                out.emit(
                    .reply(
                        connection,
                        .globalRoomsList(
                            Array(rooms.prefix(Node.maximumList)), listing.reach)))
            case .join(let pending, let room):
                guard let host = listing.rooms.first(where: { $0.id == room })?.host else {
                    let isSure = listing.reach.unavailable.isEmpty
                    fail(pending, isSure ? .roomNotFound : .unavailable, into: &out)
                    continue
                }
                joinForeign(pending, of: host, now, into: &out)
            }
        }
    }

    // MARK: Joins

    /// This cluster has no such room: perhaps another has it.
    mutating func lookUp(
        _ pending: PendingCommand, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard case .join(let room, _, _, _) = pending.operation else { return }
        if let host = federation.hosts[room] {
            joinForeign(pending, of: host, now, into: &out)
        } else {
            list(.join(pending, room), now, into: &out)
        }
    }

    private mutating func joinForeign(
        _ pending: PendingCommand, of host: ClusterName, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        guard case .join(let room, let user, let connection, let at) = pending.operation
        else { return }
        submit(
            .federation(
                .joinForeign(
                    room: room, host: host, user: user, connection: connection,
                    since: pending.since, at: at)),
            since: pending.since, for: pending.connection, now, into: &out)
    }

    /// The host was asked; the answer comes as `foreignJoin`.
    mutating func awaitJoin(
        _ pending: PendingCommand, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard let connection = pending.connection,
            let (room, user) = pending.operation.wantedMembership
        else { return }
        let limit =
            configuration.federation.callTimeout + configuration.limits.requestTimeout
        federation.joins.append(
            Federation.WaitingJoin(
                pending: pending, connection: connection, room: room, user: user,
                deadline: now + limit))
        wake(now + limit)
        // After a snapshot the answer may be in the state before the question is remembered.
        answerJoinsInState(now, into: &out)
    }

    mutating func onForeignJoin(
        _ by: MemberConnection, _ room: UniqueID, _ user: String, _ refused: Refusal?,
        _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard by.session == session else { return }
        func isMeant(_ waiting: Federation.WaitingJoin) -> Bool {
            waiting.connection == by.connection && waiting.room == room
                && TextKey(waiting.user) == TextKey(user)
        }
        // A client that asked again is answered as often.
        let waiting = federation.joins.filter(isMeant)
        federation.joins.removeAll(where: isMeant)
        if let refused {
            if refused == .roomNotFound { federation.forget(room) }
            for join in waiting { fail(join.pending, RequestError(refused), into: &out) }
        } else if !fanOut.isOpen(by.connection) {
            endMemberships(of: by.connection, now, into: &out)
        } else if !waiting.isEmpty {
            for join in waiting {
                onJoined(room, join.pending, by.connection, now, into: &out)
            }
        } else {
            // The client was told that nobody knows; what it does not know of must not last.
            submit(
                .leave(room: room, user: user, connection: by.connection, at: wall.read(now)),
                for: nil, now, into: &out)
        }
    }

    /// The state jumped, and with it perhaps over answers to joins.
    mutating func answerJoinsInState(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        guard let session else { return }
        let done = federation.joins.filter { waiting in
            let by = MemberConnection(session: session, connection: waiting.connection)
            return state.isMember(waiting.user, of: waiting.room, via: by)
        }
        for waiting in done {
            onForeignJoin(
                MemberConnection(session: session, connection: waiting.connection), waiting.room,
                waiting.user, nil, now, into: &out)
        }
    }

    mutating func expireWaiting(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        for waiting in federation.joins {
            guard waiting.deadline <= now else {
                wake(waiting.deadline)
                continue
            }
            federation.joins.removeAll { $0 == waiting }
            out.mark(.requestTimedOut)
            fail(waiting.pending, .outcomeUnknown, into: &out)
        }
    }

    // MARK: Messages

    /// The cluster that hosts the room, if another does.
    func host(of room: UniqueID) -> ClusterName? {
        guard federation.isActive else { return nil }
        return state.rooms.table.read(room) { $0.host } ?? nil
    }

    /// Takes on a message for a room that another cluster hosts.
    mutating func forward(
        _ room: UniqueID, _ user: String, _ content: String, _ clientMessageID: String?,
        to host: ClusterName, for connection: ConnectionID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        func refuse(_ error: RequestError) {
            out.emit(
                .reply(
                    connection,
                    .messageFailed(room: room, clientMessageID: clientMessageID, error)))
        }
        guard let session,
            state.isMember(
                user, of: room, via: MemberConnection(session: session, connection: connection))
        else { return refuse(.notMember) }
        guard state.clusters.table[host]?.isAway == false else { return refuse(.unavailable) }
        federation.forwards.append(
            Federation.Forward(
                connection: connection, room: room, user: user, content: content,
                clientMessageID: clientMessageID,
                key: clientMessageID ?? UniqueID(drawing: &prng).description, host: host,
                deadline: now + configuration.limits.requestTimeout, retryAt: now))
        forwardNext(now, into: &out)
    }

    /// Calls for each connection whose first message is not under way.
    mutating func forwardNext(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        guard !federation.forwards.isEmpty else { return }
        var busy: Set<ConnectionID> = []
        var place = 0
        while place < federation.forwards.count {
            let forward = federation.forwards[place]
            place += 1
            guard busy.insert(forward.connection).inserted else { continue }
            guard !forward.isCalled else { continue }
            guard forward.deadline > now else {
                place -= 1
                busy.remove(forward.connection)
                federation.forwards.remove(at: place)
                fail(forward, forward.mayHaveHappened ? .outcomeUnknown : .unavailable, into: &out)
                continue
            }
            // What the host understands decides whether a retry is harmless.
            guard federation.standings[forward.host]?.isHeard == true else {
                wake(forward.deadline)
                continue
            }
            guard forward.retryAt <= now else {
                wake(min(forward.retryAt, forward.deadline))
                continue
            }
            federation.forwards[place - 1].isCalled = true
            let name = configuration.federation.name
            call(
                forward.host,
                .forwardMessage(
                    room: forward.room, user: forward.user, content: forward.content, from: name),
                CallContext(caller: name, clientMessageID: forward.key),
                for: .forward(forward.connection), within: forward.deadline - now, now, into: &out)
        }
    }

    mutating func onForwarded(
        _ result: CallResult, _ connection: ConnectionID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        guard
            let place = federation.forwards.firstIndex(where: {
                $0.connection == connection && $0.isCalled
            })
        else { return }
        let forward = federation.forwards[place]
        let canRepeat = federation.standings[forward.host]?.understandsContext ?? false
        switch result {
        case .answered(.forwarded(let id, let sequence, let at)):
            federation.forwards.remove(at: place)
            guard fanOut.isOpen(connection) else { break }
            out.emit(
                .reply(
                    connection,
                    .messageSent(
                        room: forward.room, id: id, sequence: sequence, at: at,
                        clientMessageID: forward.clientMessageID)))
        case .answered(.refused(.unavailable, _)), .failed(wasSent: false):
            retry(place, now, into: &out)
        case .failed(wasSent: true) where canRepeat:
            federation.forwards[place].mayHaveHappened = true
            retry(place, now, into: &out)
        case .answered(.refused(.notMember, _)):
            // The host has lost sight of this cluster's users: it is told of them again.
            out.mark(.federationRejoined)
            federation.forwards.remove(at: place)
            submit(.federation(.rejoin(room: forward.room)), for: nil, now, into: &out)
            fail(forward, .unavailable, into: &out)
        case .answered(.refused(let refusal, _)):
            federation.forwards.remove(at: place)
            if refusal == .roomNotFound {
                // The host is asked once more, and its answer ends the mirror.
                submit(.federation(.rejoin(room: forward.room)), for: nil, now, into: &out)
            }
            fail(forward, RequestError(refusal), into: &out)
        case .answered, .fault, .failed:
            federation.forwards.remove(at: place)
            fail(forward, .outcomeUnknown, into: &out)
        }
    }

    private mutating func retry(
        _ place: Int, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        out.mark(.federationRetried)
        federation.forwards[place].isCalled = false
        federation.forwards[place].retryAt = now + configuration.federation.retryPause
    }

    private func fail(
        _ forward: Federation.Forward, _ error: RequestError, into out: inout Outbox<NodeEffect>
    ) {
        guard fanOut.isOpen(forward.connection) else { return }
        out.emit(
            .reply(
                forward.connection,
                .messageFailed(
                    room: forward.room, clientMessageID: forward.clientMessageID, error)))
    }
}

extension RoomSummary {
    /// A room of another cluster.
    init(_ room: HostedRoom) {
        self.init(
            id: room.id, name: room.name, description: room.description,
            memberCount: room.memberCount, admin: .cluster(room.host), address: room.address)
    }
}

extension RequestError {
    /// What another cluster's refusal means to a client.
    init(_ refusal: FederationRefusal) {
        self =
            switch refusal {
            case .invalidRequest: .invalidRequest
            case .invalidContent: .invalidContent
            case .roomNotFound: .roomNotFound
            case .notInRoom, .notMember: .notMember
            case .unavailable, .outOfOrder: .unavailable
            case .unknown: .outcomeUnknown
            }
    }
}

extension Operation {
    /// Of a join: the room and the user.
    var wantedMembership: (room: UniqueID, user: String)? {
        switch self {
        case .join(let room, let user, _, _): (room, user)
        case .federation(.joinForeign(let room, _, let user, _, _, _)): (room, user)
        case .openNodeSession, .openClientSession, .keepAlive, .expireSessions, .createRoom,
            .leave, .disconnect, .send, .deleteRoom, .decideDeletion, .federation, .register:
            nil
        }
    }
}
