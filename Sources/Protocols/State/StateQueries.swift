// What a node asks of the state it has applied; nothing here changes it.

extension ReplicatedState {
    // MARK: - Rooms

    /// A room with its members and its history.
    public func room(_ id: UniqueID) -> Room? { rooms.table[id] }

    /// A room as lists show it.
    public func summary(of room: UniqueID) -> RoomSummary? {
        rooms.table[room].map { summary($0, standIn: standIn) }
    }

    /// The first rooms hosted here in order of id, at most `limit`, that `admin` administers, or all of them.
    public func roomSummaries(admin: NodeID? = nil, limit: Int) -> [RoomSummary] {
        var found: [RoomSummary] = []
        let standIn = self.standIn
        for (_, room) in rooms.table where room.host == nil {
            guard found.count < limit else { break }
            let summary = summary(room, standIn: standIn)
            if admin == nil || summary.admin == admin.map({ .node($0) }) { found.append(summary) }
        }
        return found
    }

    /// The node that administers the rooms of those that are gone: the lowest with a session.
    var standIn: NodeID? {
        for (node, record) in sessions.nodes where record.session != nil { return node }
        return nil
    }

    /// The node that administers a room: the one where it was made while that one has a session,
    /// else the stand-in, which is the lowest one that has.
    private func admin(of room: Room, standIn: NodeID?) -> NodeID {
        sessions.session(of: room.admin) == nil ? standIn ?? room.admin : room.admin
    }

    private func summary(_ room: Room, standIn: NodeID?) -> RoomSummary {
        RoomSummary(
            id: room.id, name: room.name, description: room.description,
            memberCount: room.memberCount,
            admin: room.host.map { .cluster($0) } ?? .node(admin(of: room, standIn: standIn)))
    }

    /// The users who are members of a room, in order of name; none when there is no such room.
    public func members(of room: UniqueID) -> [String] {
        rooms.table.read(room) { room in room.members.map(\.key.text) } ?? []
    }

    // MARK: - Memberships

    /// True when the user is a member of the room through this connection.
    public func isMember(_ user: String, of room: UniqueID, via connection: MemberConnection)
        -> Bool
    {
        rooms.isMember(user, of: room, via: connection)
    }

    /// The memberships of one connection, by room and user.
    public func memberships(of connection: MemberConnection) -> [Membership] {
        rooms.memberships(of: connection)
    }

    /// The memberships of all connections of one session, by connection, room and user.
    public func memberships(of session: SessionID) -> [Membership] {
        rooms.memberships(of: session)
    }

    // MARK: - History

    /// A room's messages after a sequence number, at most `limit`, oldest first.
    ///
    /// Begins at the oldest message kept when that is later; `firstSequence(in:)` tells.
    public func messages(in room: UniqueID, after sequence: UInt64, limit: Int) -> [ChatMessage] {
        guard sequence < .max else { return [] }
        return rooms.table.read(room) { $0.history.messages(from: sequence + 1, limit: limit) }
            ?? []
    }

    /// A room's newest messages, at most `limit`, oldest first.
    public func lastMessages(in room: UniqueID, limit: Int) -> [ChatMessage] {
        rooms.table.read(room) { $0.history.last(limit) } ?? []
    }

    /// The number of the oldest message a room keeps; one past the last when it keeps none.
    public func firstSequence(in room: UniqueID) -> UInt64? {
        rooms.table.read(room) { $0.history.firstSequence }
    }

    /// The number of a room's newest message; 0 before the first.
    public func lastSequence(in room: UniqueID) -> UInt64? {
        rooms.table.read(room) { $0.history.lastSequence }
    }

    // MARK: - Registers and sessions

    /// The content of a register; version 0 when it was never written.
    public func register(_ key: String) -> RegisterValue { registers[key] }

    /// The open session of a node.
    public func nodeSession(of node: NodeID) -> SessionID? { sessions.session(of: node) }

    /// The open session that this start of a node has.
    public func openSession(of node: NodeID, boot: Boot) -> SessionID? {
        guard let record = sessions.nodes[node], record.boot == boot else { return nil }
        return record.session
    }

    /// An open session.
    public func session(_ id: SessionID) -> Session? { sessions.table[id] }

    /// The cluster time at which the next session's time is over; the leader then proposes
    /// `expireSessions`.
    public var nextSessionExpiry: ClusterTime? { sessions.nextExpiry(limits) }
}
