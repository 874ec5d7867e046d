/// The transitions of a client connection, one function for each state.
extension ClientEdge.State {
    typealias Context = ClientEdge.Context
    typealias Effects = Outbox<EdgeEffect>

    /// The state after an event.
    consuming func after(_ event: EdgeEvent, in context: Context, _ out: inout Effects) -> Self {
        switch consume self {
        case .reading(let reading):
            ClientEdge.State.reading(reading, event, context, &out)
        case .answering(let answering):
            ClientEdge.State.answering(answering, event, context, &out)
        case .open(let session):
            ClientEdge.State.open(session, event, context, &out)
        case .closing(let closing):
            ClientEdge.State.closing(closing, event, context, &out)
        case .lingering(let deadline):
            ClientEdge.State.lingering(deadline, event, context, &out)
        case .over:
            .over
        }
    }

    // MARK: HTTP

    private static func reading(
        _ reading: consuming ClientEdge.Reading, _ event: EdgeEvent, _ context: Context,
        _ out: inout Effects
    ) -> Self {
        switch event {
        case .received(let bytes):
            if reading.parser.isIdle, !reading.isFirst {
                reading.deadline = context.now + context.limits.handshakeTimeout
            }
            reading.parser.feed(bytes)
            return readRequests(reading, context, &out)
        case .tick:
            guard context.now >= reading.deadline else { return .reading(reading) }
            guard reading.isFirst || !reading.parser.isIdle else { return disconnect(&out) }
            return refuse(
                .plain(.requestTimeout, "The request took too long to arrive.", closes: true),
                context, &out)
        case .endOfStream, .reset, .close: return disconnect(&out)
        case .respond, .unreadable: return .reading(reading)
        }
    }

    private static func readRequests(
        _ reading: consuming ClientEdge.Reading, _ context: Context, _ out: inout Effects
    ) -> Self {
        do {
            while true {
                switch try reading.parser.next() {
                case .needsBytes: return .reading(reading)
                case .expectsContinue:
                    out.emit(.write(HTTPResponse(.continue).encoded(keepsAlive: true)))
                case .request(let request):
                    return begin(request, reading.parser, context, &out)
                }
            }
        } catch {
            let text = "\(error.status.reason): \(error.explanation)."
            return refuse(.plain(error.status, text, closes: true), context, &out)
        }
    }

    private static func begin(
        _ request: HTTPRequest, _ parser: consuming HTTP1Parser, _ context: Context,
        _ out: inout Effects
    ) -> Self {
        switch context.kind {
        case .webSocket:
            let isCompressionAgreed: Bool
            do {
                let answer = try WebSocketHandshake.answer(
                    to: request, compression: context.limits.allowsCompression)
                isCompressionAgreed = answer.fields.count(of: WebSocketExtension.field) > 0
                out.emit(.write(answer.encoded(keepsAlive: true)))
            } catch {
                return refuse(error.response, context, &out)
            }
            out.emit(.opened)
            var session = ClientEdge.Session(
                parser: WebSocketParser(
                    role: .server, maximumMessageBytes: context.limits.maximumMessageBytes,
                    allowsCompression: isCompressionAgreed),
                lastHeard: context.now)
            session.parser.feed(parser.takeRest())
            return readFrames(session, context, &out)
        case .http where request.asksUpgrade(to: "parley-peer"):
            let answer = HTTPResponse(.switchingProtocols, fields: ["Upgrade": "parley-peer"])
            out.emit(.write(answer.encoded(keepsAlive: true)))
            out.emit(.upgradePeer(request, leftover: parser.takeRest()))
            return .over
        case .http:
            let answering = ClientEdge.Answering(
                parser: parser, isHead: request.method == .head, version: request.version,
                keepsAlive: request.keepsAlive)
            out.emit(.request(request))
            return .answering(answering)
        }
    }

    private static func answering(
        _ answering: consuming ClientEdge.Answering, _ event: EdgeEvent, _ context: Context,
        _ out: inout Effects
    ) -> Self {
        switch event {
        case .received(let bytes):
            answering.parser.feed(bytes)
            // `wantsBytes` turned false long before; a driver may overshoot by what it had read.
            guard answering.parser.bufferedBytes <= 8 * context.limits.maximumBacklogBytes else {
                return disconnect(&out)
            }
            return .answering(answering)
        case .endOfStream, .close:
            // A client that only half-closed still reads its answer.
            answering.keepsAlive = false
            return .answering(answering)
        case .reset: return disconnect(&out)
        case .tick, .unreadable: return .answering(answering)
        case .respond(let response):
            let keepsAlive = answering.keepsAlive && !response.closes
            out.emit(
                .write(
                    response.encoded(
                        keepsAlive: keepsAlive, version: answering.version,
                        omitsBody: answering.isHead)))
            guard keepsAlive else {
                return answering.parser.bufferedBytes == 0
                    ? disconnect(&out) : linger(context, &out)
            }
            let timeout =
                answering.parser.isIdle
                ? context.limits.keepAliveTimeout : context.limits.handshakeTimeout
            let reading = ClientEdge.Reading(
                parser: answering.parser, deadline: context.now + timeout, isFirst: false)
            return readRequests(reading, context, &out)
        }
    }

