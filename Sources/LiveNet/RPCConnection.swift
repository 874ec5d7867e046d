import EdgeCodecs
import Protocols

/// Where an XML-RPC server is reached: `http://host:port/path`.
public struct RPCAddress: Equatable, Sendable, CustomStringConvertible {
    /// Host and port.
    public var endpoint: Endpoint
    /// The path, `/` at the least.
    public var path: String

    /// Reads an address; without a port it is 80, without a path `/`. `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.lowercased().hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(7)
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<end]
        guard let endpoint = Endpoint(authority) ?? Endpoint("\(authority):80") else { return nil }
        let path = String(rest[end...])
        // What stands here goes into a request line as it is.
        let isPlain = (endpoint.host + path).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard isPlain, !path.contains("#"), !endpoint.host.contains("@") else { return nil }
        self.endpoint = endpoint
        self.path = path.isEmpty ? "/" : path
    }

    /// The address in full.
    public var description: String { "http://\(endpoint)\(path == "/" ? "" : path)" }
}

/// Why a call got no answer.
public enum RPCFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// There was no connection; nothing was sent.
    case noConnection(ConnectError)
    /// The connection ended before a byte of the answer.
    case closedWithoutAnswer
    /// Bytes came that nobody asked for.
    case unasked
    /// The answer is no HTTP.
    case notHTTP(HTTP1Error)
    /// The answer has another status than 200.
    case status(UInt16)
    /// The answer is compressed, which was not asked for.
    case encoded
    /// The answer is no XML-RPC.
    case notXMLRPC(RPCParseError)

    /// A short text for the log.
    public var description: String {
        switch self {
        case .noConnection(let error): "\(error)"
        case .closedWithoutAnswer: "closed without an answer"
        case .unasked: "bytes came that nobody asked for"
        case .notHTTP(let error): "the answer is not valid HTTP: \(error.explanation)"
        case .status(let code): "the answer has the HTTP status \(code)"
        case .encoded: "the answer is compressed"
        case .notXMLRPC(let error): "the answer is not valid: \(error)"
        }
    }
}

/// One HTTP connection to an XML-RPC server, one call at a time, kept open between calls.
///
/// ## States
/// - `connecting`: goes to `idle` or `ended`.
/// - `idle`: a call may be sent. Goes to `calling`, or to `ended` when the server closes.
/// - `calling`: goes to `idle` with the answer, or to `ended` with it or with a failure.
/// - `ended`: nothing comes any more.
///
/// It has no time limit of its own besides that of connecting; whoever calls closes it.
public final class RPCConnection: StreamHandler {
    /// What happens on a connection.
    public enum Event {
        /// It is open: `send`.
        case connected
        /// The answer to the call; `isIdle` says whether another may follow.
        case answered(RPCReply)
        /// It is over, and with it the call that was sent, if any. The last event.
        case ended(RPCFailure)
    }

    private enum State {
        case connecting(Connector)
        case idle(Stream)
        case calling(Stream)
        case ended
    }

    /// Where it goes.
    public let address: RPCAddress
    private let onEvent: (RPCConnection, Event) -> Void
    private var state = State.ended
    private var parser = HTTP1ResponseParser(
        limits: HTTP1Limits(maximumBodyBytes: RPCLimits.reply.maximumBytes))

    /// Begins to connect. The events come in later turns of the loop.
    public init(
        loop: Loop, address: RPCAddress, connectMilliseconds: Int64,
        onEvent: @escaping (RPCConnection, Event) -> Void
    ) {
        self.address = address
        self.onEvent = onEvent
        let connector = Connector(
            loop: loop, host: address.endpoint.host, port: address.endpoint.port,
            limitMilliseconds: connectMilliseconds
        ) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let stream):
                state = .idle(stream)
                stream.start(self)
                onEvent(self, .connected)
            case .failure(let error): end(.noConnection(error))
            }
        }
        state = .connecting(connector)
    }

    /// True when a call may be sent.
    public var isIdle: Bool {
        if case .idle = state { true } else { false }
    }

    /// True before `connected`.
    public var isConnecting: Bool {
        if case .connecting = state { true } else { false }
    }

    /// Sends a call; the connection must be idle.
    public func send(_ body: [UInt8]) {
        guard case .idle(let stream) = state else {
            preconditionFailure("a call was sent on a connection that is not idle")
        }
        state = .calling(stream)
        let head =
            "POST \(address.path) HTTP/1.1\r\nHost: \(address.endpoint)\r\n"
            + "User-Agent: parley\r\nContent-Type: text/xml\r\nContent-Length: \(body.count)\r\n\r\n"
        stream.write(Array(head.utf8))
        stream.write(body)
    }

    /// Closes at once; no event comes any more.
    public func close() {
        switch state {
        case .connecting(let connector): connector.cancel()
        case .idle(let stream), .calling(let stream):
            state = .ended
            stream.close()
        case .ended: break
        }
        state = .ended
    }

    private func end(_ failure: RPCFailure) {
        close()
        onEvent(self, .ended(failure))
    }

    // MARK: The stream

    /// Bytes of an answer.
    public func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        switch state {
        case .calling: break
        case .idle: return end(.unasked)
        case .connecting, .ended: return
        }
        parser.feed(Array(bytes))
        do {
            guard let response = try parser.next() else { return }
            take(response)
        } catch {
            end(.notHTTP(error))
        }
    }

    /// The server has ended its side, perhaps as the end of an answer.
    public func streamReachedEnd(_ stream: Stream) { streamEnded() }

    /// A call is short, so nothing depends on how fast it leaves.
    public func stream(_ stream: Stream, backlog bytes: Int) {}

    /// The connection broke.
    public func stream(_ stream: Stream, closed end: StreamEnd) { streamEnded() }

    private func streamEnded() {
        switch state {
        case .calling: break
        case .idle: return end(.closedWithoutAnswer)
        case .connecting, .ended: return
        }
        do {
            guard let response = try parser.end() else { return end(.closedWithoutAnswer) }
            take(response)
        } catch {
            end(.notHTTP(error))
        }
    }

    private func take(_ response: HTTPResponse) {
        guard case .calling(let stream) = state else { return }
        guard response.status == .ok else { return end(.status(response.status.code)) }
        if let coding = response.fields["content-encoding"], coding.lowercased() != "identity" {
            return end(.encoded)
        }
        do {
            let reply = try XMLRPCReader.reply(response.body)
            if response.closes || !parser.isIdle { close() } else { state = .idle(stream) }
            onEvent(self, .answered(reply))
        } catch {
            end(.notXMLRPC(error))
        }
    }
}
