import Testing

@testable import Protocols

/// What a parser made of some input.
private struct Parsed: Equatable {
    var responses: [HTTPResponse] = []
    var error: HTTP1Error?
}

private func parse(
    _ segments: [[UInt8]], ends: Bool, limits: HTTP1Limits = HTTP1Limits()
) -> Parsed {
    var parser = HTTP1ResponseParser(limits: limits)
    var parsed = Parsed()
    do {
        for segment in segments {
            parser.feed(segment)
            while let response = try parser.next() { parsed.responses.append(response) }
        }
        if ends, let response = try parser.end() { parsed.responses.append(response) }
    } catch {
        parsed.error = error
    }
    return parsed
}

/// Parses whole and byte by byte, which must not differ.
private func parse(_ text: String, ends: Bool = true, limits: HTTP1Limits = HTTP1Limits()) -> Parsed
{
    let whole = parse([Array(text.utf8)], ends: ends, limits: limits)
    #expect(whole == parse(text.utf8.map { [$0] }, ends: ends, limits: limits))
    return whole
}

@Suite("HTTP/1 responses")
struct HTTP1ResponseTests {
    @Test("responses follow one another on a connection, with lengths and in chunks")
    func sequence() {
        let parsed = parse(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nab"
                + "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "1\r\nc\r\n0\r\nT: t\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        #expect(
            parsed
                == Parsed(responses: [
                    HTTPResponse(
                        .ok, fields: ["Content-Length": "2", "X": "y"], body: Array("ab".utf8)),
                    HTTPResponse(
                        .internalServerError, fields: ["Transfer-Encoding": "chunked"],
                        body: Array("c".utf8)),
                    HTTPResponse(
                        HTTPStatus(204), fields: ["Connection": "close"], closes: true),
                ]))
    }

    @Test("a response without a length ends with the connection (RFC 9112, 6.3)")
    func untilClose() {
        let text = "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nbody"
        let response = HTTPResponse(
            .ok, fields: ["Server": "x"], body: Array("body".utf8), closes: true)
        #expect(parse(text) == Parsed(responses: [response]))
        #expect(parse(text, ends: false) == Parsed())
    }

    @Test("HTTP/1.0 closes unless it says otherwise")
    func version10() {
        let closes = parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").responses
        #expect(closes.map(\.closes) == [true])
        let keeps = parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
        #expect(keeps.responses.map(\.closes) == [false])
    }

    @Test(
        "malformed and ambiguous responses are refused",
        arguments: [
            ("SSH-2.0-OpenSSH\r\n", .badStatusLine), ("HTTP/1.1 20 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 999 X\r\n\r\n", .badStatusLine),
            ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
            ("HTTX/1.1 200 OK\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 101 Switching\r\n\r\n", .badStatusLine),
            ("HTTP/1.1 200 OK\n\n", .bareLineFeed),
            ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", .badField),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
                .badContentLength
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .badContentLength),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                .conflictingLength
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .unknownTransferCoding),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", .truncated),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", .truncated),
            ("HTTP/1.1 200 OK\r\nConte", .truncated), ("HTTP/1.1 200", .truncated),
        ] as [(String, HTTP1Error)])
    func refused(text: String, error: HTTP1Error) {
        #expect(parse(text) == Parsed(error: error))
    }

    @Test("fields, bodies and informational responses are bounded")
    func bounds() {
        let small = HTTP1Limits(
            maximumRequestLineBytes: 40, maximumFieldBytes: 60, maximumFields: 3,
            maximumBodyBytes: 10)
        func error(_ text: String) -> HTTP1Error? { parse(text, limits: small).error }
        #expect(error("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n") == .bodyTooLarge)
        #expect(error("HTTP/1.1 200 OK\r\n\r\n0123456789") == nil)
        #expect(error("HTTP/1.1 200 OK\r\n\r\n0123456789a") == .bodyTooLarge)
        #expect(
            error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n") == .bodyTooLarge)
        #expect(error("HTTP/1.1 200 OK\r\na:1\r\nb:1\r\nc:1\r\nd:1\r\n\r\n") == .tooManyFields)
        let long = String(repeating: "x", count: 70)
        #expect(error("HTTP/1.1 200 OK\r\na:\(long)\r\n") == .fieldsTooLarge)
        #expect(error("HTTP/1.1 200 \(long)\r\n") == .badStatusLine)
        let continues = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9)
        #expect(error(continues) == .badStatusLine)
    }
}
