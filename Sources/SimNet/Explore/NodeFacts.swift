import Protocols

/// What a search asks of a member again and again, read off once: plain numbers only.
struct NodeFacts: Sendable {
    var role: Role
    var term: UInt64
    var led: UInt16
    /// The log in memory.
    var log: PackedLog
    /// The log that a start would find on the disk, and the term.
    var durable: PackedLog
    var durableTerm: UInt64
    /// What was committed as far as the member ever knew, and in which term it last learned more.
    var committed: PackedLog
    var committedIn: UInt64
    /// How far a leader takes the others' logs to match, five bits for each place.
    var matches: UInt32
    /// Everything up to here is committed, as far as the member knows now.
    var commit: Int
    var writes: Int
    var saves: Int
    /// It hears a leader, and would answer differently after a long silence.
    var hopes: Bool
    /// A part of a snapshot may be sent again after a long silence.
    var sendsSnapshot: Bool
    /// There is something to snapshot.
    var canTakeSnapshot: Bool
    /// It takes commands of a client.
    var takesCommands: Bool
    /// It does something when its short time comes: a leader's heartbeat, a node's upkeep.
    var hasUpkeep: Bool

    init(_ node: LocalNode) {
        let raft = node.raft
        role = raft.role
        term = raft.term.rawValue
        led = node.ghost.led
        log = PackedLog(raft.log)
        let recovered = node.disk.recovered
        durable = PackedLog(recovered)
        durableTerm = recovered.hardState.term.rawValue
        committed = node.ghost.committed
        committedIn = node.ghost.committedIn.rawValue
        matches = 0
        for (place, peer) in raft.quorum.voters.enumerated() where peer != raft.id {
            let match = min(raft.matchIndex(of: peer).rawValue, 31)
            matches |= UInt32(match) << UInt32(5 * place)
        }
        commit = Int(raft.commitIndex.rawValue)
        writes = node.disk.writes.count
        saves = node.disk.saves.count
        hopes = raft.followsLiveLeader(at: node.now)
        sendsSnapshot = raft.role == .leader && raft.sendsSnapshot
        switch node.body {
        case .raft: (takesCommands, hasUpkeep) = (role == .leader, role == .leader)
        case .chat(let member): (takesCommands, hasUpkeep) = (member.takesCommands, true)
        }
        canTakeSnapshot =
            raft.canTakeSnapshot && raft.commitIndex <= raft.durableIndex
            && raft.commitIndex.rawValue > max(1, raft.snapshot?.point.index.rawValue ?? 0)
    }
}

/// The invariants of a whole state: all of them compare members in pairs, but for one that counts.
struct Invariants: Sendable {
    private let isOff: [Bool]
    /// How often each checker compared something, by its place among all.
    private(set) var exercised = [UInt64](repeating: 0, count: ExploreChecker.allCases.count)

    init(without: [ExploreChecker]) {
        isOff = ExploreChecker.allCases.map { without.contains($0) }
    }

    private static let electionSafety = 0
    private static let logMatching = 4
    private static let matchIndex = 5
    private static let leaderCompleteness = 6
    private static let stateMachineSafety = 7
    private static let committedDurable = 8

    /// True when the checker takes part.
    func isOn(_ checker: String) -> Bool {
        guard let place = ExploreChecker.allCases.firstIndex(where: { $0.rawValue == checker })
        else { return true }
        return !isOff[place]
    }

    /// Counts a comparison that was made elsewhere.
    mutating func count(_ checker: ExploreChecker) {
        exercised[ExploreChecker.allCases.firstIndex(of: checker)!] += 1
    }

