import EdgeCodecs
import Glibc
import Protocols

/// How much a log line matters.
public enum LogLevel: UInt8, Comparable, Sendable, CaseIterable {
    /// For whoever follows one message through the program.
    case debug
    /// What an operator expects to read.
    case info
    /// Something is off and the program copes.
    case warning
    /// Something failed.
    case error

    /// Orders by weight.
    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    /// Reads the value of `LOG_LEVEL`, upper or lower case; `nil` for anything else.
    public init?(_ text: String) {
        switch text.lowercased() {
        case "debug", "trace": self = .debug
        case "info", "": self = .info
        case "warning", "warn": self = .warning
        case "error", "critical": self = .error
        default: return nil
        }
    }

    /// The name in a line.
    var name: StaticString {
        switch self {
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        }
    }
}

/// The form of a log line.
public enum LogFormat: Sendable {
    /// `time LEVEL message key=value`
    case text
    /// One JSON object.
    case json

    /// Reads the value of `LOG_FORMAT`; `nil` for anything else.
    public init?(_ text: String) {
        switch text.lowercased() {
        case "text", "": self = .text
        case "json": self = .json
        default: return nil
        }
    }
}

/// The value of one field of a log line; literals and interpolations make one.
public enum LogValue: Equatable, Sendable, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    /// A text.
    case text(String)
    /// A whole number.
    case number(Int64)
    /// A truth value.
    case flag(Bool)

    /// Makes a text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// Makes a number.
    public init(integerLiteral value: Int64) { self = .number(value) }
    /// Makes a truth value.
    public init(booleanLiteral value: Bool) { self = .flag(value) }
    /// Makes a number from any integer; one over 63 bits is written as text.
    public static func int(_ value: some BinaryInteger) -> LogValue {
        Int64(exactly: value).map { .number($0) } ?? .text("\(value)")
    }
}

/// The fields of a log line in the order in which they are written.
public struct LogFields: Sendable, ExpressibleByDictionaryLiteral {
    var fields: [(StaticString, LogValue)]

    /// Makes fields.
    public init(dictionaryLiteral elements: (StaticString, LogValue)...) { fields = elements }
}

/// Why there is no log.
public struct LogFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The path as given.
    public let path: String
    /// The kernel's error number.
    public let code: Int32

    /// One line that names the variable, the path and the reason.
    public var description: String {
        "LOG_FILE=\(path) cannot be opened for appending: \(reason(code)); "
            + "name a file in a directory that this user may write to"
    }
}

/// Writes one line per event with a single `write`, so that lines of several processes do not mix.
///
/// Fields below the level are never evaluated. Failing to write is not an error of the program: the
/// line is lost.
public final class Log: Sendable {
    /// Lines below it are not written.
    public let level: LogLevel
    private let format: LogFormat
    private let descriptor: Int32

    /// Makes a log that writes to a descriptor, standard error by default; it is not closed.
    public init(level: LogLevel = .info, format: LogFormat = .text, descriptor: Int32 = 2) {
        self.level = level
        self.format = format
        self.descriptor = descriptor
    }

