import Protocols

// What a chat client decides to do.
extension ChatClient {
    // MARK: Requests without an id

    /// When the next request without an id may be due; `nil` when none is wanted.
    var nextControlTime: Instant? {
        guard control == nil else { return nil }
        var earliest: Instant?
        for room in rooms where !room.isJoined && !isProbed(room) {
            guard let joinAt = room.joinAt else { continue }
            earliest = min(earliest ?? .distantFuture, max(joinAt, controlRetryAt))
        }
        switch goal {
        case .list, .discover, .leave: earliest = min(earliest ?? .distantFuture, controlRetryAt)
        case .none, .settle, .hear, .create, .hearOwn, .done: break
        }
        if roomToLeave != nil { earliest = min(earliest ?? .distantFuture, controlRetryAt) }
        return earliest
    }

    /// The request that comes next: rooms are found or made, then joined, then goals are pursued.
    func nextControl(_ now: Instant) -> Control? {
        guard control == nil, now >= controlRetryAt else { return nil }
        for (position, room) in rooms.enumerated() where !room.isJoined && !isProbed(room) {
            guard let joinAt = room.joinAt, now >= joinAt else { continue }
            guard room.id != nil else {
                return room.mustExist || isLookedFor(room) ? .discover : .create(room: position)
            }
            return .join(room: position, since: room.lastSeen)
        }
        if let room = roomToLeave { return .leave(room: room) }
        switch goal {
        case .list: return .list
        case .discover: return .discover
        case .leave: return .leave(room: rooms.count - 1)
        case .none, .settle, .hear, .create, .hearOwn, .done: return nil
        }
    }

    /// Half of the clients look for a room before they make it.
    private func isLookedFor(_ room: Room) -> Bool {
        id.rawValue % 2 == 1 && nextMessage == 0 && answerCount == 0
    }

    /// A message that must be refused for not being a member is on its way: joining has to wait.
    private func isProbed(_ room: Room) -> Bool {
        sends.contains { $0.room == room.id && $0.expectation == .refused }
    }

    mutating func ask(_ next: Control, _ now: Instant, into out: inout Outbox<ClientEffect>) {
        let request: ClientRequest
        switch next {
        case .list: request = .listRooms
        case .discover: request = .discoverRooms
        case .create(let room):
            request = .createRoom(name: rooms[room].name, creator: user, description: "")
        case .join(let room, let since):
            guard let id = rooms[room].id else { return }
            request = .joinRoom(room: id, user: user, since: since)
        case .leave(let room):
            guard let id = rooms[room].id else { return }
            request = .leaveRoom(room: id, user: user)
        }
        control = next
        controlOverdueAt = now + settings.timeout
        out.emit(.request(request))
    }

    // MARK: Acts

    /// Does one thing, drawn.
    mutating func act(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        var ticket = prng.below(1_000)
        func draws(_ chance: UInt64) -> Bool {
            if ticket < chance {
                ticket = .max
                return true
            }
            if ticket != .max { ticket -= chance }
            return false
        }
        let joined = rooms.indices.filter { rooms[$0].isJoined }
        let isFree = control == nil && now >= controlRetryAt
        if draws(settings.hop) { return hangUp(now, into: &out) }
        if draws(settings.rude) { return beRude(joined, now, into: &out) }
        if draws(settings.list) {
            if isFree { ask(prng.chance(1, in: 2) ? .list : .discover, now, into: &out) }
            return
        }
        guard !joined.isEmpty else { return }
        let room = joined[prng.int(in: 0..<joined.count)]
        if draws(settings.pause) {
            pausedUntil = now + prng.interval(from: .milliseconds(50), to: settings.pauseTime)
            out.emit(.pauseReading(true))
        } else if draws(settings.leave) {
            if isFree { ask(.leave(room: room), now, into: &out) }
        } else if draws(settings.joinAgain) {
            let since = prng.chance(1, in: 2) ? rooms[room].lastSeen : nil
            if isFree { ask(.join(room: room, since: since), now, into: &out) }
        } else if draws(settings.again) {
            guard !recent.isEmpty else { return }
            let position = prng.int(in: 0..<recent.count)
            var send = recent.remove(at: position)
            send.sendAt = now
            sends.append(send)
        } else if draws(settings.burst) {
            for _ in 0..<prng.int(in: 2..<settings.burstSize + 1) { say(in: room, now, into: &out) }
        } else if sends.count < ChatClient.sendLimit {
            say(in: room, now, into: &out)
        }
    }

