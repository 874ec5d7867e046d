/// A stable 64-bit fingerprint: equal input gives an equal value in every process, build and year.
///
/// Not cryptographic. `Hasher` is seeded per process and so cannot serve. Each step multiplies to
/// 128 bits and folds, after wyhash (Wang Yi, public domain).
public struct Digest: Hashable, Sendable {
    /// The fingerprint of all that was combined so far.
    public private(set) var value: UInt64

    /// Makes a digest that continues from `value`.
    public init(_ value: UInt64 = 0x9E37_79B9_7F4A_7C15) { self.value = value }

    /// Combines 64 bits.
    @inline(__always)
    public mutating func combine(_ bits: UInt64) {
        let product = (value ^ 0xA076_1D64_78BD_642F)
            .multipliedFullWidth(by: bits ^ 0xE703_7ED1_A0B4_28DB)
        value = product.high ^ product.low ^ bits.byteSwapped
    }

    /// Combines a signed number.
    @inline(__always)
    public mutating func combine(_ number: Int) { combine(UInt64(bitPattern: Int64(number))) }

    /// Combines a truth value.
    @inline(__always)
    public mutating func combine(_ flag: Bool) { combine(flag ? 1 as UInt64 : 2) }

    /// Combines the bytes and their count.
    public mutating func combine(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { combine($0) }
    }

    /// Combines the UTF-8 of a string and its length.
    public mutating func combine(_ string: String) {
        var string = string
        string.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }

    private mutating func combine(_ raw: UnsafeRawBufferPointer) {
        combine(UInt64(raw.count))
        var offset = 0
        while offset + 8 <= raw.count {
            combine(
                UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        guard offset < raw.count else { return }
        var tail: UInt64 = 0
        while offset < raw.count {
            tail = tail << 8 | UInt64(raw[offset])
            offset += 1
        }
        combine(tail)
    }
}
