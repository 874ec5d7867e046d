/// Fingerprints of what a node wants done, in which every field of every effect counts.
///
/// Two runs with equal rolling digests put out the same effects, bit for bit. One thing is left to
/// another digest: the content of a snapshot to be saved (its point and the lengths of its chunks
/// count), for it may be hundreds of megabytes and is the replicated state, which has its own.
///
/// SimNet's fingerprints are coarser on purpose: there a run's state is looked at after each step.
extension NodeEffect {
    /// Feeds the effect.
    public func digest(into digest: inout Digest) {
        switch self {
        case .send(let peer, let message):
            digest.combine(1 << 32 | UInt64(peer.rawValue))
            message.digest(into: &digest)
        case .persist(let write, let token):
            digest.combine(2)
            token.digest(into: &digest)
            write.digest(into: &digest)
        case .saveSnapshot(let snapshot, let token):
            digest.combine(3)
            token.digest(into: &digest)
            snapshot.point.digest(into: &digest)
            digest.combine(snapshot.chunks.count)
            for chunk in snapshot.chunks { digest.combine(chunk.count) }
        case .compactLog(let index):
            digest.combine(4)
            digest.combine(index.rawValue)
        case .reply(let connection, let message):
            digest.combine(5)
            connection.digest(into: &digest)
            message.digest(into: &digest)
        case .deliver(let receivers, let message):
            digest.combine(6)
            digest.combine(receivers.count)
            for receiver in receivers { receiver.digest(into: &digest) }
            message.digest(into: &digest)
        case .close(let connection, let reason):
            digest.combine(7)
            connection.digest(into: &digest)
            digest.combine(UInt64(reason.code))
        case .call(let id, let cluster, let call, let context):
            digest.combine(10)
            digest.combine(id.rawValue)
            digest.combine(cluster.text)
            call.digest(into: &digest)
            context.digest(into: &digest)
        case .abandonCall(let id):
            digest.combine(11)
            digest.combine(id.rawValue)
        case .answer(let id, let answer):
            digest.combine(12)
            digest.combine(id.rawValue)
            answer.digest(into: &digest)
        case .note(let note):
            digest.combine(8)
            note.digest(into: &digest)
        case .halt(let reason):
            digest.combine(9)
            reason.digest(into: &digest)
        }
    }
}

extension PeerMessage {
    fileprivate func digest(into digest: inout Digest) {
        switch self {
        case .raft(let message):
            guard case .append(let request) = message.body else {
                // Short, so that its bytes may be made; the parts of a snapshot are rare.
                return digest.combine(encoded())
            }
            // The bulk of all traffic: without its bytes being made once more.
            digest.combine(UInt64(message.group.rawValue) << 8 | 1)
            digest.combine(message.term.rawValue)
            request.previous.digest(into: &digest)
            digest.combine(request.commit.rawValue)
            digest.combine(request.entries.count)
            for entry in request.entries { entry.digest(into: &digest) }
        case .hello: digest.combine(encoded())
        }
    }
}

extension Entry {
    fileprivate func digest(into digest: inout Digest) {
        digest.combine(index.rawValue)
        digest.combine(term.rawValue)
        digest.combine(UInt64(bitPattern: stamp.nanoseconds))
        digest.combine(UInt64(kind.rawValue))
        digest.combine(payload)
    }
}

extension LogWrite {
    fileprivate func digest(into digest: inout Digest) {
        digest.combine(hardState != nil)
        if let hardState {
            digest.combine(hardState.term.rawValue)
            digest.combineOptional(hardState.vote.map { UInt64($0.rawValue) })
        }
        digest.combine(startAfter != nil)
        startAfter?.digest(into: &digest)
        digest.combine(entries.count)
        for entry in entries { entry.digest(into: &digest) }
    }
}

extension SnapshotPoint {
    fileprivate func digest(into digest: inout Digest) {
        digest.combine(index.rawValue)
        digest.combine(term.rawValue)
    }
}

extension PersistToken {
    fileprivate func digest(into digest: inout Digest) {
        digest.combine(boot.rawValue)
        digest.combine(sequence)
    }
}

extension ConnectionID {
    @inline(__always)
    fileprivate func digest(into digest: inout Digest) {
        digest.combine(UInt64(slot) << 32 | UInt64(generation))
    }
}

extension Digest {
    /// Combines a number that may be absent.
    fileprivate mutating func combineOptional(_ number: UInt64?) {
        combine(number != nil)
        combine(number ?? 0)
    }

    fileprivate mutating func combineOptional(_ text: String?) {
        combine(text != nil)
        if let text { combine(text) }
    }

    fileprivate mutating func combine(_ wall: WallTime) {
        combine(UInt64(bitPattern: wall.milliseconds))
    }

