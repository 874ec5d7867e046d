import EdgeCodecs
import Glibc
import LiveNet
import Protocols

/// Holds many idle connections to one node; measures what they cost it.
///
/// ## Overview
///     probe joins ──► responsiveness, memory ──► connections open ──► held, responsiveness ──► memory
final class IdleLoad: WebSocketClientHandler {
    private let options: IdleOptions
    private let loop = Loop()
    private var clients: [WebSocketClient] = []
    private var opened = 0
    private var joined = 0
    private var lost = 0
    private let reader = JSONReader()
    private var rooms: [UniqueID] = []
    private var lastError = ""
    private var isClosing = false

    /// So many connections are being opened at a time, for a listener's queue is finite.
    private static let opening = 128
    /// The time between two probes before the connections are opened, in milliseconds.
    private static let probePause: Int64 = 20

    private init(_ options: IdleOptions) { self.options = options }

    /// Runs one measurement; returns the exit code.
    static func run(_ options: IdleOptions) -> Int32 {
        let load = IdleLoad(options)
        let code = load.run()
        load.isClosing = true
        load.loop.shutDown()
        return code
    }

    private func run() -> Int32 {
        guard raiseDescriptorLimit(to: options.connections + 64) else {
            Output.error(
                "parley-bench idle: \(options.connections) connections take as many open files; "
                    + "raise the limit with ulimit -n")
            return 1
        }
        let probe = IdleProbe(loop, options)
        guard wait(10, until: { probe.isReady }) else {
            return fail("no room could be made and joined: \(probe.lastError)")
        }
        // The first messages are slower, for they touch what was never used before.
        guard let _ = measure(probe, pause: 2), let before = measure(probe, pause: Self.probePause)
        else { return fail("the node does not answer: \(probe.lastError)") }
        probe.makeRooms(options.rooms)
        guard wait(30, until: { probe.rooms.count == options.rooms }) else {
            return fail("the rooms cannot be made: \(probe.lastError)")
        }
        rooms = probe.rooms
        let memoryBefore = options.process.flatMap { ProcessMemory(of: $0) }
        if options.process != nil, memoryBefore == nil {
            return fail("process \(options.process ?? 0) cannot be looked at")
        }
        let start = monotonicNanoseconds()
        for _ in 0..<min(Self.opening, options.connections) { openNext() }
        let patience = 30 + options.connections / 100
        guard wait(patience, until: { isComplete || lost > 0 }), lost == 0 else {
            return fail("\(opened) of \(options.connections) connections open: \(lastError)")
        }
        let openSeconds = Double(monotonicNanoseconds() - start) / 1e9
        Output.error("\(opened) connections open after \(fixed(openSeconds, 1)) s")
        let heldSince = loop.now
        let pause = max(1, Int64(options.seconds) * 1000 / Int64(options.probes))
        guard let during = measure(probe, pause: pause) else {
            return fail("the node stopped to answer: \(probe.lastError)")
        }
        let memory = options.process.flatMap { ProcessMemory(of: $0) }
        let pinged = clients.count { $0.lastHeard > heldSince }
        let report = IdleReport(
            connections: options.connections, lost: lost, pinged: pinged, openSeconds: openSeconds,
            heldSeconds: options.seconds, before: before, during: during,
            memoryBefore: memoryBefore, memory: memory)
        report.print()
        return lost == 0 ? 0 : 1
    }

    private func fail(_ line: String) -> Int32 {
        Output.error("parley-bench idle: \(line)")
        return 1
    }

    /// The times of so many messages, one after the other; `nil` when one does not come back.
    private func measure(_ probe: IdleProbe, pause: Int64) -> Histogram? {
        probe.start(options.probes, pause: pause)
        let patience = 30 + Int(pause) * options.probes / 500
        return wait(patience, until: { probe.isDone || !probe.isReady }) && probe.isDone
            ? probe.latency : nil
    }

    private func wait(_ seconds: Int, until condition: () -> Bool) -> Bool {
        let ticker = Timer(loop: loop)
        ticker.start(milliseconds: 100, repeating: 100) {}
        defer { ticker.close() }
        let limit = monotonicNanoseconds() + Int64(seconds) * 1_000_000_000
        while !condition() {
            guard monotonicNanoseconds() < limit else { return false }
            loop.runOnce()
        }
        return true
    }

