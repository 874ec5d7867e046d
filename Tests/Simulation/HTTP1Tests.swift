import Testing

@testable import Protocols

/// What a parser made of some input: the requests and, if it gave up, why.
private struct Parsed: Equatable {
    var requests: [HTTPRequest] = []
    var continues = 0
    var error: HTTP1Error?
    var rest: [UInt8] = []
}

private func parse(
    _ segments: [[UInt8]], limits: HTTP1Limits = HTTP1Limits()
) -> Parsed {
    var parser = HTTP1Parser(limits: limits)
    var parsed = Parsed()
    for segment in segments {
        parser.feed(segment)
        do {
            reading: while true {
                switch try parser.next() {
                case .needsBytes: break reading
                case .expectsContinue: parsed.continues += 1
                case .request(let request): parsed.requests.append(request)
                }
            }
        } catch {
            parsed.error = error
            return parsed
        }
    }
    parsed.rest = parser.takeRest()
    return parsed
}

private func parse(_ text: String, limits: HTTP1Limits = HTTP1Limits()) -> Parsed {
    parse([Array(text.utf8)], limits: limits)
}

private func refusal(_ text: String, limits: HTTP1Limits = HTTP1Limits()) -> HTTP1Error? {
    let whole = parse(text, limits: limits)
    let bytewise = parse(text.utf8.map { [$0] }, limits: limits)
    #expect(whole == bytewise, "segmentation changes the outcome of \(text.debugDescription)")
    return whole.error
}

private let small = HTTP1Limits(
    maximumRequestLineBytes: 40, maximumFieldBytes: 60, maximumFields: 3, maximumBodyBytes: 10)

/// Inputs of every kind, good and bad, for tests that cut them up.
private let corpus: [String] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b?c=d HTTP/1.1\r\nHost: a:80\r\nX:  y \t\r\n\r\n",
    "POST /q HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
    "POST /q HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
        + "HEAD / HTTP/1.1\r\nHost:\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:8000\r\n\r\nGET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n",
]

