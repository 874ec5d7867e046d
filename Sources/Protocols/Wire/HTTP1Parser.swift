/// Turns the bytes of one connection into HTTP/1 requests (RFC 9112), strictly and in order.
///
/// ## Overview
/// Bytes come in segments of any size; the result does not depend on where they were cut. Errors
/// are final: the parser throws the same one for ever, and nothing after the fault is read.
///
/// ## Function
/// `feed` adds bytes, `next` yields one step at a time and reads nothing past the request that it
/// returns, so that after an upgrade `takeRest` has exactly the bytes of the new protocol.
/// A request without a length has no body; 411 is never asked for, since `curl -X POST` sends none.
public struct HTTP1Parser: Equatable, Sendable {
    /// What `next` found.
    public enum Step: Equatable, Sendable {
        /// Nothing whole; feed more.
        case needsBytes
        /// The client holds its body back until it reads `100 Continue` (RFC 9110, 10.1.1).
        case expectsContinue
        /// A complete request.
        case request(HTTPRequest)
    }

    enum Phase: Equatable, Sendable {
        /// Before a request line; one empty line may precede it (RFC 9112, 2.2).
        case requestLine(skippedEmptyLine: Bool)
        case fields
        case fixedBody(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd(position: Int)
        case trailers
        /// Before a status line, in a parser of responses.
        case statusLine
        /// In a response whose body goes on to the end of the connection.
        case openBody
        case failed(HTTP1Error)
    }

    /// What a request may cost.
    public let limits: HTTP1Limits
    var buffer: [UInt8] = []
    /// The first byte that is not consumed.
    var start = 0
    /// Up to where no line end was found, so that a trickle of bytes is not searched again.
    var searched = 0
    var phase: Phase = .requestLine(skippedEmptyLine: false)
    /// The request under construction.
    var draft = HTTP1Parser.emptyDraft
    /// Bytes of field lines, later of trailers and chunk extensions, counted against the limit.
    var chargedBytes = 0
    var chargedLines = 0
    /// What `HTTP1ResponseParser` knows of the response under construction; `nil` for requests.
    var response: ResponseHead?

    static let emptyDraft = HTTPRequest(method: .get, target: "")

    /// Makes a parser for a new connection.
    public init(limits: HTTP1Limits = HTTP1Limits()) { self.limits = limits }

    /// True when no byte of an unfinished request was seen.
    public var isIdle: Bool {
        phase == .requestLine(skippedEmptyLine: false) && start == buffer.count
    }

    /// How many bytes were fed and not consumed.
    public var bufferedBytes: Int { buffer.count - start }

