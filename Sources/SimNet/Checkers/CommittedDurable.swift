import Protocols

/// What is committed was durable on a majority first, and survives every crash (Raft section 5.4.2;
/// section 5 of the design: an acknowledgement leaves only after the disk has it).
///
/// A node *claims* its log up to an index when it tells the leader so, or when it leads and counts
/// itself. What a node claimed must be there when it comes back. The claim shrinks when the node
/// starts to write over a part of its log, which it must not do where that part is committed.
public struct CommittedDurable: Sendable {
    /// The name in reports.
    public static let name = "committed-durable"
    /// How many commits and returns were compared with claims.
    public private(set) var exercised = 0

    private var claims = PerNode<LogIndex>(.zero)
    private var incarnations = PerNode<Incarnation?>(nil)

    /// Makes a checker.
    public init() {}

    /// How far the node claims to hold the log.
    public func claim(of id: NodeID) -> LogIndex { claims[id] }

    /// A write is on its way to the node's disk.
    mutating func writes(
        _ id: NodeID, _ write: LogWrite, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        if let start = write.startAfter, start.index < claims[id] {
            claims[id] = start.index
        }
        guard let head = write.entries.first, head.index <= claims[id] else { return }
        for entry in write.entries where entry.index <= claims[id] {
            guard let known = committed[entry.index], known.term != entry.term else { continue }
            throw Violation(
                Self.name,
                "\(id) writes an entry of term \(entry.term.rawValue) over the committed entry "
                    + "\(entry.index.rawValue) of term \(known.term.rawValue)")
        }
        claims[id] = head.index.previous
    }

    /// A message leaves the node.
    mutating func sends(_ id: NodeID, _ message: RaftMessage, _ now: Glance) {
        let index: LogIndex
        switch message.body {
        case .appendResponse(.matched(let matched)): index = matched
        case .snapshotResponse(.installed(let installed)): index = installed
        case .appendResponse(.rejected), .snapshotResponse(.wants), .voteRequest, .voteResponse,
            .preVoteRequest, .preVoteResponse, .append, .heartbeat, .heartbeatResponse,
            .snapshotChunk, .timeoutNow, .forward, .readRequest, .readResponse:
            return
        }
        // A late word of an earlier term may be about entries that are overwritten already.
        claims[id] = max(claims[id], message.term < now.term ? min(index, now.durable) : index)
    }

    /// Looks at a node before its commit index is taken over into the canonical log.
    mutating func changed(
        _ id: NodeID, to now: Glance, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        if now.role == .leader { claims[id] = max(claims[id], min(now.durable, now.last.index)) }
        let promised = min(claims[id], committed.last)
        guard now.last.index >= promised else {
            throw Violation(
                Self.name,
                "\(id) cut its log to \(now.last.index.rawValue); it claims "
                    + "\(claims[id].rawValue), and \(committed.last.rawValue) is committed")
        }
    }

    /// An index is committed for the first time. The first entry of all is each member's own.
    mutating func commits(
        _ id: NodeID, upTo index: LogIndex, members: Int
    ) throws(Violation) {
        guard index > LogIndex(1) else { return }
        exercised += 1
        var holders = 0
        for claim in claims.all where claim >= index { holders += 1 }
        guard holders * 2 > members else {
            throw Violation(
                Self.name,
                "\(id) committed \(index.rawValue), which \(holders) of \(members) members hold")
        }
    }

    /// A node came back; another incarnation is another directory, which claims nothing.
    mutating func restarted<R: Replica>(
        _ id: NodeID, _ now: Glance, _ node: borrowing R, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        if let known = incarnations[id], known != now.incarnation { claims[id] = .zero }
        incarnations[id] = now.incarnation
        guard claims[id] > .zero else { return }
        exercised += 1
        // A leader's snapshot may have replaced the whole log, with what was never committed of it.
        let promised =
            now.last.index == now.start.index ? min(claims[id], committed.last) : claims[id]
        guard now.last.index >= promised else {
            throw Violation(
                Self.name,
                "\(id) claimed its log up to \(claims[id].rawValue) and came back with "
                    + "\(now.last.index.rawValue)")
        }
        claims[id] = min(claims[id], now.last.index)
        var index = min(claims[id], committed.last)
        while index > now.start.index, let item = committed[index] {
            guard node.term(at: index) == item.term else {
                throw Violation(
                    Self.name,
                    "\(id) came back without the committed entry \(index.rawValue) of term "
                        + "\(item.term.rawValue): it claims \(claims[id].rawValue), and its log "
                        + "from \(now.start.index.rawValue) to \(now.last.index.rawValue) has "
                        + "there term \(node.term(at: index)?.rawValue ?? 0)")
            }
            index = index.previous
        }
    }
}
