import Glibc
import Protocols
import Testing

extension Live {
    @Suite("bad input on the WebSocket port")
    struct BadInputWebSocket {
        private static let nobody = "00000000-0000-4000-8000-000000000000"

        private typealias Case = (text: String, type: String, says: String)

        /// A request whose data is this text.
        private static func request(_ type: String, _ data: String) -> String {
            #"{"type":"\#(type)","data":\#(data)}"#
        }

        private static func message(_ content: String) -> String {
            request(
                "send_message",
                #"{"room_id":"\#(nobody)","username":"u","content":"\#(content)"}"#)
        }

        /// What is sent, the type of the answer, and what its data says under `message`.
        private static let strangers: [Case] = [
            ("", "error", "Invalid JSON format"),
            ("{", "error", "Invalid JSON format"),
            ("[]", "error", "Invalid JSON format"),
            (#""list_rooms""#, "error", "Invalid JSON format"),
            (#"{"type":"list_rooms"} x"#, "error", "Invalid JSON format"),
            ("{'type':'list_rooms'}", "error", "Invalid JSON format"),
            (String(repeating: "[", count: 60_000), "error", "Invalid JSON format"),
            (String(repeating: #"{"a":"#, count: 10_000), "error", "Invalid JSON format"),
            ("{}", "error", "Unknown message type: None"),
            (#"{"type":7}"#, "error", "Unknown message type: None"),
            (#"{"type":"dance"}"#, "error", "Unknown message type: dance"),
            (#"{"type":"LIST_ROOMS"}"#, "error", "Unknown message type: LIST_ROOMS"),
            (request("leave_room", "{}"), "error", "Missing or invalid fields: room_id, username"),
        ]

        /// The same with `error_code`.
        private static let mistakes: [Case] = [
            (#"{"type":"create_room"}"#, "room_created", "INVALID_REQUEST"),
            (request("create_room", "[]"), "room_created", "INVALID_REQUEST"),
            (
                request("create_room", #"{"room_name":"","creator_id":"c"}"#),
                "room_created", "INVALID_REQUEST"
            ),
            (
                request("create_room", #"{"room_name":{},"creator_id":"c"}"#),
                "room_created", "INVALID_REQUEST"
            ),
            (
                request(
                    "create_room",
                    #"{"creator_id":"c","room_name":""# + String(repeating: "n", count: 300)
                        + #""}"#),
                "room_created", "INVALID_REQUEST"
            ),
            (#"{"type":"join_room"}"#, "join_room_error", "INVALID_REQUEST"),
            (
                request("join_room", #"{"room_id":4,"username":null}"#),
                "join_room_error", "INVALID_REQUEST"
            ),
            (
                request("join_room", #"{"room_id":"\#(nobody)","username":"u","since":-1}"#),
                "join_room_error", "INVALID_REQUEST"
            ),
            (
                request("join_room", #"{"room_id":"lobby","username":"u"}"#),
                "join_room_error", "ROOM_NOT_FOUND"
            ),
            (
                request("join_room", #"{"room_id":"\#(nobody)","username":"u"}"#),
                "join_room_error", "ROOM_NOT_FOUND"
            ),
            (request("send_message", "null"), "message_error", "INVALID_REQUEST"),
            (message(""), "message_error", "INVALID_CONTENT"),
            (message(String(repeating: "x", count: 5_001)), "message_error", "INVALID_CONTENT"),
            (message("hello"), "message_error", "ROOM_NOT_FOUND"),
        ]

        @Test("bad requests get a clear answer, and the connection stays open")
        func requests() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let socket = try node.connect()
            for (text, type, says) in Self.strangers + Self.mistakes {
                socket.send(text: Array(text.utf8))
                try eventually("an answer to \(text.prefix(80))") {
                    socket.pump(within: 0.05)
                    return !socket.inbox.isEmpty || socket.isOver
                }
                guard let answer = socket.inbox.popLast() else {
                    throw LiveFailure("closed with \(socket.closeCode!) by \(text.prefix(80))")
                }
                let said = [answer.text("message"), answer.text("error_code")]
                #expect(answer.type == type, "\(text.prefix(80))")
                #expect(said.contains(says), "\(text.prefix(80)): \(answer.data)")
            }
            // A binary message is no JSON; a room that one has not joined is not one's own.
            socket.send(WebSocketFrame.encoded(.binary, [0, 1, 2], mask: WebSocketMask(7)))
            #expect(try socket.wait(for: "error").text("message") == "Invalid JSON format")
            let stranger = try socket.ask(
                "send_message", ["room_id": room, "username": "u", "content": "hello"],
                for: "message_error", "message_sent")
            #expect(stranger.text("error_code") == "NOT_MEMBER")
            #expect(try socket.ask("list_rooms", for: "rooms_list").number("total_count") == 1)
            try node.expectService(in: room)
        }

        private static func masked(
            _ opcode: UInt8, _ payload: [UInt8], final: Bool = true, reserved: UInt8 = 0
        ) -> [UInt8] {
            var frame: [UInt8] = [(final ? 0x80 : 0) | reserved | opcode]
            if payload.count < 126 {
                frame.append(0x80 | UInt8(payload.count))
            } else {
                frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
            }
            return frame + [0, 0, 0, 0] + payload
        }

        /// Bytes after the upgrade, and the code with which the node must close.
        private static let frames: [(what: String, bytes: [UInt8], code: Int)] = [
            ("no mask", [0x81, 0x02, 0x7B, 0x7D], 1002),
            ("a reserved bit", masked(1, [0x7B, 0x7D], reserved: 0x40), 1002),
            ("a reserved opcode", masked(3, []), 1002),
            ("a reserved control opcode", masked(11, []), 1002),
            ("a fragmented ping", masked(9, [], final: false), 1002),
            ("a long ping", masked(9, [UInt8](repeating: 0, count: 126)), 1002),
            ("a continuation of nothing", masked(0, [1]), 1002),
            ("a message inside another", masked(1, [0x61], final: false) + masked(1, [0x62]), 1002),
            ("a close of one byte", masked(8, [3]), 1002),
            ("a close code that is never sent", masked(8, [0x03, 0xED]), 1002),
            (
                "a length of nine bytes with its top bit",
                [0x81, 0xFF, 0x80] + [UInt8](repeating: 0, count: 11), 1002
            ),
            ("a length in too many bytes", [0x81, 0xFE, 0, 5, 0, 0, 0, 0], 1002),
            ("invalid UTF-8", masked(1, [0xC3, 0x28]), 1007),
            ("half a character", masked(1, [0xE2, 0x82]), 1007),
            ("a surrogate", masked(1, [0xED, 0xA0, 0x80]), 1007),
            (
                "invalid UTF-8 over two fragments",
                masked(1, [0xE2], final: false) + masked(0, [0x28]), 1007
            ),
            ("a message over the limit", [0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0], 1009),
            ("a message of 2^62 bytes", [0x81, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
            (
                "fragments over the limit together",
                masked(1, [UInt8](repeating: 0x20, count: 60_000), final: false)
                    + masked(0, [UInt8](repeating: 0x20, count: 60_000)), 1009
            ),
        ]

        @Test("frames that break the protocol are closed with its codes, and others go on")
        func protocolErrors() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let witness = try node.join(room, as: "witness")
            for (what, bytes, code) in Self.frames {
                let socket = try node.connect()
                socket.send(bytes)
                #expect(try socket.waitForClose() == code, "\(what)")
            }
            try node.expectService(in: room)
            #expect(try witness.wait(for: "new_message").text("content").hasPrefix("still serving"))
        }

        @Test("clients that vanish in the midst of a message leave nothing behind")
        func vanishing() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            for round in 0..<100 {
                let socket = try node.connect()
                socket.send("join_room", ["room_id": room, "username": "ghost\(round)"])
                socket.send([0x01, 0xFE, 0x40, 0x00, 1, 2, 3, 4, 5, 6])
                if round % 2 == 0 { socket.socket.reset() } else { socket.socket.close() }
            }
            try node.expectService(in: room)
            try eventually("all connections but the asking one are gone") {
                let figures = try HTTPAnswer.get(node.ports.http, "/metrics").json
                return figures["connections"] as? Int ?? .max <= 1
            }
            let answer = try node.connect().ask(
                "join_room", ["room_id": room, "username": "last"], for: "join_room_success")
            #expect(answer.data["members"] as? [String] == ["last"])
        }

        @Test("plain HTTP gets 426, and one line at debug level")
        func plainHTTP() throws {
            let cluster = try Cluster(1, starts: false)
            let node = cluster.nodes[0]
            node.environment["LOG_LEVEL"] = "debug"
            try cluster.start()
            let answer = try HTTPAnswer.get(node.ports.webSocket, "/")
            #expect(answer.status == 426)
            #expect(answer.head.lowercased().contains("upgrade: websocket"))
            let lines = node.output.split(separator: "\n").filter { $0.contains("status=426") }
            #expect(lines.count == 1)
            #expect(lines.first?.contains(" DEBUG ") == true)
            let handshake =
                "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            let version =
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n"
            let old = try HTTPAnswer.exchange(node.ports.webSocket, handshake + version)
            #expect(old.status == 426)
            #expect(old.head.lowercased().contains("sec-websocket-version: 13"))
            let keyless = try HTTPAnswer.exchange(
                node.ports.webSocket, handshake + "Sec-WebSocket-Version: 13\r\n\r\n")
            #expect(keyless.status == 400)
            try node.expectService(in: try node.createRoom())
        }

        @Test("a handshake that is never finished is cut, however slowly it trickles")
        func halfOpenHandshakes() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let ports = [node.ports.webSocket, node.ports.http, node.ports.xmlRPC]
            let silent = try ports.map { try RawSocket(port: $0) }
            let begun = try ports.map { try RawSocket(port: $0) }
            for socket in begun { socket.send(Array("GET / HTTP/1.1\r\nHo".utf8)) }
            let trickle = try RawSocket(port: node.ports.webSocket)
            var crowd: [RawSocket] = []
            for _ in 0..<300 { crowd.append(try RawSocket(port: node.ports.webSocket)) }
            try node.expectService(in: room)
            var isCut = false
            try eventually("the trickling handshake is cut", within: 30) {
                if case .end = trickle.receive() { isCut = true }
                return isCut || !trickle.send([UInt8(ascii: "G")]) || trickle.receive() == .end
            }
            for socket in silent + crowd { _ = try socket.receiveAll(within: 20) }
            for socket in begun {
                let answer = HTTPAnswer(try socket.receiveAll(within: 20))
                #expect(answer?.status == 408)
            }
            try node.expectService(in: room)
        }
    }
}
