/// The form of a flight recording, version 1: what one boot of a node was started with and told.
///
/// ## Overview
/// A recording is a row of *parts* (files), a part a row of *blocks*, a block a row of *records*.
///
///     part    magic "PRLYREC" 1 · recording id · part number · CRC-32C of these
///     block   payload length · CRC-32C of block number and payload · block number · payload
///     record  a kind, then fields as `ByteWriter` forms
///
/// First come the configuration, the durable state and the time at which the node was made; then
/// every event with the time that its step was given. Before each event stand 16 bits of the rolling
/// digest of all effects so far, so that a replay knows at which step it parts from the recording;
/// checks hold whole digests.
///
/// ## Function
/// Blocks are numbered through all parts: a lost or foreign part is found. A part that ends inside a
/// block was cut by a crash and counts up to there; a block that is whole but does not verify is
/// damage.
public enum Recording {
    /// The version of the form; configuration and events have theirs beside it.
    public static let version: UInt8 = 1
    /// The bytes before the first block of a part.
    public static let partHeaderLength = 24
    /// The bytes before a block's payload.
    public static let blockHeaderLength = 16
    /// The longest payload of a block, in bytes.
    public static let maximumPayload = 64 << 20

    static let magic: [UInt8] = [0x50, 0x52, 0x4C, 0x59, 0x52, 0x45, 0x43, version]

    enum Kind: UInt8 {
        case configuration = 1
        case durable, snapshotChunk, entry, started
        case event = 16
        case check, fullCheck, end
    }

    /// Names the recording of one boot: equal for all of its parts, in practice for no other.
    public static func id(of configuration: NodeConfiguration) -> UInt64 {
        var digest = Digest()
        digest.combine(UInt64(configuration.id.rawValue))
        digest.combine(configuration.incarnation.rawValue)
        digest.combine(configuration.boot.rawValue)
        digest.combine(configuration.seed)
        return digest.value
    }

    /// The beginning of a part; parts are numbered from 1.
    public static func partHeader(recording id: UInt64, number: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: partHeaderLength)
        writer.bytes += magic
        writer.write(fixed64: id)
        writer.write(fixed32: number)
        writer.write(fixed32: CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// Puts the checksum into a block from a `RecordingWriter`; apart, so that another thread may
    /// spend the time.
    public static func seal(_ block: inout [UInt8]) {
        let crc = CRC32C.extend(0, block, in: 8..<block.count)
        for place in 0..<4 {
            block[4 + place] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * place))
        }
    }

    /// The sealed block that ends a recording in place of the one with this number.
    public static func lastBlock(number: UInt64, _ reason: RecordingEnd) -> [UInt8] {
        var block = ByteWriter(capacity: 32)
        block.write(fixed32: 2)
        block.write(fixed32: 0)
        block.write(fixed64: number)
        block.write(byte: Kind.end.rawValue)
        block.write(byte: reason.rawValue)
        seal(&block.bytes)
        return block.bytes
    }
}

/// Why a recording ends before its node does, or with it.
public enum RecordingEnd: UInt8, Sendable {
    /// The node was stopped as asked.
    case stopped = 1
    /// The recording has reached its limit.
    case full = 2
}

/// Makes the blocks of one recording; the driver writes them to parts in order.
public struct RecordingWriter: Sendable {
    /// How many steps at most lie between two checks.
    public static let checkPeriod: UInt64 = 256
    /// A block is taken when its payload has so many bytes, or when the driver thinks fit.
    public static let usualBlock = 64 << 10
    /// The bytes of log and state up to which a full check costs little.
    public static let cheapState = 4 << 20

    /// How many events were recorded.
    public private(set) var steps: UInt64 = 0
    /// The number of the block that is being filled, from 0.
    public private(set) var blockNumber: UInt64 = 0
    private var block = ByteWriter(capacity: RecordingWriter.usualBlock + 4_096)
    private var effects = Digest()
    private var last: Instant
    private var checkedAt: UInt64 = 0

    /// Begins a recording of a node that is made at `now`.
    public init(startingAt now: Instant) {
        last = now
        beginBlock()
    }

    /// True when the block holds a record.
    public var hasRecords: Bool { block.bytes.count > Recording.blockHeaderLength }
    /// True when the block has its usual size.
    public var isBlockFull: Bool { block.bytes.count >= RecordingWriter.usualBlock }

    private mutating func beginBlock() {
        block.bytes.append(contentsOf: repeatElement(0, count: Recording.blockHeaderLength))
    }

