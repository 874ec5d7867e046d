/// Collects a snapshot: a stream that is cut into chunks, and blocks that are chunks as they are.
struct SnapshotWriter {
    private(set) var stream = ByteWriter(capacity: 4_096)
    private var chunks: [[UInt8]] = []
    private var shared: [[UInt8]] = []

    /// Blocks at least this long are shared by reference; shorter ones are copied, for a chunk has
    /// its price, too.
    static let sharedBytes = 8 << 10

    /// Appends one item to the stream.
    mutating func item(_ body: (inout ByteWriter) -> Void) {
        body(&stream)
        while stream.bytes.count >= Snapshot.maximumChunk {
            chunks.append(Array(stream.bytes[..<Snapshot.maximumChunk]))
            stream.bytes.removeFirst(Snapshot.maximumChunk)
        }
    }

    /// Appends a block of at most `Snapshot.maximumChunk` bytes.
    mutating func block(_ bytes: [UInt8]) {
        if bytes.count >= SnapshotWriter.sharedBytes {
            item { $0.write(count: bytes.count) }
            shared.append(bytes)
        } else {
            item { $0.write(bytes) }
        }
    }

    /// All chunks: the stream, whose length stands in its first bytes, then the shared blocks.
    consuming func finish() -> [[UInt8]] {
        var result = chunks
        if !stream.bytes.isEmpty { result.append(stream.bytes) }
        let length = result.reduce(0) { $0 + $1.count }
        for place in 0..<8 {
            result[0][1 + place] = UInt8(truncatingIfNeeded: length >> (8 * place))
        }
        return result + shared
    }
}

/// Reads what `SnapshotWriter` wrote; never traps on any input.
struct SnapshotReader {
    var stream: ByteReader
    private var shared: ArraySlice<[UInt8]>

    static let form: UInt8 = 2

    init(_ chunks: [[UInt8]]) throws(DecodeError) {
        guard let first = chunks.first else { throw .truncated }
        for chunk in chunks where chunk.count > Snapshot.maximumChunk { throw .tooLarge }
        var header = ByteReader(first)
        guard try header.byte() == SnapshotReader.form else { throw .malformed }
        let length = try header.fixed64()
        var joined: [UInt8] = []
        var used = 0
        while UInt64(joined.count) < length {
            guard used < chunks.count else { throw .truncated }
            // Each chunk of the stream but the last is full: there is one way to cut it.
            guard joined.count % Snapshot.maximumChunk == 0 else { throw .malformed }
            if used == 0 { joined = first } else { joined.append(contentsOf: chunks[used]) }
            guard !chunks[used].isEmpty else { throw .malformed }
            used += 1
        }
        guard UInt64(joined.count) == length else { throw .malformed }
        stream = ByteReader(joined)
        try stream.skip(9)
        shared = chunks[used...]
    }

    /// A count of things that take at least a byte each in the stream.
    mutating func count() throws(DecodeError) -> Int { try stream.count(limit: stream.remaining) }

    /// A block, from the stream or shared.
    mutating func block() throws(DecodeError) -> [UInt8] {
        let length = try stream.count(limit: Snapshot.maximumChunk)
        if length >= SnapshotWriter.sharedBytes {
            guard let block = shared.popFirst() else { throw .truncated }
            guard block.count == length else { throw .malformed }
            return block
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        guard length <= stream.remaining else { throw .truncated }
        bytes.append(contentsOf: stream.bytes[stream.offset..<stream.offset + length])
        try stream.skip(length)
        return bytes
    }

    func finish() throws(DecodeError) {
        try stream.finish()
        guard shared.isEmpty else { throw .trailingBytes }
    }
}

extension ReplicatedState {
    /// The whole state in chunks of at most `Snapshot.maximumChunk` bytes.
    ///
    /// Equal states give equal bytes. Large history blocks are chunks by themselves and shared
    /// with the state; all else is copied, first.
    public func snapshotChunks() -> [[UInt8]] {
        var writer = SnapshotWriter()
        writer.item { stream in
            stream.write(byte: SnapshotReader.form)
            stream.write(fixed64: 0)  // the stream's length, known at its end
            stream.write(signed: stamp.nanoseconds)
            stream.write(applied.index.rawValue)
            stream.write(applied.term.rawValue)
            stream.write(UInt64(clusterVersion))
            stream.write(count: founders.count)
            for member in founders { stream.write(member: member) }
            limits.history.write(to: &stream)
            stream.write(fixed64: rollingDigest)
            stream.write(count: checkpoints.count)
            for checkpoint in checkpoints {
                stream.write(checkpoint.index.rawValue)
                stream.write(fixed64: checkpoint.digest)
            }
        }
        sessions.encode(into: &writer)
        clusters.encode(into: &writer)
        rooms.encode(into: &writer)
        registers.encode(into: &writer)
        return writer.finish()
    }

    /// Restores the state of a snapshot; throws on anything that `snapshotChunks` does not write.
    public init(
        snapshotChunks chunks: [[UInt8]], limits: StateLimits = StateLimits(),
        checkpointEntries: UInt64 = 1_024
    ) throws(DecodeError) {
        self.init(limits: limits, checkpointEntries: checkpointEntries)
        var reader = try SnapshotReader(chunks)
        stamp = ClusterTime(nanoseconds: try reader.stream.signed())
        applied = SnapshotPoint(
            index: LogIndex(try reader.stream.number()), term: Term(try reader.stream.number()))
        guard stamp >= .zero, applied.index.rawValue < .max else { throw .malformed }
        clusterVersion = try reader.stream.version()
        founders = try reader.stream.members(limit: MembershipPayload.memberLimit)
        self.limits.history = try HistoryLimits(from: &reader.stream)
        rollingDigest = try reader.stream.fixed64()
        for _ in 0..<(try reader.stream.count(limit: ReplicatedState.checkpointLimit)) {
            let index = LogIndex(try reader.stream.number())
            let last = checkpoints.last?.index ?? .zero
            guard index > last, index <= applied.index else { throw .malformed }
            checkpoints.append(
                CheckpointPayload(index: index, digest: try reader.stream.fixed64()))
        }
        sessions = try Sessions(reading: &reader, stamp: stamp)
        clusters = try ForeignClusters(reading: &reader)
        rooms = try Rooms(
            reading: &reader, sessions: sessions, clusters: clusters, stamp: stamp)
        registers = try Registers(reading: &reader)
        try reader.finish()
    }
}

extension Registers {
    func encode(into writer: inout SnapshotWriter) {
        writer.item { $0.write(count: table.count) }
        for (key, value) in table {
            writer.item {
                $0.write(key.text)
                $0.write(value.version)
                $0.write(value.value)
            }
        }
    }

    init(reading reader: inout SnapshotReader) throws(DecodeError) {
        self.init()
        for _ in 0..<(try reader.count()) {
            let key = TextKey(try reader.stream.string())
            if let last = table.last, !(last.key < key) { throw .malformed }
            let version = try reader.stream.number()
            guard version > 0, version <= .max >> 1 else { throw .malformed }
            insert(
                RegisterValue(value: try reader.stream.byteString(), version: version), for: key)
        }
    }
}
