/// One membership: a user of a connection in a room.
public struct Membership: Equatable, Sendable {
    /// The connection.
    public let connection: MemberConnection
    /// The room.
    public let room: UniqueID
    /// The user's name there.
    public let user: String
}

/// All rooms and all memberships.
///
/// Memberships are kept by connection, so that the end of a connection or of a session costs what
/// it removes. A room counts through how many connections each user is a member.
public struct Rooms: Equatable, Sendable {
    /// The rooms by id.
    public internal(set) var table = OrderedMap<UniqueID, Room>()
    /// An estimate of the memory in use.
    public internal(set) var byteCount = 0
    /// The rooms of this cluster by name.
    var names = OrderedMap<TextKey, UniqueID>()
    /// Rooms whose deletion is not decided, ascending.
    var deleting: [UniqueID] = []
    /// The users, ascending, as which a connection is in a room.
    var seats = OrderedMap<Seat, [TextKey]>()
    /// The room at which the next look for messages that are too old begins.
    var historyCursor = UniqueID.least
    /// Rooms with message keys, by when to look for those that are over.
    var keyExpiry = TimerHeap<ClusterTime, UniqueID>()

    /// A connection in a room; ordered by session, connection, room.
    struct Seat: Comparable, Sendable {
        let session: SessionID
        let connection: ConnectionID
        let room: UniqueID

        init(_ connection: MemberConnection, _ room: UniqueID) {
            session = connection.session
            self.connection = connection.connection
            self.room = room
        }

        var member: MemberConnection {
            MemberConnection(session: session, connection: connection)
        }

        @inline(__always)
        static func < (a: Seat, b: Seat) -> Bool {
            if a.session != b.session { return a.session < b.session }
            if a.connection != b.connection { return a.connection < b.connection }
            return a.room < b.room
        }
    }

    static let seatBytes = 112

    /// Makes a state without rooms.
    public init() {}

    // MARK: - Questions

    /// The room of a name.
    public func room(named name: String) -> UniqueID? { names[TextKey(name)] }

    /// True when the user is a member of the room through this connection.
    public func isMember(_ user: String, of room: UniqueID, via connection: MemberConnection)
        -> Bool
    {
        seats.read(Seat(connection, room)) { $0.contains(TextKey(user)) } ?? false
    }

    /// The memberships of one connection, by room and user.
    public func memberships(of connection: MemberConnection) -> [Membership] {
        collect(from: Seat(connection, .least)) { $0.member == connection }
    }

    /// The memberships of one session, by connection, room and user.
    public func memberships(of session: SessionID) -> [Membership] {
        let least = MemberConnection(
            session: session, connection: ConnectionID(slot: 0, generation: 0))
        return collect(from: Seat(least, .least)) { $0.session == session }
    }

    private func collect(from start: Seat, while belongs: (Seat) -> Bool) -> [Membership] {
        var found: [Membership] = []
        for (seat, users) in seats.elements(from: start) {
            guard belongs(seat) else { break }
            for user in users {
                found.append(
                    Membership(connection: seat.member, room: seat.room, user: user.text))
            }
        }
        return found
    }

    /// True when the session has a seat in the room under that connection.
    func hasSeat(_ connection: MemberConnection, in room: UniqueID) -> Bool {
        seats.contains(Seat(connection, room))
    }

    // MARK: - Operations

    /// Makes a room; the same creation again succeeds without a change.
    mutating func create(_ creation: RoomCreation) -> Outcome {
        if let existing = names[TextKey(creation.name)] {
            return existing == creation.id ? .roomCreated(existing) : .refused(.nameTaken)
        }
        guard !table.contains(creation.id) else { return .refused(.malformed) }
        insert(Room(creation))
        return .roomCreated(creation.id)
    }

    /// Makes a user of a connection a member.
    mutating func join(
        _ room: UniqueID, user: String, via connection: MemberConnection, at: WallTime,
        into effects: inout [StateEffect]
    ) -> Outcome {
        let user = TextKey(user)
        guard let lastSequence = table.read(room, { $0.history.lastSequence }) else {
            return .refused(.roomNotFound)
        }
        if seat(user, at: Seat(connection, room)) {
            let memberCount = table.update(room) { $0.memberCount } ?? 0
            effects.append(
                .memberJoined(
                    room: room, user: user.text, by: connection, memberCount: memberCount, at: at))
        }
        return .joined(room: room, lastSequence: lastSequence)
    }

