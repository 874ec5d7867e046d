import Protocols

extension RequestError {
    /// True when the same request may succeed in a moment.
    var isTransient: Bool {
        [.unavailable, .outcomeUnknown, .overloaded, .rateLimited].contains(self)
    }
}

/// In and out of rooms, and what nodes say.
extension ChatSession {
    mutating func setGoal(_ goal: Goal, _ now: Instant, _ out: inout [Effect]) {
        precondition(self.goal == nil, "a room is left before another is entered")
        self.goal = goal
        retryAt = nil
        if link == .open { enter(now, &out) }
    }

    /// Asks for the room: by id if it is known, else by name.
    mutating func enter(_ now: Instant, _ out: inout [Effect]) {
        guard let goal else { return }
        if let room = goal.id {
            phase = .joining
            let since = goal.wasEntered ? goal.lastSeen : nil
            ask(.joinRoom(room: room, user: settings.user, since: since), now, &out)
        } else {
            phase = .finding
            ask(.discoverRooms, now, &out)
        }
    }

    mutating func onLeaveRoom(_ now: Instant, _ out: inout [Effect]) {
        guard let goal else { return }
        let mayBeMember = link == .open && (phase == .inRoom || phase == .joining)
        forgetRoom()
        if mayBeMember, let room = goal.id {
            ask(.leaveRoom(room: room, user: settings.user), now, &out)
        } else {
            out.append(.tell(.left))
        }
    }

    /// The person is in no room and wants to be in none.
    mutating func forgetRoom() {
        goal = nil
        phase = .lobby
        retryAt = nil
        lines = []
        members = [:]
        if link == .open { outSince = nil }
    }

    /// What a node says.
    mutating func onMessage(_ message: ServerMessage, _ now: Instant, _ out: inout [Effect]) {
        switch message {
        case .globalRoomsList(let rooms, _): onRooms(rooms, now, &out)
        case .roomCreated(let room, _, _):
            guard phase == .creating else { return }
            goal?.id = room.id
            enter(now, &out)
        case .createFailed(let error):
            guard phase == .creating else { return }
            // Somebody was faster, or nobody leads: look again.
            if error == .nameTaken { retryLater(now) } else { onRefused(error, now, &out) }
        case .joined(let reply): onJoined(reply, now, &out)
        case .joinFailed(let room, let error):
            guard phase == .joining, room == goal?.id || room == Self.unnamed else { return }
            if error == .roomNotFound, goal?.creates == true {
                goal?.id = nil
                retryLater(now)
            } else {
                onRefused(error, now, &out)
            }
        case .left:
            if goal == nil { out.append(.tell(.left)) }
        case .leaveFailed:
            // Not a member, or nobody leads; the node forgets the member with the connection.
            if goal == nil { out.append(.tell(.left)) }
        case .newMessage(let room, let message): onNewMessage(room, message, &out)
        case .messageSent(let room, _, let sequence, _, let id):
            guard let goal, room == goal.id, let id, id == lines.first?.id else { return }
            self.goal?.lastOwn = max(goal.lastOwn, sequence)
            dropFirstLine(now, &out)
        case .messageFailed(_, let id, let error): onNotSent(id, error, now, &out)
        case .memberJoined(let room, let user, _, _):
            guard room == goal?.id, phase == .inRoom else { return }
            members[user] = true
            if user != settings.user { out.append(.tell(.memberJoined(user))) }
        case .memberLeft(let room, let user, _, let reason, _):
            guard room == goal?.id, phase == .inRoom else { return }
            onMemberLeft(user, reason, &out)
        case .deletionBegun(let room, _, let initiator):
            guard room == goal?.id || initiator == nil else { return }
            out.append(.tell(.deletionBegun(by: initiator)))
        case .deletionDone: out.append(.tell(.deleted))
        case .deletionFailed(_, _, let error, let reason):
            out.append(.tell(.notDeleted(error, reason: reason)))
        case .roomDeleted(let room, let name):
            guard room == goal?.id else { return }
            forgetRoom()
            out.append(.tell(.roomDeleted(name)))
        case .failed(let error): onFailed(error, now, &out)
        default: break
        }
    }

    /// Stands for a room that a node could not name.
    private static let unnamed = UniqueID(high: 0, low: 0)

