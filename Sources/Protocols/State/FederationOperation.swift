/// What entries say about rooms between clusters.
///
/// A room lives in one cluster, its *host*. Users of another cluster are *guests* there, and that
/// other cluster keeps a *mirror* of the room, with the host's numbers, for as long as it has users
/// in it.
public enum FederationOperation: Equatable, Sendable {
    // The host, asked by another cluster.

    /// A user of another cluster becomes a member.
    case join(CallPlace, room: UniqueID, user: String, at: WallTime)
    /// A user of another cluster is a member no more.
    case leave(CallPlace, room: UniqueID, user: String, reason: LeaveReason, at: WallTime)
    /// A user of another cluster says something; the submission's connection is of no meaning.
    case send(from: ClusterName, MessageSubmission)

    // A cluster with a mirror, told by the host.

    /// Something was said.
    case message(CallPlace?, room: UniqueID, ChatMessage)
    /// Somebody came or went.
    case memberEvent(CallPlace?, room: UniqueID, MemberEvent)
    /// A vote is asked for; the outcome `done` is READY.
    case prepareDeletion(room: UniqueID, transaction: UniqueID, coordinator: ClusterName)
    /// The deletion is decided, says `from`, if the call said who calls.
    case finishDeletion(
        room: UniqueID, transaction: UniqueID, isCommitted: Bool, from: ClusterName?)

    // A cluster with a mirror, by itself.

    /// A user of this cluster wants to join a room of another one.
    case joinForeign(
        room: UniqueID, host: ClusterName, user: String, connection: ConnectionID, since: UInt64?,
        at: WallTime)
    /// The host says that a user of this cluster is no member: ask it again for all of them.
    case rejoin(room: UniqueID)

    // The leader, about another cluster.

    /// Everything up to this number of the outbox was taken there.
    case delivered(ClusterName, through: UInt64)
    /// The answer to the join that has this number in the outbox, and since which message it asked.
    case joinAnswered(
        ClusterName, number: UInt64, FederationAnswer, since: UInt64?, at: WallTime)
    /// The cluster is away, or back.
    case setAway(ClusterName, Bool, at: WallTime)
    /// The cluster calls our users' stay with it by this number.
    case visit(ClusterName, UInt64)
}

/// Who made a call and where it stands in the caller's outbox, if the caller says so.
public struct CallPlace: Equatable, Sendable {
    /// The caller.
    public var caller: ClusterName
    /// Which run of its outbox; 0 when it does not say.
    public var stream: UInt64
    /// The place in that run, from 1; 0 when it does not say.
    public var number: UInt64

    /// Makes a place.
    public init(caller: ClusterName, stream: UInt64 = 0, number: UInt64 = 0) {
        self.caller = caller
        self.stream = stream
        self.number = number
    }
}

/// A request to delete a room.
public struct RoomDeletion: Equatable, Sendable {
    /// The room.
    public var room: UniqueID
    /// Who asks; only the creator may.
    public var user: String
    /// The connection that asks.
    public var connection: ConnectionID
    /// The deletion's own id.
    public var transaction: UniqueID
    /// The other clusters that are asked for their vote, ascending.
    public var participants: [ClusterName]

    /// Makes a request.
    public init(
        room: UniqueID, user: String, connection: ConnectionID, transaction: UniqueID,
        participants: [ClusterName]
    ) {
        self.room = room
        self.user = user
        self.connection = connection
        self.transaction = transaction
        self.participants = participants
    }
}

/// How a deletion was decided.
public enum DeletionVerdict: Equatable, Sendable {
    /// The room goes; these clusters had not voted in time.
    case commit(without: [ClusterName])
    /// The room stays, for this cluster voted against it.
    case abort(by: ClusterName, reason: String)
}

// MARK: - Binary form

extension FederationOperation {
    private enum Kind: UInt8 {
        case join = 1
        case leave, send, message, memberEvent, prepareDeletion, finishDeletion, joinForeign, rejoin
        case delivered, joinAnswered, setAway, visit
    }

    /// About how many bytes the form takes.
    var sizeEstimate: Int {
        switch self {
        case .send(_, let submission):
            128 + submission.content.utf8.count + submission.user.utf8.count
        case .message(_, _, let message): 128 + message.content.utf8.count
        case .joinAnswered(_, _, .joined(_, let members, let messages), _, _):
            256 + members.count * 24
                + messages.reduce(0) { $0 + 96 + $1.content.utf8.count }
        case .join, .leave, .memberEvent, .prepareDeletion, .finishDeletion, .joinForeign,
            .rejoin, .delivered, .joinAnswered, .setAway, .visit:
            128
        }
    }

