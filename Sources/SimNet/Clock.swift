import Protocols

/// One host's clocks as functions of the world's time: a monotonic one with its own rate and
/// offset, and a wall clock that jumps.
struct HostClock: Sendable {
    /// How much faster than the world the host's clocks run, in parts per million.
    let drift: Int64
    /// What the monotonic clock showed at the world's start.
    let offset: Int64
    /// What the wall clock shows beyond the monotonic one, in nanoseconds since 1970; jumps.
    var wallOffset: Int64

    /// Makes clocks with the drift in parts per million.
    init(drift: Int64, offset: Int64, wallOffset: Int64) {
        precondition(abs(drift) < 500_000, "a clock's drift is under 50%")
        self.drift = drift
        self.offset = offset
        self.wallOffset = wallOffset
    }

    /// What the monotonic clock shows at this time of the world.
    func monotonic(at world: Int64) -> Instant {
        Instant(nanoseconds: offset + world + world * drift / 1_000_000)
    }

    /// The first time of the world at which the monotonic clock shows at least `instant`.
    func world(of instant: Instant) -> Int64 {
        let elapsed = instant.nanoseconds - offset
        let (product, overflow) = elapsed.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return .max }
        var world = product / (1_000_000 + drift)
        while monotonic(at: world) < instant { world += 1 }
        return world
    }

    /// What the wall clock shows at this time of the world.
    func wall(at world: Int64) -> WallTime {
        let nanoseconds = monotonic(at: world).nanoseconds - offset + wallOffset
        return WallTime(milliseconds: nanoseconds / 1_000_000)
    }
}
