import Protocols

/// One person over several nodes: in no room or in one, whatever node serves.
///
/// ## Overview
///     connecting ──► open: no room ──► finding or making it ──► joining ──► in the room
///         ▲                │                    │                 │             │
///         └── waiting ◄────┴────────────────────┴─ connection lost ┴────────────┘
///
/// ## Function
/// Lines are sent one at a time, each with an id of its own and again until it is acknowledged, so
/// that they stand in the room once and in the order in which they were said. After a new
/// connection only what came after the last message seen is asked for. A lost connection is
/// followed by the next node: once around without a wait, then with waits that double up to 2 s,
/// of which a random half is left out so that clients do not come back all at once.
public struct ChatSession: Equatable, Sendable {
    /// When a session gives up.
    public enum Patience: Equatable, Sendable {
        /// When no node could be connected to at the start; once connected, never.
        case oneRound
        /// When no room could be entered for so long at the start, or, once `finish` came, the
        /// lines could not be delivered for so long.
        case time(Interval)
    }

    /// What a session is told at its start.
    public struct Settings: Equatable, Sendable {
        /// The nodes, in the order in which they are tried; one at the least.
        public var nodes: [WebSocketURL]
        /// Who the person is.
        public var user: String
        /// When to give up.
        public var patience: Patience
        /// Makes the ids of lines and the waits differ between clients.
        public var seed: UInt64

        /// Makes settings.
        public init(nodes: [WebSocketURL], user: String, patience: Patience, seed: UInt64) {
            precondition(!nodes.isEmpty, "a session needs a node")
            self.nodes = nodes
            self.user = user
            self.patience = patience
            self.seed = seed
        }
    }

    enum Link: Equatable, Sendable {
        /// No connection is wanted.
        case idle
        case waiting(until: Instant)
        case connecting
        case open
        case closing
    }

    /// How far the person is on the present connection.
    enum Phase: Equatable, Sendable {
        case lobby
        case finding
        case creating
        case joining
        case inRoom
    }

    /// The room to be in.
    struct Goal: Equatable, Sendable {
        var name: String
        var id: UniqueID?
        var creates: Bool
        /// It was entered once, so a join comes after a loss.
        var wasEntered = false
        var lastSeen: UInt64 = 0
        /// The highest number given to a line of this person.
        var lastOwn: UInt64 = 0
    }

    /// Something said that is not acknowledged.
    public struct Line: Equatable, Sendable {
        /// The client's own id for it.
        public let id: String
        /// What was said.
        public let text: String
        var isInFlight = false
    }

    /// A request that is not answered for so long means that the node is as good as dead.
    static let answerLimit = Interval.seconds(12)
    /// Nodes ping after 25 s of silence; twice that without a byte is a dead connection.
    static let silenceLimit = Interval.seconds(50)
    /// How long the end waits for own lines to come back once all are acknowledged.
    static let echoLimit = Interval.seconds(3)
    /// The longest wait before the next node is tried.
    public static let longestWait = Interval.seconds(2)

    /// What the session was told.
    public let settings: Settings
    /// Lines that are not acknowledged, oldest first.
    public internal(set) var lines: [Line] = []
    /// Who is in the room, by name; empty outside.
    public internal(set) var members: SortedMap<String, Bool> = [:]
    /// The node of the connection, or the one tried last.
    public private(set) var node: WebSocketURL

    var link = Link.idle
    var phase = Phase.lobby
    var goal: Goal?
    var isListing = false
    var retryAt: Instant?
    private var prng: Prng
    private var nextNode = 0
    private var hasOpened = false
    var failures = 0
    private var lineCount = 0
    /// Since when the person is not where they want to be; `nil` while they are.
    var outSince: Instant?
    private var sentAt = Instant.zero
    private var lastHeard = Instant.zero
    private var isEnding = false

    /// Makes a session that waits for `connect`.
    public init(_ settings: Settings) {
        self.settings = settings
        node = settings.nodes[0]
        prng = Prng(seed: settings.seed)
    }