    // MARK: WebSocket

    private static func open(
        _ session: consuming ClientEdge.Session, _ event: EdgeEvent, _ context: Context,
        _ out: inout Effects
    ) -> Self {
        switch event {
        case .received(let bytes):
            session.lastHeard = context.now
            session.pinged = nil
            session.parser.feed(bytes)
            return readFrames(session, context, &out)
        case .endOfStream, .reset:
            out.emit(.closed(.abnormal))
            return disconnect(&out)
        case .tick:
            guard context.now >= session.deadline(context.limits) else { return .open(session) }
            guard session.pinged == nil else {
                out.mark(.silentClientDropped)
                let reason = "no pong came"
                out.emit(.write(WebSocketFrame.close(.internalError, reason: reason)))
                out.emit(.closed(.abnormal))
                return disconnect(&out)
            }
            out.mark(.silentClientPinged)
            session.pinged = context.now
            out.emit(.write(WebSocketFrame.encoded(.ping, [])))
            return .open(session)
        case .close(let code, let reason):
            out.emit(.write(WebSocketFrame.close(code, reason: reason)))
            out.emit(.closed(code))
            return .closing(
                ClientEdge.Closing(
                    parser: session.parser, deadline: context.now + context.limits.closeTimeout))
        case .unreadable(let error): return fail(error, context, &out)
        case .respond: return .open(session)
        }
    }

    private static func readFrames(
        _ session: consuming ClientEdge.Session, _ context: Context, _ out: inout Effects
    ) -> Self {
        var pongs = 0
        var latestPing: [UInt8]?
        do {
            while let input = try session.parser.next() {
                switch input {
                case .text(let message): out.emit(.text(message))
                case .binary(let message): out.emit(.binary(message))
                case .compressed(let kind, let bytes): out.emit(.compressed(kind, bytes))
                case .ping(let payload):
                    // Each of a few pings is answered where it stands; of a flood only the
                    // latest, which the protocol allows (RFC 6455, 5.5.3).
                    if pongs < context.limits.maximumPongsPerBatch {
                        pongs += 1
                        out.emit(.write(WebSocketFrame.encoded(.pong, payload)))
                    } else {
                        latestPing = payload
                    }
                case .pong: break
                case .close(let code, _):
                    out.emit(.write(WebSocketFrame.close(code)))
                    out.emit(.closed(code ?? .noStatus))
                    return disconnect(&out)
                }
            }
        } catch {
            return fail(error, context, &out)
        }
        if let latestPing { out.emit(.write(WebSocketFrame.encoded(.pong, latestPing))) }
        return .open(session)
    }

    /// Ends a conversation whose other side breaks the protocol (RFC 6455, 7.1.7).
    private static func fail(
        _ error: WebSocketError, _ context: Context, _ out: inout Effects
    ) -> Self {
        out.mark(.junkRefused)
        out.emit(.write(WebSocketFrame.close(error.closeCode, reason: error.explanation)))
        out.emit(.closed(error.closeCode))
        return linger(context, &out)
    }

    private static func closing(
        _ closing: consuming ClientEdge.Closing, _ event: EdgeEvent, _ context: Context,
        _ out: inout Effects
    ) -> Self {
        switch event {
        case .received(let bytes):
            closing.parser.feed(bytes)
            do {
                while let input = try closing.parser.next() {
                    if case .close = input { return disconnect(&out) }
                }
            } catch {
                return disconnect(&out)
            }
            return .closing(closing)
        case .endOfStream, .reset: return disconnect(&out)
        case .tick:
            return context.now >= closing.deadline ? disconnect(&out) : .closing(closing)
        case .close, .respond, .unreadable: return .closing(closing)
        }
    }

    // MARK: The end

    private static func lingering(
        _ deadline: Instant, _ event: EdgeEvent, _ context: Context, _ out: inout Effects
    ) -> Self {
        switch event {
        case .endOfStream, .reset: return disconnect(&out)
        case .tick:
            return context.now >= deadline ? disconnect(&out) : .lingering(until: deadline)
        case .received, .close, .respond, .unreadable: return .lingering(until: deadline)
        }
    }

    private static func refuse(
        _ response: HTTPResponse, _ context: Context, _ out: inout Effects
    ) -> Self {
        out.mark(.junkRefused)
        out.emit(.write(response.encoded(keepsAlive: false)))
        out.emit(.refused(response.status))
        return linger(context, &out)
    }

    private static func linger(_ context: Context, _ out: inout Effects) -> Self {
        out.emit(.endOutput)
        return .lingering(until: context.now + context.limits.lingerTimeout)
    }

    private static func disconnect(_ out: inout Effects) -> Self {
        out.emit(.disconnect)
        return .over
    }
}