    fileprivate mutating func combine(_ value: RegisterValue) {
        combine(value.version)
        combine(value.value)
    }
}

extension ServerMessage {
    fileprivate func digest(into digest: inout Digest) {
        switch self {
        case .roomsList(let rooms): ServerMessage.combine(1, rooms, into: &digest)
        case .globalRoomsList(let rooms, let reach):
            ServerMessage.combine(2, rooms, into: &digest)
            for cluster in reach.available + reach.unavailable { digest.combine(cluster.text) }
        case .roomCreated(let room, let createdAt, let members):
            digest.combine(3)
            room.digest(into: &digest)
            digest.combine(createdAt)
            digest.combine(members.count)
            for member in members { digest.combine(member) }
        case .createFailed(let error): ServerMessage.combine(4, nil, error, into: &digest)
        case .joined(let reply):
            digest.combine(5)
            reply.room.digest(into: &digest)
            digest.combine(reply.members.count)
            for member in reply.members { digest.combine(member) }
            digest.combine(reply.historyFrom)
            digest.combine(reply.historyComplete)
        case .joinFailed(let room, let error): ServerMessage.combine(6, room, error, into: &digest)
        case .left(let room, let user):
            digest.combine(7)
            room.digest(into: &digest)
            digest.combine(user)
        case .leaveFailed(let room, let error): ServerMessage.combine(8, room, error, into: &digest)
        case .messageSent(let room, let id, let sequence, let at, let clientMessageID):
            digest.combine(9)
            room.digest(into: &digest)
            id.digest(into: &digest)
            digest.combine(sequence)
            digest.combine(at)
            digest.combineOptional(clientMessageID)
        case .messageFailed(let room, let clientMessageID, let error):
            ServerMessage.combine(10, room, error, into: &digest)
            digest.combineOptional(clientMessageID)
        case .newMessage(let room, let message):
            digest.combine(11)
            room.digest(into: &digest)
            message.digest(into: &digest)
        case .memberJoined(let room, let user, let memberCount, let at):
            digest.combine(12)
            room.digest(into: &digest)
            digest.combine(user)
            digest.combine(memberCount)
            digest.combine(at)
        case .memberLeft(let room, let user, let memberCount, let reason, let at):
            digest.combine(13)
            room.digest(into: &digest)
            digest.combine(user)
            digest.combine(memberCount)
            digest.combine(UInt64(reason.rawValue))
            digest.combine(at)
        case .deletionBegun(let room, let transaction, let initiator):
            digest.combine(20)
            room.digest(into: &digest)
            digest.combineOptional(transaction?.low)
            digest.combineOptional(initiator)
        case .deletionDone(let room, let transaction):
            digest.combine(21)
            room.digest(into: &digest)
            transaction.digest(into: &digest)
        case .deletionFailed(let room, let transaction, let error, let reason):
            ServerMessage.combine(22, room, error, into: &digest)
            digest.combineOptional(transaction?.low)
            digest.combineOptional(reason)
        case .roomDeleted(let room, let name):
            digest.combine(23)
            room.digest(into: &digest)
            digest.combine(name)
        case .sessionOpened(let session):
            digest.combine(14)
            digest.combine(session.rawValue)
        case .registerValue(let key, let value):
            digest.combine(15)
            digest.combine(key)
            digest.combine(value)
        case .registerWritten(let key, let version):
            digest.combine(16)
            digest.combine(key)
            digest.combine(version)
        case .registerMismatch(let key, let value):
            digest.combine(17)
            digest.combine(key)
            digest.combine(value)
        case .failed(let error): ServerMessage.combine(18, nil, error, into: &digest)
        case .registerFailed(let key, let error):
            ServerMessage.combine(19, nil, error, into: &digest)
            digest.combine(key)
        }
    }

    private static func combine(
        _ kind: UInt64, _ rooms: [RoomSummary], into digest: inout Digest
    ) {
        digest.combine(kind)
        digest.combine(rooms.count)
        for room in rooms { room.digest(into: &digest) }
    }

    private static func combine(
        _ kind: UInt64, _ room: UniqueID?, _ error: RequestError, into digest: inout Digest
    ) {
        digest.combine(kind << 8 | UInt64(error.rawValue))
        room?.digest(into: &digest)
    }
}

extension RoomSummary {
    fileprivate func digest(into digest: inout Digest) {
        id.digest(into: &digest)
        digest.combine(name)
        digest.combine(description)
        digest.combine(memberCount)
        digest.combine(admin.description)
        digest.combineOptional(address)
    }
}

extension ChatMessage {
    fileprivate func digest(into digest: inout Digest) {
        id.digest(into: &digest)
        digest.combine(sequence)
        digest.combine(user)
        digest.combine(content)
        digest.combine(at)
    }
}