    /// True while a node is connected.
    public var isOpen: Bool { link == .open }
    /// The room in which the person is or wants to be; `nil` as long as only its name is known.
    public var room: UniqueID? { goal?.id }
    /// True while what is said goes out at once.
    public var isInRoom: Bool { link == .open && phase == .inRoom }

    /// Decides what `input` changes and appends what should happen to `out`.
    public mutating func step(_ input: Input, at now: Instant, into out: inout [Effect]) {
        switch input {
        case .connect:
            guard link == .idle else { return }
            outSince = now
            connect(&out)
        case .opened: onOpened(now, &out)
        case .ended(let why): onEnded(why, now, &out)
        case .received(let message):
            guard link == .open else { return }
            lastHeard = now
            onMessage(message, now, &out)
        case .unreadable(let what): out.append(.tell(.unreadable(what)))
        case .enter(let name, let creates):
            setGoal(Goal(name: name, id: nil, creates: creates), now, &out)
        case .join(let room): setGoal(Goal(name: room.name, id: room.id, creates: false), now, &out)
        case .leaveRoom: onLeaveRoom(now, &out)
        case .say(let text):
            guard goal != nil, !isEnding else { return }
            lineCount += 1
            let prefix = String(settings.seed, radix: 16)
            lines.append(Line(id: "\(prefix)-\(lineCount)", text: text))
            sendNext(now, &out)
        case .list:
            isListing = true
            if link == .open { ask(.discoverRooms, now, &out) }
        case .delete(let room):
            if link == .open {
                ask(.deleteRoom(room: room, user: settings.user), now, &out)
            } else {
                out.append(.tell(.notDeleted(.unavailable, reason: nil)))
            }
        case .finish: onFinish(now, &out)
        case .tick(let heard):
            if let heard { lastHeard = max(lastHeard, heard) }
            onTick(now, &out)
        }
    }

    /// The earliest time at which the session wants a tick.
    public var deadline: Instant? {
        var times: [Instant?] = [retryAt, givesUpAt]
        switch link {
        case .waiting(let until): times.append(until)
        case .open:
            times.append(lastHeard + Self.silenceLimit)
            if waitsForAnswer { times.append(sentAt + Self.answerLimit) }
            if waitsForEcho { times.append(sentAt + Self.echoLimit) }
        case .idle, .connecting, .closing: break
        }
        return times.compactMap { $0 }.min()
    }

    // MARK: - The connection

    private mutating func connect(_ out: inout [Effect]) {
        node = settings.nodes[nextNode % settings.nodes.count]
        nextNode += 1
        link = .connecting
        phase = .lobby
        out.append(.connect(node))
    }

    private mutating func onOpened(_ now: Instant, _ out: inout [Effect]) {
        guard link == .connecting else { return }
        link = .open
        hasOpened = true
        lastHeard = now
        out.append(.tell(.connected(node)))
        if goal != nil {
            enter(now, &out)
        } else {
            outSince = nil
        }
        if isListing { ask(.discoverRooms, now, &out) }
    }

    private mutating func onEnded(_ why: String, _ now: Instant, _ out: inout [Effect]) {
        switch link {
        case .idle, .waiting: return
        case .closing:
            link = .idle
            out.append(.tell(.over))
            return
        case .connecting, .open: break
        }
        phase = .lobby
        retryAt = nil
        outSince = outSince ?? now
        for position in lines.indices { lines[position].isInFlight = false }
        failures += 1
        if settings.patience == .oneRound, !hasOpened, failures >= settings.nodes.count {
            link = .idle
            out.append(.tell(.gaveUp(why: "\(node.authority): \(why)")))
            return
        }
        let wait = drawWait()
        link = .waiting(until: now + wait)
        let next = settings.nodes[nextNode % settings.nodes.count]
        out.append(.tell(.lost(node, why: why, next: next, wait: wait)))
    }

    /// No wait until every node was tried; then twice as long each time, less a random half.
    private mutating func drawWait() -> Interval {
        let more = failures - settings.nodes.count
        guard more > 0 else { return .zero }
        let longest = min(Self.longestWait, Interval.milliseconds(100 << Int64(min(more, 5))))
        return prng.interval(from: longest / 2, to: longest)
    }

