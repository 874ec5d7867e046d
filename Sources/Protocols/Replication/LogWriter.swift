/// A place in the log: a segment and a byte in it.
public struct LogPosition: Hashable, Comparable, Sendable {
    /// The segment's sequence number.
    public let segment: UInt64
    /// Bytes from the segment's start.
    public let offset: Int
    /// Makes a position.
    public init(segment: UInt64, offset: Int) {
        self.segment = segment
        self.offset = offset
    }
    /// Orders by segment, then by offset.
    public static func < (a: LogPosition, b: LogPosition) -> Bool {
        (a.segment, a.offset) < (b.segment, b.offset)
    }
}

/// Decides which bytes go where: the write-ahead log, its segments, and the snapshots beside it.
///
/// ## Overview
/// Pure: each call returns the steps that the driver performs, in order. `DataDirectory.recover`
/// makes the writer; its own steps must be performed first.
///
/// ## Function
/// For a group commit: `append` the gathered writes and perform the steps; note `end`; perform
/// `syncOperation`; when it has returned, call `synced(through:)` with the noted `end`, and tell
/// the owners of all writes up to there. More batches may be appended while a sync is under way.
///
/// A new segment is begun only after the one before is synced, and its header is synced, and so is
/// its name, before a batch follows. So damage in any segment but the last is corruption.
public struct LogWriter: Equatable, Sendable {
    /// The data directory's incarnation.
    public let incarnation: Incarnation
    /// The present start.
    public let boot: Boot
    /// A segment that is this long takes no more batches; in bytes.
    public let segmentLimit: Int
    /// Where the next batch goes, unless a new segment is begun for it.
    public var end: LogPosition { LogPosition(segment: segment, offset: offset) }
    /// Up to where everything is known to be durable.
    public var durable: LogPosition { LogPosition(segment: segment, offset: syncedOffset) }
    /// Damage before this place is certain to be told from a torn tail: a durable batch behind it
    /// says that it was synced. Faults planted below it must be refused at the next start.
    public var guarded: LogPosition { LogPosition(segment: segment, offset: guardedOffset) }

    /// A segment's number and the highest index of any entry that was ever written into it.
    struct Segment: Equatable, Sendable {
        var number: UInt64
        var highest: LogIndex
    }

    /// The usual length at which a segment is closed, in bytes.
    public static let usualSegmentLimit = 16 << 20

    private var segments: [Segment]
    private var name: String
    private var segmentSeed: UInt32
    private var offset: Int
    private var syncedOffset: Int
    private var guardedOffset: Int
    /// The synced offset that the newest batch speaks of.
    private var recordedOffset: Int
    /// Where the newest batch that is not empty ends.
    private var contentEnd: Int
    private var nextBatch: UInt64
    /// What a reader of the log so far would have.
    private var hardState: HardState
    private var start: SnapshotPoint
    private var last: SnapshotPoint
    /// A start that recovery decided on and the next batch puts down.
    private var pendingStart: SnapshotPoint?
    /// The durable snapshot files, ascending.
    private var snapshots: [LogIndex]

    private var segment: UInt64 { segments[segments.count - 1].number }

    /// Makes the writer that goes on behind what `replay` read; `end` is durable by then.
    init(
        identity: DirectoryIdentity, segmentLimit: Int, segments: [Segment], length: Int,
        guarded: Int, replay: LogReplay, pendingStart: SnapshotPoint?, snapshots: [LogIndex]
    ) {
        precondition(!segments.isEmpty, "a log has a segment")
        incarnation = identity.incarnation
        boot = identity.boot
        self.segmentLimit = max(segmentLimit, SegmentHeader.size)
        self.segments = segments
        let number = segments[segments.count - 1].number
        name = DataFile.logName(number)
        segmentSeed = LogFormat.seed(incarnation: identity.incarnation, segment: number)
        offset = length
        syncedOffset = length
        guardedOffset = guarded
        recordedOffset = guarded
        contentEnd = length
        nextBatch = replay.nextBatch
        hardState = replay.hardState
        start = replay.start
        last = replay.end
        self.pendingStart = pendingStart
        self.snapshots = snapshots
    }

    /// Puts the writes, in order, into one batch: after a crash it is there whole or not at all.
    ///
    /// An entry that would leave a gap, or that lies before the log's start, is the caller's bug.
    public mutating func append(_ writes: [LogWrite]) -> [FileOperation] {
        let (count, length) = LogWriter.measure(writes)
        guard count > 0 else { return [] }
        return appendBatch(writes, count: count, length: length)
    }

    /// Puts down an empty batch, which says what is synced so far. After the steps and a sync,
    /// damage to any earlier byte can be told from a torn tail; for a clean stop and idle moments.
    public mutating func seal() -> [FileOperation] {
        guard recordedOffset < contentEnd, syncedOffset >= contentEnd else { return [] }
        return appendBatch([], count: 0, length: 0)
    }

    /// The first batch of a start: it says that all that was recovered is durable now, puts down a
    /// pending start, and is durable before anything follows. Its boot outdates whatever a cut tail
    /// left on the disk behind it.
    mutating func open() -> [FileOperation] {
        let operations = appendBatch([], count: 0, length: 0) + [syncOperation]
        synced(through: end)
        return operations
    }

    /// The step that makes everything up to `end` durable.
    public var syncOperation: FileOperation { .sync(name) }

    /// Everything before `position` is durable: a sync that began when `end` was there returned.
    public mutating func synced(through position: LogPosition) {
        precondition(position <= end, "what was not written cannot be synced")
        guard position.segment == segment, position.offset > syncedOffset else { return }
        syncedOffset = position.offset
        if syncedOffset == offset { guardedOffset = recordedOffset }
    }