    /// Adds bytes at the end.
    public mutating func feed(_ bytes: [UInt8]) {
        if start == buffer.count {
            buffer = bytes
            start = 0
            searched = 0
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Takes the bytes that no request consumed, for the protocol that follows an upgrade.
    public mutating func takeRest() -> [UInt8] {
        let rest = start == 0 ? buffer : Array(buffer[start...])
        releaseAll()
        return rest
    }

    /// Finds the next step; call until it needs bytes. Throws the reason of a refusal.
    public mutating func next() throws(HTTP1Error) -> Step {
        do {
            while true {
                if let step = try advance() {
                    if step == .needsBytes { compact() }
                    return step
                }
            }
        } catch {
            phase = .failed(error)
            draft = HTTP1Parser.emptyDraft
            releaseAll()
            throw error
        }
    }

    /// Feeds a stable fingerprint of what can still matter.
    public func digest(into digest: inout Digest) {
        digest.combine(bufferedBytes)
        digest.combine(start == 0 ? buffer : Array(buffer[start...]))
        draft.digest(into: &digest)
        digest.combine(chargedBytes)
        digest.combine(chargedLines)
        switch phase {
        case .requestLine(let skipped): digest.combine(skipped ? 1 : 2)
        case .fields: digest.combine(3)
        case .fixedBody(let remaining): digest.combine(remaining << 4 | 4)
        case .chunkSize: digest.combine(5)
        case .chunkData(let remaining): digest.combine(remaining << 4 | 6)
        case .chunkEnd(let position): digest.combine(position << 4 | 7)
        case .trailers: digest.combine(8)
        case .statusLine: digest.combine(10)
        case .openBody: digest.combine(11)
        case .failed(let error): digest.combine(Int(error.rawValue) << 4 | 9)
        }
    }

    // MARK: Phases

    /// Does one phase's work; `nil` means that the next phase can go on at once.
    private mutating func advance() throws(HTTP1Error) -> Step? {
        switch phase {
        case .requestLine(let skipped): return try readRequestLine(skippedEmptyLine: skipped)
        case .fields: return try readFieldLine()
        case .fixedBody(let remaining): return readFixedBody(remaining)
        case .chunkSize: return try readChunkSize()
        case .chunkData(let remaining): return readChunkData(remaining)
        case .chunkEnd(let position): return try readChunkEnd(position)
        case .trailers: return try readTrailerLine()
        case .statusLine: return try readStatusLine()
        case .openBody: return try readOpenBody()
        case .failed(let error): throw error
        }
    }

    private mutating func readRequestLine(skippedEmptyLine: Bool) throws(HTTP1Error) -> Step? {
        guard start < buffer.count else { return .needsBytes }
        // A TLS greeting or other noise is refused at its first byte, not at a timeout.
        if buffer[start] == 0x0D {
            guard start + 1 < buffer.count else { return .needsBytes }
            guard buffer[start + 1] == 0x0A, !skippedEmptyLine else { throw .badRequestLine }
            consume(2)
            phase = .requestLine(skippedEmptyLine: true)
            return nil
        }
        guard buffer[start] != 0x0A else { throw .bareLineFeed }
        guard HTTP1Parser.isTokenByte(buffer[start]) else { throw .badRequestLine }
        guard let line = try nextLine(limit: limits.maximumRequestLineBytes, else: .targetTooLong)
        else { return .needsBytes }
        try parseRequestLine(line)
        phase = .fields
        chargedBytes = 0
        chargedLines = 0
        return nil
    }

    private mutating func readFieldLine() throws(HTTP1Error) -> Step? {
        guard let (name, value) = try nextField() else { return .needsBytes }
        if !name.isEmpty {
            draft.fields.append(from: buffer, name: name, value: value)
            return nil
        }
        if response != nil { return try finishResponseHead() }
        let expects = try finishHead()
        return expects ? .expectsContinue : bodyIsEmpty ? finishRequest() : nil
    }

    var bodyIsEmpty: Bool { phase == .fixedBody(remaining: 0) }

    private mutating func readFixedBody(_ remaining: Int) -> Step? {
        let count = moveToBody(remaining)
        guard count == remaining else {
            phase = .fixedBody(remaining: remaining - count)
            return .needsBytes
        }
        return finishRequest()
    }

    private mutating func readChunkSize() throws(HTTP1Error) -> Step? {
        // 16 digits hold any size; extensions are allowed and ignored (RFC 9112, 7.1.1).
        guard let line = try nextLine(limit: 256, else: .badChunk) else { return .needsBytes }
        var index = line.lowerBound
        var size = 0
        while index < line.upperBound, let digit = HTTPTarget.hexadecimal(buffer[index]) {
            guard index - line.lowerBound < 15 else { throw .badChunk }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > line.lowerBound else { throw .badChunk }
        if index < line.upperBound {
            guard buffer[index] == UInt8(ascii: ";") else { throw .badChunk }
            guard hasNoControls(index..<line.upperBound) else { throw .badChunk }
            chargedBytes += line.upperBound - index
            guard chargedBytes <= limits.maximumFieldBytes else { throw .bodyTooLarge }
        }
        guard size <= limits.maximumBodyBytes - draft.body.count else { throw .bodyTooLarge }
        if size == 0 {
            phase = .trailers
            chargedBytes = 0
            chargedLines = 0
        } else {
            phase = .chunkData(remaining: size)
        }
        return nil
    }

    private mutating func readChunkData(_ remaining: Int) -> Step? {
        let count = moveToBody(remaining)
        guard count == remaining else {
            phase = .chunkData(remaining: remaining - count)
            return .needsBytes
        }
        phase = .chunkEnd(position: 0)
        return nil
    }

    private mutating func readChunkEnd(_ position: Int) throws(HTTP1Error) -> Step? {
        guard start < buffer.count else { return .needsBytes }
        guard buffer[start] == (position == 0 ? 0x0D : 0x0A) else { throw .badChunk }
        consume(1)
        phase = position == 0 ? .chunkEnd(position: 1) : .chunkSize
        return nil
    }

    private mutating func readTrailerLine() throws(HTTP1Error) -> Step? {
        guard let (name, _) = try nextField() else { return .needsBytes }
        return name.isEmpty ? finishRequest() : nil
    }

    /// Ends the message under construction; a response's fields and body come as a request's.
    mutating func finishRequest() -> Step {
        let request = draft
        draft = HTTP1Parser.emptyDraft
        phase = response == nil ? .requestLine(skippedEmptyLine: false) : .statusLine
        if start == buffer.count { releaseAll() }
        return .request(request)
    }

    // MARK: The buffer

    /// Consumes a line and returns where it lies without its CRLF; `nil` when it is not whole.
    mutating func nextLine(
        limit: Int, else tooLong: HTTP1Error
    ) throws(HTTP1Error) -> Range<Int>? {
        // The length is judged before anything else, so that segmentation does not matter.
        guard let end = lineFeed(from: max(start, searched)) else {
            searched = buffer.count
            guard buffer.count - start <= limit + 1 else { throw tooLong }
            return nil
        }
        guard end - start <= limit + 1 else { throw tooLong }
        guard end > start, buffer[end - 1] == 0x0D else { throw .bareLineFeed }
        let line = start..<end - 1
        consume(end + 1 - start)
        return line
    }

    private func lineFeed(from offset: Int) -> Int? {
        buffer.withUnsafeBufferPointer { bytes in
            var index = offset
            while index < bytes.count {
                if bytes[index] == 0x0A { return index }
                index += 1
            }
            return nil
        }
    }

    mutating func moveToBody(_ remaining: Int) -> Int {
        let count = min(remaining, buffer.count - start)
        draft.body.append(contentsOf: buffer[start..<start + count])
        consume(count)
        return count
    }

    private mutating func consume(_ count: Int) {
        start += count
        searched = start
    }

    /// Gives up the storage behind the consumed bytes; an idle connection holds none.
    private mutating func compact() {
        guard start > 0 else { return }
        searched -= start
        buffer = start == buffer.count ? [] : Array(buffer[start...])
        start = 0
    }

    private mutating func releaseAll() {
        buffer = []
        start = 0
        searched = 0
    }
}
