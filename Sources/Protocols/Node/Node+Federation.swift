// What the leader does about other clusters: heartbeats, the outboxes, votes on deletions.
extension Node {
    /// Does what is due; called after every event.
    mutating func federate(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        // A deletion that began with other clusters must end without them, too.
        guard federation.isActive || !state.rooms.deleting.isEmpty, halted == nil else { return }
        federation.wakeAt = nil
        expireCalls(now, into: &out)
        let leads = raft.role == .leader && session != nil
        if leads != federation.isLeading {
            federation.isLeading = leads
            stopLeading(now, into: &out)
        }
        for peer in configuration.federation.peers {
            // Every node asks, to know what the other understands; the leader draws conclusions.
            askHeartbeat(peer, now, into: &out)
            if leads { deliver(to: peer, now, into: &out) }
        }
        if leads { collectVotes(now, into: &out) }
        forwardNext(now, into: &out)
        expireWaiting(now, into: &out)
    }

    /// Sees to it that `federate` happens again at that time.
    mutating func wake(_ time: Instant) {
        federation.wakeAt = min(federation.wakeAt ?? time, time)
    }

    mutating func call(
        _ cluster: ClusterName, _ call: FederationCall, _ context: CallContext = CallContext(),
        for purpose: Federation.Purpose, within limit: Interval, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let id = federation.open(
            Federation.OpenCall(cluster: cluster, purpose: purpose, deadline: now + limit))
        let understood = federation.standings[cluster]?.understandsContext ?? false
        out.emit(.call(id, cluster, call, understood ? context : CallContext()))
        wake(now + limit)
    }

    // MARK: Ends of calls

    mutating func onCalled(
        _ id: CallID, _ result: CallResult, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard let call = federation.close(id) else { return }
        finish(call, result, now, into: &out)
    }

    private mutating func expireCalls(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        for (id, call) in federation.calls {
            guard call.deadline <= now else {
                wake(call.deadline)
                continue
            }
            _ = federation.close(id)
            out.mark(.federationCallTimedOut)
            out.emit(.abandonCall(id))
            finish(call, .failed(wasSent: true), now, into: &out)
        }
    }

    private mutating func finish(
        _ call: Federation.OpenCall, _ result: CallResult, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        switch call.purpose {
        case .heartbeat: onHeartbeat(result, of: call.cluster, now, into: &out)
        case .outbox(let number, let since):
            onDelivered(number, since, result, to: call.cluster, now, into: &out)
        case .vote(let transaction):
            onVote(result, of: call.cluster, transaction, now, into: &out)
        case .list: onListed(result, of: call.cluster, now, into: &out)
        case .forward(let connection): onForwarded(result, connection, now, into: &out)
        }
    }

    /// The role has changed: what an earlier leadership had under way counts no more.
    private mutating func stopLeading(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        for (id, call) in federation.calls {
            switch call.purpose {
            case .heartbeat, .outbox, .vote:
                _ = federation.close(id)
                out.emit(.abandonCall(id))
            case .list, .forward: break
            }
        }
        federation.votes = OrderedMap()
        for peer in configuration.federation.peers {
            federation.standings.update(peer) { standing in
                standing.heartbeatAt = now
                standing.misses = 0
                standing.missAt = now
                standing.cursor = 0
                standing.confirmed = 0
                standing.isDelivering = false
                standing.isAsking = false
                standing.isHeard = false
                standing.retryAt = now
                standing.proposeAt = now
            }
        }
    }

    // MARK: Heartbeats

    private mutating func askHeartbeat(
        _ peer: ClusterName, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard let standing = federation.standings[peer], !standing.isAsking else { return }
        guard standing.heartbeatAt <= now else { return wake(standing.heartbeatAt) }
        federation.standings.update(peer) { $0.isAsking = true }
        call(
            peer, .heartbeat, CallContext(caller: configuration.federation.name),
            for: .heartbeat, within: configuration.federation.heartbeatTimeout, now, into: &out)
    }

