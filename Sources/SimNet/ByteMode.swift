import Protocols

/// Turns chat's requests and messages into bytes and back; given by the program, for the codec
/// uses a library that `SimNet` does not import.
public struct ByteCodecs: Sendable {
    /// A request as a client sends it.
    public var encodeRequest: @Sendable (ClientRequest) -> [UInt8]
    /// A request as a node reads it, or the answer to what is none.
    public var decodeRequest: @Sendable ([UInt8]) -> Reading
    /// A message as a node sends it.
    public var encodeMessage: @Sendable (ServerMessage) -> [UInt8]
    /// A message as a client reads it; nil when it makes no sense.
    public var decodeMessage: @Sendable ([UInt8]) -> ServerMessage?

    /// What a node makes of a client's text.
    public enum Reading: Sendable {
        /// A request.
        case request(ClientRequest)
        /// No request; the client is told so with these bytes.
        case refused([UInt8])
    }

    /// Makes codecs of four functions, which must be pure.
    public init(
        encodeRequest: @escaping @Sendable (ClientRequest) -> [UInt8],
        decodeRequest: @escaping @Sendable ([UInt8]) -> Reading,
        encodeMessage: @escaping @Sendable (ServerMessage) -> [UInt8],
        decodeMessage: @escaping @Sendable ([UInt8]) -> ServerMessage?
    ) {
        self.encodeRequest = encodeRequest
        self.decodeRequest = decodeRequest
        self.encodeMessage = encodeMessage
        self.decodeMessage = decodeMessage
    }
}

/// Both ends of one client's conversation in byte mode.
struct ClientWire: Sendable {
    /// The host's end.
    var edge: ClientEdge
    /// The client's end.
    var parser = WebSocketParser(role: .client, maximumMessageBytes: 1 << 24)
    /// The key of the handshake; nil once that is over.
    var key: String?
    /// What came of the handshake's answer.
    var answer: [UInt8] = []
    /// What the client has not taken from the network.
    var held: [UInt8] = []
    /// When the host's end is ticked.
    var tickFor = Instant.distantFuture
    /// The client sent junk; nothing that it could send after it would make sense.
    var isGarbled = false
    /// How many bytes the client sent, and how many of them reached the host's end.
    var sent = 0
    var arrived = 0
    /// When so many bytes have arrived the host must have refused them; nil: as ever.
    var refusedBy: Int?
}

// Peers and clients through the real codecs, the streams cut anywhere.
extension World {
    // MARK: Peers

    /// The longest frame on a peer link.
    private static var longestFrame: Int { 64 << 20 }

    /// Puts a message into the stream to a peer.
    mutating func sendBytes(_ message: PeerMessage, _ from: Int, _ to: Int) {
        let content = message.encoded()
        var frame = ByteWriter(capacity: content.count + 4)
        frame.write(fixed32: UInt32(content.count))
        frame.bytes.append(contentsOf: content)
        var copies = 1
        let path = network.path(from, to)
        if !network.paths[path].isQuiet {
            let bits = pathStreams[path].next()
            if bits & 0xFFFF < options.lossChance {
                statistics.count(.messageLost)
                copies = 0
            } else if bits >> 16 & 0xFFFF < options.duplicateChance {
                statistics.count(.messageDuplicated)
                copies = 2
            }
        }
        recorder?.stream(message, from, to, copies: copies, at: now)
        guard copies > 0 else {
            if message.isHello { loseHello(from, to) }
            return
        }
        let flushes = network.paths[path].flushes
        network.update(from, to) { path in
            for _ in 0..<copies { path.outgoing.append(contentsOf: frame.bytes) }
            path.flushes = true
            path.introduces = path.introduces || message.isHello
        }
        guard !flushes else { return }
        push(
            .peerFlush, after: draw(link: from, to, .zero, .microseconds(100)), host: from,
            other: to, epoch: network.between(from, to).epoch)
    }

