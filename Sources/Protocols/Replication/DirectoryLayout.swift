/// One step on the files of a data directory; every decision about files is made in `Protocols`,
/// and LiveNet's storage thread and SimNet's disk perform the same list.
///
/// A list is performed in its order, one step after the other, and lists in the order in which they
/// were made. A step that fails ends the node: nothing after it is done and nothing is retried.
public enum FileOperation: Equatable, Sendable {
    /// Makes an empty file; one of that name is emptied.
    case create(String)
    /// Writes the bytes behind the last byte of the file.
    case append(String, [UInt8])
    /// Cuts the file to `length` bytes.
    case truncate(String, length: Int)
    /// Returns once the content and length of the file are durable (`fdatasync`).
    case sync(String)
    /// Gives a file another name; a file that has that name is replaced in the same instant.
    case rename(from: String, to: String)
    /// Removes the file.
    case delete(String)
    /// Returns once the names made, changed and removed so far are durable.
    case syncDirectory
}

/// What a file of a data directory is, by its name.
public enum DataFile: Equatable, Sendable {
    /// Whose directory this is.
    case identity
    /// A segment of the log and its sequence number, from 1.
    case log(UInt64)
    /// A snapshot that stands for everything up to an index.
    case snapshot(LogIndex)
    /// What a crash left of a file that had no name yet; safe to delete.
    case temporary
    /// Nothing of the storage's own; left alone.
    case other

    /// Recognises a name.
    public init(name: String) {
        let prefixes: [(String, Int)] = [("log-", 20), ("snapshot-", 25)]
        if name == "identity" {
            self = .identity
        } else if name == "identity.tmp" {
            self = .temporary
        } else if name.utf8.count == prefixes[0].1, name.hasPrefix(prefixes[0].0),
            let sequence = DataFile.number(inHex: name.dropFirst(4))
        {
            self = .log(sequence)
        } else if name.hasPrefix(prefixes[1].0) {
            let body = name.dropFirst(9)
            if let index = DataFile.number(inHex: body) {
                self = .snapshot(LogIndex(index))
            } else if body.hasSuffix(".tmp"), DataFile.number(inHex: body.dropLast(4)) != nil {
                self = .temporary
            } else {
                self = .other
            }
        } else {
            self = .other
        }
    }

    /// The file that the driver holds locked while it uses the directory; has no content.
    public static let lockName = "lock"

    static let identityName = "identity"
    static let identityTemporaryName = "identity.tmp"
    /// The name of the log segment with this sequence number.
    public static func logName(_ sequence: UInt64) -> String { "log-" + hex(sequence) }
    /// The name of the snapshot that stands for everything up to `index`.
    public static func snapshotName(_ index: LogIndex) -> String {
        "snapshot-" + hex(index.rawValue)
    }
    static func snapshotTemporaryName(_ index: LogIndex) -> String {
        snapshotName(index) + ".tmp"
    }

    private static func hex(_ number: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { text in
            for digit in 0..<16 {
                let value = UInt8(truncatingIfNeeded: number >> (60 - 4 * UInt64(digit))) & 15
                text[digit] = value < 10 ? 48 + value : 87 + value
            }
            return 16
        }
    }

    /// Exactly 16 lower-case digits: one number has one name.
    private static func number(inHex text: Substring) -> UInt64? {
        guard text.utf8.count == 16 else { return nil }
        var number: UInt64 = 0
        for byte in text.utf8 {
            switch byte {
            case 48...57: number = number << 4 | UInt64(byte - 48)
            case 97...102: number = number << 4 | UInt64(byte - 87)
            default: return nil
            }
        }
        return number
    }
}

/// The frame in which every file's header stands, the same in all versions to come:
/// eight bytes of magic, version and whole length (four bytes each), fields, CRC-32C of all before.
///
/// So a version that is not known can be told from damage.
enum FileHeader {
    static let version: UInt32 = 1
    static let overhead = 20
    private static let maximumLength = 4096

    enum Failure: Error, Equatable {
        case damaged
        case version(UInt32)
    }

