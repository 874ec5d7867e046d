import Protocols

/// What must hold between clusters that are federated, whatever happens to any of them.
///
/// A cluster is judged by the most advanced state that any of its nodes has applied, for that is
/// committed and never taken back.
public struct ClusterCheckers: Sendable {
    /// The names in reports: of mirrors, of deletions, and of where all clusters have to come to.
    public static let names = ["mirror", "deletion", "federation"]
    /// How many messages of mirrors, words about deletions, and rooms in the end were compared.
    public private(set) var exercised = [0, 0, 0]

    /// The clusters' names.
    let clusters: [ClusterName]
    /// The most advanced state of each.
    private(set) var states: [ReplicatedState]
    private var chat = Chat()
    /// What stands in the rooms, by room and number, as their hosts have it.
    private var said: [UniqueID: [UInt64: ChatMessage]] = [:]
    /// The host of each room that any host ever had.
    private var hosts: [UniqueID: Int] = [:]
    /// How far the rooms and mirrors of each cluster have been looked at.
    private var seen: [[UniqueID: UInt64]]

    /// Makes checkers for clusters that have done nothing.
    public init(_ clusters: [ClusterName]) {
        self.clusters = clusters
        states = clusters.map { _ in ReplicatedState() }
        seen = clusters.map { _ in [:] }
    }

    /// How many observations of clients were compared with others.
    public var chatExercised: Int { chat.exercised }

    // MARK: Mirrors

    /// A node of a cluster has applied more.
    public mutating func applied(
        _ cluster: Int, _ state: ReplicatedState
    ) throws(Violation) {
        guard state.applied.index > states[cluster].applied.index else { return }
        states[cluster] = state
        for (id, room) in state.rooms.table {
            if room.host == nil { hosts[id] = cluster }
            let next = (seen[cluster][id] ?? 0) + 1
            guard room.history.lastSequence >= next else { continue }
            seen[cluster][id] = room.history.lastSequence
            for message in room.history.messages(
                from: max(next, room.history.firstSequence), limit: room.history.count)
            {
                if room.host == nil {
                    said[id, default: [:]][message.sequence] = message
                } else {
                    try mirrored(message, of: id, by: cluster)
                }
            }
        }
    }

    private mutating func mirrored(
        _ message: ChatMessage, of room: UniqueID, by cluster: Int
    ) throws(Violation) {
        exercised[0] += 1
        if let original = said[room]?[message.sequence] {
            guard original == message else {
                throw Violation(
                    "mirror",
                    "number \(message.sequence) of room \(room) is \(message.id) in"
                        + " \(clusters[cluster]) and \(original.id) with its host, or has other words"
                )
            }
            return
        }
        guard let host = hosts[room], seen[host][room] ?? 0 >= message.sequence else {
            throw Violation(
                "mirror",
                "\(clusters[cluster]) has number \(message.sequence) of room \(room), and the host"
                    + " has not")
        }
    }

    // MARK: Deletions

    /// A cluster is about to tell another what became of a deletion.
    public mutating func tells(_ cluster: Int, _ call: FederationCall) throws(Violation) {
        switch call {
        case .commitDeletion(let room, let transaction, _):
            exercised[1] += 1
            guard states[cluster].room(room) == nil else {
                throw Violation(
                    "deletion",
                    "\(clusters[cluster]) says that room \(room) is deleted by \(transaction), and"
                        + " has not decided so")
            }
        case .rollbackDeletion(let room, let transaction):
            exercised[1] += 1
            guard states[cluster].room(room)?.deletion?.transaction != transaction else {
                throw Violation(
                    "deletion",
                    "\(clusters[cluster]) says that \(transaction) is rolled back, and has not"
                        + " decided so")
            }
        case .heartbeat, .hostedRooms, .joinRoom, .leaveRoom, .forwardMessage, .messageBroadcast,
            .memberEventBroadcast, .memberDisconnected, .prepareDeletion:
            break
        }
    }

    /// A cluster tells its clients that a room is gone for good.
    public mutating func ends(_ cluster: Int, _ room: UniqueID) throws(Violation) {
        exercised[1] += 1
        guard let host = hosts[room], states[host].room(room) != nil else { return }
        throw Violation(
            "deletion",
            "\(clusters[cluster]) says that room \(room) is deleted, and \(clusters[host]) has it")
    }

    // MARK: Clients

    /// A client recorded an observation; the clients of all clusters are numbered together.
    public mutating func observed(
        _ client: ClientID, _ what: Observation, at now: Instant
    ) throws(Violation) {
        try chat.observed(client, what, at: now)
    }

    // MARK: The end

    /// Why the clusters have not come to one view of their rooms; nil when they have.
    public var unsettled: String? {
        for (place, state) in states.enumerated() {
            let name = clusters[place]
            if let (room, _) = state.rooms.deletions.first {
                return "\(name) has not decided the deletion of \(room)"
            }
            for (peer, known) in state.clusters.table {
                if known.isAway { return "\(name) takes \(peer) for failed" }
                if let (number, item) = known.outbox.items.first {
                    return "\(name) has not told \(peer) number \(number): \(item)"
                }
            }
            for (id, room) in state.rooms.table {
                let problem = room.host == nil ? unsettledHost(place, room) : unsettled(place, room)
                if let problem { return "room \(id) in \(name): \(problem)" }
            }
        }
        return nil
    }

    /// The guests in a room are the users of the mirrors.
    private func unsettledHost(_ host: Int, _ room: Room) -> String? {
        for (place, name) in clusters.enumerated() where place != host {
            let guests = states[host].guests(of: room.id, from: name)
            let seated = seatedUsers(of: room.id, in: place)
            if guests != seated { return "guests \(guests) of \(name), whose users are \(seated)" }
        }
        return nil
    }

    private func seatedUsers(of room: UniqueID, in cluster: Int) -> [String] {
        guard let mirror = states[cluster].room(room) else { return [] }
        return mirror.members.filter { $0.value > 0 }.map { $0.key.text }
    }

    /// A mirror has the members of the room and its newest message.
    private func unsettled(_ cluster: Int, _ mirror: Room) -> String? {
        guard let host = clusters.firstIndex(where: { $0 == mirror.host }),
            let room = states[host].room(mirror.id)
        else { return "a mirror of a room that its host has not" }
        let members = states[host].members(of: mirror.id)
        let mirrored = states[cluster].members(of: mirror.id)
        if members != mirrored { return "members \(mirrored), and with the host \(members)" }
        guard room.history.lastSequence == mirror.history.lastSequence else {
            return "ends with number \(mirror.history.lastSequence), and with the host with"
                + " \(room.history.lastSequence)"
        }
        return nil
    }

    /// All is over: what clients saw must stand in the rooms that are left.
    public mutating func finished() throws(Violation) {
        exercised[2] += states.reduce(0) { $0 + $1.rooms.table.count }
        for place in states.indices {
            try chat.compare(
                with: Archive(states: states, hosts: hosts), of: NodeID(UInt32(place + 1)))
        }
    }

    /// The rooms as their hosts have them; those that were deleted count as trimmed to nothing.
    private struct Archive: RoomArchive {
        var states: [ReplicatedState]
        var hosts: [UniqueID: Int]

        func history(of room: UniqueID) -> KeptHistory? {
            guard let host = hosts[room] else { return nil }
            return states[host].history(of: room) ?? KeptHistory(first: .max, messages: [])
        }
    }
}