    /// Makes a log that appends to a file, for the life of the process.
    public init(level: LogLevel, format: LogFormat, file path: String) throws(LogFileError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw LogFileError(path: path, code: errno) }
        self.level = level
        self.format = format
        self.descriptor = descriptor
    }

    /// Writes a debug line.
    @inline(__always)
    public func debug(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if level <= .debug { write(.debug, message(), fields()) }
    }

    /// Writes an info line.
    @inline(__always)
    public func info(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if level <= .info { write(.info, message(), fields()) }
    }

    /// Writes a warning.
    @inline(__always)
    public func warning(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if level <= .warning { write(.warning, message(), fields()) }
    }

    /// Writes an error.
    @inline(__always)
    public func error(
        _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
    ) {
        if level <= .error { write(.error, message(), fields()) }
    }

    /// Writes a line whatever the level.
    public func write(_ level: LogLevel, _ message: String, _ fields: LogFields) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = WallTime(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
        let line = Self.line(level, message, fields, at: time, format: format)
        var offset = 0
        while offset < line.count {
            let wrote = line.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + offset, line.count - offset)
            }
            if wrote < 0 && errno == EINTR { continue }
            guard wrote > 0 else { return }
            offset += wrote
        }
    }

    /// The bytes of one line, newline included.
    static func line(
        _ level: LogLevel, _ message: String, _ fields: LogFields, at time: WallTime,
        format: LogFormat
    ) -> [UInt8] {
        switch format {
        case .json: jsonLine(level, message, fields, at: time)
        case .text: textLine(level, message, fields, at: time)
        }
    }

    private static func jsonLine(
        _ level: LogLevel, _ message: String, _ fields: LogFields, at time: WallTime
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("time", iso8601(time))
        json.key("level")
        json.value(literal: level.name)
        json.field("message", message)
        for (key, value) in fields.fields {
            json.key(key)
            switch value {
            case .text(let text): json.value(text)
            case .number(let number): json.value(number)
            case .flag(let flag): json.value(flag)
            }
        }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private static func textLine(
        _ level: LogLevel, _ message: String, _ fields: LogFields, at time: WallTime
    ) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(160)
        line.append(contentsOf: iso8601(time).utf8)
        line.append(UInt8(ascii: " "))
        level.name.withUTF8Buffer { line.append(contentsOf: $0) }
        line.append(UInt8(ascii: " "))
        appendPrintable(message, to: &line)
        for (key, value) in fields.fields {
            line.append(UInt8(ascii: " "))
            key.withUTF8Buffer { line.append(contentsOf: $0) }
            line.append(UInt8(ascii: "="))
            switch value {
            case .number(let number): line.append(contentsOf: String(number).utf8)
            case .flag(let flag): line.append(contentsOf: (flag ? "true" : "false").utf8)
            case .text(let text): appendValue(text, to: &line)
            }
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Values that a person could misread as several fields are quoted.
    private static func appendValue(_ text: String, to line: inout [UInt8]) {
        let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F }
        if plain && !text.isEmpty {
            line.append(contentsOf: text.utf8)
        } else {
            var json = JSONWriter()
            json.value(text)
            line.append(contentsOf: json.bytes)
        }
    }

    /// Control characters become blanks: nobody forges a line with a newline in a name.
    private static func appendPrintable(_ text: String, to line: inout [UInt8]) {
        for byte in text.utf8 { line.append(byte < 0x20 || byte == 0x7F ? 0x20 : byte) }
    }
}

/// The time in UTC with milliseconds, as ISO 8601 and RFC 3339 write it.
public func iso8601(_ time: WallTime) -> String {
    var seconds = time.milliseconds / 1000
    var fraction = time.milliseconds % 1000
    if fraction < 0 {
        seconds -= 1
        fraction += 1000
    }
    var clock = time_t(seconds)
    var parts = tm()
    gmtime_r(&clock, &parts)
    return String(unsafeUninitializedCapacity: 24) { text in
        var position = 0
        func put(_ value: Int, _ digits: Int, _ after: Unicode.Scalar) {
            var rest = value
            for digit in stride(from: digits - 1, through: 0, by: -1) {
                text[position + digit] = 48 + UInt8(rest % 10)
                rest /= 10
            }
            position += digits
            text[position] = UInt8(ascii: after)
            position += 1
        }
        put(Int(parts.tm_year) + 1900, 4, "-")
        put(Int(parts.tm_mon) + 1, 2, "-")
        put(Int(parts.tm_mday), 2, "T")
        put(Int(parts.tm_hour), 2, ":")
        put(Int(parts.tm_min), 2, ":")
        put(Int(parts.tm_sec), 2, ".")
        put(Int(fraction), 3, "Z")
        return position
    }
}

/// What the system calls an error number.
func reason(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
}
