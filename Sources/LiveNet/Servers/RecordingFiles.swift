import Glibc
import Protocols

/// The files of one node's recordings in a directory; used by one thread at a time.
///
/// ## Overview
/// A file is one part: `node1-000003-0002.rec` is part 2 of the third recording that node 1 has made
/// there. Together the files of a node stay below a limit: the oldest recordings go first, whole.
/// When the one being written has the limit for itself and reaches it, it ends.
final class RecordingFiles {
    /// A part of so many bytes is followed by the next.
    static let usualPartLimit = 16 << 20
    /// The most recordings of a node that are kept, the new one among them.
    static let kept = 8

    /// What became of a block.
    enum Outcome: Equatable {
        case written
        /// The limit is reached; the recording has got its end.
        case full
        /// The kernel refused; nothing more is written.
        case failed(String)
    }

    private struct Older {
        var names: [String]
        var bytes: Int
    }

    private let directory: String
    private let stem: String
    private let id: UInt64
    private let limit: Int
    private let partLimit: Int
    private var older: [Older] = []
    private var descriptor: Int32 = -1
    private var part: UInt32 = 0
    private var partBytes = 0
    private var bytes = 0

    /// Makes the directory where it does not exist and drops what is too old; throws a line.
    init(
        directory: String, node: NodeID, id: UInt64, limit: Int,
        partLimit: Int = RecordingFiles.usualPartLimit
    ) throws(RecordingFilesError) {
        self.directory = directory
        self.id = id
        self.limit = limit
        self.partLimit = partLimit
        guard mkdir(directory, 0o750) == 0 || errno == EEXIST else {
            throw RecordingFilesError("RECORD=\(directory) cannot be made: \(reason(errno))")
        }
        let files = try Self.list(directory, node)
        var serial = 0
        for (name, recording, size) in files {
            if recording != serial || older.isEmpty { older.append(Older(names: [], bytes: 0)) }
            serial = recording
            older[older.count - 1].names.append(name)
            older[older.count - 1].bytes += size
        }
        stem = "\(node)-" + Self.padded(serial + 1, 6)
        while older.count >= Self.kept { removeOldest() }
        if let failure = openPart() { throw RecordingFilesError(failure) }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// The path of the part being written.
    var path: String { "\(directory)/\(stem)-\(Self.padded(Int(part), 4)).rec" }
    /// The bytes of this recording so far.
    var byteCount: Int { bytes }

    /// Appends a sealed block with one write.
    func append(_ block: [UInt8]) -> Outcome {
        guard descriptor >= 0 else { return .failed("the recording is closed") }
        while bytes + block.count + older.reduce(0, { $0 + $1.bytes }) > limit, !older.isEmpty {
            removeOldest()
        }
        guard bytes + block.count <= limit else {
            var number = ByteReader(block, in: 8..<16)
            _ = write(Recording.lastBlock(number: (try? number.fixed64()) ?? 0, .full))
            close()
            return .full
        }
        if partBytes >= partLimit {
            close()
            if let failure = openPart() { return .failed(failure) }
        }
        return write(block).map { .failed($0) } ?? .written
    }

    /// Closes the part; a recording is not synced, for it must cost little.
    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    private func openPart() -> String? {
        part += 1
        partBytes = 0
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return "\(path) cannot be made: \(reason(errno))" }
        return write(Recording.partHeader(recording: id, number: part))
    }

    private func write(_ content: [UInt8]) -> String? {
        var offset = 0
        while offset < content.count {
            let count = content.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + offset, content.count - offset)
            }
            if count < 0 {
                guard errno != EINTR else { continue }
                let failure = "\(path) cannot be written: \(reason(errno))"
                close()
                return failure
            }
            offset += count
        }
        bytes += content.count
        partBytes += content.count
        return nil
    }

    private func removeOldest() {
        for name in older.removeFirst().names { unlink("\(directory)/\(name)") }
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// The node's files there, by recording, then by part.
    private static func list(
        _ directory: String, _ node: NodeID
    ) throws(RecordingFilesError) -> [(name: String, recording: Int, size: Int)] {
        guard let stream = opendir(directory) else {
            throw RecordingFilesError("RECORD=\(directory) cannot be read: \(reason(errno))")
        }
        defer { closedir(stream) }
        var files: [(name: String, recording: Int, size: Int)] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let words = name.split(separator: "-")
            guard words.count == 3, words[0] == "\(node)", name.hasSuffix(".rec"),
                let recording = Int(words[1])
            else { continue }
            var status = stat()
            guard stat("\(directory)/\(name)", &status) == 0 else { continue }
            files.append((name, recording, Int(status.st_size)))
        }
        return files.sorted { ($0.recording, $0.name) < ($1.recording, $1.name) }
    }
}

/// Why nothing can be recorded, in one line.
struct RecordingFilesError: Error, CustomStringConvertible {
    let description: String

    init(_ line: String) { description = line }
}
