/// The bytes of the write-ahead log. All numbers are little-endian and of fixed width.
///
/// ```
/// segment  = header, batch, batch, ...
/// header   = FileHeader("PARLEYLG"): incarnation 8, segment 8, boot 8, next batch 8, term 8,
///            voted 4, vote 4, start index 8, start term 8, end index 8, end term 8,
///            previous length 8
/// batch    = batch record, records
/// record   = CRC-32C 4, length of content 4, type 1, content
/// batch    : boot 8, number 8, synced offset 8, length of its records 4, their count 4
/// hardState: term 8, voted 1, vote 4
/// start    : index 8, term 8
/// entry    : index 8, term 8, stamp 8, kind 1, payload
/// ```
///
/// ## Checksums
/// A record's CRC covers all of it that follows the CRC. It starts from a seed made of incarnation
/// and segment, in the records of a batch also of boot and batch number, with the file offset
/// mixed in. So a record that was written to the wrong place, or that an earlier file or an
/// earlier start left there, does not verify, and records of two batches never mix.
///
/// ## Batches
/// A batch is what one write and one sync make durable together. It is taken whole or not at all:
/// recovery never keeps the first records of a torn one. Its number is one more than the last
/// one's, and its boot never less, else it is something stale and ends the log.
///
/// ## The synced offset
/// Each batch says up to where its segment was synced before the batch was written. Damage at an
/// offset below such a number is corruption, for that part may have been acknowledged; damage
/// above every number in the file is a tail that is cut. The number stands in a later batch than
/// what it protects, so recovery looks for whole batch records behind the damage, too. The last
/// synced batch has no later one, and damage there cannot be told from a torn write (Alagappan et
/// al., "Protocol-aware recovery", FAST 2018); `LogWriter.seal` narrows that gap.
enum LogFormat {
    static let magic: StaticString = "PARLEYLG"
    static let recordHead = 9
    static let batchContent = 32
    static let batchSize = recordHead + batchContent
    static let hardStateContent = 13
    static let startContent = 16
    static let entryHead = 25
    /// The longest batch, in bytes; lengths are stored in four.
    static let maximumContent = 1 << 30

    /// No index, term, boot or number of a batch or segment reaches this: counting on from what
    /// was read can never overflow.
    static let numberLimit: UInt64 = 1 << 62

    enum RecordType: UInt8 {
        case batch = 0xB7
        case hardState = 0xC1
        case start = 0xC2
        case entry = 0xC3
    }

    /// What the checksums of batch records of a segment start from.
    static func seed(incarnation: Incarnation, segment: UInt64) -> UInt32 {
        CRC32C.extend(CRC32C.extend(0, incarnation.rawValue), segment)
    }

    /// What the checksums of the records inside a batch start from.
    static func seed(_ segmentSeed: UInt32, boot: Boot, batch: UInt64) -> UInt32 {
        CRC32C.extend(CRC32C.extend(segmentSeed, boot.rawValue), batch)
    }

    /// Puts the offset into a seed; two offsets of a segment always give two seeds.
    @inline(__always)
    static func seed(_ seed: UInt32, offset: Int) -> UInt32 {
        seed ^ UInt32(truncatingIfNeeded: offset)
    }

    /// True when the record at `offset` with this length of content verifies; it must lie inside.
    static func verifies(_ bytes: [UInt8], at offset: Int, content: Int, seed: UInt32) -> Bool {
        let end = offset + recordHead + content
        return CRC32C.extend(self.seed(seed, offset: offset), bytes, in: offset + 4..<end)
            == bytes.load32(at: offset)
    }
}

/// The first record of a segment: enough to start from when all older segments are gone.
struct SegmentHeader: Equatable, Sendable {
    var incarnation: Incarnation
    var segment: UInt64
    var boot: Boot
    /// The number of the first batch of this segment.
    var nextBatch: UInt64
    var hardState: HardState
    /// Where the log started anew last; zero when it never did.
    var start: SnapshotPoint
    /// The last entry before this segment; equals `start` when there is none.
    var end: SnapshotPoint
    /// The bytes of the segment before, so that a shortened one shows; 0 for the first.
    var previousLength: Int

    static let fieldBytes = 88
    static let size = FileHeader.overhead + fieldBytes

    func encoded() -> [UInt8] {
        var fields = ByteWriter(capacity: SegmentHeader.fieldBytes)
        fields.write(fixed64: incarnation.rawValue)
        fields.write(fixed64: segment)
        fields.write(fixed64: boot.rawValue)
        fields.write(fixed64: nextBatch)
        fields.write(fixed64: hardState.term.rawValue)
        fields.write(fixed32: hardState.vote == nil ? 0 : 1)
        fields.write(fixed32: hardState.vote?.rawValue ?? 0)
        fields.write(fixed64: start.index.rawValue)
        fields.write(fixed64: start.term.rawValue)
        fields.write(fixed64: end.index.rawValue)
        fields.write(fixed64: end.term.rawValue)
        fields.write(fixed64: UInt64(previousLength))
        return FileHeader.seal(LogFormat.magic, fields.bytes)
    }

    init(
        incarnation: Incarnation, segment: UInt64, boot: Boot, nextBatch: UInt64,
        hardState: HardState, start: SnapshotPoint, end: SnapshotPoint, previousLength: Int
    ) {
        self.incarnation = incarnation
        self.segment = segment
        self.boot = boot
        self.nextBatch = nextBatch
        self.hardState = hardState
        self.start = start
        self.end = end
        self.previousLength = previousLength
    }

