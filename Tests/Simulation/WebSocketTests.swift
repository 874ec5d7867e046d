import Testing

@testable import Protocols

private typealias Input = WebSocketParser.Input

/// What a parser made of some input: the messages and, if it gave up, why.
private struct Parsed: Equatable {
    var inputs: [Input] = []
    var error: WebSocketError?
}

private func parse(
    _ segments: [[UInt8]], role: WebSocketParser.Role = .server, limit: Int = 65_536
) -> Parsed {
    var parser = WebSocketParser(role: role, maximumMessageBytes: limit)
    var parsed = Parsed()
    for segment in segments {
        parser.feed(segment)
        do {
            while let input = try parser.next() { parsed.inputs.append(input) }
        } catch {
            parsed.error = error
            return parsed
        }
    }
    return parsed
}

private let mask = WebSocketMask(0x37FA_213D)

private func masked(
    _ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true
) -> [UInt8] {
    WebSocketFrame.encoded(opcode, payload, isFinal: isFinal, mask: mask)
}

private func masked(_ opcode: WebSocketOpcode, _ text: String, isFinal: Bool = true) -> [UInt8] {
    masked(opcode, Array(text.utf8), isFinal: isFinal)
}

@Suite("WebSocket frames")
struct WebSocketParserTests {
    @Test("the examples of RFC 6455 5.7 are read and written")
    func examples() {
        let hello = Array("Hello".utf8)
        let single: [UInt8] = [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]
        let singleMasked: [UInt8] = [
            0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ]
        #expect(parse([single], role: .client) == Parsed(inputs: [.text(hello)]))
        #expect(parse([singleMasked]) == Parsed(inputs: [.text(hello)]))
        #expect(WebSocketFrame.encoded(.text, hello) == single)
        #expect(WebSocketFrame.encoded(.text, hello, mask: mask) == singleMasked)
        let fragments: [UInt8] = [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F]
        #expect(parse([fragments], role: .client) == Parsed(inputs: [.text(hello)]))
        let ping: [UInt8] = [0x89, 0x05] + hello
        let pong: [UInt8] = [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(parse([ping], role: .client) == Parsed(inputs: [.ping(hello)]))
        #expect(parse([pong]) == Parsed(inputs: [.pong(hello)]))
        let short = [UInt8](repeating: 7, count: 256)
        #expect(WebSocketFrame.encoded(.binary, short) == [0x82, 0x7E, 0x01, 0x00] + short)
        let long = [UInt8](repeating: 7, count: 65_536)
        let longFrame = [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + long
        #expect(WebSocketFrame.encoded(.binary, long) == longFrame)
        #expect(parse([longFrame], role: .client) == Parsed(inputs: [.binary(long)]))
    }

    @Test("control frames may stand between fragments (RFC 6455 5.4)")
    func interleaving() {
        let bytes =
            masked(.text, "a", isFinal: false) + masked(.ping, "p")
            + masked(.continuation, "", isFinal: false) + masked(.pong, "q")
            + masked(.continuation, "b") + masked(.binary, [0, 255]) + masked(.text, "")
        #expect(
            parse([bytes])
                == Parsed(inputs: [
                    .ping([0x70]), .pong([0x71]), .text([0x61, 0x62]), .binary([0, 255]), .text([]),
                ]))
    }

    @Test(
        "frames that break the protocol are refused",
        arguments: [
            ([0xC1], .reservedBits), ([0xA1], .reservedBits), ([0x91], .reservedBits),
            ([0x83], .reservedOpcode), ([0x87], .reservedOpcode), ([0x8B], .reservedOpcode),
            ([0x8F], .reservedOpcode), ([0x80], .unexpectedContinuation),
            ([0x00], .unexpectedContinuation), ([0x09], .fragmentedControl),
            ([0x08], .fragmentedControl), ([0x81, 0x05], .missingMask),
            ([0x89, 0xFE], .oversizeControl), ([0x88, 0xFF], .oversizeControl),
            ([0x81, 0xFE, 0, 125], .badLength),
            ([0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .badLength),
            ([0x82, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0], .badLength),
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1], .messageTooBig),
            ([0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255], .messageTooBig),
            ([0x01, 0x80, 0, 0, 0, 0, 0x81], .interleavedMessage),
            ([0x01, 0x80, 0, 0, 0, 0, 0x02], .interleavedMessage),
            ([0x88, 0x81, 0, 0, 0, 0, 3], .badClose),
        ] as [([UInt8], WebSocketError)])
    func refused(bytes: [UInt8], error: WebSocketError) {
        // The verdict comes with the last byte needed for it and not later.
        #expect(parse([bytes]) == Parsed(error: error))
        #expect(parse(bytes.map { [$0] }) == Parsed(error: error))
        #expect(parse([Array(bytes.dropLast())]).error == nil)
        #expect(parse([bytes + [1, 2, 3]]) == Parsed(error: error))
    }

