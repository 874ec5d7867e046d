import CJSON
import Glibc

/// Why bytes are not a JSON document that is worth looking at.
public enum JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes are not one JSON value (RFC 8259).
    case malformed
    /// A string is not UTF-8, or has half of a surrogate pair.
    case badUTF8
    /// Nested deeper than the limit.
    case tooDeep
    /// Longer than the limit.
    case tooLarge
    /// A number does not fit 64 bits.
    case badNumber
    /// No memory for the document.
    case outOfMemory

    /// A short text for the sender of the document.
    public var description: String {
        switch self {
        case .malformed: "not valid JSON"
        case .badUTF8: "not valid UTF-8"
        case .tooDeep: "nested too deeply"
        case .tooLarge: "too long"
        case .badNumber: "a number does not fit 64 bits"
        case .outOfMemory: "out of memory"
        }
    }
}

/// What a JSON document has at a path.
public enum JSONKind: Equatable, Sendable {
    /// Nothing: a key is absent, or what should hold it is no object.
    case missing
    /// The literal `null`.
    case null
    /// `true` or `false`.
    case bool
    /// A whole number.
    case integer
    /// A number with a fraction or an exponent.
    case fraction
    /// A string.
    case string
    /// An array.
    case array
    /// An object.
    case object
}

/// Decides whether bytes are JSON and answers typed look-ups in the latest document.
///
/// ## Overview
/// One reader serves any number of documents, one after the other; a look-up concerns the latest
/// that `parse` accepted. The whole document is checked before the first look-up (syntax, UTF-8,
/// depth, size). Of equal keys in one object the first counts.
///
/// ## Function
/// A path is one key, or a key and a key inside the object there. Keys are compared unescaped.
/// Each look-up walks the object, so it costs time in the object's length. Not thread-safe.
public final class JSONReader {
    private let parser: OpaquePointer

    /// Makes a reader for documents of at most `maximumBytes` bytes, nested `maximumDepth` deep.
    public init(maximumBytes: Int = 1 << 20, maximumDepth: Int = 32) {
        precondition(maximumBytes > 0 && maximumDepth > 0)
        guard let parser = cjson_create(maximumBytes, maximumDepth) else {
            preconditionFailure("no memory for a JSON parser")
        }
        self.parser = parser
    }

    deinit { cjson_destroy(parser) }

