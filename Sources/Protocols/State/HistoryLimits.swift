/// How much of what was said a room keeps; the content of a `limits` entry.
///
/// Each member may be told other limits than the rest, for a while or for good. What counts is the
/// log: a leader that was told others than those in force appends its own.
public struct HistoryLimits: Equatable, Sendable {
    /// The most messages a room keeps; at least 1.
    public var count: Int
    /// The most bytes of messages a room keeps; at least 1.
    public var bytes: Int
    /// How long, in cluster time, a room keeps a message; zero: for ever.
    public var age: Interval

    /// Makes limits.
    public init(count: Int, bytes: Int, age: Interval) {
        self.count = count
        self.bytes = bytes
        self.age = age
    }

    /// The binary form.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 32)
        writer.write(byte: 1)
        write(to: &writer)
        return writer.bytes
    }

    /// Reads the binary form; throws on anything that `encoded` does not write.
    public init(decoding bytes: [UInt8]) throws(DecodeError) {
        var reader = ByteReader(bytes)
        guard try reader.byte() == 1 else { throw .malformed }
        try self.init(from: &reader)
        try reader.finish()
    }

    func write(to writer: inout ByteWriter) {
        writer.write(UInt64(count))
        writer.write(UInt64(bytes))
        writer.write(signed: age.nanoseconds)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let count = try reader.number()
        let bytes = try reader.number()
        let age = Interval(nanoseconds: try reader.signed())
        let bound = UInt64(1) << 62
        guard count > 0, bytes > 0, count < bound, bytes < bound, age >= .zero else {
            throw .malformed
        }
        self.init(count: Int(count), bytes: Int(bytes), age: age)
    }
}

extension StateLimits {
    /// The limits of histories among them.
    public var history: HistoryLimits {
        get { HistoryLimits(count: historyCount, bytes: historyBytes, age: historyAge) }
        set {
            historyCount = newValue.count
            historyBytes = newValue.bytes
            historyAge = newValue.age
        }
    }
}
