import EdgeCodecs
import Testing

@testable import Protocols

private typealias Input = WebSocketParser.Input

private let mask = WebSocketMask(0x37FA_213D)

/// A client's frame; `rsv1` says that a message begins here that is compressed.
private func frame(
    _ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true, rsv1: Bool = false
) -> [UInt8] {
    var bytes = WebSocketFrame.encoded(opcode, payload, isFinal: isFinal, mask: mask)
    if rsv1 { bytes[0] |= 0x40 }
    return bytes
}

@Suite("WebSocket compression: agreeing")
struct WebSocketDeflateNegotiationTests {
    private func list(_ values: String...) -> [WebSocketExtension]? {
        var fields = HTTPFields()
        for value in values { fields.append("sec-websocket-extensions", value) }
        return WebSocketExtension.list(in: fields)
    }

    /// What a server answers to this field; `-` when it declines.
    private func answer(_ offer: String) -> String {
        list(offer).map { WebSocketDeflate.answer(to: $0)?.encoded ?? "-" } ?? "malformed"
    }

    private static let agreed =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    @Test("a list of extensions is read over several fields, with quotes, spaces and empty places")
    func lists() {
        #expect(list() == [])
        #expect(
            list(" , A ;b=\"c\\d\" ; E ,,f", "G;h=1\t")
                == [
                    WebSocketExtension("a", [.init("b", "cd"), .init("e")]),
                    WebSocketExtension("f"), WebSocketExtension("g", [.init("h", "1")]),
                ])
    }

    @Test(
        "a field that is no list of extensions fails the handshake (RFC 6455 9.1)",
        arguments: [
            "", ",", ";", "a b", "a;", "a;b=", "a;=c", "a;b=c d", "a;b=\"", "a;b=\"\"",
            "a;b=\"c", "a;b=\"c d\"", "a;b=\"c\\", "a;b=\"c\"d", "a=b", "a;b==c", "a, b;", "(a)",
            "a;b=c;", "é",
        ])
    func malformed(value: String) throws {
        #expect(list(value) == nil)
        #expect(list("a", value) == nil)
        let request = HTTPRequest(
            method: .get, target: "/", host: "a",
            fields: [
                "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Extensions": value,
            ])
        #expect(throws: WebSocketRefusal.badExtensions) {
            try WebSocketHandshake.answer(to: request)
        }
    }

    @Test("every offer that can be kept is taken without context takeover (RFC 7692 7.1)")
    func offers() {
        for offer in [
            "permessage-deflate", "Permessage-Deflate; Client_No_Context_Takeover",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=8; server_no_context_takeover",
            "permessage-deflate; client_max_window_bits=\"15\"",
            "x-unknown; a=b, permessage-deflate, permessage-deflate; server_max_window_bits=10",
        ] {
            #expect(answer(offer) == Self.agreed)
        }
        let bounded = Self.agreed + "; server_max_window_bits=12"
        #expect(answer("permessage-deflate; server_max_window_bits=15") == bounded)
        #expect(
            answer(
                "permessage-deflate; server_max_window_bits=9, "
                    + "permessage-deflate; server_max_window_bits=12") == bounded)
    }

    @Test(
        "an offer with wrong parameters is declined, and the next one is looked at",
        arguments: [
            "server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16",
            "server_max_window_bits=012", "server_max_window_bits=+12",
            "server_max_window_bits=1e1",
            "client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=015",
            "client_max_window_bits=x", "server_no_context_takeover=1",
            "client_no_context_takeover=\"true\"", "unknown", "unknown=1",
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover; client_no_context_takeover",
            "client_max_window_bits; client_max_window_bits=10",
            "server_max_window_bits=12; server_max_window_bits=13",
            // Right, but less than what is sent needs.
            "server_max_window_bits=8", "server_max_window_bits=11",
        ])
    func declined(parameters: String) {
        #expect(answer("permessage-deflate; \(parameters)") == "-")
        #expect(answer("permessage-deflate; \(parameters), permessage-deflate") == Self.agreed)
        #expect(answer("x-webkit-deflate-frame; \(parameters)") == "-")
    }

    @Test("a client takes an answer that keeps its offer's terms, and no other")
    func answers() throws {
        let key = "dGhlIHNhbXBsZSBub25jZQ=="
        func accepts(_ extensions: [String], offered: Bool = true) throws -> [Bool] {
            var fields: HTTPFields = [
                "Upgrade": "websocket",
                "Sec-WebSocket-Accept": WebSocketHandshake.acceptance(of: key),
            ]
            for value in extensions { fields.append(WebSocketExtension.field, value) }
            let bytes = HTTPResponse(.switchingProtocols, fields: fields).encoded(keepsAlive: true)
            let reply = try #require(try UpgradeReply.read(bytes))
            return [
                WebSocketHandshake.accepts(reply, key: key, offeredCompression: offered),
                WebSocketHandshake.agreesToCompression(reply),
            ]
        }
        #expect(try accepts([]) == [true, false])
        #expect(try accepts([], offered: false) == [true, false])
        #expect(try accepts([Self.agreed]) == [true, true])
        #expect(try accepts([Self.agreed], offered: false) == [false, true])
        let anew = "permessage-deflate; server_no_context_takeover"
        #expect(try accepts([anew]) == [true, true])
        #expect(try accepts([anew + "; server_max_window_bits=8"]) == [true, true])
        for wrong in [
            "permessage-deflate", "x-other", anew + ", x-other", anew + "; unknown",
            anew + "; client_max_window_bits=15", anew + "; client_max_window_bits",
            anew + "; server_max_window_bits=7", anew + "; server_no_context_takeover", ",", "",
        ] {
            #expect(try accepts([wrong]) == [false, false], "\(wrong)")
        }
        #expect(try accepts([anew, anew]) == [false, false])
    }
}