    /// Takes in one document; after an error every look-up finds nothing.
    public func parse(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
        let status = cjson_parse(
            parser, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        switch status {
        case CJSON_OK: return
        case CJSON_BAD_UTF8: throw .badUTF8
        case CJSON_TOO_DEEP: throw .tooDeep
        case CJSON_TOO_LARGE: throw .tooLarge
        case CJSON_BAD_NUMBER: throw .badNumber
        case CJSON_OUT_OF_MEMORY: throw .outOfMemory
        default: throw .malformed
        }
    }

    /// Takes in one document; after an error every look-up finds nothing.
    public func parse(_ bytes: [UInt8]) throws(JSONError) {
        let result = bytes.withUnsafeBytes { raw -> Result<Void, JSONError> in
            Result { () throws(JSONError) in try parse(raw) }
        }
        try result.get()
    }

    /// What the document itself is; `missing` when there is none.
    public var root: JSONKind { Self.kind(cjson_kind_at(parser, nil, 0)) }

    /// What is at a path.
    public func kind(_ key: StaticString, _ inner: StaticString? = nil) -> JSONKind {
        Self.kind(withPath(key, inner) { cjson_kind_at(parser, $0, $1) })
    }

    /// The string at a path, unescaped; `nil` when it is not a string.
    public func string(_ key: StaticString, _ inner: StaticString? = nil) -> String? {
        guard let bytes = utf8(key, inner) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of the string at a path, unescaped; `nil` when it is not a string.
    public func bytes(_ key: StaticString, _ inner: StaticString? = nil) -> [UInt8]? {
        utf8(key, inner).map { Array($0) }
    }

    /// How many bytes of UTF-8 the string at a path has; `nil` when it is not a string.
    public func stringLength(_ key: StaticString, _ inner: StaticString? = nil) -> Int? {
        utf8(key, inner)?.count
    }

    /// The whole number at a path; `nil` for anything else and outside 64 bits.
    public func int64(_ key: StaticString, _ inner: StaticString? = nil) -> Int64? {
        var value: Int64 = 0
        let found = withPath(key, inner) { cjson_int64_at(parser, $0, $1, &value) }
        return found ? value : nil
    }

    /// The number at a path, whole or not; `nil` for anything else.
    public func double(_ key: StaticString, _ inner: StaticString? = nil) -> Double? {
        var value: Double = 0
        let found = withPath(key, inner) { cjson_double_at(parser, $0, $1, &value) }
        return found ? value : nil
    }

    /// The truth value at a path; `nil` for anything else.
    public func bool(_ key: StaticString, _ inner: StaticString? = nil) -> Bool? {
        var value = false
        let found = withPath(key, inner) { cjson_bool_at(parser, $0, $1, &value) }
        return found ? value : nil
    }

    /// How many elements the array at a path has; `nil` when it is not an array.
    public func count(_ key: StaticString, _ inner: StaticString? = nil) -> Int? {
        var value = 0
        let found = withPath(key, inner) { cjson_count_at(parser, $0, $1, &value) }
        return found ? value : nil
    }

    /// The strings of the array at a path, up to `limit`; `nil` when it is not an array, holds
    /// anything but strings or holds more.
    public func strings(
        _ key: StaticString, _ inner: StaticString? = nil, limit: Int = 1024
    ) -> [String]? {
        guard let count = count(key, inner), count <= limit else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(count)
        for index in 0..<count {
            var start: UnsafePointer<UInt8>?
            var length = 0
            let found = withPath(key, inner) {
                cjson_element_at(parser, $0, $1, index, &start, &length)
            }
            guard found else { return nil }
            let view = UnsafeBufferPointer(start: start, count: length)
            strings.append(String(decoding: view, as: UTF8.self))
        }
        return strings
    }

    /// Calls `body` for each element of the array at a path, which is the root of every look-up
    /// meanwhile; stops when `body` returns false. False when there is no array.
    ///
    /// Walks do not nest: inside `body` it returns false at once.
    @discardableResult
    public func forEach(
        _ key: StaticString, _ inner: StaticString? = nil, _ body: () -> Bool
    ) -> Bool {
        guard withPath(key, inner, { cjson_walk(parser, $0, $1) }) else { return false }
        while cjson_step(parser) {
            guard body() else {
                cjson_stop(parser)
                break
            }
        }
        return true
    }

    /// The root when it is a string, as an element of an array may be; `nil` otherwise.
    public var rootString: String? {
        var start: UnsafePointer<UInt8>?
        var length = 0
        guard cjson_string_at(parser, nil, 0, &start, &length) else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
    }

    /// A view into the parser's own memory; it must not outlive the caller's look-up.
    private func utf8(
        _ key: StaticString, _ inner: StaticString?
    ) -> UnsafeBufferPointer<UInt8>? {
        var start: UnsafePointer<UInt8>?
        var length = 0
        let found = withPath(key, inner) { cjson_string_at(parser, $0, $1, &start, &length) }
        return found ? UnsafeBufferPointer(start: start, count: length) : nil
    }

    @inline(__always)
    private func withPath<Value>(
        _ key: StaticString, _ inner: StaticString?,
        _ body: (UnsafePointer<cjson_key>, Int) -> Value
    ) -> Value {
        var path = (Self.raw(key), inner.map(Self.raw) ?? cjson_key())
        return withUnsafePointer(to: &path) {
            $0.withMemoryRebound(to: cjson_key.self, capacity: 2) {
                body($0, inner == nil ? 1 : 2)
            }
        }
    }

    @inline(__always)
    private static func raw(_ key: StaticString) -> cjson_key {
        precondition(key.hasPointerRepresentation, "a key is a string literal of two bytes or more")
        return cjson_key(
            bytes: UnsafeRawPointer(key.utf8Start).assumingMemoryBound(to: CChar.self),
            length: key.utf8CodeUnitCount)
    }

    private static func kind(_ kind: cjson_kind) -> JSONKind {
        switch kind {
        case CJSON_NULL: .null
        case CJSON_BOOL: .bool
        case CJSON_INTEGER: .integer
        case CJSON_FRACTION: .fraction
        case CJSON_STRING: .string
        case CJSON_ARRAY: .array
        case CJSON_OBJECT: .object
        default: .missing
        }
    }
}
