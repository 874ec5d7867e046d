/// Why a replay stops.
public enum ReplayError: Error, Equatable, Sendable {
    /// The node cannot be made of what the recording says it was made of.
    case cannotStart(StartRefusal)
    /// The records come in no order that a node's life can have; the number of events so far.
    case outOfOrder(after: UInt64)
    /// The replayed node parts from the recorded one: the event after which it was seen, what
    /// differs, and both digests (of an event's effects only the lowest 16 bits are recorded).
    case diverged(after: UInt64, ReplayDifference, recorded: UInt64, replayed: UInt64)
}

/// What differs between a recorded node and its replay.
public enum ReplayDifference: String, Equatable, Sendable {
    /// The effects of all steps so far.
    case effects
    /// What decides the next step.
    case control
    /// The whole node, its log and state.
    case state
}

/// Feeds a recording to the same node again and compares; a value, so that a copy of it is a branch.
public struct Replay: Sendable {
    private enum Phase: Sendable {
        case configuration
        case durable(NodeConfiguration, Instant)
        case content(NodeConfiguration, Instant, chunks: Int, entries: Int)
        case running
        case ended(RecordingEnd)
    }

    /// The node, once it is made.
    public private(set) var node: Node?
    /// How many events it has taken.
    public private(set) var steps: UInt64 = 0
    /// How many effects it has put out.
    public private(set) var effects: UInt64 = 0
    /// How many digests were compared, those of single events left out.
    public private(set) var checks: UInt64 = 0
    /// After how many events the last of them stood.
    public private(set) var checkedAt: UInt64 = 0
    /// When the node was made and when it took its last event.
    public private(set) var began = Instant.zero
    /// The time of the last event.
    public private(set) var now = Instant.zero
    /// The rolling digest of all effects.
    public private(set) var effectsDigest = Digest()
    private var out = Outbox<NodeEffect>()
    private var phase = Phase.configuration
    /// What the node starts from, as far as it was read; empty once the node is made.
    private var durable = DurableState()

    /// Makes a replay before the first record.
    public init() {}

    /// The effects of the last event.
    public var lastEffects: [NodeEffect] { out.effects }

    /// How the recording says that it ends; `nil` while it does not.
    public var end: RecordingEnd? {
        if case .ended(let reason) = phase { reason } else { nil }
    }

    /// Takes the next record; the records must come in the order of the recording.
    public mutating func take(_ item: RecordedItem) throws(ReplayError) {
        switch (phase, item) {
        case (.running, .event(let event, let time, let low)): try step(event, time, low)
        case (.running, .check(let count, let control, let recorded)):
            try expect(count)
            try compare(recorded, effectsDigest.value, .effects)
            var digest = Digest()
            node?.controlDigest(into: &digest)
            try compare(control, digest.value, .control)
        case (.running, .fullCheck(let count, let digest)):
            try expect(count)
            try compare(digest, node?.wholeDigest ?? 0, .state)
        case (.running, .end(let reason)): phase = .ended(reason)
        default: try start(item)
        }
    }

    private mutating func step(
        _ event: NodeEvent, _ time: Instant, _ low: UInt16
    ) throws(ReplayError) {
        let replayed = UInt16(truncatingIfNeeded: effectsDigest.value)
        guard low == replayed else {
            throw .diverged(
                after: steps, .effects, recorded: UInt64(low), replayed: UInt64(replayed))
        }
        out.removeAll()
        steps += 1
        now = time
        node?.step(event, at: time, into: &out)
        for effect in out.effects { effect.digest(into: &effectsDigest) }
        effects += UInt64(out.effects.count)
    }

    private func expect(_ count: UInt64) throws(ReplayError) {
        guard count == steps else { throw .outOfOrder(after: steps) }
    }

    private mutating func compare(
        _ recorded: UInt64, _ replayed: UInt64, _ what: ReplayDifference
    ) throws(ReplayError) {
        guard recorded == replayed else {
            throw .diverged(after: steps, what, recorded: recorded, replayed: replayed)
        }
        checks += 1
        checkedAt = steps
    }

    // MARK: Start

    private mutating func start(_ item: RecordedItem) throws(ReplayError) {
        switch (phase, item) {
        case (.configuration, .configuration(let configuration, let time)):
            phase = .durable(configuration, time)
        case (
            .durable(let configuration, let time),
            .durable(let hardState, let point, let chunks, let entries)
        ):
            durable.hardState = hardState
            durable.snapshot = point.map { Snapshot(point: $0, chunks: []) }
            phase = .content(configuration, time, chunks: chunks, entries: entries)
        case (
            .content(let configuration, let time, let chunks, let entries),
            .snapshotChunk(let chunk)
        ):
            guard chunks > 0 else { throw .outOfOrder(after: 0) }
            durable.snapshot?.chunks.append(chunk)
            phase = .content(configuration, time, chunks: chunks - 1, entries: entries)
        case (
            .content(let configuration, let time, let chunks, let entries), .entry(let entry)
        ):
            let last =
                durable.entries.last.map { SnapshotPoint(index: $0.index, term: $0.term) }
                ?? durable.snapshot?.point ?? .zero
            guard chunks == 0, entries > 0, entry.index == last.index.next, entry.term >= last.term
            else { throw .outOfOrder(after: 0) }
            durable.entries.append(entry)
            phase = .content(configuration, time, chunks: 0, entries: entries - 1)
        case (.content(let configuration, let time, 0, 0), .started(let digest)):
            try make(configuration, time, digest)
        default: throw .outOfOrder(after: steps)
        }
    }

    private mutating func make(
        _ configuration: NodeConfiguration, _ time: Instant, _ digest: UInt64
    ) throws(ReplayError) {
        let made: Node
        do throws(StartRefusal) {
            made = try Node(configuration, durable: durable, now: time)
        } catch {
            throw .cannotStart(error)
        }
        durable = DurableState()
        node = made
        began = time
        now = time
        phase = .running
        try compare(digest, made.wholeDigest, .state)
    }
}
