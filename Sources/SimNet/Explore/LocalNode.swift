import Protocols

/// What outsiders remember of one member over its crashes; the member itself does not know it.
struct Ghost: Equatable, Sendable {
    /// The newest term in which it gave its vote away, and to whom.
    var voteTerm: Term = .zero
    var votedFor: NodeID?
    /// The newest term in which it said anything that binds it.
    var spoken: Term = .zero
    /// The terms that it led, one bit each.
    var led: UInt16 = 0
    /// As a candidate: who granted it a vote in its term, itself included, one bit each.
    var grants: UInt16 = 0
    /// The longest log that it ever took for committed, and the term in which that last grew.
    var committed = PackedLog()
    var committedIn: Term = .zero
}

/// One member with its disk and what outsiders remember of it: all that is local in a search.
struct LocalNode: Sendable {
    /// What decides: consensus alone, or a whole node.
    enum Body: Sendable {
        case raft(Raft)
        case chat(ChatMember)
    }

    var body: Body
    /// The member's clock. It moves only to a deadline, or by `electionLower`.
    var now: Instant
    var disk: LocalDisk
    var ghost = Ghost()

    /// Consensus.
    var raft: Raft {
        switch body {
        case .raft(let raft): raft
        case .chat(let member): member.node.raft
        }
    }

    /// What one action does besides changing the member.
    struct Outcome: Sendable {
        var sends: [Packet] = []
        var violation: Violation?
        /// The action went beyond the search's bounds.
        var isBeyond = false
        /// Heartbeats are lost on their way.
        private let losesHeartbeats: Bool
        /// The checkers that are switched off.
        private let without: [ExploreChecker]

        init(_ rules: borrowing ExploreConfiguration, losesHeartbeats: Bool = false) {
            without = rules.without
            self.losesHeartbeats = losesHeartbeats
        }

        /// Takes the heartbeats away if the search loses them.
        mutating func loseHeartbeats() {
            guard losesHeartbeats else { return }
            sends.removeAll {
                if case .heartbeat = $0.message.body { true } else { false }
            }
        }

        /// Keeps the first violation that a checker reports.
        mutating func report(
            _ checker: ExploreChecker, _ text: @autoclosure () -> String
        ) {
            guard violation == nil, !without.contains(checker) else { return }
            violation = Violation(checker.rawValue, text())
        }
    }

    // MARK: Actions

    /// Performs one action; `packet` is the message that arrives, if one does.
    mutating func perform(
        _ action: ActionCode, _ packet: Packet?, _ rules: borrowing ExploreConfiguration
    ) -> Outcome {
        var outcome = Outcome(
            rules, losesHeartbeats: rules.bounds.losesHeartbeats && action.kind != .heartbeat)
        switch action.kind {
        case .deliver, .duplicate, .deliverLate:
            guard let packet else { preconditionFailure("a delivery without a message") }
            if action.kind == .deliverLate { now = now + rules.raft.electionLower }
            note(arrival: packet)
            step(.message(packet.sender, packet.message), &outcome)
        case .drop: break
        case .timeout:
            now = raft.role == .leader ? now + rules.raft.electionUpper : max(now, deadline)
            step(.tick, &outcome)
        case .heartbeat:
            if case .raft = body { now = max(now, deadline) } else { now = now + ChatMember.leap }
            step(.tick, &outcome)
        case .persist:
            let token = disk.completeWrite()
            step(.persisted(token), &outcome)
        case .saveSnapshot:
            let token = disk.completeSave()
            step(.snapshotSaved(token), &outcome)
        case .propose, .resend:
            if case .raft = body {
                step(.propose(.command, payload: [UInt8(action.argument)]), &outcome)
            } else {
                // Messages are numbered from 1.
                talk(&outcome) { $0.send(Int(action.argument) + 1, at: $1, into: &$2) }
            }
        case .enter: talk(&outcome) { $0.enter(at: $1, into: &$2) }
        case .takeSnapshot:
            step(.snapshotTaken(currentSnapshot(parts: rules.snapshotParts)), &outcome)
        case .crash: restart(Int(action.argument), rules, &outcome)
        case .wait: now = now + rules.raft.electionLower
        }
        if rules.writesAtOnce { finishWrites(&outcome) }
        outcome.isBeyond =
            raft.term.rawValue > rules.bounds.term
            || raft.log.lastIndex.rawValue > UInt64(PackedLog.lastIndex)
        return outcome
    }

    /// Makes everything durable that is under way.
    mutating func finishWrites(_ outcome: inout Outcome) {
        while !disk.writes.isEmpty || !disk.saves.isEmpty {
            if !disk.writes.isEmpty {
                let token = disk.completeWrite()
                step(.persisted(token), &outcome)
            } else {
                let token = disk.completeSave()
                step(.snapshotSaved(token), &outcome)
            }
        }
    }

    private var deadline: Instant {
        guard let deadline = raft.deadline else { preconditionFailure("no deadline to wait for") }
        return deadline
    }

