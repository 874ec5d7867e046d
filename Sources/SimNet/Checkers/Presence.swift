import Protocols

/// Who a node takes for a member hears what happens in the room, and nobody else does; an idle
/// member is removed once, and not before its time.
///
/// It goes by what a node tells its clients: a join, a leave, a message that it took. From such an
/// answer to the news of a removal at least the time-out passes, less what the node's clock may be
/// fast; whatever the client asks after the decision is refused.
public struct Presence: Sendable {
    /// The name in reports.
    public static let name = "presence"
    /// How many deliveries and removals were compared with what the client was told before.
    public private(set) var exercised = 0

    private struct Client: Sendable {
        var rooms: [UniqueID] = []
        var answeredAt = Instant.zero
    }

    /// By node; looked up, never listed.
    private var clients = PerNode<[ConnectionID: Client]>([:])
    /// The most by which a clock runs fast, in parts per million.
    private let drift: Int64

    /// Makes a checker for clocks that run fast by at most `drift` parts per million.
    public init(drift: Int64) { self.drift = drift }

    /// A node is about to handle an event.
    public mutating func told(_ id: NodeID, _ event: NodeEvent) {
        guard case .disconnected(let connection) = event else { return }
        clients.update(id) { $0[connection] = nil }
    }

    /// A node put out these effects, with idle members to be removed after `timeout`.
    public mutating func stepped(
        _ id: NodeID, _ effects: [NodeEffect], timeout: Interval, at now: Instant
    ) throws(Violation) {
        for position in effects.indices {
            switch effects[position] {
            case .reply(let connection, let message):
                try answered(id, connection, message, timeout, now)
            case .deliver(let receivers, .newMessage(let room, _)):
                for receiver in receivers { try hears(id, receiver, room) }
            case .close(let connection, _): clients.update(id) { $0[connection] = nil }
            case .deliver, .send, .persist, .saveSnapshot, .compactLog, .note, .halt, .call,
                .abandonCall, .answer:
                break
            }
        }
    }

    /// The run is over: in every room are those clients who joined it, and nobody else.
    public mutating func finished(_ clients: [SimClient], _ nodes: [Node]) throws(Violation) {
        let seats = clients.flatMap(\.seats).sorted { ($0.room, $0.user) < ($1.room, $1.user) }
        var first = 0
        while first < seats.count {
            let room = seats[first].room
            let next = seats[first...].firstIndex { $0.room != room } ?? seats.count
            let expected = seats[first..<next].map(\.user)
            for node in nodes {
                exercised += 1
                let members = node.state.room(room)?.members.map(\.key) ?? []
                guard members == expected else {
                    throw Violation(
                        Self.name,
                        "\(node.configuration.id) has \(members.map(\.text)) in room \(room), "
                            + "where \(expected.map(\.text)) are")
                }
            }
            first = next
        }
    }

    /// A node is gone, and its clients with it.
    public mutating func crashed(_ id: NodeID) { clients[id] = [:] }

    private mutating func answered(
        _ id: NodeID, _ connection: ConnectionID, _ message: ServerMessage, _ timeout: Interval,
        _ now: Instant
    ) throws(Violation) {
        switch message {
        case .joined(let reply):
            let room = reply.room.id
            update(id, connection, now) { if !$0.rooms.contains(room) { $0.rooms.append(room) } }
        case .left(let room, _): update(id, connection, now) { $0.rooms.removeAll { $0 == room } }
        case .messageSent: update(id, connection, now) { _ in }
        case .newMessage(let room, _): try hears(id, connection, room)
        case .memberLeft(let room, _, _, .inactive, _):
            try removed(id, connection, room, timeout, now)
        default: break
        }
    }

    private mutating func update(
        _ id: NodeID, _ connection: ConnectionID, _ now: Instant, _ change: (inout Client) -> Void
    ) {
        clients.update(id) {
            change(&$0[connection, default: Client()])
            $0[connection]?.answeredAt = now
        }
    }

    private mutating func hears(
        _ id: NodeID, _ connection: ConnectionID, _ room: UniqueID
    ) throws(Violation) {
        exercised += 1
        guard clients[id][connection]?.rooms.contains(room) == true else {
            throw Violation(
                Self.name,
                "\(id) gives connection \(connection.slot).\(connection.generation) a message of "
                    + "room \(room), which it has not joined or was removed from")
        }
    }

    private mutating func removed(
        _ id: NodeID, _ connection: ConnectionID, _ room: UniqueID, _ timeout: Interval,
        _ now: Instant
    ) throws(Violation) {
        exercised += 1
        let name = "connection \(connection.slot).\(connection.generation)"
        guard let client = clients[id][connection], client.rooms.contains(room) else {
            throw Violation(
                Self.name, "\(id) removes \(name) from room \(room), where it is no member")
        }
        let idle = now - client.answeredAt
        // A fast clock shows the time-out early; it is read in whole nanoseconds.
        let least = timeout - timeout / 1_000_000 * (drift + 1) - .microseconds(1)
        guard timeout > .zero, idle >= least else {
            throw Violation(
                Self.name,
                "\(id) removes \(name) from room \(room) after \(idle.milliseconds) ms, and members "
                    + "may be idle for \(timeout.milliseconds) ms")
        }
        clients.update(id) { $0[connection]?.rooms.removeAll { $0 == room } }
    }
}
