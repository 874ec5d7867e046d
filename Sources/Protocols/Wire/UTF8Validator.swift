/// Decides byte by byte whether a stream is UTF-8; the earliest wrong byte is found at once.
///
/// Overlong forms, surrogates and anything past U+10FFFF are wrong (RFC 3629, 4).
public struct UTF8Validator: Equatable, Sendable {
    /// True when the bytes are UTF-8 from beginning to end.
    public static func isValid(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        return bytes.withUnsafeBytes { validator.accept($0) } && validator.isAtBoundary
    }

    /// Continuation bytes that the current character still needs.
    private var needed: UInt8 = 0
    /// The range that the next continuation byte must be in.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// True between two characters, where a text may end.
    var isAtBoundary: Bool { needed == 0 }

    /// Takes the next bytes; false as soon as one is wrong, after which the validator is spent.
    mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            if needed == 0 {
                index = UTF8Validator.endOfASCII(bytes, from: index)
                guard index < bytes.count else { return true }
                guard begin(bytes[index]) else { return false }
            } else {
                let byte = bytes[index]
                guard byte >= lowest, byte <= highest else { return false }
                (lowest, highest) = (0x80, 0xBF)
                needed -= 1
            }
            index += 1
        }
        return true
    }

    @inline(__always)
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: needed = 1
        case 0xE0: (needed, lowest) = (2, 0xA0)
        case 0xE1...0xEC, 0xEE, 0xEF: needed = 2
        case 0xED: (needed, highest) = (2, 0x9F)
        case 0xF0: (needed, lowest) = (3, 0x90)
        case 0xF1...0xF3: needed = 3
        case 0xF4: (needed, highest) = (3, 0x8F)
        default: return false
        }
        return true
    }

    /// Chat is mostly ASCII, of which 8 bytes are passed over at a time.
    @inline(__always)
    private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count {
            let word = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let high = word & 0x8080_8080_8080_8080
            guard high == 0 else { return index + high.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count, bytes[index] < 0x80 { index += 1 }
        return index
    }

    func digest(into digest: inout Digest) {
        digest.combine(UInt64(needed) << 16 | UInt64(lowest) << 8 | UInt64(highest))
    }
}
