/// Turns the bytes of one connection into HTTP/1 responses (RFC 9112), as strictly as `HTTP1Parser`
/// reads requests, with whose rules for lines, fields, lengths and chunks it works.
///
/// It is for the answers to GET and POST: one to HEAD would have a length without the body.
/// Informational responses are passed over, apart from 101, which nobody asked for. Errors are
/// final.
public struct HTTP1ResponseParser: Equatable, Sendable {
    private var parser: HTTP1Parser

    /// Makes a parser for a new connection.
    public init(limits: HTTP1Limits = HTTP1Limits()) {
        parser = HTTP1Parser(limits: limits)
        parser.phase = .statusLine
        parser.response = HTTP1Parser.ResponseHead()
    }

    /// True when no byte of an unfinished response was seen.
    public var isIdle: Bool { parser.phase == .statusLine && parser.bufferedBytes == 0 }

    /// Adds bytes at the end.
    public mutating func feed(_ bytes: [UInt8]) { parser.feed(bytes) }

    /// Finds the next complete response; `nil` when it needs bytes. Its `closes` says that the
    /// connection cannot be used for another request.
    public mutating func next() throws(HTTP1Error) -> HTTPResponse? {
        switch try parser.next() {
        case .needsBytes: return nil
        case .expectsContinue: preconditionFailure("a response expects nothing")
        case .request(let message): return takeResponse(message)
        }
    }

    /// The other side has ended the connection: returns the response that ends so, `nil` between
    /// responses. Throws when one is cut off.
    public mutating func end() throws(HTTP1Error) -> HTTPResponse? {
        guard parser.phase == .openBody, case .request(let message) = parser.finishRequest() else {
            if isIdle { return nil }
            throw .truncated
        }
        return takeResponse(message)
    }

    private mutating func takeResponse(_ message: HTTPRequest) -> HTTPResponse {
        let head = parser.response ?? HTTP1Parser.ResponseHead()
        parser.response = HTTP1Parser.ResponseHead()
        return HTTPResponse(
            head.status, fields: message.fields, body: message.body,
            closes: head.isOpen || !message.keepsAlive)
    }
}

extension HTTP1Parser {
    /// What stands in a response besides fields and body.
    struct ResponseHead: Equatable, Sendable {
        var status = HTTPStatus.ok
        /// The body ends with the connection.
        var isOpen = false
        /// Informational responses before it.
        var skipped = 0
    }

    /// The most informational responses before a real one.
    private static let maximumInformational = 8

    /// Reads `version SP status SP reason` (RFC 9112, 4); some servers leave out the last space.
    mutating func readStatusLine() throws(HTTP1Error) -> Step? {
        guard bufferedBytes > 0 else { return .needsBytes }
        // Another protocol's greeting is refused at its first byte.
        guard buffer[start] == UInt8(ascii: "H") else { throw .badStatusLine }
        guard let line = try nextLine(limit: limits.maximumRequestLineBytes, else: .badStatusLine)
        else { return .needsBytes }
        guard line.count >= 12, buffer[line.lowerBound + 8] == 0x20,
            line.count == 12 || buffer[line.lowerBound + 12] == 0x20, hasNoControls(line)
        else { throw .badStatusLine }
        do {
            draft.version = try parseVersion(buffer[line.lowerBound..<line.lowerBound + 8])
        } catch {
            throw error == .unsupportedVersion ? error : .badStatusLine
        }
        var code: UInt16 = 0
        for digit in buffer[line.lowerBound + 9..<line.lowerBound + 12] {
            guard HTTP1Parser.isDigit(digit) else { throw .badStatusLine }
            code = code * 10 + UInt16(digit - 0x30)
        }
        guard code >= 100, code <= 599, code != 101 else { throw .badStatusLine }
        response?.status = HTTPStatus(code)
        phase = .fields
        chargedBytes = 0
        chargedLines = 0
        return nil
    }

    /// Decides how the body is framed (RFC 9112, 6.3).
    mutating func finishResponseHead() throws(HTTP1Error) -> Step? {
        guard let head = response else { preconditionFailure("this parser reads requests") }
        if head.status.code < 200 {
            guard head.skipped < HTTP1Parser.maximumInformational else { throw .badStatusLine }
            response?.skipped += 1
            draft = HTTP1Parser.emptyDraft
            phase = .statusLine
            return nil
        }
        if head.status.forbidsBody { return finishRequest() }
        guard
            draft.fields.count(of: "content-length") > 0
                || draft.fields.count(of: "transfer-encoding") > 0
        else {
            response?.isOpen = true
            phase = .openBody
            return nil
        }
        _ = try chooseFraming()
        chargedBytes = 0
        chargedLines = 0
        return bodyIsEmpty ? finishRequest() : nil
    }

    /// Takes what there is; the end comes from outside.
    mutating func readOpenBody() throws(HTTP1Error) -> Step? {
        guard bufferedBytes <= limits.maximumBodyBytes - draft.body.count else {
            throw .bodyTooLarge
        }
        _ = moveToBody(bufferedBytes)
        return .needsBytes
    }
}
