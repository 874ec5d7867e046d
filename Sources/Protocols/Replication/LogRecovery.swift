/// What is wrong with a part of a file.
public enum Damage: String, Equatable, Sendable {
    /// A header does not verify.
    case header = "its header is damaged"
    /// A batch does not verify, and what follows proves that it was synced once.
    case batch = "a record that was synced is damaged"
    /// A whole file or record is where another belongs.
    case misplaced = "its content belongs elsewhere"
    /// A segment does not continue the one before.
    case chain = "it does not continue the file before it"
    /// A record verifies and makes no sense.
    case malformed = "a record is of no known form"
    /// The term went back.
    case termWentBack = "the term goes back"
    /// An entry or a start of the log does not fit what is before it.
    case order = "an entry does not follow the ones before it"
    /// A later start wrote to the log than the identity file knows of.
    case bootWentBack = "the identity file is older than the log"
    /// The file is too short or too long.
    case length = "its length is wrong"
    /// A chunk of a snapshot does not verify.
    case chunk = "a chunk is damaged"
    /// The end of a snapshot does not verify.
    case trailer = "its end is damaged"
    /// A file that must be there is not.
    case missing = "it is missing"
    /// The snapshot and the log name different terms for one index.
    case disagreement = "the log and the snapshot disagree"
}

/// Why a data directory cannot be used; the node refuses to start and changes nothing.
public enum RecoveryError: Error, Equatable, Sendable {
    /// Durable data is damaged.
    case corrupt(file: String, offset: Int, reason: Damage)
    /// The newest snapshot is damaged; it is never treated as absent.
    case snapshotCorrupt(file: String, offset: Int, reason: Damage)
    /// A file belongs to another data directory than expected.
    case foreignDirectory(file: String, found: Incarnation)
    /// The data directory belongs to another member.
    case foreignNode(NodeID)
    /// Entries between the snapshot and the log are missing.
    case gap(snapshot: LogIndex, log: LogIndex)
    /// A newer program wrote the file.
    case unsupportedVersion(file: String, version: UInt32)
    /// The driver could not read the file.
    case unreadable(file: String)
}

extension RecoveryError: CustomStringConvertible {
    /// One line for the person who starts the node.
    public var description: String {
        switch self {
        case .corrupt(let file, let offset, let reason):
            "\(file) is corrupt at byte \(offset): \(reason.rawValue)"
        case .snapshotCorrupt(let file, let offset, let reason):
            "snapshot \(file) is corrupt at byte \(offset): \(reason.rawValue)"
        case .foreignDirectory(let file, let found):
            "\(file) belongs to another data directory (incarnation \(found.rawValue))"
        case .foreignNode(let node):
            "the data directory belongs to \(node)"
        case .gap(let snapshot, let log):
            "entries are missing: the snapshot ends at index \(snapshot.rawValue)"
                + " and the log continues after \(log.rawValue)"
        case .unsupportedVersion(let file, let version):
            "\(file) has format version \(version), this program knows \(FileHeader.version)"
        case .unreadable(let file):
            "\(file) cannot be read"
        }
    }
}

/// What a start finds in its data directory, and what it has to do before anything else.
public struct Recovered: Equatable, Sendable {
    /// Where the node starts from.
    public var durable: DurableState
    /// The steps of this start: cut a torn tail, remove left-overs, make durable what was read,
    /// count the boot, write the first batch. All must be done before `durable` is used and before
    /// anything is appended.
    public var operations: [FileOperation]
    /// The writer to go on with.
    public var writer: LogWriter
    /// Whose directory this is; the boot is the present one.
    public var identity: DirectoryIdentity
    /// True when a tail that was never acknowledged is cut.
    public var tornTail: Bool
    /// The present start.
    public var boot: Boot { identity.boot }
}

