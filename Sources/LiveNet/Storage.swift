import EdgeCodecs
import Protocols

/// What opening a data directory gives.
public struct OpenedStorage {
    /// The open directory.
    public let storage: Storage
    /// Where the node starts from.
    public let durable: DurableState
    /// Whose directory it is; the boot is the present one.
    public let identity: DirectoryIdentity
    /// True when a tail that was never acknowledged was cut.
    public let tornTail: Bool
    /// True when the directory was empty and is new now.
    public let isNew: Bool
}

/// The data directory: makes log writes and snapshots durable and says when they are.
///
/// ## Overview
/// Group commit: at the end of a loop's turn all writes of the turn become one batch, which is
/// written and synced by the storage thread; what comes while it is under way gathers for the next.
/// The bytes and the rules are `LogWriter`'s.
///
/// ## Function
/// `onPersisted` comes with the highest token of a batch, and stands for all lower ones. The first
/// error ends it all: `onFailure` comes once, and nothing is durable any more.
public final class Storage {
    /// A batch takes no more writes once it has so many bytes.
    private static let batchLimit = 8 << 20

    private enum OtherJob {
        case snapshot(LogIndex, PersistToken)
        case removal
    }

    private let loop: Loop
    private let executor: FileExecutor
    private let thread: StorageThread
    private var writer: LogWriter
    private var waiting: [(write: LogWrite, token: PersistToken)] = []
    private var inFlight: (end: LogPosition, token: PersistToken)?
    private var otherJobs: [OtherJob] = []
    private var failure: StorageFailure?
    private var isClosed = false

    /// Every log write up to this token is durable.
    public var onPersisted: ((PersistToken) -> Void)?
    /// The snapshot of this token is durable.
    public var onSnapshotSaved: ((PersistToken) -> Void)?
    /// A write or a sync failed: the node must stop. Comes once.
    public var onFailure: ((StorageFailure) -> Void)?

    /// Syncs since the directory was opened, for metrics.
    public private(set) var syncs: UInt64 = 0
    /// Bytes written since the directory was opened, for metrics.
    public private(set) var bytesWritten: UInt64 = 0
    /// Batches that are durable, for metrics.
    public private(set) var batches: UInt64 = 0
    /// How long the last batch took on the storage thread.
    public private(set) var lastBatch = Interval.zero
    /// Writes that wait for the batch under way.
    public var waitingWrites: Int { waiting.count }

    /// Opens the data directory at `path` for `node`, making it where it does not exist, locks it,
    /// recovers what it holds and makes that durable. Reads and writes on the calling thread.
    public static func open(
        loop: Loop, path: String, node: NodeID,
        segmentLimit: Int = LogWriter.usualSegmentLimit
    ) throws(StorageError) -> OpenedStorage {
        try open(loop: loop, path: path, node: node, segmentLimit: segmentLimit, watcher: nil)
    }

    /// As above; `watcher` is told of each step on the files, on the thread that performed it.
    static func open(
        loop: Loop, path: String, node: NodeID, segmentLimit: Int,
        watcher: (@Sendable (FileOperation) -> Void)?
    ) throws(StorageError) -> OpenedStorage {
        let executor = try FileExecutor(path: path)
        executor.watcher = watcher
        var recovered = try recover(executor, path, node, segmentLimit)
        let isNew = recovered == nil
        if isNew {
            let incarnation = Incarnation(randomNumber())
            try perform(DataDirectory.format(incarnation: incarnation, node: node), executor)
            recovered = try recover(executor, path, node, segmentLimit)
        }
        guard let recovered else { preconditionFailure("a formatted directory is not empty") }
        try perform(recovered.operations, executor)
        let storage = Storage(loop: loop, executor: executor, writer: recovered.writer)
        return OpenedStorage(
            storage: storage, durable: recovered.durable, identity: recovered.identity,
            tornTail: recovered.tornTail, isNew: isNew)
    }

    private static func recover(
        _ executor: FileExecutor, _ path: String, _ node: NodeID, _ segmentLimit: Int
    ) throws(StorageError) -> Recovered? {
        let names = try executor.names()
        do {
            return try DataDirectory.recover(
                names: names, node: node, segmentLimit: segmentLimit,
                read: { executor.content(of: $0) })
        } catch {
            throw .refused(path: path, error)
        }
    }

