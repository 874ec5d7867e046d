import Protocols

// What a chat client makes of what it is told.
extension ChatClient {
    mutating func onMessage(
        _ message: ServerMessage, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        answerCount += 1
        switch message {
        case .newMessage(let room, let content):
            out.emit(.record(.received(room: room, content)))
            if let position = position(of: room) { rooms[position].lastSeen = content.sequence }
        case .memberLeft(let room, user, _, .inactive, _):
            if let position = position(of: room) { loseMembership(position, now) }
        case .memberJoined, .memberLeft:
            break
        case .messageSent(let room, let id, let sequence, _, let name):
            onSent(room, id, sequence, name, into: &out)
        case .messageFailed(let room, let name, let error):
            onSendFailed(room, name, error, now, into: &out)
        case .roomsList:
            if finish(.list, message) { reachedList(.list) }
        case .globalRoomsList(let list, _):
            if finish(.discover, message) { onDiscovered(list) }
        case .roomCreated(let summary, _, _):
            guard case .create(let room) = control else { return unasked(message) }
            endControl()
            rooms[room].id = summary.id
            if summary.name != rooms[room].name { wonder("\(summary.name) is another room") }
        case .createFailed(let error):
            guard case .create(let room) = control else { return unasked(message) }
            endControl()
            if error == .nameTaken {
                rooms[room].mustExist = true
            } else {
                retry(after: error, "creating a room", now, into: &out)
            }
        case .joined(let reply): onJoined(reply, message, into: &out)
        case .joinFailed(let room, let error):
            guard case .join(let position, _) = control, rooms[position].id == room else {
                return unasked(message)
            }
            endControl()
            if error == .outcomeUnknown { rooms[position].mayBeJoined = true }
            retry(after: error, "joining", now, into: &out)
        case .left(let room, let name):
            guard name == user, endsLeaving(room, now) else { return unasked(message) }
        case .leaveFailed(let room, let error):
            onLeaveFailed(room, error, message, now, into: &out)
        case .failed(let error):
            guard control == .list || control == .discover else { return unasked(message) }
            endControl()
            retry(after: error, "listing rooms", now, into: &out)
        case .deletionBegun, .deletionDone, .deletionFailed, .roomDeleted, .sessionOpened,
            .registerValue, .registerWritten, .registerMismatch, .registerFailed:
            unasked(message)
        }
    }

    private func position(of room: UniqueID) -> Int? { rooms.firstIndex { $0.id == room } }

    private mutating func endControl() {
        control = nil
        controlOverdueAt = nil
    }

    private mutating func finish(_ asked: Control, _ message: ServerMessage) -> Bool {
        guard control == asked else {
            unasked(message)
            return false
        }
        endControl()
        return true
    }

    private mutating func unasked(_ message: ServerMessage) {
        wonder("\(message) answers nothing that was asked")
    }

    /// Waits a little before the next try, now and then at another node.
    private mutating func retry(
        after error: RequestError, _ what: String, _ now: Instant,
        into out: inout Outbox<ClientEffect>
    ) {
        guard error.isTransient else { return wonder("\(what) failed with \(error)") }
        if error == .rateLimited {
            // As it was told: a second later, and nobody else would serve it sooner.
            controlRetryAt = now + .seconds(1)
            return
        }
        controlRetryAt = now + prng.interval(from: .milliseconds(50), to: .milliseconds(400))
        if prng.chance(1, in: 3) { hangUp(now, into: &out) }
    }

    // MARK: Rooms

    private mutating func onDiscovered(_ list: [RoomSummary]) {
        for position in rooms.indices where rooms[position].id == nil {
            rooms[position].id = list.first { $0.name == rooms[position].name }?.id
            if rooms[position].id == nil, rooms[position].mustExist {
                wonder("room \(rooms[position].name) is taken and not in the list of all rooms")
                rooms[position].mustExist = false
            }
        }
        for room in rooms {
            guard let id = room.id, !list.contains(where: { $0.id == id }) else { continue }
            wonder("room \(room.name) is not in the list of all rooms any more")
        }
        reachedList(.discover)
    }

    private mutating func onJoined(
        _ reply: JoinReply, _ message: ServerMessage, into out: inout Outbox<ClientEffect>
    ) {
        guard case .join(let position, let since) = control, rooms[position].id == reply.room.id
        else { return unasked(message) }
        endControl()
        rooms[position].isJoined = true
        rooms[position].lastSeen = reply.historyFrom == 0 ? 0 : reply.historyFrom - 1
        if !reply.members.contains(user) { wonder("\(user) joined and is not among the members") }
        out.emit(
            .record(
                .joined(
                    room: reply.room.id, historyFrom: reply.historyFrom,
                    historyComplete: reply.historyComplete, since: since)))
    }