    // MARK: - The connections

    private func openNext() {
        guard clients.count < options.connections else { return }
        clients.append(
            WebSocketClient(
                loop: loop, url: options.url, source: options.source(of: clients.count),
                limitMilliseconds: 20_000, offersCompression: options.compresses, handler: self))
    }

    private var isComplete: Bool {
        opened == options.connections && (rooms.isEmpty || joined == options.connections)
    }

    func webSocketOpened(_ client: WebSocketClient) {
        guard !rooms.isEmpty else {
            opened += 1
            openNext()
            return
        }
        var text: [UInt8] = []
        let room = rooms[opened % rooms.count]
        ChatJSON.encode(.joinRoom(room: room, user: "idle\(opened)", since: nil), into: &text)
        opened += 1
        client.send(text: text)
    }

    func webSocket(_ client: WebSocketClient, received text: [UInt8]) {
        // Of what comes only the answer to the join counts: the rest is members that come.
        guard joined < options.connections,
            case .joined? = try? ChatJSON.message(parsing: text, with: reader)
        else { return }
        joined += 1
        openNext()
    }

    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) {
        guard !isClosing else { return }
        lost += 1
        lastError = "\(end)"
    }

    private func raiseDescriptorLimit(to needed: Int) -> Bool {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return false
        }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit.rlim_cur >= rlim_t(needed)
    }
}

/// A member of a room of its own that sends a message and waits until it comes back.
final class IdleProbe: WebSocketClientHandler {
    /// Rooms that were made for others.
    private(set) var rooms: [UniqueID] = []
    private var wantedRooms = 0
    private let name = "idle-\(String(randomNumber(), radix: 16))"
    private let loop: Loop
    private let reader = JSONReader()
    private var client: WebSocketClient?
    private var room: UniqueID?
    private let timer: Timer
    private var left = 0
    private var pause: Int64 = 0
    private var sentAt: Int64 = 0
    private(set) var isReady = false
    private(set) var latency = Histogram()
    private(set) var lastError = "no answer"

    init(_ loop: Loop, _ options: IdleOptions) {
        self.loop = loop
        timer = Timer(loop: loop)
        client = WebSocketClient(
            loop: loop, url: options.url, offersCompression: options.compresses, handler: self)
    }

    var isDone: Bool { left == 0 }

    /// Sends so many messages, each some milliseconds after the one before came back.
    func start(_ count: Int, pause: Int64) {
        (left, self.pause, latency) = (count, pause, Histogram())
        sendLater()
    }

    private func sendLater() {
        timer.start(milliseconds: pause) { [unowned self] in
            guard let room else { return }
            sentAt = monotonicNanoseconds()
            send(.sendMessage(room: room, user: "probe", content: "ping", clientMessageID: nil))
        }
    }

    private func send(_ request: ClientRequest) {
        var text: [UInt8] = []
        ChatJSON.encode(request, into: &text)
        client?.send(text: text)
    }

    /// Makes so many rooms, one after the other.
    func makeRooms(_ count: Int) {
        wantedRooms = count
        makeRoom()
    }

    private func makeRoom() {
        guard rooms.count < wantedRooms else { return }
        let name = "\(name)-\(rooms.count)"
        send(.createRoom(name: name, creator: "probe", description: ""))
    }

    func webSocketOpened(_ client: WebSocketClient) {
        send(.createRoom(name: name, creator: "probe", description: ""))
    }

    func webSocket(_ client: WebSocketClient, received text: [UInt8]) {
        let now = monotonicNanoseconds()
        guard let message = try? ChatJSON.message(parsing: text, with: reader) else { return }
        switch message {
        case .roomCreated(let made, _, _):
            guard room == nil else {
                rooms.append(made.id)
                makeRoom()
                return
            }
            room = made.id
            send(.joinRoom(room: made.id, user: "probe", since: nil))
        case .joined: isReady = true
        case .newMessage:
            latency.add(now - sentAt)
            left -= 1
            if left > 0 { sendLater() }
        case .createFailed(let error): lastError = "create_room: \(error.code)"
        case .messageFailed(_, _, let error):
            lastError = "send_message: \(error.code)"
            isReady = false
        default: break
        }
    }

    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) {
        lastError = "\(end)"
        isReady = false
    }
}
