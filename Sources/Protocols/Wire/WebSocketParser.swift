/// Turns one side's bytes of a conversation into messages (RFC 6455, 5), strictly and in order.
///
/// ## Overview
/// Bytes come in segments of any size; the result does not depend on where they were cut. Errors
/// are final. Text is checked as it comes, so a wrong byte fails before its message is complete.
///
/// ## Function
/// `feed` adds bytes; `next` yields a message or control frame, or `nil` when it needs more bytes.
/// After a close frame everything is ignored (RFC 6455, 5.5.1). Memory is bounded by the message
/// limit and one segment. Compressed messages (RFC 7692) are handed out as they came: what they
/// inflate to is the caller's to bound and, in a text, to check for UTF-8.
public struct WebSocketParser: Equatable, Sendable {
    /// Whose frames are read.
    public enum Role: UInt8, Equatable, Sendable {
        /// We are the server: frames must be masked.
        case server
        /// We are the client: frames must not be masked.
        case client
    }

    /// What a peer said.
    public enum Input: Equatable, Sendable {
        /// A whole message of valid UTF-8.
        case text([UInt8])
        /// A whole message of bytes.
        case binary([UInt8])
        /// A whole message of this kind, text or binary, still compressed.
        case compressed(WebSocketOpcode, [UInt8])
        /// A ping and its payload, at most 125 bytes.
        case ping([UInt8])
        /// A pong and its payload, at most 125 bytes.
        case pong([UInt8])
        /// The end, with a sendable code if there is one, and its reason.
        case close(WebSocketCloseCode?, reason: String)
    }

    struct Header: Equatable, Sendable {
        var opcode: WebSocketOpcode
        var isFinal: Bool
        var isCompressed: Bool
        var key: UInt32
        var length: Int
        /// Payload bytes that were consumed already; data frames only.
        var position: Int = 0
    }

    enum Phase: Equatable, Sendable {
        case header
        case payload(Header)
        case closed
        case failed(WebSocketError)
    }

    /// Whose frames are read.
    public let role: Role
    /// The most bytes of one message as it comes, fragments together.
    public let maximumMessageBytes: Int
    /// The handshake agreed on permessage-deflate.
    public let allowsCompression: Bool
    private var buffer: [UInt8] = []
    private var start = 0
    private var phase: Phase = .header
    /// The message whose fragments come in; its kind is text or binary.
    private var messageKind: WebSocketOpcode?
    private var message: [UInt8] = []
    /// The message whose fragments come in is compressed.
    private var isCompressed = false
    private var utf8 = UTF8Validator()

    /// Makes a parser for the first byte after the handshake; the limit must not be negative.
    public init(
        role: Role, maximumMessageBytes: Int = 65_536, allowsCompression: Bool = false
    ) {
        precondition(maximumMessageBytes >= 0, "a limit is not negative: \(maximumMessageBytes)")
        self.role = role
        self.maximumMessageBytes = maximumMessageBytes
        self.allowsCompression = allowsCompression
    }

    /// Adds bytes at the end.
    public mutating func feed(_ bytes: [UInt8]) {
        if start == buffer.count {
            buffer = bytes
            start = 0
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Finds the next message or control frame; call until it is `nil`. Throws when the
    /// conversation must be failed.
    public mutating func next() throws(WebSocketError) -> Input? {
        do throws(WebSocketError) {
            while true {
                switch phase {
                case .header:
                    guard let header = try readHeader() else { return compact() }
                    phase = .payload(header)
                case .payload(let header):
                    let available = buffer.count - start
                    if header.opcode.isControl {
                        guard available >= header.length else { return compact() }
                        phase = .header
                        return try readControl(header)
                    }
                    guard available > 0 || header.length == header.position else {
                        return compact()
                    }
                    if let input = try readData(header) { return input }
                case .closed:
                    releaseAll()
                    return nil
                case .failed(let error):
                    throw error
                }
            }
        } catch {
            phase = .failed(error)
            messageKind = nil
            releaseAll()
            throw error
        }
    }

    /// Feeds a stable fingerprint of what can still matter.
    public func digest(into digest: inout Digest) {
        digest.combine(UInt64(role.rawValue))
        digest.combine(start == 0 ? buffer : Array(buffer[start...]))
        digest.combine(UInt64(messageKind?.rawValue ?? 0) | (isCompressed ? 0x100 : 0))
        digest.combine(message)
        utf8.digest(into: &digest)
        switch phase {
        case .header: digest.combine(1)
        case .payload(let header):
            digest.combine(
                UInt64(header.opcode.rawValue) << 1 | (header.isFinal ? 1 : 0)
                    | (header.isCompressed ? 0x100 : 0))
            digest.combine(UInt64(header.key))
            digest.combine(header.length)
            digest.combine(header.position)
        case .closed: digest.combine(2)
        case .failed(let error): digest.combine(Int(error.rawValue) << 2 | 3)
        }
    }

    // MARK: Headers

    /// Consumes a frame's header (RFC 6455, 5.2); `nil` when it is not whole.
    ///
    /// Each byte is judged as soon as it is there, in order, so that segmentation does not matter.
    private mutating func readHeader() throws(WebSocketError) -> Header? {
        let available = buffer.count - start
        guard available >= 1 else { return nil }
        let first = buffer[start]
        guard first & (allowsCompression ? 0x30 : 0x70) == 0 else { throw .reservedBits }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .reservedOpcode }
        let isFinal = first & 0x80 != 0
        // Only the frame that begins a message says that it is compressed (RFC 7692, 6.1).
        let isCompressed = first & 0x40 != 0
        guard !isCompressed || opcode == .text || opcode == .binary else { throw .reservedBits }
        switch opcode {
        case .continuation: guard messageKind != nil else { throw .unexpectedContinuation }
        case .text, .binary: guard messageKind == nil else { throw .interleavedMessage }
        case .close, .ping, .pong: guard isFinal else { throw .fragmentedControl }
        }
        guard available >= 2 else { return nil }
        let second = buffer[start + 1]
        let isMasked = second & 0x80 != 0
        switch role {
        case .server: guard isMasked else { throw .missingMask }
        case .client: guard !isMasked else { throw .unexpectedMask }
        }
        let short = Int(second & 0x7F)
        guard short <= 125 || !opcode.isControl else { throw .oversizeControl }
        let width = short <= 125 ? 0 : short == 126 ? 2 : 8
        guard available >= 2 + width else { return nil }
        let length = try readLength(short, width: width)
        if !opcode.isControl {
            guard length <= maximumMessageBytes - message.count else { throw .messageTooBig }
        }
        guard available >= 2 + width + (isMasked ? 4 : 0) else { return nil }
        var key: UInt32 = 0
        if isMasked {
            let at = start + 2 + width
            key =
                UInt32(buffer[at]) << 24 | UInt32(buffer[at + 1]) << 16
                | UInt32(buffer[at + 2]) << 8 | UInt32(buffer[at + 3])
        }
        start += 2 + width + (isMasked ? 4 : 0)
        return Header(
            opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, key: key, length: length)
    }

    private func readLength(_ short: Int, width: Int) throws(WebSocketError) -> Int {
        guard width > 0 else { return short }
        var length: UInt64 = 0
        for offset in 0..<width { length = length << 8 | UInt64(buffer[start + 2 + offset]) }
        guard length >= (width == 2 ? 126 : 0x1_0000), length >> 63 == 0 else { throw .badLength }
        return Int(length)
    }

    // MARK: Payloads

    private mutating func readControl(_ header: Header) throws(WebSocketError) -> Input {
        let payload = takeUnmasked(header.length, key: header.key)
        switch header.opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        case .close:
            let close = try readClose(payload)
            phase = .closed
            messageKind = nil
            message = []
            return close
        case .continuation, .text, .binary:
            preconditionFailure("\(header.opcode) is no control frame")
        }
    }