    /// The membership is over, on request; true if that was asked.
    private mutating func endsLeaving(_ room: UniqueID, _ now: Instant) -> Bool {
        guard case .leave(let position) = control, rooms[position].id == room else { return false }
        endControl()
        rooms[position].isJoined = false
        switch goal {
        case .none where settings.isScripted: rooms[position].joinAt = nil
        case .none:
            rooms[position].joinAt =
                now + prng.interval(from: .milliseconds(100), to: .seconds(3))
        case .settle, .hear, .list, .discover, .create, .hearOwn: rooms[position].joinAt = now
        case .leave, .done: rooms[position].joinAt = nil
        }
        return true
    }

    private mutating func onLeaveFailed(
        _ room: UniqueID, _ error: RequestError, _ message: ServerMessage, _ now: Instant,
        into out: inout Outbox<ClientEffect>
    ) {
        // Not a member: the membership ended with the node's session, or an earlier try was done.
        if error == .notMember {
            if !endsLeaving(room, now) { unasked(message) }
            return
        }
        guard case .leave(let position) = control, rooms[position].id == room else {
            return unasked(message)
        }
        endControl()
        retry(after: error, "leaving", now, into: &out)
    }

    // MARK: Messages

    private mutating func onSent(
        _ room: UniqueID, _ id: UniqueID, _ sequence: UInt64, _ name: String?,
        into out: inout Outbox<ClientEffect>
    ) {
        guard let name else { return wonder("an acknowledgement does not name its message") }
        // Recorded whether expected or not: what could not be sent has no submission on record.
        out.emit(
            .record(.acknowledged(room: room, clientMessageID: name, id: id, sequence: sequence)))
        guard let position = sends.firstIndex(where: { $0.name == name && $0.room == room }) else {
            return wonder("\(name) was acknowledged once more")
        }
        var send = sends.remove(at: position)
        guard send.expectation == .acknowledged else {
            return wonder("\(name) was accepted, but must be refused")
        }
        if lastWord?.name == name { lastWord?.sequence = sequence }
        send.overdueAt = nil
        recent.append(send)
        if recent.count > 8 { recent.removeFirst() }
    }

    private mutating func onSendFailed(
        _ room: UniqueID, _ name: String?, _ error: RequestError, _ now: Instant,
        into out: inout Outbox<ClientEffect>
    ) {
        guard let position = sends.firstIndex(where: { $0.name == name && $0.room == room }) else {
            return wonder("\(name ?? "a message") failed with \(error), but was not under way")
        }
        let expectation = sends[position].expectation
        switch (expectation, error) {
        case (.refused, .notMember), (.refused, .roomNotFound), (.invalid, .invalidContent):
            sends.remove(at: position)
        case (.acknowledged, .notMember):
            // The node's session ended, and all memberships with it.
            if let place = self.position(of: room) { loseMembership(place, now) }
            wait(position, until: now)
        case (_, .unavailable), (_, .overloaded), (_, .stateFull), (_, .outcomeUnknown),
            (_, .rateLimited):
            if expectation != .acknowledged {
                sends.remove(at: position)
            } else if error == .outcomeUnknown, goal == .none,
                prng.chance(settings.forget, in: 1_000)
            {
                sends.remove(at: position)
            } else {
                let pause = prng.interval(from: .milliseconds(50), to: .milliseconds(500))
                wait(position, until: now + pause)
            }
            if error == .unavailable, prng.chance(1, in: 4) { hangUp(now, into: &out) }
        case (.invalid, .notMember):
            sends.remove(at: position)
        case (_, .invalidRequest), (_, .invalidContent), (_, .roomNotFound), (_, .notMember),
            (_, .nameTaken), (_, .sessionExpired), (_, .alreadyAcknowledged), (_, .roomLimit),
            (_, .roomFull), (_, .unauthorized),
            (_, .invalidState), (_, .deletionFailed):
            wonder("message \(name ?? "") failed with \(error)")
            sends.remove(at: position)
        }
    }

    /// A membership that the client wants is over: it joins again.
    private mutating func loseMembership(_ position: Int, _ now: Instant) {
        rooms[position].isJoined = false
        if rooms[position].joinAt == nil { rooms[position].joinAt = now }
    }

    private mutating func wait(_ position: Int, until time: Instant) {
        sends[position].overdueAt = nil
        sends[position].sendAt = time
    }
}
