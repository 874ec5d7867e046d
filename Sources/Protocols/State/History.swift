/// A run of consecutive messages in binary form.
///
/// A block that is closed never changes again, so that snapshots share its bytes by reference.
struct HistoryBlock: Equatable, Sendable {
    /// The number of the first message.
    let firstSequence: UInt64
    /// The messages' encodings, one after the other.
    var bytes: [UInt8]
    /// Where each message begins in `bytes`.
    var offsets: [UInt32]
    /// The cluster time of the first message.
    let firstStamp: ClusterTime
    /// The cluster time of the last message.
    var lastStamp: ClusterTime

    var count: Int { offsets.count }
    /// The number after the last message.
    var endSequence: UInt64 { firstSequence + UInt64(offsets.count) }

    init(firstSequence: UInt64, at stamp: ClusterTime) {
        self.firstSequence = firstSequence
        bytes = []
        offsets = []
        firstStamp = stamp
        lastStamp = stamp
    }

    /// Takes over encoded messages after checking every one of them.
    init(
        firstSequence: UInt64, stamps: ClosedRange<ClusterTime>, checking bytes: [UInt8],
        count: Int
    ) throws(DecodeError) {
        self.firstSequence = firstSequence
        firstStamp = stamps.lowerBound
        lastStamp = stamps.upperBound
        self.bytes = bytes
        offsets = []
        var reader = ByteReader(bytes)
        for _ in 0..<count {
            offsets.append(UInt32(reader.offset))
            try reader.skip(24)
            _ = try reader.string()
            _ = try reader.string()
        }
        try reader.finish()
    }

    func message(at position: Int) -> ChatMessage {
        var reader = ByteReader(bytes)
        do throws(DecodeError) {
            try reader.skip(Int(offsets[position]))
            return ChatMessage(
                id: try reader.uniqueID(), sequence: firstSequence + UInt64(position),
                at: try reader.wallTime(), user: try reader.string(),
                content: try reader.string())
        } catch {
            preconditionFailure("a history block holds only what was encoded or checked: \(error)")
        }
    }
}

extension ChatMessage {
    /// In the order of the binary form.
    fileprivate init(
        id: UniqueID, sequence: UInt64, at: WallTime, user: String, content: String
    ) {
        self.init(id: id, sequence: sequence, user: user, content: content, at: at)
    }
}

/// The messages of one room, numbered from 1 without gaps, the oldest dropped block by block.
///
/// A block goes when what remains still reaches a limit by count or by bytes, so that a room keeps
/// as much as promised and at most one block more. By age a block goes with its newest message; as
/// no block spans more than an eighth of the age, none of its messages stays longer than that.
public struct History: Equatable, Sendable {
    private(set) var blocks: [HistoryBlock] = []
    /// The number of the newest message; 0 before the first.
    public private(set) var lastSequence: UInt64 = 0
    /// The number of messages kept.
    public private(set) var count = 0
    /// An estimate of the memory in use.
    public private(set) var byteCount = 0

    /// The most bytes of one message in binary form; fits a snapshot's chunk.
    public static let messageLimit = 64 << 10
    static let blockBytes = 128

    /// Makes an empty history.
    public init() {}

    /// The number of the oldest message kept; one past the last when none is.
    public var firstSequence: UInt64 { blocks.first?.firstSequence ?? lastSequence + 1 }

    /// True when a message of these texts can be kept.
    static func fits(user: String, content: String) -> Bool {
        user.utf8.count + content.utf8.count + 40 <= messageLimit
    }

    /// Appends a message that `fits`; returns its number, and true when old ones were dropped.
    mutating func append(
        id: UniqueID, user: String, content: String, at: WallTime, stamp: ClusterTime,
        limits: StateLimits
    ) -> (sequence: UInt64, isTrimmed: Bool) {
        let size = user.utf8.count + content.utf8.count + 40
        let limit = min(limits.historyBlockBytes, Snapshot.maximumChunk)
        if let last = blocks.last, last.bytes.count + size <= limit,
            limits.historyAge == .zero || stamp - last.firstStamp <= limits.historyAge / 8
        {
            // There is room in the open block.
        } else {
            closeBlock()
            blocks.append(HistoryBlock(firstSequence: lastSequence + 1, at: stamp))
            byteCount += History.blockBytes
        }
        let open = blocks.count - 1
        let start = blocks[open].bytes.count
        blocks[open].offsets.append(UInt32(start))
        blocks[open].lastStamp = stamp
        History.encode(id: id, user: user, content: content, at: at, onto: &blocks[open].bytes)
        byteCount += blocks[open].bytes.count - start + 4
        lastSequence += 1
        count += 1
        return (lastSequence, trim(limits))
    }

