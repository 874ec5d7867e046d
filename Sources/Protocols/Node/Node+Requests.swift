/// From a client's request to a proposal or a read.
extension Node {
    /// The longest content of a message, in characters (Unicode scalars).
    public static let maximumContent = 5_000
    /// The longest name of a room or user and the longest client message id, in bytes.
    public static let maximumName = 255
    /// The longest description of a room, in bytes.
    public static let maximumDescription = 4_096
    /// The longest value of a register, in bytes.
    public static let maximumValue = 1 << 20
    /// About the most bytes that a list of rooms for another cluster takes as XML.
    static let maximumHostedBytes = 12 << 20
    /// The most rooms in one list.
    public static let maximumList = 10_000

    mutating func onRequest(
        _ request: ClientRequest, from connection: ConnectionID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        guard fanOut.touch(connection, now) else { return }
        if let error = refusal(of: request, from: connection, now) {
            if error == .overloaded { out.mark(.overloadRefused) }
            if error == .stateFull { out.mark(.stateLimitHit) }
            if error == .rateLimited { out.mark(.rateLimitHit) }
            out.emit(.reply(connection, Node.failure(of: request, error)))
            return
        }
        switch request {
        case .listRooms: read(.administeredRooms, for: connection, now, into: &out)
        case .discoverRooms: read(.allRooms, for: connection, now, into: &out)
        case .readRegister(let key): read(.register(key: key), for: connection, now, into: &out)
        case .joinRoom(_, _, let since):
            fanOut.expectMembership(of: connection)
            submit(
                operation(of: request, connection, now), since: since, for: connection, now,
                into: &out)
        case .writeRegister(_, _, let numbering):
            submit(
                operation(of: request, connection, now), numbering: numbering, for: connection,
                now, into: &out)
        case .sendMessage(let room, let user, let content, let name):
            if let host = host(of: room) {
                forward(room, user, content, name, to: host, for: connection, now, into: &out)
            } else {
                submit(operation(of: request, connection, now), for: connection, now, into: &out)
            }
        case .createRoom, .leaveRoom, .openSession, .deleteRoom:
            submit(operation(of: request, connection, now), for: connection, now, into: &out)
        }
    }

    /// What is wrong with a request before anything is done about it.
    private mutating func refusal(
        of request: ClientRequest, from connection: ConnectionID, _ now: Instant
    ) -> RequestError? {
        let limits = configuration.limits
        guard fanOut.spend(connection, rate: limits.rateLimit, burst: limits.rateBurst, now) else {
            return .rateLimited
        }
        if let error = Node.fault(in: request) { return error }
        return hindrance(to: request, from: connection)
    }

    /// What is wrong with a request whatever the state is.
    private static func fault(in request: ClientRequest) -> RequestError? {
        switch request {
        case .listRooms, .discoverRooms, .openSession: break
        case .createRoom(let name, let creator, let description):
            guard isName(name), isName(creator), description.utf8.count <= Node.maximumDescription
            else { return .invalidRequest }
        case .joinRoom(_, let user, _):
            guard isName(user) else { return .invalidRequest }
        case .leaveRoom(_, let user), .deleteRoom(_, let user):
            guard isLabel(user) else { return .invalidRequest }
        case .sendMessage(_, let user, let content, let key):
            guard isLabel(user), key.map(isLabel) ?? true else { return .invalidRequest }
            guard Node.fits(content), TextRules.isContent(content) else { return .invalidContent }
        case .readRegister(let key):
            guard isLabel(key) else { return .invalidRequest }
        case .writeRegister(let key, let operation, let numbering):
            if let numbering, numbering.sequence == 0 { return .invalidRequest }
            let value =
                switch operation {
                case .set(let value), .compareAndSet(_, let value): value
                }
            guard isLabel(key), value.count <= Node.maximumValue else { return .invalidRequest }
        }
        return nil
    }

    /// What stands in the way of a request that is right in itself.
    private func hindrance(
        to request: ClientRequest, from connection: ConnectionID
    ) -> RequestError? {
        if fanOut.refusesRequests(of: connection) { return .unavailable }
        if request.isOfMember, fanOut.isEnding(connection) { return .unavailable }
        guard pendingCount < configuration.limits.pendingRequests,
            requests.bytes < configuration.limits.pendingBytes
        else { return .overloaded }
        if request.addsToState, state.byteCount >= configuration.limits.stateBytes {
            return .stateFull
        }
        return isFull(for: request)
    }

