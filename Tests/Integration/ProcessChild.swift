import Glibc
import Synchronization

/// How a process ended.
enum ProcessEnd: Equatable {
    case exited(Int32)
    case killed(Int32)
}

/// A child process. It is killed when the value goes, and by `ProcessGuard` if the tests crash.
final class ChildProcess {
    let id: pid_t
    private(set) var end: ProcessEnd?

    /// Starts a program with exactly these variables; its output is appended to a file.
    init(_ path: String, _ arguments: [String], environment: [String: String], output: String)
        throws
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o640)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        id = try ChildProcess.spawn(path, arguments, environment, &actions)
        ProcessGuard.shared.add(id)
    }

    deinit { kill() }

    fileprivate static func spawn(
        _ path: String, _ arguments: [String], _ environment: [String: String],
        _ actions: inout posix_spawn_file_actions_t
    ) throws -> pid_t {
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + variables { free(word) } }
        // The threads on which tests run block signals, and a child inherits that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var id = pid_t()
        let code = posix_spawn(&id, path, &actions, &attributes, &words, &variables)
        guard code == 0 else { throw LiveFailure("\(path) does not start: \(code)") }
        return id
    }

    /// Sends a signal, unless the process has ended.
    func signal(_ number: Int32) {
        if !hasEnded { _ = Glibc.kill(id, number) }
    }

    /// `kill -9`, and waits until the process is gone.
    func kill() {
        guard !hasEnded else { return }
        _ = Glibc.kill(id, SIGKILL)
        reap(options: 0)
    }

    var hasEnded: Bool {
        if end == nil { reap(options: WNOHANG) }
        return end != nil
    }

    /// Waits until the process ends of itself.
    func waitForEnd(within seconds: Double = 30) throws -> ProcessEnd {
        try eventually("process \(id) ends", within: seconds) { hasEnded }
        return end!
    }

    private func reap(options: Int32) {
        var status: Int32 = 0
        var got: pid_t
        repeat { got = waitpid(id, &status, options) } while got < 0 && errno == EINTR
        guard got == id else { return }
        let signal = status & 0x7F
        end = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal)
        ProcessGuard.shared.remove(id)
    }

    /// A line of `/proc/<id>/status` such as `VmRSS`, in bytes.
    func memory(_ name: String) -> Int? {
        let text = String(decoding: contents(of: "/proc/\(id)/status"), as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
            let words = line.split { $0 == " " || $0 == "\t" }
            return words.count > 1 ? Int(words[1]).map { $0 * 1024 } : nil
        }
        return nil
    }
}

/// A shell that kills what the tests left behind, should they crash: it reads the ids of running
/// processes from a pipe, and the end of the pipe is the end of the tests.
final class ProcessGuard: Sendable {
    static let shared = ProcessGuard()

    private let pipe: Mutex<Int32>

    private static let script = """
        trap '' INT TERM HUP
        ids=' '; mounts=''
        while read -r line; do
          id=${line#?}
          case $line in
            +*) ids="$ids$id " ;;
            -*) ids="${ids%% $id *} ${ids#* $id }" ;;
            m*) mounts="$id $mounts" ;;
          esac
        done
        for id in $ids; do kill -9 "$id"; done
        for mount in $mounts; do umount -l "$mount" && rmdir "$mount"; done
        """

    private init() {
        var ends: [Int32] = [-1, -1]
        precondition(Glibc.pipe(&ends) == 0, "no pipe")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let path = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        let started = try? ChildProcess.spawn("/bin/sh", ["-c", Self.script], path, &actions)
        precondition(started != nil, "no shell")
        close(ends[0])
        pipe = Mutex(ends[1])
    }

    func add(_ id: pid_t) { say("+\(id)") }
    func remove(_ id: pid_t) { say("-\(id)") }
    func addMount(_ path: String) { say("m\(path)") }

    private func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        pipe.withLock { _ = Glibc.write($0, bytes, bytes.count) }
    }
}