    private static func encode(
        id: UniqueID, user: String, content: String, at: WallTime, onto bytes: inout [UInt8]
    ) {
        var head = (id.high.littleEndian, id.low.littleEndian, at.milliseconds.littleEndian)
        withUnsafeBytes(of: &head) { bytes.append(contentsOf: $0) }
        appendText(user, onto: &bytes)
        appendText(content, onto: &bytes)
    }

    private static func appendText(_ text: String, onto bytes: inout [UInt8]) {
        var rest = text.utf8.count
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
        bytes.append(contentsOf: text.utf8)
    }

    /// Gives back what a full block's arrays have reserved beyond their content.
    private mutating func closeBlock() {
        guard !blocks.isEmpty else { return }
        let open = blocks.count - 1
        if blocks[open].bytes.capacity > blocks[open].bytes.count * 9 / 8 {
            blocks[open].bytes = blocks[open].bytes.withUnsafeBufferPointer { Array($0) }
            blocks[open].offsets = blocks[open].offsets.withUnsafeBufferPointer { Array($0) }
        }
    }

    private mutating func trim(_ limits: StateLimits) -> Bool {
        guard blocks.count > 1 else { return false }
        var gone = 0
        while gone < blocks.count - 1 {
            let oldest = blocks[gone]
            let bytes = oldest.bytes.count + oldest.count * 4 + History.blockBytes
            guard
                count - oldest.count >= limits.historyCount
                    || byteCount - bytes >= limits.historyBytes
            else { break }
            count -= oldest.count
            byteCount -= bytes
            gone += 1
        }
        if gone > 0 { blocks.removeFirst(gone) }
        return gone > 0
    }

    /// Drops the blocks whose newest message is too old; true when there were any.
    mutating func expire(at stamp: ClusterTime, age: Interval) -> Bool {
        var gone = 0
        while gone < blocks.count, stamp - blocks[gone].lastStamp >= age {
            count -= blocks[gone].count
            byteCount -= blocks[gone].bytes.count + blocks[gone].count * 4 + History.blockBytes
            gone += 1
        }
        if gone > 0 { blocks.removeFirst(gone) }
        return gone > 0
    }

    /// The messages from a number on, at most `limit`, oldest first; begins at the oldest kept when
    /// that is later.
    public func messages(from sequence: UInt64, limit: Int) -> [ChatMessage] {
        let start = max(sequence, firstSequence)
        guard limit > 0, start <= lastSequence else { return [] }
        var messages: [ChatMessage] = []
        messages.reserveCapacity(min(limit, Int(lastSequence - start) + 1))
        var number = blockNumber(of: start)
        var position = Int(start - blocks[number].firstSequence)
        while messages.count < limit, number < blocks.count {
            if position < blocks[number].count {
                messages.append(blocks[number].message(at: position))
                position += 1
            } else {
                number += 1
                position = 0
            }
        }
        return messages
    }

    /// The newest messages, at most `limit`, oldest first.
    public func last(_ limit: Int) -> [ChatMessage] {
        guard limit > 0 else { return [] }
        let back = UInt64(min(limit, count))
        return messages(from: lastSequence + 1 - back, limit: limit)
    }

    private func blockNumber(of sequence: UInt64) -> Int {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) >> 1
            if blocks[middle].endSequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Adds a block as it stood in a snapshot; the first one says where the history begins.
    mutating func append(_ block: HistoryBlock) throws(DecodeError) {
        guard block.count > 0, blocks.isEmpty || block.firstSequence == lastSequence + 1 else {
            throw .malformed
        }
        blocks.append(block)
        lastSequence = block.endSequence - 1
        count += block.count
        byteCount += block.bytes.count + block.count * 4 + History.blockBytes
    }

    /// Begins, empty, after the message of this number.
    init(after sequence: UInt64) { lastSequence = sequence }

    func digest(into digest: inout Digest) {
        digest.combine(lastSequence)
        for block in blocks {
            digest.combine(block.firstSequence)
            digest.combine(UInt64(bitPattern: block.firstStamp.nanoseconds))
            digest.combine(UInt64(bitPattern: block.lastStamp.nanoseconds))
            digest.combine(block.bytes)
        }
    }
}
