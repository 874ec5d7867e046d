/// What an exhaustive search needs to see of a member, beyond what a driver does.
extension Raft {
    /// Feeds all that decides what the member does from here on, and nothing else: no point in
    /// time, no random state, no stamp of an entry, no absolute number of a write.
    ///
    /// Two members with equal fingerprints take the same steps if whoever drives them lets time pass
    /// only to a deadline, or by a whole `electionLower`. Of all the times there are it tells apart
    /// whether a leader was heard lately and whether a part of a snapshot is overdue. Reads
    /// and handovers count as far as `digest(into:)` tells them apart.
    ///
    /// - Parameters:
    ///   - now: the member's present time.
    ///   - names: the name of each member, by the number of its id; a search that treats all members
    ///     alike renames them here.
    public func abstractDigest(at now: Instant, names: [UInt32], into digest: inout Digest) {
        func name(_ member: NodeID?) -> UInt64 {
            member.map { UInt64(names[Int($0.rawValue)]) } ?? 0
        }
        digest.combine(name(id))
        digest.combine(term.rawValue)
        digest.combine(name(vote))
        digest.combine(UInt64(role.rawValue))
        digest.combine(name(leader))
        digest.combine(hearsLeader(now))
        digest.combine(commitIndex.rawValue)
        digest.combine(flushAt != nil)
        digest.combine(uncommittedBytes)
        log.abstractDigest(into: &digest)
        snapshot?.abstractDigest(into: &digest)
        durability.abstractDigest(names: names, into: &digest)
        // A sum, for the order of the members changes with their names.
        var members: UInt64 = 0
        for (peer, granted) in votes {
            var part = Digest()
            part.combine(name(peer))
            part.combine(granted)
            members &+= part.value
        }
        for (peer, known) in progress {
            var part = Digest()
            part.combine(name(peer))
            known.abstractDigest(at: now, overdueAfter: configuration.electionLower, into: &part)
            members &+= part.value
        }
        digest.combine(members)
        reads.digest(into: &digest)
        digest.combine(name(handover?.target))
        digest.combine(handover?.asked ?? false)
        if let incoming {
            digest.combine(incoming.point.index.rawValue)
            digest.combine(incoming.point.term.rawValue)
            digest.combine(incoming.count)
            digest.combine(incoming.chunks.count)
            for chunk in incoming.chunks { digest.combine(chunk) }
            digest.combine(incoming.isSaving)
        }
        for saving in savingSnapshots {
            digest.combine(durability.issuedSnapshots - saving.sequence)
            saving.snapshot.abstractDigest(into: &digest)
            digest.combine(name(saving.sender))
        }
    }

    /// True when a tick is due at once, to write and send what gathered.
    public var wantsFlush: Bool { flushAt != nil }

    /// True for a follower that heard a leader less than `electionLower` ago.
    public func followsLiveLeader(at now: Instant) -> Bool {
        role != .leader && hearsLeader(now)
    }

    /// How far a leader knows the log of a member to equal its own; 0 in other roles.
    public func matchIndex(of peer: NodeID) -> LogIndex { progress[peer]?.match ?? .zero }

    /// True for a leader that is sending a snapshot.
    public var sendsSnapshot: Bool {
        for (_, known) in progress {
            if case .snapshot = known.state { return true }
        }
        return false
    }
}

extension RaftLog {
    func abstractDigest(into digest: inout Digest) {
        digest.combine(start.index.rawValue)
        digest.combine(start.term.rawValue)
        digest.combine(lastIndex.rawValue)
        var index = start.index.next
        while let entry = entry(at: index) {
            entry.abstractDigest(into: &digest)
            index = index.next
        }
    }
}

extension Entry {
    /// Feeds all but the stamp, on which no decision of consensus depends.
    public func abstractDigest(into digest: inout Digest) {
        digest.combine(term.rawValue)
        digest.combine(UInt64(kind.rawValue))
        digest.combine(payload)
    }
}