extension Note {
    fileprivate func digest(into digest: inout Digest) {
        switch self {
        case .waitingForMembers(let members):
            digest.combine(1)
            digest.combine(members.count)
            for member in members { digest.combine(UInt64(member.rawValue)) }
        case .bootstrapped(let cluster):
            digest.combine(2)
            digest.combine(cluster.rawValue)
        case .roleChanged(let role, let term, let leader):
            digest.combine(3 << 8 | UInt64(role.rawValue))
            digest.combine(term.rawValue)
            digest.combineOptional(leader.map { UInt64($0.rawValue) })
        case .peerRefused(let peer, let refusal):
            digest.combine(4)
            digest.combine(UInt64(peer.rawValue))
            refusal.digest(into: &digest)
        case .snapshotTaken(let point, let bytes):
            digest.combine(5)
            point.digest(into: &digest)
            digest.combine(bytes)
        case .snapshotInstalled(let point, let bytes):
            digest.combine(6)
            point.digest(into: &digest)
            digest.combine(bytes)
        case .slowClientDropped(let connection, let bytes):
            digest.combine(7)
            connection.digest(into: &digest)
            digest.combine(bytes)
        case .diskStalled: digest.combine(8)
        case .peerFaulty(let peer, let fault):
            digest.combine(10 << 8 | UInt64(fault.rawValue))
            digest.combine(UInt64(peer.rawValue))
        case .clusterAway(let name):
            digest.combine(11)
            digest.combine(name.text)
        case .clusterMisnamed(let name, let other):
            digest.combine(14)
            digest.combine(name.text)
            digest.combine(other.text)
        case .clusterBack(let name):
            digest.combine(12)
            digest.combine(name.text)
        case .deletionDecided(let room, let isCommitted, let without):
            digest.combine(13 << 8 | (isCommitted ? 1 : 0))
            room.digest(into: &digest)
            for cluster in without { digest.combine(cluster.text) }
        case .clusterVersion(let version):
            digest.combine(9)
            digest.combine(UInt64(version))
        case .roomsTakenOver(let member, let count):
            digest.combine(11)
            digest.combine(UInt64(member.rawValue))
            digest.combine(count)
        }
    }
}

extension PeerRefusal {
    fileprivate func digest(into digest: inout Digest) {
        switch self {
        case .foreignCluster(let cluster):
            digest.combine(1)
            digest.combine(cluster.rawValue)
        case .foreignIncarnation: digest.combine(2)
        case .notMember: digest.combine(3)
        case .membersDiffer: digest.combine(4)
        case .versions: digest.combine(5)
        }
    }
}

extension HaltReason {
    fileprivate func digest(into digest: inout Digest) {
        switch self {
        case .diverged(let index):
            digest.combine(1)
            digest.combine(index.rawValue)
        case .wiped(let cluster):
            digest.combine(2)
            digest.combine(cluster.rawValue)
        case .snapshotUnreadable(let index):
            digest.combine(3)
            digest.combine(index.rawValue)
        case .drained: digest.combine(4)
        }
    }
}

extension Node {
    /// Feeds what decides the next step, at a cost that does not grow with log and state: for their
    /// content stand the log's ends and the state's rolling digest.
    public func controlDigest(into digest: inout Digest) {
        digest.combine(raft.term.rawValue)
        digest.combine(UInt64(raft.vote?.rawValue ?? 0) << 8 | UInt64(raft.role.rawValue))
        digest.combine(UInt64(raft.leader?.rawValue ?? 0))
        raft.log.start.digest(into: &digest)
        raft.log.last.digest(into: &digest)
        digest.combine(raft.log.byteCount)
        digest.combine(raft.commitIndex.rawValue)
        digest.combine(raft.snapshot?.point.index.rawValue ?? 0)
        raft.prng.digest(into: &digest)
        raft.durability.digest(into: &digest)
        for (peer, granted) in raft.votes {
            digest.combine(UInt64(peer.rawValue) << 1 | (granted ? 1 : 0))
        }
        for (peer, progress) in raft.progress {
            digest.combine(UInt64(peer.rawValue))
            progress.digest(into: &digest)
        }
        raft.reads.digest(into: &digest)
        digest.combine(raft.incoming?.chunks.count ?? -1)
        digest.combine(raft.savingSnapshots.count)
        state.applied.digest(into: &digest)
        digest.combine(state.rollingDigest)
        digest.combine(state.byteCount)
        peering.digest(into: &digest)
        requests.digest(into: &digest)
        fanOut.digest(into: &digest)
        federation.digest(into: &digest)
        digest.combineOptional(session?.rawValue)
        prng.digest(into: &digest)
        digest.combine(halted != nil)
        // Of upkeep and elections, which keep times: the earliest.
        digest.combine(UInt64(bitPattern: deadline?.nanoseconds ?? -1))
    }
}
