import Protocols

/// One of a run's options by name, as a scenario writes it and as shrinking takes it back.
public struct OptionField: Sendable {
    /// How the value is stored and written.
    private enum Place: Sendable {
        case interval(WritableKeyPath<Options, Interval> & Sendable)
        case count(WritableKeyPath<Options, Int> & Sendable)
        case chance(WritableKeyPath<Options, UInt64> & Sendable)
        case drift(WritableKeyPath<Options, Int64> & Sendable)
        case flag(WritableKeyPath<Options, Bool> & Sendable)
    }

    /// What a scenario calls it.
    public let name: String
    private let place: Place

    /// All options that a scenario can set, in the order in which it is printed.
    public static let all: [OptionField] = [
        OptionField(name: "settling", place: .interval(\.settling)),
        OptionField(name: "liveness-bound", place: .interval(\.livenessBound)),
        OptionField(name: "loss", place: .chance(\.lossChance)),
        OptionField(name: "duplicate", place: .chance(\.duplicateChance)),
        OptionField(name: "reorder", place: .chance(\.reorderChance)),
        OptionField(name: "late", place: .chance(\.lateChance)),
        OptionField(name: "lateness", place: .interval(\.lateness)),
        OptionField(name: "forged", place: .chance(\.forgeChance)),
        OptionField(name: "garbage", place: .chance(\.garbageChance)),
        OptionField(name: "ping", place: .interval(\.pingInterval)),
        OptionField(name: "bytes", place: .flag(\.bytes)),
        OptionField(name: "upgrades", place: .flag(\.upgrades)),
        OptionField(name: "cramped", place: .count(\.crampedBytes)),
        OptionField(name: "drift", place: .drift(\.clockDrift)),
        OptionField(name: "heartbeat", place: .interval(\.raft.heartbeat)),
        OptionField(name: "election-from", place: .interval(\.raft.electionLower)),
        OptionField(name: "election-to", place: .interval(\.raft.electionUpper)),
        OptionField(name: "disk-stall", place: .interval(\.raft.diskStall)),
        OptionField(name: "latency", place: .interval(\.latency)),
        OptionField(name: "jitter", place: .interval(\.jitter)),
        OptionField(name: "disk-latency", place: .interval(\.diskLatency)),
        OptionField(name: "disk-jitter", place: .interval(\.diskJitter)),
        OptionField(name: "tick-lateness", place: .interval(\.tickLateness)),
        OptionField(name: "segment", place: .count(\.segmentBytes)),
        OptionField(name: "snapshot-log", place: .count(\.limits.snapshotLogBytes)),
        OptionField(name: "trailing", place: .count(\.raft.trailingBytes)),
        OptionField(name: "inflight", place: .count(\.raft.inflightCount)),
        OptionField(name: "inflight-bytes", place: .count(\.raft.inflightBytes)),
        OptionField(name: "append-bytes", place: .count(\.raft.appendBytes)),
        OptionField(name: "uncommitted", place: .count(\.raft.uncommittedBytes)),
        OptionField(name: "history", place: .count(\.state.historyCount)),
        OptionField(name: "history-bytes", place: .count(\.state.historyBytes)),
        OptionField(name: "history-block", place: .count(\.state.historyBlockBytes)),
        OptionField(name: "node-session", place: .interval(\.state.nodeSessionLife)),
        OptionField(name: "client-session", place: .interval(\.state.clientSessionLife)),
        OptionField(name: "client-sessions", place: .count(\.state.clientSessions)),
        OptionField(name: "pending", place: .count(\.limits.pendingRequests)),
        OptionField(name: "backlog", place: .count(\.limits.clientBacklog)),
        OptionField(name: "apply-batch", place: .count(\.limits.applyBatch)),
        OptionField(name: "checkpoint", place: .chance(\.limits.checkpointEntries)),
        OptionField(name: "join-history", place: .count(\.limits.joinHistory)),
        OptionField(name: "inactivity", place: .interval(\.limits.inactivityTimeout)),
        OptionField(name: "cleanup", place: .interval(\.limits.cleanupInterval)),
        OptionField(name: "short-history", place: .count(\.shortHistory)),
        OptionField(name: "short-history-age", place: .interval(\.shortHistoryAge)),
        OptionField(name: "rate", place: .count(\.limits.rateLimit)),
        OptionField(name: "rate-burst", place: .count(\.limits.rateBurst)),
        OptionField(name: "operations", place: .count(\.load.operations)),
        OptionField(name: "crowd", place: .count(\.load.crowd)),
    ]

    /// The option of this name.
    public static func named(_ name: String) -> OptionField? { all.first { $0.name == name } }