    private mutating func onHeartbeat(
        _ result: CallResult, of peer: ClusterName, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let next = now + configuration.federation.heartbeatInterval
        let known = state.clusters.table[peer]
        guard case .answered(.heartbeat(let answer)) = result,
            !isMisnamed(answer, peer, into: &out)
        else {
            // Until it was heard, clients wait for it: it is asked more often, but no miss counts
            // sooner for that.
            let pause = configuration.federation.retryPause
            federation.standings.update(peer) { standing in
                standing.isAsking = false
                standing.heartbeatAt = standing.isHeard ? next : min(next, now + pause)
                guard now >= standing.missAt else { return }
                standing.misses += 1
                standing.missAt = next
            }
            let misses = federation.standings[peer]?.misses ?? 0
            // One that was away already may have come back in part, with users whom nobody hears.
            let hasGuests = known.map { !state.memberships(of: $0.visit).isEmpty } ?? false
            guard federation.isLeading, misses >= 2, known?.isAway != true || hasGuests
            else { return }
            out.emit(.note(.clusterAway(peer)))
            submit(
                .federation(.setAway(peer, true, at: wall.read(now))), for: nil, now, into: &out)
            return
        }
        // Who has just turned out to understand contexts is asked again with one.
        let isNews = answer.understandsContext != federation.standings[peer]?.understandsContext
        federation.standings.update(peer) { standing in
            standing.isAsking = false
            standing.heartbeatAt = isNews ? now : next
            standing.misses = 0
            standing.missAt = now
            standing.understandsContext = answer.understandsContext
            standing.isHeard = !isNews || !answer.understandsContext
        }
        guard federation.isLeading else { return }
        if known?.isAway == true {
            out.emit(.note(.clusterBack(peer)))
            submit(
                .federation(.setAway(peer, false, at: wall.read(now))), for: nil, now, into: &out)
        }
        if let visit = answer.visit, visit > known?.ownVisit ?? 0 {
            submit(.federation(.visit(peer, visit)), for: nil, now, into: &out)
        }
    }

    /// A cluster that understands contexts knows its own name; under another one it is either
    /// somebody else or this cluster itself.
    private func isMisnamed(
        _ answer: HeartbeatAnswer, _ peer: ClusterName, into out: inout Outbox<NodeEffect>
    ) -> Bool {
        guard answer.understandsContext, answer.name != peer else { return false }
        out.emit(.note(.clusterMisnamed(peer, answer.name)))
        return true
    }

    // MARK: Outboxes

    private mutating func deliver(
        to peer: ClusterName, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard let standing = federation.standings[peer], !standing.isDelivering, standing.isHeard
        else { return }
        let isAway = state.clusters.table.read(peer) { $0.isAway } ?? true
        guard !isAway else { return }
        var cursor = standing.cursor
        if case .join? = item(standing.cursor, for: peer) {
            // Nothing overtakes a join whose answer is not in the log: it may have to be repeated.
            return confirm(peer, through: cursor, now, into: &out)
        }
        if standing.retryAt <= now {
            while let (number, item) = nextItem(for: peer, after: cursor) {
                if case .join = item, !isFirst(number, for: peer) {
                    // What a join may overtake is seen by its being the first.
                    break
                }
                cursor = number
                guard let (call, since) = call(for: item) else { continue }
                federation.standings.update(peer) { standing in
                    standing.cursor = number - 1
                    standing.isDelivering = true
                }
                let context = CallContext(
                    caller: configuration.federation.name, stream: (cluster?.rawValue ?? 0) >> 1,
                    number: number, since: since)
                self.call(
                    peer, call, context, for: .outbox(number, since: mirrored(by: item)),
                    within: configuration.federation.callTimeout, now, into: &out)
                return
            }
            federation.standings.update(peer) { $0.cursor = cursor }
        } else if nextItem(for: peer, after: cursor) != nil {
            return wake(standing.retryAt)
        }
        confirm(peer, through: cursor, now, into: &out)
    }

