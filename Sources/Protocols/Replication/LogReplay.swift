/// Reads segments, oldest first, into what a node would have had; the inner half of recovery.
///
/// A batch counts when it is whole and is the next one. What follows the last such batch of a
/// segment is damage; whether that is a torn tail or corruption is decided by `LogFormat`'s rule.
struct LogReplay: Equatable {
    private(set) var hardState = HardState()
    /// Where the log started anew last; no entry at or before it is ever written.
    private(set) var start = SnapshotPoint.zero
    /// The last entry, or `start`.
    private(set) var end = SnapshotPoint.zero
    private(set) var nextBatch: UInt64 = 1
    /// The entries that are still there, consecutive, the first after `base`.
    private(set) var entries: [Entry] = []
    private(set) var base = LogIndex.zero
    /// The log's last index where reading began: older segments held entries up to here.
    private(set) var opened = LogIndex.zero
    /// The term at `base`; nil when segments that are gone held it.
    private(set) var baseTerm: Term? = Term.zero
    /// The highest synced offset that a batch of the segment read last speaks of.
    private(set) var recorded = 0
    /// The highest index that was ever written to the segment read last.
    private(set) var highest = LogIndex.zero

    private var boot = Boot(0)
    private var previousLength: Int?
    private let identity: DirectoryIdentity
    /// Payloads of entries up to here are in the snapshot and need not be kept.
    private let covered: LogIndex

    /// Makes a replay of a log of which a snapshot covers the entries up to `covered`.
    init(identity: DirectoryIdentity, covered: LogIndex) {
        self.identity = identity
        self.covered = covered
    }

    /// What became of a segment.
    enum Outcome: Equatable {
        /// It is good up to `length`; `torn` when there is more.
        case read(length: Int, torn: Bool)
        /// It was begun and never used: even its header is not whole. The replay did not change.
        case neverBegun
    }

    /// Reads one segment; only the last one may end in a torn tail.
    mutating func read(
        _ file: String, number: UInt64, _ bytes: [UInt8], isLast: Bool
    ) throws(RecoveryError) -> Outcome {
        let seed = LogFormat.seed(incarnation: identity.incarnation, segment: number)
        let header: SegmentHeader
        do {
            header = try SegmentHeader(decoding: bytes)
        } catch {
            switch error {
            case .version(let version):
                throw .unsupportedVersion(file: file, version: version)
            case .damaged:
                // The header is synced before a batch is written, so any batch proves corruption.
                guard isLast, LogReplay.proof(of: 0, in: bytes, from: 0, seed: seed) == nil else {
                    throw .corrupt(file: file, offset: 0, reason: .header)
                }
                return .neverBegun
            }
        }
        try enter(header, file: file, number: number)
        recorded = 0
        highest = .zero
        var offset = SegmentHeader.size
        while offset < bytes.count {
            guard let batch = try nextBatch(file, bytes, at: offset, seed: seed) else {
                guard isLast,
                    LogReplay.proof(of: offset, in: bytes, from: offset + 1, seed: seed) == nil
                else { throw .corrupt(file: file, offset: offset, reason: .batch) }
                break
            }
            try apply(batch, file, bytes, at: offset)
            offset += LogFormat.batchSize + batch.length
        }
        previousLength = offset
        return .read(length: offset, torn: offset < bytes.count)
    }

    /// Takes over, or compares with what was read so far, what a segment's header says.
    private mutating func enter(
        _ header: SegmentHeader, file: String, number: UInt64
    ) throws(RecoveryError) {
        guard header.incarnation == identity.incarnation else {
            throw .foreignDirectory(file: file, found: header.incarnation)
        }
        guard header.segment == number else {
            throw .corrupt(file: file, offset: 0, reason: .misplaced)
        }
        guard header.boot <= identity.boot else {
            throw .corrupt(file: file, offset: 0, reason: .bootWentBack)
        }
        if let previousLength {
            guard header.previousLength == previousLength, header.hardState == hardState,
                header.start == start, header.end == end, header.nextBatch == nextBatch,
                header.boot >= boot
            else { throw .corrupt(file: file, offset: 0, reason: .chain) }
        } else {
            hardState = header.hardState
            start = header.start
            end = header.end
            nextBatch = header.nextBatch
            opened = header.end.index
            base = header.end.index
            baseTerm = header.end.term
        }
        boot = header.boot
    }

