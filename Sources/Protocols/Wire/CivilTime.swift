/// A time in the parts of the Gregorian calendar, UTC.
///
/// The arithmetic counts days in eras of 400 years with years that begin in March, so that the
/// leap day comes last.
public struct CivilTime: Equatable, Sendable {
    /// The year, 1 to 9999.
    public var year: Int
    /// The month, 1 to 12.
    public var month: Int
    /// The day of the month, from 1.
    public var day: Int
    /// The hour, 0 to 23.
    public var hour: Int
    /// The minute.
    public var minute: Int
    /// The second; 60 is read and moved on.
    public var second: Int
    /// The thousandths of the second.
    public var millisecond: Int

    private static let dayMilliseconds = 86_400_000
    /// Days from the first of March of year 0 to 1970.
    private static let daysBefore1970 = 719_468

    /// The parts of a time, which is moved into the years 0001 to 9999 first.
    public init(_ time: WallTime) {
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

    /// The text form: `2026-01-02T03:04:05.678+00:00`.
    public var text: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text form, which has 29 bytes.
    public func append(to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 29) { out in
            func put(_ value: Int, width: Int, at position: Int) {
                var rest = value
                for digit in stride(from: position + width - 1, through: position, by: -1) {
                    out[digit] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
            }
            put(year, width: 4, at: 0)
            out[4] = 0x2D
            put(month, width: 2, at: 5)
            out[7] = 0x2D
            put(day, width: 2, at: 8)
            out[10] = UInt8(ascii: "T")
            put(hour, width: 2, at: 11)
            out[13] = 0x3A
            put(minute, width: 2, at: 14)
            out[16] = 0x3A
            put(second, width: 2, at: 17)
            out[19] = 0x2E
            put(millisecond, width: 3, at: 20)
            out[23] = 0x2B
            put(0, width: 2, at: 24)
            out[26] = 0x3A
            put(0, width: 2, at: 27)
            bytes.append(contentsOf: UnsafeBufferPointer(out))
        }
    }

    /// Reads `YYYY-MM-DDThh:mm:ss`, perhaps a fraction, then `Z`, `+hh:mm` or nothing, which is
    /// UTC (RFC 3339); `nil` for anything else.
    public static func parse(_ text: String) -> WallTime? {
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