@Suite("WebSocket compression: frames")
struct WebSocketDeflateFrameTests {
    private func parse(_ segments: [[UInt8]], limit: Int = 65_536) throws -> [Input] {
        var parser = WebSocketParser(
            role: .server, maximumMessageBytes: limit, allowsCompression: true)
        var inputs: [Input] = []
        for segment in segments {
            parser.feed(segment)
            while let input = try parser.next() { inputs.append(input) }
        }
        return inputs
    }

    @Test("a message is compressed when its first frame says so, whole, in fragments and in bytes")
    func messages() throws {
        let bytes =
            frame(.text, [0xFF, 1], rsv1: true) + frame(.text, [0x61])
            + frame(.binary, [2], isFinal: false, rsv1: true) + frame(.ping, [9])
            + frame(.continuation, [0xC0], isFinal: false) + frame(.continuation, [])
            + frame(.text, [0x62], isFinal: false) + frame(.continuation, [0x63])
            + frame(.text, [], rsv1: true)
        let inputs: [Input] = [
            .compressed(.text, [0xFF, 1]), .text([0x61]), .ping([9]),
            .compressed(.binary, [2, 0xC0]), .text([0x62, 0x63]), .compressed(.text, []),
        ]
        #expect(try parse([bytes]) == inputs)
        #expect(try parse(bytes.map { [$0] }) == inputs)
        #expect(
            WebSocketFrame.encoded(.text, [1], isCompressed: true, mask: mask)
                == frame(.text, [1], rsv1: true))
    }

    @Test(
        "the bit on a continuation or a control frame breaks the protocol (RFC 7692 6.1)",
        arguments: [
            frame(.text, [1], isFinal: false, rsv1: true) + frame(.continuation, [], rsv1: true),
            frame(.text, [0x61], isFinal: false) + frame(.continuation, [], rsv1: true),
            frame(.ping, [], rsv1: true), frame(.pong, [], rsv1: true),
            frame(.close, [], rsv1: true), [0xA1], [0x91], [0xE1], [0xD1], [0xF1],
        ])
    func misuse(bytes: [UInt8]) {
        #expect(throws: WebSocketError.reservedBits) { try parse([bytes]) }
        #expect(throws: WebSocketError.reservedBits) { try parse(bytes.map { [$0] }) }
    }

    @Test("the message limit holds for the compressed bytes too")
    func limit() throws {
        let bytes = frame(.text, [1, 2], isFinal: false, rsv1: true) + frame(.continuation, [3])
        #expect(try parse([bytes], limit: 3) == [.compressed(.text, [1, 2, 3])])
        #expect(throws: WebSocketError.messageTooBig) { try parse([bytes], limit: 2) }
    }
}

