/// Decides which of a node's own connections receive what happens in a room.
///
/// A connection that joined is *live* in a room, and gets each message once as it is applied, or it
/// is *behind*, and gets the room's history in bounded batches until it has caught up. A join
/// begins behind; a snapshot that the node installs throws all its connections behind, so that
/// none misses what the snapshot skipped.
struct FanOut: Equatable, Sendable {
    struct Room: Equatable, Sendable {
        /// Connections that get what is applied, ascending.
        var live: [ConnectionID] = []
        /// The last message that the live ones were given.
        var delivered: UInt64 = 0
    }

    struct Client: Equatable, Sendable {
        /// Rooms in which the connection is live or behind.
        var rooms: [UniqueID] = []
        /// The connection asked to join a room, so the state may hold memberships of it.
        var mayBeMember = false
        /// Bytes that wait for the client, as the driver last said.
        var backlog = 0
        /// When the client last asked for something or was answered.
        var lastActive: Instant
        /// The memberships that are being ended because the client is idle; it may not use, add or
        /// end any while that is under way.
        var ending: [Membership] = []
        /// Nothing more is taken of the client, for it is about to be closed.
        var isLeaving = false
        /// Up to when the client's requests have used up what it may ask.
        var spentUntil = Instant.zero
    }

    /// A connection's way through a room's history.
    struct Behind: Equatable, Sendable {
        var connection: ConnectionID
        var room: UniqueID
        var next: UInt64
        /// The next batch waits until the driver had its chance to say what was not taken.
        var notBefore = Instant.zero
    }

    private(set) var rooms: OrderedMap<UniqueID, Room> = OrderedMap()
    var clients: OrderedMap<ConnectionID, Client> = OrderedMap()
    /// In the order in which they began.
    private(set) var behind: [Behind] = []

    /// The most messages in one batch of history.
    static let batchCount = 128
    /// The bytes of content after which a batch of history ends.
    static let batchBytes = 128 << 10
    /// The time between two batches.
    static let batchPause = Interval.milliseconds(1)

    func isOpen(_ connection: ConnectionID) -> Bool { clients[connection] != nil }

    /// All open connections, ascending.
    var openConnections: [ConnectionID] { clients.map(\.key) }

    mutating func open(_ connection: ConnectionID, _ now: Instant) {
        clients[connection] = Client(lastActive: now)
    }

    /// Notes that a client does something; false when the connection is not open.
    mutating func touch(_ connection: ConnectionID, _ now: Instant) -> Bool {
        clients.update(connection) { $0.lastActive = now } != nil
    }

    /// Notes that a connection asks to join.
    mutating func expectMembership(of connection: ConnectionID) {
        clients.update(connection) { $0.mayBeMember = true }
    }

    /// Forgets a connection; true when the state may hold memberships of it.
    mutating func close(_ connection: ConnectionID) -> Bool {
        guard let client = clients[connection] else { return false }
        for room in client.rooms { unsubscribe(connection, from: room) }
        clients[connection] = nil
        return client.mayBeMember
    }

    /// Takes no more requests of a connection, which is about to be closed.
    mutating func refuseRequests(of connection: ConnectionID) {
        clients.update(connection) { $0.isLeaving = true }
    }

    /// True when nothing more is taken of the connection.
    func refusesRequests(of connection: ConnectionID) -> Bool {
        clients.read(connection) { $0.isLeaving } ?? true
    }

    /// Counts one request of a client; false when it is one too many.
    ///
    /// A bucket of `burst` tokens, one taken by each request, that is filled at `rate` tokens a
    /// second; kept as the time at which it will be full again.
    mutating func spend(_ connection: ConnectionID, rate: Int, burst: Int, _ now: Instant) -> Bool {
        guard rate > 0 else { return true }
        let token = Interval.seconds(1) / Int64(rate)
        return clients.update(connection) { client in
            let full = max(client.spentUntil, now)
            guard full - now <= token * Int64(max(burst, 1) - 1) else { return false }
            client.spentUntil = full + token
            return true
        } ?? false
    }