    /// What a value looks like, for the person who wrote another.
    var form: String {
        switch place {
        case .interval: "a time such as 300us, 20ms or 1.5s, up to 3600s"
        case .count, .chance: "a whole number, 0 or more"
        case .drift: "a whole number of parts per million"
        case .flag: "'yes' or 'no'"
        }
    }

    /// True if both have the same value.
    func isEqual(_ a: Options, _ b: Options) -> Bool {
        switch place {
        case .interval(let path): a[keyPath: path] == b[keyPath: path]
        case .count(let path): a[keyPath: path] == b[keyPath: path]
        case .chance(let path): a[keyPath: path] == b[keyPath: path]
        case .drift(let path): a[keyPath: path] == b[keyPath: path]
        case .flag(let path): a[keyPath: path] == b[keyPath: path]
        }
    }

    /// Takes the value over from other options.
    func copy(from source: Options, to target: inout Options) {
        switch place {
        case .interval(let path): target[keyPath: path] = source[keyPath: path]
        case .count(let path): target[keyPath: path] = source[keyPath: path]
        case .chance(let path): target[keyPath: path] = source[keyPath: path]
        case .drift(let path): target[keyPath: path] = source[keyPath: path]
        case .flag(let path): target[keyPath: path] = source[keyPath: path]
        }
    }

    /// The value as a scenario writes it.
    func text(_ options: Options) -> String {
        switch place {
        case .interval(let path): options[keyPath: path].scenarioText
        case .count(let path): "\(options[keyPath: path])"
        case .chance(let path): "\(options[keyPath: path])"
        case .drift(let path): "\(options[keyPath: path])"
        case .flag(let path): options[keyPath: path] ? "yes" : "no"
        }
    }

    /// Sets the value from its text; false if the text is of another form.
    func set(_ text: String, in options: inout Options) -> Bool {
        switch place {
        case .interval(let path):
            guard let value = Interval(scenarioText: text), value >= .zero, value <= .seconds(3_600)
            else { return false }
            options[keyPath: path] = value
        case .count(let path):
            guard let value = Int(text), (0...1 << 40).contains(value) else { return false }
            options[keyPath: path] = value
        case .chance(let path):
            guard let value = UInt64(text), value <= 1 << 40 else { return false }
            options[keyPath: path] = value
        case .drift(let path):
            guard let value = Int64(text), (-500_000...500_000).contains(value) else {
                return false
            }
            options[keyPath: path] = value
        case .flag(let path):
            guard text == "yes" || text == "no" else { return false }
            options[keyPath: path] = text == "yes"
        }
        return true
    }
}

extension Interval {
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1),
    ]

    /// Digits with at most three places and the largest unit that needs no more.
    public var scenarioText: String {
        if self == .zero { return "0s" }
        let sign = nanoseconds < 0 ? "-" : ""
        let size = nanoseconds.magnitude
        for (name, unit) in Interval.units {
            let unit = UInt64(unit)
            guard size >= unit, unit < 1_000 || size % (unit / 1_000) == 0 else { continue }
            var text = "\(sign)\(size / unit)"
            if unit >= 1_000, size % unit != 0 {
                text += "." + Interval.places(size % unit / (unit / 1_000))
            }
            return text + name
        }
        return "\(nanoseconds)ns"
    }

    /// Three places after the point without the zeros at their end.
    private static func places(_ thousandths: UInt64) -> String {
        var digits = String(thousandths)
        digits = String(repeating: "0", count: 3 - digits.utf8.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return digits
    }

    /// Reads a number with `s`, `ms`, `us` or `ns`; nil for anything else, or over ten days.
    public init?(scenarioText text: String) {
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest.removeFirst() }
        let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let suffix = rest.dropFirst(number.count)
        guard let unit = Interval.units.first(where: { $0.name == suffix })?.nanoseconds,
            let value = Interval.scaled(number, unit)
        else { return nil }
        self.init(nanoseconds: isNegative ? -value : value)
    }

    /// A decimal number times `unit`, which is a power of ten; nil if it is none or too precise.
    static func scaled(_ number: Substring, _ unit: Int64) -> Int64? {
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = Int64(parts[0]), whole >= 0,
            whole <= 864_000_000_000_000 / unit
        else { return nil }
        var value = whole * unit
        guard parts.count == 2 else { return value }
        guard !parts[1].isEmpty else { return nil }
        var place = unit
        for digit in parts[1] {
            place /= 10
            guard place > 0, let number = digit.wholeNumberValue else { return nil }
            value += Int64(number) * place
        }
        return value
    }
}
