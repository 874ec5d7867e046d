import Protocols

// A chat client that acts on orders alone.
extension ChatClient.Settings {
    /// The behaviour of one that stays where it was sent and says what it was told; what has no
    /// answer it sends again under the same id.
    static func scripted(tag: String, rooms: [String]) -> ChatClient.Settings {
        var settings = ChatClient.Settings()
        settings.rooms = rooms
        settings.isScripted = true
        settings.tag = tag
        return settings
    }
}

extension ChatClient {
    /// What a client calls a room.
    func name(of room: UniqueID) -> String? { rooms.first { $0.id == room }?.name }

    /// Takes an order; to go elsewhere comes before all that waits.
    mutating func onOrder(
        _ order: ClientOrder, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        guard settings.isScripted, goal == .none else { return }
        guard case .go(let host) = order else { return orders.append(order) }
        let wasOpen = dialer.isOpen
        dialer.turn(to: NodeID(UInt32(host + 1)), now, into: &out)
        if wasOpen { onConnectionGone(now, into: &out) }
    }

    /// The room that the oldest order wants left.
    var roomToLeave: Int? {
        guard case .leave(let name) = orders.first else { return nil }
        return rooms.firstIndex { room in
            room.name == name && room.isJoined && !sends.contains { $0.room == room.id }
        }
    }

    /// Does what was ordered, one after the other, as far as the rooms are known.
    mutating func obey(_ now: Instant, into out: inout Outbox<ClientEffect>) {
        while let order = orders.first {
            guard let name = order.room, let room = rooms.firstIndex(where: { $0.name == name })
            else {
                orders.removeFirst()
                continue
            }
            switch order {
            case .leave:
                // Asked as any request without an id; done when the room is not joined any more.
                guard !rooms[room].isJoined, rooms[room].joinAt == nil else { return }
            case .join, .say, .go, .read, .write:
                if rooms[room].joinAt == nil { rooms[room].joinAt = now }
                guard rooms[room].isJoined else { return }
                if case .say(_, let word) = order { say(word, in: room, now, into: &out) }
            }
            orders.removeFirst()
        }
    }
}
