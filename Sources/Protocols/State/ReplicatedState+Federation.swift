// Rooms between clusters, as entries change them.
extension ReplicatedState {
    mutating func execute(
        _ operation: FederationOperation, of header: CommandHeader,
        into effects: inout [StateEffect], marks: inout MarkSet
    ) -> Outcome {
        switch operation {
        case .join(let place, let room, let user, let at):
            guard let guest = admit(place, to: room, at: at, into: &effects, marks: &marks) else {
                return refusal(of: place, room)
            }
            if !rooms.hasSeat(guest, in: room) { forgetEarlierStay(of: place.caller, in: room) }
            return rooms.join(room, user: user, via: guest, at: at, into: &effects)
        case .leave(let place, let room, let user, let reason, let at):
            guard let guest = admit(place, to: room, at: at, into: &effects, marks: &marks) else {
                return refusal(of: place, room)
            }
            return rooms.leave(
                room, user: user, via: guest, reason: reason, at: at, into: &effects)
        case .send(let from, var submission):
            clusters.meet(from)
            guard let visit = clusters.table[from]?.visit else { return .refused(.malformed) }
            submission.connection = .guest
            return rooms.send(
                submission, via: visit, at: stamp, limits: limits, into: &effects, marks: &marks)
        case .message(let place, let room, let message):
            return receive(place, in: room, marks: &marks) { state, marks in
                state.receive(message, in: room, into: &effects, marks: &marks)
            }
        case .memberEvent(let place, let room, let event):
            return receive(place, in: room, marks: &marks) { state, _ in
                // An answer to a join that is older than the event must not undo it.
                guard !state.isJoining(room) else { return .refused(.hostUnavailable) }
                state.rooms.receive(event, in: room, into: &effects)
                return .done
            }
        case .prepareDeletion(let room, let transaction, let coordinator):
            return prepareDeletion(of: room, transaction, coordinator)
        case .finishDeletion(let room, let transaction, let isCommitted, let from):
            return finishDeletion(of: room, transaction, isCommitted, from, into: &effects)
        case .joinForeign(let room, let host, let user, let connection, let since, let at):
            let connection = MemberConnection(session: header.session, connection: connection)
            return join(
                room, host: host, user: user, via: connection, since: since, at: at,
                into: &effects)
        case .rejoin(let room):
            rejoin(room)
            return .done
        case .delivered, .joinAnswered, .setAway, .visit:
            return keep(operation, into: &effects, marks: &marks)
        }
    }

    /// What the leader found out about another cluster.
    private mutating func keep(
        _ operation: FederationOperation, into effects: inout [StateEffect], marks: inout MarkSet
    ) -> Outcome {
        switch operation {
        case .delivered(let cluster, let number):
            clusters.table.update(cluster) { $0.outbox.remove(through: number) }
        case .joinAnswered(let cluster, let number, let answer, let since, let at):
            joinAnswered(cluster, number, answer, since: since, at: at, into: &effects)
        case .setAway(let cluster, let isAway, let at):
            clusters.meet(cluster)
            guard isAway || clusters.table[cluster]?.isAway == true else { return .done }
            if isAway {
                marks.insert(.clusterFailed)
                part(from: cluster, at: at, into: &effects)
            } else {
                marks.insert(.clusterReturned)
                clusters.table.update(cluster) { $0.isAway = false }
                rejoinAll(of: cluster)
            }
        case .visit(let cluster, let visit):
            clusters.meet(cluster)
            guard let known = clusters.table[cluster]?.ownVisit, visit > known else {
                return .done
            }
            clusters.table.update(cluster) { $0.ownVisit = visit }
            // A join that is under way may have been done before the host removed all.
            askAnew(cluster)
            rejoinAll(of: cluster)
        case .join, .leave, .send, .message, .memberEvent, .prepareDeletion, .finishDeletion,
            .joinForeign, .rejoin:
            preconditionFailure("not the leader's finding: \(operation)")
        }
        return .done
    }

    // MARK: - As the host

