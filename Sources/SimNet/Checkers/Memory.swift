import Protocols

/// Every queue, buffer and log stays within its bound.
///
/// A node is looked at once in `every` steps, for bounds are passed slowly.
public struct Memory: Sendable {
    /// The name in reports.
    public static let name = "memory"
    /// How many bounds were compared.
    public private(set) var exercised = 0

    /// How many steps of all nodes lie between two looks.
    public static let every = 64
    /// What a log may hold beyond its limits, in bytes: what comes while a snapshot waits for a
    /// slow disk, and the entry that passes a limit.
    public static let logSlack = 512 << 10

    /// What a node may ask for itself beyond its clients' requests: renewals, and the end of the
    /// memberships of connections that are gone, of which a world has few.
    public static let ownRequests = 32

    private var steps = 0

    /// Makes a checker.
    public init() {}

    /// True in the steps in which a node is to be looked at.
    mutating func isDue() -> Bool {
        steps += 1
        return steps % Memory.every == 0
    }

    /// Compares one value with its bound.
    public mutating func compare(
        _ id: NodeID, _ what: StaticString, _ value: Int, limit: Int
    ) throws(Violation) {
        exercised += 1
        guard value > limit else { return }
        throw Violation(Self.name, "\(id) has \(what) of \(value), over the bound of \(limit)")
    }

    mutating func look(_ id: NodeID, _ node: UnsafePointer<Node>) throws(Violation) {
        let raft = node.pointee.configuration.raft
        let limits = node.pointee.configuration.limits
        // The bound on a log: twice what triggers a snapshot, for one may be on its way to disk.
        try compare(
            id, "a log", node.pointee.raft.log.byteCount,
            limit: 2 * limits.snapshotLogBytes + raft.trailingBytes + raft.uncommittedBytes
                + Memory.logSlack)
        // Until a leader has committed an entry of its own, it counts what it found in its log.
        if node.pointee.raft.log.term(at: node.pointee.raft.commitIndex)
            == node.pointee.raft.term
        {
            try compare(
                id, "uncommitted bytes", node.pointee.raft.uncommittedBytes,
                limit: raft.uncommittedBytes + Memory.entryBytes)
        }
        try compare(
            id, "pending requests", node.pointee.pendingCount,
            limit: limits.pendingRequests + Memory.ownRequests)
        try compare(
            id, "pending bytes", node.pointee.pendingBytes,
            limit: limits.pendingBytes + Memory.entryBytes)
        try lookAtState(id, node)
    }

    private mutating func lookAtState(_ id: NodeID, _ node: UnsafePointer<Node>) throws(Violation) {
        let limits = node.pointee.configuration.state
        let sessions = node.pointee.state.sessions
        try compare(id, "client sessions", sessions.clientCount, limit: limits.clientSessions)
        for (_, session) in sessions.table {
            try compare(
                id, "kept outcomes", session.outcomes.count, limit: limits.outcomesPerSession)
        }
        // A history may have one block more than its limits, and a block one message more.
        let blockCount = limits.historyBlockBytes / Memory.leastMessageBytes + 1
        for (_, room) in node.pointee.state.rooms.table {
            try compare(
                id, "messages", room.history.count, limit: limits.historyCount + blockCount)
            try compare(
                id, "a history", room.history.byteCount,
                limit: limits.historyBytes + 2 * limits.historyBlockBytes + Memory.entryBytes)
        }
    }

    /// The largest entry that a client can cause: 5,000 characters of at most four bytes and the
    /// rest of a command.
    private static let entryBytes = 64 << 10

    /// The least that one message of a history takes: its id, its time and two lengths.
    private static let leastMessageBytes = 26
}
