/// What a client's port serves.
public enum EdgeKind: UInt8, Equatable, Sendable {
    /// WebSocket alone; any other request is answered with 426.
    case webSocket
    /// HTTP, and peers that ask to upgrade to `parley-peer`.
    case http
}

/// What one client connection may cost and how long its ends wait for each other.
public struct EdgeLimits: Equatable, Sendable {
    /// What one HTTP request may cost.
    public var http: HTTP1Limits
    /// Bytes of one WebSocket message.
    public var maximumMessageBytes: Int
    /// Bytes held back while a request is being answered; the driver stops reading there.
    public var maximumBacklogBytes: Int
    /// Pings of one batch that are answered each; of further ones only the latest.
    public var maximumPongsPerBatch: Int
    /// From the connection, or from a request's first byte, to the complete request.
    public var handshakeTimeout: Interval
    /// How long an HTTP connection may wait for its next request.
    public var keepAliveTimeout: Interval
    /// Silence after which a WebSocket client is pinged.
    public var pingInterval: Interval
    /// Silence after that ping which ends the conversation.
    public var pongTimeout: Interval
    /// How long our close frame waits for the client's.
    public var closeTimeout: Interval
    /// How long a refused client may go on sending before the socket is closed under it.
    public var lingerTimeout: Interval
    /// An offer to compress a WebSocket's messages is taken up; the driver then inflates them.
    public var allowsCompression: Bool

    /// Makes limits.
    public init(
        http: HTTP1Limits = HTTP1Limits(), maximumMessageBytes: Int = 65_536,
        maximumBacklogBytes: Int = 65_536, maximumPongsPerBatch: Int = 16,
        handshakeTimeout: Interval = .seconds(10), keepAliveTimeout: Interval = .seconds(75),
        pingInterval: Interval = .seconds(25), pongTimeout: Interval = .seconds(20),
        closeTimeout: Interval = .seconds(5), lingerTimeout: Interval = .seconds(2),
        allowsCompression: Bool = false
    ) {
        self.http = http
        self.maximumMessageBytes = maximumMessageBytes
        self.maximumBacklogBytes = maximumBacklogBytes
        self.maximumPongsPerBatch = maximumPongsPerBatch
        self.handshakeTimeout = handshakeTimeout
        self.keepAliveTimeout = keepAliveTimeout
        self.pingInterval = pingInterval
        self.pongTimeout = pongTimeout
        self.closeTimeout = closeTimeout
        self.lingerTimeout = lingerTimeout
        self.allowsCompression = allowsCompression
    }
}

/// What can happen to a client connection.
public enum EdgeEvent: Equatable, Sendable {
    /// Bytes arrived.
    case received([UInt8])
    /// The client will send no more (FIN).
    case endOfStream
    /// The connection broke; nothing can be sent any more.
    case reset
    /// Time passed; early ticks do nothing.
    case tick
    /// The node ends the conversation; the code must be sendable. On HTTP the request that is
    /// being answered still gets its answer.
    case close(WebSocketCloseCode, reason: String)
    /// A compressed message that was handed out is not what it must be. Ignored unless the
    /// WebSocket is open: a close that stood behind the message has ended it already.
    case unreadable(WebSocketError)
    /// The answer to the request that was surfaced last; ignored when there is none.
    indirect case respond(HTTPResponse)
}

/// What a client connection wants done.
public enum EdgeEffect: Equatable, Sendable {
    /// Send these bytes, after all that was to be sent before.
    case write([UInt8])
    /// The WebSocket is open; frames may be sent until `closed`.
    case opened
    /// A whole text message, valid UTF-8.
    case text([UInt8])
    /// A whole binary message.
    case binary([UInt8])
    /// A whole compressed message of this kind. Inflate it within the message limit, check a text
    /// for UTF-8, and use it as if it had come plain; or else step `unreadable` at once.
    case compressed(WebSocketOpcode, [UInt8])
    /// A request to be answered with `respond`; the next comes only after that.
    indirect case request(HTTPRequest)
    /// The stream belongs to a peer link from here on; these bytes are its first. The machine
    /// takes no further event.
    indirect case upgradePeer(HTTPRequest, leftover: [UInt8])
    /// The WebSocket is no longer open; comes once after `opened`. The code is the client's if it
    /// closed first, else ours; 1005 when a close had none, 1006 when there was no close.
    case closed(WebSocketCloseCode)
    /// A request was refused or timed out, and was answered with this status: for one debug line.
    case refused(HTTPStatus)
    /// Flush, then shut down the sending half and go on reading, so that a client that is still
    /// sending reads our last words before the socket is reset (RFC 9112, 9.6).
    case endOutput
    /// Flush what can be flushed, then close the socket. The last effect of a connection.
    case disconnect
}
