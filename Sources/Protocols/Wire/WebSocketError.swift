/// Why a WebSocket conversation is failed; no frame after the fault is read (RFC 6455, 7.1.7).
public enum WebSocketError: UInt8, Error, Equatable, Sendable, CaseIterable {
    /// An RSV bit without an extension that gives it a meaning, or where that gives it none.
    case reservedBits
    /// An opcode that is not in `WebSocketOpcode`.
    case reservedOpcode
    /// A client's frame without a mask.
    case missingMask
    /// A server's frame with a mask.
    case unexpectedMask
    /// A control frame in fragments.
    case fragmentedControl
    /// A control frame of more than 125 bytes.
    case oversizeControl
    /// A length in more bytes than it needs, or with its highest bit set.
    case badLength
    /// A continuation of nothing.
    case unexpectedContinuation
    /// A new message inside a fragmented one.
    case interleavedMessage
    /// A close frame of one byte, or with a code that must not be sent.
    case badClose
    /// A text or a close reason that is not UTF-8.
    case invalidUTF8
    /// A compressed message that does not end where it should, or cannot be read.
    case badCompression
    /// A message over the limit.
    case messageTooBig

    /// The code to close with.
    public var closeCode: WebSocketCloseCode {
        switch self {
        case .reservedBits, .reservedOpcode, .missingMask, .unexpectedMask, .fragmentedControl,
            .oversizeControl, .badLength, .unexpectedContinuation, .interleavedMessage, .badClose:
            .protocolError
        case .invalidUTF8, .badCompression: .invalidData
        case .messageTooBig: .messageTooBig
        }
    }

    /// What to tell the person at the other end, as the close frame's reason.
    public var explanation: String {
        switch self {
        case .reservedBits: "reserved bits are set"
        case .reservedOpcode: "the opcode is reserved"
        case .missingMask: "a client's frames must be masked"
        case .unexpectedMask: "a server's frames must not be masked"
        case .fragmentedControl: "a control frame is fragmented"
        case .oversizeControl: "a control frame is longer than 125 bytes"
        case .badLength: "a length is not in its shortest form"
        case .unexpectedContinuation: "a continuation without a beginning"
        case .interleavedMessage: "a message begins inside another"
        case .badClose: "the close frame is malformed"
        case .invalidUTF8: "text is not UTF-8"
        case .badCompression: "a compressed message cannot be read"
        case .messageTooBig: "the message is too big"
        }
    }
}
