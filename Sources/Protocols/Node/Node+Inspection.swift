/// What an exhaustive search needs to see of a node, beyond what a driver does.
extension Node {
    /// Feeds all that decides what the node does from here on, as `Raft.abstractDigest` does for
    /// consensus: no point in time, no random state of elections.
    ///
    /// Two nodes with equal fingerprints take the same steps if whoever drives them keeps to this:
    /// the wall clock shows the same always; sessions and requests never expire; when time passes,
    /// it passes by more than the period of upkeep and the time after which proposals are repeated,
    /// and the node is ticked until nothing is due; no snapshot is taken, no reads are asked for.
    /// The replicated state then follows from the log and how far it is applied.
    public func abstractDigest(at now: Instant, names: [UInt32], into digest: inout Digest) {
        raft.abstractDigest(at: now, names: names, into: &digest)
        digest.combine(state.applied.index.rawValue)
        digest.combine(halted == nil)
        peering.digest(into: &digest)
        requests.abstractDigest(into: &digest)
        fanOut.digest(into: &digest)
        digest.combine(session?.rawValue ?? 0)
        prng.digest(into: &digest)
        digest.combine(upkeep.mustPropose)
        digest.combine(upkeep.isDraining)
    }
}

extension Requests {
    func abstractDigest(into digest: inout Digest) {
        self.digest(into: &digest)
        for (number, pending) in commands {
            digest.combine(number)
            digest.combine(pending.since ?? .max)
            digest.combine(pending.proposedAt == nil)
            digest.combine(pending.mayHaveHappened)
            digest.combine(pending.connection.map { UInt64($0.slot) + 1 } ?? 0)
            digest.combine(UInt64(pending.connection?.generation ?? 0))
            let command = Command(
                session: SessionID(0), sequence: 0, acknowledgedBelow: 0,
                operation: pending.operation)
            digest.combine(command.encoded())
        }
    }
}