    @Test("a client refuses a masked frame (RFC 6455 5.1)")
    func clientRefusesMask() {
        #expect(parse([masked(.text, "x")], role: .client) == Parsed(error: .unexpectedMask))
    }

    @Test("the message limit counts all fragments")
    func limit() {
        let bytes = masked(.text, "abc", isFinal: false) + masked(.continuation, "de")
        #expect(parse([bytes], limit: 5) == Parsed(inputs: [.text(Array("abcde".utf8))]))
        #expect(parse([bytes], limit: 4) == Parsed(error: .messageTooBig))
    }

    @Test("close codes and reasons are checked (RFC 6455 7.4)")
    func closeCodes() {
        func close(_ code: UInt16, _ reason: [UInt8] = []) -> Parsed {
            parse([masked(.close, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)])
        }
        for code: UInt16 in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999] {
            #expect(
                close(code, [0x6F, 0x6B])
                    == Parsed(inputs: [.close(WebSocketCloseCode(code), reason: "ok")]))
        }
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            #expect(close(code) == Parsed(error: .badClose))
        }
        #expect(close(1000, [0xCE]) == Parsed(error: .invalidUTF8))
        #expect(parse([masked(.close, "")]) == Parsed(inputs: [.close(nil, reason: "")]))
        let afterwards = masked(.close, "") + masked(.text, "x") + [0xFF]
        #expect(parse([afterwards]) == Parsed(inputs: [.close(nil, reason: "")]))
        #expect(parse(afterwards.map { [$0] }) == Parsed(inputs: [.close(nil, reason: "")]))
    }

    @Test("a close frame's reason is cut between characters")
    func longReason() {
        let frame = WebSocketFrame.close(.normal, reason: String(repeating: "€", count: 60))
        #expect(frame.count == 2 + 2 + 123)
        #expect(
            parse([frame], role: .client)
                == Parsed(inputs: [.close(.normal, reason: String(repeating: "€", count: 41))]))
        #expect(WebSocketFrame.close(nil) == [0x88, 0])
    }

    @Test("a mask fits at every position and length")
    func masking() {
        let payload = (0..<70).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        for length in 0...payload.count {
            let frame = masked(.binary, Array(payload[..<length]))
            #expect(parse([frame]) == Parsed(inputs: [.binary(Array(payload[..<length]))]))
            for place in 6...frame.count {
                #expect(
                    parse([Array(frame[..<place]), Array(frame[place...])])
                        == Parsed(inputs: [.binary(Array(payload[..<length]))]))
            }
            #expect(
                parse(frame.map { [$0] }) == Parsed(inputs: [.binary(Array(payload[..<length]))]))
        }
    }

    @Test("random conversations, some damaged, never trap and never depend on segmentation")
    func fuzz() {
        var prng = Prng(seed: 6455)
        for round in 0..<4_000 {
            var bytes: [UInt8] = []
            for _ in 0..<prng.int(in: 1..<8) {
                let opcode = WebSocketOpcode.allCases[prng.int(in: 0..<6)]
                let most = opcode.isControl ? 125 : 300
                let letters: Range<Int> = opcode == .binary ? 0..<256 : 32..<127
                let payload = (0..<prng.int(in: 0..<most)).map { _ in
                    UInt8(prng.int(in: letters))
                }
                let isFinal = opcode.isControl || prng.chance(2, in: 3)
                let key = WebSocketMask(UInt32(truncatingIfNeeded: prng.next()))
                bytes += WebSocketFrame.encoded(opcode, payload, isFinal: isFinal, mask: key)
            }
            if round % 2 == 0 {
                bytes[prng.int(in: 0..<bytes.count)] = UInt8(truncatingIfNeeded: prng.next())
            }
            if round % 20 == 0 { bytes = bytes.map { _ in UInt8(truncatingIfNeeded: prng.next()) } }
            let whole = parse([bytes], limit: 500)
            #expect(parse(cut(bytes, &prng), limit: 500) == whole)
            let client = parse([bytes], role: .client, limit: 500)
            #expect(parse(cut(bytes, &prng), role: .client, limit: 500) == client)
        }
    }
}

