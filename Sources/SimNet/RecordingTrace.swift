import Protocols

/// The words of a world's trace, for whoever drives a `Node` without a world.
public enum RecordingTrace {
    /// Seconds since the recording began, down to the microsecond.
    public static func time(_ sinceBegin: Interval) -> String { Trace.time(sinceBegin.nanoseconds) }
    /// One event in a line.
    public static func text(_ event: NodeEvent) -> String { Trace.text(event) }
    /// One effect in a line.
    public static func text(_ effect: NodeEffect) -> String { Trace.text(effect) }
}