    static func seal(_ magic: StaticString, _ fields: [UInt8]) -> [UInt8] {
        precondition(magic.utf8CodeUnitCount == 8, "a magic has eight bytes")
        var writer = ByteWriter(capacity: overhead + fields.count)
        magic.withUTF8Buffer { writer.bytes.append(contentsOf: $0) }
        writer.write(fixed32: version)
        writer.write(fixed32: UInt32(overhead + fields.count))
        writer.bytes.append(contentsOf: fields)
        writer.write(fixed32: CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// A reader over the fields, which must be `fieldBytes` long, at the start of `bytes`.
    static func open(
        _ magic: StaticString, _ bytes: [UInt8], fieldBytes: Int
    ) throws(Failure) -> ByteReader {
        guard bytes.count >= overhead,
            magic.withUTF8Buffer({ $0.elementsEqual(bytes[..<8]) })
        else { throw .damaged }
        let length = Int(bytes.load32(at: 12))
        guard length >= overhead, length <= min(bytes.count, maximumLength),
            CRC32C.extend(0, bytes, in: 0..<length - 4) == bytes.load32(at: length - 4)
        else { throw .damaged }
        let found = bytes.load32(at: 8)
        guard found == version else { throw .version(found) }
        guard length == overhead + fieldBytes else { throw .damaged }
        return ByteReader(bytes, in: 16..<length - 4)
    }
}

extension [UInt8] {
    /// Four bytes, little-endian; `offset` must lie at least that far before the end.
    @inline(__always)
    func load32(at offset: Int) -> UInt32 {
        withUnsafeBytes {
            UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
    }

    /// Eight bytes, little-endian; `offset` must lie at least that far before the end.
    @inline(__always)
    func load64(at offset: Int) -> UInt64 {
        withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}

/// Whose data directory this is, and how often it was started.
public struct DirectoryIdentity: Equatable, Sendable {
    /// Drawn at random when the directory was made.
    public let incarnation: Incarnation
    /// The member that owns it.
    public let node: NodeID
    /// The number of starts; 0 before the first.
    public var boot: Boot

    /// Makes an identity.
    public init(incarnation: Incarnation, node: NodeID, boot: Boot) {
        self.incarnation = incarnation
        self.node = node
        self.boot = boot
    }

    /// The content of the identity file.
    public func encoded() -> [UInt8] {
        var fields = ByteWriter(capacity: DirectoryIdentity.fieldBytes)
        fields.write(fixed64: incarnation.rawValue)
        fields.write(fixed32: node.rawValue)
        fields.write(fixed64: boot.rawValue)
        return FileHeader.seal("PARLEYID", fields.bytes)
    }

    /// Reads the content of an identity file; anything but exactly that is an error.
    public init(decoding bytes: [UInt8]) throws(RecoveryError) {
        let file = DataFile.identityName
        do {
            var fields = try FileHeader.open(
                "PARLEYID", bytes, fieldBytes: DirectoryIdentity.fieldBytes)
            incarnation = Incarnation(try fields.fixed64())
            node = NodeID(try fields.fixed32())
            boot = Boot(try fields.fixed64())
        } catch FileHeader.Failure.version(let version) {
            throw .unsupportedVersion(file: file, version: version)
        } catch {
            throw .corrupt(file: file, offset: 0, reason: .header)
        }
        guard boot.rawValue < LogFormat.numberLimit else {
            throw .corrupt(file: file, offset: 0, reason: .malformed)
        }
        guard bytes.count == FileHeader.overhead + DirectoryIdentity.fieldBytes else {
            throw .corrupt(file: file, offset: bytes.count, reason: .length)
        }
    }

    /// Replaces the identity file: after a crash it is the old one or the new one, whole.
    public func saveOperations() -> [FileOperation] {
        [
            .create(DataFile.identityTemporaryName),
            .append(DataFile.identityTemporaryName, encoded()),
            .sync(DataFile.identityTemporaryName),
            .rename(from: DataFile.identityTemporaryName, to: DataFile.identityName),
            .syncDirectory,
        ]
    }

    private static let fieldBytes = 20
}

/// A node's data directory as a whole: how one is made; `recover` says how one is opened.
public enum DataDirectory {
    /// The steps that make an empty directory the data directory of `node`.
    ///
    /// The log is made by the first start; until then the boot counter is 0, so that a crash
    /// between the two is not taken for a lost log.
    public static func format(incarnation: Incarnation, node: NodeID) -> [FileOperation] {
        DirectoryIdentity(incarnation: incarnation, node: node, boot: Boot(0)).saveOperations()
    }
}