@Suite("WebSocket text")
struct WebSocketTextTests {
    /// Each with the number of bytes after which it must have failed.
    static let invalid: [([UInt8], Int)] = [
        ([0x80], 1), ([0xBF], 1), ([0x80, 0xBF, 0x80], 1),  // continuations alone
        ([0xC0, 0xAF], 1), ([0xC1, 0xBF], 1), ([0xE0, 0x80, 0xAF], 2),  // overlong
        ([0xE0, 0x9F, 0xBF], 2), ([0xF0, 0x80, 0x80, 0xAF], 2), ([0xF0, 0x8F, 0xBF, 0xBF], 2),
        ([0xF8, 0x88, 0x80, 0x80, 0x80], 1), ([0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], 1),
        ([0xED, 0xA0, 0x80], 2), ([0xED, 0xAD, 0xBF], 2), ([0xED, 0xBF, 0xBF], 2),  // surrogates
        ([0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80], 2), ([0xED, 0xAF, 0xBF, 0xED, 0xBF, 0xBF], 2),
        ([0xF4, 0x90, 0x80, 0x80], 2), ([0xF5, 0x80, 0x80, 0x80], 1),  // past U+10FFFF
        ([0xF7, 0xBF, 0xBF, 0xBF], 1), ([0xFE], 1), ([0xFF], 1), ([0xFE, 0xFE, 0xFF, 0xFF], 1),
        ([0xC2, 0x41], 2), ([0xE2, 0x82, 0x41], 3), ([0xF0, 0x9F, 0x98, 0x41], 4),  // cut short
        ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5, 0xED, 0xA0, 0x80], 13),
        ([0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xFF], 10),
    ]

    static let valid: [[UInt8]] = [
        Array("κόσμε".utf8), [0x00], [0x7F], [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80],
        [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80],
        [0xF4, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98, 0x80], [0xEF, 0xB7, 0x90],
        Array("Hello-µ@ßöäüàá-UTF-8!! and eight more".utf8),
    ]

    /// The number of bytes after which a text fails, fed byte by byte in one frame; nil if valid.
    private func failure(_ text: [UInt8], in parser: inout WebSocketParser) -> Int? {
        let frame = masked(.text, text + [0x61], isFinal: false)
        for (index, byte) in frame.enumerated() {
            parser.feed([byte])
            do { _ = try parser.next() } catch { return error == .invalidUTF8 ? index - 5 : -1 }
        }
        return nil
    }

    @Test("an invalid text fails at its first wrong byte", arguments: invalid)
    func failsFast(text: [UInt8], position: Int) {
        var parser = WebSocketParser(role: .server)
        #expect(failure(text, in: &parser) == position)
        #expect(parse([masked(.text, text)]) == Parsed(error: .invalidUTF8))
        // One byte in each fragment.
        var fragments: [UInt8] = []
        for (index, byte) in text.enumerated() {
            fragments += masked(index == 0 ? .text : .continuation, [byte], isFinal: false)
        }
        #expect(parse([fragments]) == Parsed(error: .invalidUTF8))
        #expect(parse([masked(.binary, text)]) == Parsed(inputs: [.binary(text)]))
    }

    @Test("a valid text passes whole, in fragments and in bytes", arguments: valid)
    func passes(text: [UInt8]) {
        #expect(parse([masked(.text, text)]) == Parsed(inputs: [.text(text)]))
        var fragments: [UInt8] = []
        for (index, byte) in text.enumerated() {
            fragments += masked(index == 0 ? .text : .continuation, [byte], isFinal: false)
        }
        fragments += masked(.continuation, [])
        #expect(parse([fragments]) == Parsed(inputs: [.text(text)]))
        #expect(parse(fragments.map { [$0] }) == Parsed(inputs: [.text(text)]))
    }

    @Test("a text that ends inside a character is invalid, at the end of the message alone")
    func truncated() {
        for text in WebSocketTextTests.valid where text.last! >= 0x80 {
            let short = Array(text.dropLast())
            #expect(parse([masked(.text, short)]) == Parsed(error: .invalidUTF8))
            #expect(parse([masked(.text, short, isFinal: false)]) == Parsed())
        }
    }

    @Test("the validator agrees with the standard library")
    func agreesWithStandardLibrary() {
        var prng = Prng(seed: 3629)
        let pieces = WebSocketTextTests.valid + WebSocketTextTests.invalid.map(\.0)
        for _ in 0..<3_000 {
            var text: [UInt8] = []
            for _ in 0..<prng.int(in: 1..<5) {
                let from = prng.chance(1, in: 6) ? pieces : WebSocketTextTests.valid
                text += from[prng.int(in: 0..<from.count)]
            }
            if prng.chance(1, in: 4) {
                text[prng.int(in: 0..<text.count)] = UInt8(truncatingIfNeeded: prng.next())
            }
            let isValid = String(validating: text, as: UTF8.self) != nil
            #expect(parse([masked(.text, text)]).error == (isValid ? nil : .invalidUTF8))
        }
    }
}

