import EdgeCodecs
import Foundation
import Glibc
import LiveNet
import Protocols
import Testing

/// A WebSocket client that agreed on permessage-deflate and sends the frames that a test makes.
private final class CompressedSocket {
    let socket: RawSocket
    /// What the server agreed to; empty when to nothing.
    let agreed: [WebSocketExtension]
    private let codec = MessageDeflate()
    private var parser: WebSocketParser
    private let mask = WebSocketMask(0x2B3C_4D5E)

    init(_ node: NodeProcess) throws {
        let key = "dGhlIHNhbXBsZSBub25jZQ=="
        socket = try RawSocket(port: node.ports.webSocket)
        socket.send(
            WebSocketHandshake.request(host: "x", target: "/", key: key, offersCompression: true))
        var bytes: [UInt8] = []
        let limit = Limit(seconds: 20)
        var reply: UpgradeReply?
        while reply == nil, !limit.hasPassed {
            if case .bytes(let more) = socket.receive(within: 1) { bytes += more }
            reply = try UpgradeReply.read(bytes)
        }
        guard let reply, WebSocketHandshake.accepts(reply, key: key, offeredCompression: true)
        else { throw LiveFailure("no upgrade but \(String(decoding: bytes, as: UTF8.self))") }
        agreed = WebSocketExtension.list(in: reply.fields) ?? []
        parser = WebSocketParser(
            role: .client, maximumMessageBytes: 1 << 20, allowsCompression: !agreed.isEmpty)
        parser.feed(reply.rest)
    }

    func send(
        _ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true, rsv1: Bool = false
    ) {
        var frame = WebSocketFrame.encoded(opcode, payload, isFinal: isFinal, mask: mask)
        if rsv1 { frame[0] |= 0x40 }
        socket.send(frame)
    }

    /// Sends a request compressed, in two fragments.
    func send(_ type: String, _ data: [String: Any]) throws {
        let text = try JSONSerialization.data(withJSONObject: ["type": type, "data": data])
        let deflated = try #require(codec.deflated(Array(text)))
        send(.text, Array(deflated.prefix(40)), isFinal: false, rsv1: true)
        send(.continuation, Array(deflated.dropFirst(40)))
    }

    /// The next message of a type, and whether it came compressed.
    func wait(for type: String) throws -> (message: WireMessage, isCompressed: Bool) {
        while true {
            let (text, isCompressed): ([UInt8], Bool)
            switch try next() {
            case .text(let bytes): (text, isCompressed) = (bytes, false)
            case .compressed(_, let bytes):
                (text, isCompressed) = (try codec.inflatedText(bytes, limit: 1 << 20), true)
            case let other: throw LiveFailure("no \(type) but \(other)")
            }
            if let message = WireMessage(text), message.type == type {
                return (message, isCompressed)
            }
        }
    }

    /// The code with which the server closes.
    func waitForClose() throws -> UInt16? {
        while true {
            if case .close(let code, _) = try next() { return code?.rawValue }
        }
    }

    private func next() throws -> WebSocketParser.Input {
        let limit = Limit(seconds: 20)
        while true {
            if let input = try parser.next() { return input }
            guard !limit.hasPassed else { throw LiveFailure("no message came") }
            switch socket.receive(within: 1) {
            case .bytes(let bytes): parser.feed(bytes)
            case .nothing: break
            case .end: throw LiveFailure("the connection ended without a close frame")
            }
        }
    }
}

/// Hears one answer.
private final class OneAnswer: WebSocketClientHandler {
    let question: [UInt8]
    var answer: [UInt8]?
    var end: WebSocketEnd?

    init(_ question: [UInt8]) { self.question = question }

    func webSocketOpened(_ client: WebSocketClient) { client.send(text: question) }
    func webSocket(_ client: WebSocketClient, received message: [UInt8]) {
        answer = message
        client.close()
    }
    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) { self.end = end }
}

extension Live {
    @Suite("compressed chat")
    struct Compression {
        private let content = String(repeating: "grün ist jede Theorie, ", count: 40)

