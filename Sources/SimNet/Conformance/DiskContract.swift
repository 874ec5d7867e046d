import Protocols

/// What every data directory promises to its node, be it real or simulated; a trace that breaks a
/// promise is refused.
///
/// 1. Writes are done in the order in which they were asked for: a completion stands for all writes
///    up to its token, and comes once. Nothing is done that was not asked for.
/// 2. Snapshots are done in the order in which they were asked for, each once.
/// 3. After the end of a process nothing is done until the next one begins, whose boot is later.
/// 4. A process begins with a whole number of writes from the front, never with a part of one, and
///    with all that were done; so it is with the snapshots. A process that closed its directory
///    loses nothing.
/// 5. Entries that a removal took away are in a snapshot.
///
/// A write is done when no loss of power can undo it, and so is a snapshot.
public struct DiskContract: Sendable {
    /// The name in reports.
    public static let name = "disk-contract"

    private var boot = Boot(0)
    /// A process runs that can be told something.
    public private(set) var isRunning = false
    private var ending: DiskEnding?
    private var base = DurableLog()
    private var baseSnapshot: Snapshot?
    private var writes: [(write: LogWrite, token: PersistToken)] = []
    private var writesDone = 0
    private var snapshots: [(snapshot: Snapshot, token: PersistToken)] = []
    private var snapshotsDone = 0

    /// How many starts were compared with what was asked for before.
    public private(set) var starts = 0

    /// Makes a contract for an empty directory.
    public init() {}

    /// Checks a whole trace.
    public static func check(_ trace: [DiskSight]) throws(Violation) {
        var contract = DiskContract()
        for sight in trace { try contract.see(sight) }
    }

    /// Takes the next thing seen.
    public mutating func see(_ sight: DiskSight) throws(Violation) {
        switch sight {
        case .did: break
        case .began(let boot, let durable): try began(boot, durable)
        case .asked(.persist(let write, let token)): writes.append((write, token))
        case .asked(.saveSnapshot(let snapshot, let token)): snapshots.append((snapshot, token))
        case .asked(.compactLog(let index)): try removes(index)
        case .asked(let effect): throw refusal("\(effect) is nothing for a disk")
        case .told(let event):
            guard isRunning else { throw refusal("nobody runs who could be told") }
            try told(event)
        case .ended(let ending):
            isRunning = false
            self.ending = ending
        }
    }

    private func refusal(_ text: String) -> Violation { Violation(Self.name, text) }

    private mutating func told(_ event: NodeEvent) throws(Violation) {
        switch event {
        case .persisted(let token):
            guard let place = writes.firstIndex(where: { $0.token == token }) else {
                throw refusal("write \(token.sequence) is done, which nobody asked for")
            }
            guard place >= writesDone else {
                throw refusal("write \(token.sequence) is done once more, or after a later one")
            }
            writesDone = place + 1
        case .snapshotSaved(let token):
            guard snapshotsDone < snapshots.count, snapshots[snapshotsDone].token == token else {
                throw refusal("snapshot \(token.sequence) is done, and its turn was not")
            }
            snapshotsDone += 1
        default: throw refusal("\(event) is nothing that a disk says")
        }
    }

    private func removes(_ index: LogIndex) throws(Violation) {
        let durable = snapshots[..<snapshotsDone].last?.snapshot ?? baseSnapshot
        guard let durable, durable.point.index >= index else {
            throw refusal("entries up to \(index.rawValue) are removed, and no snapshot has them")
        }
    }

    private mutating func began(_ boot: Boot, _ durable: DurableState) throws(Violation) {
        guard !isRunning, boot > self.boot else {
            throw refusal("boot \(boot.rawValue) begins after \(self.boot.rawValue)")
        }
        starts += 1
        guard explains(durable) else { throw refusal(mismatch(durable)) }
        self.boot = boot
        isRunning = true
        base = DurableLog(
            hardState: durable.hardState, start: durable.snapshot?.point ?? .zero,
            entries: durable.entries)
        baseSnapshot = durable.snapshot
        (writes, writesDone, snapshots, snapshotsDone) = ([], 0, [], 0)
    }

    /// True when some number of writes and some number of snapshots give this.
    private func explains(_ durable: DurableState) -> Bool {
        let fewest = ending == .stop ? (writes.count, snapshots.count) : (writesDone, snapshotsDone)
        var log = base
        for count in 0...writes.count {
            if count > 0 { log.take(writes[count - 1].write) }
            guard count >= fewest.0 else { continue }
            for saved in fewest.1...snapshots.count {
                let snapshot = saved > 0 ? snapshots[saved - 1].snapshot : baseSnapshot
                if log.joined(with: snapshot) == durable { return true }
            }
        }
        return false
    }

    private func mismatch(_ durable: DurableState) -> String {
        let last = durable.entries.last.map { "\($0.index.rawValue) of term \($0.term.rawValue)" }
        return "a start after \(ending?.rawValue ?? "nothing") finds term "
            + "\(durable.hardState.term.rawValue), a snapshot at "
            + "\(durable.snapshot?.point.index.rawValue ?? 0) and \(durable.entries.count) entries up "
            + "to \(last ?? "none"), which no \(writesDone) to \(writes.count) writes with "
            + "\(snapshotsDone) to \(snapshots.count) snapshots leave"
    }
}