    /// Reads the header at the start of a segment.
    init(decoding bytes: [UInt8]) throws(FileHeader.Failure) {
        var fields = try FileHeader.open(
            LogFormat.magic, bytes, fieldBytes: SegmentHeader.fieldBytes)
        do {
            incarnation = Incarnation(try fields.fixed64())
            segment = try fields.fixed64()
            boot = Boot(try fields.fixed64())
            nextBatch = try fields.fixed64()
            let term = Term(try fields.fixed64())
            let voted = try fields.fixed32()
            let vote = NodeID(try fields.fixed32())
            hardState = HardState(term: term, vote: voted == 0 ? nil : vote)
            start = SnapshotPoint(
                index: LogIndex(try fields.fixed64()), term: Term(try fields.fixed64()))
            end = SnapshotPoint(
                index: LogIndex(try fields.fixed64()), term: Term(try fields.fixed64()))
            guard let length = Int(exactly: try fields.fixed64()) else {
                throw DecodeError.tooLarge
            }
            previousLength = length
        } catch {
            throw .damaged
        }
        let numbers = [
            segment, boot.rawValue, nextBatch, hardState.term.rawValue, start.index.rawValue,
            start.term.rawValue, end.index.rawValue, end.term.rawValue,
        ]
        guard numbers.allSatisfy({ $0 < LogFormat.numberLimit }) else { throw .damaged }
    }
}

/// The first record of a batch.
struct BatchHeader: Equatable, Sendable {
    var boot: Boot
    var number: UInt64
    /// Up to where this segment was synced before this batch was written.
    var synced: Int
    /// The bytes of the records that follow.
    var length: Int
    var count: Int

    /// Reads the batch record at `offset`; nil where no whole one stands.
    init?(_ bytes: [UInt8], at offset: Int, segmentSeed: UInt32) {
        guard offset + LogFormat.batchSize <= bytes.count,
            bytes[offset + 8] == LogFormat.RecordType.batch.rawValue,
            bytes.load32(at: offset + 4) == UInt32(LogFormat.batchContent),
            LogFormat.verifies(
                bytes, at: offset, content: LogFormat.batchContent, seed: segmentSeed)
        else { return nil }
        let content = offset + LogFormat.recordHead
        boot = Boot(bytes.load64(at: content))
        number = bytes.load64(at: content + 8)
        synced = Int(truncatingIfNeeded: bytes.load64(at: content + 16))
        length = Int(bytes.load32(at: content + 24))
        count = Int(bytes.load32(at: content + 28))
    }

    init(boot: Boot, number: UInt64, synced: Int, length: Int, count: Int) {
        self.boot = boot
        self.number = number
        self.synced = synced
        self.length = length
        self.count = count
    }
}

/// Writes one batch into memory of known size.
struct BatchEncoder {
    private let base: UnsafeMutableRawPointer
    private var position = 0
    private let fileOffset: Int
    private let segmentSeed: UInt32
    private var seed: UInt32 = 0

    /// Makes an encoder for a batch that will stand at `fileOffset`.
    init(base: UnsafeMutableRawPointer, fileOffset: Int, segmentSeed: UInt32) {
        self.base = base
        self.fileOffset = fileOffset
        self.segmentSeed = segmentSeed
    }

    /// How many bytes were written.
    var count: Int { position }

    mutating func write(_ header: BatchHeader) {
        let start = begin(.batch, content: LogFormat.batchContent)
        put(header.boot.rawValue)
        put(header.number)
        put(UInt64(header.synced))
        put(UInt32(header.length))
        put(UInt32(header.count))
        finish(start, seed: segmentSeed)
        seed = LogFormat.seed(segmentSeed, boot: header.boot, batch: header.number)
    }

    mutating func write(_ hardState: HardState) {
        let start = begin(.hardState, content: LogFormat.hardStateContent)
        put(hardState.term.rawValue)
        put(hardState.vote == nil ? 0 : 1 as UInt8)
        put(hardState.vote?.rawValue ?? 0)
        finish(start, seed: seed)
    }

    mutating func write(_ point: SnapshotPoint) {
        let start = begin(.start, content: LogFormat.startContent)
        put(point.index.rawValue)
        put(point.term.rawValue)
        finish(start, seed: seed)
    }

    mutating func write(_ entry: Entry) {
        let start = begin(.entry, content: LogFormat.entryHead + entry.payload.count)
        put(entry.index.rawValue)
        put(entry.term.rawValue)
        put(entry.stamp.nanoseconds)
        put(entry.kind.rawValue)
        entry.payload.withUnsafeBytes { payload in
            guard let source = payload.baseAddress else { return }
            (base + position).copyMemory(from: source, byteCount: payload.count)
        }
        position += entry.payload.count
        finish(start, seed: seed)
    }

    private mutating func begin(_ type: LogFormat.RecordType, content: Int) -> Int {
        let start = position
        position += 4
        put(UInt32(content))
        put(type.rawValue)
        return start
    }

    private func finish(_ start: Int, seed: UInt32) {
        let covered = UnsafeRawBufferPointer(start: base + start + 4, count: position - start - 4)
        let crc = CRC32C.extend(LogFormat.seed(seed, offset: fileOffset + start), covered)
        base.storeBytes(of: crc.littleEndian, toByteOffset: start, as: UInt32.self)
    }

    @inline(__always)
    private mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        base.storeBytes(of: number.littleEndian, toByteOffset: position, as: Number.self)
        position += MemoryLayout<Number>.size
    }
}
