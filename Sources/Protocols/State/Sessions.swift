/// Whose session it is.
public enum SessionKind: Equatable, Sendable {
    /// One start of a node.
    case node(NodeID, Boot, Incarnation)
    /// A client that numbers its own requests.
    case client

    /// True for a client's.
    var isClient: Bool { self == .client }
}

/// One session: who, since when it is idle, and what became of its requests.
public struct Session: Equatable, Sendable {
    /// Whose it is.
    public let kind: SessionKind
    /// When its last command was applied.
    public internal(set) var lastActive: ClusterTime
    /// Requests numbered below this are never executed again, and their outcomes are forgotten.
    public internal(set) var acknowledgedBelow: UInt64 = 1
    /// The outcomes of requests at or above `acknowledgedBelow`.
    public internal(set) var outcomes = OutcomeWindow()

    init(kind: SessionKind, lastActive: ClusterTime) {
        self.kind = kind
        self.lastActive = lastActive
    }
}

/// The last word on a node's starts; outlives its sessions, so that an old start stays refused.
public struct NodeRecord: Equatable, Sendable {
    /// The data directory.
    public internal(set) var incarnation: Incarnation
    /// The latest start that opened a session.
    public internal(set) var boot: Boot
    /// The session of that start, if it is open.
    public internal(set) var session: SessionID?
}

/// What to do with a numbered request.
public enum Admission: Equatable, Sendable {
    /// It is new: execute it, then `record` the outcome.
    case execute
    /// It was executed before, with this outcome.
    case duplicate(Outcome)
    /// It is not executed, now or later.
    case refused(Refusal)
}

/// Makes each numbered request happen at most once (Ongaro's thesis, section 6.3).
///
/// ## Overview
/// A session keeps the outcomes of requests that its owner has not acknowledged. Requests may
/// arrive in any order, for proposals are forwarded and retried. What is neither remembered nor
/// at or above the watermark is refused: it may have been executed, so it never is again. A
/// session that is unknown or over refuses everything for the same reason.
///
/// Time is the entry's stamp alone.
public struct Sessions: Equatable, Sendable {
    /// The open sessions by id.
    public private(set) var table = OrderedMap<SessionID, Session>()
    /// What is known of each node's starts.
    public private(set) var nodes = SortedMap<NodeID, NodeRecord>()
    /// An estimate of the memory in use.
    public private(set) var byteCount = 0

    // Both follow from `table`: who is idle longest, by kind, for the kinds live differently long.
    private var idleNodes = OrderedMap<IdleKey, Nothing>()
    private var idleClients = OrderedMap<IdleKey, Nothing>()

    private struct IdleKey: Comparable, Sendable {
        let lastActive: ClusterTime
        let session: SessionID

        static func < (a: IdleKey, b: IdleKey) -> Bool {
            a.lastActive == b.lastActive ? a.session < b.session : a.lastActive < b.lastActive
        }
    }

    static let sessionBytes = 320
    static let nodeBytes = 48

    /// Makes an empty table.
    public init() {}

    // MARK: - Questions

    /// The number of open sessions of clients.
    public var clientCount: Int { idleClients.count }

    /// The open session of a node.
    public func session(of node: NodeID) -> SessionID? { nodes[node]?.session }

    /// The earliest cluster time at which a session's time is over.
    public func nextExpiry(_ limits: StateLimits) -> ClusterTime? {
        let node = idleNodes.first.map { $0.key.lastActive + limits.nodeSessionLife }
        let client = idleClients.first.map { $0.key.lastActive + limits.clientSessionLife }
        guard let node, let client else { return node ?? client }
        return min(node, client)
    }

    // MARK: - Requests

    /// Decides whether a request is executed, renews its session and forgets what the owner
    /// acknowledged.
    ///
    /// Number 0 is no request's; `isRepeatable` operations may use it and are not recorded.
    mutating func admit(
        _ header: CommandHeader, isRepeatable: Bool, at stamp: ClusterTime
    ) -> Admission {
        var freed = 0
        var before = stamp
        var isNode = false
        let admission = table.update(header.session) { session -> Admission in
            before = session.lastActive
            session.lastActive = stamp
            if case .node = session.kind { isNode = true }
            if header.acknowledgedBelow > session.acknowledgedBelow {
                session.acknowledgedBelow = header.acknowledgedBelow
                freed = session.outcomes.remove(below: header.acknowledgedBelow)
            }
            if header.sequence == 0 { return isRepeatable ? .execute : .refused(.malformed) }
            if header.sequence < session.acknowledgedBelow {
                return .refused(.alreadyAcknowledged)
            }
            guard let outcome = session.outcomes[header.sequence] else { return .execute }
            return .duplicate(outcome)
        }
        guard let admission else { return .refused(.sessionExpired) }
        byteCount -= freed
        if before != stamp { moveIdle(header.session, isNode: isNode, from: before, to: stamp) }
        return admission
    }

    /// Remembers the outcome of an executed request.
    ///
    /// Over the limit the outcome of the lowest number goes and the watermark rises past it: the
    /// session then refuses that number, and unknown lower ones, instead of executing them.
    mutating func record(_ outcome: Outcome, of header: CommandHeader, limit: Int) {
        guard header.sequence > 0 else { return }
        var change = 0
        table.update(header.session) { session in
            change += session.outcomes.insert(outcome, at: header.sequence)
            while session.outcomes.count > max(1, limit), let lowest = session.outcomes.lowest {
                session.acknowledgedBelow = lowest + 1
                change -= session.outcomes.remove(below: lowest + 1)
            }
        }
        byteCount += change
    }

