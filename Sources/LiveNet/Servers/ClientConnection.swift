import EdgeCodecs
import Protocols

/// One client's socket: brings bytes to its `ClientEdge`, performs what that decides.
final class ClientConnection: StreamHandler {
    private unowned let server: LiveNode
    private let stream: Stream
    private var edge: ClientEdge
    private var outbox = Outbox<EdgeEffect>()
    private(set) var id = ConnectionID(slot: 0, generation: 0)
    /// The time for which the connection is in the server's timers.
    private var timer: Instant?
    /// The node knows of the connection.
    private var isConnected = false
    /// The client does not take its answers, so no more requests of it are read.
    private var isHeldBack = false
    /// Effects are being performed.
    private var isPerforming = false
    /// The answer to a request that was given while effects were performed.
    private var response: HTTPResponse?
    /// Requests by POST are calls of XML-RPC.
    private let takesCalls: Bool

    /// The most bytes of answers that wait for a client of HTTP; a chat client's are the node's
    /// affair.
    private static let answerBacklog = 64 << 10

    private init(_ stream: Stream, _ kind: EdgeKind, takesCalls: Bool, _ server: LiveNode) {
        self.server = server
        self.takesCalls = takesCalls
        self.stream = stream
        var limits = server.settings.edge
        limits.allowsCompression = server.settings.compressesWebSocket
        edge = ClientEdge(kind: kind, limits: limits, at: server.loop.now)
    }

    /// Begins to serve an accepted stream.
    static func accept(
        _ stream: Stream, _ kind: EdgeKind, takesCalls: Bool = false, _ server: LiveNode
    ) {
        let connection = ClientConnection(stream, kind, takesCalls: takesCalls, server)
        connection.id = server.connections.insert(connection)
        stream.start(connection)
        connection.updateTimer()
    }

    // MARK: Events

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        step(.received(Array(bytes)))
    }

    func streamReachedEnd(_ stream: Stream) { step(.endOfStream) }

    func stream(_ stream: Stream, backlog bytes: Int) {
        if isConnected {
            server.step(.backlog(id, bytes: bytes))
        } else {
            isHeldBack = bytes > Self.answerBacklog
            updateReading()
        }
    }

    func stream(_ stream: Stream, closed end: StreamEnd) {
        step(.reset)
        server.rpc.forget(id)
        server.edgeTimers.cancel(id)
        server.connections.remove(id)
    }

    func onTimer() {
        timer = nil
        if let due = edge.deadline, due <= server.loop.now { step(.tick) } else { updateTimer() }
    }

    /// Sends one message, if the client has an open WebSocket.
    func send(_ message: inout OutgoingText) {
        guard edge.isOpen else { return }
        stream.write(
            message.frame(isCompressed: edge.allowsCompression, server.loop.deflate))
    }

    /// Ends the client's WebSocket.
    func close(_ reason: CloseReason) {
        let text =
            switch reason {
            case .serviceRestart: "join again, here or at another node, with since"
            case .tooSlow: "too slow: what was sent was not taken in time"
            }
        step(.close(WebSocketCloseCode(reason.code), reason: text))
    }

    private func step(_ event: EdgeEvent) {
        let isInner = isPerforming
        isPerforming = true
        stepNow(event)
        isPerforming = isInner
        // An answer may bring the next request, so a client that sends thousands of them at once
        // would take the stack if each were answered inside the one before.
        while !isInner, let response {
            self.response = nil
            isPerforming = true
            stepNow(.respond(response))
            isPerforming = false
        }
        updateTimer()
        updateReading()
    }

    private func stepNow(_ event: EdgeEvent) {
        edge.step(event, at: server.loop.now, into: &outbox)
        let effects = outbox.effects
        server.counters.count(outbox.marks)
        outbox.removeAll()
        for effect in effects { perform(effect) }
    }

    private func updateReading() {
        if !edge.isOver, !edge.wantsBytes || isHeldBack {
            stream.pauseReading()
        } else {
            stream.resumeReading()
        }
    }

    /// Keeps the edge's deadline in the server's timers; one that moved back is found when the
    /// earlier time comes, so that a message does not touch the timers.
    private func updateTimer() {
        guard let due = edge.deadline else { return }
        if let timer, timer <= due { return }
        timer = due
        server.edgeTimers.schedule(id, at: due)
        server.updateDeadline()
    }

    // MARK: Effects

    private func perform(_ effect: EdgeEffect) {
        switch effect {
        case .write(let bytes): stream.write(bytes)
        case .opened:
            isConnected = true
            server.counters.connections += 1
            server.log.info("connected", ["connection": .text(name)])
            server.step(.connected(id))
        case .text(let text): take(text)
        case .compressed(let kind, let bytes): inflate(kind, bytes)
        case .binary: send(.notJSON)
        case .request(let request): answer(request)
        case .upgradePeer(_, let leftover):
            server.edgeTimers.cancel(id)
            server.connections.remove(id)
            server.links.accept(stream, leftover: leftover)
        case .closed(let code):
            isConnected = false
            server.log.info(
                "disconnected", ["connection": .text(name), "code": .int(code.rawValue)])
            server.step(.disconnected(id))
        case .refused(let status):
            server.log.debug(
                "request refused", ["connection": .text(name), "status": .int(status.code)])
        case .endOutput: stream.endWriting()
        case .disconnect: stream.closeAfterFlush()
        }
    }

    private func answer(_ request: HTTPRequest) {
        guard takesCalls, request.method != .get, request.method != .head else {
            return respond(server.respond(to: request))
        }
        guard request.method == .post else {
            return respond(
                .plain(
                    .methodNotAllowed, "XML-RPC is spoken here: POST a call",
                    fields: ["Allow": "GET, HEAD, POST"]))
        }
        server.counters.calls += 1
        server.stepWallClock()
        server.rpc.take(request, from: id)
    }

    /// Answers the request that was read last.
    func respond(_ response: HTTPResponse) {
        if isPerforming {
            self.response = response
        } else {
            step(.respond(response))
        }
    }

    private func inflate(_ kind: WebSocketOpcode, _ bytes: [UInt8]) {
        let limit = edge.limits.maximumMessageBytes
        do {
            if kind == .text {
                take(try server.loop.deflate.inflatedText(bytes, limit: limit))
            } else {
                _ = try server.loop.deflate.inflated(bytes, limit: limit)
                send(.notJSON)
            }
        } catch {
            step(.unreadable(error))
        }
    }

    private func take(_ text: [UInt8]) {
        // Behind a message that ended the conversation more may stand in the same segment.
        guard isConnected else { return }
        server.counters.requests += 1
        switch ChatJSON.request(parsing: text, with: server.reader) {
        case .success(let request):
            server.stepWallClock()
            server.step(.request(id, request))
        case .failure(let refusal): send(refusal)
        }
    }

    private func send(_ refusal: ChatJSON.Refusal) {
        var answer: [UInt8] = []
        ChatJSON.encode(refusal, into: &answer)
        var message = OutgoingText(answer)
        send(&message)
    }

    private var name: String { "\(id.slot).\(id.generation)" }
}
