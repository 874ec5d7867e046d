extension Sessions {
    func encode(into writer: inout SnapshotWriter) {
        writer.item { stream in
            stream.write(count: nodes.count)
            for (node, record) in nodes {
                stream.write(UInt64(node.rawValue))
                stream.write(fixed64: record.incarnation.rawValue)
                stream.write(record.boot.rawValue)
                stream.write(record.session?.rawValue ?? 0)
            }
            stream.write(count: table.count)
        }
        for (id, session) in table {
            writer.item { stream in
                stream.write(id.rawValue)
                switch session.kind {
                case .node(let node, _, _): stream.write(UInt64(node.rawValue) + 1)
                case .client: stream.write(0)
                }
                stream.write(signed: session.lastActive.nanoseconds)
                stream.write(session.acknowledgedBelow)
                stream.write(count: session.outcomes.count)
            }
            for item in session.outcomes.live {
                writer.item {
                    $0.write(item.sequence)
                    item.outcome.encode(into: &$0)
                }
            }
        }
    }

    init(reading reader: inout SnapshotReader, stamp: ClusterTime) throws(DecodeError) {
        self.init()
        for _ in 0..<(try reader.count()) {
            let node = try reader.stream.nodeID()
            if let last = nodes.keys.last, last >= node { throw .malformed }
            let incarnation = Incarnation(try reader.stream.fixed64())
            let boot = Boot(try reader.stream.number())
            let session = try reader.stream.number()
            insert(
                NodeRecord(
                    incarnation: incarnation, boot: boot,
                    session: session == 0 ? nil : SessionID(session)), for: node)
        }
        for _ in 0..<(try reader.count()) {
            let id = SessionID(try reader.stream.number())
            if let last = table.last, last.key >= id { throw .malformed }
            insert(try readSession(id, from: &reader, stamp: stamp), as: id)
        }
        for (node, record) in nodes {
            guard let id = record.session else { continue }
            guard case .node(node, _, _)? = table[id]?.kind else { throw .malformed }
        }
    }

    private func readSession(
        _ id: SessionID, from reader: inout SnapshotReader, stamp: ClusterTime
    ) throws(DecodeError) -> Session {
        let owner = try reader.stream.number()
        var kind = SessionKind.client
        if owner > 0 {
            guard owner - 1 <= UInt64(UInt32.max) else { throw .malformed }
            let node = NodeID(UInt32(owner - 1))
            guard let record = nodes[node], record.session == id else { throw .malformed }
            kind = .node(node, record.boot, record.incarnation)
        }
        let lastActive = ClusterTime(nanoseconds: try reader.stream.signed())
        guard lastActive >= .zero, lastActive <= stamp else { throw .malformed }
        var session = Session(kind: kind, lastActive: lastActive)
        session.acknowledgedBelow = try reader.stream.number()
        guard session.acknowledgedBelow > 0 else { throw .malformed }
        var least = session.acknowledgedBelow
        var isExhausted = false
        for _ in 0..<(try reader.count()) {
            let sequence = try reader.stream.number()
            guard !isExhausted, sequence >= least else { throw .malformed }
            _ = session.outcomes.insert(try Outcome(reading: &reader.stream), at: sequence)
            isExhausted = sequence == .max
            least = sequence &+ 1
        }
        return session
    }
}

extension Outcome {
    private enum Tag: UInt8 {
        case done = 0
        case sessionOpened = 1
        case roomCreated = 2
        case joined = 3
        case left = 4
        case sent = 5
        case written = 6
        case versionMismatch = 7
        case refused = 8
        case deletionBegun = 9
        case joinPending = 10
    }

    func encode(into writer: inout ByteWriter) {
        switch self {
        case .done:
            writer.write(byte: Tag.done.rawValue)
        case .sessionOpened(let session):
            writer.write(byte: Tag.sessionOpened.rawValue)
            writer.write(session.rawValue)
        case .roomCreated(let room):
            writer.write(byte: Tag.roomCreated.rawValue)
            writer.write(room)
        case .joined(let room, let lastSequence):
            writer.write(byte: Tag.joined.rawValue)
            writer.write(room)
            writer.write(lastSequence)
        case .left(let room):
            writer.write(byte: Tag.left.rawValue)
            writer.write(room)
        case .sent(let room, let id, let sequence, let at):
            writer.write(byte: Tag.sent.rawValue)
            writer.write(room)
            writer.write(id)
            writer.write(sequence)
            writer.write(wallTime: at)
        case .written(let version):
            writer.write(byte: Tag.written.rawValue)
            writer.write(version)
        case .versionMismatch(let value):
            writer.write(byte: Tag.versionMismatch.rawValue)
            writer.write(value.version)
            writer.write(value.value)
        case .deletionBegun(let transaction):
            writer.write(byte: Tag.deletionBegun.rawValue)
            writer.write(transaction)
        case .joinPending:
            writer.write(byte: Tag.joinPending.rawValue)
        case .refused(let refusal):
            writer.write(byte: Tag.refused.rawValue)
            writer.write(byte: refusal.rawValue)
        }
    }

    init(reading reader: inout ByteReader) throws(DecodeError) {
        guard let tag = Tag(rawValue: try reader.byte()) else { throw .malformed }
        switch tag {
        case .done:
            self = .done
        case .sessionOpened:
            self = .sessionOpened(SessionID(try reader.number()))
        case .roomCreated:
            self = .roomCreated(try reader.uniqueID())
        case .joined:
            self = .joined(room: try reader.uniqueID(), lastSequence: try reader.number())
        case .left:
            self = .left(room: try reader.uniqueID())
        case .sent:
            self = .sent(
                room: try reader.uniqueID(), id: try reader.uniqueID(),
                sequence: try reader.number(), at: try reader.wallTime())
        case .written:
            self = .written(version: try reader.number())
        case .versionMismatch:
            let version = try reader.number()
            self = .versionMismatch(
                RegisterValue(value: try reader.byteString(), version: version))
        case .deletionBegun:
            self = .deletionBegun(transaction: try reader.uniqueID())
        case .joinPending:
            self = .joinPending
        case .refused:
            guard let refusal = Refusal(rawValue: try reader.byte()) else { throw .malformed }
            self = .refused(refusal)
        }
    }
}
