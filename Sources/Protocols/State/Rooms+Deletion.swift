/// A deletion that is not decided.
public struct Deletion: Equatable, Sendable {
    /// The deletion's own id.
    public let transaction: UniqueID
    /// Who asked.
    public let user: String
    /// Through which connection.
    public let asked: MemberConnection
    /// When it began.
    public let since: ClusterTime
    /// The clusters that are asked for their vote, ascending.
    public let participants: [ClusterName]
}

// The end of rooms. The decision is an entry of the host's log, so that a crash of any node leaves
// it undecided or decided, never forgotten (Gray: Notes on Data Base Operating Systems, two-phase
// commit).
extension Rooms {
    /// The rooms whose deletion is not decided, ascending.
    public var deletions: [(room: UniqueID, deletion: Deletion)] {
        deleting.compactMap { id in
            (table.read(id) { $0.deletion } ?? nil).map { (id, $0) }
        }
    }

    /// Begins to delete a room, or deletes it at once when nobody else has a vote.
    mutating func beginDeletion(
        _ request: RoomDeletion, via session: SessionID, at stamp: ClusterTime,
        into effects: inout [StateEffect]
    ) -> Outcome {
        let asked = MemberConnection(session: session, connection: request.connection)
        guard let room = table[request.room] else { return .refused(.roomNotFound) }
        guard room.host == nil, room.deletion == nil else { return .refused(.invalidState) }
        guard TextKey(room.creator) == TextKey(request.user) else {
            return .refused(.unauthorized)
        }
        effects.append(
            .deletionBegun(
                room: request.room, transaction: request.transaction, by: asked,
                user: request.user))
        let deletion = Deletion(
            transaction: request.transaction, user: request.user, asked: asked, since: stamp,
            participants: request.participants)
        table.update(request.room) { $0.deletion = deletion }
        noteDeletion(of: request.room)
        if request.participants.isEmpty {
            decideDeletion(
                of: request.room, request.transaction, .commit(without: []), into: &effects)
        }
        return .deletionBegun(transaction: request.transaction)
    }

    /// Decides a deletion; returns it, or `nil` when it was decided before.
    @discardableResult
    mutating func decideDeletion(
        of id: UniqueID, _ transaction: UniqueID, _ verdict: DeletionVerdict,
        into effects: inout [StateEffect]
    ) -> Deletion? {
        guard let room = table[id], let deletion = room.deletion,
            deletion.transaction == transaction
        else { return nil }
        table.update(id) { $0.deletion = nil }
        deleting.removeAll { $0 == id }
        switch verdict {
        case .commit(let without):
            remove(id)
            effects.append(
                .roomDeleted(
                    room: id, name: room.name, transaction: transaction, asked: deletion.asked,
                    without: without))
        case .abort(let by, let reason):
            effects.append(
                .deletionAborted(
                    room: id, transaction: transaction, asked: deletion.asked, by: by,
                    reason: reason))
        }
        return deletion
    }

    /// Removes a room with all that belongs to it; nobody is told.
    mutating func remove(_ id: UniqueID) {
        guard let room = table.removeValue(forKey: id) else { return }
        if room.host == nil { names[TextKey(room.name)] = nil }
        keyExpiry.cancel(id)
        byteCount -= room.ownBytes + room.history.byteCount + room.keys.byteCount
        for (user, _) in room.members { byteCount -= Room.bytes(ofMember: user) }
        for (seat, users) in seats.filter({ $0.key.room == id }).map({ ($0.key, $0.value) }) {
            for user in users { byteCount -= Rooms.seatBytes + user.text.utf8.count }
            seats.removeValue(forKey: seat)
        }
    }

    mutating func noteDeletion(of id: UniqueID) {
        let place = deleting.firstIndex { !($0 < id) } ?? deleting.count
        if place == deleting.count || deleting[place] != id { deleting.insert(id, at: place) }
    }
}

// MARK: - Binary form

extension Deletion {
    func encode(into writer: inout ByteWriter) {
        writer.write(transaction)
        writer.write(user)
        writer.write(asked.session.rawValue)
        writer.write(connection: asked.connection)
        writer.write(signed: since.nanoseconds)
        writer.write(count: participants.count)
        for participant in participants { writer.write(participant.text) }
    }

    init(reading reader: inout ByteReader) throws(DecodeError) {
        transaction = try reader.uniqueID()
        user = try reader.string()
        asked = MemberConnection(
            session: SessionID(try reader.number()), connection: try reader.connectionID())
        since = ClusterTime(nanoseconds: try reader.signed())
        var participants: [ClusterName] = []
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            participants.append(try reader.clusterName())
        }
        self.participants = participants
    }
}