    private func item(_ number: UInt64, for peer: ClusterName) -> OutboxItem? {
        state.clusters.table.read(peer) { $0.outbox.items[number] } ?? nil
    }

    private func isFirst(_ number: UInt64, for peer: ClusterName) -> Bool {
        state.clusters.table.read(peer) { $0.outbox.items.first?.key } == .some(.some(number))
    }

    private func nextItem(
        for peer: ClusterName, after cursor: UInt64
    ) -> (UInt64, OutboxItem)? {
        state.clusters.table.read(peer) { cluster -> (UInt64, OutboxItem)? in
            var items = cluster.outbox.items.elements(from: cursor + 1)
            return items.next().map { ($0.key, $0.value) }
        } ?? nil
    }

    /// What to call for an item; `nil` when there is nothing to tell any more.
    private func call(for item: OutboxItem) -> (FederationCall, since: UInt64?)? {
        let own = configuration.federation.name
        switch item {
        case .join(let room, let user, _, let since):
            // The last message that the client has is asked for once more: that it comes shows that
            // the number is one of the room's.
            let known = state.lastSequence(in: room) ?? since.map { $0 - min($0, 1) }
            return (.joinRoom(room: room, user: user, from: own), known)
        case .leave(let room, let user, .requested):
            return (.leaveRoom(room: room, user: user, from: own), nil)
        case .leave(let room, let user, let reason):
            return (
                .memberDisconnected(room: room, user: user, from: own, reason: reason), nil
            )
        case .message(let room, let sequence):
            let message = state.messages(in: room, after: sequence - 1, limit: 1).first
            guard let message, message.sequence == sequence else { return nil }
            return (.messageBroadcast(room: room, message), nil)
        case .memberEvent(let room, let event):
            return (.memberEventBroadcast(room: room, event), nil)
        case .commitDeletion(let room, let transaction, let name):
            return (.commitDeletion(room: room, transaction: transaction, name: name), nil)
        case .rollbackDeletion(let room, let transaction):
            return (.rollbackDeletion(room: room, transaction: transaction), nil)
        }
    }

    /// Of a join: the last message of the mirror that there is already.
    private func mirrored(by item: OutboxItem) -> UInt64? {
        guard case .join(let room, _, _, _) = item else { return nil }
        return state.lastSequence(in: room)
    }

    private mutating func onDelivered(
        _ number: UInt64, _ since: UInt64?, _ result: CallResult, to peer: ClusterName,
        _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        federation.standings.update(peer) { $0.isDelivering = false }
        let answer: FederationAnswer
        switch result {
        case .answered(.refused(.unavailable, _)), .failed:
            return deliverAgain(to: peer, now, into: &out)
        case .answered(.refused(.unknown, _)) where !federation.hasGivenUp(peer),
            .fault where !federation.hasGivenUp(peer):
            // Who understands contexts will be able to say some time what became of it.
            federation.standings.update(peer) { $0.faults += 1 }
            return deliverAgain(to: peer, now, into: &out)
        case .answered(let given): answer = given
        case .fault(_, let text): answer = .refused(.unknown, text)
        }
        federation.standings.update(peer) { standing in
            standing.cursor = number
            standing.faults = 0
            standing.pause = Federation.shortestPause
        }
        if case .join? = item(number, for: peer) {
            submit(
                .federation(
                    .joinAnswered(
                        peer, number: number, answer, since: since, at: wall.read(now))),
                for: nil, now, into: &out)
        }
        let first = state.clusters.table.read(peer) { $0.outbox.items.first?.key } ?? nil
        if let first, number - min(first, number) >= 64 {
            confirm(peer, through: number, now, into: &out)
        }
    }

