import EdgeCodecs
import Glibc
import LiveNet
import Protocols

/// A WebSocket server that says everything back, made of the parts that a node is made of.
enum EchoServer {
    static let usage = """
        Usage: parley-bench echo --port P [--host H] [--max-message BYTES]

        Sends every text and binary message back. Point an RFC 6455 suite at it.

          --port P              port to listen on; 0 lets the system choose
          --host H              address to listen on (default 127.0.0.1)
          --max-message BYTES   longest message (default 16777216)

        Ends on SIGTERM and SIGINT. Exit codes: 0 stopped, 1 cannot listen, 2 bad arguments.
        """

    static func run(_ arguments: [String]) throws(UsageError) -> Int32 {
        var rest = Arguments(arguments)
        var host = "127.0.0.1"
        var port: Int?
        var limits = EdgeLimits(maximumMessageBytes: 16 << 20, allowsCompression: true)
        while let option = rest.next() {
            switch option {
            case "--host": host = try rest.value(of: option)
            case "--port": port = try rest.number(of: option, in: 0...65_535)
            case "--max-message":
                limits.maximumMessageBytes = try rest.number(of: option, in: 0...(1 << 30))
            default: throw UsageError("unknown argument \(option)")
            }
        }
        guard let port else { throw UsageError("--port is missing") }
        let loop = Loop()
        let group = EchoConnections()
        let listener: Listener
        do {
            listener = try Listener.listen(loop: loop, host: host, port: UInt16(port)) {
                let connection = EchoConnection($0, limits, group)
                $0.start(connection)
            }
        } catch {
            Output.error("parley-bench echo: \(error)")
            loop.shutDown()
            return 1
        }
        Output.line("listening on ws://\(host):\(listener.port)")
        let ticker = Timer(loop: loop)
        ticker.start(milliseconds: 500, repeating: 500) { group.tick(loop.now) }
        for signal in [SIGTERM, SIGINT] { loop.onSignal(signal) { loop.stop() } }
        loop.run()
        loop.shutDown()
        return 0
    }
}

/// The open connections, for their time limits.
final class EchoConnections {
    private var slots = SlotMap<EchoConnection>()
    /// Compresses for all connections.
    let codec = MessageDeflate()

    func insert(_ connection: EchoConnection) -> ConnectionID { slots.insert(connection) }
    func remove(_ id: ConnectionID) { slots.remove(id) }

    func tick(_ now: Instant) {
        slots.forEach { $1.tick(now) }
    }
}

/// One connection of the echo server.
final class EchoConnection: StreamHandler {
    private let stream: Stream
    private let group: EchoConnections
    private var codec: MessageDeflate { group.codec }
    private var id = ConnectionID(slot: 0, generation: 0)
    private var edge: ClientEdge
    private var outbox = Outbox<EdgeEffect>()
    /// With more bytes unsent the client is not read from.
    private static let backlogLimit = 4 << 20

    init(_ stream: Stream, _ limits: EdgeLimits, _ group: EchoConnections) {
        self.stream = stream
        self.group = group
        edge = ClientEdge(kind: .webSocket, limits: limits, at: stream.loop.now)
        id = group.insert(self)
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        step(.received(Array(bytes)))
        if stream.backlog > Self.backlogLimit { stream.pauseReading() }
    }

    func streamReachedEnd(_ stream: Stream) { step(.endOfStream) }

    func stream(_ stream: Stream, backlog bytes: Int) {
        if bytes < Self.backlogLimit / 2 { stream.resumeReading() }
        if bytes > Self.backlogLimit { stream.pauseReading() }
    }

    func stream(_ stream: Stream, closed end: StreamEnd) { group.remove(id) }

    func tick(_ now: Instant) {
        if let deadline = edge.deadline, deadline <= now { step(.tick) }
    }

    private func step(_ event: EdgeEvent) {
        guard !edge.isOver else { return }
        edge.step(event, at: stream.loop.now, into: &outbox)
        let effects = outbox.effects
        outbox.removeAll()
        for effect in effects {
            switch effect {
            case .write(let bytes): stream.write(bytes)
            case .text(let message): echo(.text, message)
            case .binary(let message): echo(.binary, message)
            case .compressed(let kind, let bytes): inflate(kind, bytes)
            case .endOutput: stream.endWriting()
            case .disconnect: stream.closeAfterFlush()
            case .opened, .closed, .refused: break
            case .request, .upgradePeer: preconditionFailure("no effect of a WebSocket port")
            }
        }
    }

    private func inflate(_ kind: WebSocketOpcode, _ bytes: [UInt8]) {
        let limit = edge.limits.maximumMessageBytes
        do {
            let message =
                kind == .text
                ? try codec.inflatedText(bytes, limit: limit)
                : try codec.inflated(bytes, limit: limit)
            echo(kind, message)
        } catch {
            step(.unreadable(error))
        }
    }

    private func echo(_ kind: WebSocketOpcode, _ message: [UInt8]) {
        if edge.allowsCompression, let deflated = codec.deflated(message) {
            stream.write(WebSocketFrame.encoded(kind, deflated, isCompressed: true))
        } else {
            stream.write(WebSocketFrame.encoded(kind, message))
        }
    }
}