    /// The steps that save a snapshot; when they are done, call `saved`.
    public func save(_ snapshot: Snapshot) -> [FileOperation] {
        snapshot.saveOperations(incarnation: incarnation)
    }

    /// The snapshot at `index` is durable under its name.
    public mutating func saved(_ index: LogIndex) {
        guard !snapshots.contains(index) else { return }
        let place = snapshots.firstIndex { $0 > index } ?? snapshots.count
        snapshots.insert(index, at: place)
    }

    /// The steps that remove the oldest segments as long as they hold no entry after `index`, and
    /// all snapshots but the newest. A snapshot at `index` or later must be durable.
    ///
    /// What counts for a segment is the highest index ever written to it, even if that entry was
    /// replaced later: the replacement might not be durable yet.
    public mutating func compact(through index: LogIndex) -> [FileOperation] {
        guard let newest = snapshots.last, newest >= index else {
            preconditionFailure("only a durable snapshot allows compaction through \(index)")
        }
        let covered = segments.dropLast().prefix { $0.highest <= index }.count
        guard covered > 0 || snapshots.count > 1 else { return [] }
        var operations = segments.prefix(covered).map {
            FileOperation.delete(DataFile.logName($0.number))
        }
        operations += snapshots.dropLast().map { .delete(DataFile.snapshotName($0)) }
        operations.append(.syncDirectory)
        segments.removeFirst(covered)
        snapshots = [newest]
        return operations
    }

    // MARK: Batches

    private static func measure(_ writes: [LogWrite]) -> (count: Int, length: Int) {
        var count = 0
        var length = 0
        for write in writes {
            if write.hardState != nil {
                count += 1
                length += LogFormat.recordHead + LogFormat.hardStateContent
            }
            if write.startAfter != nil {
                count += 1
                length += LogFormat.recordHead + LogFormat.startContent
            }
            count += write.entries.count
            length += write.entries.count * (LogFormat.recordHead + LogFormat.entryHead)
            for entry in write.entries { length += entry.payload.count }
        }
        return (count, length)
    }

    private mutating func appendBatch(
        _ writes: [LogWrite], count: Int, length: Int
    ) -> [FileOperation] {
        var operations = offset >= segmentLimit ? beginSegment() : []
        var (count, length) = (count, length)
        if pendingStart != nil {
            count += 1
            length += LogFormat.recordHead + LogFormat.startContent
        }
        precondition(length <= LogFormat.maximumContent, "a batch of \(length) bytes is too long")
        let size = LogFormat.batchSize + length
        let header = BatchHeader(
            boot: boot, number: nextBatch, synced: syncedOffset, length: length, count: count)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { memory, written in
            guard let base = memory.baseAddress else { return }
            var encoder = BatchEncoder(base: base, fileOffset: offset, segmentSeed: segmentSeed)
            encoder.write(header)
            if let pendingStart { encoder.write(pendingStart) }
            for write in writes {
                if let hardState = write.hardState { encoder.write(hardState) }
                if let point = write.startAfter { encoder.write(point) }
                for entry in write.entries { encoder.write(entry) }
            }
            precondition(encoder.count == size, "a batch is as long as was measured")
            written = size
        }
        follow(writes)
        nextBatch += 1
        recordedOffset = syncedOffset
        offset += size
        if count > 0 { contentEnd = offset }
        // The driver's sync comes right behind.
        operations.reserveCapacity(operations.count + 2)
        operations.append(.append(name, bytes))
        return operations
    }

    /// Keeps in mind what a reader of the log will have after the writes.
    private mutating func follow(_ writes: [LogWrite]) {
        if let point = pendingStart { startAnew(after: point) }
        pendingStart = nil
        for write in writes {
            if let hardState = write.hardState { self.hardState = hardState }
            if let point = write.startAfter { startAnew(after: point) }
            for entry in write.entries {
                precondition(
                    entry.index <= last.index.next && entry.index > start.index,
                    "entry \(entry.index) does not fit a log of \(start.index)...\(last.index)")
                last = SnapshotPoint(index: entry.index, term: entry.term)
                let current = segments.count - 1
                segments[current].highest = max(segments[current].highest, entry.index)
            }
        }
    }

    private mutating func startAnew(after point: SnapshotPoint) {
        precondition(point.index >= start.index, "a log's start never goes back")
        start = point
        last = point
    }

    /// Closes the segment and begins the next.
    private mutating func beginSegment() -> [FileOperation] {
        var operations: [FileOperation] = []
        if syncedOffset < offset { operations.append(.sync(name)) }
        let number = segment + 1
        let header = SegmentHeader(
            incarnation: incarnation, segment: number, boot: boot, nextBatch: nextBatch,
            hardState: hardState, start: start, end: last, previousLength: offset)
        segments.append(Segment(number: number, highest: .zero))
        name = DataFile.logName(number)
        segmentSeed = LogFormat.seed(incarnation: incarnation, segment: number)
        offset = SegmentHeader.size
        syncedOffset = offset
        guardedOffset = 0
        recordedOffset = 0
        contentEnd = 0
        return operations + LogWriter.createOperations(header)
    }

    /// Makes a segment that is durable, name and header, before a batch follows.
    static func createOperations(_ header: SegmentHeader) -> [FileOperation] {
        let name = DataFile.logName(header.segment)
        return [
            .create(name), .append(name, header.encoded()), .sync(name), .syncDirectory,
        ]
    }
}
