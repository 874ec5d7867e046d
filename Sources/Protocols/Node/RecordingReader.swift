/// One record of a recording.
public enum RecordedItem: Equatable, Sendable {
    /// What the node was told at its start, and when it was made; the first record.
    case configuration(NodeConfiguration, now: Instant)
    /// What its disk held; so many chunks and entries follow.
    case durable(HardState, snapshot: SnapshotPoint?, chunks: Int, entries: Int)
    /// The next chunk of the snapshot.
    case snapshotChunk([UInt8])
    /// The next entry.
    case entry(Entry)
    /// The node was made and had this digest.
    case started(digest: UInt64)
    /// An event, the time its step was given, and 16 bits of the digest of all effects before it.
    case event(NodeEvent, at: Instant, effects: UInt16)
    /// After so many events: the digests of what decides the next step and of all effects.
    case check(steps: UInt64, control: UInt64, effects: UInt64)
    /// After so many events: the digest of the whole node.
    case fullCheck(steps: UInt64, digest: UInt64)
    /// The recording ends here of its own accord.
    case end(RecordingEnd)
}

/// Why a recording cannot be read on.
public enum RecordingError: Error, Equatable, Sendable {
    /// The file is no part of a recording, or its first bytes are damaged.
    case notARecording
    /// The part is of a form that this version does not know.
    case otherVersion(UInt8)
    /// The part belongs to another recording.
    case otherRecording
    /// The part that should come here is missing.
    case partMissing(UInt32)
    /// The block at this byte of the part does not verify, or does not follow on the one before.
    case damaged(part: UInt32, offset: Int)
    /// The block verifies, but this byte of the part begins no record that can stand here.
    case malformed(part: UInt32, offset: Int)
}

/// Reads a recording part by part; never traps on any bytes.
public struct RecordingReader: Sendable {
    /// The number of the part being read; 0 before the first.
    public private(set) var part: UInt32 = 0
    /// The bytes at the end of the part that are no whole block; a crash cut it there.
    public private(set) var tornBytes = 0
    /// Names the recording, once a part is open.
    public private(set) var id: UInt64 = 0
    private var bytes: [UInt8] = []
    private var nextBlock = 0
    private var blockNumber: UInt64 = 0
    private var records = ByteReader([])
    private var last = Instant.zero

    /// Makes a reader before its first part.
    public init() {}

    /// Takes the next part as a whole; the first must be part 1.
    public mutating func open(part bytes: [UInt8]) throws(RecordingError) {
        let magic = Recording.magic
        guard bytes.count >= Recording.partHeaderLength,
            bytes.starts(with: magic.dropLast())
        else { throw .notARecording }
        guard bytes[magic.count - 1] == Recording.version else {
            throw .otherVersion(bytes[magic.count - 1])
        }
        var header = ByteReader(bytes, in: magic.count..<Recording.partHeaderLength)
        guard let id = try? header.fixed64(), let number = try? header.fixed32(),
            let crc = try? header.fixed32(),
            crc == CRC32C.extend(0, bytes, in: 0..<Recording.partHeaderLength - 4)
        else { throw .notARecording }
        guard part == 0 || id == self.id else { throw .otherRecording }
        guard number == part + 1 else { throw .partMissing(part + 1) }
        // Only the last part may be cut.
        guard tornBytes == 0 else {
            throw .damaged(part: part, offset: self.bytes.count - tornBytes)
        }
        self.id = id
        self.bytes = bytes
        part = number
        nextBlock = Recording.partHeaderLength
        records = ByteReader([])
    }

    /// The next record of the part; `nil` at its end.
    public mutating func next() throws(RecordingError) -> RecordedItem? {
        while records.isAtEnd {
            guard try openBlock() else { return nil }
        }
        let offset = records.offset
        do throws(DecodeError) {
            return try record()
        } catch {
            throw .malformed(part: part, offset: offset)
        }
    }

    private mutating func openBlock() throws(RecordingError) -> Bool {
        let left = bytes.count - nextBlock
        guard left > 0, tornBytes == 0 else { return false }
        var header = ByteReader(bytes, in: nextBlock..<bytes.count)
        guard let length = try? header.fixed32(), let crc = try? header.fixed32(),
            let number = try? header.fixed64()
        else {
            tornBytes = left
            return false
        }
        guard length <= Recording.maximumPayload else {
            throw .damaged(part: part, offset: nextBlock)
        }
        guard Int(length) <= header.remaining else {
            tornBytes = left
            return false
        }
        let payload = nextBlock + Recording.blockHeaderLength
        let end = payload + Int(length)
        guard number == blockNumber, crc == CRC32C.extend(0, bytes, in: nextBlock + 8..<end) else {
            throw .damaged(part: part, offset: nextBlock)
        }
        blockNumber += 1
        nextBlock = end
        records = ByteReader(bytes, in: payload..<end)
        return true
    }

    private mutating func record() throws(DecodeError) -> RecordedItem {
        guard let kind = Recording.Kind(rawValue: try records.byte()) else { throw .malformed }
        switch kind {
        case .configuration:
            guard try records.byte() == NodeEvent.formVersion else { throw .malformed }
            let configuration = try NodeConfiguration(from: &records)
            last = Instant(nanoseconds: try records.signed())
            return .configuration(configuration, now: last)
        case .durable: return try durable()
        case .snapshotChunk: return .snapshotChunk(try records.byteString())
        case .entry:
            let index = try records.index()
            let term = try records.term()
            let stamp = ClusterTime(nanoseconds: try records.signed())
            guard let kind = EntryKind(rawValue: try records.byte()) else { throw .malformed }
            return .entry(
                Entry(
                    index: index, term: term, stamp: stamp, kind: kind,
                    payload: try records.byteString()))
        case .started: return .started(digest: try records.fixed64())
        case .event:
            let delta = try records.signed()
            let (time, overflow) = last.nanoseconds.addingReportingOverflow(delta)
            guard delta >= 0, !overflow else { throw .malformed }
            let low = try records.byte()
            let effects = UInt16(low) | UInt16(try records.byte()) << 8
            let event = try NodeEvent(from: &records)
            last = Instant(nanoseconds: time)
            return .event(event, at: last, effects: effects)
        case .check:
            let steps = try records.number()
            let control = try records.fixed64()
            return .check(steps: steps, control: control, effects: try records.fixed64())
        case .fullCheck:
            let steps = try records.number()
            return .fullCheck(steps: steps, digest: try records.fixed64())
        case .end:
            guard let reason = RecordingEnd(rawValue: try records.byte()) else { throw .malformed }
            return .end(reason)
        }
    }

    private mutating func durable() throws(DecodeError) -> RecordedItem {
        let term = try records.term()
        let vote = try records.flag() ? NodeID(try records.small()) : nil
        var point: SnapshotPoint?
        var chunks = 0
        if try records.flag() {
            point = try SnapshotPoint(from: &records)
            chunks = try records.count(limit: SnapshotChunk.maximumCount)
        }
        let entries = try records.count(limit: 1 << 40)
        return .durable(
            HardState(term: term, vote: vote), snapshot: point, chunks: chunks, entries: entries)
    }
}
