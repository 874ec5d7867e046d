@preconcurrency import Glibc

/// Processes that do one piece of work after the other, so that a trap ends a piece and not the
/// program.
///
/// The workers are forked from this process and know all that it knew then; no thread may run
/// beside the one that makes the pool. Results are handed on in the order of the work, whatever
/// the number of workers, and nothing behind the piece at which the taker has enough.
final class WorkerPool {
    /// What came back for a piece of work.
    struct Reply {
        /// The answer; nil when the process died over it.
        var answer: String?
        /// What was said meanwhile.
        var notes: [String] = []
    }

    /// Does one piece of work; what the closure is given is passed on at once, as a note.
    typealias Serve = (_ work: String, _ note: @escaping (String) -> Void) -> String

    private struct Worker {
        var process: pid_t
        var requests: Int32
        var replies: Int32
        /// The piece that it is at; nil when it is free.
        var piece: Int?
        /// Nobody wants the answer any more.
        var isStale = false
        var bytes: [UInt8] = []
        var notes: [String] = []
    }

    private var workers: [Worker] = []
    private let serve: Serve
    /// The most workers.
    let jobs: Int

    /// A pool of so many processes, or of one for each core when `jobs` is 0.
    init(jobs: Int, serve: @escaping Serve) {
        self.jobs = jobs > 0 ? jobs : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        self.serve = serve
        signal(SIGPIPE, SIG_IGN)
    }

    /// Ends the workers.
    func close() {
        while !workers.isEmpty { end(workers.count - 1) }
    }

    /// Hands out pieces, and the replies in the same order to `take`, until that returns false or
    /// `next` has no more.
    func work(next: (Int) -> String?, take: (Int, Reply) -> Bool) {
        var handedOut = 0
        var taken = 0
        var isExhausted = false
        var waiting: [Int: Reply] = [:]
        while true {
            while !isExhausted, let free = freeWorker() {
                guard let piece = next(handedOut) else {
                    isExhausted = true
                    break
                }
                workers[free].piece = handedOut
                handedOut += 1
                WorkerPool.send(piece, kind: WorkerPool.request, to: workers[free].requests)
            }
            if isExhausted, taken == handedOut { return }
            for (piece, reply) in receive() { waiting[piece] = reply }
            while let reply = waiting.removeValue(forKey: taken) {
                guard take(taken, reply) else {
                    for worker in workers.indices where workers[worker].piece != nil {
                        workers[worker].isStale = true
                    }
                    return
                }
                taken += 1
            }
        }
    }

    private func freeWorker() -> Int? {
        if let free = workers.firstIndex(where: { $0.piece == nil }) { return free }
        guard workers.count < jobs else { return nil }
        start()
        return workers.count - 1
    }

    // MARK: Processes

    private func start() {
        var down: [Int32] = [0, 0]
        var up: [Int32] = [0, 0]
        guard pipe(&down) == 0, pipe(&up) == 0 else { fatal("no pipe for a worker") }
        fflush(nil)
        let process = fork()
        guard process >= 0 else { fatal("no process for a worker") }
        if process == 0 {
            for worker in workers {
                Glibc.close(worker.requests)
                Glibc.close(worker.replies)
            }
            Glibc.close(down[1])
            Glibc.close(up[0])
            become(requests: down[0], replies: up[1])
        }
        Glibc.close(down[0])
        Glibc.close(up[1])
        workers.append(Worker(process: process, requests: down[1], replies: up[0]))
    }

    /// The worker's own life: it ends when the pool closes its pipe.
    private func become(requests: Int32, replies: Int32) -> Never {
        let silence = open("/dev/null", O_WRONLY)
        if silence >= 0 { dup2(silence, 2) }
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
            signal(number) { _ in _exit(4) }
        }
        var bytes: [UInt8] = []
        while true {
            while let (_, work) = WorkerPool.frame(in: &bytes) {
                let answer = serve(work) { note in
                    WorkerPool.send(note, kind: WorkerPool.note, to: replies)
                }
                WorkerPool.send(answer, kind: WorkerPool.answer, to: replies)
            }
            guard WorkerPool.read(requests, into: &bytes) else { _exit(0) }
        }
    }

    private func end(_ number: Int) {
        let worker = workers.remove(at: number)
        Glibc.close(worker.requests)
        Glibc.close(worker.replies)
        // One that is at work nobody waits for is not waited for either.
        if worker.piece != nil { kill(worker.process, SIGKILL) }
        var status: Int32 = 0
        while waitpid(worker.process, &status, 0) < 0, errno == EINTR {}
    }

    /// Waits until something comes; returns what is complete.
    private func receive() -> [(Int, Reply)] {
        var polls = workers.map { pollfd(fd: $0.replies, events: Int16(POLLIN), revents: 0) }
        guard poll(&polls, nfds_t(polls.count), -1) >= 0 else { return [] }
        var replies: [(Int, Reply)] = []
        for number in polls.indices.reversed() where polls[number].revents != 0 {
            let isOpen = WorkerPool.read(workers[number].replies, into: &workers[number].bytes)
            while let (kind, text) = WorkerPool.frame(in: &workers[number].bytes) {
                guard kind == WorkerPool.answer else {
                    workers[number].notes.append(text)
                    continue
                }
                if let piece = workers[number].piece, !workers[number].isStale {
                    replies.append((piece, Reply(answer: text, notes: workers[number].notes)))
                }
                workers[number].piece = nil
                workers[number].isStale = false
                workers[number].notes = []
            }
            guard !isOpen else { continue }
            if let piece = workers[number].piece, !workers[number].isStale {
                replies.append((piece, Reply(answer: nil, notes: workers[number].notes)))
            }
            workers[number].piece = nil
            end(number)
        }
        return replies
    }

    // MARK: Frames

    private static let request = UInt8(ascii: "w")
    private static let note = UInt8(ascii: "n")
    private static let answer = UInt8(ascii: "a")

    /// A kind, four bytes of length, the text.
    private static func send(_ text: String, kind: UInt8, to file: Int32) {
        let content = Array(text.utf8)
        var frame = [kind]
        for place in 0..<4 { frame.append(UInt8(truncatingIfNeeded: content.count >> (8 * place))) }
        frame += content
        var done = 0
        while done < frame.count {
            let count = frame.withUnsafeBytes {
                write(file, $0.baseAddress! + done, frame.count - done)
            }
            if count < 0, errno == EINTR { continue }
            // The other end is gone; whoever reads from it will see.
            guard count > 0 else { return }
            done += count
        }
    }

    private static func frame(in bytes: inout [UInt8]) -> (kind: UInt8, text: String)? {
        guard bytes.count >= 5 else { return nil }
        let length = (0..<4).reduce(0) { $0 | Int(bytes[1 + $1]) << (8 * $1) }
        guard bytes.count >= 5 + length else { return nil }
        let text = String(decoding: bytes[5..<5 + length], as: UTF8.self)
        let kind = bytes[0]
        bytes.removeFirst(5 + length)
        return (kind, text)
    }

    /// Appends what there is; false at the end.
    private static func read(_ file: Int32, into bytes: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count = Glibc.read(file, &buffer, buffer.count)
        while count < 0, errno == EINTR { count = Glibc.read(file, &buffer, buffer.count) }
        guard count > 0 else { return false }
        bytes += buffer[..<count]
        return true
    }

    private func fatal(_ message: String) -> Never {
        fputs("parley-sim: \(message): \(String(cString: strerror(errno)))\n", stderr)
        exit(2)
    }
}
