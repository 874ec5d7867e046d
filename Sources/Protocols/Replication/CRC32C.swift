/// The checksum of Parley's files: CRC-32C, the Castagnoli polynomial (RFC 3720, section 12.1).
///
/// Eight tables take eight bytes a step ("slicing by 8": Kounavis and Berry, 2005).
public enum CRC32C {
    /// The checksum of `bytes`.
    public static func checksum(_ bytes: [UInt8]) -> UInt32 { extend(0, bytes, in: bytes.indices) }

    /// The checksum of what gave `crc`, followed by a part of `bytes`; the range must lie inside.
    public static func extend(_ crc: UInt32, _ bytes: [UInt8], in range: Range<Int>) -> UInt32 {
        bytes.withUnsafeBytes { extend(crc, UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// The checksum of what gave `crc`, followed by `raw`.
    public static func extend(_ crc: UInt32, _ raw: UnsafeRawBufferPointer) -> UInt32 {
        // The tables are fetched once a call, so that the loop has no check for their first use.
        tables.withUnsafeBufferPointer { tables in
            guard let bytes = raw.baseAddress, let table = tables.baseAddress else { return crc }
            return run(crc, bytes, raw.count, table)
        }
    }

    /// The checksum of what gave `crc`, followed by the eight bytes of `number`, little-endian.
    static func extend(_ crc: UInt32, _ number: UInt64) -> UInt32 {
        withUnsafeBytes(of: number.littleEndian) { extend(crc, $0) }
    }

    private static func run(
        _ crc: UInt32, _ bytes: UnsafeRawPointer, _ count: Int, _ table: UnsafePointer<UInt32>
    ) -> UInt32 {
        var state = ~crc
        var offset = 0
        while offset &+ 8 <= count {
            let next = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let word = next ^ UInt64(state)
            let low =
                table[1792 &+ Int(word & 0xFF)]
                ^ table[1536 &+ Int(word >> 8 & 0xFF)]
                ^ table[1280 &+ Int(word >> 16 & 0xFF)]
                ^ table[1024 &+ Int(word >> 24 & 0xFF)]
            let high =
                table[768 &+ Int(word >> 32 & 0xFF)]
                ^ table[512 &+ Int(word >> 40 & 0xFF)]
                ^ table[256 &+ Int(word >> 48 & 0xFF)]
                ^ table[Int(word >> 56)]
            state = low ^ high
            offset &+= 8
        }
        while offset < count {
            let byte = bytes.load(fromByteOffset: offset, as: UInt8.self)
            state = table[Int((state ^ UInt32(byte)) & 0xFF)] ^ state >> 8
            offset &+= 1
        }
        return ~state
    }

    /// Table `k` at `256 * k` holds the effect of a byte that `k` more bytes follow.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var state = UInt32(byte)
            for _ in 0..<8 { state = state & 1 == 1 ? state >> 1 ^ 0x82F6_3B78 : state >> 1 }
            tables[byte] = state
        }
        for slot in 256..<8 * 256 {
            let shorter = tables[slot - 256]
            tables[slot] = tables[Int(shorter & 0xFF)] ^ shorter >> 8
        }
        return tables
    }()
}
