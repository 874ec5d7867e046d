/// Writes the primitive forms of which all of Parley's own binary formats are made.
///
/// Numbers are unsigned LEB128 unless a fixed width is named; fixed widths are little-endian;
/// byte strings carry their length first.
public struct ByteWriter: Sendable {
    /// What was written so far.
    public var bytes: [UInt8]

    /// Makes a writer with room for `capacity` bytes.
    public init(capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Writes one byte.
    public mutating func write(byte: UInt8) { bytes.append(byte) }

    /// Writes a number in as few bytes as it needs.
    public mutating func write(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes a count, which must not be negative.
    public mutating func write(count: Int) { write(UInt64(count)) }

    /// Writes a signed number in zigzag form.
    public mutating func write(signed number: Int64) {
        write(UInt64(bitPattern: number << 1 ^ number >> 63))
    }

    /// Writes a truth value as one byte, 0 or 1.
    public mutating func write(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    /// Writes four bytes, little-endian.
    public mutating func write(fixed32 number: UInt32) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Writes eight bytes, little-endian.
    public mutating func write(fixed64 number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Writes a length and the bytes.
    public mutating func write(_ string: [UInt8]) {
        write(count: string.count)
        bytes.append(contentsOf: string)
    }

    /// Writes a length and the UTF-8 of the string.
    public mutating func write(_ string: String) {
        let utf8 = string.utf8
        write(count: utf8.count)
        bytes.append(contentsOf: utf8)
    }

    /// Writes the 16 bytes of an id.
    public mutating func write(_ id: UniqueID) {
        write(fixed64: id.high)
        write(fixed64: id.low)
    }
}

/// Why bytes are not what they should be.
public enum DecodeError: Error, Equatable, Sendable {
    /// The bytes end inside a value.
    case truncated
    /// A value is outside its range or of no known kind.
    case malformed
    /// Bytes are left after the last value.
    case trailingBytes
    /// A length or a count is over its limit.
    case tooLarge
}

/// Reads what `ByteWriter` wrote; never traps on any input.
public struct ByteReader: Sendable {
    /// The bytes under the reader.
    public let bytes: [UInt8]
    /// The offset of the next byte to read.
    public private(set) var offset: Int
    /// Where the readable part ends.
    public let end: Int

    /// Makes a reader over all of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
        end = bytes.count
    }

    /// Makes a reader over a part of `bytes`; the range must lie inside.
    public init(_ bytes: [UInt8], in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    /// How many bytes are left.
    public var remaining: Int { end - offset }
    /// True when nothing is left.
    public var isAtEnd: Bool { offset == end }

    /// Reads one byte.
    public mutating func byte() throws(DecodeError) -> UInt8 {
        guard offset < end else { throw .truncated }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// Reads a number of at most 64 bits; a longer or padded form is malformed.
    public mutating func number() throws(DecodeError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            let bits = UInt64(next & 0x7F)
            guard shift < 63 || (shift == 63 && bits <= 1) else { throw .malformed }
            value |= bits << shift
            if next & 0x80 == 0 {
                guard next != 0 || shift == 0 else { throw .malformed }
                return value
            }
            shift += 7
        }
    }

    /// Reads a count of at most `limit`.
    public mutating func count(limit: Int) throws(DecodeError) -> Int {
        let value = try number()
        guard value <= UInt64(limit) else { throw .tooLarge }
        return Int(value)
    }

    /// Reads a signed number in zigzag form.
    public mutating func signed() throws(DecodeError) -> Int64 {
        let value = try number()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// Reads a truth value; anything but 0 and 1 is malformed.
    public mutating func flag() throws(DecodeError) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw .malformed
        }
    }

    /// Reads four bytes, little-endian.
    public mutating func fixed32() throws(DecodeError) -> UInt32 {
        guard remaining >= 4 else { throw .truncated }
        defer { offset += 4 }
        return bytes.withUnsafeBytes {
            UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
    }

    /// Reads eight bytes, little-endian.
    public mutating func fixed64() throws(DecodeError) -> UInt64 {
        guard remaining >= 8 else { throw .truncated }
        defer { offset += 8 }
        return bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }

    /// Reads a byte string of at most `limit` bytes.
    public mutating func byteString(limit: Int = .max) throws(DecodeError) -> [UInt8] {
        let length = try count(limit: limit)
        guard length <= remaining else { throw .truncated }
        defer { offset += length }
        return Array(bytes[offset..<offset + length])
    }

    /// Reads a string of at most `limit` bytes; broken UTF-8 is malformed.
    public mutating func string(limit: Int = .max) throws(DecodeError) -> String {
        let length = try count(limit: limit)
        guard length <= remaining else { throw .truncated }
        defer { offset += length }
        let text: String? = bytes.withUnsafeBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            var validator = UTF8Validator()
            guard validator.accept(bytes), validator.isAtBoundary else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
        guard let text else { throw .malformed }
        return text
    }

    /// Reads the 16 bytes of an id.
    public mutating func uniqueID() throws(DecodeError) -> UniqueID {
        UniqueID(high: try fixed64(), low: try fixed64())
    }

    /// Passes over `count` bytes.
    public mutating func skip(_ count: Int) throws(DecodeError) {
        guard count >= 0, count <= remaining else { throw .truncated }
        offset += count
    }

    /// Throws unless everything was read.
    public func finish() throws(DecodeError) {
        guard isAtEnd else { throw .trailingBytes }
    }
}
