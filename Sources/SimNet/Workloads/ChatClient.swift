import Protocols

/// A client that makes and finds rooms, joins, talks, leaves, and comes back after every failure.
///
/// A message keeps its own id over all attempts, and its content begins with it. Requests that are
/// answered without an id are made one at a time; messages may be many at a time.
public struct ChatClient: Equatable, Sendable {
    /// How a client behaves; chances are in 1,000 for each time it acts.
    public struct Settings: Equatable, Sendable {
        /// The names of the rooms it goes to.
        public var rooms: [String] = ["lobby"]
        /// The mean pause between two acts.
        public var think = Interval.milliseconds(400)
        /// How long it waits for an answer.
        public var timeout = Interval.seconds(4)
        /// The chance to send many messages at once.
        public var burst: UInt64 = 0
        /// The most messages of a burst.
        public var burstSize = 8
        /// The chance to stop reading for a while.
        public var pause: UInt64 = 0
        /// The longest time without reading.
        public var pauseTime = Interval.seconds(2)
        /// The chance to leave a room, to join again later.
        public var leave: UInt64 = 20
        /// The chance to join a room again without having left.
        public var joinAgain: UInt64 = 10
        /// The chance to send what must be refused.
        public var rude: UInt64 = 20
        /// The chance to send an acknowledged message again.
        public var again: UInt64 = 20
        /// The chance to list or discover rooms.
        public var list: UInt64 = 20
        /// The chance to go to another node.
        public var hop: UInt64 = 5
        /// The chance to give up a message whose fate is unknown.
        public var forget: UInt64 = 0
        /// The chance of a long message.
        public var long: UInt64 = 10
        /// The most acts before the faults stop.
        public var operations = Int.max
        /// Whether it acts on orders alone and stays with the node that it was sent to.
        public var isScripted = false
        /// What its name and its messages' begin with; nil for what its id gives.
        public var tag: String?

        /// Makes the default behaviour.
        public init() {}
    }

    struct Room: Equatable, Sendable {
        let name: String
        var id: UniqueID?
        var isJoined = false
        /// A join on this connection ended with an unknown outcome: it may be done at any time yet.
        var mayBeJoined = false
        /// The last sequence number seen; `nil` when the client was never there.
        var lastSeen: UInt64?
        /// When to join; `nil` when the client does not want to.
        var joinAt: Instant? = .zero
        /// The name is taken, so the room must be found.
        var mustExist = false
    }

    /// A request that is answered without an id of its own.
    enum Control: Equatable, Sendable {
        case list
        case discover
        case create(room: Int)
        case join(room: Int, since: UInt64?)
        case leave(room: Int)
    }

    /// What an attempt is expected to come to.
    enum Expectation: Equatable, Sendable {
        case acknowledged
        /// Not a member, or no such room.
        case refused
        /// The content is not allowed.
        case invalid
    }

    struct Send: Equatable, Sendable {
        var room: UniqueID
        var name: String
        var content: String
        var expectation = Expectation.acknowledged
        /// When it is to be sent; not sent on the open connection yet.
        var sendAt: Instant?
        /// When the answer is overdue.
        var overdueAt: Instant?
    }

    struct LastWord: Equatable, Sendable {
        var name: String
        var sequence: UInt64?
    }

    /// What is still to be done after `quiesce`.
    enum Goal: Int, Equatable, Sendable {
        case none, settle, hear, list, discover, create, hearOwn, leave, done
    }

    let id: ClientID
    let user: String
    let settings: Settings
    var prng: Prng
    var dialer: Dialer
    var rooms: [Room]
    var control: Control?
    var controlOverdueAt: Instant?
    var controlRetryAt = Instant.zero
    var sends: [Send] = []
    /// Messages acknowledged lately, to be sent again.
    var recent: [Send] = []
    var nextMessage = 0
    var actAt: Instant
    /// How often it has acted.
    var acts = 0
    var pausedUntil: Instant?
    var goal = Goal.none
    /// What was ordered and not begun, oldest first.
    var orders: [ClientOrder] = []
    /// The number of the last message after `quiesce`, once acknowledged.
    var lastWord: LastWord?
    /// The first answer that is not among those that the protocol documents.
    public internal(set) var surprise: String?
    /// How many answers came.
    public internal(set) var answerCount = 0

    /// Makes a client that begins at a drawn moment.
    public init(id: ClientID, nodes: [NodeID], settings: Settings, prng: Prng) {
        precondition(!settings.rooms.isEmpty, "a chat client needs a room")
        self.id = id
        user = settings.tag ?? "user\(id.rawValue)"
        self.settings = settings
        self.prng = prng
        let start = Instant.zero + self.prng.interval(from: .milliseconds(100), to: .seconds(1))
        dialer = Dialer(nodes: nodes, firstTry: start, prng: &self.prng)
        rooms = settings.rooms.map { Room(name: $0, joinAt: settings.isScripted ? nil : .zero) }
        actAt = start
    }

    /// True when all goals after `quiesce` are reached.
    public var isSatisfied: Bool { goal == .done }

