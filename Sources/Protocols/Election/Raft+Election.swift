/// Elections: Raft section 5.2 and 5.4.1, pre-vote after section 9.6 of the thesis.
extension Raft {
    /// Draws how long to wait for a leader from now on.
    mutating func resetElectionTimer(_ now: Instant) {
        electionDeadline =
            now
            + prng.interval(from: configuration.electionLower, to: configuration.electionUpper)
    }

    /// True while a leader was heard so recently that no election could be due anywhere.
    func hearsLeader(_ now: Instant) -> Bool {
        if role == .leader { return true }
        guard leader != nil, let contact = lastLeaderContact else { return false }
        return now - contact < configuration.electionLower
    }

    // MARK: Changes of role

    /// Follows: a leader, or nobody yet. Takes a higher term over; the vote stands within a term.
    mutating func becomeFollower(
        in newTerm: Term, of leader: NodeID?, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        precondition(newTerm >= term, "\(id): term \(term) would go back to \(newTerm)")
        if newTerm > term {
            if role == .leader || role == .candidate { out.mark(.steppedDownOnHigherTerm) }
            term = newTerm
            vote = nil
            durability.hardStateChanged = true
        }
        let led = role == .leader
        role = .follower
        self.leader = leader
        votes.removeAll()
        if led { resignLeadership(into: &out) }
        // A higher term alone is no sign of a leader: the wait for one goes on.
        if led || leader != nil { resetElectionTimer(now) }
    }

    /// Nobody led for too long: asks first whether an election could be won.
    mutating func onElectionTimeout(_ now: Instant, into out: inout Outbox<Effect>) {
        resetElectionTimer(now)
        if let stall = durability.stallTime(configuration), now >= stall { return }
        out.mark(.preVoteStarted)
        role = .preCandidate
        leader = nil
        votes = [id: true]
        let request = VoteRequest(last: log.last, transfer: false)
        for peer in quorum.voters where peer != id {
            send(
                peer,
                RaftMessage(group: group, term: term.next, body: .preVoteRequest(request)),
                after: .term)
        }
        if wins { campaign(transfer: false, now, into: &out) }
    }

    /// Asks for votes in a new term, its own first. `transfer`: the leader asked for it.
    mutating func campaign(transfer: Bool, _ now: Instant, into out: inout Outbox<Effect>) {
        out.mark(.campaigned)
        role = .candidate
        leader = nil
        term = term.next
        vote = id
        votes.removeAll()
        durability.hardStateChanged = true
        resetElectionTimer(now)
        send(id, .voteResponse(granted: true), after: .everything)
        let request = VoteRequest(last: log.last, transfer: transfer)
        for peer in quorum.voters where peer != id {
            send(peer, .voteRequest(request), after: .everything)
        }
    }

    /// Leads, with an entry of its own term first: its commit commits all before it (5.4.2).
    private mutating func becomeLeader(_ now: Instant, into out: inout Outbox<Effect>) {
        out.mark(.electedLeader)
        role = .leader
        leader = id
        votes.removeAll()
        incoming = nil
        clock = LeaderClock(floor: max(clock.floor, log.lastStamp ?? .zero), since: now)
        reads = LeaderReads()
        handover = nil
        progress = [:]
        for peer in quorum.voters where peer != id {
            progress[peer] = Progress(next: log.lastIndex.next, now: now)
        }
        appendOwn(.noop, payload: [], now)
        broadcastHeartbeat(now, into: &out)
    }

    private var wins: Bool { quorum.isMet { votes[$0] == true } }
    private var loses: Bool { quorum.isMet { votes[$0] == false } }

    // MARK: Requests

    mutating func onPreVoteRequest(
        _ request: VoteRequest, term asked: Term, from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        let granted =
            asked > term && log.isCovered(by: request.last) && !hearsLeader(now)
        if !granted { out.mark(.preVoteDenied) }
        // A grant promises nothing and speaks in the term asked for; a refusal tells the own term.
        send(
            sender,
            RaftMessage(
                group: group, term: granted ? asked : term,
                body: .preVoteResponse(granted: granted)),
            after: .term)
    }

    mutating func onVoteRequest(
        _ request: VoteRequest, from sender: NodeID, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        let free = vote == nil ? leader == nil : vote == sender
        let covered = log.isCovered(by: request.last)
        if !free { out.mark(.voteRefusedAlreadyVoted) }
        if !covered { out.mark(.voteRefusedStaleLog) }
        let granted = free && covered
        if granted {
            if vote != sender {
                vote = sender
                durability.hardStateChanged = true
            }
            // Only a vote given counts as a sign of life; a refusal must not delay an election.
            resetElectionTimer(now)
        }
        send(sender, .voteResponse(granted: granted), after: .everything)
    }

    // MARK: Responses

    mutating func onPreVoteResponse(
        _ granted: Bool, term answered: Term, from sender: NodeID, _ now: Instant,
        into out: inout Outbox<Effect>
    ) {
        guard role == .preCandidate, answered == (granted ? term.next : term) else { return }
        if votes[sender] == nil { votes[sender] = granted }
        if wins {
            campaign(transfer: false, now, into: &out)
        } else if loses {
            role = .follower
            votes.removeAll()
        }
    }

    mutating func onVoteResponse(
        _ granted: Bool, from sender: NodeID, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard role == .candidate else { return }
        if votes[sender] == nil { votes[sender] = granted }
        if wins {
            becomeLeader(now, into: &out)
        } else if loses {
            becomeFollower(in: term, of: nil, now, into: &out)
        }
    }

    // MARK: Handing over (thesis 3.10)

    mutating func onTimeoutNow(_ now: Instant, into out: inout Outbox<Effect>) {
        guard role == .follower else { return }
        out.mark(.timeoutNowReceived)
        campaign(transfer: true, now, into: &out)
    }

    mutating func onTransfer(
        to target: NodeID?, _ now: Instant, into out: inout Outbox<Effect>
    ) {
        guard role == .leader, handover == nil else { return }
        guard let best = target ?? bestSuccessor(now), progress[best] != nil else { return }
        out.mark(.transferStarted)
        handover = Handover(target: best, deadline: now + configuration.electionUpper)
        completeHandover(now, into: &out)
    }

    /// The live follower whose log reaches furthest.
    private func bestSuccessor(_ now: Instant) -> NodeID? {
        var best: (id: NodeID, match: LogIndex)?
        for (peer, known) in progress
        where known.lastContact + configuration.electionLower > now
            && known.match >= best?.match ?? .zero
        {
            best = (peer, known.match)
        }
        return best?.id
    }

    /// Lets the target campaign once its log has all that this leader's has.
    mutating func completeHandover(_ now: Instant, into out: inout Outbox<Effect>) {
        guard let handover, !handover.asked, let target = progress[handover.target] else { return }
        if target.match == log.lastIndex {
            self.handover?.asked = true
            send(handover.target, .timeoutNow, after: .nothing)
        } else {
            scheduleFlush(now)
        }
    }
}

/// A leader's attempt to hand over: while it lasts, proposals are refused.
struct Handover: Equatable, Sendable {
    /// Who is to lead.
    var target: NodeID
    /// When the attempt is given up and proposals are taken again.
    var deadline: Instant
    /// The target was told to campaign.
    var asked = false

    init(target: NodeID, deadline: Instant) {
        self.target = target
        self.deadline = deadline
    }
}
