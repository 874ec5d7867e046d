/// Linearizable reads without a log entry: ReadIndex, section 6.4 of the thesis.
///
/// The leader confirms reads in rounds of its own making: a round is a heartbeat that carries the
/// round's number, and confirms every read that began before it. Contexts made by followers could
/// collide and confirm each other's reads (etcd raft issue 397).
struct LeaderReads: Equatable, Sendable {
    struct Request: Equatable, Sendable {
        var origin: NodeID
        var read: ReadID
    }

    struct Waiting: Equatable, Sendable {
        var request: Request
        /// The commit index when the round began.
        var index: LogIndex
        var round: UInt64
    }

    /// The last round begun in this term.
    var round: UInt64 = 0
    /// Reads of rounds begun, in order of round.
    var waiting: [Waiting] = []
    /// Reads for the round to come.
    var gathered: [Request] = []
    /// Reads from before the leader had committed an entry of its own term.
    var deferred: [Request] = []

    var count: Int { waiting.count + gathered.count + deferred.count }

    /// The most reads that wait for a round; more are refused.
    static let limit = 65_536

    func digest(into digest: inout Digest) {
        digest.combine(round)
        for entry in waiting {
            digest.combine(entry.request.read.sequence)
            digest.combine(entry.index.rawValue)
            digest.combine(entry.round)
        }
        for request in gathered + deferred {
            digest.combine(UInt64(request.origin.rawValue))
            digest.combine(request.read.sequence)
        }
    }
}

extension Raft {
    mutating func onRead(
        _ read: ReadID, from origin: NodeID, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard role == .leader else {
            if origin == id, let leader, role == .follower {
                out.mark(.readIndexForwarded)
                send(leader, .readRequest(read), after: .nothing)
            } else {
                answer(read, to: origin, index: nil, into: &out)
            }
            return
        }
        guard reads.count < LeaderReads.limit else {
            answer(read, to: origin, index: nil, into: &out)
            return
        }
        if log.term(at: commitIndex) == term {
            reads.gathered.append(.init(origin: origin, read: read))
            scheduleFlush(now)
        } else {
            // Before its first own commit a leader does not know how far the log is committed.
            out.mark(.readIndexDeferred)
            reads.deferred.append(.init(origin: origin, read: read))
        }
    }

    mutating func releaseDeferredReads(_ now: Instant) {
        guard !reads.deferred.isEmpty else { return }
        reads.gathered += reads.deferred
        reads.deferred.removeAll()
        scheduleFlush(now)
    }

    /// Begins a round for the reads gathered: asks a majority whether this member still leads.
    mutating func startReadRound(_ now: Instant, into out: inout Outbox<Effect>) {
        guard !reads.gathered.isEmpty else { return }
        reads.round += 1
        for request in reads.gathered {
            reads.waiting.append(
                .init(request: request, index: commitIndex, round: reads.round))
        }
        reads.gathered.removeAll(keepingCapacity: true)
        broadcastHeartbeat(now, into: &out)
        confirmReads(into: &out)
    }

    mutating func confirmReads(into out: inout Outbox<Effect>) {
        guard !reads.waiting.isEmpty else { return }
        let confirmed = quorum.reached { peer in
            peer == id ? reads.round : progress.read(peer) { $0.confirmedRound } ?? 0
        }
        guard let confirmed else { return }
        var done = 0
        while done < reads.waiting.count, reads.waiting[done].round <= confirmed {
            let waiting = reads.waiting[done]
            answer(
                waiting.request.read, to: waiting.request.origin, index: waiting.index, into: &out)
            done += 1
        }
        guard done > 0 else { return }
        out.mark(.readIndexServed)
        reads.waiting.removeFirst(done)
    }

    /// Tells everybody whose read was not confirmed.
    mutating func failReads(into out: inout Outbox<Effect>) {
        let unconfirmed = reads.waiting.map(\.request) + reads.gathered + reads.deferred
        if !unconfirmed.isEmpty { out.mark(.readIndexAborted) }
        for request in unconfirmed {
            answer(request.read, to: request.origin, index: nil, into: &out)
        }
        reads = LeaderReads()
    }

    private mutating func answer(
        _ read: ReadID, to origin: NodeID, index: LogIndex?, into out: inout Outbox<Effect>
    ) {
        if origin == id {
            out.emit(index.map { .readReady(read, $0) } ?? .readFailed(read))
        } else {
            send(origin, .readResponse(read, index: index), after: .nothing)
        }
    }
}