    private mutating func deliverAgain(
        to peer: ClusterName, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        out.mark(.federationRetried)
        let longest = configuration.federation.retryPause
        federation.standings.update(peer) { standing in
            standing.retryAt = now + min(standing.pause, longest)
            standing.pause = min(standing.pause * 2, longest)
        }
    }

    /// Has the replicas forget what was delivered.
    private mutating func confirm(
        _ peer: ClusterName, through cursor: UInt64, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let oldest =
            state.clusters.table.read(peer) { cluster in
                cluster.outbox.items.first.map { ($0.key, $0.value) }
            } ?? nil
        guard let (first, item) = oldest, first <= cursor,
            let standing = federation.standings[peer]
        else { return }
        guard standing.proposeAt <= now || standing.confirmed < cursor else {
            return wake(standing.proposeAt)
        }
        let pause = configuration.limits.proposalRetry
        federation.standings.update(peer) { standing in
            standing.proposeAt = now + pause
            standing.confirmed = cursor
        }
        wake(now + pause)
        if case .join = item {
            if !requests.hasPendingJoinAnswer(of: peer, first) {
                // Its answer was lost on the way to the log: the host is asked once more.
                federation.standings.update(peer) { $0.cursor = first - 1 }
            }
            return
        }
        submit(.federation(.delivered(peer, through: cursor)), for: nil, now, into: &out)
    }

    // MARK: Votes

    private mutating func collectVotes(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        let open = state.rooms.deletions
        for (transaction, _) in federation.votes
        where !open.contains(where: { $0.deletion.transaction == transaction }) {
            federation.votes[transaction] = nil
        }
        for (room, deletion) in open {
            let transaction = deletion.transaction
            if federation.votes[transaction] == nil {
                federation.votes[transaction] = Federation.Votes(retryAt: now, proposeAt: now)
            }
            guard let votes = federation.votes[transaction] else { continue }
            let missing = deletion.participants.filter { !votes.ready.contains($0) }
            let limit = configuration.federation.voteTimeout
            let elapsed = (raft.clusterTime(at: now) ?? deletion.since) - deletion.since
            guard !missing.isEmpty, elapsed < limit else {
                if !missing.isEmpty { out.mark(.deletionWithoutVote) }
                decide(room, transaction, .commit(without: missing), now, into: &out)
                continue
            }
            wake(now + (limit - elapsed))
            guard votes.retryAt <= now else {
                wake(votes.retryAt)
                continue
            }
            for peer in missing where !votes.asked.contains(peer) {
                federation.votes.update(transaction) { $0.asked.append(peer) }
                call(
                    peer,
                    .prepareDeletion(
                        room: room, transaction: transaction,
                        coordinator: configuration.federation.name),
                    for: .vote(transaction: transaction), within: limit, now, into: &out)
            }
        }
    }

    private mutating func onVote(
        _ result: CallResult, of peer: ClusterName, _ transaction: UniqueID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        guard
            let (room, _) = state.rooms.deletions.first(where: {
                $0.deletion.transaction == transaction
            })
        else { return }
        let pause = configuration.federation.retryPause
        switch result {
        case .answered(.vote(nil)):
            out.mark(.deletionPrepared)
            federation.votes.update(transaction) { $0.ready.append(peer) }
        case .answered(.vote(let reason?)):
            decide(room, transaction, .abort(by: peer, reason: reason), now, into: &out)
        case .answered, .fault, .failed:
            federation.votes.update(transaction) { votes in
                votes.asked.removeAll { $0 == peer }
                votes.retryAt = now + pause
            }
        }
    }

    private mutating func decide(
        _ room: UniqueID, _ transaction: UniqueID, _ verdict: DeletionVerdict, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        guard let votes = federation.votes[transaction] else { return }
        guard votes.proposeAt <= now else { return wake(votes.proposeAt) }
        let again = now + configuration.limits.requestTimeout
        federation.votes.update(transaction) { $0.proposeAt = again }
        submit(
            .decideDeletion(room: room, transaction: transaction, verdict), for: nil, now,
            into: &out)
    }
}
