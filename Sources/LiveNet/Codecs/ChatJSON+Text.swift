import Protocols

// Appending pieces of JSON text to a byte array. The layout of a message is fixed, so its literal
// parts go in whole and no writer keeps count of commas.
extension [UInt8] {
    /// Appends literal text.
    @inline(__always)
    mutating func text(_ literal: StaticString) {
        literal.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// Appends a JSON string with its quotes (RFC 8259, 7).
    mutating func quoted(_ string: String) {
        var string = string
        string.withUTF8 { quoted(utf8: $0) }
    }

    private mutating func quoted(utf8 text: UnsafeBufferPointer<UInt8>) {
        append(0x22)
        var start = 0
        while true {
            let end = Self.endOfPlainRun(text, from: start)
            append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<end]))
            guard end < text.count else { break }
            escaped(text[end])
            start = end + 1
        }
        append(0x22)
    }

    /// Where the first byte stands that needs an escape; eight bytes are looked at together.
    private static func endOfPlainRun(
        _ text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let raw = UnsafeRawBufferPointer(text)
        var position = start
        while position + 8 <= raw.count {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            // In each term the highest bit of a byte is set when that byte is below 0x20, a quote
            // or a backslash; a borrow may set it for a byte after such a one, which does no harm.
            let control = (word &- ones &* 0x20) & ~word
            let quote = word ^ ones &* 0x22
            let slash = word ^ ones &* 0x5C
            let found = control | ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash)
            if found & tops != 0 { break }
            position += 8
        }
        while position < raw.count {
            let byte = raw[position]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { break }
            position += 1
        }
        return position
    }

    private mutating func escaped(_ byte: UInt8) {
        append(0x5C)
        switch byte {
        case 0x22, 0x5C: append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        default:
            text("u00")
            append(Self.hexDigit(byte >> 4))
            append(Self.hexDigit(byte & 15))
        }
    }

    @inline(__always)
    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    /// Appends a whole number.
    mutating func number(_ value: UInt64) {
        // 20 digits hold every 64-bit number.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value
            var position = 20
            repeat {
                position -= 1
                digits[position] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            append(contentsOf: UnsafeBufferPointer(rebasing: digits[position...]))
        }
    }

    /// Appends a UUID with its quotes.
    mutating func quoted(_ id: UniqueID) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 38) { out in
            out[0] = 0x22
            var position = 1
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    out[position] = 0x2D
                    position += 1
                }
                let half = digit < 16 ? id.high : id.low
                let value = UInt8(truncatingIfNeeded: half >> (60 - 4 * UInt64(digit & 15))) & 15
                out[position] = Self.hexDigit(value)
                position += 1
            }
            out[37] = 0x22
            append(contentsOf: UnsafeBufferPointer(out))
        }
    }

    /// Appends the name of whoever administers a room with its quotes.
    mutating func quoted(_ admin: RoomAdmin) {
        switch admin {
        case .node(let node):
            text("\"node")
            number(UInt64(node.rawValue))
            append(0x22)
        case .cluster(let name): quoted(name.text)
        }
    }

    /// Appends a list in brackets.
    mutating func list<Member>(_ members: [Member], _ body: (inout [UInt8], Member) -> Void) {
        append(0x5B)
        for position in members.indices {
            if position > 0 { append(0x2C) }
            body(&self, members[position])
        }
        append(0x5D)
    }

    /// Appends a time with its quotes: `"2026-01-02T03:04:05.678+00:00"`.
    mutating func quoted(_ time: WallTime) {
        append(0x22)
        CivilTime(time).append(to: &self)
        append(0x22)
    }
}