@Suite("WebSocket compression: the client's connection")
struct WebSocketDeflateEdgeTests {
    private static let handshake =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

    private func opened(
        _ field: String, allowed: Bool = true
    ) -> (edge: ClientEdge, effects: [EdgeEffect]) {
        var edge = ClientEdge(
            kind: .webSocket, limits: EdgeLimits(allowsCompression: allowed), at: .zero)
        let request = Self.handshake + field + "\r\n"
        let effects = step(&edge, .received(Array(request.utf8)))
        return (edge, effects)
    }

    private func step(_ edge: inout ClientEdge, _ event: EdgeEvent) -> [EdgeEffect] {
        var out = Outbox<EdgeEffect>()
        edge.step(event, at: .zero, into: &out)
        return out.effects
    }

    private let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

    @Test("compression is agreed on when it is offered and allowed")
    func agreeing() {
        func answer(_ fields: String) -> [EdgeEffect] {
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            return [.write(Array((head + fields + "Connection: Upgrade\r\n\r\n").utf8)), .opened]
        }
        let agreed = opened(offer)
        #expect(agreed.edge.allowsCompression)
        #expect(
            agreed.effects
                == answer(
                    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                        + "client_no_context_takeover\r\n"))
        let notOffered = opened("")
        #expect(!notOffered.edge.allowsCompression)
        #expect(notOffered.effects == answer(""))
        let notAllowed = opened(offer, allowed: false)
        #expect(!notAllowed.edge.allowsCompression)
        #expect(notAllowed.effects == answer(""))
        let malformed = opened("Sec-WebSocket-Extensions: ;\r\n")
        let refusal = WebSocketRefusal.badExtensions.response
        #expect(
            malformed.effects == [
                .write(refusal.encoded(keepsAlive: false)), .refused(.badRequest), .endOutput,
            ])
    }

    @Test("a compressed message is handed out, and one that nobody agreed on ends it with 1002")
    func messages() {
        var (edge, _) = opened(offer)
        let message = frame(.text, [1, 2], rsv1: true)
        #expect(
            step(&edge, .received(message + frame(.text, [0x61])))
                == [.compressed(.text, [1, 2]), .text([0x61])])
        var (plain, _) = opened("")
        let close = WebSocketFrame.close(.protocolError, reason: "reserved bits are set")
        #expect(
            step(&plain, .received(message)) == [
                .write(close), .closed(.protocolError), .endOutput,
            ])
    }

    @Test("a message that cannot be used closes with its code, unless a close stood behind it")
    func unreadable() {
        for (error, code) in [
            (WebSocketError.badCompression, WebSocketCloseCode.invalidData),
            (.messageTooBig, .messageTooBig), (.invalidUTF8, .invalidData),
        ] {
            var (edge, _) = opened(offer)
            let close = WebSocketFrame.close(code, reason: error.explanation)
            #expect(
                step(&edge, .unreadable(error)) == [.write(close), .closed(code), .endOutput])
            #expect(step(&edge, .unreadable(error)) == [])
            #expect(!edge.isOpen)
            var (closing, _) = opened(offer)
            _ = step(&closing, .close(.goingAway, reason: ""))
            #expect(step(&closing, .unreadable(error)) == [])
            var (over, _) = opened(offer)
            _ = step(&over, .received(frame(.text, [7], rsv1: true) + frame(.close, [])))
            #expect(step(&over, .unreadable(error)) == [])
        }
        var reading = ClientEdge(kind: .http, at: .zero)
        #expect(step(&reading, .unreadable(.badCompression)) == [])
    }
}

@Suite("WebSocket compression: zlib")
struct MessageDeflateTests {
    private let codec = MessageDeflate()

    private func error(_ bytes: [UInt8], limit: Int = 65_536) -> WebSocketError? {
        do {
            _ = try codec.inflatedText(bytes, limit: limit)
            return nil
        } catch { return error }
    }

