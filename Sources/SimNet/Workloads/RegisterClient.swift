import Protocols

/// A client that reads, sets and compares-and-sets a few registers, one operation at a time.
///
/// With a session it numbers its writes and asks again, at another node, under the same number until
/// it has an answer. Without, an unanswered write is given up. A read is always given up.
public struct RegisterClient: Equatable, Sendable {
    /// How a client behaves.
    public struct Settings: Equatable, Sendable {
        /// The registers it uses.
        public var keys: [String] = ["r0"]
        /// The mean pause between two operations.
        public var think = Interval.milliseconds(400)
        /// How long it waits for an answer.
        public var timeout = Interval.seconds(3)
        /// Whether it numbers its writes in a session.
        public var usesSession = true
        /// The most operations before the faults stop.
        public var operations = Int.max
        /// Whether it acts on orders alone, each tried once and at the node that it was sent to.
        public var isScripted = false
        /// What its values begin with; nil for its id.
        public var tag: String?

        /// Makes the default behaviour.
        public init() {}
    }

    struct Pending: Equatable, Sendable {
        var call: RegisterCall
        /// The number in the session; `nil` without one, and for reads.
        var request: SessionRequest?
        /// How often it was sent.
        var attempts = 0
        /// Some attempt may have been done.
        var isDoubtful = false
        /// Sent and not answered on the open connection.
        var isSent = false
    }

    /// What is still to be done after `quiesce`.
    enum Goal: Equatable, Sendable {
        case none, set, compareAndSet, read, done
    }

    let id: ClientID
    let settings: Settings
    var prng: Prng
    var dialer: Dialer
    var session: SessionID?
    var nextSequence: UInt64 = 1
    var isOpeningSession = false
    var nextOperation = 0
    var pending: Pending?
    /// The versions last seen, by position in `settings.keys`.
    var versions: [UInt64]
    /// When to act next: the next operation, or the next attempt.
    var actAt: Instant
    /// When the answer is overdue.
    var overdueAt: Instant?
    var goal = Goal.none
    /// Reads and writes that were ordered and not begun, oldest first.
    var orders: [ClientOrder] = []
    /// The first answer that is not among those that the protocol documents.
    public private(set) var surprise: String?
    /// How many answers came.
    public private(set) var answerCount = 0

    /// Makes a client that begins at a drawn moment within its pause.
    public init(id: ClientID, nodes: [NodeID], settings: Settings, prng: Prng) {
        precondition(!settings.keys.isEmpty, "a register client needs a register")
        self.id = id
        self.settings = settings
        self.prng = prng
        let start = Instant.zero + self.prng.interval(from: .milliseconds(100), to: .seconds(1))
        dialer = Dialer(nodes: nodes, firstTry: start, prng: &self.prng)
        versions = Array(repeating: 0, count: settings.keys.count)
        actAt = start
    }

    /// True when all goals after `quiesce` are reached.
    public var isSatisfied: Bool { goal == .done }

    /// When the client wants to be woken.
    public var deadline: Instant? {
        if isSatisfied { return nil }
        guard dialer.isOpen else { return dialer.deadline }
        return overdueAt ?? (isIdle ? nil : actAt)
    }

    /// There is nothing to begin before the faults stop.
    private var isIdle: Bool {
        guard goal == .none, pending == nil else { return false }
        return settings.isScripted ? orders.isEmpty : nextOperation >= settings.operations
    }

    /// What the client is waiting for.
    public var waitsFor: String {
        "register client \(id.rawValue): goal \(goal), connection \(dialer.state), pending "
            + (pending.map { "\($0.call)" } ?? "nothing")
    }

    /// Takes one event; returns when the client wants to be woken.
    @discardableResult
    public mutating func step(
        _ event: ClientEvent, at now: Instant, into out: inout Outbox<ClientEffect>
    ) -> Instant? {
        switch event {
        case .wake: break
        case .connected:
            dialer.connected()
            actAt = now
        case .disconnected:
            dialer.lost(now, &prng)
            onConnectionGone(into: &out)
        case .message(let message): onMessage(message, now, into: &out)
        case .quiesce:
            if goal == .none { goal = .set }
            orders = []
            dialer.isPinned = false
            actAt = now
        case .order(let order): onOrder(order, now, into: &out)
        }
        advance(now, into: &out)
        return deadline
    }

