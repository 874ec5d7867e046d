// What the rolling digest takes in: facts that differ when two replicas decide differently.

extension Outcome {
    func digest(into digest: inout Digest) {
        switch self {
        case .done:
            digest.combine(1 as UInt64)
        case .sessionOpened(let session):
            digest.combine(2 as UInt64)
            digest.combine(session.rawValue)
        case .roomCreated(let room):
            digest.combine(3 as UInt64)
            room.digest(into: &digest)
        case .joined(let room, let lastSequence):
            digest.combine(4 as UInt64)
            room.digest(into: &digest)
            digest.combine(lastSequence)
        case .left(let room):
            digest.combine(5 as UInt64)
            room.digest(into: &digest)
        case .sent(let room, let id, let sequence, let at):
            digest.combine(6 as UInt64)
            room.digest(into: &digest)
            id.digest(into: &digest)
            digest.combine(sequence)
            digest.combine(UInt64(bitPattern: at.milliseconds))
        case .written(let version):
            digest.combine(7 as UInt64)
            digest.combine(version)
        case .versionMismatch(let value):
            digest.combine(8 as UInt64)
            digest.combine(value.version)
            digest.combine(value.value)
        case .deletionBegun(let transaction):
            digest.combine(10 as UInt64)
            transaction.digest(into: &digest)
        case .joinPending:
            digest.combine(11 as UInt64)
        case .refused(let refusal):
            digest.combine(9 as UInt64)
            digest.combine(UInt64(refusal.rawValue))
        }
    }
}

extension StateEffect {
    func digest(into digest: inout Digest) {
        switch self {
        case .outcome(let session, let sequence, let outcome):
            digest.combine(session.rawValue)
            digest.combine(sequence)
            outcome.digest(into: &digest)
        case .nodeSessionOpened(let node, let boot, let session):
            digest.combine(11 as UInt64)
            digest.combine(UInt64(node.rawValue))
            digest.combine(boot.rawValue)
            digest.combine(session.rawValue)
        case .nodeSessionEnded(let node, let session):
            digest.combine(12 as UInt64)
            digest.combine(UInt64(node.rawValue))
            digest.combine(session.rawValue)
        case .message(let room, let message):
            // The text is the entry's own, and the outcome before this has the ids.
            digest.combine(room.low ^ message.sequence << 8 ^ 13)
            digest.combine(message.content.utf8.count << 32 | message.user.utf8.count)
        case .memberJoined(let room, let user, let by, let memberCount, let at):
            digest.combine(14 as UInt64)
            room.digest(into: &digest)
            digest.combine(user)
            digest.combine(by.session.rawValue)
            digest.combine(memberCount)
            digest.combine(UInt64(bitPattern: at.milliseconds))
        case .memberLeft(let room, let user, let memberCount, let reason, let at):
            digest.combine(15 as UInt64)
            room.digest(into: &digest)
            digest.combine(user)
            digest.combine(memberCount << 8 | Int(reason.rawValue))
            digest.combine(UInt64(bitPattern: at.milliseconds))
        case .deletionBegun(let room, let transaction, let by, let user):
            digest.combine(16 as UInt64)
            room.digest(into: &digest)
            transaction.digest(into: &digest)
            digest.combine(by.session.rawValue)
            digest.combine(user)
        case .roomDeleted(let room, let name, let transaction, let asked, let without):
            digest.combine(17 as UInt64)
            room.digest(into: &digest)
            digest.combine(name)
            transaction.digest(into: &digest)
            digest.combine(asked?.session.rawValue ?? 0)
            for cluster in without { digest.combine(cluster.text) }
        case .deletionAborted(let room, let transaction, let asked, let by, let reason):
            digest.combine(18 as UInt64)
            room.digest(into: &digest)
            transaction.digest(into: &digest)
            digest.combine(asked.session.rawValue)
            digest.combine(by.text)
            digest.combine(reason)
        case .foreignJoin(let by, let room, let user, let refused):
            digest.combine(19 as UInt64)
            digest.combine(by.session.rawValue)
            room.digest(into: &digest)
            digest.combine(user)
            digest.combine(UInt64(refused?.rawValue ?? 255))
        case .guestLeft(let room, let host, let user, let reason):
            digest.combine(20 as UInt64)
            room.digest(into: &digest)
            digest.combine(host.text)
            digest.combine(user)
            digest.combine(UInt64(reason.rawValue))
        case .historyJumped(let room):
            digest.combine(21 as UInt64)
            room.digest(into: &digest)
        }
    }
}

extension UniqueID {
    @inline(__always)
    func digest(into digest: inout Digest) {
        digest.combine(high)
        digest.combine(low)
    }
}
