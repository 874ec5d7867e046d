import EdgeCodecs
import Protocols

/// The rows that turn bytes into values and back.
enum MicroCodecs {
    static let room = UniqueID(high: 0x0190_B2A4_0000_4000, low: 0x8000_0000_0000_ABCD)
    static let text = String(
        "The quick brown fox jumps over the lazy dog. ".repeated(5).prefix(200))
    static let message = ServerMessage.newMessage(
        room: room,
        ChatMessage(
            id: room, sequence: 123_456, user: "alice", content: text,
            at: WallTime(milliseconds: 1_767_323_045_678)))
    static let request = ClientRequest.sendMessage(
        room: room, user: "alice", content: text, clientMessageID: "0123456789abcdef-17")

    static var makers: [() -> Micro.Row] {
        [
            webSocketParse, webSocketEncode, httpParse, jsonRequest, jsonRequestWrite, jsonEncode,
            jsonMessage, deflate, inflate, appendEncode, appendDecode, checksum, commandEncode,
            commandDecode,
        ]
    }

    static func jsonBytes(_ request: ClientRequest) -> [UInt8] {
        var bytes: [UInt8] = []
        ChatJSON.encode(request, into: &bytes)
        return bytes
    }

    static func jsonBytes(_ message: ServerMessage) -> [UInt8] {
        var bytes: [UInt8] = []
        ChatJSON.encode(message, in: ChatJSON.Cluster(node: NodeID(1)), into: &bytes)
        return bytes
    }

    private static func webSocketParse() -> Micro.Row {
        let frame = WebSocketFrame.encoded(
            .text, jsonBytes(request), mask: WebSocketMask(0x1234_5678))
        var parser = WebSocketParser(role: .server)
        return Micro.simple("WebSocket: parse a masked frame of \(frame.count) B") {
            parser.feed(frame)
            guard case .text(let message)? = try? parser.next(), (try? parser.next()) == .some(nil)
            else { preconditionFailure("the frame is whole") }
            return message.count
        }
    }

    private static func webSocketEncode() -> Micro.Row {
        let text = jsonBytes(message)
        return Micro.simple("WebSocket: encode a frame of \(text.count) B") {
            WebSocketFrame.encoded(.text, text).count
        }
    }

    private static func deflate() -> Micro.Row {
        let text = jsonBytes(message)
        let codec = MessageDeflate()
        let count = codec.deflated(text)?.count ?? text.count
        return Micro.simple("WebSocket: deflate \(text.count) B to \(count) B") {
            codec.deflated(text)?.count ?? 0
        }
    }

    private static func inflate() -> Micro.Row {
        let text = jsonBytes(message)
        let codec = MessageDeflate()
        let deflated = codec.deflated(text) ?? []
        return Micro.simple("WebSocket: inflate \(deflated.count) B to \(text.count) B") {
            (try? codec.inflatedText(deflated, limit: 65_536))?.count ?? 0
        }
    }

    private static func httpParse() -> Micro.Row {
        let head = Array(
            ("GET /cluster?pretty=1 HTTP/1.1\r\nHost: 127.0.0.1:8001\r\nUser-Agent: curl/7.88.1\r\n"
                + "Accept: application/json\r\nConnection: keep-alive\r\n\r\n").utf8)
        var parser = HTTP1Parser()
        return Micro.simple("HTTP: parse a request of \(head.count) B") {
            parser.feed(head)
            guard case .request(let request)? = try? parser.next() else {
                preconditionFailure("the request is whole")
            }
            return request.target.utf8.count
        }
    }

    private static func jsonRequest() -> Micro.Row {
        let bytes = jsonBytes(request)
        let reader = JSONReader()
        return Micro.simple("JSON: parse send_message of \(bytes.count) B") {
            guard
                case .success(.sendMessage(_, _, let content, _)) = ChatJSON.request(
                    parsing: bytes, with: reader)
            else { preconditionFailure("the request is right") }
            return content.utf8.count
        }
    }

    private static func jsonRequestWrite() -> Micro.Row {
        var bytes: [UInt8] = []
        return Micro.simple("JSON: encode send_message") {
            bytes.removeAll(keepingCapacity: true)
            ChatJSON.encode(request, into: &bytes)
            return bytes.count
        }
    }

    private static func jsonEncode() -> Micro.Row {
        let cluster = ChatJSON.Cluster(node: NodeID(1))
        var bytes: [UInt8] = []
        return Micro.simple("JSON: encode new_message of \(jsonBytes(message).count) B") {
            bytes.removeAll(keepingCapacity: true)
            ChatJSON.encode(message, in: cluster, into: &bytes)
            return bytes.count
        }
    }

    private static func jsonMessage() -> Micro.Row {
        let bytes = jsonBytes(message)
        let reader = JSONReader()
        return Micro.simple("JSON: parse new_message of \(bytes.count) B") {
            guard
                case .newMessage(_, let message)? = try? ChatJSON.message(
                    parsing: bytes, with: reader)
            else { preconditionFailure("the message is right") }
            return message.content.utf8.count
        }
    }

    // MARK: Between members

    static let command = Command(
        session: SessionID(7), sequence: 1234, acknowledgedBelow: 1200,
        operation: .send(
            MessageSubmission(
                room: room, user: "alice", connection: ConnectionID(slot: 3, generation: 1),
                id: room, content: text, clientMessageID: "0123456789abcdef-17",
                at: WallTime(milliseconds: 1_767_323_045_678))))

    static let append: PeerMessage = {
        let entries = (0..<16).map {
            Entry(
                index: LogIndex(1000 + UInt64($0)), term: Term(3),
                stamp: ClusterTime(nanoseconds: 5_000_000_000), kind: .command,
                payload: command.encoded())
        }
        return .raft(
            RaftMessage(
                group: .main, term: Term(3),
                body: .append(
                    AppendRequest(
                        previous: SnapshotPoint(index: LogIndex(999), term: Term(3)),
                        commit: LogIndex(990), entries: entries))))
    }()

    private static func appendEncode() -> Micro.Row {
        let size = append.encoded().count
        return Micro.simple("peer: encode an append, 16 entries, \(size) B", 500) {
            append.encoded().count
        }
    }

    private static func appendDecode() -> Micro.Row {
        let bytes = append.encoded()
        return Micro.simple("peer: decode an append, 16 entries, \(bytes.count) B", 500) {
            guard case .raft(let message)? = try? PeerMessage(decoding: bytes),
                case .append(let request) = message.body
            else { preconditionFailure("the message is right") }
            return request.entries.count
        }
    }

    private static func checksum() -> Micro.Row {
        let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        return Micro.simple("CRC32C of 4096 B", 500) { Int(CRC32C.checksum(bytes)) }
    }

    private static func commandEncode() -> Micro.Row {
        let size = command.encoded().count
        return Micro.simple("command: encode a send of \(size) B") { command.encoded().count }
    }

    private static func commandDecode() -> Micro.Row {
        let bytes = command.encoded()
        return Micro.simple("command: decode a send of \(bytes.count) B") {
            guard let command = try? Command(decoding: bytes) else {
                preconditionFailure("the command is right")
            }
            return Int(command.sequence)
        }
    }
}

extension String {
    fileprivate func repeated(_ count: Int) -> String { String(repeating: self, count: count) }
}
