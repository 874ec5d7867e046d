import Protocols

/// How often the log says that a peer is faulty: such a peer may send thousands of messages a
/// second, and each is as good a reason as the first.
struct FaultLines {
    /// The least time between two lines about one peer.
    static let pause = Interval.seconds(10)

    private struct Line {
        var at: Instant
        /// How many lines were left out since.
        var silent = 0
    }

    private var lines: [NodeID: Line] = [:]

    /// How many faults of the peer were passed over since the last line; `nil` when this one is to
    /// be passed over, too.
    mutating func admit(_ peer: NodeID, _ now: Instant) -> Int? {
        if let line = lines[peer], now - line.at < FaultLines.pause {
            lines[peer]?.silent += 1
            return nil
        }
        defer { lines[peer] = Line(at: now) }
        return lines[peer]?.silent ?? 0
    }
}
