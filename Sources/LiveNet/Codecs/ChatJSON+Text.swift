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

    /// Appends a node's name with its quotes.
    mutating func quoted(_ node: NodeID) {
        text("\"node")
        number(UInt64(node.rawValue))
        append(0x22)
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
        let parts = CivilTime(time)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 31) { out in
            func put(_ value: Int, width: Int, at position: Int) {
                var rest = value
                for digit in stride(from: position + width - 1, through: position, by: -1) {
                    out[digit] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
            }
            out[0] = 0x22
            put(parts.year, width: 4, at: 1)
            out[5] = 0x2D
            put(parts.month, width: 2, at: 6)
            out[8] = 0x2D
            put(parts.day, width: 2, at: 9)
            out[11] = UInt8(ascii: "T")
            put(parts.hour, width: 2, at: 12)
            out[14] = 0x3A
            put(parts.minute, width: 2, at: 15)
            out[17] = 0x3A
            put(parts.second, width: 2, at: 18)
            out[20] = 0x2E
            put(parts.millisecond, width: 3, at: 21)
            out[24] = 0x2B
            put(0, width: 2, at: 25)
            out[27] = 0x3A
            put(0, width: 2, at: 28)
            out[30] = 0x22
            append(contentsOf: UnsafeBufferPointer(out))
        }
    }
}

/// A time in the parts of the Gregorian calendar, UTC.
///
/// The arithmetic counts days in eras of 400 years with years that begin in March, so that the
/// leap day comes last.
struct CivilTime: Equatable {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int
    var millisecond: Int

    private static let dayMilliseconds = 86_400_000
    /// Days from the first of March of year 0 to 1970.
    private static let daysBefore1970 = 719_468

    /// The parts of a time, which is moved into the years 0001 to 9999 first.
    init(_ time: WallTime) {
        let total = Int(min(max(time.milliseconds, -62_135_596_800_000), 253_402_300_799_999))
        var days = total / Self.dayMilliseconds
        if total % Self.dayMilliseconds < 0 { days -= 1 }
        var rest = total - days * Self.dayMilliseconds
        millisecond = rest % 1000
        rest /= 1000
        second = rest % 60
        rest /= 60
        minute = rest % 60
        hour = rest / 60
        // Positive from here on, for the earliest time is in year 1.
        let shifted = days + Self.daysBefore1970
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Milliseconds since 1970 UTC.
    private var wallTime: WallTime {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - Self.daysBefore1970
        let seconds = (hour * 60 + minute) * 60 + second
        return WallTime(
            milliseconds: Int64(days * Self.dayMilliseconds + seconds * 1000 + millisecond))
    }

    /// Reads `YYYY-MM-DDThh:mm:ss`, perhaps a fraction, then `Z`, `+hh:mm` or nothing, which is
    /// UTC (RFC 3339); `nil` for anything else.
    static func parse(_ text: String) -> WallTime? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes.count <= 40 else { return nil }
        func digits(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[range] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            return value
        }
        guard let year = digits(0..<4), let month = digits(5..<7), let day = digits(8..<10),
            let hour = digits(11..<13), let minute = digits(14..<16), let second = digits(17..<19),
            bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54 || bytes[10] == 0x20,
            bytes[13] == 0x3A, bytes[16] == 0x3A, year >= 1, (1...12).contains(month),
            (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var position = 19
        var millisecond = 0
        if position < bytes.count, bytes[position] == 0x2E {
            var scale = 100
            position += 1
            let start = position
            while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57 {
                millisecond += Int(bytes[position] - 48) * scale
                scale /= 10
                position += 1
            }
            guard position > start else { return nil }
        }
        var offset = 0
        if position < bytes.count, bytes[position] != 0x5A {
            guard bytes.count == position + 6, bytes[position + 3] == 0x3A,
                bytes[position] == 0x2B || bytes[position] == 0x2D,
                let hours = digits(position + 1..<position + 3),
                let minutes = digits(position + 4..<position + 6), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (bytes[position] == 0x2B ? 60_000 : -60_000)
        } else if position < bytes.count, position + 1 != bytes.count {
            return nil
        }
        var parts = CivilTime(WallTime(milliseconds: 0))
        parts.year = year
        parts.month = month
        parts.day = day
        parts.hour = hour
        parts.minute = minute
        parts.second = second
        parts.millisecond = millisecond
        return WallTime(milliseconds: parts.wallTime.milliseconds - Int64(offset))
    }
}