    /// Rooms and members are counted here and not where the log is applied: members of the cluster
    /// may be told different limits, and must decide alike all the same.
    private func isFull(for request: ClientRequest) -> RequestError? {
        let limits = configuration.limits
        switch request {
        case .createRoom(let name, _, _):
            guard limits.roomLimit > 0, state.rooms.table.count >= limits.roomLimit,
                state.rooms.room(named: name) == nil
            else { return nil }
            return .roomLimit
        case .joinRoom(let room, let user, _):
            return isFull(room, for: user) ? .roomFull : nil
        case .listRooms, .discoverRooms, .leaveRoom, .deleteRoom, .sendMessage, .openSession,
            .readRegister, .writeRegister:
            return nil
        }
    }

    /// True when the room has no place for one member more.
    func isFull(_ room: UniqueID, for user: String) -> Bool {
        let limit = configuration.limits.memberLimit
        guard limit > 0, let room = state.room(room) else { return false }
        return room.memberCount >= limit && !room.members.contains(TextKey(user))
    }

    /// True for a name that may be used, if it exists.
    static func isLabel(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= maximumName
    }

    /// True for a name that may come into being, where names are strict.
    static func isName(_ name: String) -> Bool { isLabel(name) && TextRules.isName(name) }

    static func fits(_ content: String) -> Bool {
        content.utf8.count <= maximumContent || content.unicodeScalars.count <= maximumContent
    }

    private mutating func operation(
        of request: ClientRequest, _ connection: ConnectionID, _ now: Instant
    ) -> Operation {
        let at = wall.read(now)
        switch request {
        case .createRoom(let name, let creator, let description):
            return .createRoom(
                RoomCreation(
                    id: UniqueID(drawing: &prng), name: name, creator: creator,
                    description: description, admin: configuration.id, at: at))
        case .joinRoom(let room, let user, _):
            return .join(room: room, user: user, connection: connection, at: at)
        case .leaveRoom(let room, let user):
            return .leave(room: room, user: user, connection: connection, at: at)
        case .sendMessage(let room, let user, let content, let clientMessageID):
            return .send(
                MessageSubmission(
                    room: room, user: user, connection: connection, id: UniqueID(drawing: &prng),
                    content: content, clientMessageID: clientMessageID, at: at))
        case .deleteRoom(let room, let user):
            return .deleteRoom(
                RoomDeletion(
                    room: room, user: user, connection: connection,
                    transaction: UniqueID(drawing: &prng),
                    participants: configuration.federation.peers))
        case .openSession: return .openClientSession
        case .writeRegister(let key, let operation, _): return .register(key: key, operation)
        case .listRooms, .discoverRooms, .readRegister:
            preconditionFailure("a read is no operation")
        }
    }

    // MARK: Commands

    /// Takes a command on and proposes it until its outcome is known.
    mutating func submit(
        _ operation: Operation, since: UInt64? = nil, numbering: SessionRequest? = nil,
        caller: IncomingCallID? = nil, for connection: ConnectionID?, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let number = requests.add(
            PendingCommand(
                connection: connection, caller: caller, operation: operation, since: since,
                numbering: numbering,
                bytes: operation.weight, deadline: now + configuration.limits.requestTimeout,
                proposedAt: nil))
        propose(number, now, into: &out)
    }

    /// Proposes a command, if there is a leader to propose to and a session to propose in.
    private mutating func propose(
        _ number: UInt64, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard raft.leader != nil, let session, let pending = requests.commands[number] else {
            return
        }
        if let numbering = pending.numbering {
            // A client's session may not be known here yet; a node's own is nobody else's to use.
            guard numbering.session.rawValue <= state.applied.index.rawValue else { return }
            guard state.session(numbering.session)?.kind.isClient ?? true else {
                _ = requests.removeCommand(number)
                fail(pending, .sessionExpired, into: &out)
                return
            }
        } else {
            upkeep.renewed(now)
        }
        if pending.mayHaveHappened { out.mark(.proposalRetried) }
        let numbering =
            pending.numbering
            ?? SessionRequest(
                session: session, sequence: number, acknowledgedBelow: requests.acknowledgedBelow)
        let command = Command(
            session: numbering.session, sequence: numbering.sequence,
            acknowledgedBelow: numbering.acknowledgedBelow, operation: pending.operation)
        requests.updateCommand(number) {
            $0.proposedAt = now
            $0.mayHaveHappened = true
        }
        drive(.propose(.command, payload: command.encoded()), now, into: &out)
    }

