import Glibc
import Protocols

/// What the storage thread has done since it was last asked.
struct StorageReport {
    /// Log lists that are done.
    var logLists = 0
    /// Other lists that are done.
    var otherLists = 0
    /// The failure after which nothing was done.
    var failure: StorageFailure?
    /// Syncs so far.
    var syncs: UInt64 = 0
    /// Bytes written so far.
    var bytesWritten: UInt64 = 0
    /// How long the last log list took.
    var lastLogList = Interval.zero
}

/// The thread that writes and syncs, so that the loop never waits for a disk.
///
/// ## Overview
/// There are two queues, each first in, first out: lists of the log, and all others (snapshots,
/// removals). A list of the log goes before the next *step* of another list: a snapshot of many
/// megabytes must not hold up the log. The two never touch the same file. What depends on a
/// snapshot being durable is only asked for after its completion.
///
/// ## Function
/// After a failure nothing more is done. `stop` returns when both queues are empty.
final class StorageThread: @unchecked Sendable {
    // All variables but `executor` are guarded by the mutex. The executor belongs to the thread
    // from `start` to `stop`, and to the caller before and after.

    /// A long file is synced in parts of so many bytes: a log sync in between would otherwise wait
    /// for all of it, for they share the file system's journal.
    private static let partLength = 1 << 20

    private let executor: FileExecutor
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var thread = pthread_t()
    private var log: [[FileOperation]] = []
    private var other: [OtherList] = []
    private var otherStep = 0
    private var unsynced = 0
    private var report = StorageReport()
    private var isStopping = false
    private var waker: Waker?

    /// A list that does not belong to the log.
    private enum OtherList {
        case steps([FileOperation])
        /// The steps are made on the thread, for encoding a large snapshot takes a while.
        case making(@Sendable () -> [FileOperation])
    }

    init(executor: FileExecutor) {
        self.executor = executor
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

    /// Starts the thread; `waker` is called when there is something to report.
    func start(waker: Waker) {
        self.waker = waker
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { context in
                // Signals are the loop's business.
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                Unmanaged<StorageThread>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, context)
        precondition(status == 0, "the storage thread cannot be started: \(reason(status))")
    }

    /// Queues a list of the log.
    func performLog(_ operations: [FileOperation]) {
        locked { log.append(operations) }
        pthread_cond_signal(condition)
    }

    /// Queues another list.
    func perform(_ operations: [FileOperation]) {
        locked { other.append(.steps(operations)) }
        pthread_cond_signal(condition)
    }

    /// Queues another list whose steps are made when its turn comes; there must be one at least.
    func perform(making make: @escaping @Sendable () -> [FileOperation]) {
        locked { other.append(.making(make)) }
        pthread_cond_signal(condition)
    }

    /// What happened since the last call; counts of lists start anew.
    func takeReport() -> StorageReport {
        locked {
            let taken = report
            report.logLists = 0
            report.otherLists = 0
            return taken
        }
    }

    /// Lets the thread finish both queues and waits for its end.
    func stop() {
        locked { isStopping = true }
        pthread_cond_signal(condition)
        pthread_join(thread, nil)
    }

    // MARK: - On the thread

    private enum Work {
        case logList([FileOperation])
        case make(@Sendable () -> [FileOperation])
        case otherStep(FileOperation, isLast: Bool)
        case end
    }

    private func run() {
        while true {
            switch nextWork() {
            case .end: return
            case .logList(let operations): performLogList(operations)
            case .make(let make):
                let steps = make()
                locked { other[0] = .steps(steps) }
            case .otherStep(let operation, let isLast): performStep(operation, isLast: isLast)
            }
        }
    }

    private func nextWork() -> Work {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if report.failure != nil {
                log = []
                other = []
            }
            if !log.isEmpty { return .logList(log.removeFirst()) }
            switch other.first {
            case .making(let make): return .make(make)
            case .steps(let list):
                let step = otherStep
                let isLast = step + 1 == list.count
                if isLast {
                    other.removeFirst()
                    otherStep = 0
                } else {
                    otherStep += 1
                }
                return .otherStep(list[step], isLast: isLast)
            case nil: break
            }
            if isStopping { return .end }
            pthread_cond_wait(condition, mutex)
        }
    }

    private func performLogList(_ operations: [FileOperation]) {
        var start = timespec()
        clock_gettime(CLOCK_MONOTONIC, &start)
        let failure = attempt { () throws(StorageFailure) in
            for operation in operations { try executor.perform(operation) }
        }
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let seconds = Int64(end.tv_sec - start.tv_sec)
        let took = seconds * 1_000_000_000 + Int64(end.tv_nsec - start.tv_nsec)
        note(failure) {
            $0.logLists += 1
            $0.lastLogList = Interval(nanoseconds: took)
        }
    }

    private func performStep(_ operation: FileOperation, isLast: Bool) {
        let failure = attempt { () throws(StorageFailure) in
            try executor.perform(operation)
            switch operation {
            case .append(let name, let bytes):
                unsynced += bytes.count
                if unsynced >= Self.partLength {
                    unsynced = 0
                    try executor.perform(.sync(name))
                }
            case .sync:
                unsynced = 0
            case .create, .truncate, .rename, .delete, .syncDirectory:
                break
            }
        }
        if failure != nil || isLast { note(failure) { $0.otherLists += 1 } }
    }

    private func attempt(_ body: () throws(StorageFailure) -> Void) -> StorageFailure? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    private func note(_ failure: StorageFailure?, _ success: (inout StorageReport) -> Void) {
        locked {
            report.syncs = executor.syncs
            report.bytesWritten = executor.bytesWritten
            if let failure { report.failure = failure } else { success(&report) }
        }
        waker?.wake()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