    /// The seat of a cluster's users in a room hosted here; `nil` for an echo or no such room.
    private mutating func admit(
        _ place: CallPlace, to room: UniqueID, at: WallTime,
        into effects: inout [StateEffect], marks: inout MarkSet
    ) -> MemberConnection? {
        clusters.meet(place.caller)
        if let heard = clusters.table[place.caller]?.heard.stream, heard != 0, place.stream != 0,
            heard != place.stream
        {
            // The cluster lost its data: of the users that it had here it knows nothing.
            beginVisit(of: place.caller, at: at, into: &effects)
        }
        guard clusters.table.update(place.caller, { $0.isEcho(place) }) == false else {
            marks.insert(.federationEcho)
            return nil
        }
        guard rooms.table.read(room, { $0.host == nil }) == true,
            let visit = clusters.table[place.caller]?.visit
        else { return nil }
        return MemberConnection(session: visit, connection: .guest)
    }

    /// A cluster comes into a room anew: what it would have been told of an earlier stay there is in
    /// the answer to its join, and would undo that if it came later.
    private mutating func forgetEarlierStay(of name: ClusterName, in room: UniqueID) {
        clusters.table.update(name) { cluster in
            cluster.outbox.removeAll { _, item in
                switch item {
                case .message(room, _), .memberEvent(room, _): true
                case .join, .leave, .message, .memberEvent, .commitDeletion, .rollbackDeletion:
                    false
                }
            }
        }
    }

    private func refusal(of place: CallPlace, _ room: UniqueID) -> Outcome {
        rooms.table.read(room) { $0.host == nil } == true
            ? .refused(.superseded) : .refused(.roomNotFound)
    }

    /// The clusters that have users in a room hosted here, ascending.
    public func guests(of room: UniqueID) -> [ClusterName] {
        clusters.table.filter {
            rooms.hasSeat(MemberConnection(session: $0.value.visit, connection: .guest), in: room)
        }.map(\.key)
    }

    /// The users of a cluster who are members of a room hosted here, in order of name.
    public func guests(of room: UniqueID, from name: ClusterName) -> [String] {
        guard let visit = clusters.table[name]?.visit else { return [] }
        let seat = MemberConnection(session: visit, connection: .guest)
        return members(of: room).filter { isMember($0, of: room, via: seat) }
    }

    /// Ends what a cluster that failed had here. What its own users were promised stays to be told.
    private mutating func part(
        from name: ClusterName, at: WallTime, into effects: inout [StateEffect]
    ) {
        guard clusters.table.contains(name) else { return }
        var gone: [OutboxItem] = []
        clusters.table.update(name) { cluster in
            cluster.isAway = true
            gone = cluster.outbox.removeAll { _, item in
                if case .join = item { return true }
                return item.concernsGuests
            }
        }
        for case .join(let room, let user, let asked, _) in gone {
            if let asked {
                effects.append(
                    .foreignJoin(by: asked, room: room, user: user, refused: .hostUnavailable))
            }
            // It may have been done there all the same.
            undoJoin(of: user, to: room, at: name)
        }
        beginVisit(of: name, at: at, into: &effects)
    }

    /// Ends the stay of a cluster's users here; the next ones begin another.
    private mutating func beginVisit(
        of name: ClusterName, at: WallTime, into effects: inout [StateEffect]
    ) {
        guard let visit = clusters.table[name]?.visit else { return }
        let next = clusters.beginVisit()
        clusters.table.update(name) { $0.visit = next }
        rooms.end(visit, reason: .nodeUnreachable, at: at, into: &effects)
    }

    /// A join that may have been done by the host, for a user who has no seat here.
    private mutating func undoJoin(of user: String, to room: UniqueID, at host: ClusterName) {
        guard rooms.table[room]?.members[TextKey(user)] ?? 0 <= 0 else { return }
        clusters.push(.leave(room: room, user: user, reason: .disconnected), to: host)
    }

    /// Decides a deletion and lets all who have to do with the room know.
    mutating func decideDeletion(
        of room: UniqueID, _ transaction: UniqueID, _ verdict: DeletionVerdict,
        into effects: inout [StateEffect]
    ) {
        let present = guests(of: room)
        let name = rooms.table.read(room) { $0.name } ?? ""
        guard
            let deletion = rooms.decideDeletion(of: room, transaction, verdict, into: &effects)
        else { return }
        var told = deletion.participants
        for guest in present where !told.contains(guest) { told.append(guest) }
        for cluster in told {
            switch verdict {
            case .commit:
                clusters.push(
                    .commitDeletion(room: room, transaction: transaction, name: name), to: cluster)
            case .abort:
                clusters.push(
                    .rollbackDeletion(room: room, transaction: transaction), to: cluster)
            }
        }
    }