extension Snapshot {
    /// Feeds point and content: index and term name one content in one run of the cluster only.
    public func abstractDigest(into digest: inout Digest) {
        digest.combine(point.index.rawValue)
        digest.combine(point.term.rawValue)
        for chunk in chunks { digest.combine(chunk) }
    }
}

extension Durability {
    func abstractDigest(names: [UInt32], into digest: inout Digest) {
        digest.combine(durableIndex.rawValue)
        digest.combine(unwritten.rawValue)
        digest.combine(hardStateChanged)
        digest.combine(startAfter?.index.rawValue ?? 0)
        digest.combine(writes.count)
        for write in writes {
            digest.combine(issued - write.sequence)
            digest.combine(write.last?.index.rawValue ?? 0)
            digest.combine(write.last?.term.rawValue ?? 0)
            digest.combine(write.hardState)
        }
        // Messages of one write leave together and may overtake one another: their order is nothing.
        var messages: UInt64 = 0
        for entry in held {
            var part = Digest()
            part.combine(issued - entry.sequence)
            part.combine(UInt64(names[Int(entry.recipient.rawValue)]))
            entry.message.abstractDigest(into: &part)
            messages &+= part.value
        }
        digest.combine(messages)
    }
}

extension Progress {
    func abstractDigest(
        at now: Instant, overdueAfter limit: Interval, into digest: inout Digest
    ) {
        digest.combine(match.rawValue)
        digest.combine(next.rawValue)
        digest.combine(confirmedRound)
        digest.combine(toldCommit.rawValue)
        switch state {
        case .probe(let waiting): digest.combine(waiting)
        case .replicate(let inflight):
            digest.combine(inflight.count)
            digest.combine(inflight.bytes)
        case .snapshot(let transfer):
            transfer.snapshot.abstractDigest(into: &digest)
            digest.combine(transfer.number)
            digest.combine(now - transfer.sentAt >= limit)
        }
    }
}

extension RaftMessage {
    /// Feeds what the message says, but for the stamps of its entries.
    public func abstractDigest(into digest: inout Digest) {
        func combine(_ point: SnapshotPoint) {
            digest.combine(point.index.rawValue)
            digest.combine(point.term.rawValue)
        }
        func combine(_ kind: UInt64, _ first: UInt64 = 0, _ second: UInt64 = 0) {
            digest.combine(kind)
            digest.combine(first)
            digest.combine(second)
        }
        digest.combine(term.rawValue)
        switch body {
        case .preVoteRequest(let request), .voteRequest(let request):
            if case .voteRequest = body { combine(3) } else { combine(1) }
            combine(request.last)
            digest.combine(request.transfer)
        case .preVoteResponse(let granted): combine(2, granted ? 1 : 0)
        case .voteResponse(let granted): combine(4, granted ? 1 : 0)
        case .append(let request):
            combine(5, request.commit.rawValue, UInt64(request.entries.count))
            combine(request.previous)
            for entry in request.entries { entry.abstractDigest(into: &digest) }
        case .appendResponse(.matched(let index)): combine(6, index.rawValue)
        case .appendResponse(.rejected(let previous, let hint)):
            combine(7, previous.rawValue)
            combine(hint)
        case .heartbeat(let commit, let round): combine(8, commit.rawValue, round)
        case .heartbeatResponse(let round): combine(9, round)
        case .snapshotChunk(let chunk):
            combine(10, UInt64(chunk.number), UInt64(chunk.count))
            combine(chunk.point)
            digest.combine(chunk.bytes)
        case .snapshotResponse(.wants(let number, let index)):
            combine(11, UInt64(number), index.rawValue)
        case .snapshotResponse(.installed(let index)): combine(12, index.rawValue)
        case .timeoutNow: combine(13)
        case .forward(let kind, let payload):
            combine(14, UInt64(kind.rawValue))
            digest.combine(payload)
        case .readRequest(let read): combine(15, read.boot.rawValue, read.sequence)
        case .readResponse(let read, let index):
            combine(16, read.boot.rawValue, read.sequence)
            digest.combine(index?.rawValue ?? 0)
        }
    }
}