    private mutating func step(_ event: Raft.Event, _ outcome: inout Outcome) {
        guard case .raft(var raft) = body else {
            let event = ChatMember.event(event)
            return talk(&outcome) { $0.step(event, at: $1, into: &$2) }
        }
        let before = (role: raft.role, term: raft.term, commit: raft.commitIndex)
        var out = Outbox<Raft.Effect>()
        raft.step(event, at: now, into: &out)
        // What a leader gathers is written and sent by a tick that is due at once.
        while raft.wantsFlush { raft.step(.tick, at: now, into: &out) }
        body = .raft(raft)
        for effect in out.effects { perform(effect, &outcome) }
        outcome.loseHeartbeats()
        observe(before.role, before.term, before.commit, &outcome)
    }

    mutating func perform(_ effect: Raft.Effect, _ outcome: inout Outcome) {
        switch effect {
        case .send(let recipient, let message):
            note(departure: message, to: recipient, &outcome)
            outcome.sends.append(Packet(sender: raft.id, recipient: recipient, message: message))
        case .persist(let write, let token): disk.write(write, token)
        case .saveSnapshot(let snapshot, let token): disk.save(snapshot, token)
        case .compactLog(let index): disk.compact(through: index)
        case .restore(let snapshot): noteRestored(snapshot, &outcome)
        case .peerFaulty(let peer, let fault):
            outcome.report(.electionSafety, "\(raft.id) finds fault with \(peer): \(fault)")
        case .readReady, .readFailed, .diskStalled: break
        }
    }

    /// The member stops and starts again: for the others no different from a long silence between.
    private mutating func restart(
        _ survival: Int, _ rules: borrowing ExploreConfiguration, _ outcome: inout Outcome
    ) {
        disk.crash(keepingWrites: survival >> 1, keepingSave: survival & 1 == 1)
        if rules.flaw == .voteForgotten { disk.forgetVote() }
        let boot = Boot(raft.boot.rawValue + 1)
        ghost.grants = 0
        switch body {
        case .raft(let old):
            body = .raft(
                Raft(
                    id: old.id, boot: boot, voters: old.quorum.voters, durable: disk.recovered,
                    configuration: old.configuration, stampFloor: .zero, seed: 1, now: now))
        case .chat(let old):
            var member = ChatMember(
                old.node.configuration.id, of: old.node.configuration.members, boot: boot,
                durable: disk.recovered, old.node.configuration.raft, now: now)
            member.witness = old.witness
            body = .chat(member)
            talk(&outcome) { $0.begin(at: $1, into: &$2) }
        }
        if let snapshot = raft.snapshot { noteRestored(snapshot, &outcome) }
        if raft.term < ghost.spoken {
            outcome.report(
                .termAndVote,
                "\(raft.id) comes back in term \(raft.term.rawValue) and spoke in "
                    + "\(ghost.spoken.rawValue) before")
        }
    }

    // MARK: Snapshots

    /// The state is the list of what was committed, two bytes an entry.
    private func currentSnapshot(parts: Int) -> Snapshot {
        let point = SnapshotPoint(
            index: raft.commitIndex, term: raft.log.term(at: raft.commitIndex) ?? .zero)
        var bytes: [UInt8] = []
        for index in 1...Int(point.index.rawValue) {
            bytes.append(UInt8(ghost.committed.term(index)))
            bytes.append(UInt8(ghost.committed.value(index)))
        }
        let length = (bytes.count / 2 + parts - 1) / parts * 2
        var chunks: [[UInt8]] = []
        for part in 0..<parts {
            chunks.append(Array(bytes.dropFirst(part * length).prefix(length)))
        }
        return Snapshot(point: point, chunks: chunks)
    }

    private mutating func noteRestored(_ snapshot: Snapshot, _ outcome: inout Outcome) {
        let bytes = snapshot.chunks.flatMap { $0 }
        var restored = PackedLog()
        for place in stride(from: 0, to: bytes.count, by: 2) {
            restored.append(term: UInt64(bytes[place]), value: UInt64(bytes[place + 1]))
        }
        if restored.last != Int(snapshot.point.index.rawValue)
            || !restored.agrees(with: ghost.committed)
        {
            outcome.report(
                .stateMachineSafety,
                "\(raft.id) restores \(restored) and had committed \(ghost.committed)")
        }
        if restored.last > ghost.committed.last {
            ghost.committed = restored
            ghost.committedIn = raft.term
        }
    }

    // MARK: What outsiders see

    private mutating func note(arrival packet: Packet) {
        guard raft.role == .candidate, packet.message.term == raft.term,
            case .voteResponse(granted: true) = packet.message.body
        else { return }
        ghost.grants |= 1 << UInt16(packet.sender.rawValue)
    }

