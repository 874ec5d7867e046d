import Glibc
import Synchronization
import Testing

/// All tests that start real processes: one after the other, for they share two cores.
@Suite("live processes", .serialized)
enum Live {}

/// What a test waited for did not come, or the machine refused something; one line.
struct LiveFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A time limit on the monotonic clock.
struct Limit: Sendable {
    private let end: UInt64

    init(seconds: Double) { end = Limit.now + UInt64(seconds * 1e9) }

    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    var hasPassed: Bool { Limit.now >= end }

    /// What is left, for `poll`.
    var milliseconds: Int32 {
        let now = Limit.now
        return now >= end ? 0 : Int32(min((end - now) / 1_000_000 + 1, 1_000_000))
    }
}

/// Looks at a condition again and again until it holds; throws when it does not in time.
func eventually(
    _ what: @autoclosure () -> String, within seconds: Double = 30,
    _ condition: () throws -> Bool
) throws {
    let limit = Limit(seconds: seconds)
    while !(try condition()) {
        guard !limit.hasPassed else { throw LiveFailure("not within \(Int(seconds)) s: \(what())") }
        usleep(10_000)
    }
}

/// Ports on loopback that nothing listens on, below those that the kernel gives to outgoing
/// connections: a port stays free while the node that had it is down.
enum FreePorts {
    private static let next = Mutex<UInt16>(10_000 + UInt16(getpid() % 1_000) * 20)

    static func take(_ count: Int) -> [UInt16] {
        next.withLock { next in
            var ports: [UInt16] = []
            while ports.count < count {
                next = next >= 32_000 ? 10_000 : next + 1
                if isFree(next) { ports.append(next) }
            }
            return ports
        }
    }

    private static func isFree(_ port: UInt16) -> Bool {
        guard let descriptor = try? listen(on: port) else { return false }
        close(descriptor)
        return true
    }

    /// A listening socket on the port; the caller closes it.
    static func listen(on port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw LiveFailure("no socket") }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        let bound = withLoopback(port) { bind(descriptor, $0, $1) }
        guard bound == 0, Glibc.listen(descriptor, 16) == 0 else {
            close(descriptor)
            throw LiveFailure("port \(port) is in use")
        }
        return descriptor
    }
}

/// Calls `body` with the address 127.0.0.1 and a port.
func withLoopback(
    _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// Where the programs are: `PARLEY_BIN_DIR`, else beside the test bundle, where SwiftPM puts both.
func program(_ name: String) throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    var directory = String(
        decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    directory = String(directory[..<(directory.lastIndex(of: "/") ?? directory.startIndex)])
    if let named = getenv("PARLEY_BIN_DIR") { directory = String(cString: named) }
    let file = directory + "/" + name
    guard access(file, X_OK) == 0 else {
        throw LiveFailure("\(file) is not there: build the package, or set PARLEY_BIN_DIR")
    }
    return file
}

/// The content of a file; empty when there is none.
func contents(of path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        guard count > 0 else { return bytes }
        bytes += chunk[..<count]
    }
}

/// Writes bytes into a file at an offset; without one it replaces the content.
func write(_ bytes: [UInt8], to path: String, at offset: Int? = nil) throws {
    let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (offset == nil ? O_TRUNC : 0)
    let descriptor = open(path, flags, 0o640)
    guard descriptor >= 0 else { throw LiveFailure("\(path) cannot be written") }
    defer { close(descriptor) }
    guard pwrite(descriptor, bytes, bytes.count, off_t(offset ?? 0)) == bytes.count else {
        throw LiveFailure("\(path) cannot be written")
    }
}

/// The names in a directory that begin with `prefix`, ascending.
func names(in path: String, prefix: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.hasPrefix(prefix) { names.append(name) }
    }
    return names.sorted()
}
