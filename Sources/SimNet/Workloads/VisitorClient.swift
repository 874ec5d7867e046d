import Protocols

/// A client that makes rooms in its own cluster, goes to those of all clusters, talks there, leaves,
/// comes back, and now and then deletes what it made.
///
/// As with `ChatClient`, a message keeps its own id over all attempts and its content begins with it,
/// and requests that are answered without an id are made one at a time.
public struct VisitorClient: Equatable, Sendable {
    struct Room: Equatable, Sendable {
        let id: UniqueID
        let isOwn: Bool
        var isWanted = true
        var isJoined = false
        /// The last sequence number seen; `nil` when the client was never there.
        var lastSeen: UInt64?
        var joinAt: Instant
    }

    enum Control: Equatable, Sendable {
        case discover
        case create
        case join(UniqueID, since: UInt64?)
        case leave(UniqueID)
        case delete(UniqueID)
    }

    struct Send: Equatable, Sendable {
        let room: UniqueID
        let name: String
        /// When it is to be sent; `nil` while an answer is awaited.
        var sendAt: Instant?
        var overdueAt: Instant?
    }

    let id: ClientID
    let user: String
    let think: Interval
    let timeout: Interval
    var prng: Prng
    private var dialer: Dialer
    private(set) var rooms: [Room] = []
    private var control: Control?
    private var controlOverdueAt: Instant?
    private var controlAt = Instant.zero
    private var sends: [Send] = []
    private var nextName = 0
    private var actAt: Instant
    private var isQuiet = false
    /// After `quiesce`: the messages of its own that it must yet see.
    private var unheard: [Send] = []
    /// The first answer that answers nothing.
    public private(set) var surprise: String?
    /// How many answers came.
    public private(set) var answerCount = 0

    /// The most rooms that a client goes to.
    static let roomLimit = 4
    /// The most messages without an answer.
    static let sendLimit = 8

    /// Makes a client that begins at a drawn moment.
    init(id: ClientID, user: String, nodes: [NodeID], prng: Prng) {
        self.id = id
        self.user = user
        self.prng = prng
        let start = Instant.zero + self.prng.interval(from: .milliseconds(100), to: .seconds(1))
        think = self.prng.interval(from: .milliseconds(100), to: .milliseconds(800))
        timeout = self.prng.interval(from: .seconds(1), to: .seconds(8))
        dialer = Dialer(nodes: nodes, firstTry: start, prng: &self.prng)
        actAt = start
    }

    /// True when, after `quiesce`, all its messages are acknowledged and it has heard its last words
    /// in all its rooms.
    public var isSatisfied: Bool {
        isQuiet && sends.isEmpty && control == nil && unheard.isEmpty
    }

    /// What it waits for.
    public var waitsFor: String {
        let waiting = control.map { "\($0)" } ?? "no request"
        let apart = rooms.filter { $0.isWanted && !$0.isJoined }.map(\.id)
        return "visitor \(user): connection \(dialer.state), \(waiting), \(sends.count) messages"
            + " unanswered, \(unheard.map(\.name)) not heard, not in \(apart)"
    }

    /// When the client wants to be woken.
    public var deadline: Instant? {
        if isSatisfied { return nil }
        guard dialer.isOpen else { return dialer.deadline }
        var earliest = isQuiet ? Instant.distantFuture : actAt
        if let controlOverdueAt { earliest = min(earliest, controlOverdueAt) }
        if control == nil {
            for room in rooms where room.isWanted && !room.isJoined {
                earliest = min(earliest, max(controlAt, room.joinAt))
            }
        }
        for send in sends {
            if let overdueAt = send.overdueAt { earliest = min(earliest, overdueAt) }
            if let sendAt = send.sendAt, isJoined(send.room) { earliest = min(earliest, sendAt) }
        }
        return earliest == .distantFuture ? nil : earliest
    }

    /// Takes one event; returns when the client wants to be woken.
    @discardableResult
    public mutating func step(
        _ event: ClientEvent, at now: Instant, into out: inout Outbox<ClientEffect>
    ) -> Instant? {
        switch event {
        case .wake, .order: break
        case .connected: dialer.connected()
        case .disconnected:
            let wasOpen = dialer.isOpen
            dialer.lost(now, &prng)
            if wasOpen { onConnectionGone(now, into: &out) }
        case .message(let message): onMessage(message, now, into: &out)
        case .quiesce: quiesce(now, into: &out)
        }
        advance(now, into: &out)
        return deadline
    }

    // MARK: Acts

    private mutating func quiesce(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard !isQuiet else { return }
        isQuiet = true
        let before = sends.count
        for place in rooms.indices {
            rooms[place].isWanted = true
            say(in: rooms[place].id, now, into: &out)
        }
        unheard = Array(sends[before...])
    }

