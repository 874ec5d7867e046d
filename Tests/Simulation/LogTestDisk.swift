import Protocols

/// A disk for tests of the storage format: it knows what is durable, and a crash keeps the rest or
/// loses it sector by sector, or shows what stood there before.
struct LogTestDisk {
    private struct File {
        var current: [UInt8] = []
        var durable: [UInt8] = []
        /// All that ever stood at a place; what an unwritten sector may show.
        var stale: [UInt8] = []
    }

    private var files: [String: File] = [:]
    /// The names that are durable, with the file each stood for at that time.
    private var durableNames: Set<String> = []
    /// Changes of names since the directory was synced, in order.
    private var nameChanges: [FileOperation] = []
    /// Content of files that a rename or a removal took away and that a crash may bring back.
    private var graveyard: [String: File] = [:]
    static let sector = 512

    var names: [String] { files.keys.sorted() }

    func read(_ name: String) -> [UInt8]? { files[name]?.current }

    mutating func overwrite(_ name: String, _ bytes: [UInt8]) {
        files[name] = File(current: bytes, durable: bytes, stale: bytes)
        durableNames.insert(name)
    }

    mutating func remove(_ name: String) {
        files[name] = nil
        durableNames.remove(name)
    }

    mutating func perform(_ operations: [FileOperation]) {
        for operation in operations { perform(operation) }
    }

    mutating func perform(_ operation: FileOperation) {
        switch operation {
        case .create(let name):
            let stale = files[name]?.stale ?? graveyard[name]?.stale ?? []
            files[name] = File(stale: stale)
            nameChanges.append(operation)
        case .append(let name, let bytes):
            precondition(files[name] != nil, "\(name) does not exist")
            files[name]!.current += bytes
        case .truncate(let name, let length):
            var file = files[name]!
            file.stale = LogTestDisk.lay(file.current, over: file.stale)
            file.current.removeLast(file.current.count - length)
            files[name] = file
        case .sync(let name):
            files[name]!.durable = files[name]!.current
            files[name]!.stale = LogTestDisk.lay(files[name]!.current, over: files[name]!.stale)
        case .rename(let from, let to):
            if let old = files[to] { graveyard[to] = old }
            files[to] = files.removeValue(forKey: from)
            nameChanges.append(operation)
        case .delete(let name):
            graveyard[name] = files.removeValue(forKey: name)
            nameChanges.append(operation)
        case .syncDirectory:
            durableNames = Set(files.keys)
            nameChanges = []
        }
    }

    /// Power fails: some of what is not durable is lost. Name changes are kept up to some point in
    /// their order, and of removals any may be kept, for not every file system orders them.
    mutating func crash(_ prng: inout Prng) {
        let kept = nameChanges.isEmpty ? 0 : prng.int(in: 0..<nameChanges.count + 1)
        for change in nameChanges[kept...].reversed() {
            switch change {
            case .create(let name): files[name] = nil
            case .rename(let from, let to):
                files[from] = files[to]
                files[to] = graveyard[to]
            case .delete(let name):
                if prng.chance(1, in: 2) { files[name] = graveyard[name] }
            case .append, .truncate, .sync, .syncDirectory: break
            }
        }
        for name in names { files[name] = LogTestDisk.crashed(files[name]!, &prng) }
        durableNames = Set(files.keys)
        nameChanges = []
    }

    private static func crashed(_ file: File, _ prng: inout Prng) -> File {
        let lower = min(file.durable.count, file.current.count)
        let upper = max(file.durable.count, file.current.count)
        let length = prng.chance(1, in: 3) ? upper : lower + prng.int(in: 0..<upper - lower + 1)
        let mood = prng.below(4)
        var result = [UInt8](repeating: 0, count: length)
        var start = 0
        while start < length {
            let end = min(start + sector, length)
            let source: [UInt8]
            switch mood == 3 ? prng.below(3) : mood {
            case 0: source = file.current
            case 1: source = file.durable
            default: source = file.stale
            }
            for place in start..<end {
                if place < lower && file.durable[place] == file.current[place] {
                    result[place] = file.durable[place]
                } else if place < source.count {
                    result[place] = source[place]
                }
            }
            start = end
        }
        // Only what reached the disk can show again.
        let stale = lay(file.durable, over: file.stale)
        return File(current: result, durable: result, stale: lay(result, over: stale))
    }

    private static func lay(_ top: [UInt8], over bottom: [UInt8]) -> [UInt8] {
        bottom.count > top.count ? top + bottom[top.count...] : top
    }
}

extension LogTestDisk {
    static let incarnation = Incarnation(0xC0FF_EE00_1234_5678)
    static let node = NodeID(2)

    /// A formatted disk.
    static func formatted() -> LogTestDisk {
        var disk = LogTestDisk()
        disk.perform(DataDirectory.format(incarnation: incarnation, node: node))
        return disk
    }

    /// Recovers and performs the steps.
    mutating func start(segmentLimit: Int = 1 << 20) throws -> Recovered {
        let recovered = try recover(segmentLimit: segmentLimit)
        perform(recovered.operations)
        return recovered
    }

    /// Recovers and changes nothing.
    func recover(segmentLimit: Int = 1 << 20) throws -> Recovered {
        let recovered = try DataDirectory.recover(
            names: names, incarnation: LogTestDisk.incarnation, node: LogTestDisk.node,
            segmentLimit: segmentLimit, read: read)
        guard let recovered else { throw RecoveryError.unreadable(file: "a new directory") }
        return recovered
    }

    /// Writes one batch and syncs it.
    mutating func commit(_ writer: inout LogWriter, _ writes: LogWrite...) {
        perform(writer.append(writes))
        let end = writer.end
        perform(writer.syncOperation)
        writer.synced(through: end)
    }

    /// Saves a snapshot durably.
    mutating func save(_ writer: inout LogWriter, _ snapshot: Snapshot) {
        perform(writer.save(snapshot))
        writer.saved(snapshot.point.index)
    }
}

/// The bytes of a segment's header.
let logHeaderSize = 108
/// The bytes of a batch's own record.
let logBatchSize = 41

/// An entry whose content follows from its place.
func logEntry(_ index: UInt64, term: UInt64 = 1, bytes: Int = 20) -> Entry {
    Entry(
        index: LogIndex(index), term: Term(term),
        stamp: ClusterTime(nanoseconds: Int64(index) * 1_000), kind: .command,
        payload: (0..<bytes).map { UInt8(truncatingIfNeeded: Int(index &* 31 &+ term) &+ $0) })
}

/// A snapshot whose content follows from its place.
func logSnapshot(_ index: UInt64, term: UInt64 = 1, chunks: Int = 3) -> Snapshot {
    Snapshot(
        point: SnapshotPoint(index: LogIndex(index), term: Term(term)),
        chunks: (0..<chunks).map { chunk in
            (0..<chunk * 100).map { UInt8(truncatingIfNeeded: $0 &+ Int(index) &+ chunk) }
        })
}
