/// The kinds of frames (RFC 6455, 5.2); the other ten opcodes are reserved.
public enum WebSocketOpcode: UInt8, Equatable, Sendable, CaseIterable {
    /// Goes on with a fragmented message.
    case continuation = 0
    /// Begins a message of UTF-8.
    case text = 1
    /// Begins a message of bytes.
    case binary = 2
    /// Ends the conversation.
    case close = 8
    /// Asks for a pong with the same payload.
    case ping = 9
    /// Answers a ping.
    case pong = 10

    /// Control frames are short and never fragmented (RFC 6455, 5.5).
    public var isControl: Bool { rawValue >= 8 }
}

/// The four bytes with which a client masks a frame, drawn at random for each (RFC 6455, 5.3).
public struct WebSocketMask: Equatable, Sendable {
    /// The key; its first byte on the wire is the highest.
    public let key: UInt32

    /// Makes a mask from a key.
    public init(_ key: UInt32) { self.key = key }

    /// Applies the mask to bytes that begin `position` bytes into the payload; twice undoes it.
    static func apply(_ key: UInt32, at position: Int, to bytes: UnsafeMutableRawBufferPointer) {
        guard key != 0 else { return }
        let word = repeated(key, at: position)
        var index = 0
        while index + 8 <= bytes.count {
            let masked = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ word
            bytes.storeBytes(of: masked, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        var rest = word.littleEndian
        while index < bytes.count {
            bytes[index] ^= UInt8(truncatingIfNeeded: rest)
            rest >>= 8
            index += 1
        }
    }

    /// Copies bytes and applies the mask on the way; both buffers are of one size.
    static func copy(
        _ source: UnsafeRawBufferPointer, to bytes: UnsafeMutableRawBufferPointer, key: UInt32
    ) {
        let word = repeated(key, at: 0)
        var index = 0
        while index + 8 <= source.count {
            let masked = source.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ word
            bytes.storeBytes(of: masked, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        var rest = word.littleEndian
        while index < source.count {
            bytes[index] = source[index] ^ UInt8(truncatingIfNeeded: rest)
            rest >>= 8
            index += 1
        }
    }

    /// The key twice over in memory order, turned so that it fits a payload at `position`.
    private static func repeated(_ key: UInt32, at position: Int) -> UInt64 {
        let shift = UInt32(position & 3) * 8
        let turned = shift == 0 ? key : key << shift | key >> (32 - shift)
        return (UInt64(turned) << 32 | UInt64(turned)).bigEndian
    }
}

/// Why a conversation ends (RFC 6455, 7.4).
public struct WebSocketCloseCode: Hashable, Sendable {
    /// The number.
    public let rawValue: UInt16

    /// Makes a code from its number.
    public init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// 1000: the purpose is fulfilled.
    public static let normal = WebSocketCloseCode(1000)
    /// 1001: the end goes away.
    public static let goingAway = WebSocketCloseCode(1001)
    /// 1002: a frame breaks the protocol.
    public static let protocolError = WebSocketCloseCode(1002)
    /// 1005: stands for a close frame without a code; never sent.
    public static let noStatus = WebSocketCloseCode(1005)
    /// 1006: stands for an end without a close frame; never sent.
    public static let abnormal = WebSocketCloseCode(1006)
    /// 1007: a text that is not UTF-8.
    public static let invalidData = WebSocketCloseCode(1007)
    /// 1009: a message over the limit.
    public static let messageTooBig = WebSocketCloseCode(1009)
    /// 1011: this end cannot go on.
    public static let internalError = WebSocketCloseCode(1011)
    /// 1012: this node restarts; come back, to another one.
    public static let serviceRestart = WebSocketCloseCode(1012)
    /// 1013: too much for now; come back later.
    public static let tryAgainLater = WebSocketCloseCode(1013)

    /// True for the codes that may stand in a close frame (RFC 6455, 7.4.2, and IANA's registry).
    public var isSendable: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// Writes frames. A frame without a mask can be sent to any number of clients.
public enum WebSocketFrame {
    /// One frame; a client must give a mask and a server must not (RFC 6455, 5.1).
    ///
    /// A control frame's payload must be at most 125 bytes and `isFinal` true. `isCompressed` says
    /// that the message which begins here is compressed (RFC 7692, 6).
    public static func encoded(
        _ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true,
        isCompressed: Bool = false, mask: WebSocketMask? = nil
    ) -> [UInt8] {
        precondition(
            !isCompressed || opcode == .text || opcode == .binary,
            "a frame of \(opcode) begins no message")
        precondition(
            !opcode.isControl || (isFinal && payload.count <= 125),
            "a control frame is whole and at most 125 bytes, not \(payload.count)")
        var frame: [UInt8] = []
        frame.reserveCapacity(payload.count + 14)
        frame.append((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue)
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case ...125:
            frame.append(maskBit | UInt8(payload.count))
        case ...0xFFFF:
            frame.append(maskBit | 126)
            append(UInt64(payload.count), width: 2, to: &frame)
        default:
            frame.append(maskBit | 127)
            append(UInt64(payload.count), width: 8, to: &frame)
        }
        if let mask { append(UInt64(mask.key), width: 4, to: &frame) }
        let start = frame.count
        frame.append(contentsOf: payload)
        if let mask {
            frame.withUnsafeMutableBytes {
                WebSocketMask.apply(
                    mask.key, at: 0, to: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
            }
        }
        return frame
    }

    /// A close frame; the reason is cut at a character's end to fit into 123 bytes.
    ///
    /// Without a code the payload is empty, as in answer to such a frame. A code must be sendable.
    public static func close(
        _ code: WebSocketCloseCode?, reason: String = "", mask: WebSocketMask? = nil
    ) -> [UInt8] {
        guard let code else { return encoded(.close, [], mask: mask) }
        precondition(code.isSendable, "close code \(code.rawValue) must not be sent")
        var payload = [UInt8(truncatingIfNeeded: code.rawValue >> 8)]
        payload.append(UInt8(truncatingIfNeeded: code.rawValue))
        for scalar in reason.unicodeScalars {
            let bytes = UTF8.encode(scalar)!
            guard payload.count + bytes.count <= 125 else { break }
            payload.append(contentsOf: bytes)
        }
        return encoded(.close, payload, mask: mask)
    }

    private static func append(_ number: UInt64, width: Int, to frame: inout [UInt8]) {
        for shift in stride(from: (width - 1) * 8, through: 0, by: -8) {
            frame.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }
}
