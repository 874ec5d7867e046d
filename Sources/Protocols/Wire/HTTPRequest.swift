/// The request methods that the parser knows; any other is answered with 501 (RFC 9110, 9.1).
public enum HTTPMethod: UInt8, Equatable, Sendable, CaseIterable {
    /// Read.
    case get
    /// Read without the body.
    case head
    /// Process.
    case post
    /// Replace.
    case put
    /// Remove.
    case delete
    /// Ask what is possible.
    case options
    /// Change in part.
    case patch

    /// The name on the wire, which is case-sensitive.
    public var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        }
    }

    init?(_ bytes: ArraySlice<UInt8>) {
        for method in HTTPMethod.allCases where bytes.elementsEqual(method.name.utf8) {
            self = method
            return
        }
        return nil
    }
}

/// The protocol version that a request is handled as; 1.2 and later minors count as 1.1.
public enum HTTPVersion: UInt8, Equatable, Sendable {
    /// HTTP/1.0: no chunks, closes unless asked not to.
    case http10
    /// HTTP/1.1.
    case http11
}

/// One complete HTTP request, its body decoded.
public struct HTTPRequest: Equatable, Sendable {
    /// What is to be done.
    public var method: HTTPMethod
    /// The version it is handled as.
    public var version: HTTPVersion
    /// Path and query as sent, still percent-encoded; starts with `/`, or is `*` for OPTIONS.
    public var target: String
    /// The host that was asked for; an absolute target's wins over the field (RFC 9112, 3.2.2).
    public var host: String
    /// The header fields; those of the trailer are dropped.
    public var fields: HTTPFields
    /// The decoded body; empty when there is none.
    public var body: [UInt8]

    /// Makes a request.
    public init(
        method: HTTPMethod, version: HTTPVersion = .http11, target: String, host: String = "",
        fields: HTTPFields = HTTPFields(), body: [UInt8] = []
    ) {
        self.method = method
        self.version = version
        self.target = target
        self.host = host
        self.fields = fields
        self.body = body
    }

    /// True when the connection may serve another request after this one (RFC 9112, 9.3).
    public var keepsAlive: Bool {
        let options = fields.tokens(of: "connection")
        switch version {
        case .http11: return !options.contains("close")
        case .http10: return options.contains("keep-alive") && !options.contains("close")
        }
    }

    /// True when the client asks to go on with this protocol (RFC 9110, 7.8); never in 1.0.
    public func asksUpgrade(to name: String) -> Bool {
        version == .http11 && fields.contains(token: "upgrade", in: "connection")
            && fields.contains(token: name, in: "upgrade")
    }

    /// Feeds a stable fingerprint.
    func digest(into digest: inout Digest) {
        digest.combine(UInt64(method.rawValue) << 8 | UInt64(version.rawValue))
        digest.combine(target)
        digest.combine(host)
        fields.digest(into: &digest)
        digest.combine(body)
    }
}

/// One `name=value` of a query.
public struct HTTPParameter: Equatable, Sendable {
    /// The decoded name.
    public var name: String
    /// The decoded value; empty when there is no `=`.
    public var value: String

    /// Makes a parameter.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A request target taken apart and percent-decoded (RFC 3986, 3.3 and 3.4).
///
/// The path is split before it is decoded, so `%2F` stays inside its segment. Decoded control
/// characters are left to whoever knows the rules for the name.
public struct HTTPTarget: Equatable, Sendable {
    /// The path's segments; `/` has none and `/a/` ends in an empty one.
    public var segments: [String]
    /// The query's parameters in order; `+` stands for a space.
    public var query: [HTTPParameter]

    /// Takes a target apart; a broken escape or one that is not UTF-8 is a `badTarget`.
    public init(_ target: String) throws(HTTP1Error) {
        let bytes = Array(target.utf8)
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"))
        segments = []
        query = []
        var path = bytes[..<(mark ?? bytes.count)]
        if path.first == UInt8(ascii: "/") { path = path.dropFirst() }
        if !path.isEmpty {
            for part in path.split(
                separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            {
                segments.append(try HTTPTarget.decoded(part, plusIsSpace: false))
            }
        }
        guard let mark else { return }
        for part in bytes[(mark + 1)...].split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "="))
            let name = part[..<(equals ?? part.endIndex)]
            let value = equals.map { part[($0 + 1)...] } ?? []
            query.append(
                HTTPParameter(
                    try HTTPTarget.decoded(name, plusIsSpace: true),
                    try HTTPTarget.decoded(value, plusIsSpace: true)))
        }
    }

    /// The first value of a query parameter; `nil` when it is absent.
    public subscript(parameter: String) -> String? {
        for candidate in query where candidate.name == parameter { return candidate.value }
        return nil
    }

    /// Undoes percent-encoding; the result must be UTF-8.
    static func decoded(
        _ bytes: ArraySlice<UInt8>, plusIsSpace: Bool
    ) throws(HTTP1Error) -> String {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, let high = hexadecimal(bytes[index + 1]),
                    let low = hexadecimal(bytes[index + 2])
                else { throw .badTarget }
                plain.append(high << 4 | low)
                index += 3
            } else {
                plain.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
                index += 1
            }
        }
        guard let text = String(validating: plain, as: UTF8.self) else { throw .badTarget }
        return text
    }

    /// The value of a hexadecimal digit.
    @inline(__always)
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
