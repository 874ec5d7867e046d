/// Everything that happens on one client's connection, from accept to close.
///
/// ## Overview
/// It composes the HTTP/1 and WebSocket parsers with the time limits of a connection:
///
///     reading ──► answering ──► reading ...             an HTTP port
///        │            └──► lingering / over
///        ├──► open ──► closing ──► over                  a WebSocket port
///        ├──► lingering ──► over                         refused
///        └──► over                                       a peer took the stream
///
/// ## Function
/// One HTTP request is out at a time; pipelined ones wait in the parser, so answers are in order
/// whatever the node does (RFC 9112, 9.3.2). Application messages do not pass through here on
/// their way out: the driver writes frames that were encoded once for many connections, as long
/// as `isOpen`.
public struct ClientEdge: Machine {
    /// What the port serves.
    public let kind: EdgeKind
    /// What the connection may cost.
    public let limits: EdgeLimits
    private var state: State

    /// Makes the machine of a connection that was accepted at `now`.
    public init(kind: EdgeKind, limits: EdgeLimits = EdgeLimits(), at now: Instant) {
        self.kind = kind
        self.limits = limits
        state = .reading(
            Reading(
                parser: HTTP1Parser(limits: limits.http), deadline: now + limits.handshakeTimeout,
                isFirst: true))
    }

    /// True while WebSocket messages may be sent.
    public var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    /// True when messages may be sent compressed, as long as `isOpen`.
    public var allowsCompression: Bool {
        if case .open(let session) = state { session.parser.allowsCompression } else { false }
    }

    /// True after `disconnect` or `upgradePeer`, when the machine can be dropped.
    public var isOver: Bool {
        if case .over = state { true } else { false }
    }

    /// False while the client should not be read from, since it sends more than is answered.
    public var wantsBytes: Bool {
        switch state {
        case .answering(let answering):
            answering.parser.bufferedBytes < limits.maximumBacklogBytes
        case .reading, .open, .closing, .lingering: true
        case .over: false
        }
    }

    /// When the connection wants a tick.
    public var deadline: Instant? {
        switch state {
        case .reading(let reading): reading.deadline
        case .answering, .over: nil
        case .open(let session): session.deadline(limits)
        case .closing(let closing): closing.deadline
        case .lingering(let deadline): deadline
        }
    }

    /// Decides what an event changes.
    public mutating func step(
        _ event: EdgeEvent, at now: Instant, into out: inout Outbox<EdgeEffect>
    ) {
        // The state is moved out, so that its parser's buffers are changed in place.
        let current = exchange(&state, with: .over)
        state = current.after(event, in: Context(kind: kind, limits: limits, now: now), &out)
    }

    /// Feeds a stable fingerprint of the whole state.
    public func digest(into digest: inout Digest) {
        digest.combine(UInt64(kind.rawValue))
        switch state {
        case .reading(let reading):
            digest.combine(1)
            reading.parser.digest(into: &digest)
            digest.combine(Int(reading.deadline.nanoseconds))
            digest.combine(reading.isFirst)
        case .answering(let answering):
            digest.combine(2)
            answering.parser.digest(into: &digest)
            digest.combine(answering.isHead)
            digest.combine(answering.keepsAlive)
            digest.combine(UInt64(answering.version.rawValue))
        case .open(let session):
            digest.combine(3)
            session.parser.digest(into: &digest)
            digest.combine(Int(session.lastHeard.nanoseconds))
            digest.combine(Int(session.pinged?.nanoseconds ?? -1))
        case .closing(let closing):
            digest.combine(4)
            closing.parser.digest(into: &digest)
            digest.combine(Int(closing.deadline.nanoseconds))
        case .lingering(let deadline):
            digest.combine(5)
            digest.combine(Int(deadline.nanoseconds))
        case .over: digest.combine(6)
        }
    }

    private func exchange(_ slot: inout State, with new: State) -> State {
        var new = new
        swap(&slot, &new)
        return new
    }
}

extension ClientEdge {
    /// A request is coming in. Can become any other state but `closing`.
    struct Reading: Equatable, Sendable {
        var parser: HTTP1Parser
        var deadline: Instant
        /// True until the first request of the connection is complete.
        var isFirst: Bool
    }

    /// The node works on a request. Can become `reading`, `answering`, `lingering` or `over`.
    struct Answering: Equatable, Sendable {
        var parser: HTTP1Parser
        var isHead: Bool
        var version: HTTPVersion
        var keepsAlive: Bool
    }

    /// The WebSocket is open. Can become `closing`, `lingering` or `over`.
    struct Session: Equatable, Sendable {
        var parser: WebSocketParser
        var lastHeard: Instant
        /// When a ping went out that nothing followed.
        var pinged: Instant?

        func deadline(_ limits: EdgeLimits) -> Instant {
            pinged.map { $0 + limits.pongTimeout } ?? lastHeard + limits.pingInterval
        }
    }

    /// Our close frame is out, the client's is waited for. Can become `over`.
    struct Closing: Equatable, Sendable {
        var parser: WebSocketParser
        var deadline: Instant
    }

    /// What a transition may look at besides the state itself.
    struct Context {
        let kind: EdgeKind
        let limits: EdgeLimits
        let now: Instant
    }

    enum State: Equatable, Sendable {
        case reading(Reading)
        case answering(Answering)
        case open(Session)
        case closing(Closing)
        /// The last words are out; what comes in is dropped. Can become `over`.
        case lingering(until: Instant)
        case over
    }
}
