import Protocols

// Stable fingerprints of events and effects: kinds, ids, indexes, counts and the bytes that matter.
extension Digest {
    /// Combines what a node was told.
    mutating func combine(_ event: NodeEvent) {
        switch event {
        case .tick: combine(1)
        case .peerUp(let peer): combine(2, peer)
        case .peerDown(let peer): combine(3, peer)
        case .peer(let peer, let message):
            combine(4, peer)
            combine(message)
        case .persisted(let token): combine(5, token)
        case .snapshotSaved(let token): combine(6, token)
        case .connected(let connection): combine(7, connection)
        case .request(let connection, let request):
            combine(8, connection)
            combine(request)
        case .disconnected(let connection): combine(9, connection)
        case .backlog(let connection, let bytes):
            combine(10, connection)
            combine(bytes)
        case .wallClock(let wall):
            combine(11)
            combine(UInt64(bitPattern: wall.milliseconds))
        case .drain: combine(12)
        case .rpc(let id, let call, _):
            combine(14)
            combine(id.rawValue)
            combine("\(call)")
        case .called(let id, let result):
            combine(15)
            combine(id.rawValue)
            combine("\(result)")
        case .transfer(let target): combine(13, target ?? NodeID(0))
        }
    }

    /// Combines what a node wants done.
    mutating func combine(_ effect: NodeEffect) {
        switch effect {
        case .send(let peer, let message):
            combine(21, peer)
            combine(message)
        case .persist(let write, let token):
            combine(22, token)
            combine(write)
        case .saveSnapshot(let snapshot, let token):
            combine(23, token)
            combine(snapshot.point)
            combine(snapshot.chunks.count)
        case .compactLog(let index):
            combine(24)
            combine(index.rawValue)
        case .reply(let connection, let message):
            combine(25, connection)
            combine(message)
        case .deliver(let connections, let message):
            combine(26)
            for connection in connections { combine(27, connection) }
            combine(message)
        case .close(let connection, let reason):
            combine(28, connection)
            combine(UInt64(reason.code))
        case .note: combine(29)
        case .call(let id, let cluster, let call, _):
            combine(31)
            combine(id.rawValue)
            combine(cluster.text)
            combine("\(call)")
        case .abandonCall(let id):
            combine(32)
            combine(id.rawValue)
        case .answer(let id, let answer):
            combine(33)
            combine(id.rawValue)
            combine("\(answer)")
        case .halt(let reason):
            combine(30)
            if case .diverged(let index) = reason { combine(index.rawValue) }
        }
    }

    @inline(__always)
    private mutating func combine(_ kind: UInt64, _ peer: NodeID) {
        combine(kind << 32 | UInt64(peer.rawValue))
    }

    @inline(__always)
    private mutating func combine(_ kind: UInt64, _ token: PersistToken) {
        combine(kind << 48 ^ token.boot.rawValue << 40 ^ token.sequence)
    }

    @inline(__always)
    private mutating func combine(_ kind: UInt64, _ connection: ConnectionID) {
        combine(kind << 56 ^ UInt64(connection.slot) << 32 ^ UInt64(connection.generation))
    }

    private mutating func combine(_ point: SnapshotPoint) {
        combine(point.index.rawValue)
        combine(point.term.rawValue)
    }

    private mutating func combine(_ id: UniqueID) {
        combine(id.high)
        combine(id.low)
    }

    private mutating func combine(_ write: LogWrite) {
        if let state = write.hardState {
            combine(state.term.rawValue << 8 | UInt64(state.vote?.rawValue ?? 0))
        }
        if let start = write.startAfter { combine(start) }
        for entry in write.entries {
            combine(entry.index.rawValue << 8 | UInt64(entry.kind.rawValue))
            combine(entry.term.rawValue)
            combine(entry.payload)
        }
    }

    private mutating func combine(_ message: PeerMessage) {
        switch message {
        case .hello(let hello):
            combine(hello.incarnation.rawValue)
            combine(hello.founders.count)
        case .raft(let message):
            combine(message.term.rawValue)
            combine(message.body)
        }
    }

