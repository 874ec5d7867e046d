/// A point on one node's monotonic clock, in nanoseconds since an arbitrary start.
///
/// Instants of two nodes are never compared. Monotonic time never goes back.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: Int64

    /// Makes an instant from nanoseconds since the clock's start.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The clock's start.
    public static let zero = Instant(nanoseconds: 0)
    /// Later than any instant a clock reaches (292 years).
    public static let distantFuture = Instant(nanoseconds: .max)

    /// Orders by time.
    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    /// The instant `interval` later.
    public static func + (a: Instant, interval: Interval) -> Instant {
        Instant(nanoseconds: a.nanoseconds &+ interval.nanoseconds)
    }
    /// The instant `interval` earlier.
    public static func - (a: Instant, interval: Interval) -> Instant {
        Instant(nanoseconds: a.nanoseconds &- interval.nanoseconds)
    }
    /// The interval from `b` to `a`.
    public static func - (a: Instant, b: Instant) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
}

/// A length of time in nanoseconds; 64 bits wide, for `Swift.Duration` is twice that.
public struct Interval: Hashable, Comparable, Sendable {
    /// Nanoseconds.
    public var nanoseconds: Int64

    /// Makes an interval from nanoseconds.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// No time at all.
    public static let zero = Interval(nanoseconds: 0)
    /// `n` microseconds.
    public static func microseconds(_ n: Int64) -> Interval { Interval(nanoseconds: n * 1_000) }
    /// `n` milliseconds.
    public static func milliseconds(_ n: Int64) -> Interval { Interval(nanoseconds: n * 1_000_000) }
    /// `n` seconds.
    public static func seconds(_ n: Int64) -> Interval { Interval(nanoseconds: n * 1_000_000_000) }

    /// Whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }

    /// Orders by length.
    public static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }
    /// The sum of two intervals.
    public static func + (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds &+ b.nanoseconds)
    }
    /// The difference of two intervals.
    public static func - (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
    /// The interval, `factor` times.
    public static func * (a: Interval, factor: Int64) -> Interval {
        Interval(nanoseconds: a.nanoseconds &* factor)
    }
    /// The interval in `divisor` parts.
    public static func / (a: Interval, divisor: Int64) -> Interval {
        Interval(nanoseconds: a.nanoseconds / divisor)
    }
}

/// A point on the cluster's own clock, in nanoseconds; the same on every replica that applied the
/// same entry, and untouched by jumps of any wall clock.
///
/// It is the stamp of the last applied entry plus what the leader's monotonic clock has advanced
/// since. Leases and expiry use it alone.
public struct ClusterTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since the cluster was bootstrapped, leaderless time left out.
    public var nanoseconds: Int64

    /// Makes a cluster time from nanoseconds.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The bootstrap.
    public static let zero = ClusterTime(nanoseconds: 0)

    /// Orders by time.
    public static func < (a: ClusterTime, b: ClusterTime) -> Bool { a.nanoseconds < b.nanoseconds }
    /// The cluster time `interval` later.
    public static func + (a: ClusterTime, interval: Interval) -> ClusterTime {
        ClusterTime(nanoseconds: a.nanoseconds &+ interval.nanoseconds)
    }
    /// The interval from `b` to `a`.
    public static func - (a: ClusterTime, b: ClusterTime) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
}

/// A reading of a wall clock, in milliseconds since 1970 UTC. For display alone: no decision
/// depends on it.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var milliseconds: Int64

    /// Makes a wall time from milliseconds since 1970 UTC.
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Orders by time.
    public static func < (a: WallTime, b: WallTime) -> Bool { a.milliseconds < b.milliseconds }
}
