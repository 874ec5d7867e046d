import Glibc
import Protocols

/// Performs file operations in one directory with plain POSIX calls; used by one thread at a time.
///
/// It decides nothing: which bytes go where and what is synced when comes from `Protocols`.
final class FileExecutor {
    /// Files that are being appended to; more are never open for long.
    private static let maximumOpenFiles = 4

    private let path: String
    private let directory: Int32
    private let lock: Int32
    private var isClosed = false
    private var open: [(name: String, descriptor: Int32)] = []

    /// Told of each step once it is performed, on the thread that performed it.
    var watcher: (@Sendable (FileOperation) -> Void)?
    /// Syncs so far, of files and of the directory.
    private(set) var syncs: UInt64 = 0
    /// Bytes written so far.
    private(set) var bytesWritten: UInt64 = 0

    /// Opens the directory, making it if need be, and locks it against other processes for as long
    /// as the executor lives.
    init(path: String) throws(StorageError) {
        try Self.makeDirectories(path)
        let directory = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .unreadable(path: path, code: errno) }
        let lock = openat(directory, DataFile.lockName, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard lock >= 0 else {
            let code = errno
            Glibc.close(directory)
            throw .unreadable(path: path, code: code)
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let process = Self.readProcess(lock)
            Glibc.close(lock)
            Glibc.close(directory)
            guard code == EWOULDBLOCK else { throw .unreadable(path: path, code: code) }
            throw .inUse(path: path, process: process)
        }
        self.path = path
        self.directory = directory
        self.lock = lock
        // Whose lock it is helps a person; that it cannot be written (a full disk) is no reason to
        // stop.
        ftruncate(lock, 0)
        let text = Array("\(getpid())\n".utf8)
        pwrite(lock, text, text.count, 0)
    }

    deinit { close() }

    /// Closes all files and releases the lock; safe to call again, nothing else may follow.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for file in open { Glibc.close(file.descriptor) }
        open = []
        // Closing its descriptor is what releases the lock.
        Glibc.close(lock)
        Glibc.close(directory)
    }

    /// Performs one step.
    func perform(_ operation: FileOperation) throws(StorageFailure) {
        switch operation {
        case .create(let name):
            closeFile(name)
            _ = try openFile(name, O_CREAT | O_TRUNC, "create")
        case .append(let name, let bytes):
            try append(bytes, to: name)
        case .truncate(let name, let length):
            let file = try openFile(name, 0, "open")
            if ftruncate(file, off_t(length)) != 0 { throw failure("truncate", name) }
        case .sync(let name):
            let file = try openFile(name, 0, "open")
            if fdatasync(file) != 0 { throw failure("sync", name) }
            syncs += 1
        case .rename(let from, let to):
            closeFile(from)
            closeFile(to)
            if renameat(directory, from, directory, to) != 0 { throw failure("rename", from) }
        case .delete(let name):
            closeFile(name)
            // What is gone already is as wanted.
            if unlinkat(directory, name, 0) != 0 && errno != ENOENT {
                throw failure("delete", name)
            }
        case .syncDirectory:
            if fsync(directory) != 0 { throw failure("sync the directory", "") }
            syncs += 1
        }
        watcher?(operation)
    }

    private func append(_ bytes: [UInt8], to name: String) throws(StorageFailure) {
        let file = try openFile(name, 0, "open")
        var offset = 0
        while offset < bytes.count {
            let wrote = bytes.withUnsafeBytes {
                write(file, $0.baseAddress! + offset, bytes.count - offset)
            }
            if wrote < 0 {
                if errno == EINTR { continue }
                throw failure("write", name)
            }
            offset += wrote
        }
        bytesWritten += UInt64(bytes.count)
    }

    /// The names of the plain files in the directory.
    func names() throws(StorageError) -> [String] {
        let copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw .unreadable(path: path, code: errno) }
        guard let stream = fdopendir(copy) else {
            let code = errno
            Glibc.close(copy)
            throw .unreadable(path: path, code: code)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .unreadable(path: path, code: errno) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    /// The content of a file; `nil` when it cannot be read.
    func content(of name: String) -> [UInt8]? {
        let file = openat(directory, name, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { Glibc.close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let size = Int(status.st_size)
        var isWhole = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = read(file, buffer.baseAddress! + count, size - count)
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else {
                    isWhole = false
                    return
                }
                count += got
            }
        }
        return isWhole ? bytes : nil
    }

    private func openFile(
        _ name: String, _ flags: Int32, _ step: StaticString
    ) throws(StorageFailure) -> Int32 {
        if let file = open.first(where: { $0.name == name }) { return file.descriptor }
        let descriptor = openat(directory, name, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0o640)
        guard descriptor >= 0 else { throw failure(step, name) }
        if open.count == Self.maximumOpenFiles { Glibc.close(open.removeFirst().descriptor) }
        open.append((name, descriptor))
        return descriptor
    }

    private func closeFile(_ name: String) {
        guard let place = open.firstIndex(where: { $0.name == name }) else { return }
        Glibc.close(open.remove(at: place).descriptor)
    }

    private func failure(_ step: StaticString, _ name: String) -> StorageFailure {
        let code = errno
        return StorageFailure(
            step: name.isEmpty ? "\(step)" : "\(step) \(name)", directory: path, code: code)
    }

    /// Makes the directory and those above it.
    private static func makeDirectories(_ path: String) throws(StorageError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += part
            if !made.isEmpty && mkdir(made, 0o750) != 0 && errno != EEXIST {
                // A directory above may be unwritable and still be passable.
                let code = errno
                var status = stat()
                guard stat(made, &status) == 0 else {
                    throw .cannotCreate(path: path, code: code)
                }
            }
            made += "/"
        }
    }

    private static func readProcess(_ lock: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = pread(lock, &text, text.count, 0)
        let digits = text.prefix(max(0, count)).prefix { $0 >= 48 && $0 <= 57 }
        return Int32(String(decoding: digits, as: UTF8.self))
    }
}
