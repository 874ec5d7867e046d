import Protocols

/// The settings that bound what clients may do and have.
extension NodeSettings {
    mutating func readLimits(_ source: SettingSource) throws(SettingError) {
        if let text = source["STATE_LIMIT"] {
            guard let bytes = Self.size(text), bytes >= 1 << 20 else {
                throw SettingError(
                    "STATE_LIMIT", text, "expected a size of at least 1M, as 512M or 2G")
            }
            limits.stateBytes = bytes
        }
        limits.inactivityTimeout = .seconds(
            Int64(try Self.number(source, "INACTIVITY_TIMEOUT", 900, in: 0...31_536_000, "seconds"))
        )
        limits.cleanupInterval = .seconds(
            Int64(try Self.number(source, "CLEANUP_INTERVAL", 60, in: 1...86_400, "seconds")))
        limits.drainSpan = .seconds(
            Int64(try Self.number(source, "DRAIN_TIME", 5, in: 0...3_600, "seconds")))
        limits.rateLimit = try Self.number(
            source, "RATE_LIMIT", 1_000, in: 0...1_000_000, "requests a second")
        limits.rateBurst = try Self.number(
            source, "RATE_BURST", max(1, 2 * limits.rateLimit), in: 1...2_000_000, "requests")
        limits.roomLimit = try Self.number(
            source, "ROOM_LIMIT", 10_000, in: 0...10_000_000, "rooms")
        limits.memberLimit = try Self.number(
            source, "MEMBER_LIMIT", 10_000, in: 0...10_000_000, "members")
        limits.history = try Self.history(source)
        edge.pingInterval = .seconds(
            Int64(try Self.number(source, "PING_INTERVAL", 25, in: 1...3_600, "seconds")))
        edge.pongTimeout = .seconds(
            Int64(try Self.number(source, "PING_TIMEOUT", 20, in: 1...3_600, "seconds")))
    }

    private static func history(_ source: SettingSource) throws(SettingError) -> HistoryLimits {
        var history = StateLimits().history
        history.count = try number(
            source, "HISTORY_COUNT", history.count, in: 1...10_000_000, "messages")
        if let text = source["HISTORY_BYTES"] {
            guard let bytes = size(text), bytes >= 1 << 16 else {
                throw SettingError(
                    "HISTORY_BYTES", text, "expected a size of at least 64K, as 64M or 1G")
            }
            history.bytes = bytes
        }
        let seconds = try number(source, "HISTORY_AGE", 0, in: 0...3_153_600_000, "seconds")
        history.age = .seconds(Int64(seconds))
        return history
    }

    private static func number(
        _ source: SettingSource, _ variable: String, _ usual: Int, in range: ClosedRange<Int>,
        _ unit: String
    ) throws(SettingError) -> Int {
        guard let text = source[variable] else { return usual }
        guard let number = Int(text), range.contains(number) else {
            throw SettingError(
                variable, text,
                "expected \(unit) from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
