/// Which connections are idle, and what is under way to end their memberships.
extension FanOut {
    /// The connections, ascending and at most `limit`, that may be members, did nothing after
    /// `time` and satisfy `isRemovable`.
    func idle(
        since time: Instant, limit: Int, where isRemovable: (ConnectionID) -> Bool
    ) -> [ConnectionID] {
        var found: [ConnectionID] = []
        for (connection, client) in clients {
            guard found.count < limit else { break }
            guard client.mayBeMember, client.ending.isEmpty, client.lastActive <= time,
                isRemovable(connection)
            else { continue }
            found.append(connection)
        }
        return found
    }

    /// The end of these memberships, which are all that the connection has, was asked for.
    mutating func beginEnding(_ memberships: [Membership], of connection: ConnectionID) {
        clients.update(connection) { $0.ending = memberships }
    }

    /// True while a connection's memberships are being ended.
    func isEnding(_ connection: ConnectionID) -> Bool {
        clients.read(connection) { !$0.ending.isEmpty } ?? false
    }

    /// The connections that hear of a user's leaving: not those that are being removed as this
    /// very user, for they are told when it is done.
    func receivers(in room: UniqueID, besidesEnding user: String) -> [ConnectionID] {
        receivers(in: room).filter { connection in
            clients.read(connection) { client in
                !client.ending.contains { $0.room == room && $0.user == user }
            } ?? false
        }
    }

    /// The memberships are over: the connection gets no more of their rooms. Returns them; none
    /// when the connection was closed meanwhile.
    mutating func finishEnding(of connection: ConnectionID) -> [Membership] {
        let ended = clients.read(connection) { $0.ending } ?? []
        guard !ended.isEmpty else { return [] }
        for membership in ended { unsubscribe(connection, from: membership.room) }
        clients.update(connection) {
            $0.ending = []
            // A join that failed before can happen no more, for its number is passed.
            $0.mayBeMember = false
        }
        return ended
    }
}