    /// When the client wants to be woken.
    public var deadline: Instant? {
        if isSatisfied { return nil }
        if let pausedUntil { return pausedUntil }
        guard dialer.isOpen else { return dialer.deadline }
        var earliest = mayAct ? actAt : Instant.distantFuture
        if let controlOverdueAt { earliest = min(earliest, controlOverdueAt) }
        if let controlAt = nextControlTime { earliest = min(earliest, controlAt) }
        for send in sends {
            if let overdueAt = send.overdueAt { earliest = min(earliest, overdueAt) }
            if let sendAt = send.sendAt, canSend(send) { earliest = min(earliest, sendAt) }
        }
        return earliest == .distantFuture ? nil : earliest
    }

    /// What the client is waiting for.
    public var waitsFor: String {
        let waiting = control.map { "\($0)" } ?? "no request"
        return "chat client \(id.rawValue): goal \(goal), connection \(dialer.state), \(waiting), "
            + "\(sends.count) messages unanswered"
    }

    /// Takes one event; returns when the client wants to be woken.
    @discardableResult
    public mutating func step(
        _ event: ClientEvent, at now: Instant, into out: inout Outbox<ClientEffect>
    ) -> Instant? {
        switch event {
        case .wake: break
        case .order(let order): onOrder(order, now, into: &out)
        case .connected: dialer.connected()
        case .disconnected:
            let wasOpen = dialer.isOpen
            dialer.lost(now, &prng)
            if wasOpen { onConnectionGone(now, into: &out) }
        case .message(let message): onMessage(message, now, into: &out)
        case .quiesce:
            guard goal == .none else { break }
            goal = .settle
            orders = []
            dialer.isPinned = false
            for room in rooms.indices { rooms[room].joinAt = now }
            resumeReading(now, into: &out)
        }
        advance(now, into: &out)
        return deadline
    }

    // MARK: Time

    private mutating func advance(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard !isSatisfied else { return }
        if let pausedUntil {
            guard now >= pausedUntil else { return }
            resumeReading(now, into: &out)
        }
        dialer.advance(now, &prng, into: &out)
        guard dialer.isOpen else { return }
        let isOverdue =
            (controlOverdueAt.map { now >= $0 } ?? false)
            || sends.contains { $0.overdueAt.map { now >= $0 } ?? false }
        if isOverdue {
            hangUp(now, into: &out)
            return
        }
        if goal != .none { pursueGoal(now, into: &out) }
        if settings.isScripted { obey(now, into: &out) }
        guard !isSatisfied else { return }
        if let next = nextControl(now) { ask(next, now, into: &out) }
        sendDue(now, into: &out)
        if mayAct, now >= actAt {
            acts += 1
            act(now, into: &out)
            let longest = settings.think * 2
            actAt = now + prng.interval(from: .milliseconds(1), to: longest)
            sendDue(now, into: &out)
        }
    }

    private var mayAct: Bool {
        goal == .none && acts < settings.operations && !settings.isScripted
    }

    /// Sends what is due and may be sent.
    private mutating func sendDue(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard dialer.isOpen else { return }
        for position in sends.indices {
            guard let sendAt = sends[position].sendAt, now >= sendAt, canSend(sends[position])
            else {
                continue
            }
            sends[position].sendAt = nil
            sends[position].overdueAt = now + settings.timeout
            let send = sends[position]
            out.emit(
                .request(
                    .sendMessage(
                        room: send.room, user: user, content: send.content,
                        clientMessageID: send.name)))
        }
    }

    /// A message waits for its room to be joined; what must be refused does not.
    private func canSend(_ send: Send) -> Bool {
        switch send.expectation {
        case .refused: true
        case .acknowledged, .invalid:
            rooms.contains { $0.id == send.room && $0.isJoined } && !isLeaving(send.room)
        }
    }

    private func isLeaving(_ room: UniqueID) -> Bool {
        if case .leave(let position) = control { return rooms[position].id == room }
        return false
    }

    // MARK: Connection

    /// Leaves the node for another.
    mutating func hangUp(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        dialer.hangUp(now, &prng, into: &out)
        onConnectionGone(now, into: &out)
    }

    /// Nothing that was asked on the connection will be answered there any more.
    mutating func onConnectionGone(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        out.emit(.record(.detached))
        if pausedUntil != nil { resumeReading(now, into: &out) }
        if case .create(let room) = control { rooms[room].mustExist = false }
        control = nil
        controlOverdueAt = nil
        for room in rooms.indices {
            rooms[room].isJoined = false
            rooms[room].mayBeJoined = false
        }
        // What must be refused is not asked again, for the next connection may well be a member.
        sends.removeAll { $0.expectation != .acknowledged }
        for position in sends.indices where sends[position].overdueAt != nil {
            sends[position].overdueAt = nil
            sends[position].sendAt = now
        }
        forgetSome()
    }

    /// Gives up some of the messages whose fate is unknown.
    mutating func forgetSome() {
        guard settings.forget > 0, goal == .none else { return }
        sends.removeAll { _ in prng.chance(settings.forget, in: 1_000) }
    }

    private mutating func resumeReading(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard pausedUntil != nil else { return }
        pausedUntil = nil
        out.emit(.pauseReading(false))
        // Answers may have waited all the while.
        if controlOverdueAt != nil { controlOverdueAt = now + settings.timeout }
        for position in sends.indices where sends[position].overdueAt != nil {
            sends[position].overdueAt = now + settings.timeout
        }
    }

    mutating func wonder(_ what: String) {
        if surprise == nil { surprise = what }
    }
}
