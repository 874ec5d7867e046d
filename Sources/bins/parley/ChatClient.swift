import EdgeCodecs
import Glibc
import LiveNet
import Protocols

/// One person in one room, over whatever node serves.
///
/// ## Overview
///     connecting ──► finding the room ──► joining ──► in the room ──► leaving
///         ▲                │                 │             │
///         └────────────────┴── connection lost ────────────┘
///
/// ## Function
/// Lines are sent one at a time, each with an id of its own and again until it is acknowledged, so
/// that they stand in the room once and in the order in which they were typed. After a new
/// connection only what came after the last message seen is asked for.
final class ChatClient: WebSocketClientHandler {
    enum Phase {
        case connecting
        case finding
        case creating
        case joining
        case inRoom
        case leaving
    }

    struct Line {
        let id: String
        let text: String
        var isInFlight = false
    }

    let options: ChatOptions
    let loop = Loop()
    let reader = JSONReader(maximumBytes: 16 << 20)
    var phase = Phase.connecting
    var client: WebSocketClient?
    private var nextURL = 0
    private var failures = 0
    private var retry: Timer
    private var watch: Timer
    /// Since when no room is joined; `nil` while one is.
    private var outSince: Instant?
    private var sentAt = Instant.zero

    var room: UniqueID?
    var lastSeen: UInt64 = 0
    /// The highest number given to a line of this client.
    var lastOwn: UInt64 = 0
    var members: SortedMap<String, Bool> = [:]
    var isListing = false
    var lines: [Line] = []
    private var lineCount = 0
    private let idPrefix = String(randomNumber(), radix: 16)
    var input: LineInput?
    var hasEnded = false
    private var exitCode: Int32?

    /// Lines beyond so many wait in the input.
    private static let lineLimit = 256
    /// A request that is not answered for so long means that the node is as good as dead.
    private static let answerLimit = Interval.seconds(12)
    /// Nodes ping after 25 s of silence; twice that without a byte is a dead connection.
    private static let silenceLimit = Interval.seconds(50)

    private init(_ options: ChatOptions) {
        self.options = options
        retry = Timer(loop: loop)
        watch = Timer(loop: loop)
    }

    /// Runs until the end of the input or `/quit`; returns the exit code.
    static func run(_ options: ChatOptions) -> Int32 {
        let chat = ChatClient(options)
        chat.start()
        // The input's thread may wait in `read` for ever, so the loop is not shut down: the
        // process ends.
        while chat.exitCode == nil { chat.loop.runOnce() }
        exit(chat.exitCode ?? 0)
    }

    private func start() {
        outSince = loop.now
        loop.onSignal(SIGINT) { [unowned self] in finish(130) }
        loop.onSignal(SIGTERM) { [unowned self] in leave() }
        watch.start(milliseconds: 200, repeating: 200) { [unowned self] in onWatch() }
        connect()
    }

    // MARK: - The connection

    private func connect() {
        guard exitCode == nil else { return }
        phase = .connecting
        let url = options.urls[nextURL % options.urls.count]
        nextURL += 1
        client = WebSocketClient(loop: loop, url: url, limitMilliseconds: 3000, handler: self)
    }

    func webSocketOpened(_ client: WebSocketClient) {
        enter()
    }

    /// Asks for the room: by id if it is known, else by name.
    func enter() {
        if let room {
            phase = .joining
            ask(.joinRoom(room: room, user: options.user, since: lastSeen > 0 ? lastSeen : nil))
        } else {
            phase = .finding
            ask(.discoverRooms)
        }
    }

