import Protocols

/// One node at a moment of its recording: the machine itself, and what its driver owed it then.
///
/// ## Overview
/// A recording holds all that a node was told. What it asked of its disk follows from that; the
/// completions among what it was told say how much of it was done. The rest was under way at the
/// moment, and may or may not survive a crash that comes next.
public struct FlightNode: Sendable {
    /// The replay up to the moment.
    public private(set) var replay = Replay()
    /// What is durable beyond doubt.
    private(set) var log = DurableLog()
    /// The newest durable snapshot.
    private(set) var snapshot: Snapshot?
    /// Writes that are asked for and not known to be done, oldest first.
    private(set) var writes: [(write: LogWrite, token: PersistToken)] = []
    /// Snapshots that are asked for and not known to be done, oldest first.
    private(set) var snapshots: [(snapshot: Snapshot, token: PersistToken)] = []
    /// The clients' connections that are open.
    private(set) var connections: [ConnectionID] = []
    /// The highest generation of any of its connections: those to come have higher ones.
    private(set) var newestGeneration: UInt32 = 0
    /// The members whose links the node takes for open.
    private(set) var peers: [NodeID] = []
    /// What the wall clock last showed, and when.
    private(set) var wall: (time: WallTime, at: Instant)?
    private var entries: [Entry] = []

    /// Makes a node before the first record.
    public init() {}

    /// What the node's cluster time may show at the most: a leader's goes on from the newest stamp
    /// that it had when it was elected, in this boot.
    var latestClusterTime: Interval {
        guard let node = replay.node else { return .zero }
        let newest = node.raft.log.entry(at: node.raft.log.lastIndex)?.stamp ?? node.state.stamp
        let stamp = max(newest, node.state.stamp)
        return Interval(nanoseconds: stamp.nanoseconds) + (replay.now - replay.began)
    }
    /// How many writes and snapshots were asked for and are not known to be done.
    public var underWay: Int { writes.count + snapshots.count }
    /// The time of the latest event.
    public var now: Instant { replay.now }

    /// Takes the next record.
    public mutating func take(_ item: RecordedItem) throws(ReplayError) {
        try replay.take(item)
        switch item {
        case .durable(let hardState, let point, _, _):
            log.hardState = hardState
            log.start = point ?? .zero
            snapshot = point.map { Snapshot(point: $0, chunks: []) }
        case .snapshotChunk(let chunk): snapshot?.chunks.append(chunk)
        case .entry(let entry): log.entries.append(entry)
        case .event(let event, _, _):
            hear(event)
            for effect in replay.lastEffects { note(effect) }
        case .configuration, .started, .check, .fullCheck, .end: break
        }
    }

    private mutating func hear(_ event: NodeEvent) {
        switch event {
        case .peerUp(let peer): if !peers.contains(peer) { peers.append(peer) }
        case .peerDown(let peer): peers.removeAll { $0 == peer }
        case .connected(let connection):
            connections.append(connection)
            newestGeneration = max(newestGeneration, connection.generation)
        case .disconnected(let connection): connections.removeAll { $0 == connection }
        case .wallClock(let time): wall = (time, replay.now)
        case .persisted(let token):
            let count = writes.prefix { $0.token.sequence <= token.sequence }.count
            for (write, _) in writes[..<count] { log.take(write) }
            writes.removeFirst(count)
        case .snapshotSaved(let token):
            guard let place = snapshots.firstIndex(where: { $0.token == token }) else { return }
            snapshot = snapshots.remove(at: place).snapshot
        case .tick, .peer, .request, .backlog, .drain, .transfer, .rpc, .called: break
        }
    }

    private mutating func note(_ effect: NodeEffect) {
        switch effect {
        case .persist(let write, let token): writes.append((write, token))
        case .saveSnapshot(let snapshot, let token): snapshots.append((snapshot, token))
        case .close(let connection, _): connections.removeAll { $0 == connection }
        case .send, .compactLog, .reply, .deliver, .note, .halt, .call, .abandonCall, .answer:
            break
        }
    }
}

extension FlightNode {
    /// The directory as it was at the moment, with all that was done and nothing that was under way,
    /// and the writer that goes on with it.
    func directory(segmentBytes: Int) -> (disk: Disk, writer: LogWriter) {
        guard let configuration = replay.node?.configuration else {
            preconditionFailure("a node that was not made has no directory")
        }
        var disk = Disk()
        func perform(_ operations: [FileOperation]) {
            for operation in operations { disk.perform(operation) }
        }
        func open() -> LogWriter {
            do throws(RecoveryError) {
                let recovered = try DataDirectory.recover(
                    names: disk.listing, segmentLimit: segmentBytes, read: { disk.read($0) })
                guard let recovered else {
                    preconditionFailure("a formatted directory is not empty")
                }
                perform(recovered.operations)
                return recovered.writer
            } catch {
                preconditionFailure("a directory that was just made is refused: \(error)")
            }
        }
        perform(
            DataDirectory.format(
                incarnation: configuration.incarnation, node: configuration.id))
        var writer = open()
        if configuration.boot > Boot(1) {
            // All starts between are as good as one.
            perform(
                DirectoryIdentity(
                    incarnation: configuration.incarnation, node: configuration.id,
                    boot: Boot(configuration.boot.rawValue - 1)
                ).saveOperations())
            writer = open()
        }
        if let snapshot {
            perform(writer.save(snapshot))
            writer.saved(snapshot.point.index)
        }
        let state = log.joined(with: snapshot) ?? DurableState(hardState: log.hardState)
        var writes = [
            LogWrite(hardState: state.hardState, startAfter: state.snapshot?.point)
        ]
        writes += state.entries.map { LogWrite(entries: [$0]) }
        for first in stride(from: 0, to: writes.count, by: 1_000) {
            perform(writer.append(Array(writes[first..<min(first + 1_000, writes.count)])))
        }
        perform([writer.syncOperation])
        writer.synced(through: writer.end)
        return (disk, writer)
    }
}