@Suite("HTTP/1 requests")
struct HTTP1ParserTests {
    @Test("a request is read with its fields, target and body")
    func wholeRequest() {
        let parsed = parse(
            "POST /lock/a%20b?ttl=5 HTTP/1.1\r\nHost: h:8001\r\nX-A:1\r\nx-a: \t2 \r\n"
                + "Content-Length: 3\r\n\r\nabcrest")
        #expect(parsed.error == nil)
        #expect(
            parsed.requests == [
                HTTPRequest(
                    method: .post, target: "/lock/a%20b?ttl=5", host: "h:8001",
                    fields: [
                        "Host": "h:8001", "X-A": "1", "x-a": "2", "Content-Length": "3",
                    ], body: Array("abc".utf8))
            ])
        #expect(parsed.rest == Array("rest".utf8))
        let fields = parsed.requests[0].fields
        #expect(fields["x-A"] == "1")
        #expect(fields.count(of: "X-a") == 2)
        #expect(fields["absent"] == nil)
    }

    @Test("pipelined requests come in order, chunks decoded and trailers dropped (RFC 9112 7.1)")
    func pipelining() {
        let parsed = parse(corpus[3])
        #expect(parsed.error == nil)
        #expect(parsed.requests.map(\.method) == [.post, .head])
        #expect(parsed.requests[0].body == Array("abc0123456789".utf8))
        #expect(parsed.requests[0].fields["trailer"] == nil)
        #expect(parsed.requests[1].host == "")
    }

    @Test("byte by byte and at every single cut the outcome is the same")
    func segmentation() {
        for text in corpus {
            let bytes = Array(text.utf8)
            let whole = parse([bytes])
            #expect(parse(bytes.map { [$0] }) == whole)
            for cut in bytes.indices {
                #expect(parse([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole)
            }
        }
    }

    @Test("persistence follows version and Connection (RFC 9112 9.3)")
    func keepAlive() {
        func keeps(_ version: String, _ connection: String) -> Bool? {
            parse("GET / HTTP/\(version)\r\nHost: a\r\n\(connection)\r\n").requests.first?
                .keepsAlive
        }
        #expect(keeps("1.1", "") == true)
        #expect(keeps("1.1", "Connection: foo, Close\r\n") == false)
        #expect(keeps("1.0", "") == false)
        #expect(keeps("1.0", "Connection: Keep-Alive\r\n") == true)
        #expect(keeps("1.0", "Connection: keep-alive\r\nConnection: close\r\n") == false)
        #expect(keeps("1.7", "") == true)
    }

    @Test("an absolute target overrules Host (RFC 9112 3.2.2)")
    func absoluteForm() {
        let request = parse("GET HTTP://b:81?x HTTP/1.1\r\nHost: a\r\n\r\n").requests.first
        #expect(request?.host == "b:81")
        #expect(request?.target == "/?x")
    }

    @Test("Expect: 100-continue is surfaced before the body, and never in 1.0 or without a body")
    func expectation() {
        #expect(parse(corpus[4]).continues == 1)
        #expect(parse(corpus[4]).requests.first?.body == Array("ok".utf8))
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").continues == 0)
        #expect(
            parse("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx").continues
                == 0)
    }

    @Test(
        "what two readers could take differently is refused",
        arguments: [
            ("GET / HTTP/1.1\nHost: a\n\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
            ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", .foldedField),
            ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedField),
            ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\nHost: a\r\nX\u{1}: y\r\n\r\n", .badField),
            ("GET / HTTP/1.1\r\n\r\n", .badHost),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .badHost),
            ("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", .badHost),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .badHost),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
            ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost),
            ("GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", .badHost),
            ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .badHost),
        ] as [(String, HTTP1Error)])
    func refusedHeads(text: String, error: HTTP1Error) {
        #expect(refusal(text) == error, "\(text.debugDescription)")
    }

    @Test(
        "ambiguous or wrong framing is refused (RFC 9112 6.3)",
        arguments: [
            ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", .conflictingLength),
            ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", .conflictingLength),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", .badContentLength),
            ("Content-Length: 3, 3\r\n", .badContentLength),
            ("Content-Length: +3\r\n", .badContentLength),
            ("Content-Length: -3\r\n", .badContentLength),
            ("Content-Length: 0x3\r\n", .badContentLength),
            ("Content-Length: 3 3\r\n", .badContentLength),
            ("Content-Length:\r\n", .badContentLength),
            ("Content-Length: 99999999999999999999999999\r\n", .bodyTooLarge),
            ("Transfer-Encoding: gzip\r\n", .unknownTransferCoding),
            ("Transfer-Encoding: xchunked\r\n", .unknownTransferCoding),
            ("Transfer-Encoding: gzip, chunked\r\n", .unknownTransferCoding),
            ("Transfer-Encoding: chunked, chunked\r\n", .badTransferCoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .badTransferCoding),
            ("Transfer-Encoding: chunked, identity\r\n", .badTransferCoding),
            ("Transfer-Encoding:\r\n", .badTransferCoding),
            ("Transfer-Encoding: \"chunked\"\r\n", .unknownTransferCoding),
            ("Expect: tea\r\nContent-Length: 1\r\n", .unknownExpectation),
        ] as [(String, HTTP1Error)])
    func refusedFraming(fields: String, error: HTTP1Error) {
        #expect(refusal("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\nabc") == error, "\(fields)")
    }

    @Test("chunks are refused in HTTP/1.0")
    func chunksInOldVersion() {
        #expect(
            refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                == .badTransferCoding)
    }

    @Test(
        "malformed chunks are refused",
        arguments: [
            ("\r\n", .badChunk), ("g\r\n", .badChunk), ("0x3\r\nabc\r\n", .badChunk),
            ("-1\r\n", .badChunk), (" 3\r\nabc\r\n", .badChunk), ("3 \r\nabc\r\n", .badChunk),
            ("3\nabc\r\n", .bareLineFeed), ("3\r\nabcd\r\n", .badChunk),
            ("3\r\nabc\n", .badChunk), ("3\r\nabc\r\r", .badChunk),
            ("3;\u{1}\r\nabc\r\n", .badChunk), ("0000000000000003\r\nabc\r\n", .badChunk),
            ("fffffffffffffff\r\n", .bodyTooLarge), ("ffffffffffffffff\r\n", .badChunk),
            ("3;" + String(repeating: "x", count: 300) + "\r\nabc\r\n", .badChunk),
            ("0\r\nbad trailer\r\n\r\n", .badField), ("0\r\n folded: x\r\n\r\n", .foldedField),
        ] as [(String, HTTP1Error)])
    func refusedChunks(body: String, error: HTTP1Error) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(refusal(head + body) == error, "\(body.debugDescription)")
    }

    @Test(
        "malformed request lines are refused",
        arguments: [
            ("GET /\r\n", .badRequestLine), ("GET  / HTTP/1.1\r\n", .badTarget),
            ("GET / HTTP/1.1 \r\n", .badRequestLine), (" GET / HTTP/1.1\r\n", .badRequestLine),
            ("GET /a b HTTP/1.1\r\n", .badTarget), ("GET a HTTP/1.1\r\n", .badTarget),
            ("GET /#x HTTP/1.1\r\n", .badTarget), ("GET /\u{E9} HTTP/1.1\r\n", .badTarget),
            ("GET /\u{1} HTTP/1.1\r\n", .badTarget), ("GET * HTTP/1.1\r\n", .badTarget),
            ("GET http:///x HTTP/1.1\r\n", .badTarget), ("GET / http/1.1\r\n", .badRequestLine),
            ("GET / HTTP/1.1\r\r\n", .badRequestLine), ("GET\t/ HTTP/1.1\r\n", .badRequestLine),
            ("GET / HTTP/11\r\n", .badRequestLine), ("GET / HTTP/2.0\r\n", .unsupportedVersion),
            ("PRI * HTTP/2.0\r\n", .unsupportedVersion), ("get / HTTP/1.1\r\n", .unknownMethod),
            ("CONNECT a:1 HTTP/1.1\r\n", .unknownMethod), ("\u{16}\u{3}\u{1}", .badRequestLine),
            ("\r\n\r\nGET / HTTP/1.1\r\n", .badRequestLine), ("\rGET", .badRequestLine),
        ] as [(String, HTTP1Error)])
    func refusedRequestLines(line: String, error: HTTP1Error) {
        #expect(refusal(line + "Host: a\r\n\r\n") == error, "\(line.debugDescription)")
    }

    @Test("each limit is refused one past it, and not at it")
    func limits() {
        func get(_ path: Int, _ fields: String) -> String {
            "GET /" + String(repeating: "x", count: path) + " HTTP/1.1\r\n" + fields + "\r\n"
        }
        #expect(refusal(get(26, "Host: a\r\n"), limits: small) == nil)
        #expect(refusal(get(27, "Host: a\r\n"), limits: small) == .targetTooLong)
        #expect(
            refusal("GET " + String(repeating: "x", count: 99), limits: small) == .targetTooLong)
        #expect(refusal(get(0, "Host: a\r\nA: 1\r\nB: 2\r\n"), limits: small) == nil)
        #expect(
            refusal(get(0, "Host: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n"), limits: small) == .tooManyFields)
        let long = String(repeating: "v", count: 50)
        #expect(refusal(get(0, "Host: a\r\nA: \(long)\r\n"), limits: small) == nil)
        #expect(refusal(get(0, "Host: a\r\nA: \(long)v\r\n"), limits: small) == .fieldsTooLarge)
        let post = "POST / HTTP/1.1\r\nHost: a\r\n"
        #expect(refusal(post + "Content-Length: 10\r\n\r\n0123456789", limits: small) == nil)
        #expect(refusal(post + "Content-Length: 11\r\n\r\n", limits: small) == .bodyTooLarge)
        let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
        #expect(refusal(chunked + "5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n", limits: small) == nil)
        #expect(refusal(chunked + "5\r\n01234\r\n6\r\n", limits: small) == .bodyTooLarge)
        #expect(
            refusal(chunked + "0\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\n", limits: small) == .tooManyFields)
        let extended = "1;" + String(repeating: "x", count: 28) + "\r\na\r\n"
        #expect(refusal(chunked + extended + extended, limits: small) == nil)
        #expect(refusal(chunked + extended + extended + extended, limits: small) == .bodyTooLarge)
    }

    @Test("an error is final")
    func errorIsFinal() {
        var parser = HTTP1Parser()
        parser.feed(Array("bad\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        for _ in 0..<2 {
            #expect(throws: HTTP1Error.badRequestLine) { try parser.next() }
            parser.feed(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        }
    }

    @Test("nothing past an upgrade request is read")
    func upgradeLeavesRest() throws {
        var parser = HTTP1Parser()
        parser.feed(
            Array(
                "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: p/1, Q\r\nConnection: Upgrade\r\n\r\n".utf8)
                + [0, 10, 255])
        guard case .request(let request) = try parser.next() else {
            Issue.record("no request")
            return
        }
        #expect(request.asksUpgrade(to: "q"))
        #expect(!request.asksUpgrade(to: "p"))
        #expect(parser.takeRest() == [0, 10, 255])
    }

    @Test("garbage and damaged requests never trap, however they are cut")
    func garbage() {
        var prng = Prng(seed: 9112)
        for _ in 0..<4_000 {
            var bytes = Array(corpus[prng.int(in: 0..<corpus.count)].utf8)
            for _ in 0..<prng.int(in: 0..<4) {
                let byte = UInt8(truncatingIfNeeded: prng.next())
                let place = prng.int(in: 0..<bytes.count)
                switch prng.below(3) {
                case 0: bytes[place] = byte
                case 1: bytes.insert(byte, at: place)
                default: bytes.remove(at: place)
                }
            }
            if prng.chance(1, in: 20) {
                bytes = bytes.map { _ in UInt8(truncatingIfNeeded: prng.next()) }
            }
            #expect(parse(cut(bytes, &prng)) == parse([bytes]))
        }
    }
}

/// Cuts bytes into segments of random sizes.
func cut(_ bytes: [UInt8], _ prng: inout Prng) -> [[UInt8]] {
    var segments: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
        let most = prng.chance(1, in: 3) ? 3 : 64
        let end = min(bytes.count, start + 1 + Int(prng.below(UInt64(most))))
        segments.append(Array(bytes[start..<end]))
        start = end
    }
    return segments
}

