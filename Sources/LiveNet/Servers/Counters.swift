import Protocols

/// What a node process counts, for `/metrics`; each counts up from the process's start.
struct Counters {
    /// Events that the node has handled.
    var steps: UInt64 = 0
    /// WebSocket connections that were opened.
    var connections: UInt64 = 0
    /// Connections that were closed at once, for want of descriptors.
    var connectionsRefused: UInt64 = 0
    /// Requests of chat clients.
    var requests: UInt64 = 0
    /// Requests of XML-RPC.
    var calls: UInt64 = 0
    /// Messages handed to clients by fan-out.
    var deliveries: UInt64 = 0
    /// How often each rare path was taken.
    private(set) var marks = [UInt64](repeating: 0, count: Mark.allCases.count)

    mutating func count(_ taken: MarkSet) {
        guard !taken.isEmpty else { return }
        for mark in Mark.allCases where taken.contains(mark) { marks[Int(mark.rawValue)] += 1 }
    }
}
