import Glibc

/// What a process and the kernel take of memory, in bytes, as `/proc` says.
struct ProcessMemory {
    /// Memory that the process alone takes, and its share of what it has together with others.
    var proportional = 0
    /// Memory that the process has in use.
    var resident = 0
    /// The kernel's small objects, of all processes: sockets, files and what polls them.
    var slab = 0
    /// Bytes in the buffers of all TCP sockets of the machine.
    var tcpBuffers = 0
    /// Files that the process has open.
    var descriptors = 0

    /// Reads it now; `nil` when there is no such process or it may not be looked at.
    init?(of process: Int) {
        guard let rollup = Self.fields(of: "/proc/\(process)/smaps_rollup"),
            let proportional = rollup["Pss"], let resident = rollup["Rss"],
            let meminfo = Self.fields(of: "/proc/meminfo"), let slab = meminfo["Slab"]
        else { return nil }
        self.proportional = proportional << 10
        self.resident = resident << 10
        self.slab = slab << 10
        tcpBuffers = Self.tcpPages() * Int(getpagesize())
        descriptors = Self.entries(of: "/proc/\(process)/fd")
    }

    /// Lines of the form `Name:  123 kB`.
    private static func fields(of path: String) -> [String: Int]? {
        guard let text = read(path), !text.isEmpty else { return nil }
        var fields: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, words[0].hasSuffix(":"), let value = Int(words[1]) else {
                continue
            }
            fields[String(words[0].dropLast())] = value
        }
        return fields
    }

    /// The number behind `mem` in the line `TCP: inuse 5 ... mem 3`.
    private static func tcpPages() -> Int {
        for line in (read("/proc/net/sockstat") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.first == "TCP:", let place = words.firstIndex(of: "mem"),
                place + 1 < words.count
            else { continue }
            return Int(words[place + 1]) ?? 0
        }
        return 0
    }

    private static func entries(of path: String) -> Int {
        guard let directory = opendir(path) else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return max(0, count - 2)
    }

    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