    /// Tries again to enter, on the same connection, in a moment.
    func enterLater() {
        retry.start(milliseconds: 300) { [unowned self] in
            if client?.isOpen == true { enter() }
        }
    }

    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) {
        guard client === self.client else { return }
        self.client = nil
        guard exitCode == nil else { return }
        if phase == .leaving {
            finish(0)
            return
        }
        if phase == .inRoom || phase == .joining { failures = 0 }
        outSince = outSince ?? loop.now
        for position in lines.indices { lines[position].isInFlight = false }
        failures += 1
        // Every node is tried once without waiting.
        let rounds = min(max(0, failures - options.urls.count), 5)
        let wait: Int64 = rounds == 0 ? 10 : min(2000, 100 << Int64(rounds))
        let next = options.urls[nextURL % options.urls.count]
        notice("\(client.url): \(end); trying \(next)")
        retry.start(milliseconds: wait) { [unowned self] in connect() }
    }

    /// Sends a request.
    func ask(_ request: ClientRequest) {
        var text: [UInt8] = []
        ChatJSON.encode(request, into: &text)
        sentAt = loop.now
        client?.send(text: text)
    }

    private func onWatch() {
        let now = loop.now
        if let outSince, now - outSince > options.timeout, room == nil || hasEnded {
            let what = lines.isEmpty ? "" : "; \(lines.count) lines were not acknowledged"
            notice("no node serves for \(options.timeout.milliseconds / 1000) s\(what)")
            finish(1)
            return
        }
        guard let client, client.isOpen else { return }
        if hasEnded, lines.isEmpty, phase == .inRoom, now - sentAt > .seconds(3) {
            // All is acknowledged; that it does not come back is no reason to stay.
            phase = .leaving
            client.close()
            return
        }
        let waits =
            switch phase {
            case .finding, .creating, .joining: true
            case .inRoom: lines.first?.isInFlight == true
            case .connecting, .leaving: false
            }
        if waits, now - sentAt > Self.answerLimit {
            client.abandon("no answer for \(Self.answerLimit.milliseconds / 1000) s")
        } else if now - client.lastHeard > Self.silenceLimit {
            client.abandon("silent for \(Self.silenceLimit.milliseconds / 1000) s")
        }
    }

    // MARK: - The room

    /// The room is joined: what waits can be sent.
    func entered() {
        phase = .inRoom
        outSince = nil
        failures = 0
        if input == nil, !hasEnded {
            input = LineInput(
                loop: loop, onLine: { [unowned self] in onLine($0) },
                onEnd: { [unowned self] in leave() })
        }
        sendNext()
    }

    private func onLine(_ line: String) {
        if line.hasPrefix("//") {
            say(String(line.dropFirst()))
        } else if line.hasPrefix("/") {
            command(line)
        } else if !line.isEmpty {
            say(line)
        }
    }

    private func command(_ line: String) {
        switch line.split(separator: " ").first {
        case "/quit": leave()
        case "/members":
            Terminal.print("\(members.count) in the room:")
            for (name, _) in members { Terminal.print("  \(Terminal.plain(name))") }
        case "/rooms":
            guard phase == .inRoom else {
                notice("not connected just now")
                return
            }
            isListing = true
            ask(.discoverRooms)
        default: notice("unknown command; there are /members, /rooms and /quit")
        }
    }

    private func say(_ text: String) {
        guard !hasEnded else { return }
        lineCount += 1
        lines.append(Line(id: "\(idPrefix)-\(lineCount)", text: text))
        if lines.count >= Self.lineLimit { input?.pause() }
        sendNext()
    }

    /// Sends the oldest line that is not acknowledged, if it is not on its way.
    func sendNext() {
        guard phase == .inRoom, let room else { return }
        guard let line = lines.first else {
            leaveWhenDone()
            return
        }
        guard !line.isInFlight else { return }
        lines[0].isInFlight = true
        ask(
            .sendMessage(
                room: room, user: options.user, content: line.text, clientMessageID: line.id))
    }

    /// Sends the oldest line again in a moment.
    func sendLater() {
        lines[0].isInFlight = false
        retry.start(milliseconds: 300) { [unowned self] in sendNext() }
    }

    /// The oldest line is dealt with.
    func dropFirstLine() {
        lines.removeFirst()
        if lines.count < Self.lineLimit / 2 { input?.resume() }
        sendNext()
    }

    // MARK: - The end

    /// No more lines come; leaves when all are acknowledged.
    func leave() {
        guard !hasEnded else { return }
        hasEnded = true
        if outSince != nil {
            // The time to get them out counts from here.
            outSince = loop.now
        }
        if lines.isEmpty, phase != .inRoom { finish(0) } else { leaveWhenDone() }
    }

    /// Closes when every line is acknowledged and was seen to come back.
    func leaveWhenDone() {
        guard hasEnded, lines.isEmpty, phase == .inRoom, lastSeen >= lastOwn else { return }
        phase = .leaving
        client?.close()
    }

    /// Ends the process with this code.
    func finish(_ code: Int32) {
        if exitCode == nil { exitCode = code }
        loop.stop()
    }

    /// Tells the person something that nobody said.
    func notice(_ text: String) { Terminal.error("* \(Terminal.plain(text))") }
}
