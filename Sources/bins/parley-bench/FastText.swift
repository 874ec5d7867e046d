import Glibc

/// Finds the few fields that a load needs in the text of a message, without parsing all of it.
///
/// It looks for keys as they stand in compact or spaced JSON. The contents are this program's own,
/// so no content can look like a key.
struct FastText {
    private let text: UnsafeRawBufferPointer

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    /// The identity that a load gives to each of its messages, at the start of the content.
    struct Stamp: Equatable {
        var sender: UInt64
        var counter: UInt64
        /// When it was sent or due, in nanoseconds of the monotonic clock.
        var time: Int64

        /// One number for the message; never 0.
        var identity: UInt64 { sender << 40 | (counter + 1) }

        /// The text at the start of a content: 4, 10 and 16 hexadecimal digits.
        func append(to bytes: inout [UInt8]) {
            bytes.append(UInt8(ascii: "#"))
            FastText.append(sender, digits: 4, to: &bytes)
            FastText.append(counter, digits: 10, to: &bytes)
            FastText.append(UInt64(bitPattern: time), digits: 16, to: &bytes)
        }
    }

    static func append(_ value: UInt64, digits: Int, to bytes: inout [UInt8]) {
        for position in stride(from: (digits - 1) * 4, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(position)) & 15
            bytes.append(digit < 10 ? 48 + digit : 87 + digit)
        }
    }

    /// True when the type, which stands near the start, is this one; give it with quotes.
    func isType(_ quoted: StaticString) -> Bool { find(quoted, in: 0..<min(text.count, 64)) != nil }

    /// The number of a key, which is given with quotes.
    func number(_ key: StaticString) -> UInt64? {
        guard var position = value(of: key) else { return nil }
        var number: UInt64 = 0
        let start = position
        while position < text.count, text[position] >= 48, text[position] <= 57 {
            number = number &* 10 &+ UInt64(text[position] - 48)
            position += 1
        }
        return position > start ? number : nil
    }

    /// The stamp at the start of the content.
    var stamp: Stamp? {
        guard let position = value(of: "\"content\"", fromEnd: false), position + 32 <= text.count,
            text[position] == 0x22, text[position + 1] == UInt8(ascii: "#"),
            let sender = hex(position + 2, 4), let counter = hex(position + 6, 10),
            let time = hex(position + 16, 16)
        else { return nil }
        return Stamp(sender: sender, counter: counter, time: Int64(bitPattern: time))
    }

    /// The counter in the client's own name of a message, `...-0000000007`.
    var counter: UInt64? {
        guard let start = value(of: "\"client_message_id\""), start < text.count,
            text[start] == 0x22
        else { return nil }
        var position = start + 1
        while position < text.count, text[position] != 0x22 { position += 1 }
        return position - 10 > start ? hex(position - 10, 10) : nil
    }

    /// Finds a key, which has eight bytes or more, from either end.
    private func find(
        _ needle: StaticString, in range: Range<Int>, fromEnd: Bool = false
    ) -> Int? {
        let length = needle.utf8CodeUnitCount
        precondition(length >= 8, "eight bytes are compared at once")
        guard range.count >= length else { return nil }
        let first = UnsafeRawPointer(needle.utf8Start).loadUnaligned(as: UInt64.self)
        var position = fromEnd ? range.upperBound - length : range.lowerBound
        let last = fromEnd ? range.lowerBound : range.upperBound - length
        let step = fromEnd ? -1 : 1
        while true {
            if text.loadUnaligned(fromByteOffset: position, as: UInt64.self) == first,
                memcmp(text.baseAddress! + position, needle.utf8Start, length) == 0
            {
                return position
            }
            if position == last { return nil }
            position += step
        }
    }

    /// Where the value of a key begins.
    private func value(of key: StaticString, fromEnd: Bool = true) -> Int? {
        guard var position = find(key, in: 0..<text.count, fromEnd: fromEnd) else { return nil }
        position += key.utf8CodeUnitCount
        while position < text.count, text[position] == 0x3A || text[position] == 0x20 {
            position += 1
        }
        return position
    }

    private func hex(_ start: Int, _ digits: Int) -> UInt64? {
        guard start + digits <= text.count else { return nil }
        var value: UInt64 = 0
        for position in start..<start + digits {
            let byte = text[position]
            switch byte {
            case 48...57: value = value << 4 | UInt64(byte - 48)
            case 97...102: value = value << 4 | UInt64(byte - 87)
            default: return nil
            }
        }
        return value
    }
}