    private mutating func advance(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard !isSatisfied else { return }
        dialer.advance(now, &prng, into: &out)
        guard dialer.isOpen else { return }
        let isOverdue =
            controlOverdueAt.map { now >= $0 } ?? false
            || sends.contains { $0.overdueAt.map { now >= $0 } ?? false }
        guard !isOverdue else { return hangUp(now, into: &out) }
        if control == nil, now >= controlAt,
            let room = rooms.first(where: { $0.isWanted && !$0.isJoined && now >= $0.joinAt })
        {
            ask(.join(room.id, since: room.lastSeen), now, into: &out)
        }
        if !isQuiet, now >= actAt {
            act(now, into: &out)
            actAt = now + prng.interval(from: .milliseconds(1), to: think * 2)
        }
        for place in sends.indices where sends[place].sendAt.map({ now >= $0 }) ?? false {
            guard isJoined(sends[place].room) else { continue }
            sends[place].sendAt = nil
            sends[place].overdueAt = now + timeout
            out.emit(
                .request(
                    .sendMessage(
                        room: sends[place].room, user: user, content: sends[place].name + " says",
                        clientMessageID: sends[place].name)))
        }
    }

    private mutating func act(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        let isFree = control == nil && now >= controlAt
        let joined = rooms.filter(\.isJoined)
        switch prng.below(100) {
        case 0..<2: hangUp(now, into: &out)
        case 2..<10 where isFree && rooms.count < VisitorClient.roomLimit:
            ask(.discover, now, into: &out)
        case 10..<18 where isFree && !rooms.contains { $0.isOwn }: ask(.create, now, into: &out)
        case 18..<22 where isFree && !joined.isEmpty:
            ask(.leave(joined[prng.int(in: 0..<joined.count)].id), now, into: &out)
        case 22..<24 where isFree:
            if let own = rooms.first(where: \.isOwn) { ask(.delete(own.id), now, into: &out) }
        default:
            guard !joined.isEmpty, sends.count < VisitorClient.sendLimit else { return }
            say(in: joined[prng.int(in: 0..<joined.count)].id, now, into: &out)
        }
    }

    private mutating func say(
        in room: UniqueID, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        nextName += 1
        let name = "\(user)-\(nextName)"
        out.emit(.record(.submitted(room: room, clientMessageID: name)))
        sends.append(Send(room: room, name: name, sendAt: now))
    }

    private mutating func ask(
        _ next: Control, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        control = next
        controlOverdueAt = now + timeout
        switch next {
        case .discover: out.emit(.request(.discoverRooms))
        case .create:
            nextName += 1
            let name = "of \(user) \(nextName)"
            out.emit(.request(.createRoom(name: name, creator: user, description: "")))
        case .join(let room, let since):
            out.emit(.request(.joinRoom(room: room, user: user, since: since)))
        case .leave(let room): out.emit(.request(.leaveRoom(room: room, user: user)))
        case .delete(let room): out.emit(.request(.deleteRoom(room: room, user: user)))
        }
    }

    // MARK: Connection

    private mutating func hangUp(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        dialer.hangUp(now, &prng, into: &out)
        onConnectionGone(now, into: &out)
    }

    private mutating func onConnectionGone(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        out.emit(.record(.detached))
        endControl()
        for place in rooms.indices { rooms[place].isJoined = false }
        for place in sends.indices where sends[place].overdueAt != nil {
            sends[place].overdueAt = nil
            sends[place].sendAt = now
        }
    }

    private mutating func endControl() {
        control = nil
        controlOverdueAt = nil
    }

    // MARK: Answers

    private mutating func onMessage(
        _ message: ServerMessage, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        answerCount += 1
        switch message {
        case .newMessage(let room, let content):
            out.emit(.record(.received(room: room, content)))
            if let place = place(of: room) { rooms[place].lastSeen = content.sequence }
            let name = Chat.clientMessageID(in: content.content)
            unheard.removeAll { $0.name == name }
        case .messageSent(let room, let id, let sequence, _, let name?):
            out.emit(
                .record(
                    .acknowledged(room: room, clientMessageID: name, id: id, sequence: sequence)))
            sends.removeAll { $0.name == name }
        case .messageFailed(let room, let name?, let error): onFailed(room, name, error, now)
        case .globalRoomsList(let list, _): onDiscovered(list, message, now)
        case .roomCreated(let room, _, _):
            guard end(.create, message) else { return }
            rooms.append(Room(id: room.id, isOwn: true, joinAt: now))
            if isQuiet { rooms[rooms.count - 1].isWanted = false }
        case .createFailed: if end(.create, message) { pause(now, into: &out) }
        case .joined, .joinFailed, .left, .leaveFailed: onMembership(message, now, into: &out)
        case .deletionDone(let room, _), .roomDeleted(let room, _):
            if control == .delete(room) { endControl() }
            forget(room)
        case .deletionFailed(let room, _, let error, _):
            if control == .delete(room) { endControl() }
            if error == .roomNotFound { forget(room) }
        case .failed: if end(.discover, message) { pause(now, into: &out) }
        case .memberJoined, .memberLeft, .deletionBegun: break
        case .roomsList, .messageSent, .messageFailed, .sessionOpened, .registerValue,
            .registerWritten, .registerMismatch, .registerFailed:
            wonder(message)
        }
    }