    /// Ends one membership.
    mutating func leave(
        _ room: UniqueID, user: String, via connection: MemberConnection,
        reason: LeaveReason = .requested, at: WallTime, into effects: inout [StateEffect]
    ) -> Outcome {
        guard table.contains(room) else { return .refused(.roomNotFound) }
        let user = TextKey(user)
        let seat = Seat(connection, room)
        let isLast = seats.update(seat) { users -> Bool? in
            guard let place = users.firstIndex(of: user) else { return nil }
            users.remove(at: place)
            return users.isEmpty
        }
        guard let isLast = isLast ?? nil else { return .refused(.notMember) }
        if isLast { seats.removeValue(forKey: seat) }
        unseat(user, from: room, reason: reason, at: at, into: &effects)
        return .left(room: room)
    }

    /// Ends all memberships of a connection.
    mutating func disconnect(
        _ connection: MemberConnection, reason: LeaveReason, at: WallTime,
        into effects: inout [StateEffect]
    ) {
        remove(memberships(of: connection), reason: reason, at: at, into: &effects)
    }

    /// Ends all memberships of a session.
    mutating func end(
        _ session: SessionID, reason: LeaveReason, at: WallTime, into effects: inout [StateEffect]
    ) {
        remove(memberships(of: session), reason: reason, at: at, into: &effects)
    }

    /// Appends a member's message to a room's history.
    mutating func send(
        _ submission: MessageSubmission, via session: SessionID, at stamp: ClusterTime,
        limits: StateLimits, into effects: inout [StateEffect], marks: inout MarkSet
    ) -> Outcome {
        let connection = MemberConnection(session: session, connection: submission.connection)
        let room = submission.room
        guard isMember(submission.user, of: room, via: connection) else {
            return .refused(table.contains(room) ? .notMember : .roomNotFound)
        }
        // What is said in a mirrored room is for its host to number.
        guard table.read(room, { $0.host == nil }) == true else {
            return .refused(.hostUnavailable)
        }
        var change = 0
        var sweepAt: ClusterTime?
        let sending = table.update(room) { held -> Room.Sending in
            let before = held.history.byteCount + held.keys.byteCount
            let sending = held.send(submission, at: stamp, limits: limits)
            change = held.history.byteCount + held.keys.byteCount - before
            if held.sweepAt == nil, let oldest = held.keys.oldest {
                sweepAt = oldest + limits.messageKeyLife
                held.sweepAt = sweepAt
            }
            return sending
        }
        guard let sending else { preconditionFailure("a membership of no room") }
        byteCount += change
        if let sweepAt { keyExpiry.schedule(room, at: sweepAt) }
        switch sending {
        case .sent(let sequence, let isTrimmed):
            if isTrimmed { marks.insert(.historyTrimmed) }
            effects.append(
                .message(
                    room: room,
                    ChatMessage(
                        id: submission.id, sequence: sequence, user: submission.user,
                        content: submission.content, at: submission.at)))
            return .sent(room: room, id: submission.id, sequence: sequence, at: submission.at)
        case .repeated(let first):
            marks.insert(.retryByMessageID)
            return .sent(room: room, id: first.id, sequence: first.sequence, at: first.at)
        case .refused(let refusal):
            return .refused(refusal)
        }
    }

    /// Forgets message keys whose time is over, a few of one room at a time.
    ///
    /// A look-up takes no notice of a key that is over, swept or not. Each entry adds one key at
    /// most and sweeps more, so that the sweep keeps up.
    mutating func sweepKeys(at stamp: ClusterTime, limits: StateLimits) {
        guard let (room, _) = keyExpiry.popFirst(through: stamp) else { return }
        var freed = 0
        let next = table.update(room) { held -> ClusterTime? in
            let before = held.keys.byteCount
            held.keys.expire(at: stamp, life: limits.messageKeyLife, limit: 8)
            freed = before - held.keys.byteCount
            held.sweepAt = held.keys.oldest.map { $0 + limits.messageKeyLife }
            return held.sweepAt
        }
        byteCount -= freed
        if let next, let next { keyExpiry.schedule(room, at: next) }
    }

    /// The rooms that one entry looks at for messages that are too old.
    static let sweptRooms = 4

    /// Drops messages that are too old, in a few rooms after those of the last time; true when there
    /// were any.
    mutating func sweepHistories(at stamp: ClusterTime, limits: StateLimits) -> Bool {
        guard limits.historyAge > .zero, !table.isEmpty else { return false }
        var swept: [UniqueID] = []
        for (room, _) in table.elements(from: historyCursor) {
            swept.append(room)
            if swept.count > Rooms.sweptRooms { break }
        }
        // One more than are looked at, for that is where the next look begins.
        historyCursor = swept.count > Rooms.sweptRooms ? swept.removeLast() : .least
        var isAny = false
        for room in swept {
            let freed =
                table.update(room) { held -> Int in
                    let before = held.history.byteCount
                    if held.history.expire(at: stamp, age: limits.historyAge) { isAny = true }
                    return before - held.history.byteCount
                } ?? 0
            byteCount -= freed
        }
        return isAny
    }

