/// A follower's part of replication: Raft section 5.3.
extension Raft {
    /// Takes the sender for the term's leader, which there is one of at the most.
    mutating func hearLeader(
        _ sender: NodeID, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        precondition(role != .leader, "\(id) leads \(term) and would follow \(sender)")
        if role != .follower || leader != sender {
            becomeFollower(in: term, of: sender, now, into: &out)
        } else {
            resetElectionTimer(now)
        }
        lastLeaderContact = now
    }

    mutating func onAppend(
        _ request: AppendRequest, from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        hearLeader(sender, now, into: &out)
        guard request.previous.index >= commitIndex else {
            // What is committed equals the leader's log; an old append must not undo anything.
            out.mark(.staleAppendIgnored)
            send(sender, .appendResponse(.matched(commitIndex)), after: .everything)
            return
        }
        if let stall = durability.stallTime(configuration), now >= stall {
            // What the disk does not take must not gather here; the leader sends it again.
            out.mark(.appendDroppedOnStalledDisk)
            return
        }
        guard log.matches(request.previous) else {
            out.mark(.appendRejected)
            let hint = log.lastPoint(
                atMost: request.previous.index, termAtMost: request.previous.term)
            send(
                sender,
                .appendResponse(.rejected(previous: request.previous.index, hint: hint)),
                after: .term)
            return
        }
        append(request.entries, into: &out)
        let lastNew = request.previous.index + request.entries.count
        commit(through: min(request.commit, lastNew))
        send(sender, .appendResponse(.matched(lastNew)), after: .everything)
    }

    /// Takes entries over from the first one on that the log does not have; what conflicts goes.
    private mutating func append(_ entries: [Entry], into out: inout Outbox<Effect>) {
        for (offset, entry) in entries.enumerated() {
            if let own = log.term(at: entry.index) {
                if own == entry.term { continue }
                precondition(
                    entry.index > commitIndex, "\(id) would cut committed \(entry.index)")
                out.mark(.truncatedConflictingSuffix)
                log.truncate(from: entry.index)
                durability.truncated(to: log.last)
            }
            log.append(entries[offset...])
            return
        }
    }

    mutating func onHeartbeat(
        commit: LogIndex, round: UInt64, from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        hearLeader(sender, now, into: &out)
        // The leader names no more than what it knows this log to have.
        self.commit(through: min(commit, log.lastIndex))
        send(sender, .heartbeatResponse(round: round), after: .term)
    }

    /// Raises the commit index; never lowers it.
    mutating func commit(through index: LogIndex) {
        guard index > commitIndex else { return }
        if role == .leader {
            var position = commitIndex.next
            while position <= index, let entry = log.entry(at: position) {
                if entry.term == term { uncommittedBytes -= entry.size }
                position = position.next
            }
        }
        commitIndex = index
    }
}