@Suite("HTTP/1 responses and targets")
struct HTTPResponseTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("a response carries its length and how the connection goes on")
    func encoding() {
        let response = HTTPResponse(.ok, fields: ["X-A": "1"], body: Array("hi".utf8))
        #expect(
            text(response.encoded(keepsAlive: true))
                == "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nhi")
        #expect(
            text(response.encoded(keepsAlive: true, version: .http10))
                == "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: keep-alive\r\n"
                + "Content-Length: 2\r\n\r\nhi"
        )
        #expect(
            text(response.encoded(keepsAlive: false, omitsBody: true))
                == "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n")
        #expect(
            text(HTTPResponse(HTTPStatus(204), body: [1]).encoded(keepsAlive: true))
                == "HTTP/1.1 204 No Content\r\n\r\n")
        #expect(
            text(
                HTTPResponse(.switchingProtocols, fields: ["Upgrade": "x"]).encoded(
                    keepsAlive: true))
                == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    }

    @Test("no value can add a field, and framing fields are the encoder's own")
    func injection() {
        let response = HTTPResponse(
            .ok, fields: ["Location": "/a\r\nSet-Cookie: b", "content-length": "99"])
        #expect(
            text(response.encoded(keepsAlive: true))
                == "HTTP/1.1 200 OK\r\nLocation: /a  Set-Cookie: b\r\nContent-Length: 0\r\n\r\n")
    }

    @Test("every refusal has a client or server error status")
    func statuses() {
        let codes = Set(HTTP1Error.allCases.map(\.status.code))
        #expect(codes == [400, 413, 414, 417, 431, 501, 502, 505])
    }

    @Test("a target is split before it is decoded (RFC 3986)")
    func targets() throws {
        let target = try HTTPTarget("/lock/a%2Fb%20c/?ttl=60&owner=al+ice%26&flag&x=1=2")
        #expect(target.segments == ["lock", "a/b c", ""])
        #expect(
            target.query == [
                HTTPParameter("ttl", "60"), HTTPParameter("owner", "al ice&"),
                HTTPParameter("flag", ""), HTTPParameter("x", "1=2"),
            ])
        #expect(target["ttl"] == "60")
        #expect(target["nothing"] == nil)
        #expect(try HTTPTarget("/").segments == [])
        #expect(try HTTPTarget("/a+b").segments == ["a+b"])
        for bad in ["/%", "/%4", "/%zz", "/%ff", "/?a=%c3", "/?%ed%a0%80"] {
            #expect(throws: HTTP1Error.badTarget) { try HTTPTarget(bad) }
        }
    }
}
