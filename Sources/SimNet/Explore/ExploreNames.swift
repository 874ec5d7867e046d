extension ExploreConfiguration {
    /// All named searches. Each ends by itself; `docs/Simulation.md` says how large they are.
    public static let named: [ExploreConfiguration] = [
        election3, election4, replication3, snapshot3, chat1, chat3, chatCrash3,
    ]

    /// Elections among three, and a crash at any point of them.
    private static var election3: ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.term = 3
        bounds.timeouts = 2
        bounds.crashes = 1
        bounds.losesHeartbeats = true
        bounds.flight = 5
        return ExploreConfiguration("raft-election-3", members: 3, bounds: bounds)
    }

    /// Elections among four, with a message that arrives twice: only where a candidate needs two
    /// votes besides its own can a vote that counts twice be seen.
    private static var election4: ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.term = 2
        bounds.timeouts = 2
        bounds.duplicates = 1
        bounds.losesHeartbeats = true
        bounds.flight = 5
        return ExploreConfiguration("raft-election-4", members: 4, bounds: bounds)
    }

    /// Replication among three: two elections from the founding on; a command under a fresh leader;
    /// and figure 8 of the Raft paper from its state (b) on.
    private static var replication3: ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.term = 5
        bounds.timeouts = 2
        bounds.proposals = 1
        bounds.duplicates = 1
        bounds.crashes = 1
        bounds.losesHeartbeats = true
        bounds.flight = 6
        var result = ExploreConfiguration("raft-replication-3", members: 3, bounds: bounds)
        result.starts = [
            [.forgo(.proposals, 1), .forgo(.duplicates, 1), .forgo(.crashes, 1)],
            freshLeader + [.forgo(.timeouts, 1), .forgo(.crashes, 1)],
            freshLeader + [.forgo(.timeouts, 1), .forgo(.duplicates, 1)],
            figure8 + [.forgo(.proposals, 1), .forgo(.duplicates, 1), .forgo(.crashes, 1)],
        ]
        return result
    }

    /// Member 1 leads term 2 by the vote of member 2, and nobody else knows of it.
    private static let freshLeader: [ExploreScene] = [.elect(1, by: 2), .settle(1, 1), .lose]

    /// Member 1 led term 2 and has an entry of it, member 3 leads term 3 and has another in the same
    /// place, member 2 has neither; all that either of them sent is lost.
    private static let figure8: [ExploreScene] = [
        .elect(1, by: 2), .settle(1, 1), .lose,
        .elect(3, by: 2), .settle(3, 3), .lose,
        .timeout(1), .timeout(1), .settle(1, 2), .lose,
    ]

    /// Snapshots among three: member 3 missed an entry that the leader has only in a snapshot.
    private static var snapshot3: ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.term = 4
        bounds.timeouts = 1
        bounds.proposals = 1
        bounds.snapshots = 1
        bounds.crashes = 1
        bounds.heartbeats = 2
        bounds.losesHeartbeats = true
        bounds.flight = 5
        var result = ExploreConfiguration("raft-snapshot-3", members: 3, bounds: bounds)
        result.snapshotParts = 2
        result.starts = [
            compacted + [.forgo(.proposals, 1), .forgo(.snapshots, 1), .forgo(.heartbeats, 1)],
            compacted + [.forgo(.timeouts, 1)],
        ]
        return result
    }

    /// Members 1 and 2 committed a command, and member 1 keeps it in a snapshot alone.
    private static let compacted: [ExploreScene] = [
        .elect(1, by: 2), .settle(1, 2), .lose, .propose(1), .settle(1, 2), .lose, .snapshot(1),
    ]

    // MARK: Whole nodes

    /// A node alone with a client: what was acknowledged survives any crash, and nothing comes twice.
    private static var chat1: ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.term = 6
        bounds.timeouts = 1
        bounds.proposals = 2
        bounds.crashes = 2
        bounds.heartbeats = 2
        bounds.resends = 1
        var result = ExploreConfiguration("node-chat-1", members: 1, bounds: bounds)
        result.makeChat()
        result.starts = [
            [
                .elect(1, by: 1), .settle(1, 1), .upkeep(1), .settle(1, 1), .enter(1),
                .settle(1, 1),
            ]
        ]
        return result
    }

    /// Three nodes, the clients of two of them in one room: one says something, and says it again
    /// here or there, while the leader changes.
    private static var chat3: ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.term = 3
        bounds.timeouts = 1
        bounds.proposals = 1
        bounds.resends = 1
        bounds.losesHeartbeats = true
        bounds.flight = 3
        var result = ExploreConfiguration("node-chat-3", members: 3, bounds: bounds)
        result.makeChat()
        result.writesAtOnce = true
        result.starts = [room]
        return result
    }

    /// The same three nodes: a client says something, and a node crashes, comes back, and opens a
    /// session, while its client joins again and repeats what has no answer.
    private static var chatCrash3: ExploreConfiguration {
        var bounds = ExploreBounds()
        bounds.term = 3
        bounds.proposals = 1
        bounds.timeouts = 0
        bounds.crashes = 1
        bounds.heartbeats = 1
        bounds.losesHeartbeats = true
        bounds.flight = 4
        var result = ExploreConfiguration("node-chat-crash-3", members: 3, bounds: bounds)
        result.makeChat()
        result.starts = [room]
        return result
    }

    /// Node 1 leads, and the clients of nodes 1 and 2 are in its room.
    private static let room: [ExploreScene] = [
        .elect(1, by: 2), .settle(1, 2), .settle(1, 3), .upkeep(1), .settle(1, 2), .settle(1, 3),
        .enter(1), .settle(1, 2), .settle(1, 3), .upkeep(1), .settle(1, 2), .settle(1, 3),
        .upkeep(2), .settle(1, 2), .settle(1, 3), .upkeep(1), .settle(1, 2), .settle(1, 3),
        .enter(2), .settle(1, 2), .settle(1, 3), .upkeep(1), .settle(1, 2), .settle(1, 3), .lose,
    ]

    /// The members are whole nodes. They are not alike, for the room knows them by name.
    private mutating func makeChat() {
        world = .chat
        isSymmetric = false
        raft.electionLower = .seconds(1_000)
        raft.electionUpper = .seconds(100_000_000)
    }
}