    /// Sends what gathered in a stream, in pieces.
    mutating func flushPeer(_ from: Int, _ to: Int, _ epoch: UInt32) {
        guard network.between(from, to).epoch == epoch else { return }
        var bytes: [UInt8] = []
        var introduces = false
        network.update(from, to) { path in
            swap(&bytes, &path.outgoing)
            introduces = path.introduces
            path.introduces = false
            path.flushes = false
        }
        let path = network.path(from, to)
        recorder?.flush(from, to, isCut: network.paths[path].isCut, at: now)
        for segment in World.cut(bytes, &pathStreams[path], &statistics) {
            guard
                let time = network.carry(
                    from, to, at: now, from: &pathStreams[path], counts: &statistics)
            else {
                if introduces { loseHello(from, to) }
                return
            }
            push(
                .peerBytes, at: time, host: to, other: from, payload: segments.put(segment),
                epoch: epoch)
        }
    }

    /// Takes a piece of a peer's stream; every whole frame in it is a message.
    mutating func receive(_ bytes: [UInt8], from sender: Int, at host: Int) {
        network.update(sender, host) { $0.incoming.append(contentsOf: bytes) }
        let life = hosts[host].life
        while verdict == nil, hosts[host].life == life {
            let frame = network.update(sender, host) { World.nextFrame(in: &$0.incoming) }
            guard let content = frame else { return }
            do throws(DecodeError) {
                let message = try PeerMessage(decoding: content)
                recorder?.frame(sender, host, at: now)
                step(host, .peer(hosts[sender].id, message))
                forge(sender, host)
            } catch {
                fail(Violation("codec", "a message of \(hosts[sender].id) is \(error)"))
            }
        }
    }

    /// Takes the content of the first frame out of a stream, once it is whole.
    private static func nextFrame(in stream: inout [UInt8]) -> [UInt8]? {
        guard stream.count >= 4 else { return nil }
        let length = (0..<4).reduce(0) { $0 | Int(stream[$1]) << (8 * $1) }
        guard length <= longestFrame, stream.count >= 4 + length else { return nil }
        let content = Array(stream[4..<4 + length])
        stream.removeFirst(4 + length)
        return content
    }