    // MARK: - Time

    /// When the session's patience ends, if it does.
    private var givesUpAt: Instant? {
        guard case .time(let limit) = settings.patience, let outSince, link != .idle,
            goal?.wasEntered != true || isEnding
        else { return nil }
        return outSince + limit
    }

    private var waitsForAnswer: Bool {
        switch phase {
        case .finding, .creating, .joining: retryAt == nil
        case .inRoom: lines.first?.isInFlight == true || isListing
        case .lobby: isListing && retryAt == nil
        }
    }

    /// All is acknowledged and the end waits for it to come back.
    private var waitsForEcho: Bool { isEnding && lines.isEmpty && phase == .inRoom }

    private mutating func onTick(_ now: Instant, _ out: inout [Effect]) {
        if let givesUpAt, now >= givesUpAt, case .time(let limit) = settings.patience {
            let rest = lines.isEmpty ? "" : "; \(lines.count) lines were not acknowledged"
            out.append(
                .tell(.gaveUp(why: "no node serves for \(limit.milliseconds / 1000) s\(rest)")))
            if link == .open { out.append(.close) }
            link = .idle
            return
        }
        if case .waiting(let until) = link, now >= until { connect(&out) }
        guard link == .open else { return }
        if let retryAt, now >= retryAt {
            self.retryAt = nil
            onRetry(now, &out)
        }
        if waitsForEcho, now >= sentAt + Self.echoLimit {
            close(&out)
        } else if waitsForAnswer, now >= sentAt + Self.answerLimit {
            out.append(.abandon(why: "no answer for \(Self.answerLimit.milliseconds / 1000) s"))
        } else if now >= lastHeard + Self.silenceLimit {
            out.append(.abandon(why: "silent for \(Self.silenceLimit.milliseconds / 1000) s"))
        }
    }

    private mutating func onRetry(_ now: Instant, _ out: inout [Effect]) {
        switch phase {
        case .inRoom: sendNext(now, &out)
        case .lobby, .finding, .creating, .joining:
            if goal != nil { enter(now, &out) }
            if isListing { ask(.discoverRooms, now, &out) }
        }
    }

    // MARK: - Requests

    /// Sends a request.
    mutating func ask(_ request: ClientRequest, _ now: Instant, _ out: inout [Effect]) {
        sentAt = now
        out.append(.send(request))
    }

    /// Tries what failed again in a moment.
    mutating func retryLater(_ now: Instant) {
        retryAt = now + prng.interval(from: .milliseconds(200), to: .milliseconds(400))
    }

    /// Sends the oldest line that is not acknowledged, if it is not on its way.
    mutating func sendNext(_ now: Instant, _ out: inout [Effect]) {
        guard isInRoom, let room = goal?.id else { return }
        guard let line = lines.first else {
            leaveWhenDone(&out)
            return
        }
        guard !line.isInFlight, retryAt == nil else { return }
        lines[0].isInFlight = true
        ask(
            .sendMessage(
                room: room, user: settings.user, content: line.text, clientMessageID: line.id),
            now, &out)
    }

    // MARK: - The end

    private mutating func onFinish(_ now: Instant, _ out: inout [Effect]) {
        guard !isEnding else { return }
        isEnding = true
        // The time to get the lines out counts from here.
        if outSince != nil { outSince = now }
        if lines.isEmpty, !isInRoom {
            if link == .open {
                close(&out)
            } else {
                link = .idle
                out.append(.tell(.over))
            }
        } else {
            leaveWhenDone(&out)
        }
    }

    /// Closes when every line is acknowledged and was seen to come back.
    mutating func leaveWhenDone(_ out: inout [Effect]) {
        guard isEnding, lines.isEmpty, isInRoom, let goal, goal.lastSeen >= goal.lastOwn else {
            return
        }
        close(&out)
    }

    private mutating func close(_ out: inout [Effect]) {
        link = .closing
        out.append(.close)
    }
}
