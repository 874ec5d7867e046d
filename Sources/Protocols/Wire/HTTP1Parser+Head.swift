/// The rules for what stands before a body: request line, fields, and how they frame the message.
extension HTTP1Parser {
    /// Reads `method SP target SP version` (RFC 9112, 3).
    mutating func parseRequestLine(_ line: Range<Int>) throws(HTTP1Error) {
        guard let first = buffer[line].firstIndex(of: 0x20),
            let last = buffer[line].lastIndex(of: 0x20), first < last
        else { throw .badRequestLine }
        let methodBytes = buffer[line.lowerBound..<first]
        guard methodBytes.allSatisfy(HTTP1Parser.isTokenByte) else { throw .badRequestLine }
        let version = try parseVersion(buffer[(last + 1)..<line.upperBound])
        guard let method = HTTPMethod(methodBytes) else { throw .unknownMethod }
        draft.method = method
        draft.version = version
        try parseTarget((first + 1)..<last)
    }

    func parseVersion(_ bytes: ArraySlice<UInt8>) throws(HTTP1Error) -> HTTPVersion {
        let base = bytes.startIndex
        guard bytes.count == 8, bytes.prefix(5).elementsEqual("HTTP/".utf8),
            HTTP1Parser.isDigit(bytes[base + 5]), bytes[base + 6] == UInt8(ascii: "."),
            HTTP1Parser.isDigit(bytes[base + 7])
        else { throw .badRequestLine }
        guard bytes[base + 5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return bytes[base + 7] == UInt8(ascii: "0") ? .http10 : .http11
    }

    /// Accepts origin form, absolute form and, for OPTIONS, `*` (RFC 9112, 3.2).
    private mutating func parseTarget(_ range: Range<Int>) throws(HTTP1Error) {
        let bytes = buffer[range]
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }),
            let first = bytes.first
        else { throw .badTarget }
        if first == UInt8(ascii: "/") {
            draft.target = String(decoding: bytes, as: UTF8.self)
            return
        }
        if first == UInt8(ascii: "*") {
            guard bytes.count == 1, draft.method == .options else { throw .badTarget }
            draft.target = "*"
            return
        }
        let folded = bytes.prefix(8).map(HTTPFields.folded)
        let scheme =
            folded.starts(with: "http://".utf8) ? 7 : folded == Array("https://".utf8) ? 8 : 0
        guard scheme > 0 else { throw .badTarget }
        let rest = bytes.dropFirst(scheme)
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
        let authority = rest[..<(end ?? rest.endIndex)]
        guard !authority.isEmpty, HTTP1Parser.isHost(authority) else { throw .badTarget }
        draft.host = String(decoding: authority, as: UTF8.self)
        let path = String(decoding: rest[(end ?? rest.endIndex)...], as: UTF8.self)
        draft.target = path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    }

    /// Consumes a field line; empty ranges at the end of the section, `nil` when it is not whole.
    mutating func nextField() throws(HTTP1Error) -> (name: Range<Int>, value: Range<Int>)? {
        guard
            let line = try nextLine(
                limit: limits.maximumFieldBytes - chargedBytes, else: .fieldsTooLarge)
        else { return nil }
        guard !line.isEmpty else { return (line, line) }
        chargedBytes += line.count
        chargedLines += 1
        guard chargedLines <= limits.maximumFields else { throw .tooManyFields }
        return try parseField(line)
    }

    /// Reads `name ":" OWS value OWS` (RFC 9112, 5); no space may precede the colon.
    func parseField(
        _ line: Range<Int>
    ) throws(HTTP1Error) -> (name: Range<Int>, value: Range<Int>) {
        guard buffer[line.lowerBound] != 0x20, buffer[line.lowerBound] != 0x09 else {
            throw .foldedField
        }
        var colon = line.lowerBound
        while colon < line.upperBound, HTTP1Parser.isTokenByte(buffer[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, buffer[colon] == UInt8(ascii: ":")
        else { throw .badField }
        guard hasNoControls(colon..<line.upperBound) else { throw .badField }
        return (
            line.lowerBound..<colon, HTTPFields.trimmed(buffer, (colon + 1)..<line.upperBound)
        )
    }

    /// Decides how the body is framed (RFC 9112, 6.3); true when a `100 Continue` is waited for.
    mutating func finishHead() throws(HTTP1Error) -> Bool {
        try checkHost()
        let hasBody = try chooseFraming()
        chargedBytes = 0
        chargedLines = 0
        let expectations = draft.fields.tokens(of: "expect")
        guard !expectations.isEmpty, draft.version == .http11 else { return false }
        guard expectations == ["100-continue"] else { throw .unknownExpectation }
        // A client whose body is already here waits for nothing. What happens to have arrived
        // would depend on segmentation, so only the length counts.
        return hasBody
    }

    private mutating func checkHost() throws(HTTP1Error) {
        let count = draft.fields.count(of: "host")
        guard count == 1 || (count == 0 && draft.version == .http10) else { throw .badHost }
        guard let range = draft.fields.firstValue(of: "host") else { return }
        let value = draft.fields.bytes[range]
        guard HTTP1Parser.isHost(value) else { throw .badHost }
        if draft.host.isEmpty { draft.host = String(decoding: value, as: UTF8.self) }
    }

    /// Sets the phase that reads the body; true when there is one.
    mutating func chooseFraming() throws(HTTP1Error) -> Bool {
        let lengths = draft.fields.count(of: "content-length")
        guard draft.fields.count(of: "transfer-encoding") > 0 else {
            let length = lengths == 0 ? 0 : try contentLength(fields: lengths)
            phase = .fixedBody(remaining: length)
            return length > 0
        }
        guard lengths == 0 else { throw .conflictingLength }
        let codings = draft.fields.tokens(of: "transfer-encoding")
        guard draft.version == .http11, codings.last == "chunked",
            !codings.dropLast().contains("chunked")
        else {
            // An unknown single coding is no fault of framing, only one we do not have.
            let unknown = draft.version == .http11 && codings.count == 1
            throw unknown ? .unknownTransferCoding : .badTransferCoding
        }
        guard codings.count == 1 else { throw .unknownTransferCoding }
        phase = .chunkSize
        return true
    }

    private func contentLength(fields count: Int) throws(HTTP1Error) -> Int {
        guard count == 1, let range = draft.fields.firstValue(of: "content-length"),
            !range.isEmpty, draft.fields.bytes[range].allSatisfy(HTTP1Parser.isDigit)
        else { throw .badContentLength }
        var length = 0
        for digit in draft.fields.bytes[range] {
            length = length * 10 + Int(digit - 0x30)
            guard length <= limits.maximumBodyBytes else { throw .bodyTooLarge }
        }
        return length
    }

    // MARK: Character classes

    /// True when no byte is a control character other than a tab.
    func hasNoControls(_ range: Range<Int>) -> Bool {
        buffer[range].allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    /// True for the characters of a token (RFC 9110, 5.6.2).
    @inline(__always)
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// True for `host [":" port]`, where the host may be empty or an address in brackets.
    static func isHost(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        if rest.first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = rest[(rest.startIndex + 1)..<close]
            // Hexadecimal groups, an embedded IPv4 address, and a zone as some clients send it.
            guard !address.isEmpty,
                address.allSatisfy({ isTokenByte($0) || $0 == UInt8(ascii: ":") })
            else { return false }
            rest = rest[(close + 1)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else { return false }
        } else {
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            guard rest[..<end].allSatisfy(isHostByte) else { return false }
            rest = rest[end...]
        }
        return rest.dropFirst().allSatisfy(isDigit) && rest.count <= 6
    }

    /// True for the characters of a registered name (RFC 3986, 3.2.2).
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x2D, 0x2E, 0x5F, 0x7E: true  // - . _ ~
        case 0x21, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x3B, 0x3D: true
        default: false
        }
    }
}