extension DataDirectory {
    /// Decides what a data directory holds; nil when it is new and has to be formatted.
    ///
    /// - `names`: all file names of the directory, in any order; foreign ones are left alone.
    /// - `incarnation`, `node`: what the identity file must say, when that is known.
    /// - `segmentLimit`: the length at which the log begins a new file, in bytes.
    /// - `read`: the content of a file, nil if it cannot be read; called for one file at a time, so
    ///   that only one has to be in memory.
    public static func recover(
        names: [String], incarnation: Incarnation? = nil, node: NodeID? = nil,
        segmentLimit: Int = LogWriter.usualSegmentLimit, read: (String) -> [UInt8]?
    ) throws(RecoveryError) -> Recovered? {
        let listing = Listing(names)
        guard listing.hasIdentity else {
            if listing.segments.isEmpty && listing.snapshots.isEmpty { return nil }
            throw .corrupt(file: DataFile.identityName, offset: 0, reason: .missing)
        }
        func content(_ file: String) throws(RecoveryError) -> [UInt8] {
            guard let bytes = read(file) else { throw .unreadable(file: file) }
            return bytes
        }
        let identity = try DirectoryIdentity(decoding: try content(DataFile.identityName))
        if let incarnation, identity.incarnation != incarnation {
            throw .foreignDirectory(file: DataFile.identityName, found: identity.incarnation)
        }
        if let node, identity.node != node { throw .foreignNode(identity.node) }

        var snapshot: Snapshot?
        if let newest = listing.snapshots.last {
            let file = DataFile.snapshotName(newest)
            snapshot = try Snapshot(
                decoding: try content(file), file: file, incarnation: identity.incarnation)
        }
        var opening = Opening(
            listing: listing, identity: identity, snapshot: snapshot, segmentLimit: segmentLimit)
        guard !listing.segments.isEmpty else { return try opening.firstStart() }
        for number in listing.segments {
            let file = DataFile.logName(number)
            if let fresh = try opening.take(number, try content(file)) { return fresh }
        }
        return try opening.finish()
    }

    /// Decides what a data directory holds whose files are all in memory.
    public static func recover(
        files: [(name: String, bytes: [UInt8])], incarnation: Incarnation? = nil,
        node: NodeID? = nil, segmentLimit: Int = LogWriter.usualSegmentLimit
    ) throws(RecoveryError) -> Recovered? {
        try recover(
            names: files.map(\.name), incarnation: incarnation, node: node,
            segmentLimit: segmentLimit
        ) { name in files.first { $0.name == name }?.bytes }
    }
}

/// The file names of a data directory, sorted by what they are.
private struct Listing {
    var hasIdentity = false
    /// Ascending and without a gap, up to the newest.
    var segments: [UInt64] = []
    /// Segments before a gap: a crash interrupted their removal.
    var strays: [UInt64] = []
    var snapshots: [LogIndex] = []
    var temporaries: [String] = []

    init(_ names: [String]) {
        for name in names.sorted() {
            switch DataFile(name: name) {
            case .identity: hasIdentity = true
            case .log(let number): segments.append(number)
            case .snapshot(let index): snapshots.append(index)
            case .temporary: temporaries.append(name)
            case .other: break
            }
        }
        segments.sort()
        snapshots.sort()
        var first = max(segments.count - 1, 0)
        while first > 0, segments[first - 1] == segments[first] - 1 { first -= 1 }
        strays = Array(segments[..<first])
        segments.removeFirst(first)
    }
}

/// One opening of a data directory: the segments pass through it, oldest first.
private struct Opening {
    let listing: Listing
    let identity: DirectoryIdentity
    let snapshot: Snapshot?
    let segmentLimit: Int
    var replay: LogReplay
    var segments: [LogWriter.Segment] = []
    var length = 0
    var operations: [FileOperation] = []
    var tornTail = false

    init(
        listing: Listing, identity: DirectoryIdentity, snapshot: Snapshot?, segmentLimit: Int
    ) {
        self.listing = listing
        self.identity = identity
        self.snapshot = snapshot
        self.segmentLimit = segmentLimit
        replay = LogReplay(identity: identity, covered: snapshot?.point.index ?? .zero)
        operations = listing.temporaries.map { .delete($0) }
    }