    /// After each entry: what it did in rooms that concern other clusters goes into their outboxes.
    mutating func tellClusters(
        from start: Int, of effects: inout [StateEffect], marks: inout MarkSet
    ) {
        guard clusters.table.count > 0 else { return }
        var position = start
        while position < effects.count {
            switch effects[position] {
            case .message(let room, let message):
                tellGuests(of: room, .message(room: room, sequence: message.sequence))
            case .memberJoined(let room, let user, _, let count, let at):
                let event = MemberEvent(kind: .joined, user: user, memberCount: count, at: at)
                tellGuests(of: room, .memberEvent(room: room, event))
            case .memberLeft(let room, let user, let count, let reason, let at):
                let event = MemberEvent(
                    kind: .left, user: user, memberCount: count, reason: reason, at: at)
                tellGuests(of: room, .memberEvent(room: room, event))
            case .guestLeft(let room, let host, let user, let reason):
                clusters.push(.leave(room: room, user: user, reason: reason), to: host)
            case .outcome, .nodeSessionOpened, .nodeSessionEnded, .deletionBegun, .roomDeleted,
                .deletionAborted, .foreignJoin, .historyJumped:
                break
            }
            position += 1
        }
        boundOutboxes(from: start, into: &effects, marks: &marks)
    }

    private mutating func tellGuests(of room: UniqueID, _ item: OutboxItem) {
        guard rooms.table.read(room, { $0.host == nil }) == true else { return }
        for guest in guests(of: room) { clusters.push(item, to: guest) }
    }

    /// A cluster that takes nothing for so long counts as away, and its guests' news is dropped.
    private mutating func boundOutboxes(
        from first: Int, into effects: inout [StateEffect], marks: inout MarkSet
    ) {
        for (name, cluster) in clusters.table
        where cluster.outbox.items.count > ForeignClusters.outboxLimit {
            marks.insert(.clusterOutboxFull)
            let start = effects.count
            if !cluster.isAway {
                part(from: name, at: displayTime(of: effects[first...]), into: &effects)
            }
            clusters.table.update(name) { cluster in
                while cluster.outbox.items.count > ForeignClusters.outboxLimit,
                    let oldest = cluster.outbox.items.first
                {
                    cluster.outbox.remove(oldest.key)
                }
            }
            tellClusters(from: start, of: &effects, marks: &marks)
            return
        }
    }

    /// When an entry that had these effects was asked for.
    private func displayTime(of effects: ArraySlice<StateEffect>) -> WallTime {
        for effect in effects {
            switch effect {
            case .message(_, let message): return message.at
            case .memberJoined(_, _, _, _, let at), .memberLeft(_, _, _, _, let at): return at
            case .outcome, .nodeSessionOpened, .nodeSessionEnded, .deletionBegun, .roomDeleted,
                .deletionAborted, .foreignJoin, .guestLeft, .historyJumped:
                continue
            }
        }
        return WallTime(milliseconds: 0)
    }

    // MARK: - As a cluster with a mirror

    /// Makes a user of this cluster a member, here or by asking the room's host.
    mutating func join(
        _ room: UniqueID, host: ClusterName?, user: String, via connection: MemberConnection,
        since: UInt64?, at: WallTime, into effects: inout [StateEffect]
    ) -> Outcome {
        let held = rooms.table[room]
        if let held, held.host == nil || held.members[TextKey(user)] ?? 0 > 0 {
            return rooms.join(room, user: user, via: connection, at: at, into: &effects)
        }
        guard let host = held?.host ?? host else { return .refused(.roomNotFound) }
        clusters.meet(host)
        guard clusters.table[host]?.isAway == false else { return .refused(.hostUnavailable) }
        let isAsked = clusters.table[host]?.outbox.items.contains { item in
            guard case .join(room, let other, connection, _) = item.value else { return false }
            return TextKey(other) == TextKey(user)
        }
        if isAsked != true {
            clusters.push(
                .join(room: room, user: user, asked: connection, since: since), to: host)
        }
        return .joinPending
    }