    /// What leaves the member binds it, and must be durable on its disk.
    private mutating func note(
        departure message: RaftMessage, to recipient: NodeID, _ outcome: inout Outcome
    ) {
        switch message.body {
        case .preVoteRequest, .preVoteResponse, .forward, .readRequest, .readResponse: return
        case .voteRequest: noteVote(for: raft.id, in: message.term, &outcome)
        case .voteResponse(granted: true): noteVote(for: recipient, in: message.term, &outcome)
        case .appendResponse(.matched(let index)), .snapshotResponse(.installed(let index)):
            // An answer of an older term was held for a write that meanwhile may be overwritten; its
            // leader's successors had to win against what it claims.
            if message.term == raft.term { noteClaim(index, &outcome) }
        case .voteResponse, .append, .appendResponse, .heartbeat, .heartbeatResponse,
            .snapshotChunk, .snapshotResponse, .timeoutNow:
            break
        }
        if disk.hardState.term < message.term {
            outcome.report(
                .durableClaims,
                "\(raft.id) speaks in term \(message.term.rawValue) and its disk knows "
                    + "\(disk.hardState.term.rawValue)")
        }
        ghost.spoken = max(ghost.spoken, message.term)
    }

    private mutating func noteVote(
        for candidate: NodeID, in term: Term, _ outcome: inout Outcome
    ) {
        if ghost.voteTerm == term, let other = ghost.votedFor, other != candidate {
            outcome.report(
                .termAndVote,
                "\(raft.id) votes for \(other) and for \(candidate) in term \(term.rawValue)")
        }
        if term >= ghost.voteTerm { (ghost.voteTerm, ghost.votedFor) = (term, candidate) }
        let promised = HardState(term: term, vote: candidate)
        if disk.hardState != promised, disk.hardState.term <= term {
            outcome.report(
                .durableClaims,
                "\(raft.id) votes for \(candidate) in term \(term.rawValue), its disk does not "
                    + "know it")
        }
    }

    private func noteClaim(_ index: LogIndex, _ outcome: inout Outcome) {
        let durable = disk.recovered
        let start = durable.snapshot?.point.index ?? .zero
        guard index > start else { return }
        let place = index - start
        let isThere =
            place <= durable.entries.count
            && raft.log.term(at: index).map { $0 == durable.entries[place - 1].term } ?? true
        if !isThere {
            outcome.report(
                .durableClaims,
                "\(raft.id) claims its log up to \(index.rawValue), its disk ends at "
                    + "\(start.rawValue + UInt64(durable.entries.count))")
        }
    }

    /// Compares the member after a step with what is remembered of it.
    mutating func observe(
        _ role: Role, _ term: Term, _ commit: LogIndex, _ outcome: inout Outcome
    ) {
        if raft.commitIndex < commit {
            outcome.report(
                .stateMachineSafety,
                "\(raft.id) takes its commit index back from \(commit.rawValue) to "
                    + "\(raft.commitIndex.rawValue)")
        }
        if raft.role == .leader, role != .leader || raft.term != term {
            ghost.led |= 1 << UInt16(raft.term.rawValue)
            let votes = (ghost.grants | 1 << UInt16(raft.id.rawValue)).nonzeroBitCount
            if votes <= raft.quorum.voters.count / 2 {
                outcome.report(
                    .electedByMajority,
                    "\(raft.id) leads term \(raft.term.rawValue) with \(votes) of "
                        + "\(raft.quorum.voters.count) votes")
            }
        }
        if raft.role != .candidate || raft.term != term { ghost.grants = 0 }
        observeCommits(from: commit, &outcome)
    }

    private mutating func observeCommits(from old: LogIndex, _ outcome: inout Outcome) {
        guard raft.commitIndex > old else { return }
        for index in Int(old.rawValue) + 1...Int(raft.commitIndex.rawValue) {
            guard let entry = raft.log.entry(at: LogIndex(UInt64(index))) else { continue }
            let value = PackedLog.value(of: entry)
            if index <= ghost.committed.last {
                if ghost.committed.term(index) != entry.term.rawValue
                    || ghost.committed.value(index) != value
                {
                    outcome.report(
                        .stateMachineSafety,
                        "\(raft.id) commits \(index)@\(entry.term.rawValue) and committed "
                            + "\(index)@\(ghost.committed.term(index)) before")
                }
            } else {
                ghost.committed.append(term: entry.term.rawValue, value: value)
                ghost.committedIn = raft.term
            }
        }
    }

    // MARK: Fingerprint

    func abstractDigest(names: [UInt32]) -> UInt64 {
        var digest = Digest(0x6D65_6D62_6572_2121)
        switch body {
        case .raft(let raft): raft.abstractDigest(at: now, names: names, into: &digest)
        case .chat(let member): member.abstractDigest(at: now, names: names, into: &digest)
        }
        disk.abstractDigest(names: names, into: &digest)
        digest.combine(ghost.voteTerm.rawValue)
        digest.combine(ghost.votedFor.map { UInt64(names[Int($0.rawValue)]) } ?? 0)
        digest.combine(ghost.spoken.rawValue)
        digest.combine(UInt64(ghost.led))
        var grants: UInt64 = 0
        for id in 1..<names.count where ghost.grants >> UInt16(id) & 1 == 1 {
            grants |= 1 << UInt64(names[id])
        }
        digest.combine(grants)
        ghost.committed.digest(into: &digest)
        digest.combine(ghost.committedIn.rawValue)
        return digest.value
    }
}
