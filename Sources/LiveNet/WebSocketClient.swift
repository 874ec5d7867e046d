import Protocols

/// How a client's conversation ended.
public enum WebSocketEnd: Equatable, Sendable, CustomStringConvertible {
    /// There was no connection.
    case notConnected(ConnectError)
    /// There was a connection, but its server does not speak WebSocket, or not in time.
    case refused(String)
    /// A side closed it; 1005 stands for a close without a code.
    case closed(WebSocketCloseCode, reason: String)
    /// The connection broke, or what came was not WebSocket.
    case lost(String)

    /// A short text for people.
    public var description: String {
        switch self {
        case .notConnected(let error): "cannot connect: \(error)"
        case .refused(let why): "refused: \(why)"
        case .closed(let code, let reason):
            "closed with \(code.rawValue)" + (reason.isEmpty ? "" : " (\(reason))")
        case .lost(let why): "connection lost: \(why)"
        }
    }
}

/// Hears what happens on one client's connection; called on the loop's thread only.
public protocol WebSocketClientHandler: AnyObject {
    /// The conversation is open: messages may be sent.
    func webSocketOpened(_ client: WebSocketClient)
    /// A whole message came, text or binary alike.
    func webSocket(_ client: WebSocketClient, received message: [UInt8])
    /// The last call; it comes once, also when the conversation never opened.
    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd)
}

/// The client's side of one WebSocket connection (RFC 6455), from connecting to its end.
///
/// ## Overview
/// Pings are answered here. There is no reconnecting: make another client. While it connects and
/// while it is open it keeps itself alive; it holds its handler until `ended` was called.
public final class WebSocketClient: StreamHandler {
    private enum State {
        case connecting
        /// The request is out; what came of the answer so far.
        case upgrading([UInt8])
        case open
        /// Our close frame is out.
        case closing
        case over
    }

    /// Where it connects to.
    public let url: WebSocketURL
    private let loop: Loop
    private var handler: (any WebSocketClientHandler)?
    private var state = State.connecting
    private var stream: Stream?
    private var connector: Connector?
    private var parser: WebSocketParser
    private let offersCompression: Bool
    private var prng: Prng
    private var key = ""
    private let timer: Timer
    /// When bytes came last.
    public private(set) var lastHeard: Instant

    /// Starts to connect; `milliseconds` limit the time until the conversation is open. Messages are
    /// compressed if the server agrees to the offer; the limit counts what they inflate to.
    public init(
        loop: Loop, url: WebSocketURL, source: String? = nil, limitMilliseconds: Int64 = 5000,
        maximumMessageBytes: Int = 16 << 20, offersCompression: Bool = true,
        handler: any WebSocketClientHandler
    ) {
        self.loop = loop
        self.url = url
        self.handler = handler
        self.offersCompression = offersCompression
        parser = WebSocketParser(role: .client, maximumMessageBytes: maximumMessageBytes)
        // Masks protect proxies from chosen bytes (RFC 6455, 10.3); the system seeds them.
        var system = SystemRandomNumberGenerator()
        prng = Prng(seed: system.next())
        lastHeard = loop.now
        timer = Timer(loop: loop)
        timer.start(milliseconds: limitMilliseconds) { self.onTimeout() }
        connector = Connector(
            loop: loop, host: url.host, port: url.port, source: source,
            limitMilliseconds: limitMilliseconds
        ) { self.onConnected($0) }
    }

    /// True while messages may be sent.
    public var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    /// Bytes written here that the kernel has not taken.
    public var backlog: Int { stream?.backlog ?? 0 }

    /// Sends one text message, which must be UTF-8; ignored unless the conversation is open.
    public func send(text: [UInt8]) {
        guard isOpen else { return }
        if parser.allowsCompression, let deflated = loop.deflate.deflated(text) {
            stream?.write(
                WebSocketFrame.encoded(.text, deflated, isCompressed: true, mask: nextMask()))
        } else {
            stream?.write(WebSocketFrame.encoded(.text, text, mask: nextMask()))
        }
    }

    /// Says goodbye and waits two seconds for the answer; `ended` comes then.
    public func close(_ code: WebSocketCloseCode = .normal) {
        switch state {
        case .open:
            stream?.write(WebSocketFrame.close(code, mask: nextMask()))
            state = .closing
            timer.start(milliseconds: 2000) { self.onTimeout() }
        case .connecting, .upgrading:
            finish(.closed(code, reason: ""))
        case .closing, .over:
            break
        }
    }

