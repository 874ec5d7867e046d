import Glibc
import Protocols

/// Writes what one node is told, so that `parley-sim replay --recording` can do it again.
///
/// ## Overview
///     step ──► block in memory ──(some milliseconds)──► queue ──► thread ──► files
///
/// An event is written down before its step. At the end of a turn the block gets a check and goes to
/// the thread, unless the last one went a moment ago; then it waits for that moment to pass.
///
/// ## Function
/// The node goes before its recording: what the disk does not take in time, or refuses, ends the
/// recording with a line in the log, and the loop never waits for it. When the process traps, the
/// block in memory is still written, with the event that did it as its last.
final class Recorder {
    /// How long the events of a busy node gather in a block: what `kill -9` may cut off.
    private static let pause = Interval.milliseconds(20)
    /// How often the whole node is checked, as long as it is small.
    private static let wholePeriod = Interval.seconds(5)

    private let log: Log
    private let thread: RecorderThread
    private var writer: RecordingWriter
    private var handedAt: Instant
    private var wholeAt: Instant
    private var isOver = false

    /// Begins a recording of a node made at `now`; `nil`, with a line in the log, when it cannot.
    static func begin(
        _ settings: NodeSettings, log: Log, _ node: Node, _ durable: DurableState, now: Instant
    ) -> Recorder? {
        guard let directory = settings.recordDirectory else { return nil }
        let files: RecordingFiles
        do throws(RecordingFilesError) {
            files = try RecordingFiles(
                directory: directory, node: settings.node,
                id: Recording.id(of: node.configuration), limit: settings.recordLimit)
        } catch {
            log.warning("not recording: \(error)", [:])
            return nil
        }
        let recorder = Recorder(log, files, now)
        let path = files.path
        // Before the loop runs, and on its thread: the state may be larger than any queue.
        var outcome = RecordingFiles.Outcome.written
        func emit(_ block: [UInt8]) {
            guard outcome == .written else { return }
            var block = block
            Recording.seal(&block)
            outcome = files.append(block)
        }
        recorder.writer.writeStart(node.configuration, durable, emit: emit)
        recorder.writer.writeStarted(node)
        emit(recorder.writer.takeBlock())
        guard outcome == .written else {
            recorder.report(outcome)
            return nil
        }
        recorder.thread.start()
        CrashFlush.arm(recorder)
        log.info(
            "recording",
            [
                "file": .text(path), "bytes": .int(files.byteCount),
                "limit": .int(settings.recordLimit),
            ]
        )
        return recorder
    }

    private init(_ log: Log, _ files: RecordingFiles, _ now: Instant) {
        self.log = log
        thread = RecorderThread(files)
        writer = RecordingWriter(startingAt: now)
        handedAt = now
        wholeAt = now
    }

    // MARK: Steps

    /// Writes an event down; call it before its step, with the step's own time.
    @inline(__always)
    func record(_ event: NodeEvent, at now: Instant) {
        if !isOver { writer.write(event, at: now) }
    }

    /// Takes in what the step put out; true when `endBlock` is due.
    @inline(__always)
    func stepped(_ effects: [NodeEffect]) -> Bool {
        guard !isOver else { return false }
        writer.take(effects)
        return writer.isCheckDue || writer.isBlockFull
    }

    /// A check is due, or the block is long.
    func endBlock(_ node: Node) {
        writer.check(node)
        if writer.isBlockFull { hand() }
    }

    /// When `handOver` is due.
    var deadline: Instant {
        !isOver && writer.hasRecords ? handedAt + Recorder.pause : .distantFuture
    }

    /// Gives the block a check and hands it to the thread.
    func handOver(_ node: Node, _ now: Instant) {
        if now - wholeAt >= Recorder.wholePeriod, node.contentBytes <= RecordingWriter.cheapState {
            wholeAt = now
            writer.checkWhole(node)
        } else {
            writer.check(node)
        }
        handedAt = now
        hand()
    }

    private func hand() {
        switch thread.push(writer.takeBlock()) {
        case .taken: break
        case .behind:
            isOver = true
            log.warning(
                "recording stopped: its disk does not keep up", ["events": .int(writer.steps)])
        case .over(let outcome): report(outcome)
        }
    }

    private func report(_ outcome: RecordingFiles.Outcome) {
        isOver = true
        let fields: LogFields = ["events": .int(writer.steps)]
        switch outcome {
        case .written: break
        case .full:
            log.warning(
                "recording stopped: it is full; a larger RECORD_LIMIT, or a restart, makes room",
                fields)
        case .failed(let line): log.warning("recording stopped: \(line)", fields)
        }
    }