    private var next: DirectoryIdentity {
        var next = identity
        next.boot = Boot(identity.boot.rawValue + 1)
        return next
    }

    /// The first start of a formatted directory makes the log. Without a log, any other start is
    /// refused.
    mutating func firstStart() throws(RecoveryError) -> Recovered {
        guard identity.boot == Boot(0), snapshot == nil else {
            throw .corrupt(file: DataFile.logName(1), offset: 0, reason: .missing)
        }
        let header = SegmentHeader(
            incarnation: identity.incarnation, segment: 1, boot: identity.boot,
            nextBatch: replay.nextBatch, hardState: HardState(), start: .zero, end: .zero,
            previousLength: 0)
        operations += LogWriter.createOperations(header)
        operations += next.saveOperations()
        let writer = LogWriter(
            identity: next, segmentLimit: segmentLimit,
            segments: [LogWriter.Segment(number: 1, highest: .zero)], length: SegmentHeader.size,
            guarded: 0, replay: replay, pendingStart: nil, snapshots: [])
        return Recovered(
            durable: DurableState(), operations: operations, writer: writer, identity: next,
            tornTail: false)
    }

    /// Reads a segment; gives the result at once when this was the first start all along.
    mutating func take(_ number: UInt64, _ bytes: [UInt8]) throws(RecoveryError) -> Recovered? {
        let file = DataFile.logName(number)
        let isLast = number == listing.segments.last
        switch try replay.read(file, number: number, bytes, isLast: isLast) {
        case .read(let length, let torn):
            segments.append(LogWriter.Segment(number: number, highest: replay.highest))
            self.length = length
            if torn {
                operations.append(.truncate(file, length: length))
                tornTail = true
            }
        case .neverBegun where !segments.isEmpty:
            operations.append(.delete(file))
            tornTail = true
        case .neverBegun:
            guard number == 1, identity.boot == Boot(0) else {
                throw .corrupt(file: file, offset: 0, reason: .header)
            }
            return try firstStart()
        }
        return nil
    }

    /// Joins the log with the snapshot.
    mutating func finish() throws(RecoveryError) -> Recovered {
        let point = snapshot?.point ?? .zero
        try requireCovered(replay.opened)
        try requireCovered(replay.base)
        var entries: [Entry] = []
        var pendingStart: SnapshotPoint?
        if try matches(point) {
            entries = Array(replay.entries.dropFirst(point.index - replay.base))
        } else {
            // The log on disk still has what is dropped here; a start in the first batch ends it.
            pendingStart = point
        }
        operations += listing.strays.map { .delete(DataFile.logName($0)) }
        // What was read may be in the page cache only; it counts as durable from now on.
        if let last = segments.last { operations.append(.sync(DataFile.logName(last.number))) }
        operations.append(.syncDirectory)
        operations += next.saveOperations()
        var writer = LogWriter(
            identity: next, segmentLimit: segmentLimit, segments: segments, length: length,
            guarded: replay.recorded, replay: replay, pendingStart: pendingStart,
            snapshots: listing.snapshots)
        // Only now: the identity file must know of this boot before the log does.
        operations += writer.open()
        return Recovered(
            durable: DurableState(
                hardState: replay.hardState, snapshot: snapshot, entries: entries),
            operations: operations, writer: writer, identity: next, tornTail: tornTail)
    }

    private func requireCovered(_ base: LogIndex) throws(RecoveryError) {
        let covered = snapshot?.point.index ?? .zero
        guard base <= covered else { throw .gap(snapshot: covered, log: base) }
    }

    /// True when the log holds the snapshot's last entry, so that what follows it continues it.
    private func matches(_ point: SnapshotPoint) throws(RecoveryError) -> Bool {
        if point.index == replay.start.index, point.term != replay.start.term {
            throw .snapshotCorrupt(
                file: DataFile.snapshotName(point.index), offset: 0, reason: .disagreement)
        }
        let place = point.index - replay.base
        guard place > 0 else { return replay.baseTerm == point.term }
        return place <= replay.entries.count && replay.entries[place - 1].term == point.term
    }
}
