import Protocols

/// Measures what recording adds to a node's steps, on the events of a recording: the same node
/// takes them with and without a writer beside it, by turns, in one process.
///
/// What the recorder's thread does, to checksum and write blocks, is not in it.
struct RecordingCost {
    private var replay = Replay()
    private var start: Node?
    private var began = Instant.zero
    private var events: [(event: NodeEvent, at: Instant)] = []

    /// Takes the next record.
    mutating func take(_ item: RecordedItem) throws(ReplayError) {
        switch item {
        case .event(let event, let time, _): events.append((event, time))
        case .check, .fullCheck, .end: break
        case .configuration, .durable, .snapshotChunk, .entry, .started:
            try replay.take(item)
            start = replay.node
            began = replay.began
        }
    }

    /// The line that says it; nil when there is nothing to measure.
    func line(rounds: Int = 7) -> String? {
        guard let start, !events.isEmpty else { return nil }
        var plain = Double.infinity
        var recorded = Double.infinity
        var bytes = 0
        for _ in 0..<rounds {
            plain = min(plain, time { step(start) })
            recorded = min(recorded, time { bytes = record(start) })
        }
        let count = Double(events.count)
        let (least, most) = (Int(plain * 1e9 / count), Int(recorded * 1e9 / count))
        return "  cost:     \(least) ns a step without the recorder, \(most) ns with it, "
            + "\(bytes / events.count) bytes a step; the best of \(rounds) rounds of "
            + "\(events.count) events"
    }

    private func time(_ body: () -> Void) -> Double {
        let start = seconds()
        body()
        return seconds() - start
    }

    private func step(_ start: Node) {
        var node = start
        var out = Outbox<NodeEffect>()
        for (event, time) in events {
            node.step(event, at: time, into: &out)
            out.removeAll()
        }
    }

    /// As `Recorder` does it on the loop's thread; returns how many bytes came of it.
    private func record(_ start: Node) -> Int {
        var node = start
        var out = Outbox<NodeEffect>()
        var writer = RecordingWriter(startingAt: began)
        var bytes = 0
        for (event, time) in events {
            writer.write(event, at: time)
            node.step(event, at: time, into: &out)
            writer.take(out.effects)
            if writer.isCheckDue { writer.check(node) }
            if writer.isBlockFull {
                writer.check(node)
                bytes += writer.takeBlock().count
            }
            out.removeAll()
        }
        return bytes + writer.takeBlock().count
    }
}
