/// Why a request is refused; the connection cannot be used for another after it.
///
/// Anything that two readers could understand differently is refused, for such requests are how
/// one is smuggled inside another (RFC 9112, 11.2).
public enum HTTP1Error: UInt8, Error, Equatable, Sendable, CaseIterable {
    /// Not `method SP target SP version`, or a character that must not be there.
    case badRequestLine
    /// A line that ends in LF alone.
    case bareLineFeed
    /// Not a path, an absolute `http` address or, for OPTIONS, `*`; or a broken escape in it.
    case badTarget
    /// Not `name: value`, a space before the colon, or a control character.
    case badField
    /// A field continued on a second line (RFC 9112, 5.2).
    case foldedField
    /// No Host in 1.1, more than one, or one that is no host.
    case badHost
    /// A Content-Length that is repeated or no number.
    case badContentLength
    /// Content-Length together with Transfer-Encoding.
    case conflictingLength
    /// A Transfer-Encoding whose last coding is not one `chunked`, or one in HTTP/1.0.
    case badTransferCoding
    /// A chunk whose size or end is wrong.
    case badChunk
    /// A request line over its limit.
    case targetTooLong
    /// Fields or trailers over their limit of bytes.
    case fieldsTooLarge
    /// More fields than the limit.
    case tooManyFields
    /// A body over its limit, or chunk extensions out of proportion.
    case bodyTooLarge
    /// An Expect that is not `100-continue`.
    case unknownExpectation
    /// A transfer coding other than `chunked`.
    case unknownTransferCoding
    /// A method that is not in `HTTPMethod`.
    case unknownMethod
    /// Another major version.
    case unsupportedVersion
    /// Not `version SP three digits SP reason`; of a response alone.
    case badStatusLine
    /// The connection ended inside a response.
    case truncated

    /// The status to answer with.
    public var status: HTTPStatus {
        switch self {
        case .badRequestLine, .bareLineFeed, .badTarget, .badField, .foldedField, .badHost,
            .badContentLength, .conflictingLength, .badTransferCoding, .badChunk:
            .badRequest
        case .targetTooLong: .uriTooLong
        case .fieldsTooLarge, .tooManyFields: .requestHeaderFieldsTooLarge
        case .bodyTooLarge: .contentTooLarge
        case .unknownExpectation: .expectationFailed
        case .unknownTransferCoding, .unknownMethod: .notImplemented
        case .unsupportedVersion: .versionNotSupported
        case .badStatusLine, .truncated: .badGateway
        }
    }

    /// What to tell the person at the other end, one line without a full stop.
    public var explanation: String {
        switch self {
        case .badRequestLine: "the request line is malformed"
        case .bareLineFeed: "a line ends in LF without CR"
        case .badTarget: "the request target is malformed"
        case .badField: "a header field is malformed"
        case .foldedField: "a header field is folded over two lines"
        case .badHost: "exactly one valid Host is needed"
        case .badContentLength: "Content-Length is repeated or no number"
        case .conflictingLength: "Content-Length and Transfer-Encoding exclude each other"
        case .badTransferCoding: "Transfer-Encoding must be exactly chunked, and needs HTTP/1.1"
        case .badChunk: "a chunk is malformed"
        case .targetTooLong: "the request line is too long"
        case .fieldsTooLarge: "the header fields are too large"
        case .tooManyFields: "there are too many header fields"
        case .bodyTooLarge: "the body is too large"
        case .unknownExpectation: "only 100-continue can be expected"
        case .unknownTransferCoding: "the transfer coding is not supported"
        case .unknownMethod: "the method is not supported"
        case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 are spoken here"
        case .badStatusLine: "the status line is malformed"
        case .truncated: "the connection ended inside a response"
        }
    }
}

/// What one HTTP/1 request may cost.
public struct HTTP1Limits: Equatable, Sendable {
    /// Bytes of the request line without its CRLF.
    public var maximumRequestLineBytes: Int
    /// Bytes of all field lines together; trailers and chunk extensions have the same again.
    public var maximumFieldBytes: Int
    /// Field lines; trailer lines have the same again.
    public var maximumFields: Int
    /// Bytes of the decoded body.
    public var maximumBodyBytes: Int

    /// Makes limits; every one must be positive, the body's may be 0.
    public init(
        maximumRequestLineBytes: Int = 8_192, maximumFieldBytes: Int = 16_384,
        maximumFields: Int = 100, maximumBodyBytes: Int = 1 << 20
    ) {
        self.maximumRequestLineBytes = maximumRequestLineBytes
        self.maximumFieldBytes = maximumFieldBytes
        self.maximumFields = maximumFields
        self.maximumBodyBytes = maximumBodyBytes
    }
}