    /// The node is being stopped: writes the last check and the end.
    func close(_ node: Node) {
        CrashFlush.disarm()
        if !isOver {
            writer.checkWhole(node)
            writer.end(.stopped)
            _ = thread.push(writer.takeBlock())
            isOver = true
        }
        thread.stop()
    }

    /// The process traps on the loop's thread: writes the block that is in memory.
    fileprivate func flushFromTrap() {
        guard !isOver, thread.waitUntilIdle() else { return }
        isOver = true
        thread.appendNow(writer.takeBlock())
    }
}

/// Writes the last block when the process traps (`ud2` and `brk`, as Swift does on its own bugs).
///
/// Such a signal comes from the very instruction that the loop's thread is at, never from inside the
/// allocator or a lock, so that the handler may use both.
private enum CrashFlush {
    nonisolated(unsafe) private static var recorder: Recorder?
    nonisolated(unsafe) private static var owner = pthread_t()

    static func arm(_ recorder: Recorder) {
        self.recorder = recorder
        owner = pthread_self()
        for number in [SIGILL, SIGTRAP] {
            signal(number) { number in
                CrashFlush.flush()
                // What ends the process, a core dump included, is as it would be without.
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    static func disarm() { recorder = nil }

    private static func flush() {
        guard let recorder, pthread_equal(owner, pthread_self()) != 0 else { return }
        self.recorder = nil
        recorder.flushFromTrap()
    }
}

/// The thread that writes blocks to files.
final class RecorderThread: @unchecked Sendable {
    // All variables but `files` are guarded by the mutex. The files belong to the thread from
    // `start` to `stop`, and to the caller before and after, and while `waitUntilIdle` holds.

    /// The most bytes that may wait; beyond them the disk is too slow.
    private static let queueLimit = 32 << 20

    /// What becomes of a pushed block.
    enum Answer {
        case taken
        case behind
        case over(RecordingFiles.Outcome)
    }

    private let files: RecordingFiles
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var thread = pthread_t()
    private var isStarted = false
    private var queue: [[UInt8]] = []
    private var queuedBytes = 0
    private var isWriting = false
    private var isStopping = false
    private var outcome = RecordingFiles.Outcome.written

    init(_ files: RecordingFiles) {
        self.files = files
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    func start() {
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { context in
                // Signals are the loop's business.
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                Unmanaged<RecorderThread>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, context)
        precondition(status == 0, "the recorder's thread cannot be started: \(reason(status))")
        isStarted = true
    }

    /// Queues a block that is not sealed yet.
    func push(_ block: [UInt8]) -> Answer {
        let (answer, isAwaited) = enqueue(block)
        // Without the mutex: the thread that wakes wants it.
        if isAwaited { pthread_cond_signal(condition) }
        return answer
    }

    private func enqueue(_ block: [UInt8]) -> (Answer, isAwaited: Bool) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard outcome == .written else { return (.over(outcome), false) }
        guard queuedBytes + block.count <= Self.queueLimit else { return (.behind, false) }
        queue.append(block)
        queuedBytes += block.count
        return (.taken, queue.count == 1 && !isWriting)
    }

    /// Lets the thread write what is queued and waits for its end.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(condition)
        if isStarted { pthread_join(thread, nil) }
        files.close()
    }

    /// Waits for a second at most until nothing is queued or being written.
    func waitUntilIdle() -> Bool {
        for _ in 0..<200 {
            if pthread_mutex_trylock(mutex) == 0 {
                let isIdle = queue.isEmpty && !isWriting
                pthread_mutex_unlock(mutex)
                if isIdle { return true }
            }
            usleep(5_000)
        }
        return false
    }

    /// Writes a block from the caller's thread; for the end of a process that traps.
    func appendNow(_ block: [UInt8]) {
        var block = block
        Recording.seal(&block)
        _ = files.append(block)
    }

    // MARK: - On the thread

    private func run() {
        while let blocks = nextBlocks() {
            var result = RecordingFiles.Outcome.written
            for var block in blocks where result == .written {
                Recording.seal(&block)
                result = files.append(block)
            }
            pthread_mutex_lock(mutex)
            isWriting = false
            outcome = result
            pthread_mutex_unlock(mutex)
        }
    }

    private func nextBlocks() -> [[UInt8]]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if outcome != .written { queue = [] }
            if !queue.isEmpty {
                let blocks = queue
                queue = []
                queuedBytes = 0
                isWriting = true
                return blocks
            }
            if isStopping { return nil }
            pthread_cond_wait(condition, mutex)
        }
    }
}