    /// Looks at everything that the change of one member can have broken.
    @inline(__always)
    mutating func check(
        _ changed: Int, count members: Int, facts: (Int) -> NodeFacts
    ) -> Violation? {
        let own = facts(changed)
        var holders = 0
        let last = own.committed.last
        let lastTerm = own.committed.term(last)
        for other in 0..<members {
            let peer = other == changed ? own : facts(other)
            if peer.durable.holds(last, term: lastTerm) { holders += 1 }
            guard other != changed else { continue }
            if own.led & peer.led != 0 || !own.committed.agrees(with: peer.committed)
                || !own.log.matches(peer.log) || !isComplete(own, peer) || !isComplete(peer, own)
                || !isKnown(own, peer, other) || !isKnown(peer, own, changed)
            {
                if let violation = explain(changed, own, other, peer) { return violation }
            }
        }
        exercised[Invariants.electionSafety] += 1
        exercised[Invariants.logMatching] += 1
        exercised[Invariants.stateMachineSafety] += 1
        if own.role == .leader {
            exercised[Invariants.leaderCompleteness] += 1
            exercised[Invariants.matchIndex] += 1
        }
        exercised[Invariants.committedDurable] += 1
        if holders <= members / 2, !isOff[Invariants.committedDurable] {
            return Violation(
                ExploreChecker.committedDurable.rawValue,
                "node\(changed + 1) takes \(last)@\(lastTerm) for committed, and "
                    + "\(holders) of \(members) disks hold it")
        }
        return nil
    }

    /// Looks at what the rooms and clients of all members show; nothing where there are none.
    mutating func checkChat(
        _ changed: Int, _ nodes: some RandomAccessCollection<UInt32>,
        _ facts: ContiguousArray<ChatFacts>
    ) -> Violation? {
        guard !facts.isEmpty, isOn(ExploreChecker.chat.rawValue) else { return nil }
        count(.chat)
        var places: [Int] = []
        for node in nodes { places.append(Int(node)) }
        for other in places.indices where other != changed {
            for (a, b) in [(changed, other), (other, changed)] {
                if let text = facts[places[a]].conflict(with: facts[places[b]]) {
                    return Violation(
                        ExploreChecker.chat.rawValue, "node\(a + 1) and node\(b + 1) \(text)")
                }
            }
        }
        return nil
    }

    /// The leader's log has what the other knew committed in the leader's term or before.
    @inline(__always)
    private func isComplete(_ leader: NodeFacts, _ other: NodeFacts) -> Bool {
        leader.role != .leader || other.committedIn > leader.term
            || leader.log.covers(other.committed)
    }

    /// The follower has what the leader knows of it, in memory and on its disk.
    @inline(__always)
    private func isKnown(_ leader: NodeFacts, _ follower: NodeFacts, _ place: Int) -> Bool {
        guard leader.role == .leader else { return true }
        let match = Int(leader.matches >> UInt32(5 * place) & 31)
        guard match > leader.log.start else { return true }
        let term = leader.log.term(match)
        if follower.term == leader.term, !follower.log.holds(match, term: term) { return false }
        return follower.durableTerm > leader.term || follower.durable.holds(match, term: term)
    }

    /// Puts what was found in words.
    private func explain(
        _ place: Int, _ own: NodeFacts, _ other: Int, _ peer: NodeFacts
    ) -> Violation? {
        let (a, b) = ("node\(place + 1)", "node\(other + 1)")
        func violation(_ checker: ExploreChecker, _ text: String) -> Violation? {
            isOn(checker.rawValue) ? Violation(checker.rawValue, text) : nil
        }
        if own.led & peer.led != 0,
            let found = violation(
                .electionSafety,
                "\(a) and \(b) both led term \((own.led & peer.led).trailingZeroBitCount)")
        {
            return found
        }
        if !own.log.matches(peer.log),
            let found = violation(.logMatching, "\(a) has \(own.log), \(b) has \(peer.log)")
        {
            return found
        }
        if !own.committed.agrees(with: peer.committed),
            let found = violation(
                .stateMachineSafety,
                "\(a) committed \(own.committed), \(b) committed \(peer.committed)")
        {
            return found
        }
        for (leader, name, follower, followerName, index) in [
            (own, a, peer, b, other), (peer, b, own, a, place),
        ] {
            if !isComplete(leader, follower),
                let found = violation(
                    .leaderCompleteness,
                    "\(name) leads term \(leader.term) with \(leader.log), and \(followerName) "
                        + "knows \(follower.committed) to be committed")
            {
                return found
            }
            if !isKnown(leader, follower, index) {
                let match = Int(leader.matches >> UInt32(5 * index) & 31)
                if let found = violation(
                    .matchIndex,
                    "\(name) leads term \(leader.term) and takes \(followerName) to have "
                        + "\(match)@\(leader.log.term(match)), which has \(follower.log) in memory "
                        + "and \(follower.durable) on its disk")
                {
                    return found
                }
            }
        }
        return nil
    }
}