    private mutating func onOrder(
        _ order: ClientOrder, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        guard settings.isScripted, goal == .none else { return }
        guard case .go(let host) = order else {
            if order.isForRegister { orders.append(order) }
            return
        }
        onConnectionGone(into: &out)
        dialer.turn(to: NodeID(UInt32(host + 1)), now, into: &out)
    }

    // MARK: Acting

    private mutating func advance(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard !isSatisfied else { return }
        dialer.advance(now, &prng, into: &out)
        guard dialer.isOpen else { return }
        if let overdue = overdueAt {
            if now >= overdue {
                dialer.hangUp(now, &prng, into: &out)
                onConnectionGone(into: &out)
            }
            return
        }
        guard now >= actAt, !isIdle else { return }
        if settings.usesSession, session == nil {
            isOpeningSession = true
            out.emit(.request(.openSession))
            overdueAt = now + settings.timeout
            return
        }
        if pending == nil { begin(into: &out) }
        attempt(now, into: &out)
    }

    /// Chooses the next operation.
    private mutating func begin(into out: inout Outbox<ClientEffect>) {
        if goal == .none, settings.isScripted { return beginOrder(into: &out) }
        let key = prng.int(in: 0..<settings.keys.count)
        let name = nextOperation
        nextOperation += 1
        let value = Array("c\(id.rawValue).\(name)".utf8)
        var write: RegisterOperation?
        switch goal {
        case .none:
            let choice = prng.int(in: 0..<10)
            if choice < 3 {
                write = .set(value: value)
            } else if choice < 6 {
                write = .compareAndSet(expectedVersion: guess(key), value: value)
            }
        case .set: write = .set(value: value)
        case .compareAndSet:
            write = .compareAndSet(expectedVersion: versions[key], value: value)
        case .read, .done: break
        }
        let call = RegisterCall(operation: name, key: settings.keys[key], write: write)
        var new = Pending(call: call)
        if write != nil, let session {
            new.request = SessionRequest(
                session: session, sequence: nextSequence, acknowledgedBelow: nextSequence)
            nextSequence += 1
        }
        pending = new
        out.emit(.record(.invoked(call)))
    }

    private mutating func beginOrder(into out: inout Outbox<ClientEffect>) {
        let order = orders.removeFirst()
        let name = nextOperation
        nextOperation += 1
        let call: RegisterCall
        switch order {
        case .go, .join, .say, .leave: return
        case .write(let key, let given):
            let value = given ?? "\(settings.tag ?? "c\(id.rawValue)").\(name)"
            call = RegisterCall(
                operation: name, key: key, write: .set(value: Array(value.utf8)))
        case .read(let key): call = RegisterCall(operation: name, key: key, write: nil)
        }
        pending = Pending(call: call)
        out.emit(.record(.invoked(call)))
    }

    /// The version last seen, now and then another one.
    private mutating func guess(_ key: Int) -> UInt64 {
        prng.chance(1, in: 8) ? versions[key] + prng.below(3) : versions[key]
    }

    private mutating func attempt(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard var current = pending else { return }
        current.attempts += 1
        current.isSent = true
        pending = current
        overdueAt = now + settings.timeout
        if let write = current.call.write {
            out.emit(
                .request(
                    .writeRegister(key: current.call.key, write, request: current.request)))
        } else {
            out.emit(.request(.readRegister(key: current.call.key)))
        }
    }

    // MARK: Ends

    /// What was asked on the connection will not be answered there any more.
    private mutating func onConnectionGone(into out: inout Outbox<ClientEffect>) {
        isOpeningSession = false
        overdueAt = nil
        guard pending?.isSent == true else { return }
        pending?.isSent = false
        pending?.isDoubtful = true
        if pending?.request == nil { abandon(into: &out) }
    }

    private mutating func abandon(into out: inout Outbox<ClientEffect>) {
        guard let current = pending else { return }
        pending = nil
        out.emit(.record(.abandoned(operation: current.call.operation)))
    }