    private static func perform(
        _ operations: [FileOperation], _ executor: FileExecutor
    ) throws(StorageError) {
        do {
            for operation in operations { try executor.perform(operation) }
        } catch {
            throw .failed(error)
        }
    }

    private init(loop: Loop, executor: FileExecutor, writer: LogWriter) {
        self.loop = loop
        self.executor = executor
        self.writer = writer
        thread = StorageThread(executor: executor)
        syncs = executor.syncs
        bytesWritten = executor.bytesWritten
        let waker = loop.addWaker { [weak self] in self?.onReport() }
        loop.addTurnEnd { [weak self] in self?.beginBatch() }
        thread.start(waker: waker)
    }

    deinit { precondition(isClosed, "storage was released before close") }

    /// Makes a log write durable after all earlier ones; tokens ascend.
    public func persist(_ write: LogWrite, _ token: PersistToken) {
        precondition(!isClosed)
        guard failure == nil else { return }
        waiting.append((write, token))
    }

    /// Makes a snapshot durable; the log's writes go on meanwhile.
    public func saveSnapshot(_ snapshot: Snapshot, _ token: PersistToken) {
        precondition(!isClosed)
        guard failure == nil else { return }
        otherJobs.append(.snapshot(snapshot.point.index, token))
        let writer = writer
        thread.perform { writer.save(snapshot) }
    }

    /// Removes the files of the log that a durable snapshot covers.
    public func compact(through index: LogIndex) {
        precondition(!isClosed)
        guard failure == nil else { return }
        let operations = writer.compact(through: index)
        guard !operations.isEmpty else { return }
        otherJobs.append(.removal)
        thread.perform(operations)
    }

    /// Makes everything that was asked for durable, seals the log, releases the lock. Waits for the
    /// disk. No handler is called any more; a failure is returned instead.
    @discardableResult
    public func close() -> StorageFailure? {
        guard !isClosed else { return failure }
        isClosed = true
        onPersisted = nil
        onSnapshotSaved = nil
        onFailure = nil
        thread.stop()
        loop.retireWaker()
        onReport()
        do {
            while failure == nil, let operations = nextBatch() {
                for operation in operations { try executor.perform(operation) }
                completeBatch()
            }
            if failure == nil {
                let seal = writer.seal()
                for operation in seal { try executor.perform(operation) }
                if !seal.isEmpty { try executor.perform(writer.syncOperation) }
            }
        } catch {
            failure = error
        }
        syncs = executor.syncs
        bytesWritten = executor.bytesWritten
        executor.close()
        return failure
    }

    // MARK: - The log

    private func beginBatch() {
        guard inFlight == nil, !waiting.isEmpty, failure == nil, !isClosed else { return }
        guard let operations = nextBatch() else { return }
        thread.performLog(operations)
    }

    /// Turns the oldest waiting writes into one batch; `nil` when nothing waits.
    private func nextBatch() -> [FileOperation]? {
        guard !waiting.isEmpty else { return nil }
        var count = 0
        var size = 0
        while count < waiting.count, size < Self.batchLimit {
            for entry in waiting[count].write.entries { size += entry.size }
            count += 1
        }
        let token = waiting[count - 1].token
        var operations = writer.append(waiting[..<count].map(\.write))
        // A batch that says nothing is durable as soon as all before it is.
        operations.append(writer.syncOperation)
        waiting.removeFirst(count)
        inFlight = (writer.end, token)
        return operations
    }

    private func completeBatch() {
        guard let (end, token) = inFlight else {
            preconditionFailure("a batch is done that was not begun")
        }
        inFlight = nil
        writer.synced(through: end)
        batches += 1
        onPersisted?(token)
    }

    // MARK: - What the thread reports

    private func onReport() {
        guard failure == nil else { return }
        let report = thread.takeReport()
        syncs = report.syncs
        bytesWritten = report.bytesWritten
        // What was done before a failure is done.
        for _ in 0..<report.otherLists { completeOther() }
        if report.logLists > 0 {
            precondition(report.logLists == 1, "one batch is under way at a time")
            lastBatch = report.lastLogList
            completeBatch()
        }
        if let failure = report.failure {
            self.failure = failure
            waiting = []
            onFailure?(failure)
        }
    }

    private func completeOther() {
        switch otherJobs.removeFirst() {
        case .removal:
            break
        case .snapshot(let index, let token):
            writer.saved(index)
            onSnapshotSaved?(token)
        }
    }
}