    // MARK: - Memberships

    /// Seats a user; true when that makes the user a member who was none.
    private mutating func seat(_ user: TextKey, at seat: Seat) -> Bool {
        let isNew = seats.update(seat, default: []) { users -> Bool in
            let place = users.firstIndex { !($0 < user) } ?? users.count
            guard place == users.count || users[place] != user else { return false }
            users.insert(user, at: place)
            return true
        }
        guard isNew else { return false }
        byteCount += Rooms.seatBytes + user.text.utf8.count
        let isFirst = table.update(seat.room) { room -> Bool in
            // Of a mirror's members the host decides.
            let isKnown = room.host != nil && room.members.contains(user)
            return room.members.update(user, default: 0) { connections -> Bool in
                connections = max(connections, 0) + 1
                return connections == 1 && !isKnown
            }
        }
        if isFirst == true { byteCount += Room.bytes(ofMember: user) }
        return isFirst == true
    }

    /// Undoes in the room what seating did; the seat itself is gone.
    private mutating func unseat(
        _ user: TextKey, from room: UniqueID, reason: LeaveReason, at: WallTime,
        into effects: inout [StateEffect]
    ) {
        byteCount -= Rooms.seatBytes + user.text.utf8.count
        let host = table.read(room) { $0.host } ?? nil
        let remaining = table.update(room) { held -> Int? in
            let connections = held.members.update(user) { connections -> Int in
                connections -= 1
                return connections
            }
            precondition(connections != nil, "a seat without a member")
            guard connections == 0 else { return nil }
            guard host == nil else {
                held.members[user] = Room.leaving
                return 0
            }
            held.members.removeValue(forKey: user)
            return held.memberCount
        }
        guard let remaining, let remaining else { return }
        if let host {
            effects.append(.guestLeft(room: room, host: host, user: user.text, reason: reason))
            // Without users here the host tells nothing more of the room.
            if seatedUser(in: room) == nil { remove(room) }
            return
        }
        byteCount -= Room.bytes(ofMember: user)
        effects.append(
            .memberLeft(
                room: room, user: user.text, memberCount: remaining, reason: reason, at: at))
    }

    private mutating func remove(
        _ memberships: [Membership], reason: LeaveReason, at: WallTime,
        into effects: inout [StateEffect]
    ) {
        for membership in memberships {
            seats.removeValue(forKey: Seat(membership.connection, membership.room))
            unseat(
                TextKey(membership.user), from: membership.room, reason: reason, at: at,
                into: &effects)
        }
    }

    // MARK: - For the snapshot

    /// Adds a room whose id and name are free; for the snapshot's decoder, too.
    mutating func insert(_ room: Room) {
        if room.host == nil { names[TextKey(room.name)] = room.id }
        if room.deletion != nil { noteDeletion(of: room.id) }
        byteCount += room.ownBytes + room.history.byteCount + room.keys.byteCount
        for (user, _) in room.members { byteCount += Room.bytes(ofMember: user) }
        if let sweepAt = room.sweepAt { keyExpiry.schedule(room.id, at: sweepAt) }
        table[room.id] = room
    }

    /// Adds a membership as it stood in a snapshot; its room must exist.
    mutating func restore(_ user: TextKey, at seat: Seat) { _ = self.seat(user, at: seat) }

    /// Calls `body` for the users of each seat in order.
    func forEachSeat(_ body: (Seat, [TextKey]) -> Void) {
        for (seat, users) in seats { body(seat, users) }
    }

    /// True when both have the same rooms and memberships; what follows from them is not compared.
    public static func == (a: Rooms, b: Rooms) -> Bool {
        a.table == b.table && a.seats == b.seats && a.historyCursor == b.historyCursor
    }

    func digest(into digest: inout Digest) {
        digest.combine(table.count)
        historyCursor.digest(into: &digest)
        for (_, room) in table { room.digest(into: &digest) }
        for (seat, users) in seats {
            digest.combine(seat.session.rawValue)
            digest.combine(UInt64(seat.connection.slot) << 32 | UInt64(seat.connection.generation))
            seat.room.digest(into: &digest)
            for user in users { digest.combine(user.text) }
        }
    }
}

extension UniqueID {
    static let least = UniqueID(high: 0, low: 0)
}
