/// What of a member's log and hard state is durable, and what waits for it.
struct Durability: Equatable, Sendable {
    struct Write: Equatable, Sendable {
        var sequence: UInt64
        var last: SnapshotPoint?
        var hardState: Bool
        var issuedAt: Instant
    }

    struct Held: Equatable, Sendable {
        var sequence: UInt64
        var recipient: NodeID
        var message: RaftMessage
    }

    /// A message of the step under way and what must be durable before it leaves.
    struct Outgoing: Equatable, Sendable {
        var recipient: NodeID
        var message: RaftMessage
        var after: Raft.Promise
    }

    /// The log is durable up to here.
    var durableIndex: LogIndex
    /// The first entry that no write has been put out for.
    var unwritten: LogIndex
    /// Term or vote changed since the last write.
    var hardStateChanged = false
    /// The log was started anew after a snapshot since the last write.
    var startAfter: SnapshotPoint?
    /// The number of the last write put out.
    var issued: UInt64 = 0
    /// The number of the last snapshot put out.
    var issuedSnapshots: UInt64 = 0
    /// Writes not completed, oldest first.
    var writes: [Write] = []
    /// Messages that wait for a write, in order of their writes.
    var held: [Held] = []
    /// Messages of this step, in order.
    var outgoing: [Outgoing] = []

    init(durableIndex: LogIndex, unwritten: LogIndex) {
        self.durableIndex = durableIndex
        self.unwritten = unwritten
    }

    /// When the oldest unfinished write will have taken too long for a leader.
    func stallTime(_ configuration: RaftConfiguration) -> Instant? {
        writes.first.map { $0.issuedAt + configuration.diskStall }
    }

    /// The log was cut and ends at `last` now: neither what is durable nor what is being written
    /// reaches further, even if an equal entry should come back.
    mutating func truncated(to last: SnapshotPoint) {
        durableIndex = min(durableIndex, last.index)
        unwritten = min(unwritten, last.index.next)
        capWrites(at: last)
    }

    /// No write that is under way makes more durable than what the log still holds.
    private mutating func capWrites(at last: SnapshotPoint) {
        for position in writes.indices where writes[position].last?.index ?? .zero > last.index {
            writes[position].last = last
        }
    }

    /// The log starts anew after a snapshot that is durable.
    mutating func restarted(after point: SnapshotPoint) {
        durableIndex = point.index
        unwritten = point.index.next
        startAfter = point
        capWrites(at: point)
    }

    func digest(into digest: inout Digest) {
        digest.combine(durableIndex.rawValue)
        digest.combine(unwritten.rawValue)
        digest.combine(issued)
        for write in writes {
            digest.combine(write.last?.index.rawValue ?? 0)
            digest.combine(write.last?.term.rawValue ?? 0)
            digest.combine(write.hardState)
            digest.combine(UInt64(bitPattern: write.issuedAt.nanoseconds))
        }
        for entry in held {
            digest.combine(entry.sequence)
            digest.combine(UInt64(entry.recipient.rawValue))
            digest.combine(PeerMessage.raft(entry.message).encoded())
        }
    }
}

extension Raft {
    /// What must be durable before a message may leave.
    enum Promise: Equatable, Sendable {
        /// Nothing: the message promises nothing.
        case nothing
        /// Term and vote.
        case term
        /// Everything that was put out so far.
        case everything
    }

    /// The log is durable up to here on this member's own disk.
    public var durableIndex: LogIndex { durability.durableIndex }

    /// Sends in the member's own term when what the message promises is durable.
    mutating func send(_ recipient: NodeID, _ body: RaftMessage.Body, after promise: Promise) {
        send(recipient, RaftMessage(group: group, term: term, body: body), after: promise)
    }

    /// Sends when what the message promises is durable.
    mutating func send(_ recipient: NodeID, _ message: RaftMessage, after promise: Promise) {
        durability.outgoing.append(
            .init(recipient: recipient, message: message, after: promise))
    }

    /// Asks for a tick at once, which writes and sends what gathered until then.
    mutating func scheduleFlush(_ now: Instant) {
        flushAt = min(flushAt ?? now, now)
    }

    /// Puts out the step's write, then its messages, or holds them back for the write.
    mutating func finishStep(_ now: Instant, into out: inout Outbox<Effect>) {
        if flushAt == nil || role != .leader || durability.hardStateChanged
            || durability.startAfter != nil
        {
            writeIfNeeded(now, into: &out)
        }
        guard !durability.outgoing.isEmpty else { return }
        let lastWrite = durability.writes.last?.sequence
        let lastHardState = durability.writes.last { $0.hardState }?.sequence
        for outgoing in durability.outgoing {
            let barrier: UInt64? =
                switch outgoing.after {
                case .nothing: nil
                case .term: lastHardState
                case .everything: lastWrite
                }
            if let barrier {
                durability.held.append(
                    .init(
                        sequence: barrier, recipient: outgoing.recipient, message: outgoing.message)
                )
            } else {
                deliver(outgoing.message, to: outgoing.recipient, now, into: &out)
            }
        }
        durability.outgoing.removeAll(keepingCapacity: true)
    }

    /// Puts out one write of all that changed since the last one.
    mutating func writeIfNeeded(_ now: Instant, into out: inout Outbox<Effect>) {
        let entries = log.slice(from: durability.unwritten, maximumBytes: .max)
        guard durability.hardStateChanged || durability.startAfter != nil || !entries.isEmpty else {
            return
        }
        let hardState = durability.hardStateChanged ? HardState(term: term, vote: vote) : nil
        durability.issued += 1
        durability.writes.append(
            .init(
                sequence: durability.issued, last: entries.isEmpty ? nil : log.last,
                hardState: hardState != nil, issuedAt: now))
        out.emit(
            .persist(
                LogWrite(
                    hardState: hardState, startAfter: durability.startAfter, entries: entries),
                PersistToken(boot: boot, sequence: durability.issued)))
        durability.hardStateChanged = false
        durability.startAfter = nil
        durability.unwritten = log.lastIndex.next
    }

    mutating func onPersisted(
        _ token: PersistToken, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard token.boot == boot else { return }
        var done = 0
        while done < durability.writes.count, durability.writes[done].sequence <= token.sequence {
            if let last = durability.writes[done].last, last.index > durability.durableIndex {
                precondition(log.matches(last), "\(id): a write ends at \(last), not in the log")
                durability.durableIndex = last.index
            }
            done += 1
        }
        durability.writes.removeFirst(done)
        releaseHeld(through: token.sequence, now, into: &out)
        if role == .leader { advanceCommit(now, into: &out) }
    }

    private mutating func releaseHeld(
        through sequence: UInt64, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        // A barrier on the hard state may stand behind one on everything: look at all of them.
        guard durability.held.contains(where: { $0.sequence <= sequence }) else { return }
        let held = durability.held
        durability.held.removeAll { $0.sequence <= sequence }
        for entry in held where entry.sequence <= sequence {
            deliver(entry.message, to: entry.recipient, now, into: &out)
        }
    }

    /// Hands a message to the driver, or, for the member itself, takes it: a candidate's vote for
    /// itself counts when it is durable, like any other.
    private mutating func deliver(
        _ message: RaftMessage, to recipient: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        guard recipient == id else {
            out.emit(.send(recipient, message))
            return
        }
        guard message.term == term, case .voteResponse(let granted) = message.body else { return }
        onVoteResponse(granted, from: id, now, into: &out)
    }
}
