/// What is known of one cluster that this one is federated with.
public struct ForeignCluster: Equatable, Sendable {
    /// The session under which its users sit in rooms hosted here. A new one begins when they were
    /// all removed, so that its cluster can see that they were.
    public internal(set) var visit: SessionID
    /// How it calls our users' stay with it, as last heard; 0 before.
    public internal(set) var ownVisit: UInt64 = 0
    /// It failed, and what it would be told of its guests' rooms is not kept.
    public internal(set) var isAway = false
    /// What it must be told.
    public internal(set) var outbox = ForeignOutbox()
    /// The run of its outbox that was last heard, and the last number taken of that.
    var heard: (stream: UInt64, number: UInt64) = (0, 0)

    init(visit: SessionID) { self.visit = visit }

    /// True when a call that came later in its outbox was taken already.
    mutating func isEcho(_ place: CallPlace) -> Bool {
        guard place.number > 0 else { return false }
        if place.stream == heard.stream, place.number < heard.number { return true }
        heard = (place.stream, place.number)
        return false
    }

    /// True when both know the same.
    public static func == (a: ForeignCluster, b: ForeignCluster) -> Bool {
        a.visit == b.visit && a.ownVisit == b.ownVisit && a.isAway == b.isAway
            && a.heard == b.heard && a.outbox == b.outbox
    }
}

/// The clusters that this one was ever in touch with.
public struct ForeignClusters: Equatable, Sendable {
    /// The clusters by name.
    public internal(set) var table = SortedMap<ClusterName, ForeignCluster>()
    /// How many visits have begun.
    private var visits: UInt64 = 0

    /// The most items that wait for one cluster; one more, and it counts as away.
    static let outboxLimit = 10_000
    /// The messages in the answer to a join after which there may be more.
    static let fullAnswer = 100
    /// The bytes of content of such an answer.
    static let fullAnswerBytes = 200 << 10
    /// The first session that is no session of a node or client, which are log indexes.
    private static let firstVisit: UInt64 = 1 << 62

    /// Makes a table of none.
    public init() {}

    /// An estimate of the memory in use.
    public var byteCount: Int {
        table.reduce(0) { $0 + 160 + $1.key.text.utf8.count + $1.value.outbox.byteCount }
    }

    /// A new session for a cluster's users.
    mutating func beginVisit() -> SessionID {
        visits += 1
        return SessionID(ForeignClusters.firstVisit + visits)
    }

    /// True when the session is one under which a cluster's users sit here.
    func isVisit(_ session: SessionID) -> Bool {
        table.contains { $0.value.visit == session }
    }

    /// Makes sure that a cluster is known.
    mutating func meet(_ name: ClusterName) {
        guard !table.contains(name) else { return }
        table[name] = ForeignCluster(visit: beginVisit())
    }

    mutating func push(_ item: OutboxItem, to name: ClusterName) {
        meet(name)
        table.update(name) { $0.outbox.push(item) }
    }

    func digest(into digest: inout Digest) {
        digest.combine(visits)
        for (name, cluster) in table {
            digest.combine(name.text)
            digest.combine(cluster.visit.rawValue)
            digest.combine(cluster.ownVisit)
            digest.combine(cluster.isAway)
            digest.combine(cluster.heard.stream)
            digest.combine(cluster.heard.number)
            cluster.outbox.digest(into: &digest)
        }
    }

    // MARK: Binary form

    func encode(into writer: inout SnapshotWriter) {
        writer.item {
            $0.write(visits)
            $0.write(count: table.count)
        }
        for (name, cluster) in table {
            writer.item { stream in
                stream.write(name.text)
                stream.write(cluster.visit.rawValue)
                stream.write(cluster.ownVisit)
                stream.write(cluster.isAway)
                stream.write(cluster.heard.stream)
                stream.write(cluster.heard.number)
                cluster.outbox.encode(into: &stream)
            }
        }
    }

    init(reading reader: inout SnapshotReader) throws(DecodeError) {
        visits = try reader.stream.number()
        guard visits < ForeignClusters.firstVisit else { throw .malformed }
        var last: ClusterName?
        for _ in 0..<(try reader.count()) {
            let name = try reader.stream.clusterName()
            if let last, !(last < name) { throw .malformed }
            last = name
            let visit = try reader.stream.number()
            guard visit > ForeignClusters.firstVisit,
                visit - ForeignClusters.firstVisit <= visits, !isVisit(SessionID(visit))
            else { throw .malformed }
            var cluster = ForeignCluster(visit: SessionID(visit))
            cluster.ownVisit = try reader.stream.number()
            cluster.isAway = try reader.stream.flag()
            cluster.heard = (try reader.stream.number(), try reader.stream.number())
            cluster.outbox = try ForeignOutbox(reading: &reader.stream)
            table[name] = cluster
        }
    }
}
