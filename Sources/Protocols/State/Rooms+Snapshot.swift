extension Rooms {
    func encode(into writer: inout SnapshotWriter) {
        writer.item {
            $0.write(historyCursor)
            $0.write(count: table.count)
        }
        for (_, room) in table { room.encode(into: &writer) }
        forEachSeat { seat, users in
            writer.item { stream in
                stream.write(true)
                stream.write(seat.session.rawValue)
                stream.write(connection: seat.connection)
                stream.write(seat.room)
                stream.write(count: users.count)
                for user in users { stream.write(user.text) }
            }
        }
        writer.item { $0.write(false) }
    }

    init(
        reading reader: inout SnapshotReader, sessions: Sessions, clusters: ForeignClusters,
        stamp: ClusterTime
    ) throws(DecodeError) {
        self.init()
        historyCursor = try reader.stream.uniqueID()
        for _ in 0..<(try reader.count()) {
            let room = try Room(reading: &reader, stamp: stamp)
            if let last = table.last, last.key >= room.id { throw .malformed }
            guard room.host != nil || self.room(named: room.name) == nil else { throw .malformed }
            insert(room)
        }
        var last: Seat?
        while try reader.stream.flag() {
            let session = SessionID(try reader.stream.number())
            let connection = MemberConnection(
                session: session, connection: try reader.stream.connectionID())
            let seat = Seat(connection, try reader.stream.uniqueID())
            if let last, !(last < seat) { throw .malformed }
            guard table.contains(seat.room),
                sessions.table.contains(session) || clusters.isVisit(session)
            else { throw .malformed }
            try readUsers(of: seat, from: &reader)
            last = seat
        }
    }

    private mutating func readUsers(
        of seat: Seat, from reader: inout SnapshotReader
    ) throws(DecodeError) {
        let total = try reader.count()
        guard total > 0 else { throw .malformed }
        var last: TextKey?
        for _ in 0..<total {
            let user = TextKey(try reader.stream.string())
            if let last, !(last < user) { throw .malformed }
            restore(user, at: seat)
            last = user
        }
    }
}

extension Room {
    fileprivate func encode(into writer: inout SnapshotWriter) {
        writer.item { stream in
            stream.write(id)
            stream.write(name)
            stream.write(creator)
            stream.write(description)
            stream.write(UInt64(admin.rawValue))
            stream.write(wallTime: createdAt)
            stream.write(optional: host?.text)
            stream.write(deletion != nil)
            deletion?.encode(into: &stream)
            stream.write(prepared != nil)
            if let prepared { stream.write(prepared) }
            encodeRemoteMembers(into: &stream)
        }
        history.encode(into: &writer)
        writer.item { stream in
            stream.write(count: keys.count)
            stream.write(sweepAt != nil)
            if let sweepAt { stream.write(signed: sweepAt.nanoseconds) }
        }
        keys.forEach { message in
            writer.item { stream in
                stream.write(message.user.text)
                stream.write(message.name.text)
                stream.write(message.id)
                stream.write(message.sequence)
                stream.write(wallTime: message.at)
                stream.write(signed: message.stamp.nanoseconds)
            }
        }
    }

    fileprivate init(reading reader: inout SnapshotReader, stamp: ClusterTime) throws(DecodeError) {
        let creation = RoomCreation(
            id: try reader.stream.uniqueID(), name: try reader.stream.string(),
            creator: try reader.stream.string(), description: try reader.stream.string(),
            admin: try reader.stream.nodeID(), at: try reader.stream.wallTime())
        self.init(creation, host: try reader.stream.optionalString().map { ClusterName($0) })
        if try reader.stream.flag() { deletion = try Deletion(reading: &reader.stream) }
        if try reader.stream.flag() { prepared = try reader.stream.uniqueID() }
        try readRemoteMembers(from: &reader.stream)
        history = try History(reading: &reader, stamp: stamp)
        let total = try reader.count()
        if try reader.stream.flag() {
            sweepAt = ClusterTime(nanoseconds: try reader.stream.signed())
        }
        guard total == 0 || sweepAt != nil else { throw .malformed }
        var last = (sequence: 0 as UInt64, stamp: ClusterTime.zero)
        for _ in 0..<total {
            let user = TextKey(try reader.stream.string())
            let name = TextKey(try reader.stream.string())
            let finding = keys.find(user: user, name: name)
            let message = KeyedMessage(
                user: user, name: name, id: try reader.stream.uniqueID(),
                sequence: try reader.stream.number(), at: try reader.stream.wallTime(),
                stamp: ClusterTime(nanoseconds: try reader.stream.signed()),
                fingerprint: finding.fingerprint)
            guard message.sequence > last.sequence, message.sequence <= history.lastSequence,
                message.stamp >= last.stamp, message.stamp <= stamp, finding.message == nil
            else { throw .malformed }
            keys.insert(message, after: finding, limit: .max)
            last = (message.sequence, message.stamp)
        }
        guard keys.count == total else { throw .malformed }
    }
}

extension Room {
    /// In a mirror, the members who have no seat here; the others follow from the seats.
    private func encodeRemoteMembers(into writer: inout ByteWriter) {
        guard host != nil else { return }
        let remote = members.filter { $0.value <= 0 }
        writer.write(count: remote.count)
        for (user, seats) in remote {
            writer.write(user.text)
            writer.write(seats == Room.leaving)
        }
    }

    private mutating func readRemoteMembers(
        from reader: inout ByteReader
    ) throws(DecodeError) {
        guard host != nil else { return }
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            let user = TextKey(try reader.string())
            if let last = members.last, !(last.key < user) { throw .malformed }
            members[user] = try reader.flag() ? Room.leaving : 0
        }
    }
}

extension History {
    fileprivate func encode(into writer: inout SnapshotWriter) {
        writer.item {
            $0.write(count: blocks.count)
            $0.write(firstSequence)
        }
        for block in blocks {
            writer.item {
                $0.write(count: block.count)
                $0.write(signed: block.firstStamp.nanoseconds)
                $0.write(signed: block.lastStamp.nanoseconds)
            }
            writer.block(block.bytes)
        }
    }

    fileprivate init(
        reading reader: inout SnapshotReader, stamp: ClusterTime
    ) throws(DecodeError) {
        let total = try reader.count()
        var next = try reader.stream.number()
        guard next > 0, next <= .max >> 1 else { throw .malformed }
        self.init(after: next - 1)
        var last = ClusterTime.zero
        for _ in 0..<total {
            // Each message takes 26 bytes at the least.
            let count = try reader.stream.count(limit: Snapshot.maximumChunk / 26)
            let first = ClusterTime(nanoseconds: try reader.stream.signed())
            let newest = ClusterTime(nanoseconds: try reader.stream.signed())
            guard last <= first, first <= newest, newest <= stamp else { throw .malformed }
            last = newest
            let bytes = try reader.block()
            let block = try HistoryBlock(
                firstSequence: next, stamps: first...newest, checking: bytes, count: count)
            try append(block)
            next = block.endSequence
        }
    }
}