    /// Cuts bytes into pieces of any size.
    private static func cut(
        _ bytes: [UInt8], _ prng: inout Prng, _ statistics: inout Statistics
    ) -> [[UInt8]] {
        guard bytes.count > 1, prng.chance(1, in: 2) else { return bytes.isEmpty ? [] : [bytes] }
        statistics.count(.segmented)
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let rest = bytes.count - start
            let reach = pieces.count > 6 ? rest : prng.chance(1, in: 2) ? min(rest, 8) : rest
            let count = pieces.count > 6 ? rest : prng.int(in: 1..<reach + 1)
            pieces.append(Array(bytes[start..<start + count]))
            start += count
        }
        return pieces
    }

    // MARK: Clients

    /// The two ends of a new connection; nil outside of byte mode.
    mutating func newWire(_ client: Int) -> ClientWire? {
        guard options.bytes, codecs != nil else { return nil }
        let limits = EdgeLimits(
            pingInterval: options.pingInterval, pongTimeout: options.pingInterval * 4 / 5)
        var wire = ClientWire(
            edge: ClientEdge(kind: .webSocket, limits: limits, at: Instant(nanoseconds: now)))
        wire.key = WebSocketHandshake.key(drawing: &clientLinks[client].prng)
        return wire
    }

    /// The connection stands: the client asks for the WebSocket.
    mutating func beginHandshake(_ client: Int) {
        guard let key = clientLinks[client].wire?.key else { return }
        guard !spoil(client, isHandshake: true) else { return }
        sendToHost(client, WebSocketHandshake.request(host: "node:8080", target: "/", key: key))
    }

    /// Sends bytes of a client.
    mutating func sendToHost(_ client: Int, _ bytes: [UInt8]) {
        clientLinks[client].wire?.sent += bytes.count
        for segment in World.cut(bytes, &clientLinks[client].prng, &statistics) {
            push(
                .clientBytes, at: arrivalAtHost(client), host: clientLinks[client].host,
                other: client, payload: segments.put(segment), epoch: clientLinks[client].epoch)
        }
    }

    private mutating func sendToClient(_ client: Int, _ bytes: [UInt8]) {
        for segment in World.cut(bytes, &clientLinks[client].prng, &statistics) {
            push(
                .serverBytes, at: arrivalAtClient(client), other: client,
                payload: segments.put(segment), epoch: clientLinks[client].epoch)
        }
    }

    /// Sends a request in a masked frame.
    mutating func sendBytes(_ request: ClientRequest, _ client: Int) {
        guard let codecs, clientLinks[client].wire?.isGarbled == false else { return }
        guard !spoil(client, isHandshake: false) else { return }
        sendFrame(.text, codecs.encodeRequest(request), client)
    }

    private mutating func sendFrame(_ opcode: WebSocketOpcode, _ payload: [UInt8], _ client: Int) {
        let mask = WebSocketMask(UInt32(truncatingIfNeeded: clientLinks[client].prng.next()))
        sendToHost(client, WebSocketFrame.encoded(opcode, payload, mask: mask))
    }

    /// Sends a message, if the client's WebSocket is open.
    mutating func tellBytes(_ client: Int, _ message: ServerMessage) {
        guard let codecs, clientLinks[client].wire?.edge.isOpen == true else { return }
        sendToClient(client, WebSocketFrame.encoded(.text, codecs.encodeMessage(message)))
    }

    /// Sends a close frame.
    mutating func closeBytes(_ client: Int, _ reason: CloseReason) {
        stepEdge(client, .close(WebSocketCloseCode(reason.code), reason: ""), nil)
    }

    /// Bytes of a client reach the host's end.
    mutating func receiveAtHost(_ bytes: [UInt8], _ client: Int, _ host: Int) {
        let epoch = clientLinks[client].epoch
        stepEdge(client, .received(bytes), host)
        checkRefused(bytes.count, client, epoch)
    }

    /// Schedules the tick that the host's end wants; one that has become later is found when the
    /// earlier time comes.
    mutating func armEdge(_ client: Int, _ host: Int) {
        guard let wire = clientLinks[client].wire, let deadline = wire.edge.deadline,
            deadline < wire.tickFor
        else { return }
        clientLinks[client].wire?.tickFor = deadline
        push(
            .edgeTick, at: max(now, deadline.nanoseconds), host: host, other: client,
            payload: hosts[host].life, epoch: clientLinks[client].epoch)
    }

    /// The time has come that the host's end asked for, or once asked for.
    mutating func tickEdge(_ client: Int, _ host: Int) {
        guard let deadline = clientLinks[client].wire?.edge.deadline else { return }
        clientLinks[client].wire?.tickFor = .distantFuture
        if deadline.nanoseconds <= now {
            stepEdge(client, .tick, host)
        } else {
            armEdge(client, host)
        }
    }

    private mutating func stepEdge(_ client: Int, _ event: EdgeEvent, _ host: Int?) {
        guard var wire = clientLinks[client].wire else { return }
        clientLinks[client].wire = nil
        var out = Outbox<EdgeEffect>()
        wire.edge.step(event, at: Instant(nanoseconds: now), into: &out)
        let epoch = clientLinks[client].epoch
        clientLinks[client].wire = wire
        if !out.marks.isEmpty { statistics.count(out.marks) }
        if let host { armEdge(client, host) }
        for effect in out.effects {
            guard verdict == nil, clientLinks[client].epoch == epoch else { return }
            if let host {
                guard hosts[host].status == .up else { return }
                perform(effect, client, host)
            } else if case .write(let bytes) = effect {
                // The node ended the conversation; what else there is it knows.
                sendToClient(client, bytes)
            }
        }
    }

    private mutating func perform(_ effect: EdgeEffect, _ client: Int, _ host: Int) {
        let epoch = clientLinks[client].epoch
        let isConnected = hosts[host].connected[client] == epoch
        let connection = ConnectionID(slot: UInt32(client), generation: epoch)
        switch effect {
        case .write(let bytes): if isConnected { sendToClient(client, bytes) }
        case .opened: if isConnected { step(host, .connected(connection)) }
        case .text(let bytes):
            guard isConnected, let codecs else { return }
            switch codecs.decodeRequest(bytes) {
            case .request(let request): ask(request, connection, host)
            case .refused(let answer):
                sendToClient(client, WebSocketFrame.encoded(.text, answer))
            }
        case .closed:
            guard isConnected else { return }
            hosts[host].connected[client] = 0
            tellWallClock(host)
            if hosts[host].status == .up { step(host, .disconnected(connection)) }
        case .disconnect:
            // Of a conversation that was never opened the node knows nothing.
            if isConnected { hosts[host].connected[client] = 0 }
            push(.clientClosed, at: arrivalAtClient(client), other: client, epoch: epoch)
        case .endOutput: break
        case .refused where clientLinks[client].wire?.isGarbled == true: break
        case .binary, .compressed, .request, .upgradePeer, .refused:
            fail(Violation("codec", "a well-behaved client is answered with \(effect)"))
        }
    }

    /// Bytes of the host reach the client's end.
    mutating func receiveAtClient(_ bytes: [UInt8], _ client: Int) {
        guard clientLinks[client].wire != nil else { return }
        let isOpening = clientLinks[client].state == .opening
        if !isOpening, !clientLinks[client].reads || !clientLinks[client].waiting.isEmpty {
            clientLinks[client].wire?.held.append(contentsOf: bytes)
            clientLinks[client].waitingBytes += bytes.count
            reportWaiting(client)
            return
        }
        if isOpening {
            // What answers junk is no answer to a handshake.
            guard clientLinks[client].wire?.isGarbled == false else { return }
            readAnswer(bytes, client)
        } else {
            clientLinks[client].wire?.parser.feed(bytes)
        }
        readMessages(client)
    }

    /// The client takes what the network held for it.
    mutating func drainHeld(_ client: Int) {
        guard let held = clientLinks[client].wire?.held, !held.isEmpty else { return }
        clientLinks[client].wire?.held = []
        clientLinks[client].waitingBytes = 0
        clientLinks[client].wire?.parser.feed(held)
        reportWaiting(client)
        readMessages(client)
    }

    private mutating func readAnswer(_ bytes: [UInt8], _ client: Int) {
        guard var wire = clientLinks[client].wire, let key = wire.key else { return }
        wire.answer.append(contentsOf: bytes)
        do throws(HTTP1Error) {
            if let reply = try UpgradeReply.read(wire.answer) {
                guard WebSocketHandshake.accepts(reply, key: key) else {
                    fail(Violation("codec", "a handshake is refused: \(reply.status)"))
                    return
                }
                wire.key = nil
                wire.answer = []
                wire.parser.feed(reply.rest)
            }
        } catch {
            fail(Violation("codec", "the answer to a handshake is \(error)"))
        }
        clientLinks[client].wire = wire
        guard wire.key == nil else { return }
        clientLinks[client].state = .open
        stepClient(client, .connected(hosts[clientLinks[client].host].id))
    }

    private mutating func readMessages(_ client: Int) {
        let epoch = clientLinks[client].epoch
        while verdict == nil, clientLinks[client].epoch == epoch,
            clientLinks[client].state == .open
        {
            let input: WebSocketParser.Input?
            do throws(WebSocketError) {
                input = try clientLinks[client].wire?.parser.next()
            } catch {
                fail(Violation("codec", "a node's frames are \(error)"))
                return
            }
            guard let input else { return }
            switch input {
            case .text(let bytes):
                guard let message = codecs?.decodeMessage(bytes) else {
                    let text = String(decoding: bytes, as: UTF8.self)
                    fail(Violation("codec", "a client cannot read \(text)"))
                    return
                }
                stepClient(client, .message(message))
            case .close(let code, _):
                endConnection(client)
                stepClient(client, .disconnected(code: code?.rawValue))
            case .ping(let payload):
                if clientLinks[client].wire?.isGarbled == false {
                    sendFrame(.pong, payload, client)
                }
            case .pong, .binary, .compressed: break
            }
        }
    }
}