        @Test("a message reaches those who compress and those who do not, framed for each")
        func broadcast() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let plain = try node.join(room, as: "plain")
            let members = try ["a", "b"].map { name in
                let socket = try CompressedSocket(node)
                #expect(socket.agreed.map(\.name) == ["permessage-deflate"])
                let filler = String(repeating: " ", count: 300)
                try socket.send(
                    "join_room", ["room_id": room, "username": name, "filler": filler])
                _ = try socket.wait(for: "join_room_success")
                return socket
            }
            try members[0].send(
                "send_message", ["room_id": room, "username": "a", "content": content])
            #expect(try plain.wait(for: "new_message").text("content") == content)
            for member in members {
                let (message, isCompressed) = try member.wait(for: "new_message")
                #expect(message.text("content") == content)
                #expect(isCompressed)
            }
            // What is short stays as it is.
            members[1].send(.text, Array(#"{"type":"dance"}"#.utf8))
            let (error, isCompressed) = try members[1].wait(for: "error")
            #expect(error.text("message") == "Unknown message type: dance")
            #expect(!isCompressed)
        }

        private typealias Case = (
            what: String, code: UInt16, act: @Sendable (CompressedSocket) throws -> Void
        )

        private static func deflated(_ bytes: [UInt8]) throws -> [UInt8] {
            try #require(MessageDeflate().deflated(bytes))
        }

        private static let cases: [Case] = [
            (
                "a bomb", 1009,
                {
                    $0.send(
                        .text, try deflated([UInt8](repeating: 0x20, count: 12 << 20)), rsv1: true)
                }
            ),
            (
                "a bomb in fragments, of bytes", 1009,
                {
                    let bomb = try deflated([UInt8](repeating: 0, count: 12 << 20))
                    $0.send(.binary, Array(bomb.prefix(999)), isFinal: false, rsv1: true)
                    $0.send(.continuation, Array(bomb.dropFirst(999)))
                }
            ),
            (
                "one byte over the limit", 1009,
                { $0.send(.text, try deflated([UInt8](repeating: 65, count: 65_537)), rsv1: true) }
            ),
            (
                "a stream that is cut", 1007,
                {
                    let bytes = try deflated((0..<900).map { UInt8(65 + $0 * $0 % 31) })
                    $0.send(.text, Array(bytes.dropLast(30)), rsv1: true)
                }
            ),
            ("an empty stream", 1007, { $0.send(.text, [], rsv1: true) }),
            ("what is no stream", 1007, { $0.send(.text, Array("plain".utf8), rsv1: true) }),
            (
                "invalid UTF-8 inside", 1007,
                { $0.send(.text, try deflated([UInt8](repeating: 0xC3, count: 300)), rsv1: true) }
            ),
            (
                "the bit on a continuation", 1002,
                {
                    $0.send(.text, [], isFinal: false, rsv1: true)
                    $0.send(.continuation, [0], rsv1: true)
                }
            ),
            ("the bit on a ping", 1002, { $0.send(.ping, [], rsv1: true) }),
            ("the bit on a close", 1002, { $0.send(.close, [], rsv1: true) }),
        ]

        @Test("what cannot be inflated within the limit closes with its code, and others go on")
        func hostile() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let before = try #require(node.process?.memory("VmHWM"))
            for (what, code, act) in Self.cases {
                let socket = try CompressedSocket(node)
                try act(socket)
                // Nothing that stands behind it counts.
                socket.send(.text, Array(#"{"type":"dance"}"#.utf8))
                #expect(try socket.waitForClose() == code, "\(what)")
            }
            let after = try #require(node.process?.memory("VmHWM"))
            #expect(after - before < 8 << 20, "a bomb took memory")
            try node.expectService(in: room)
        }

        @Test("compression can be switched off")
        func switchedOff() throws {
            let cluster = try Cluster(1, starts: false)
            let node = cluster.nodes[0]
            node.environment["WEBSOCKET_DEFLATE"] = "off"
            try cluster.start()
            let socket = try CompressedSocket(node)
            #expect(socket.agreed == [])
            socket.send(.text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], rsv1: true)
            #expect(try socket.waitForClose() == 1002)
        }

        @Test("our own client compresses and inflates")
        func ownClient() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let url = try #require(WebSocketURL("ws://127.0.0.1:\(node.ports.webSocket)"))
            for offers in [true, false] {
                var question: [UInt8] = []
                ChatJSON.encode(
                    .createRoom(name: "room \(offers)", creator: "c", description: content),
                    into: &question)
                let loop = Loop()
                let handler = OneAnswer(question)
                _ = WebSocketClient(
                    loop: loop, url: url, limitMilliseconds: 20_000, offersCompression: offers,
                    handler: handler)
                #expect(run(loop, seconds: 30) { handler.end != nil })
                loop.shutDown()
                let answer = try #require(handler.answer.flatMap { WireMessage($0) })
                #expect(answer.type == "room_created")
                #expect(answer.text("room_name") == "room \(offers)")
                #expect(handler.end == .closed(.normal, reason: ""))
            }
        }

        /// Talks to a node with Python's `websockets`, which compresses whatever it sends.
        private static let script = """
            import asyncio, json, sys, websockets

            async def main(url, room, content):
                async with websockets.connect(url, compression="deflate") as socket:
                    assert [e.name for e in socket.extensions] == ["permessage-deflate"]

                    def text(type, **data):
                        return json.dumps({"type": type, "data": data})

                    async def wait(type):
                        while True:
                            message = json.loads(await asyncio.wait_for(socket.recv(), 20))
                            if message["type"] == type:
                                return message["data"]

                    await socket.send(text("join_room", room_id=room, username="python"))
                    await wait("join_room_success")
                    for number in range(20):
                        said = content + str(number)
                        request = text("send_message", room_id=room, username="python", content=said)
                        half = len(request) // 2
                        if number % 2:
                            await socket.send([request[:half], request[half:]])
                        else:
                            await socket.send(request)
                        heard = await wait("new_message")
                        assert heard["content"] == said, heard
                        assert heard["sequence_number"] == number + 1, heard
                print("all heard")

            asyncio.run(main(*sys.argv[1:]))
            """

        @Test("a Python client that compresses everything is understood and understands")
        func python() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let directory = TemporaryDirectory()
            let output = directory.path + "/output"
            let process = try ChildProcess(
                "/usr/bin/python3",
                ["-c", Self.script, "ws://127.0.0.1:\(node.ports.webSocket)", room, content],
                environment: [:], output: output)
            let end = try process.waitForEnd(within: 60)
            let said = String(decoding: contents(of: output), as: UTF8.self)
            #expect(end == .exited(0), "\(said)")
            #expect(said == "all heard\n")
        }
    }
}