    private mutating func moveIdle(
        _ id: SessionID, isNode: Bool, from before: ClusterTime, to now: ClusterTime
    ) {
        let old = IdleKey(lastActive: before, session: id)
        let new = IdleKey(lastActive: now, session: id)
        if isNode {
            idleNodes.removeValue(forKey: old)
            idleNodes[new] = Nothing()
        } else {
            idleClients.removeValue(forKey: old)
            idleClients[new] = Nothing()
        }
    }

    // MARK: - Opening and ending

    /// What became of a node's wish for a session.
    enum NodeOpening: Equatable {
        /// It has this session; `superseded` is that of its earlier start, to be ended first.
        case open(SessionID, superseded: SessionID?)
        /// It gets none.
        case refused(Refusal)
    }

    /// Opens a node's session under `id`, or finds the one that the same start has already.
    mutating func openNode(
        _ node: NodeID, incarnation: Incarnation, boot: Boot, founders: [Member], id: SessionID,
        at stamp: ClusterTime
    ) -> NodeOpening {
        if !founders.isEmpty,
            !founders.contains(Member(id: node, incarnation: incarnation))
        {
            return .refused(.foreignIncarnation)
        }
        var superseded: SessionID?
        if let known = nodes[node] {
            guard known.incarnation == incarnation else { return .refused(.foreignIncarnation) }
            // A late copy of an old start's proposal must not end what a later start has.
            guard boot >= known.boot else { return .refused(.sessionExpired) }
            if boot == known.boot, let session = known.session {
                touch(session, at: stamp)
                return .open(session, superseded: nil)
            }
            superseded = known.session
        } else {
            byteCount += Sessions.nodeBytes
        }
        if let superseded { end(superseded) }
        nodes[node] = NodeRecord(incarnation: incarnation, boot: boot, session: id)
        insert(Session(kind: .node(node, boot, incarnation), lastActive: stamp), as: id)
        return .open(id, superseded: superseded)
    }

    /// Opens a client's session; returns those that were ended to make room.
    mutating func openClient(
        id: SessionID, limit: Int, at stamp: ClusterTime
    ) -> [SessionID] {
        var ended: [SessionID] = []
        while idleClients.count >= max(1, limit), let longest = idleClients.first {
            end(longest.key.session)
            ended.append(longest.key.session)
        }
        insert(Session(kind: .client, lastActive: stamp), as: id)
        return ended
    }

    /// Ends every session whose time is over at `stamp`; returns them, nodes first, those idle
    /// longest first.
    mutating func expire(at stamp: ClusterTime, limits: StateLimits) -> [(SessionID, SessionKind)] {
        var ended: [(SessionID, SessionKind)] = []
        while let (key, _) = idleNodes.first, stamp - key.lastActive >= limits.nodeSessionLife {
            if let kind = end(key.session) { ended.append((key.session, kind)) }
        }
        while let (key, _) = idleClients.first, stamp - key.lastActive >= limits.clientSessionLife {
            if let kind = end(key.session) { ended.append((key.session, kind)) }
        }
        return ended
    }

    /// Adds an open session; for the snapshot's decoder, too.
    mutating func insert(_ session: Session, as id: SessionID) {
        let key = IdleKey(lastActive: session.lastActive, session: id)
        switch session.kind {
        case .node: idleNodes[key] = Nothing()
        case .client: idleClients[key] = Nothing()
        }
        byteCount += Sessions.sessionBytes + session.outcomes.byteCount
        table[id] = session
    }

    /// Adds what is known of a node's starts; for the snapshot's decoder.
    mutating func insert(_ record: NodeRecord, for node: NodeID) {
        nodes[node] = record
        byteCount += Sessions.nodeBytes
    }

    @discardableResult
    private mutating func end(_ id: SessionID) -> SessionKind? {
        guard let session = table.removeValue(forKey: id) else { return nil }
        byteCount -= Sessions.sessionBytes + session.outcomes.byteCount
        let key = IdleKey(lastActive: session.lastActive, session: id)
        switch session.kind {
        case .node(let node, _, _):
            idleNodes.removeValue(forKey: key)
            nodes.update(node) { $0.session = nil }
        case .client:
            idleClients.removeValue(forKey: key)
        }
        return session.kind
    }

    private mutating func touch(_ id: SessionID, at stamp: ClusterTime) {
        let before = table.update(id) { session -> ClusterTime in
            defer { session.lastActive = stamp }
            return session.lastActive
        }
        guard let before, before != stamp else { return }
        moveIdle(id, isNode: true, from: before, to: stamp)
    }

    /// True when both tables hold the same; what follows from them is not compared.
    public static func == (a: Sessions, b: Sessions) -> Bool {
        a.nodes == b.nodes && a.table == b.table
    }

    /// Feeds everything in order.
    func digest(into digest: inout Digest) {
        for (node, record) in nodes {
            digest.combine(UInt64(node.rawValue))
            digest.combine(record.incarnation.rawValue)
            digest.combine(record.boot.rawValue)
            digest.combine(record.session?.rawValue ?? 0)
        }
        for (id, session) in table {
            digest.combine(id.rawValue)
            digest.combine(UInt64(bitPattern: session.lastActive.nanoseconds))
            digest.combine(session.acknowledgedBelow)
            session.outcomes.digest(into: &digest)
        }
    }
}