    private mutating func onMembership(
        _ message: ServerMessage, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        switch message {
        case .joined(let reply):
            guard case .join(reply.room.id, let since)? = control else { return wonder(message) }
            endControl()
            out.emit(
                .record(
                    .joined(
                        room: reply.room.id, historyFrom: reply.historyFrom,
                        historyComplete: reply.historyComplete, since: since)))
            guard let place = place(of: reply.room.id) else { return }
            rooms[place].isJoined = true
            rooms[place].lastSeen = reply.historyFrom - min(1, reply.historyFrom)
            // It may have been said and heard by others while the client was away.
            let unanswered = sends.map(\.name)
            unheard.removeAll {
                $0.room == reply.room.id && !unanswered.contains($0.name)
            }
        case .joinFailed(let room, let error):
            guard case .join(room, _)? = control else { return wonder(message) }
            endControl()
            if error == .roomNotFound { forget(room) } else { pause(now, into: &out) }
        case .left(let room, _):
            guard end(.leave(room), message), let place = place(of: room) else { return }
            leave(place, now)
        case .leaveFailed(let room, let error):
            guard end(.leave(room), message), let place = place(of: room) else { return }
            switch error {
            case .notMember: leave(place, now)
            case .roomNotFound: forget(room)
            default: pause(now, into: &out)
            }
        default: wonder(message)
        }
    }

    private mutating func leave(_ place: Int, _ now: Instant) {
        rooms[place].isJoined = false
        rooms[place].joinAt = now + prng.interval(from: .milliseconds(10), to: .seconds(3))
        if !isQuiet, prng.chance(1, in: 4), !rooms[place].isOwn { forget(rooms[place].id) }
    }

    private mutating func onFailed(
        _ room: UniqueID, _ name: String, _ error: RequestError, _ now: Instant
    ) {
        guard let position = sends.firstIndex(where: { $0.name == name }) else { return }
        switch error {
        case .roomNotFound: forget(room)
        case .notMember, .unavailable, .outcomeUnknown, .overloaded, .stateFull, .rateLimited:
            if error == .notMember, let place = place(of: room) { rooms[place].isJoined = false }
            sends[position].overdueAt = nil
            sends[position].sendAt =
                now + prng.interval(from: .milliseconds(50), to: .milliseconds(500))
        case .invalidRequest, .invalidContent, .nameTaken, .sessionExpired, .alreadyAcknowledged,
            .roomLimit, .roomFull, .unauthorized, .invalidState, .deletionFailed:
            if surprise == nil { surprise = "message \(name) failed with \(error)" }
        }
    }

    private mutating func onDiscovered(
        _ list: [RoomSummary], _ message: ServerMessage, _ now: Instant
    ) {
        guard end(.discover, message), !isQuiet else { return }
        for room in list where rooms.count < VisitorClient.roomLimit && place(of: room.id) == nil {
            guard prng.chance(1, in: 2) else { continue }
            rooms.append(Room(id: room.id, isOwn: false, joinAt: now))
        }
    }

    private func place(of room: UniqueID) -> Int? { rooms.firstIndex { $0.id == room } }

    private func isJoined(_ room: UniqueID) -> Bool {
        control != .leave(room) && rooms.contains { $0.id == room && $0.isJoined }
    }

    /// The room is of no interest any more, nor is what was to be said there.
    private mutating func forget(_ room: UniqueID) {
        rooms.removeAll { $0.id == room }
        sends.removeAll { $0.room == room }
        unheard.removeAll { $0.room == room }
    }

    private mutating func end(_ asked: Control, _ message: ServerMessage) -> Bool {
        guard control == asked else {
            wonder(message)
            return false
        }
        endControl()
        return true
    }

    /// Waits a little before the next request, now and then at another node.
    private mutating func pause(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        controlAt = now + prng.interval(from: .milliseconds(50), to: .milliseconds(400))
        if prng.chance(1, in: 4) { hangUp(now, into: &out) }
    }

    private mutating func wonder(_ message: ServerMessage) {
        if surprise == nil { surprise = "\(message) answers nothing that was asked" }
    }
}
