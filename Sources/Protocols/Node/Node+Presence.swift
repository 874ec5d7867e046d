/// When a node ends memberships that nobody asked it to end.
///
/// Whether a client is idle is known to the node that holds its connection alone; that its
/// memberships end is an entry of the log, as every other change of membership. From the decision
/// to the outcome the client's requests about rooms are refused, so that nothing which it does
/// meanwhile can be undone by a late copy of the proposal.
extension Node {
    /// The most connections whose memberships the node begins to end in one period.
    static let idleBatch = 64

    /// Looks for idle members, once each `cleanupInterval`.
    ///
    /// A client is idle from its last request or the answer to it, whichever is later; one that
    /// waits for an outcome is not. Pings and what it receives do not count.
    mutating func removeIdleMembers(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        let timeout = configuration.limits.inactivityTimeout
        guard timeout > .zero, let session, !upkeep.isDraining,
            upkeep.isCleanupDue(now, every: configuration.limits.cleanupInterval)
        else { return }
        let idle = fanOut.idle(since: now - timeout, limit: Node.idleBatch) { connection in
            !requests.hasCommand(of: connection) && !federation.isWaiting(connection)
                && !memberships(of: connection, session).isEmpty
        }
        // More of them wait for the next period.
        if idle.count < Node.idleBatch { upkeep.cleaned(now) }
        for connection in idle {
            out.mark(.idleMemberRemoved)
            fanOut.beginEnding(memberships(of: connection, session), of: connection)
            endMemberships(of: connection, because: .inactive, now, into: &out)
        }
    }

    private func memberships(
        of connection: ConnectionID, _ session: SessionID
    ) -> [Membership] {
        state.memberships(of: MemberConnection(session: session, connection: connection))
    }

    /// The end of a connection's memberships is decided. A client that is still there is told once
    /// for each of them; the other members hear it by the entry's effects.
    mutating func onMembershipsEnded(
        of connection: ConnectionID, _ reason: LeaveReason, _ at: WallTime, _ outcome: Outcome,
        _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        if case .refused(.alreadyAcknowledged) = outcome {
            // The session kept too many outcomes to know of this one. Done twice it does no harm.
            out.mark(.membershipEndRepeated)
            return endMemberships(of: connection, because: reason, now, into: &out)
        }
        guard case .done = outcome, reason == .inactive else { return }
        for ended in fanOut.finishEnding(of: connection) {
            out.emit(
                .reply(
                    connection,
                    .memberLeft(
                        room: ended.room, user: ended.user,
                        memberCount: state.room(ended.room)?.memberCount ?? 0, reason: reason,
                        at: at)))
        }
    }

    /// A member's session is over: says so if this node is the one that administers its rooms now.
    func noteTakeover(into out: inout Outbox<NodeEffect>) {
        guard session != nil, state.standIn == configuration.id else { return }
        var orphans: [NodeID: Int] = [:]
        for (_, room) in state.rooms.table where state.nodeSession(of: room.admin) == nil {
            orphans[room.admin, default: 0] += 1
        }
        for member in configuration.members {
            guard let count = orphans[member] else { continue }
            out.emit(.note(.roomsTakenOver(from: member, count: count)))
        }
    }
}
