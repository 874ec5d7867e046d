import Protocols

/// What is committed was durable on a majority first, and survives every crash (Raft section 5.4.2;
/// section 5 of the design: an acknowledgement leaves only after the disk has it).
///
/// A node *claims* its log up to an index when it tells the leader so, or when it leads and counts
/// itself. What a node claimed must be there when it comes back. The claim shrinks when the node
/// starts to write over a part of its log, which it must not do where that very entry is committed.
public struct CommittedDurable: Sendable {
    /// The name in reports.
    public static let name = "committed-durable"
    /// How many commits and returns were compared with claims.
    public private(set) var exercised = 0

    /// What a node has written, or is about to, and how far it claims that it is durable.
    private struct Record: Sendable {
        var incarnation: Incarnation?
        var claim = LogIndex.zero
        var base = LogIndex.zero
        /// The terms of the entries after `base`.
        var terms: [Term] = []

        func term(at index: LogIndex) -> Term? {
            guard index > base, index - base <= terms.count else { return nil }
            return terms[index - base - 1]
        }

        /// True when the node claims the very entry that is committed there.
        func claims(_ index: LogIndex, _ committed: borrowing CommittedLog) -> Bool {
            guard index <= claim, let item = committed[index] else { return false }
            return index <= base || term(at: index) == item.term
        }
    }

    private var records = PerNode(Record())

    /// Makes a checker.
    public init() {}

    // MARK: Steps

    /// A write is on its way to the node's disk.
    mutating func writes(
        _ id: NodeID, _ write: LogWrite, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        if let start = write.startAfter {
            try drops(id, after: start.index, committed) { _ in nil }
            records.update(id) {
                $0.claim = min($0.claim, start.index)
                $0.base = start.index
                $0.terms.removeAll()
            }
        }
        guard let head = write.entries.first else { return }
        if head.index <= records[id].claim {
            try drops(id, after: head.index.previous, committed) { index in
                let offset = index - head.index
                return offset < write.entries.count ? write.entries[offset].term : nil
            }
        }
        records.update(id) {
            $0.claim = min($0.claim, head.index.previous)
            let kept = head.index.previous - $0.base
            if kept < 0 || kept > $0.terms.count {
                $0.base = head.index.previous
                $0.terms.removeAll()
            } else {
                $0.terms.removeLast($0.terms.count - kept)
            }
            for entry in write.entries { $0.terms.append(entry.term) }
        }
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
        let claim = message.term < now.term ? min(index, now.durable) : index
        records.update(id) { $0.claim = max($0.claim, claim) }
    }

    /// Looks at a node before its commit index is taken over into the canonical log.
    mutating func changed(
        _ id: NodeID, to now: Glance, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        guard now.durable <= now.last.index else {
            throw Violation(
                Self.name,
                "\(id) takes \(now.durable.rawValue) for durable, past its log's end "
                    + "\(now.last.index.rawValue)")
        }
        if now.role == .leader {
            let claim = min(now.durable, now.last.index)
            records.update(id) { $0.claim = max($0.claim, claim) }
        }
        if now.last.index < records[id].claim {
            try drops(id, after: now.last.index, committed) { _ in nil }
        }
    }

    /// An index is committed for the first time. The first entry of all is each member's own.
    mutating func commits(
        _ id: NodeID, upTo index: LogIndex, members: Int, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        guard index > LogIndex(1) else { return }
        exercised += 1
        let holders = self.holders(of: index, committed)
        guard holders * 2 > members else {
            throw Violation(
                Self.name,
                "\(id) committed \(index.rawValue), which \(holders) of \(members) members hold")
        }
    }

    private func holders(of index: LogIndex, _ committed: borrowing CommittedLog) -> Int {
        var count = 0
        for record in records.all where record.claims(index, committed) { count += 1 }
        return count
    }

    /// The node claims what is durable, as if it had said so.
    mutating func adopt(_ id: NodeID, _ now: Glance) {
        records[id].incarnation = now.incarnation
        records[id].claim = now.durable
        records[id].base = now.durable
    }

    // MARK: Restarts

    /// A node came back; another incarnation is another directory, which claims nothing.
    mutating func restarted<R: Replica>(
        _ id: NodeID, _ now: Glance, _ node: borrowing R, _ committed: borrowing CommittedLog
    ) throws(Violation) {
        if let known = records[id].incarnation, known != now.incarnation {
            records[id] = Record()
        }
        var terms: [Term] = []
        var index = now.start.index.next
        while index <= now.last.index, let term = node.term(at: index) {
            terms.append(term)
            index = index.next
        }
        let record = records[id]
        if record.claim > .zero {
            exercised += 1
            let found = Record(base: now.start.index, terms: terms)
            try drops(id, after: now.start.index, committed) { found.term(at: $0) }
            // A leader's snapshot may have replaced a log that was not committed.
            guard now.last.index >= record.claim || now.last.index == now.start.index else {
                throw Violation(
                    Self.name,
                    "\(id) claimed its log up to \(record.claim.rawValue) and came back with "
                        + "\(now.last.index.rawValue)")
            }
        }
        records[id] = Record(
            incarnation: now.incarnation, claim: min(record.claim, now.last.index),
            base: now.start.index, terms: terms)
    }

    /// Throws if the node claims a committed entry after `index` and has another or none there now.
    private func drops(
        _ id: NodeID, after index: LogIndex, _ committed: borrowing CommittedLog,
        now: (LogIndex) -> Term?
    ) throws(Violation) {
        let record = records[id]
        var place = min(record.claim, committed.last)
        while place > index {
            defer { place = place.previous }
            guard record.claims(place, committed), let item = committed[place] else { continue }
            let own = now(place)
            guard own != item.term else { continue }
            throw Violation(
                Self.name,
                "\(id) claimed its log up to \(record.claim.rawValue) and has "
                    + (own.map { "an entry of term \($0.rawValue)" } ?? "nothing")
                    + " in the place of the committed entry \(place.rawValue) of term "
                    + "\(item.term.rawValue)")
        }
    }
}