@Suite("WebSocket handshake")
struct WebSocketHandshakeTests {
    private func request(
        _ fields: HTTPFields, method: HTTPMethod = .get, version: HTTPVersion = .http11,
        body: [UInt8] = []
    ) -> HTTPRequest {
        HTTPRequest(
            method: method, version: version, target: "/", host: "a", fields: fields, body: body)
    }

    private let good: HTTPFields = [
        "Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
    ]

    private func refusal(_ request: HTTPRequest) -> WebSocketRefusal? {
        do {
            _ = try WebSocketHandshake.answer(to: request)
            return nil
        } catch { return error }
    }

    private func fields(without name: String, plus pairs: [(String, String)] = []) -> HTTPFields {
        var fields = HTTPFields()
        for (each, value) in good.pairs where each != name { fields.append(each, value) }
        for (each, value) in pairs { fields.append(each, value) }
        return fields
    }

    @Test("the key of RFC 6455 1.3 is accepted as there")
    func acceptance() throws {
        let response = try WebSocketHandshake.answer(to: request(good))
        #expect(
            response
                == HTTPResponse(
                    .switchingProtocols,
                    fields: [
                        "Upgrade": "websocket",
                        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                    ]))
    }

    @Test("requests that are no handshake are refused with the right status")
    func refusals() {
        #expect(refusal(request([:])) == .notAnUpgrade)
        #expect(refusal(request(fields(without: "Connection"))) == .notAnUpgrade)
        #expect(refusal(request(good, version: .http10)) == .notAnUpgrade)
        #expect(refusal(request(good, method: .post)) == .wrongMethod)
        #expect(refusal(request(good, body: [1])) == .unexpectedBody)
        let version = "Sec-WebSocket-Version"
        #expect(refusal(request(fields(without: version))) == .unsupportedVersion)
        #expect(
            refusal(request(fields(without: version, plus: [(version, "8")])))
                == .unsupportedVersion)
        let key = "Sec-WebSocket-Key"
        for bad in [
            "", "abc", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZQ==x", "dGhlIHNhbXBsZSBub25jZ!==", "AAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            #expect(refusal(request(fields(without: key, plus: [(key, bad)]))) == .badKey)
        }
        #expect(
            refusal(request(fields(without: "", plus: [(key, "dGhlIHNhbXBsZSBub25jZQ==")])))
                == .badKey)
        #expect(
            WebSocketRefusal.allCases.map(\.response.status.code)
                == [426, 405, 400, 426, 400, 400])
        #expect(WebSocketRefusal.unsupportedVersion.response.fields[version] == "13")
    }

    @Test("SHA-1 and base64 agree with their standards' examples")
    func hashes() {
        func hex(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        func sha1(_ text: String) -> String { hex(WebSocketHash.sha1(Array(text.utf8))) }
        #expect(sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(sha1("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(
            sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
        let plain = ["", "f", "fo", "foo", "foob", "fooba", "foobar"]
        #expect(
            plain.map { WebSocketHash.base64(Array($0.utf8)) }
                == ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"])
    }

    @Test("a client's handshake is answered, and the answer is recognised")
    func bothSides() throws {
        var prng = Prng(seed: 1)
        let key = WebSocketHandshake.key(drawing: &prng)
        var parser = HTTP1Parser()
        parser.feed(WebSocketHandshake.request(host: "h:8081", target: "/chat", key: key))
        guard case .request(let request) = try parser.next() else {
            Issue.record("the request is not whole")
            return
        }
        let answer = try WebSocketHandshake.answer(to: request).encoded(keepsAlive: true)
        for count in answer.indices {
            #expect(try UpgradeReply.read(Array(answer[..<count])) == nil)
        }
        let reply = try #require(try UpgradeReply.read(answer + [0x81, 0]))
        #expect(reply.rest == [0x81, 0])
        #expect(WebSocketHandshake.accepts(reply, key: key))
        let other = WebSocketHandshake.key(drawing: &prng)
        #expect(!WebSocketHandshake.accepts(reply, key: other))
        let refused = try UpgradeReply.read(
            WebSocketRefusal.notAnUpgrade.response.encoded(keepsAlive: false))
        #expect(refused?.status == .upgradeRequired)
        #expect(throws: HTTP1Error.badRequestLine) {
            try UpgradeReply.read(Array("SSH-2.0-x\r\n".utf8))
        }
    }
}
