/// One room: what it is, who is in it and what was said.
public struct Room: Equatable, Sendable {
    /// Its id.
    public let id: UniqueID
    /// Its name, unique in the cluster.
    public let name: String
    /// Who asked for it.
    public let creator: String
    /// What it is for.
    public let description: String
    /// The node where the request for it arrived.
    public let admin: NodeID
    /// When it was asked for, for display.
    public let createdAt: WallTime
    /// The cluster that hosts it; `nil` for this one. A room of another is a mirror.
    public let host: ClusterName?
    /// Through how many connections each user is a member; of a mirror see there.
    public internal(set) var members = OrderedMap<TextKey, Int>()
    /// What was said.
    public internal(set) var history = History()
    /// The deletion that is not decided.
    public internal(set) var deletion: Deletion?
    /// In a mirror: the deletion for which this cluster has voted.
    public internal(set) var prepared: UniqueID?
    var keys = MessageKeys()
    /// When to look for message keys that are over; at or before the time when the oldest is.
    var sweepAt: ClusterTime?

    static let roomBytes = 640
    static let memberBytes = 32
    /// In a mirror's members: left here, and the host has not said so.
    static let leaving = -1

    init(_ creation: RoomCreation, host: ClusterName? = nil) {
        self.host = host
        id = creation.id
        name = creation.name
        creator = creation.creator
        description = creation.description
        admin = creation.admin
        createdAt = creation.at
    }

    /// How many users are members.
    public var memberCount: Int { members.count }

    /// An estimate of what the room itself takes, apart from members, messages and keys.
    var ownBytes: Int {
        Room.roomBytes + 2 * name.utf8.count + creator.utf8.count + description.utf8.count
    }

    static func bytes(ofMember user: TextKey) -> Int { memberBytes + user.text.utf8.count }

    /// Appends a message, or finds the one that was sent under the same key before.
    mutating func send(
        _ submission: MessageSubmission, at stamp: ClusterTime, limits: StateLimits
    ) -> Sending {
        let user = TextKey(submission.user)
        let name = submission.clientMessageID.map { TextKey($0) }
        let finding = name.map { keys.find(user: user, name: $0) }
        if let first = finding?.message {
            if stamp - first.stamp < limits.messageKeyLife { return .repeated(first) }
            keys.remove(first)
        }
        guard History.fits(user: submission.user, content: submission.content) else {
            return .refused(.malformed)
        }
        let (sequence, isTrimmed) = history.append(
            id: submission.id, user: submission.user, content: submission.content,
            at: submission.at, stamp: stamp, limits: limits)
        if let name, let finding {
            let message = KeyedMessage(
                user: user, name: name, id: submission.id, sequence: sequence, at: submission.at,
                stamp: stamp, fingerprint: finding.fingerprint)
            keys.insert(message, after: finding, limit: limits.messageKeyCount)
        }
        return .sent(sequence, isTrimmed: isTrimmed)
    }

    /// What became of a submission.
    enum Sending {
        /// It stands in the history now.
        case sent(UInt64, isTrimmed: Bool)
        /// It stood there before.
        case repeated(KeyedMessage)
        /// It stands nowhere.
        case refused(Refusal)
    }

    func digest(into digest: inout Digest) {
        id.digest(into: &digest)
        digest.combine(name)
        digest.combine(creator)
        digest.combine(description)
        digest.combine(UInt64(admin.rawValue))
        digest.combine(UInt64(bitPattern: createdAt.milliseconds))
        digest.combine(host?.text ?? "")
        digest.combine(deletion?.transaction.low ?? 0)
        digest.combine(prepared?.low ?? 0)
        history.digest(into: &digest)
        keys.digest(into: &digest)
        digest.combine(UInt64(bitPattern: sweepAt?.nanoseconds ?? -1))
    }
}