    @Test("the examples of RFC 7692 7.2.3 are read")
    func examples() throws {
        let hello = Array("Hello".utf8)
        for bytes: [UInt8] in [
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],  // 7.2.3.1
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],  // 7.2.3.3
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],  // 7.2.3.4, a final block
            [
                0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
            ],  // 7.2.3.5, two blocks
        ] {
            #expect(try codec.inflated(bytes, limit: 5) == hello)
            #expect(error(bytes, limit: 4) == .messageTooBig)
        }
        #expect(try codec.inflated([0x00], limit: 0) == [])  // 7.2.3.6, empty
        // The second message of 7.2.3.2 refers to the first, and nothing of that is kept.
        #expect(error([0xF2, 0x00, 0x11, 0x00, 0x00]) == .badCompression)
    }

    @Test("messages of every length come back as they were, through blocks of any size")
    func roundTrips() throws {
        var prng = Prng(seed: 7692)
        for length in [256, 257, 1000, 4096, 16_383, 16_384, 16_385, 65_536, 300_000] {
            let alphabet = prng.int(in: 2..<60)
            let message = (0..<length).map { _ in UInt8(32 + prng.int(in: 0..<alphabet)) }
            let deflated = try #require(codec.deflated(message))
            #expect(deflated.count < message.count)
            #expect(try codec.inflatedText(deflated, limit: length) == message)
            #expect(error(deflated, limit: length - 1) == .messageTooBig)
        }
    }

    @Test("what is short or would not become shorter is sent as it is")
    func notWorthIt() {
        #expect(codec.deflated([UInt8](repeating: 7, count: 255)) == nil)
        #expect(codec.deflated([UInt8](repeating: 7, count: 256)) != nil)
        var prng = Prng(seed: 1)
        let noise = (0..<40_000).map { _ in UInt8(truncatingIfNeeded: prng.next()) }
        #expect(codec.deflated(noise) == nil)
        // The codec is as good as new afterwards.
        #expect(codec.deflated([UInt8](repeating: 7, count: 256)) != nil)
    }

    @Test("a bomb is stopped at the limit, however small it comes")
    func bomb() throws {
        let bomb = try #require(codec.deflated([UInt8](repeating: 0x41, count: 60 << 20)))
        #expect(bomb.count * 200 < 60 << 20)
        #expect(error(bomb) == .messageTooBig)
        #expect(error(bomb, limit: 0) == .messageTooBig)
        #expect(error([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]) == nil)
    }

    @Test("a text is checked for UTF-8 after it is inflated")
    func text() throws {
        let text = Array(String(repeating: "grün €", count: 60).utf8)
        let cut = Array(text.dropLast())
        #expect(error(try #require(codec.deflated(text))) == nil)
        #expect(error(try #require(codec.deflated(cut))) == .invalidUTF8)
        #expect(error(try #require(codec.deflated([0xC3, 0x28] + text))) == .invalidUTF8)
        let deflated = try #require(codec.deflated(cut))
        #expect(try codec.inflated(deflated, limit: 65_536) == cut)
    }

    @Test("a stream that is cut, damaged or junk is refused or yields something, and never traps")
    func damage() throws {
        var prng = Prng(seed: 1951)
        let text = (0..<600).map { _ in UInt8(97 + prng.int(in: 0..<20)) }
        let deflated = try #require(codec.deflated(text))
        for count in 0..<deflated.count {
            // A cut inside the last, empty block may leave the text itself whole.
            let cut = Array(deflated[..<count])
            if let result = try? codec.inflated(cut, limit: 600) {
                #expect(count == deflated.count - 1 && result == text)
            }
        }
        #expect(error([]) == .badCompression)
        #expect(error([0x07]) == .badCompression)  // a reserved kind of block
        #expect(error([0x00, 0x05, 0x00, 0x00, 0x00]) == .badCompression)  // lengths that differ
        for _ in 0..<3_000 {
            var bytes = deflated
            for _ in 0...prng.int(in: 0..<4) {
                bytes[prng.int(in: 0..<bytes.count)] = UInt8(truncatingIfNeeded: prng.next())
            }
            if let result = try? codec.inflated(bytes, limit: 1000) {
                #expect(result.count <= 1000)
            }
        }
        #expect(try codec.inflated(deflated, limit: 600) == text)
    }
}
