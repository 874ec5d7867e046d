/// Something that another cluster must be told.
public enum OutboxItem: Equatable, Sendable {
    /// A user of this cluster wants to be a member of a room there; `asked` waits for the answer.
    case join(room: UniqueID, user: String, asked: MemberConnection?, since: UInt64?)
    /// A user of this cluster is in the room no more.
    case leave(room: UniqueID, user: String, reason: LeaveReason)
    /// A message of a room hosted here; it stands in the room's history.
    case message(room: UniqueID, sequence: UInt64)
    /// Somebody came into a room hosted here, or left it.
    case memberEvent(room: UniqueID, MemberEvent)
    /// A room is deleted.
    case commitDeletion(room: UniqueID, transaction: UniqueID, name: String)
    /// A room stays after all.
    case rollbackDeletion(room: UniqueID, transaction: UniqueID)

    var byteCount: Int {
        switch self {
        case .join(_, let user, _, _), .leave(_, let user, _): 128 + user.utf8.count
        case .message: 64
        case .memberEvent(_, let event): 128 + event.user.utf8.count
        case .commitDeletion(_, _, let name): 112 + name.utf8.count
        case .rollbackDeletion: 96
        }
    }

    /// True for what only matters to users of the other cluster who are guests here now.
    var concernsGuests: Bool {
        switch self {
        case .message, .memberEvent: true
        case .join, .leave, .commitDeletion, .rollbackDeletion: false
        }
    }
}

/// What another cluster must be told, in order, until it has taken it.
///
/// The numbers count up and are never used again, so that whoever is told can recognise an echo.
public struct ForeignOutbox: Equatable, Sendable {
    /// The items by number.
    public private(set) var items = OrderedMap<UInt64, OutboxItem>()
    /// The number of the newest item ever put in.
    public private(set) var lastNumber: UInt64 = 0
    /// An estimate of the memory in use.
    public private(set) var byteCount = 0

    init() {}

    mutating func push(_ item: OutboxItem) {
        lastNumber += 1
        insert(item, at: lastNumber)
    }

    private mutating func insert(_ item: OutboxItem, at number: UInt64) {
        items[number] = item
        byteCount += item.byteCount
    }

    @discardableResult
    mutating func remove(_ number: UInt64) -> OutboxItem? {
        guard let item = items.removeValue(forKey: number) else { return nil }
        byteCount -= item.byteCount
        return item
    }

    /// Removes what was taken. A join stays until its answer is known.
    mutating func remove(through number: UInt64) {
        removeAll { key, item in
            if case .join = item { return false }
            return key <= number
        }
    }

    @discardableResult
    mutating func removeAll(where isGone: (UInt64, OutboxItem) -> Bool) -> [OutboxItem] {
        let gone = items.filter { isGone($0.key, $0.value) }.map(\.key)
        return gone.compactMap { remove($0) }
    }

    /// Nobody waits any more for the answers to the joins that `isOver` names.
    mutating func forgetAskers(where isOver: (UniqueID, String, MemberConnection) -> Bool) {
        for (number, item) in items {
            guard case .join(let room, let user, let asked?, let since) = item,
                isOver(room, user, asked)
            else { continue }
            items[number] = .join(room: room, user: user, asked: nil, since: since)
        }
    }

    func digest(into digest: inout Digest) {
        digest.combine(lastNumber)
        var writer = ByteWriter()
        encode(into: &writer)
        digest.combine(writer.bytes)
    }

    // MARK: Binary form

    func encode(into writer: inout ByteWriter) {
        writer.write(lastNumber)
        writer.write(count: items.count)
        for (number, item) in items {
            writer.write(number)
            item.encode(into: &writer)
        }
    }

    init(reading reader: inout ByteReader) throws(DecodeError) {
        lastNumber = try reader.number()
        var last: UInt64 = 0
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            let number = try reader.number()
            guard number > last, number <= lastNumber else { throw .malformed }
            insert(try OutboxItem(reading: &reader), at: number)
            last = number
        }
    }
}

extension OutboxItem {
    fileprivate func encode(into writer: inout ByteWriter) {
        func begin(_ kind: UInt8, _ room: UniqueID) {
            writer.write(byte: kind)
            writer.write(room)
        }
        switch self {
        case .join(let room, let user, let asked, let since):
            begin(1, room)
            writer.write(user)
            writer.write(asked != nil)
            if let asked {
                writer.write(asked.session.rawValue)
                writer.write(connection: asked.connection)
            }
            writer.write(optional: since)
        case .leave(let room, let user, let reason):
            begin(2, room)
            writer.write(user)
            writer.write(byte: reason.rawValue)
        case .message(let room, let sequence):
            begin(3, room)
            writer.write(sequence)
        case .memberEvent(let room, let event):
            begin(4, room)
            event.write(to: &writer)
        case .commitDeletion(let room, let transaction, let name):
            begin(5, room)
            writer.write(transaction)
            writer.write(name)
        case .rollbackDeletion(let room, let transaction):
            begin(6, room)
            writer.write(transaction)
        }
    }

    fileprivate init(reading reader: inout ByteReader) throws(DecodeError) {
        let kind = try reader.byte()
        let room = try reader.uniqueID()
        switch kind {
        case 1:
            let user = try reader.string()
            var asked: MemberConnection?
            if try reader.flag() {
                asked = MemberConnection(
                    session: SessionID(try reader.number()),
                    connection: try reader.connectionID())
            }
            self = .join(
                room: room, user: user, asked: asked, since: try reader.optionalNumber())
        case 2:
            self = .leave(
                room: room, user: try reader.string(), reason: try reader.leaveReason())
        case 3: self = .message(room: room, sequence: try reader.number())
        case 4: self = .memberEvent(room: room, try MemberEvent(from: &reader))
        case 5:
            self = .commitDeletion(
                room: room, transaction: try reader.uniqueID(), name: try reader.string())
        case 6: self = .rollbackDeletion(room: room, transaction: try reader.uniqueID())
        default: throw .malformed
        }
    }
}