    func encode(into writer: inout ByteWriter) {
        func begin(_ kind: Kind) { writer.write(byte: kind.rawValue) }
        switch self {
        case .join(let place, let room, let user, let at):
            begin(.join)
            place.write(to: &writer)
            writer.write(room)
            writer.write(user)
            writer.write(wallTime: at)
        case .leave(let place, let room, let user, let reason, let at):
            begin(.leave)
            place.write(to: &writer)
            writer.write(room)
            writer.write(user)
            writer.write(byte: reason.rawValue)
            writer.write(wallTime: at)
        case .send(let from, let submission):
            begin(.send)
            writer.write(from.text)
            submission.write(to: &writer)
        case .message(let place, let room, let message):
            begin(.message)
            CallPlace.write(place, to: &writer)
            writer.write(room)
            message.write(to: &writer)
        case .memberEvent(let place, let room, let event):
            begin(.memberEvent)
            CallPlace.write(place, to: &writer)
            writer.write(room)
            event.write(to: &writer)
        case .prepareDeletion(let room, let transaction, let coordinator):
            begin(.prepareDeletion)
            writer.write(room)
            writer.write(transaction)
            writer.write(coordinator.text)
        case .finishDeletion(let room, let transaction, let isCommitted, let from):
            begin(.finishDeletion)
            writer.write(room)
            writer.write(transaction)
            writer.write(isCommitted)
            writer.write(optional: from?.text)
        case .joinForeign(let room, let host, let user, let connection, let since, let at):
            begin(.joinForeign)
            writer.write(room)
            writer.write(host.text)
            writer.write(user)
            writer.write(connection: connection)
            writer.write(optional: since)
            writer.write(wallTime: at)
        case .rejoin(let room):
            begin(.rejoin)
            writer.write(room)
        case .delivered(let cluster, let through):
            begin(.delivered)
            writer.write(cluster.text)
            writer.write(through)
        case .joinAnswered(let cluster, let number, let answer, let since, let at):
            begin(.joinAnswered)
            writer.write(cluster.text)
            writer.write(number)
            answer.write(to: &writer)
            writer.write(optional: since)
            writer.write(wallTime: at)
        case .setAway(let cluster, let isAway, let at):
            begin(.setAway)
            writer.write(cluster.text)
            writer.write(isAway)
            writer.write(wallTime: at)
        case .visit(let cluster, let visit):
            begin(.visit)
            writer.write(cluster.text)
            writer.write(visit)
        }
    }

    init(reading reader: inout ByteReader) throws(DecodeError) {
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed }
        switch kind {
        case .join:
            self = .join(
                try CallPlace(from: &reader), room: try reader.uniqueID(),
                user: try reader.string(), at: try reader.wallTime())
        case .leave:
            self = .leave(
                try CallPlace(from: &reader), room: try reader.uniqueID(),
                user: try reader.string(), reason: try reader.leaveReason(),
                at: try reader.wallTime())
        case .send:
            self = .send(
                from: try reader.clusterName(), try MessageSubmission(from: &reader))
        case .message:
            self = .message(
                try CallPlace.optional(from: &reader), room: try reader.uniqueID(),
                try ChatMessage(from: &reader))
        case .memberEvent:
            self = .memberEvent(
                try CallPlace.optional(from: &reader), room: try reader.uniqueID(),
                try MemberEvent(from: &reader))
        case .prepareDeletion:
            self = .prepareDeletion(
                room: try reader.uniqueID(), transaction: try reader.uniqueID(),
                coordinator: try reader.clusterName())
        case .finishDeletion:
            self = .finishDeletion(
                room: try reader.uniqueID(), transaction: try reader.uniqueID(),
                isCommitted: try reader.flag(),
                from: try reader.optionalString().map { ClusterName($0) })
        case .joinForeign:
            self = .joinForeign(
                room: try reader.uniqueID(), host: try reader.clusterName(),
                user: try reader.string(), connection: try reader.connectionID(),
                since: try reader.optionalNumber(), at: try reader.wallTime())
        case .rejoin: self = .rejoin(room: try reader.uniqueID())
        case .delivered:
            self = .delivered(try reader.clusterName(), through: try reader.number())
        case .joinAnswered:
            self = .joinAnswered(
                try reader.clusterName(), number: try reader.number(),
                try FederationAnswer(from: &reader), since: try reader.optionalNumber(),
                at: try reader.wallTime())
        case .setAway:
            self = .setAway(
                try reader.clusterName(), try reader.flag(), at: try reader.wallTime())
        case .visit: self = .visit(try reader.clusterName(), try reader.number())
        }
    }
}

extension CallPlace {
    func write(to writer: inout ByteWriter) {
        writer.write(caller.text)
        writer.write(stream)
        writer.write(number)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(
            caller: try reader.clusterName(), stream: try reader.number(),
            number: try reader.number())
    }

    fileprivate static func write(_ place: CallPlace?, to writer: inout ByteWriter) {
        writer.write(place != nil)
        place?.write(to: &writer)
    }

    fileprivate static func optional(
        from reader: inout ByteReader
    ) throws(DecodeError) -> CallPlace? {
        try reader.flag() ? try CallPlace(from: &reader) : nil
    }
}

extension MessageSubmission {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(room)
        writer.write(user)
        writer.write(id)
        writer.write(content)
        writer.write(optional: clientMessageID)
        writer.write(wallTime: at)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(
            room: try reader.uniqueID(), user: try reader.string(), connection: .guest,
            id: try reader.uniqueID(), content: try reader.string(),
            clientMessageID: try reader.optionalString(), at: try reader.wallTime())
    }
}

extension RoomDeletion {
    func write(to writer: inout ByteWriter) {
        writer.write(room)
        writer.write(user)
        writer.write(connection: connection)
        writer.write(transaction)
        writer.write(count: participants.count)
        for participant in participants { writer.write(participant.text) }
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(
            room: try reader.uniqueID(), user: try reader.string(),
            connection: try reader.connectionID(), transaction: try reader.uniqueID(),
            participants: [])
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            participants.append(try reader.clusterName())
        }
    }
}

extension DeletionVerdict {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .commit(let without):
            writer.write(true)
            writer.write(count: without.count)
            for cluster in without { writer.write(cluster.text) }
        case .abort(let by, let reason):
            writer.write(false)
            writer.write(by.text)
            writer.write(reason)
        }
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        guard try reader.flag() else {
            self = .abort(by: try reader.clusterName(), reason: try reader.string())
            return
        }
        var without: [ClusterName] = []
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            without.append(try reader.clusterName())
        }
        self = .commit(without: without)
    }
}

extension ConnectionID {
    /// Stands for the connection of a guest, who has none here.
    static let guest = ConnectionID(slot: 0, generation: 0)
}
