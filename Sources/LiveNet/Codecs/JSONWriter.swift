/// Appends one JSON text to a byte array.
///
/// Commas are put by the writer; that every `begin` meets its `end` and that a key comes before
/// each value of an object is the caller's duty. Strings are UTF-8 already and pass through;
/// quotes, backslashes and control characters are escaped (RFC 8259 section 7).
public struct JSONWriter: Sendable {
    /// The text so far.
    public private(set) var bytes: [UInt8]
    private var needsComma = false

    /// Makes a writer with room for `capacity` bytes.
    public init(capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Empties the writer and keeps its storage.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Opens an object.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes an object.
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Opens an array.
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes an array.
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes the key of the next value.
    public mutating func key(_ key: StaticString) {
        separate()
        key.withUTF8Buffer { quote($0) }
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes the key of the next value.
    public mutating func key(_ key: String) {
        separate()
        quote(key)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a string.
    public mutating func value(_ string: String) {
        separate()
        quote(string)
    }

    /// Writes a string that is a literal.
    public mutating func value(literal string: StaticString) {
        separate()
        string.withUTF8Buffer { quote($0) }
    }

    /// Writes a string given as UTF-8, which the caller vouches for.
    public mutating func value(utf8 string: [UInt8]) {
        separate()
        string.withUnsafeBufferPointer { quote($0) }
    }

    /// Writes a whole number.
    public mutating func value(_ number: Int64) {
        separate()
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(number.magnitude)
    }

    /// Writes a whole number.
    public mutating func value(_ number: Int) { value(Int64(number)) }

    /// Writes a whole number.
    public mutating func value(_ number: UInt64) {
        separate()
        digits(number)
    }

    /// Writes a truth value.
    public mutating func value(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// Writes `null`.
    public mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes a value that is JSON text already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// Writes a key and a string.
    public mutating func field(_ key: StaticString, _ value: String) {
        self.key(key)
        self.value(value)
    }

    /// Writes a key and a whole number.
    public mutating func field(_ key: StaticString, _ value: Int64) {
        self.key(key)
        self.value(value)
    }

    /// Writes a key and a whole number.
    public mutating func field(_ key: StaticString, _ value: UInt64) {
        self.key(key)
        self.value(value)
    }

    /// Writes a key and a whole number.
    public mutating func field(_ key: StaticString, _ value: Int) {
        self.key(key)
        self.value(Int64(value))
    }

    /// Writes a key and a truth value.
    public mutating func field(_ key: StaticString, _ value: Bool) {
        self.key(key)
        self.value(value)
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func quote(_ string: String) {
        var string = string
        string.withUTF8 { quote($0) }
    }

    /// Copies runs that need no escape in one go; most strings are a single run.
    private mutating func quote(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        for position in 0..<text.count {
            let byte = text[position]
            if byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") { continue }
            bytes.append(contentsOf: text[start..<position])
            start = position + 1
            escape(byte)
        }
        bytes.append(contentsOf: text[start..<text.count])
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            let low = byte & 15
            bytes.append(low < 10 ? 48 + low : 87 + low)
        }
    }

    private mutating func digits(_ number: UInt64) {
        // 20 digits hold every 64-bit number.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { scratch in
            var rest = number
            var position = 20
            repeat {
                position -= 1
                scratch[position] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            bytes.append(contentsOf: scratch[position..<20])
        }
    }
}