    mutating func setBacklog(_ bytes: Int, of connection: ConnectionID) {
        clients.update(connection) { $0.backlog = bytes }
    }

    /// A connection joined: it gets the history from `next` on, then what happens.
    mutating func subscribe(_ connection: ConnectionID, to room: UniqueID, from next: UInt64) {
        guard isOpen(connection) else { return }
        unsubscribe(connection, from: room)
        clients.update(connection) { $0.rooms.append(room) }
        behind.append(Behind(connection: connection, room: room, next: next))
    }

    mutating func unsubscribe(_ connection: ConnectionID, from room: UniqueID) {
        clients.update(connection) { $0.rooms.removeAll { $0 == room } }
        behind.removeAll { $0.connection == connection && $0.room == room }
        let isEmpty = rooms.update(room) { local in
            local.live.removeAll { $0 == connection }
            return local.live.isEmpty
        }
        if isEmpty == true { rooms[room] = nil }
    }

    /// The connections that get a message applied just now.
    mutating func receivers(of sequence: UInt64, in room: UniqueID) -> [ConnectionID] {
        rooms.update(room) { local in
            local.delivered = sequence
            return local.live
        } ?? []
    }

    /// The connections that get an event of the room that has no number.
    func receivers(in room: UniqueID) -> [ConnectionID] {
        let live = rooms[room]?.live ?? []
        guard !behind.isEmpty else { return live }
        return live + behind.filter { $0.room == room }.map(\.connection)
    }

    /// The rooms in which a connection is live or behind, ascending.
    var subscribedRooms: [UniqueID] {
        var all = rooms.map(\.key)
        for place in behind where !all.contains(place.room) { all.append(place.room) }
        return all.sorted()
    }

    /// Throws every live connection behind, for the state has jumped.
    mutating func fallBehind() {
        for (room, local) in rooms {
            for connection in local.live {
                behind.append(
                    Behind(connection: connection, room: room, next: local.delivered + 1))
            }
        }
        rooms.removeAll()
    }

    /// Throws the live connections of one room behind, for its history has jumped.
    mutating func fallBehind(in room: UniqueID) {
        guard let local = rooms.removeValue(forKey: room) else { return }
        for connection in local.live {
            behind.append(Behind(connection: connection, room: room, next: local.delivered + 1))
        }
    }

    /// Forgets a room that is no more.
    mutating func remove(_ room: UniqueID) {
        for connection in receivers(in: room) { unsubscribe(connection, from: room) }
    }

    /// The connections that have taken what they were sent before.
    var ready: [Behind] { behind.filter { clients[$0.connection]?.backlog == 0 } }

    /// A batch went out up to before `next`; the connection is live when that is the end.
    mutating func advance(_ place: Behind, to next: UInt64, last: UInt64, _ now: Instant) {
        guard
            let position = behind.firstIndex(where: {
                $0.connection == place.connection && $0.room == place.room
            })
        else { return }
        guard next > last else {
            behind[position].next = next
            behind[position].notBefore = now + FanOut.batchPause
            return
        }
        behind.remove(at: position)
        if rooms[place.room] == nil { rooms[place.room] = Room() }
        rooms.update(place.room) { local in
            local.delivered = last
            let at = local.live.firstIndex { $0 > place.connection } ?? local.live.count
            local.live.insert(place.connection, at: at)
        }
    }

    func digest(into digest: inout Digest) {
        for (room, local) in rooms {
            digest.combine(room.low)
            digest.combine(local.delivered)
            for connection in local.live { digest.combine(UInt64(connection.slot)) }
        }
        digest.combine(clients.count)
        for place in behind {
            digest.combine(UInt64(place.connection.slot))
            digest.combine(place.next)
        }
        for (_, client) in clients { digest.combine(client.ending.count) }
    }
}
