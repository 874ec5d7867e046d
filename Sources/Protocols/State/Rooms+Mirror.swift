// Rooms that another cluster hosts, as far as this one knows them.
//
// In a mirror `Room.members` has all members that the host told of. The number is that of the seats
// here: 0 for a user of another cluster, `Room.leaving` for one who left here and of whom the host
// has not said so yet. About users of this cluster the seats decide, whatever the host says.

extension Rooms {
    /// The numbers that a message of another cluster may have; no room gets near the end.
    static let numbers: ClosedRange<UInt64> = 1...1 << 62

    /// Brings a mirror up to what its host says of the room, making it if there is none.
    ///
    /// Who joins now, `user`, is among the members that the host names.
    mutating func mirror(
        _ hosted: HostedRoom, of host: ClusterName, members: [String], messages: [ChatMessage],
        since: UInt64?, at: WallTime, stamp: ClusterTime, limits: StateLimits,
        into effects: inout [StateEffect]
    ) {
        if !table.contains(hosted.id) {
            var room = Room(
                RoomCreation(
                    id: hosted.id, name: hosted.name, creator: "",
                    description: hosted.description, admin: NodeID(0), at: at),
                host: host)
            // `since` is where an earlier mirror ended. If nobody says, nothing is known of the
            // numbers; the first message to come tells.
            let first =
                messages.first.map(\.sequence)
                ?? min(hosted.lastSequence ?? since ?? 0, Rooms.numbers.upperBound - 1) + 1
            if Rooms.numbers.contains(first) { room.history = History(after: first - 1) }
            insert(room)
        }
        for message in messages {
            receive(
                message, in: hosted.id, canJump: true, stamp: stamp, limits: limits, into: &effects)
        }
        let named = members.map { TextKey($0) }.sorted()
        let known = table.read(hosted.id) { room in room.members.map { ($0.key, $0.value) } } ?? []
        var next = 0
        for (user, seats) in known where seats <= 0 {
            // Both are in order.
            while next < named.count, named[next] < user { next += 1 }
            guard next == named.count || named[next] != user else { continue }
            removeMember(user, of: hosted.id, reason: .requested, at: at, into: &effects)
        }
        for user in named { addMember(user, to: hosted.id, at: at, into: &effects) }
    }

    /// Takes a message from the host.
    ///
    /// Returns false when messages before it are missing; then nothing is taken, unless the mirror
    /// may jump.
    @discardableResult
    mutating func receive(
        _ message: ChatMessage, in id: UniqueID, canJump: Bool, stamp: ClusterTime,
        limits: StateLimits, into effects: inout [StateEffect]
    ) -> Bool {
        let last = table.read(id) { $0.history.lastSequence } ?? 0
        guard Rooms.numbers.contains(message.sequence), message.sequence > last else {
            return true
        }
        let isJump = message.sequence > last + 1
        guard canJump || !isJump else { return false }
        guard History.fits(user: message.user, content: message.content) else { return true }
        var change = 0
        table.update(id) { room in
            let before = room.history.byteCount
            if isJump { room.history = History(after: message.sequence - 1) }
            _ = room.history.append(
                id: message.id, user: message.user, content: message.content, at: message.at,
                stamp: stamp, limits: limits)
            change = room.history.byteCount - before
        }
        byteCount += change
        if isJump { effects.append(.historyJumped(room: id)) }
        effects.append(.message(room: id, message))
        return true
    }

    /// Takes the host's word on who came or went.
    mutating func receive(
        _ event: MemberEvent, in id: UniqueID, into effects: inout [StateEffect]
    ) {
        let user = TextKey(event.user)
        switch event.kind {
        case .joined: addMember(user, to: id, at: event.at, into: &effects)
        case .left:
            guard let seats = table.read(id, { $0.members[user] }) ?? nil, seats <= 0 else {
                return
            }
            removeMember(user, of: id, reason: event.reason, at: event.at, into: &effects)
        }
    }

    /// A user of this cluster who left and whose end the host has not told yet comes back: both are
    /// told now, and what the host says of it later changes nothing.
    mutating func completeLeave(
        _ user: TextKey, of id: UniqueID, at: WallTime, into effects: inout [StateEffect]
    ) {
        guard table.read(id, { $0.members[user] }) == .some(.some(Room.leaving)) else { return }
        removeMember(user, of: id, reason: .requested, at: at, into: &effects)
        addMember(user, to: id, at: at, into: &effects)
    }

    private mutating func addMember(
        _ user: TextKey, to id: UniqueID, at: WallTime, into effects: inout [StateEffect]
    ) {
        let count = table.update(id) { room -> Int? in
            guard room.members[user] == nil else { return nil }
            room.members[user] = 0
            return room.memberCount
        }
        guard let count, let count else { return }
        byteCount += Room.bytes(ofMember: user)
        effects.append(
            .memberJoined(
                room: id, user: user.text,
                by: MemberConnection(session: SessionID(0), connection: .guest),
                memberCount: count, at: at))
    }

    private mutating func removeMember(
        _ user: TextKey, of id: UniqueID, reason: LeaveReason, at: WallTime,
        into effects: inout [StateEffect]
    ) {
        let count = table.update(id) { room -> Int? in
            guard room.members.removeValue(forKey: user) != nil else { return nil }
            return room.memberCount
        }
        guard let count, let count else { return }
        byteCount -= Room.bytes(ofMember: user)
        effects.append(
            .memberLeft(room: id, user: user.text, memberCount: count, reason: reason, at: at))
    }

    /// The users of this cluster in the mirrors of a host's rooms, by room and user.
    func seated(inRoomsOf host: ClusterName) -> [(room: UniqueID, user: String)] {
        var found: [(room: UniqueID, user: String)] = []
        for (id, room) in table where room.host == host {
            for (user, seats) in room.members where seats > 0 { found.append((id, user.text)) }
        }
        return found
    }

    /// A user of this cluster in a mirror.
    func seatedUser(in id: UniqueID) -> String? {
        table.read(id) { room in room.members.first { $0.value > 0 }?.key.text } ?? nil
    }
}
