import Protocols

/// One thing that is seen where a node meets its data directory.
public enum DiskSight: Equatable, Sendable {
    /// The process began, with what its directory held.
    case began(Boot, DurableState)
    /// The node did the script's next act.
    case did(DiskAct)
    /// The node asked for this: a write, a snapshot, a removal.
    case asked(NodeEffect)
    /// The node was told this: a write or a snapshot is durable.
    case told(NodeEvent)
    /// The process ended.
    case ended(DiskEnding)
}

/// The node of a disk script: turns acts into effects, and hears what became of them.
///
/// It asks for what a real node might: a removal only once a snapshot is durable, a new start of the
/// log only behind one. The same in every world, so that worlds differ by what they tell it alone.
public struct DiskPlayer: Sendable {
    /// All that was seen, oldest first.
    public private(set) var trace: [DiskSight] = []
    /// The present start.
    public private(set) var boot = Boot(0)
    private var sequence: UInt64 = 0
    private var start = SnapshotPoint.zero
    private var entries: [Entry] = []
    private var term = Term(1)
    private var saving: [(token: PersistToken, point: SnapshotPoint, installs: Bool)] = []
    private var newest = LogIndex.zero
    private var told: UInt64 = 0
    private var written: UInt64 = 0

    /// Makes a player that has not begun.
    public init() {}

    /// True when all that was asked for is done.
    public var isSettled: Bool { told >= written && saving.isEmpty }

    /// True while the next act must wait, for the log starts anew once a snapshot is durable.
    public var mustWait: Bool { saving.contains { $0.installs } }

    private var last: SnapshotPoint {
        entries.last.map { SnapshotPoint(index: $0.index, term: $0.term) } ?? start
    }

    /// The process began.
    public mutating func began(_ boot: Boot, _ durable: DurableState) {
        trace.append(.began(boot, durable))
        self.boot = boot
        start = durable.snapshot?.point ?? .zero
        entries = durable.entries
        newest = start.index
        term = max(Term(1), durable.hardState.term, last.term)
        saving = []
        (sequence, told, written) = (0, 0, 0)
    }

    /// The process ended.
    public mutating func ended(_ ending: DiskEnding) { trace.append(.ended(ending)) }

    /// Does an act of the script; returns what is asked of the directory.
    public mutating func perform(_ act: DiskAct) -> [NodeEffect] {
        trace.append(.did(act))
        switch act {
        case .append(let lengths):
            return ask(LogWrite(entries: lengths.map { append($0) }))
        case .vote:
            term = Term(term.rawValue + 1)
            return ask(LogWrite(hardState: HardState(term: term, vote: NodeID(1))))
        case .rewrite(let count):
            // What a snapshot stands for is committed, and never replaced.
            let kept = max(entries.count - count, max(0, newest - start.index))
            guard kept < entries.count else { return [] }
            entries.removeLast(entries.count - kept)
            term = Term(term.rawValue + 1)
            return ask(
                LogWrite(
                    hardState: HardState(term: term, vote: nil),
                    entries: [append(7)]))
        case .snapshot(let back, let bytes):
            let place = entries.count - 1 - back
            guard entries.indices.contains(place), entries[place].index > newest else { return [] }
            return save(
                SnapshotPoint(index: entries[place].index, term: entries[place].term), bytes,
                installs: false)
        case .install(let ahead, let bytes):
            term = Term(term.rawValue + 1)
            let index = LogIndex(last.index.rawValue + UInt64(ahead))
            return save(SnapshotPoint(index: index, term: term), bytes, installs: true)
        case .turn, .settle, .end: return []
        }
    }

    /// Hears of a completion; returns what is asked of the directory next.
    public mutating func hear(_ event: NodeEvent) -> [NodeEffect] {
        trace.append(.told(event))
        switch event {
        case .persisted(let token):
            told = max(told, token.sequence)
            return []
        case .snapshotSaved(let token):
            guard let place = saving.firstIndex(where: { $0.token == token }) else { return [] }
            let (_, point, installs) = saving.remove(at: place)
            guard installs else { return asked(.compactLog(through: point.index)) }
            start = point
            entries = []
            return ask(LogWrite(hardState: HardState(term: term), startAfter: point))
                + asked(.compactLog(through: point.index))
        default: return []
        }
    }

    private mutating func append(_ length: Int) -> Entry {
        let index = last.index.next
        let entry = Entry(
            index: index, term: term, stamp: ClusterTime(nanoseconds: Int64(index.rawValue)),
            kind: .command,
            payload: [UInt8](repeating: UInt8(truncatingIfNeeded: index.rawValue), count: length))
        entries.append(entry)
        return entry
    }

    private mutating func ask(_ write: LogWrite) -> [NodeEffect] {
        sequence += 1
        written = sequence
        return asked(.persist(write, PersistToken(boot: boot, sequence: sequence)))
    }

    private mutating func save(
        _ point: SnapshotPoint, _ bytes: Int, installs: Bool
    ) -> [NodeEffect] {
        sequence += 1
        newest = point.index
        let token = PersistToken(boot: boot, sequence: sequence)
        saving.append((token, point, installs))
        let chunk = [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: bytes)
        return asked(.saveSnapshot(Snapshot(point: point, chunks: [chunk]), token))
    }

    private mutating func asked(_ effect: NodeEffect) -> [NodeEffect] {
        trace.append(.asked(effect))
        return [effect]
    }
}