    /// What the host said to a join.
    private mutating func joinAnswered(
        _ name: ClusterName, _ number: UInt64, _ answer: FederationAnswer, since: UInt64?,
        at: WallTime, into effects: inout [StateEffect]
    ) {
        guard
            let item = clusters.table.update(name, { $0.outbox.items[number] }) ?? nil,
            case .join(let room, let user, let asked, _) = item
        else { return }
        clusters.table.update(name) { _ = $0.outbox.remove(number) }
        // Its answer was lost while later calls were taken: it is asked as the latest of all.
        if case .refused(.outOfOrder, _) = answer { return clusters.push(item, to: name) }
        let host = rooms.table[room].map(\.host) ?? name
        guard case .joined(let hosted, let members, let messages) = answer, hosted.id == room,
            host == name
        else {
            joinRefused(room, user, asked, answer, of: name, into: &effects)
            return
        }
        let known = lastSequence(in: room) ?? 0
        rooms.mirror(
            hosted, of: name, members: members, messages: messages, since: since, at: at,
            stamp: stamp, limits: limits, into: &effects)
        if let asked {
            rooms.completeLeave(TextKey(user), of: room, at: at, into: &effects)
            _ = rooms.join(room, user: user, via: asked, at: at, into: &effects)
            effects.append(.foreignJoin(by: asked, room: room, user: user, refused: nil))
        }
        guard rooms.table[room]?.members[TextKey(user)] ?? 0 <= 0 else {
            // An earlier seat of the user's ended after this was asked, and the host hears of that
            // later: it must then hear that the user is still here.
            let isLeaving = clusters.table.update(name) { cluster in
                cluster.outbox.items.contains { key, item in
                    if case .leave(room, user, _) = item { return key > number }
                    return false
                }
            }
            if isLeaving == true { rejoin(user, room) }
            // A full answer may not be all; an older system says the same again, which ends it.
            let bytes = messages.reduce(0) { $0 + $1.content.utf8.count }
            if messages.count >= ForeignClusters.fullAnswer
                || bytes >= ForeignClusters.fullAnswerBytes, known < lastSequence(in: room) ?? 0
            {
                rejoin(user, room)
            }
            return
        }
        // Whoever asked has gone meanwhile.
        effects.append(.guestLeft(room: room, host: name, user: user, reason: .disconnected))
        if rooms.seatedUser(in: room) == nil { rooms.remove(room) }
    }

    private mutating func joinRefused(
        _ room: UniqueID, _ user: String, _ asked: MemberConnection?, _ answer: FederationAnswer,
        of host: ClusterName, into effects: inout [StateEffect]
    ) {
        var refusal = Refusal.hostUnavailable
        if case .refused(.roomNotFound, _) = answer { refusal = .roomNotFound }
        if case .refused(.invalidRequest, _) = answer { refusal = .malformed }
        if let asked {
            effects.append(.foreignJoin(by: asked, room: room, user: user, refused: refusal))
        }
        if refusal == .hostUnavailable { undoJoin(of: user, to: room, at: host) }
        // The host has the last word on whether there is such a room.
        if refusal == .roomNotFound { endMirror(of: room, UniqueID.least, into: &effects) }
    }

    private mutating func endMirror(
        of room: UniqueID, _ transaction: UniqueID, into effects: inout [StateEffect]
    ) {
        guard let held = rooms.table[room], held.host != nil else { return }
        rooms.remove(room)
        effects.append(
            .roomDeleted(
                room: room, name: held.name, transaction: transaction, asked: nil, without: []))
    }

    /// Takes what the host tells of a mirrored room, unless it is an echo.
    private mutating func receive(
        _ place: CallPlace?, in room: UniqueID, marks: inout MarkSet,
        _ body: (inout ReplicatedState, inout MarkSet) -> Outcome
    ) -> Outcome {
        guard let host = rooms.table.read(room, { $0.host }) ?? nil else {
            // What the answer to a join brings is not known yet: the host is to tell again.
            return .refused(isJoining(room) ? .hostUnavailable : .roomNotFound)
        }
        if place == nil, clusters.table[host]?.heard.number ?? 0 > 0 {
            // This host says who calls; whoever does not is somebody else.
            return .refused(.roomNotFound)
        }
        if let place {
            guard place.caller == host else { return .refused(.roomNotFound) }
            guard clusters.table.update(host, { $0.isEcho(place) }) == false else {
                marks.insert(.federationEcho)
                return .refused(.superseded)
            }
        }
        return body(&self, &marks)
    }