    /// The header of the batch at `offset` if that batch is whole and the next one.
    private func nextBatch(
        _ file: String, _ bytes: [UInt8], at offset: Int, seed: UInt32
    ) throws(RecoveryError) -> BatchHeader? {
        guard let batch = BatchHeader(bytes, at: offset, segmentSeed: seed) else { return nil }
        guard batch.boot <= identity.boot else {
            throw .corrupt(file: file, offset: offset, reason: .bootWentBack)
        }
        guard batch.number == nextBatch, batch.boot >= boot else { return nil }
        let end = offset + LogFormat.batchSize + batch.length
        guard end <= bytes.count else { return nil }
        let recordSeed = LogFormat.seed(seed, boot: batch.boot, batch: batch.number)
        var record = offset + LogFormat.batchSize
        var count = 0
        while record < end {
            guard record + LogFormat.recordHead <= end,
                case let content = Int(bytes.load32(at: record + 4)),
                content <= end - record - LogFormat.recordHead,
                LogFormat.verifies(bytes, at: record, content: content, seed: recordSeed)
            else { return nil }
            record += LogFormat.recordHead + content
            count += 1
        }
        guard count == batch.count else { return nil }
        guard batch.synced <= offset, batch.synced >= SegmentHeader.size else {
            throw .corrupt(file: file, offset: offset, reason: .malformed)
        }
        return batch
    }

    /// Where behind `from` a whole batch record says that the place `offset` was synced before it.
    ///
    /// Records of earlier starts count as well: what they say was true then, and what is synced is
    /// never rewritten.
    private static func proof(
        of offset: Int, in bytes: [UInt8], from: Int, seed: UInt32
    ) -> Int? {
        let type = LogFormat.RecordType.batch.rawValue
        var place = from
        while place + LogFormat.batchSize <= bytes.count {
            if bytes[place + 8] == type,
                let batch = BatchHeader(bytes, at: place, segmentSeed: seed), batch.synced > offset
            {
                return place
            }
            place += 1
        }
        return nil
    }

    // MARK: Records

    private mutating func apply(
        _ batch: BatchHeader, _ file: String, _ bytes: [UInt8], at offset: Int
    ) throws(RecoveryError) {
        nextBatch += 1
        boot = batch.boot
        recorded = max(recorded, batch.synced)
        var record = offset + LogFormat.batchSize
        for _ in 0..<batch.count {
            let content = record + LogFormat.recordHead
            let end = content + Int(bytes.load32(at: record + 4))
            if let reason = applyRecord(bytes, type: bytes[record + 8], content..<end) {
                throw .corrupt(file: file, offset: record, reason: reason)
            }
            record = end
        }
    }

    /// Applies a record that verified; returns what is wrong with it, if anything is.
    private mutating func applyRecord(
        _ bytes: [UInt8], type: UInt8, _ content: Range<Int>
    ) -> Damage? {
        let place = content.lowerBound
        switch LogFormat.RecordType(rawValue: type) {
        case .hardState:
            guard content.count == LogFormat.hardStateContent else { return .malformed }
            let voted = bytes[place + 8] != 0
            let new = HardState(
                term: Term(bytes.load64(at: place)),
                vote: voted ? NodeID(bytes.load32(at: place + 9)) : nil)
            guard new.term.rawValue < LogFormat.numberLimit else { return .malformed }
            guard new.term >= hardState.term else { return .termWentBack }
            hardState = new
        case .start:
            guard content.count == LogFormat.startContent else { return .malformed }
            let point = SnapshotPoint(
                index: LogIndex(bytes.load64(at: place)),
                term: Term(bytes.load64(at: place + 8)))
            guard point.index.rawValue < LogFormat.numberLimit,
                point.term.rawValue < LogFormat.numberLimit
            else { return .malformed }
            guard point.index >= start.index else { return .order }
            start = point
            end = point
            base = point.index
            baseTerm = point.term
            entries.removeAll()
        case .entry:
            guard content.count >= LogFormat.entryHead,
                let kind = EntryKind(rawValue: bytes[place + 24])
            else { return .malformed }
            let index = LogIndex(bytes.load64(at: place))
            let term = Term(bytes.load64(at: place + 8))
            guard term.rawValue < LogFormat.numberLimit else { return .malformed }
            let payload =
                index > covered
                ? Array(bytes[place + LogFormat.entryHead..<content.upperBound]) : []
            return append(
                Entry(
                    index: index, term: term,
                    stamp: ClusterTime(
                        nanoseconds: Int64(bitPattern: bytes.load64(at: place + 16))),
                    kind: kind, payload: payload))
        case .batch, nil:
            return .malformed
        }
        return nil
    }

    /// Puts an entry behind the last one, or in the place of that index and all after it.
    private mutating func append(_ entry: Entry) -> Damage? {
        guard entry.index > start.index, entry.index.rawValue - 1 <= end.index.rawValue else {
            return .order
        }
        if entry.index <= base {
            // Only where the segments before are gone: the replaced entries were in them.
            entries.removeAll()
            base = entry.index.previous
            baseTerm = nil
        } else {
            let kept = entry.index - base - 1
            if kept < entries.count { entries.removeLast(entries.count - kept) }
        }
        if let before = entries.last?.term ?? baseTerm, entry.term < before { return .order }
        entries.append(entry)
        end = SnapshotPoint(index: entry.index, term: entry.term)
        highest = max(highest, entry.index)
        return nil
    }
}
