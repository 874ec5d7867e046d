import Glibc

/// Brings the lines of the standard input to a loop, whatever it is: a terminal, a pipe or a file.
///
/// ## Overview
/// A thread of its own waits in `read`, since epoll does not take files. It reads the next part
/// only after the loop has taken the one before, and not while paused, so memory is bounded.
///
/// ## Function
/// Lines come without their line end; bytes that are not UTF-8 are repaired. A line longer than
/// the limit comes in pieces. There is one for a process; it lasts until the process ends.
public final class LineInput: @unchecked Sendable {
    // `part` and `isEnded` are guarded by the semaphores: the thread writes them between `taken`
    // and `wake`, the loop reads them between the wake-up and `taken`.
    private static let partLength = 16 * 1024
    private static let lineLimit = 64 * 1024

    private let taken: UnsafeMutablePointer<sem_t>
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var part: [UInt8]?
    private var isEnded = false
    private var waker: Waker?

    // The loop's own.
    private var rest: [UInt8] = []
    private var lines: [String] = []
    private var isPaused = false
    private var hasEnded = false
    private var hasToldEnd = false
    private var isHandingOut = false
    /// The thread waits for word that its part is dealt with.
    private var threadWaits = false
    private let onLine: (String) -> Void
    private let onEnd: () -> Void

    /// Starts to read the standard input; both handlers are called on the loop.
    public init(loop: Loop, onLine: @escaping (String) -> Void, onEnd: @escaping () -> Void) {
        self.onLine = onLine
        self.onEnd = onEnd
        taken = .allocate(capacity: 1)
        mutex = .allocate(capacity: 1)
        sem_init(taken, 0, 0)
        pthread_mutex_init(mutex, nil)
        waker = loop.addWaker { [unowned self] in onWake() }
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                Unmanaged<LineInput>.fromOpaque(context!).takeRetainedValue().read()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "the input thread cannot be started: error \(status)")
        pthread_detach(thread)
    }

    /// Holds lines back until `resume`.
    public func pause() { isPaused = true }

    /// Goes on with the lines.
    public func resume() {
        guard isPaused else { return }
        isPaused = false
        handOut()
    }

    // MARK: - On the loop

    private func onWake() {
        pthread_mutex_lock(mutex)
        let part = self.part
        let isEnded = self.isEnded
        self.part = nil
        pthread_mutex_unlock(mutex)
        if let part {
            threadWaits = true
            split(part)
        }
        if isEnded, !hasEnded {
            hasEnded = true
            if !rest.isEmpty { lines.append(String(decoding: rest, as: UTF8.self)) }
            rest = []
        }
        if part != nil || isEnded { handOut() }
    }

    private func split(_ part: [UInt8]) {
        var start = 0
        for position in part.indices where part[position] == 0x0A {
            rest.append(contentsOf: part[start..<position])
            if rest.last == 0x0D { rest.removeLast() }
            lines.append(String(decoding: rest, as: UTF8.self))
            rest.removeAll(keepingCapacity: true)
            start = position + 1
        }
        rest.append(contentsOf: part[start...])
        if rest.count > Self.lineLimit {
            lines.append(String(decoding: rest, as: UTF8.self))
            rest.removeAll()
        }
    }

    private func handOut() {
        // A handler may pause and resume.
        guard !isHandingOut else { return }
        isHandingOut = true
        defer { isHandingOut = false }
        var done = 0
        while done < lines.count, !isPaused {
            done += 1
            onLine(lines[done - 1])
        }
        lines.removeFirst(done)
        guard !isPaused, lines.isEmpty else { return }
        if threadWaits {
            threadWaits = false
            sem_post(taken)
        }
        if hasEnded, !hasToldEnd {
            hasToldEnd = true
            onEnd()
        }
    }

    // MARK: - On the thread

    private func read() {
        var buffer = [UInt8](repeating: 0, count: Self.partLength)
        while true {
            let count = Glibc.read(0, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            pthread_mutex_lock(mutex)
            if count > 0 { part = Array(buffer[..<count]) } else { isEnded = true }
            pthread_mutex_unlock(mutex)
            waker?.wake()
            guard count > 0 else { return }
            sem_wait(taken)
        }
    }
}