    private mutating func finish(
        _ result: RegisterResult, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        guard let current = pending else { return }
        pending = nil
        out.emit(.record(.returned(operation: current.call.operation, result)))
        pauseBeforeNext(now)
        guard result != .failed else { return }
        switch (goal, current.call.write) {
        case (.set, .set): goal = .compareAndSet
        case (.compareAndSet, .compareAndSet): goal = .read
        case (.read, nil): goal = .done
        case (.none, _), (.set, _), (.compareAndSet, _), (.read, _), (.done, _): break
        }
    }

    private mutating func pauseBeforeNext(_ now: Instant) {
        // Whoever acts on orders has them timed by others.
        guard !settings.isScripted else { return actAt = now }
        let longest = settings.think * 2
        actAt = goal == .none ? now + prng.interval(from: .milliseconds(1), to: longest) : now
    }

    // MARK: Answers

    private mutating func onMessage(
        _ message: ServerMessage, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        answerCount += 1
        let asked = pending?.isSent == true ? pending?.call : nil
        switch message {
        case .sessionOpened(let opened) where isOpeningSession:
            isOpeningSession = false
            overdueAt = nil
            session = opened
            nextSequence = 1
        case .registerValue(let key, let content)
        where asked?.key == key && asked?.write == nil:
            answered(key, content.version)
            finish(.value(content), now, into: &out)
        case .registerWritten(let key, let version)
        where asked?.key == key && asked?.write != nil:
            answered(key, version)
            finish(.written(version: version), now, into: &out)
        case .registerMismatch(let key, let content)
        where asked?.key == key && isConditional(asked):
            answered(key, content.version)
            finish(.mismatch(content), now, into: &out)
        case .failed(let error) where isOpeningSession:
            onFailure(error, now, into: &out)
        case .registerFailed(let key, let error) where asked?.key == key:
            onFailure(error, now, into: &out)
        case .failed, .registerFailed, .sessionOpened, .registerValue, .registerWritten,
            .registerMismatch,
            .roomsList, .globalRoomsList, .roomCreated, .createFailed, .joined, .joinFailed, .left,
            .leaveFailed, .deletionBegun, .deletionDone, .deletionFailed, .roomDeleted,
            .messageSent, .messageFailed, .newMessage, .memberJoined, .memberLeft:
            wonder("\(message) answers \(asked.map { "\($0)" } ?? "nothing")")
        }
    }

    private func isConditional(_ call: RegisterCall?) -> Bool {
        if case .compareAndSet = call?.write { return true }
        return false
    }

    private mutating func answered(_ key: String, _ version: UInt64) {
        overdueAt = nil
        if let position = settings.keys.firstIndex(of: key) { versions[position] = version }
    }

    private mutating func onFailure(
        _ error: RequestError, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        overdueAt = nil
        actAt = now + prng.interval(from: .milliseconds(50), to: .milliseconds(400))
        if isOpeningSession {
            isOpeningSession = false
            if !error.isTransient { wonder("opening a session failed with \(error)") }
            turnAway(now, into: &out)
            return
        }
        pending?.isSent = false
        guard let current = pending else { return }
        switch error {
        case .rateLimited where goal != .none: actAt = now + .seconds(1)
        case .unavailable, .overloaded, .stateFull, .rateLimited:
            // Nothing was done by this attempt; if that holds for all, it surely was not done.
            let givesUp = settings.isScripted || prng.chance(1, in: 2)
            if !current.isDoubtful, goal == .none, givesUp {
                finish(.failed, now, into: &out)
            }
            turnAway(now, into: &out)
        case .outcomeUnknown:
            pending?.isDoubtful = true
            if current.request == nil { abandon(into: &out) }
            turnAway(now, into: &out)
        case .sessionExpired where current.request != nil:
            session = nil
            abandon(into: &out)
        case .invalidRequest, .invalidContent, .roomNotFound, .nameTaken, .notMember,
            .sessionExpired, .alreadyAcknowledged, .roomLimit, .roomFull, .unauthorized,
            .invalidState, .deletionFailed:
            wonder("\(current.call) failed with \(error)")
            abandon(into: &out)
        }
    }

    /// Now and then a node that cannot serve is left for another.
    private mutating func turnAway(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        guard prng.chance(1, in: 3), !settings.isScripted || goal != .none else { return }
        dialer.hangUp(now, &prng, into: &out)
        onConnectionGone(into: &out)
    }

    private mutating func wonder(_ what: String) {
        if surprise == nil { surprise = what }
    }
}