    /// Proposes and asks again what was last proposed or asked at `before` or earlier.
    mutating func proposePending(
        before: Instant, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard raft.leader != nil else { return }
        for number in requests.commandsToPropose(before: before) {
            propose(number, now, into: &out)
        }
        for number in requests.readsToAsk(before: before) { ask(number, now, into: &out) }
    }

    // MARK: Reads

    private mutating func read(
        _ query: PendingRead.Query, for connection: ConnectionID, _ now: Instant,
        into out: inout Outbox<NodeEffect>
    ) {
        let number = requests.add(
            PendingRead(
                connection: connection, query: query,
                deadline: now + configuration.limits.requestTimeout))
        ask(number, now, into: &out)
    }

    mutating func ask(
        _ number: UInt64, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        guard raft.leader != nil else { return }
        requests.updateRead(number) { $0.askedAt = now }
        drive(
            .read(ReadID(boot: configuration.boot, sequence: number)), now, into: &out)
    }

    /// Answers the reads whose index is applied.
    mutating func answerReads(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        guard !requests.reads.isEmpty else { return }
        for number in requests.readsReady(at: state.applied.index) {
            guard let read = requests.removeRead(number) else { continue }
            if let caller = read.caller { out.emit(.answer(caller, .hostedRooms(hostedRooms))) }
            guard let connection = read.connection, fanOut.isOpen(connection) else { continue }
            if federation.isActive, read.query == .allRooms {
                list(.discovery(connection, own: hostedSummaries), now, into: &out)
            } else {
                out.emit(.reply(connection, answer(to: read.query)))
            }
        }
    }

    private func answer(to query: PendingRead.Query) -> ServerMessage {
        switch query {
        case .administeredRooms:
            .roomsList(state.roomSummaries(admin: configuration.id, limit: Node.maximumList))
        case .allRooms, .hostedRooms: .globalRoomsList(hostedSummaries, Reach())
        case .register(let key): .registerValue(key: key, state.register(key))
        }
    }

    private var hostedSummaries: [RoomSummary] {
        state.roomSummaries(limit: Node.maximumList)
    }

    /// The rooms hosted here, as many as fit an answer that another cluster reads.
    private var hostedRooms: [HostedRoom] {
        var bytes = 0
        var rooms: [HostedRoom] = []
        for (_, room) in state.rooms.table where room.host == nil {
            bytes += 700 + 2 * (room.name.utf8.count + room.description.utf8.count)
            guard bytes <= Node.maximumHostedBytes else { break }
            rooms.append(hosted(room))
        }
        return rooms
    }

    // MARK: Failures

    /// Gives up the requests that have waited too long, saying what is known of them.
    mutating func expireRequests(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        while let first = requests.commands.first, first.value.deadline <= now,
            let pending = requests.removeCommand(first.key)
        {
            out.mark(.requestTimedOut)
            giveUp(pending, now, into: &out)
        }
        while let first = requests.reads.first, first.value.deadline <= now,
            let read = requests.removeRead(first.key)
        {
            out.mark(.requestTimedOut)
            if let caller = read.caller {
                out.emit(.answer(caller, .refused(.unavailable, "The node has no leader just now")))
            }
            guard let connection = read.connection, fanOut.isOpen(connection) else { continue }
            out.emit(.reply(connection, Node.failure(of: read.query, .unavailable)))
        }
    }

