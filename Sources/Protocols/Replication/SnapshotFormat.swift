/// The bytes of a snapshot file. All numbers are little-endian and of fixed width.
///
/// ```
/// file    = header, chunk, chunk, ..., trailer
/// header  = FileHeader("PARLEYSN"): incarnation 8, index 8, term 8, bytes of all chunks 8,
///           chunks 4
/// chunk   = CRC-32C 4, length 4, bytes
/// trailer = CRC-32C of all CRCs before, the header's first, 4
/// ```
///
/// A chunk's CRC covers length and bytes and starts from incarnation, index, term and chunk number.
/// A snapshot gets its name only when it is durable; so one that has its name and is damaged is
/// corruption and never counts as absent.
enum SnapshotFormat {
    static let magic: StaticString = "PARLEYSN"
    static let fieldBytes = 36
    static let headerSize = FileHeader.overhead + fieldBytes
    static let chunkHead = 8
    static let trailerSize = 4

    static func seed(_ incarnation: Incarnation, _ point: SnapshotPoint) -> UInt32 {
        CRC32C.extend(
            CRC32C.extend(
                CRC32C.extend(0, incarnation.rawValue), point.index.rawValue), point.term.rawValue)
    }
}

extension Snapshot {
    /// The steps that save the snapshot: under a temporary name, under its own once it is durable.
    ///
    /// The chunks are handed on as they are, without a copy.
    public func saveOperations(incarnation: Incarnation) -> [FileOperation] {
        let temporary = DataFile.snapshotTemporaryName(point.index)
        let header = encodedHeader(incarnation: incarnation)
        var operations: [FileOperation] = [.create(temporary), .append(temporary, header)]
        let seed = SnapshotFormat.seed(incarnation, point)
        var trailer = CRC32C.extend(0, header, in: header.count - 4..<header.count)
        for (number, chunk) in chunks.enumerated() {
            precondition(chunk.count <= Snapshot.maximumChunk, "a chunk is bounded")
            var head = ByteWriter(capacity: SnapshotFormat.chunkHead)
            head.write(fixed32: 0)
            head.write(fixed32: UInt32(chunk.count))
            let length = CRC32C.extend(seed ^ UInt32(number), head.bytes, in: 4..<8)
            let crc = CRC32C.extend(length, chunk, in: chunk.indices)
            for place in 0..<4 {
                head.bytes[place] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(place)))
            }
            trailer = CRC32C.extend(trailer, head.bytes, in: 0..<4)
            operations.append(.append(temporary, head.bytes))
            if !chunk.isEmpty { operations.append(.append(temporary, chunk)) }
        }
        var tail = ByteWriter(capacity: SnapshotFormat.trailerSize)
        tail.write(fixed32: trailer)
        operations += [
            .append(temporary, tail.bytes),
            .sync(temporary),
            .rename(from: temporary, to: DataFile.snapshotName(point.index)),
            .syncDirectory,
        ]
        return operations
    }

    private func encodedHeader(incarnation: Incarnation) -> [UInt8] {
        var fields = ByteWriter(capacity: SnapshotFormat.fieldBytes)
        fields.write(fixed64: incarnation.rawValue)
        fields.write(fixed64: point.index.rawValue)
        fields.write(fixed64: point.term.rawValue)
        fields.write(fixed64: UInt64(size))
        fields.write(fixed32: UInt32(chunks.count))
        return FileHeader.seal(SnapshotFormat.magic, fields.bytes)
    }

    /// Reads the snapshot file `file`, which must be whole, named after its index and of this
    /// incarnation.
    public init(
        decoding bytes: [UInt8], file: String, incarnation expected: Incarnation
    ) throws(RecoveryError) {
        var fields: ByteReader
        let found: Incarnation
        let size: UInt64
        let count: Int
        do {
            fields = try FileHeader.open(
                SnapshotFormat.magic, bytes, fieldBytes: SnapshotFormat.fieldBytes)
            found = Incarnation(try fields.fixed64())
            point = SnapshotPoint(
                index: LogIndex(try fields.fixed64()), term: Term(try fields.fixed64()))
            size = try fields.fixed64()
            count = Int(try fields.fixed32())
        } catch FileHeader.Failure.version(let version) {
            throw .unsupportedVersion(file: file, version: version)
        } catch {
            throw .snapshotCorrupt(file: file, offset: 0, reason: .header)
        }
        guard point.index.rawValue < LogFormat.numberLimit,
            point.term.rawValue < LogFormat.numberLimit
        else { throw .snapshotCorrupt(file: file, offset: 0, reason: .malformed) }
        guard found == expected else { throw .foreignDirectory(file: file, found: found) }
        guard DataFile(name: file) == .snapshot(point.index) else {
            throw .snapshotCorrupt(file: file, offset: 0, reason: .misplaced)
        }
        let room = bytes.count - SnapshotFormat.headerSize - SnapshotFormat.trailerSize
        guard room >= 0, count <= room / SnapshotFormat.chunkHead,
            size == UInt64(room - count * SnapshotFormat.chunkHead)
        else { throw .snapshotCorrupt(file: file, offset: bytes.count, reason: .length) }

        let seed = SnapshotFormat.seed(expected, point)
        let afterHeader = SnapshotFormat.headerSize
        var trailer = CRC32C.extend(0, bytes, in: afterHeader - 4..<afterHeader)
        var offset = afterHeader
        chunks = []
        chunks.reserveCapacity(count)
        for number in 0..<count {
            let content = offset + SnapshotFormat.chunkHead
            guard content <= bytes.count - SnapshotFormat.trailerSize,
                case let length = Int(bytes.load32(at: offset + 4)),
                length <= Snapshot.maximumChunk,
                content + length <= bytes.count - SnapshotFormat.trailerSize,
                CRC32C.extend(
                    seed ^ UInt32(number), bytes, in: offset + 4..<content + length)
                    == bytes.load32(at: offset)
            else { throw .snapshotCorrupt(file: file, offset: offset, reason: .chunk) }
            trailer = CRC32C.extend(trailer, bytes, in: offset..<offset + 4)
            chunks.append(Array(bytes[content..<content + length]))
            offset = content + length
        }
        guard offset + SnapshotFormat.trailerSize == bytes.count,
            trailer == bytes.load32(at: offset)
        else { throw .snapshotCorrupt(file: file, offset: offset, reason: .trailer) }
    }
}