    private mutating func combine(_ body: RaftMessage.Body) {
        switch body {
        case .preVoteRequest(let request): combine(41, request)
        case .preVoteResponse(let granted): combine(granted ? 42 : 43)
        case .voteRequest(let request): combine(44, request)
        case .voteResponse(let granted): combine(granted ? 45 : 46)
        case .append(let request):
            combine(request.previous.index.rawValue << 8 | 47)
            combine(request.commit.rawValue << 16 | UInt64(request.entries.count))
        case .appendResponse(.matched(let index)): combine(index.rawValue << 8 | 48)
        case .appendResponse(.rejected(let previous, let hint)):
            combine(previous.rawValue << 8 | 49)
            combine(hint)
        case .heartbeat(let commit, let round):
            combine(commit.rawValue << 8 | 50)
            combine(round)
        case .heartbeatResponse(let round): combine(round << 8 | 51)
        case .snapshotChunk(let chunk):
            combine(UInt64(chunk.number) << 8 | 52)
            combine(chunk.point)
        case .snapshotResponse(.wants(let number, let index)):
            combine(UInt64(number) << 8 | 53)
            combine(index.rawValue)
        case .snapshotResponse(.installed(let index)): combine(index.rawValue << 8 | 54)
        case .timeoutNow: combine(55)
        case .forward(let kind, let payload):
            combine(UInt64(kind.rawValue) << 8 | 56)
            combine(payload)
        case .readRequest(let read): combine(read.sequence << 8 | 57)
        case .readResponse(let read, let index):
            combine(read.sequence << 8 | 58)
            combine(index?.rawValue ?? .max)
        }
    }

    private mutating func combine(_ kind: UInt64, _ request: VoteRequest) {
        combine(kind << 1 | (request.transfer ? 1 : 0))
        combine(request.last)
    }

    private mutating func combine(_ request: ClientRequest) {
        switch request {
        case .listRooms: combine(61)
        case .discoverRooms: combine(62)
        case .createRoom(let name, _, _):
            combine(63)
            combine(name)
        case .joinRoom(let room, let user, let since):
            combine(since ?? .max)
            combine(room)
            combine(user)
        case .leaveRoom(let room, let user):
            combine(65)
            combine(room)
            combine(user)
        case .sendMessage(let room, let user, let content, _):
            combine(room)
            combine(user)
            combine(content)
        case .deleteRoom(let room, let user):
            combine(66)
            combine(room)
            combine(user)
        case .openSession: combine(67)
        case .readRegister(let key):
            combine(68)
            combine(key)
        case .writeRegister(let key, let operation, let request):
            combine(request?.sequence ?? 0)
            combine(key)
            switch operation {
            case .set(let value): combine(value)
            case .compareAndSet(let version, let value):
                combine(version)
                combine(value)
            }
        }
    }

    private mutating func combine(_ message: ServerMessage) {
        switch message {
        case .roomsList(let rooms): combine(rooms.count << 8 | 71)
        case .deletionBegun: combine(91)
        case .deletionDone: combine(92)
        case .deletionFailed(_, _, let error, _): combine(UInt64(error.rawValue) << 8 | 93)
        case .roomDeleted(let room, _):
            combine(94)
            combine(room)
        case .globalRoomsList(let rooms, let reach):
            combine(reach.available.count << 32 | rooms.count << 8 | 72)
        case .roomCreated(let room, _, _):
            combine(73)
            combine(room.id)
        case .createFailed(let error): combine(UInt64(error.rawValue) << 8 | 74)
        case .joined(let reply):
            combine(reply.historyFrom << 8 | 75)
            combine(reply.room.id)
            combine(reply.members.count)
        case .joinFailed(_, let error): combine(UInt64(error.rawValue) << 8 | 76)
        case .left: combine(77)
        case .leaveFailed(_, let error): combine(UInt64(error.rawValue) << 8 | 78)
        case .messageSent(_, let id, let sequence, _, _):
            combine(sequence << 8 | 79)
            combine(id)
        case .messageFailed(_, _, let error): combine(UInt64(error.rawValue) << 8 | 80)
        case .newMessage(_, let message):
            combine(message.sequence << 8 | 81)
            combine(message.id)
            combine(message.content.utf8.count)
        case .memberJoined(_, _, let count, _): combine(count << 8 | 82)
        case .memberLeft(_, _, let count, _, _): combine(count << 8 | 83)
        case .sessionOpened(let session): combine(session.rawValue << 8 | 84)
        case .registerValue(_, let value): combine(value.version << 8 | 85)
        case .registerWritten(_, let version): combine(version << 8 | 86)
        case .registerMismatch(_, let value): combine(value.version << 8 | 87)
        case .failed(let error): combine(UInt64(error.rawValue) << 8 | 88)
        case .registerFailed(_, let error): combine(UInt64(error.rawValue) << 8 | 89)
        }
    }
}
