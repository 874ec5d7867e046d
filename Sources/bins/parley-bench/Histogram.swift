/// Counts of times in buckets whose width grows with the time: within 1.6% at any length, at a cost
/// that does not depend on how many there are.
struct Histogram {
    /// Each power of two is cut into so many buckets.
    private static let parts = 64
    private var counts = [UInt64](repeating: 0, count: 60 * parts)
    /// How many times were added.
    private(set) var count: UInt64 = 0
    /// The longest time.
    private(set) var maximum: Int64 = 0
    private var sum: Int64 = 0

    /// Adds a time in any unit; negative ones count as 0.
    mutating func add(_ value: Int64) {
        let value = max(0, value)
        counts[Self.bucket(value)] += 1
        count += 1
        sum &+= value
        maximum = max(maximum, value)
    }

    /// The mean; 0 when nothing was added.
    var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

    /// The least time that `fraction` of all do not exceed; 0 when nothing was added.
    func quantile(_ fraction: Double) -> Int64 {
        guard count > 0 else { return 0 }
        let rank = max(1, UInt64((Double(count) * fraction).rounded(.up)))
        var seen: UInt64 = 0
        for position in counts.indices {
            seen += counts[position]
            if seen >= rank { return min(maximum, Self.top(position)) }
        }
        return maximum
    }

    private static func bucket(_ value: Int64) -> Int {
        guard value >= parts else { return Int(value) }
        let shift = 63 - 6 - value.leadingZeroBitCount
        return (shift + 1) * parts + Int(value >> Int64(shift)) - parts
    }

    private static func top(_ bucket: Int) -> Int64 {
        guard bucket >= parts else { return Int64(bucket) }
        let shift = bucket / parts - 1
        return (Int64(bucket % parts + parts + 1) << Int64(shift)) - 1
    }
}