    /// Cuts the connection at once, as when the server seems to be dead; `ended` comes.
    public func abandon(_ why: String) { finish(.lost(why)) }

    private func nextMask() -> WebSocketMask {
        WebSocketMask(UInt32(truncatingIfNeeded: prng.next()))
    }

    // MARK: - Events

    private func onConnected(_ result: Result<Stream, ConnectError>) {
        connector = nil
        switch result {
        case .failure(let error): finish(.notConnected(error))
        case .success(let stream):
            guard case .connecting = state else {
                stream.close()
                return
            }
            self.stream = stream
            state = .upgrading([])
            key = WebSocketHandshake.key(drawing: &prng)
            stream.start(self)
            stream.write(
                WebSocketHandshake.request(
                    host: url.authority, target: url.target, key: key,
                    offersCompression: offersCompression))
        }
    }

    private func onTimeout() {
        switch state {
        case .connecting: finish(.notConnected(.timedOut))
        case .upgrading: finish(.refused("no answer to the handshake in time"))
        case .closing: finish(.closed(.noStatus, reason: "the server did not answer the close"))
        case .open, .over: break
        }
    }

    /// Bytes came.
    public func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        lastHeard = loop.now
        switch state {
        case .upgrading(var reply):
            reply.append(contentsOf: bytes)
            state = .upgrading(reply)
            readReply(reply)
        case .open, .closing:
            parser.feed(Array(bytes))
            readMessages()
        case .connecting, .over:
            break
        }
    }

    private func readReply(_ bytes: [UInt8]) {
        do {
            guard let reply = try UpgradeReply.read(bytes) else { return }
            guard
                WebSocketHandshake.accepts(
                    reply, key: key, offeredCompression: offersCompression)
            else {
                finish(
                    .refused("the server answers \(reply.status.code) \(reply.status.reason)"))
                return
            }
            parser = WebSocketParser(
                role: .client, maximumMessageBytes: parser.maximumMessageBytes,
                allowsCompression: WebSocketHandshake.agreesToCompression(reply))
            state = .open
            timer.stop()
            handler?.webSocketOpened(self)
            parser.feed(reply.rest)
            readMessages()
        } catch {
            finish(.refused("the answer is not HTTP: \(error.explanation)"))
        }
    }

    private func inflated(
        _ kind: WebSocketOpcode, _ bytes: [UInt8]
    ) throws(WebSocketError) -> [UInt8] {
        let limit = parser.maximumMessageBytes
        return kind == .text
            ? try loop.deflate.inflatedText(bytes, limit: limit)
            : try loop.deflate.inflated(bytes, limit: limit)
    }

    private func readMessages() {
        do throws(WebSocketError) {
            while let input = try parser.next() {
                switch input {
                case .text(let message), .binary(let message):
                    guard isOpen else { continue }
                    handler?.webSocket(self, received: message)
                case .compressed(let kind, let bytes):
                    guard isOpen else { continue }
                    handler?.webSocket(self, received: try inflated(kind, bytes))
                case .ping(let payload):
                    guard isOpen else { continue }
                    stream?.write(WebSocketFrame.encoded(.pong, payload, mask: nextMask()))
                case .pong: break
                case .close(let code, let reason):
                    if isOpen { stream?.write(WebSocketFrame.close(code, mask: nextMask())) }
                    finish(.closed(code ?? .noStatus, reason: reason))
                    return
                }
            }
        } catch {
            stream?.write(
                WebSocketFrame.close(
                    error.closeCode, reason: error.explanation, mask: nextMask()))
            finish(.lost("the server breaks the protocol: \(error.explanation)"))
        }
    }

    /// The server will send nothing more.
    public func streamReachedEnd(_ stream: Stream) {
        finish(.lost("the server closed the connection"))
    }

    /// Unsent bytes are the owner's matter; see `backlog`.
    public func stream(_ stream: Stream, backlog bytes: Int) {}

    /// The stream is gone.
    public func stream(_ stream: Stream, closed end: StreamEnd) {
        finish(.lost(end.description))
    }

    private func finish(_ end: WebSocketEnd) {
        if case .over = state { return }
        let wasUpgraded =
            switch state {
            case .open, .closing: true
            case .connecting, .upgrading, .over: false
            }
        state = .over
        timer.close()
        connector?.cancel()
        connector = nil
        if wasUpgraded { stream?.closeAfterFlush(within: 500) } else { stream?.close() }
        stream = nil
        let handler = self.handler
        self.handler = nil
        handler?.webSocket(self, ended: end)
    }
}
