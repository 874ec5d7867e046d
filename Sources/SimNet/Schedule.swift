/// What a scheduled event is about. The kinds from `tick` to `transfer` are a host's own: they wait
/// in its inbox while the host is paused or busy, and are lost when it is down.
enum ScheduledKind: UInt8, Sendable {
    // A host's own
    case tick, peerUp, peerDown, peerMessage, peerBytes, persisted, snapshotSaved
    case clientConnect, clientRequest, clientBytes, clientGone, backlog, edgeTick, wallClock, drain
    case foreign, transfer
    // The world's
    case wake, linkTry, peerFlush, logWritten, snapshotWritten, wallSecond
    case clientOpened, clientMessage, serverBytes, clientClosed, clientWake, clientDrain
    case nemesis, restart, heal, ambush, liveness, checkConverged

    /// True for what only a running host can take.
    var isForHost: Bool { rawValue <= ScheduledKind.transfer.rawValue }
}

/// One event to come: 24 bytes, ordered by time and then by the order of scheduling.
struct Scheduled: Sendable {
    /// Virtual nanoseconds since the run's start.
    var time: Int64
    /// Breaks ties: earlier scheduled goes first.
    var sequence: UInt32 = 0
    /// What it is.
    var kind: ScheduledKind
    /// The host it is about.
    var host: UInt8 = 0
    /// The other host, or the client.
    var other: UInt16 = 0
    /// A slot of a pool, or a small number; depends on the kind.
    var payload: UInt32 = 0
    /// The life of a host, link or connection that it belongs to; stale ones are dropped.
    var epoch: UInt32 = 0

    /// True when `self` comes before `other`.
    @inline(__always)
    func precedes(_ other: Scheduled) -> Bool {
        time != other.time ? time < other.time : sequence < other.sequence
    }
}

/// The events to come: a binary heap ordered by time, then by the order of scheduling.
///
/// Events are plain values in one array; pushing allocates only when the array grows.
struct Schedule: Sendable {
    private var heap: [Scheduled] = []
    private var nextSequence: UInt32 = 0

    /// Makes an empty schedule.
    init() { heap.reserveCapacity(512) }

    /// How many events wait.
    var count: Int { heap.count }

    /// The time of the next event.
    var nextTime: Int64? { heap.first?.time }

    /// True when an event waits for this very time.
    func isDue(at time: Int64) -> Bool { heap.contains { $0.time == time } }

    /// Adds an event; its sequence is set here.
    mutating func push(_ event: Scheduled) {
        var event = event
        event.sequence = nextSequence
        nextSequence &+= 1
        heap.append(event)
        heap.withUnsafeMutableBufferPointer { heap in
            var position = heap.count - 1
            while position > 0 {
                let parent = (position - 1) >> 1
                guard event.precedes(heap[parent]) else { break }
                heap[position] = heap[parent]
                position = parent
            }
            heap[position] = event
        }
    }

    /// Takes the next event.
    mutating func pop() -> Scheduled? {
        guard let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return last }
        return heap.withUnsafeMutableBufferPointer { heap in
            let first = heap[0]
            let count = heap.count
            var position = 0
            while true {
                var child = 2 * position + 1
                guard child < count else { break }
                if child + 1 < count, heap[child + 1].precedes(heap[child]) { child += 1 }
                guard heap[child].precedes(last) else { break }
                heap[position] = heap[child]
                position = child
            }
            heap[position] = last
            return first
        }
    }
}