    private mutating func giveUp(
        _ pending: PendingCommand, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        if let caller = pending.caller { return giveUp(caller, pending, into: &out) }
        fail(pending, pending.mayHaveHappened ? .outcomeUnknown : .unavailable, into: &out)
        // A membership that nobody will use must end, however long that takes: its end is tried
        // again, under a number that keeps an older join from happening after it.
        switch pending.operation {
        case .disconnect(let connection, let reason, _):
            endMemberships(of: connection, because: reason, now, into: &out)
        case .join(_, _, let connection, _):
            if !fanOut.isOpen(connection) { endMemberships(of: connection, now, into: &out) }
        case .federation(.joinForeign(_, _, _, let connection, _, _)):
            if !fanOut.isOpen(connection) { endMemberships(of: connection, now, into: &out) }
        case .openNodeSession, .openClientSession, .keepAlive, .expireSessions, .createRoom,
            .leave, .send, .register, .deleteRoom, .decideDeletion, .federation:
            break
        }
    }

    /// Tells the client of a command that it failed, or that nobody knows.
    func fail(
        _ pending: PendingCommand, _ error: RequestError, into out: inout Outbox<NodeEffect>
    ) {
        guard let connection = pending.connection, fanOut.isOpen(connection) else { return }
        out.emit(.reply(connection, Node.failure(of: pending.operation, error)))
    }

    private static func failure(of request: ClientRequest, _ error: RequestError) -> ServerMessage {
        switch request {
        case .createRoom: .createFailed(error)
        case .joinRoom(let room, _, _): .joinFailed(room: room, error)
        case .leaveRoom(let room, _): .leaveFailed(room: room, error)
        case .deleteRoom(let room, _):
            .deletionFailed(room: room, transaction: nil, error, reason: nil)
        case .sendMessage(let room, _, _, let key):
            .messageFailed(room: room, clientMessageID: key, error)
        case .readRegister(let key), .writeRegister(let key, _, _):
            .registerFailed(key: key, error)
        case .listRooms, .discoverRooms, .openSession: .failed(error)
        }
    }

    private static func failure(
        of query: PendingRead.Query, _ error: RequestError
    ) -> ServerMessage {
        switch query {
        case .register(let key): .registerFailed(key: key, error)
        case .administeredRooms, .allRooms, .hostedRooms: .failed(error)
        }
    }

    static func failure(of operation: Operation, _ error: RequestError) -> ServerMessage {
        switch operation {
        case .createRoom: .createFailed(error)
        case .join(let room, _, _, _): .joinFailed(room: room, error)
        case .leave(let room, _, _, _): .leaveFailed(room: room, error)
        case .send(let submission):
            .messageFailed(
                room: submission.room, clientMessageID: submission.clientMessageID, error)
        case .register(let key, _): .registerFailed(key: key, error)
        case .deleteRoom(let deletion):
            .deletionFailed(room: deletion.room, transaction: nil, error, reason: nil)
        case .federation(.joinForeign(let room, _, _, _, _, _)): .joinFailed(room: room, error)
        case .openNodeSession, .openClientSession, .keepAlive, .expireSessions, .disconnect,
            .decideDeletion, .federation:
            .failed(error)
        }
    }
}

extension ClientRequest {
    /// True when the request, if done, makes the replicated state larger.
    var addsToState: Bool {
        switch self {
        case .createRoom, .sendMessage, .openSession, .writeRegister, .joinRoom: true
        case .listRooms, .discoverRooms, .leaveRoom, .readRegister, .deleteRoom: false
        }
    }
}

extension ClientRequest {
    /// True for what makes, uses or ends a membership.
    var isOfMember: Bool {
        switch self {
        case .joinRoom, .leaveRoom, .sendMessage: true
        case .listRooms, .discoverRooms, .createRoom, .deleteRoom, .openSession, .readRegister,
            .writeRegister:
            false
        }
    }
}

extension Operation {
    /// About how many bytes the operation takes while it waits.
    var weight: Int {
        switch self {
        case .send(let submission): 160 + submission.content.utf8.count
        case .createRoom(let creation): 256 + creation.description.utf8.count
        case .register(let key, .set(let value)),
            .register(let key, .compareAndSet(_, let value)):
            128 + key.utf8.count + value.count
        case .federation(let operation): operation.sizeEstimate
        case .openNodeSession, .openClientSession, .keepAlive, .expireSessions, .join, .leave,
            .disconnect, .deleteRoom, .decideDeletion:
            128
        }
    }
}