    /// Ends the block and begins the next; the result wants `Recording.seal`.
    public mutating func takeBlock() -> [UInt8] {
        let length = block.bytes.count - Recording.blockHeaderLength
        precondition(length <= Recording.maximumPayload, "a record of \(length) bytes")
        for place in 0..<4 {
            block.bytes[place] = UInt8(truncatingIfNeeded: length >> (8 * place))
        }
        for place in 0..<8 {
            block.bytes[8 + place] = UInt8(truncatingIfNeeded: blockNumber >> UInt64(8 * place))
        }
        blockNumber += 1
        var next = ByteWriter(capacity: RecordingWriter.usualBlock + 4_096)
        swap(&next, &block)
        beginBlock()
        return next.bytes
    }

    // MARK: Start

    /// Writes what the node starts from, block by block: a state of any size takes little room.
    public mutating func writeStart(
        _ configuration: NodeConfiguration, _ durable: DurableState,
        emit: ([UInt8]) -> Void
    ) {
        block.write(byte: Recording.Kind.configuration.rawValue)
        block.write(byte: NodeEvent.formVersion)
        configuration.write(to: &block)
        block.write(signed: last.nanoseconds)
        block.write(byte: Recording.Kind.durable.rawValue)
        block.write(durable.hardState.term.rawValue)
        block.write(durable.hardState.vote != nil)
        if let vote = durable.hardState.vote { block.write(UInt64(vote.rawValue)) }
        block.write(durable.snapshot != nil)
        if let snapshot = durable.snapshot {
            snapshot.point.write(to: &block)
            block.write(count: snapshot.chunks.count)
        }
        block.write(count: durable.entries.count)
        for chunk in durable.snapshot?.chunks ?? [] {
            block.write(byte: Recording.Kind.snapshotChunk.rawValue)
            block.write(chunk)
            if isBlockFull { emit(takeBlock()) }
        }
        for entry in durable.entries {
            block.write(byte: Recording.Kind.entry.rawValue)
            block.write(entry.index.rawValue)
            block.write(entry.term.rawValue)
            block.write(signed: entry.stamp.nanoseconds)
            block.write(byte: entry.kind.rawValue)
            block.write(entry.payload)
            if isBlockFull { emit(takeBlock()) }
        }
    }

    /// Writes that the node was made, and its digest.
    public mutating func writeStarted(_ node: Node) {
        block.write(byte: Recording.Kind.started.rawValue)
        block.write(fixed64: node.wholeDigest)
    }

    // MARK: Steps

    /// Writes an event; before its step, so that a step that traps is in the recording.
    public mutating func write(_ event: NodeEvent, at now: Instant) {
        steps += 1
        block.write(byte: Recording.Kind.event.rawValue)
        block.write(signed: (now - last).nanoseconds)
        block.write(byte: UInt8(truncatingIfNeeded: effects.value))
        block.write(byte: UInt8(truncatingIfNeeded: effects.value >> 8))
        event.write(to: &block)
        last = now
    }

    /// Takes in what the step put out.
    public mutating func take(_ step: [NodeEffect]) {
        for effect in step { effect.digest(into: &effects) }
    }

    /// True when the last check is long ago; call `check` after that step.
    public var isCheckDue: Bool { steps - checkedAt >= RecordingWriter.checkPeriod }

    /// Writes a check: the digest of all effects so far and of what decides the next step.
    public mutating func check(_ node: Node) {
        guard checkedAt < steps else { return }
        checkedAt = steps
        var control = Digest()
        node.controlDigest(into: &control)
        block.write(byte: Recording.Kind.check.rawValue)
        block.write(steps)
        block.write(fixed64: control.value)
        block.write(fixed64: effects.value)
    }

    /// Writes a check of the node's whole content as well, which takes time with its size.
    public mutating func checkWhole(_ node: Node) {
        check(node)
        block.write(byte: Recording.Kind.fullCheck.rawValue)
        block.write(steps)
        block.write(fixed64: node.wholeDigest)
    }

    /// Writes the end.
    public mutating func end(_ reason: RecordingEnd) {
        block.write(byte: Recording.Kind.end.rawValue)
        block.write(byte: reason.rawValue)
    }
}

extension Node {
    /// The digest of the whole node.
    public var wholeDigest: UInt64 {
        var digest = Digest()
        self.digest(into: &digest)
        return digest.value
    }

    /// The bytes that `wholeDigest` goes through, about.
    public var contentBytes: Int { raft.log.byteCount + state.byteCount }
}
