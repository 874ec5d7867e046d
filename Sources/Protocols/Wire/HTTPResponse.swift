/// A response status (RFC 9110, 15).
public struct HTTPStatus: Hashable, Sendable {
    /// The three digits.
    public let code: UInt16

    /// Makes a status from its code, which must be 100 to 599.
    public init(_ code: UInt16) {
        precondition(code >= 100 && code <= 599, "\(code) is no HTTP status")
        self.code = code
    }

    /// 100: go on with the body.
    public static let `continue` = HTTPStatus(100)
    /// 101: the connection goes on with another protocol.
    public static let switchingProtocols = HTTPStatus(101)
    /// 200.
    public static let ok = HTTPStatus(200)
    /// 202: taken on, not done yet.
    public static let accepted = HTTPStatus(202)
    /// 400.
    public static let badRequest = HTTPStatus(400)
    /// 404.
    public static let notFound = HTTPStatus(404)
    /// 405.
    public static let methodNotAllowed = HTTPStatus(405)
    /// 408: the request took too long to arrive.
    public static let requestTimeout = HTTPStatus(408)
    /// 409: the request does not fit the present state.
    public static let conflict = HTTPStatus(409)
    /// 413.
    public static let contentTooLarge = HTTPStatus(413)
    /// 414.
    public static let uriTooLong = HTTPStatus(414)
    /// 415: the body is of a kind that is not understood here.
    public static let unsupportedMediaType = HTTPStatus(415)
    /// 417.
    public static let expectationFailed = HTTPStatus(417)
    /// 426: this port speaks another protocol.
    public static let upgradeRequired = HTTPStatus(426)
    /// 431.
    public static let requestHeaderFieldsTooLarge = HTTPStatus(431)
    /// 500.
    public static let internalServerError = HTTPStatus(500)
    /// 501.
    public static let notImplemented = HTTPStatus(501)
    /// 502: what another server answered is not valid.
    public static let badGateway = HTTPStatus(502)
    /// 503.
    public static let serviceUnavailable = HTTPStatus(503)
    /// 505.
    public static let versionNotSupported = HTTPStatus(505)

    /// True when a response of this status never has a body (RFC 9110, 6.4.1).
    public var forbidsBody: Bool { code < 200 || code == 204 || code == 304 }

    /// The customary words; readers must not depend on them.
    public var reason: String {
        switch code {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 507: "Insufficient Storage"
        default: "Status \(code)"
        }
    }
}

/// A response, before it is known how the connection goes on.
public struct HTTPResponse: Equatable, Sendable {
    /// The status.
    public var status: HTTPStatus
    /// The fields besides Content-Length, Connection and Transfer-Encoding, which the encoder owns.
    public var fields: HTTPFields
    /// The body; ignored where the status forbids one.
    public var body: [UInt8]
    /// True when the connection is to be closed after this response.
    public var closes: Bool

    /// Makes a response.
    public init(
        _ status: HTTPStatus, fields: HTTPFields = HTTPFields(), body: [UInt8] = [],
        closes: Bool = false
    ) {
        self.status = status
        self.fields = fields
        self.body = body
        self.closes = closes
    }

    /// Makes a response of one line of plain text.
    public static func plain(
        _ status: HTTPStatus, _ text: String, fields: HTTPFields = HTTPFields(),
        closes: Bool = false
    ) -> HTTPResponse {
        var fields = fields
        fields.append("Content-Type", "text/plain; charset=utf-8")
        return HTTPResponse(status, fields: fields, body: Array((text + "\n").utf8), closes: closes)
    }

    /// The bytes to send, with an exact Content-Length (RFC 9112, 4 to 6).
    ///
    /// `keepsAlive` says whether the connection stays open; `omitsBody` answers HEAD, which has
    /// the length without the body. An `Upgrade` field is named in Connection, as it must be.
    /// Control characters in a value become spaces, so that no value can add a field.
    public func encoded(
        keepsAlive: Bool, version: HTTPVersion = .http11, omitsBody: Bool = false
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(192 + fields.bytes.count + body.count)
        bytes.append(contentsOf: "HTTP/1.1 \(status.code) \(status.reason)\r\n".utf8)
        for span in fields.spans { append(span, to: &bytes) }
        var options: [String] = []
        if fields.count(of: "upgrade") > 0 { options.append("Upgrade") }
        if status != .switchingProtocols, status != .continue {
            if !keepsAlive {
                options.append("close")
            } else if version == .http10 {
                options.append("keep-alive")
            }
        }
        if !options.isEmpty {
            bytes.append(contentsOf: "Connection: \(options.joined(separator: ", "))\r\n".utf8)
        }
        if !status.forbidsBody {
            bytes.append(contentsOf: "Content-Length: \(body.count)\r\n".utf8)
        }
        bytes.append(0x0D)
        bytes.append(0x0A)
        if !omitsBody, !status.forbidsBody { bytes.append(contentsOf: body) }
        return bytes
    }

    private func append(_ span: HTTPFields.Span, to bytes: inout [UInt8]) {
        let name = fields.bytes[Int(span.nameStart)..<Int(span.valueStart)]
        for owned in ["content-length", "connection", "transfer-encoding"]
        where name.lazy.map(HTTPFields.folded).elementsEqual(owned.utf8) { return }
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: ": ".utf8)
        for byte in fields.bytes[Int(span.valueStart)..<Int(span.valueEnd)] {
            bytes.append(byte < 0x20 && byte != 0x09 || byte == 0x7F ? 0x20 : byte)
        }
        bytes.append(0x0D)
        bytes.append(0x0A)
    }
}
