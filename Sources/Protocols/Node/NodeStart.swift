/// Why a node cannot start from what its disk holds.
public enum StartRefusal: Error, Equatable, Sendable {
    /// The snapshot is whole but of no form that this version knows.
    case snapshotUnreadable(DecodeError)
    /// The log does not begin with a membership, or with one of no known form.
    case membershipUnreadable
    /// The directory belongs to a cluster of other members than those configured.
    case membersChanged(stored: [NodeID], configured: [NodeID])
    /// The membership names another data directory for this node.
    case foreignDirectory
}

extension Node {
    /// The state that the snapshot holds, or the empty one.
    static func state(
        of durable: DurableState, _ configuration: NodeConfiguration
    ) throws(StartRefusal) -> ReplicatedState {
        guard let snapshot = durable.snapshot else {
            return ReplicatedState(
                limits: configuration.state,
                checkpointEntries: configuration.limits.checkpointEntries)
        }
        do {
            return try Node.state(in: snapshot, configuration)
        } catch {
            throw .snapshotUnreadable(error)
        }
    }

    /// The state that a snapshot holds, which must be the one at the snapshot's own point: the log
    /// goes on from there.
    static func state(
        in snapshot: Snapshot, _ configuration: NodeConfiguration
    ) throws(DecodeError) -> ReplicatedState {
        let state = try ReplicatedState(
            snapshotChunks: snapshot.chunks, limits: configuration.state,
            checkpointEntries: configuration.limits.checkpointEntries)
        guard state.applied == snapshot.point else { throw .malformed }
        return state
    }

    /// The founders that snapshot or log name; none for an empty disk.
    static func founders(
        _ state: ReplicatedState, _ durable: DurableState
    ) throws(StartRefusal) -> [Member] {
        guard durable.snapshot == nil else { return state.founders }
        guard let first = durable.entries.first else { return [] }
        guard first.index == LogIndex(1), first.kind == .membership,
            let payload = try? MembershipPayload(decoding: first.payload)
        else { throw .membershipUnreadable }
        return payload.members
    }

    static func check(
        _ founders: [Member], against configuration: NodeConfiguration
    ) throws(StartRefusal) {
        guard !founders.isEmpty else { return }
        let stored = founders.map(\.id)
        guard stored == configuration.members else {
            throw .membersChanged(stored: stored, configured: configuration.members)
        }
        let own = Member(id: configuration.id, incarnation: configuration.incarnation)
        guard founders.contains(own) else { throw .foreignDirectory }
    }
}
