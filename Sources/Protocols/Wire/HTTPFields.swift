/// The header fields of one HTTP message, in the order in which they were sent (RFC 9110, 5).
///
/// All names and values share one array, so that a request costs two allocations however many
/// fields it has. Names are compared without regard to the case of ASCII letters.
public struct HTTPFields: Equatable, Sendable {
    struct Span: Equatable, Sendable {
        var nameStart: UInt32
        var valueStart: UInt32
        var valueEnd: UInt32
    }

    private(set) var bytes: [UInt8] = []
    private(set) var spans: [Span] = []

    /// Makes an empty list.
    public init() {}

    /// The number of fields; a repeated name counts each time.
    public var count: Int { spans.count }

    /// Adds a field at the end.
    public mutating func append(_ name: String, _ value: String) {
        let start = UInt32(bytes.count)
        bytes.append(contentsOf: name.utf8)
        let middle = UInt32(bytes.count)
        bytes.append(contentsOf: value.utf8)
        spans.append(Span(nameStart: start, valueStart: middle, valueEnd: UInt32(bytes.count)))
    }

    /// Adds a field whose name and value lie in `source`; the ranges must be inside.
    mutating func append(from source: [UInt8], name: Range<Int>, value: Range<Int>) {
        let start = UInt32(bytes.count)
        bytes.append(contentsOf: source[name])
        let middle = UInt32(bytes.count)
        bytes.append(contentsOf: source[value])
        spans.append(Span(nameStart: start, valueStart: middle, valueEnd: UInt32(bytes.count)))
    }

    /// How many fields have this name.
    public func count(of name: String) -> Int {
        var found = 0
        for span in spans where matches(span, name) { found += 1 }
        return found
    }

    /// The value of the first field of this name; bytes that are not UTF-8 are replaced.
    public subscript(name: String) -> String? {
        guard let range = firstValue(of: name) else { return nil }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// The names with their values in order, for encoders and traces.
    public var pairs: [(name: String, value: String)] {
        spans.map { span in
            let name = bytes[Int(span.nameStart)..<Int(span.valueStart)]
            let value = bytes[Int(span.valueStart)..<Int(span.valueEnd)]
            return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
    }

    /// True when the comma-separated lists under this name contain the token (RFC 9110, 5.6.1).
    public func contains(token: String, in name: String) -> Bool {
        tokens(of: name).contains(HTTPFields.lowercased(token))
    }

    /// The members of all comma-separated lists under this name, in lower case, in order.
    public func tokens(of name: String) -> [String] {
        var found: [String] = []
        for span in spans where matches(span, name) {
            let value = bytes[Int(span.valueStart)..<Int(span.valueEnd)]
            for part in value.split(separator: UInt8(ascii: ",")) {
                let trimmed = HTTPFields.trimmed(bytes, part.startIndex..<part.endIndex)
                guard !trimmed.isEmpty else { continue }
                found.append(
                    String(decoding: bytes[trimmed].lazy.map(HTTPFields.folded), as: UTF8.self))
            }
        }
        return found
    }

    /// Feeds a stable fingerprint.
    func digest(into digest: inout Digest) {
        digest.combine(bytes)
        for span in spans {
            digest.combine(UInt64(span.nameStart) << 32 | UInt64(span.valueStart))
        }
    }

    /// Where the value of the first field of this name lies in `bytes`.
    func firstValue(of name: String) -> Range<Int>? {
        for span in spans where matches(span, name) {
            return Int(span.valueStart)..<Int(span.valueEnd)
        }
        return nil
    }

    private func matches(_ span: Span, _ name: String) -> Bool {
        let start = Int(span.nameStart)
        let utf8 = name.utf8
        guard Int(span.valueStart) - start == utf8.count else { return false }
        var offset = start
        for byte in utf8 {
            guard HTTPFields.folded(bytes[offset]) == HTTPFields.folded(byte) else { return false }
            offset += 1
        }
        return true
    }

    /// An ASCII capital letter in lower case; any other byte as it is.
    @inline(__always)
    static func folded(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }

    /// The part of `range` without spaces and tabs at its ends.
    static func trimmed(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high, bytes[low] == 0x20 || bytes[low] == 0x09 { low += 1 }
        while high > low, bytes[high - 1] == 0x20 || bytes[high - 1] == 0x09 { high -= 1 }
        return low..<high
    }

    private static func lowercased(_ token: String) -> String {
        String(decoding: token.utf8.lazy.map(folded), as: UTF8.self)
    }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    /// Makes a list from literal pairs; a repeated name is kept.
    public init(dictionaryLiteral pairs: (String, String)...) {
        for (name, value) in pairs { append(name, value) }
    }
}