    /// The most messages without an answer; a client that waits does not pile up more.
    static let sendLimit = 32

    /// Makes a message of the client's own and puts it among those to be sent.
    mutating func say(in room: Int, _ now: Instant, into out: inout Outbox<ClientEffect>) {
        let isLong = prng.chance(settings.long, in: 1_000)
        let count = prng.int(in: 0..<(isLong ? 4_900 : 40))
        say(String(bytesOf: "x", count: count), in: room, now, into: &out)
    }

    /// Makes a message of this text and puts it among those to be sent.
    mutating func say(
        _ text: String, in room: Int, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        guard let target = rooms[room].id else { return }
        let name = newName()
        out.emit(.record(.submitted(room: target, clientMessageID: name)))
        sends.append(
            Send(
                room: target, name: name, content: name + " " + text, sendAt: now))
    }

    private mutating func newName() -> String {
        nextMessage += 1
        return "\(settings.tag ?? "c\(id.rawValue)")-\(nextMessage)"
    }

    /// Sends what must be refused, and says so in no record: should it be accepted, it shows.
    private mutating func beRude(
        _ joined: [Int], _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        let name = newName()
        let strangers = rooms.indices.filter { position in
            guard !rooms[position].isJoined, !rooms[position].mayBeJoined,
                rooms[position].id != nil
            else { return false }
            if case .join(room: let joining, since: _) = control { return joining != position }
            return true
        }
        var send = Send(
            room: UniqueID(drawing: &prng), name: name, content: name, expectation: .refused,
            sendAt: now)
        if let room = joined.first, let target = rooms[room].id, prng.chance(1, in: 3) {
            send.room = target
            send.expectation = .invalid
            send.content = prng.chance(1, in: 2) ? "" : String(bytesOf: "y", count: 5_001)
        } else if let room = strangers.first, let target = rooms[room].id, prng.chance(2, in: 3) {
            send.room = target
        }
        sends.append(send)
    }

    // MARK: Goals

    /// Goes on to the next goal when the present one is reached.
    mutating func pursueGoal(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        switch goal {
        case .settle:
            guard sends.isEmpty, control == nil, rooms.allSatisfy(\.isJoined) else { return }
            finalWord(in: 0, now, into: &out)
            goal = .hear
        case .hear:
            if isHeard(in: 0) { goal = .list }
        case .create:
            // The client's own last room is the last of its rooms; it is made and joined as any.
            guard let own = rooms.last, own.isJoined, control == nil else { return }
            finalWord(in: rooms.count - 1, now, into: &out)
            goal = .hearOwn
        case .hearOwn:
            guard isHeard(in: rooms.count - 1) else { return }
            goal = .leave
            rooms[rooms.count - 1].joinAt = nil
        case .leave:
            if control == nil, !rooms[rooms.count - 1].isJoined { goal = .done }
        case .none, .list, .discover, .done: break
        }
    }

    /// The answer to a list or a discovery came: on to the next goal.
    mutating func reachedList(_ what: Control) {
        if goal == .list, what == .list {
            goal = .discover
        } else if goal == .discover, what == .discover {
            goal = .create
            rooms.append(Room(name: "last words of \(user)"))
        }
    }

    private func isHeard(in room: Int) -> Bool {
        guard let sequence = lastWord?.sequence, let seen = rooms[room].lastSeen else {
            return false
        }
        return rooms[room].isJoined && seen >= sequence
    }

    private mutating func finalWord(
        in room: Int, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        guard let target = rooms[room].id else { return }
        let name = newName()
        lastWord = LastWord(name: name)
        out.emit(.record(.submitted(room: target, clientMessageID: name)))
        sends.append(
            Send(room: target, name: name, content: name + " goodbye", sendAt: now))
    }
}

extension String {
    /// One ASCII character `count` times, made at once and not character by character.
    fileprivate init(bytesOf character: Unicode.Scalar, count: Int) {
        self.init(
            decoding: repeatElement(UInt8(ascii: character), count: count), as: UTF8.self)
    }
}