    /// True while the host is being asked for a membership in the room: the join is the first thing
    /// that it must be told. One that stands behind others will be answered with what is news now.
    private func isJoining(_ room: UniqueID) -> Bool {
        clusters.table.contains { cluster in
            guard case .join(room, _, _, _)? = cluster.value.outbox.items.first?.value else {
                return false
            }
            return true
        }
    }

    private mutating func receive(
        _ message: ChatMessage, in room: UniqueID, into effects: inout [StateEffect],
        marks: inout MarkSet
    ) -> Outcome {
        let isTaken = rooms.receive(
            message, in: room, canJump: false, stamp: stamp, limits: limits, into: &effects)
        guard !isTaken else { return .done }
        // What is missing comes with the answer to a join, which may be asked again at any time.
        marks.insert(.federationGap)
        if let user = rooms.seatedUser(in: room) { rejoin(user, room) }
        return .refused(.hostUnavailable)
    }

    private mutating func rejoin(_ room: UniqueID) {
        guard let held = rooms.table[room] else { return }
        for (user, seats) in held.members where seats > 0 { rejoin(user.text, room) }
    }

    /// Asks all joins again that have no answer; an answer to what was asked before counts no more.
    private mutating func askAnew(_ host: ClusterName) {
        clusters.table.update(host) { cluster in
            let joins = cluster.outbox.removeAll { _, item in
                if case .join = item { return true }
                return false
            }
            for join in joins { cluster.outbox.push(join) }
        }
    }

    private mutating func rejoinAll(of host: ClusterName) {
        for (room, user) in rooms.seated(inRoomsOf: host) { rejoin(user, room) }
    }

    /// Asks the host once more for a user who has a seat here, if that is not under way.
    private mutating func rejoin(_ user: String, _ room: UniqueID) {
        guard let host = rooms.table.read(room, { $0.host }) ?? nil else { return }
        clusters.meet(host)
        clusters.table.update(host) { cluster in
            let isAsked = cluster.outbox.items.contains { item in
                guard case .join(room, let other, _, _) = item.value else { return false }
                return TextKey(other) == TextKey(user)
            }
            if !isAsked {
                cluster.outbox.push(.join(room: room, user: user, asked: nil, since: nil))
            }
        }
    }

    /// Nobody waits any more for the joins that `isOver` names.
    mutating func forgetJoins(where isOver: (UniqueID, String, MemberConnection) -> Bool) {
        for (name, _) in clusters.table {
            clusters.table.update(name) { $0.outbox.forgetAskers(where: isOver) }
        }
    }

    /// Ends all that a session of a node had.
    mutating func endMemberships(
        of session: SessionID, _ reason: LeaveReason, at: WallTime,
        into effects: inout [StateEffect]
    ) {
        forgetJoins { $2.session == session }
        rooms.end(session, reason: reason, at: at, into: &effects)
    }

    // MARK: - As one who has a vote

    private mutating func prepareDeletion(
        of room: UniqueID, _ transaction: UniqueID, _ coordinator: ClusterName
    ) -> Outcome {
        guard let held = rooms.table[room] else { return .done }
        guard held.host == coordinator else { return .refused(.invalidState) }
        rooms.table.update(room) { $0.prepared = transaction }
        return .done
    }

    private mutating func finishDeletion(
        of room: UniqueID, _ transaction: UniqueID, _ isCommitted: Bool, _ from: ClusterName?,
        into effects: inout [StateEffect]
    ) -> Outcome {
        guard let held = rooms.table[room] else {
            // The answer to a join, on its way, would bring the room back.
            return isJoining(room) && isCommitted ? .refused(.hostUnavailable) : .done
        }
        guard held.host != nil, from == nil || from == held.host else {
            return .refused(.invalidState)
        }
        if isCommitted, from == nil, held.prepared != transaction {
            // Anybody may say so: the host is asked. Its word that there is no such room ends it.
            rejoin(room)
        } else if isCommitted {
            endMirror(of: room, transaction, into: &effects)
        } else if held.prepared == transaction {
            rooms.table.update(room) { $0.prepared = nil }
        }
        return .done
    }
}