    private func readClose(_ payload: [UInt8]) throws(WebSocketError) -> Input {
        guard !payload.isEmpty else { return .close(nil, reason: "") }
        guard payload.count >= 2 else { throw .badClose }
        let code = WebSocketCloseCode(UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isSendable else { throw .badClose }
        guard let reason = String(validating: payload[2...], as: UTF8.self) else {
            throw .invalidUTF8
        }
        return .close(code, reason: reason)
    }

    /// Consumes what is there of a data frame; the whole message when it is complete.
    private mutating func readData(_ header: Header) throws(WebSocketError) -> Input? {
        if header.opcode != .continuation {
            messageKind = header.opcode
            isCompressed = header.isCompressed
        }
        let isText = messageKind == .text && !isCompressed
        let count = min(header.length - header.position, buffer.count - start)
        // The usual case, a message in one frame that is all here, takes one pass and one copy.
        let isWhole = header.isFinal && message.isEmpty && count == header.length
        var chunk = isWhole ? takeUnmasked(count, key: header.key) : []
        if isWhole {
            guard !isText || chunk.withUnsafeBytes({ utf8.accept($0) }) else {
                throw .invalidUTF8
            }
        } else {
            let end = message.count
            message.append(contentsOf: buffer[start..<start + count])
            start += count
            let isValid = message.withUnsafeMutableBytes { bytes in
                let part = UnsafeMutableRawBufferPointer(rebasing: bytes[end...])
                WebSocketMask.apply(header.key, at: header.position, to: part)
                return !isText || utf8.accept(UnsafeRawBufferPointer(part))
            }
            guard isValid else { throw .invalidUTF8 }
        }
        guard header.position + count == header.length else {
            var rest = header
            rest.position += count
            phase = .payload(rest)
            return nil
        }
        phase = .header
        guard header.isFinal else { return nil }
        guard utf8.isAtBoundary else { throw .invalidUTF8 }
        if !isWhole { swap(&chunk, &message) }
        let kind = messageKind ?? header.opcode
        messageKind = nil
        if isCompressed {
            isCompressed = false
            return .compressed(kind, chunk)
        }
        return isText ? .text(chunk) : .binary(chunk)
    }

    private mutating func takeUnmasked(_ count: Int, key: UInt32) -> [UInt8] {
        let from = start
        start += count
        guard count > 0 else { return [] }
        return buffer.withUnsafeBytes { bytes in
            let source = UnsafeRawBufferPointer(rebasing: bytes[from..<from + count])
            return [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
                WebSocketMask.copy(source, to: UnsafeMutableRawBufferPointer(target), key: key)
                initialized = count
            }
        }
    }

    // MARK: The buffer

    /// Gives up the storage behind the consumed bytes; an idle connection holds none.
    private mutating func compact() -> Input? {
        if start > 0 {
            buffer = start == buffer.count ? [] : Array(buffer[start...])
            start = 0
        }
        return nil
    }

    private mutating func releaseAll() {
        buffer = []
        start = 0
        if messageKind == nil { message = [] }
    }
}