    private mutating func onRooms(
        _ rooms: [RoomSummary], _ now: Instant, _ out: inout [Effect]
    ) {
        failures = 0
        if isListing {
            isListing = false
            out.append(.tell(.rooms(rooms)))
        }
        guard phase == .finding, let goal else { return }
        if let found = rooms.first(where: { $0.name == goal.name }) {
            self.goal?.id = found.id
            enter(now, &out)
        } else if goal.creates {
            phase = .creating
            ask(
                .createRoom(name: goal.name, creator: settings.user, description: ""), now, &out)
        } else {
            onRefused(.roomNotFound, now, &out)
        }
    }

    /// The room cannot be entered: now, or ever.
    private mutating func onRefused(
        _ error: RequestError, _ now: Instant, _ out: inout [Effect]
    ) {
        if error.isTransient {
            retryLater(now)
            out.append(.tell(.waiting(error)))
        } else {
            let name = goal?.name ?? ""
            forgetRoom()
            out.append(.tell(.refused(room: name, error)))
        }
    }

    private mutating func onJoined(
        _ reply: JoinReply, _ now: Instant, _ out: inout [Effect]
    ) {
        guard phase == .joining, let goal, goal.id == reply.room.id else { return }
        members = [:]
        for name in reply.members { members[name] = true }
        self.goal?.name = reply.room.name
        self.goal?.wasEntered = true
        // A room that is gone later on is not made again behind everybody's back.
        self.goal?.creates = false
        let before = reply.historyFrom - min(reply.historyFrom, 1)
        out.append(.tell(.joined(reply, node: node, isBack: goal.wasEntered)))
        if !goal.wasEntered {
            self.goal?.lastSeen = before
        } else if !reply.historyComplete, before > goal.lastSeen {
            out.append(.tell(.missed(goal.lastSeen + 1...before)))
            self.goal?.lastSeen = before
        }
        phase = .inRoom
        outSince = nil
        failures = 0
        retryAt = nil
        sendNext(now, &out)
    }

    private mutating func onNewMessage(
        _ room: UniqueID, _ message: ChatMessage, _ out: inout [Effect]
    ) {
        guard let goal, room == goal.id, phase == .inRoom, message.sequence > goal.lastSeen else {
            return
        }
        if message.sequence > goal.lastSeen + 1 {
            out.append(.tell(.missed(goal.lastSeen + 1...message.sequence - 1)))
        }
        self.goal?.lastSeen = message.sequence
        out.append(.tell(.message(message)))
        leaveWhenDone(&out)
    }

    private mutating func onMemberLeft(
        _ user: String, _ reason: LeaveReason, _ out: inout [Effect]
    ) {
        if user == settings.user {
            // The end of a former connection of this person; only the last one is this client's.
            switch reason {
            case .disconnected, .nodeUnreachable: return
            case .requested, .inactive: break
            }
        }
        members[user] = nil
        out.append(.tell(.memberLeft(user, reason)))
    }

    private mutating func onFailed(
        _ error: RequestError, _ now: Instant, _ out: inout [Effect]
    ) {
        if phase == .finding || phase == .creating {
            onRefused(error, now, &out)
        } else if isListing, error.isTransient, phase == .lobby {
            retryLater(now)
            out.append(.tell(.waiting(error)))
        } else {
            isListing = false
            out.append(.tell(.failed(error)))
        }
    }

    // MARK: - Lines

    private mutating func onNotSent(
        _ id: String?, _ error: RequestError, _ now: Instant, _ out: inout [Effect]
    ) {
        guard let line = lines.first, id == nil || id == line.id else { return }
        lines[0].isInFlight = false
        if error.isTransient {
            retryLater(now)
            out.append(.tell(.waiting(error)))
        } else if error == .notMember {
            enter(now, &out)
        } else if error == .roomNotFound {
            onRefused(error, now, &out)
        } else {
            out.append(.tell(.notSent(line.text, error)))
            dropFirstLine(now, &out)
        }
    }

    /// The oldest line is dealt with.
    private mutating func dropFirstLine(_ now: Instant, _ out: inout [Effect]) {
        lines.removeFirst()
        retryAt = nil
        sendNext(now, &out)
    }
}
