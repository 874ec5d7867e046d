import Protocols

/// Cluster time, by which sessions and leases end, is never ahead of the time that has passed.
///
/// It starts at zero and goes on with the leaders' monotonic clocks (section 6.3 of Ongaro's thesis
/// has sessions end by the log's time). A wall clock that jumps must not move it. The bound is the
/// time of the world on the fastest clock; it may fall behind that as far as it likes.
public struct ClusterTimeBound: Sendable {
    /// The name in reports.
    public static let name = "cluster-time"
    /// How many stamps were compared with the time that had passed.
    public private(set) var exercised = 0

    /// The most by which a clock runs fast, in parts per million.
    private let drift: Int64
    /// What may have passed before the world began.
    private var before = Interval.zero
    /// What reading clocks in whole nanoseconds may add.
    private static let slack = Interval.milliseconds(1)

    /// Makes a checker for clocks that run fast by at most `drift` parts per million.
    public init(drift: Int64) { self.drift = drift }

    /// So much cluster time at the most had passed when the world began.
    mutating func adopt(_ passed: Interval) { before = passed }

    /// A node has applied entries up to this stamp.
    public mutating func applied(
        _ id: NodeID, _ stamp: ClusterTime, at world: Instant
    ) throws(Violation) {
        exercised += 1
        let passed =
            before.nanoseconds + world.nanoseconds
            + world.nanoseconds / 1_000_000 * (drift + 1)
        guard stamp.nanoseconds > passed + ClusterTimeBound.slack.nanoseconds else { return }
        throw Violation(
            Self.name,
            "\(id) has applied an entry stamped \(stamp.nanoseconds / 1_000_000) ms, and only "
                + "\(world.nanoseconds / 1_000_000) ms have passed")
    }
}
