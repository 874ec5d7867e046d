import Protocols

/// Applies operations to a state the way a log would, with stamps and indexes of its own.
struct StateDriver {
    var state: ReplicatedState
    var now = ClusterTime.zero
    var effects: [StateEffect] = []
    var report = ApplyReport()

    init(limits: StateLimits = StateLimits(), checkpointEntries: UInt64 = 1_024) {
        state = ReplicatedState(limits: limits, checkpointEntries: checkpointEntries)
    }

    /// Applies an entry and returns its effects.
    @discardableResult
    mutating func apply(_ kind: EntryKind, _ payload: [UInt8], term: UInt64 = 1) -> [StateEffect] {
        effects.removeAll()
        let entry = Entry(
            index: state.applied.index.next, term: Term(term), stamp: now, kind: kind,
            payload: payload)
        report = state.apply(entry, into: &effects)
        return effects
    }

    @discardableResult
    mutating func apply(_ command: Command) -> [StateEffect] {
        apply(.command, command.encoded())
    }

    @discardableResult
    mutating func run(
        _ session: SessionID, _ sequence: UInt64, _ operation: Operation, below: UInt64 = 1
    ) -> [StateEffect] {
        apply(
            Command(
                session: session, sequence: sequence, acknowledgedBelow: below,
                operation: operation))
    }

    /// The outcome of a command, which must be its first effect.
    mutating func outcome(
        _ session: SessionID, _ sequence: UInt64, _ operation: Operation, below: UInt64 = 1
    ) -> Outcome? {
        guard
            case .outcome(session, sequence, let outcome)? = run(
                session, sequence, operation, below: below
            ).first
        else { return nil }
        return outcome
    }

    /// Opens a node's session.
    mutating func openNode(_ node: UInt32 = 1, boot: UInt64 = 1) -> SessionID {
        run(
            SessionID(0), 1,
            .openNodeSession(
                node: NodeID(node), incarnation: Incarnation(UInt64(node) * 100), boot: Boot(boot),
                at: wall(7)))
        guard let session = state.nodeSession(of: NodeID(node)) else {
            preconditionFailure("no session for \(node)")
        }
        return session
    }
}

func wall(_ milliseconds: Int64) -> WallTime { WallTime(milliseconds: milliseconds) }

func roomID(_ number: UInt64) -> UniqueID { UniqueID(high: number &* 0x9E37, low: number) }

func connection(_ slot: UInt32) -> ConnectionID { ConnectionID(slot: slot, generation: 0) }

func creation(_ number: UInt64, name: String? = nil) -> Operation {
    .createRoom(
        RoomCreation(
            id: roomID(number), name: name ?? "room \(number)", creator: "alice",
            description: "about \(number)", admin: NodeID(1), at: wall(1)))
}

func joining(_ room: UInt64, _ user: String, _ slot: UInt32 = 1) -> Operation {
    .join(room: roomID(room), user: user, connection: connection(slot), at: wall(2))
}

func leaving(_ room: UInt64, _ user: String, _ slot: UInt32 = 1) -> Operation {
    .leave(room: roomID(room), user: user, connection: connection(slot), at: wall(3))
}

func saying(
    _ content: String, in room: UInt64 = 1, as user: String = "alice", via slot: UInt32 = 1,
    id: UInt64 = 1, key: String? = nil
) -> Operation {
    .send(
        MessageSubmission(
            room: roomID(room), user: user, connection: connection(slot),
            id: UniqueID(high: 77, low: id), content: content, clientMessageID: key, at: wall(4)))
}

func text(_ prng: inout Prng, upTo limit: Int = 20) -> String {
    let letters = ["a", "b", "ü", "e\u{301}", "漢", "🙂", "\u{0}"]
    return (0..<prng.int(in: 0..<limit)).map { _ in letters[prng.int(in: 0..<letters.count)] }
        .joined()
}

/// A random operation in a small world, so that things meet.
func randomOperation(_ prng: inout Prng) -> Operation {
    let room = prng.below(3)
    let user = ["alice", "bob", "e\u{301}ve"][prng.int(in: 0..<3)]
    let slot = UInt32(prng.below(2))
    let at = wall(Int64(bitPattern: prng.next()))
    switch prng.below(56) {
    case 36...51:
        return .federation(randomFederationOperation(&prng, room: roomID(room), user: user))
    case 52...53:
        return .deleteRoom(
            RoomDeletion(
                room: roomID(room), user: user, connection: connection(slot),
                transaction: roomID(prng.below(4)),
                participants: prng.chance(1, in: 2) ? [] : [ClusterName("b"), ClusterName("c")]))
    case 54...55:
        return .decideDeletion(
            room: roomID(room), transaction: roomID(prng.below(4)),
            prng.chance(1, in: 2)
                ? .commit(without: [ClusterName("c")])
                : .abort(by: ClusterName("b"), reason: text(&prng)))
    case 0: return .openClientSession
    case 1: return .keepAlive
    case 2: return .expireSessions(at: at)
    case 3:
        return .createRoom(
            RoomCreation(
                id: roomID(room), name: "room \(prng.below(4))", creator: user,
                description: text(&prng), admin: NodeID(UInt32(prng.below(4))), at: at))
    case 4...11: return .join(room: roomID(room), user: user, connection: connection(slot), at: at)
    case 12: return .leave(room: roomID(room), user: user, connection: connection(slot), at: at)
    case 13:
        return .disconnect(
            connection: connection(slot), reason: LeaveReason(rawValue: UInt8(prng.below(4)))!,
            at: at)
    case 14...31:
        return .send(
            MessageSubmission(
                room: roomID(room), user: user, connection: connection(slot),
                id: UniqueID(drawing: &prng), content: text(&prng, upTo: 60),
                clientMessageID: prng.chance(1, in: 2) ? "key \(prng.below(6))" : nil, at: at))
    case 32:
        return .openNodeSession(
            node: NodeID(UInt32(prng.below(4))), incarnation: Incarnation(prng.below(2)),
            boot: Boot(prng.below(5)), at: at)
    case 33:
        return .register(key: text(&prng, upTo: 3), .set(value: [UInt8](text(&prng).utf8)))
    default:
        return .register(
            key: text(&prng, upTo: 3),
            .compareAndSet(expectedVersion: prng.below(3), value: [UInt8](text(&prng).utf8)))
    }
}

func randomFederationOperation(
    _ prng: inout Prng, room: UniqueID, user: String
) -> FederationOperation {
    let cluster = ClusterName(["b", "c"][prng.int(in: 0..<2)])
    let at = wall(5)
    let place = CallPlace(
        caller: cluster, stream: prng.below(2), number: prng.chance(1, in: 2) ? 0 : prng.below(9))
    func message(_ sequence: UInt64) -> ChatMessage {
        ChatMessage(
            id: UniqueID(high: 1, low: sequence), sequence: sequence, user: user, content: "x",
            at: at)
    }
    switch prng.below(18) {
    case 0...1: return .join(place, room: room, user: user, at: at)
    case 2:
        return .leave(
            place, room: room, user: user, reason: LeaveReason(rawValue: UInt8(prng.below(4)))!,
            at: at)
    case 3:
        return .send(
            from: cluster,
            MessageSubmission(
                room: room, user: user, connection: connection(0), id: UniqueID(drawing: &prng),
                content: text(&prng, upTo: 9),
                clientMessageID: prng.chance(1, in: 2) ? "key \(prng.below(6))" : nil, at: at))
    case 4...5:
        let known = prng.chance(1, in: 2) ? place : nil
        return .message(known, room: room, message(1 + prng.below(9)))
    case 6:
        return .memberEvent(
            nil, room: room,
            MemberEvent(
                kind: prng.chance(1, in: 2) ? .joined : .left, user: user,
                memberCount: Int(prng.below(9)), reason: .inactive, at: at))
    case 7:
        return .prepareDeletion(
            room: room, transaction: roomID(prng.below(4)), coordinator: cluster)
    case 8:
        return .finishDeletion(
            room: room, transaction: roomID(prng.below(4)), isCommitted: prng.chance(1, in: 4),
            from: prng.chance(1, in: 2) ? nil : cluster)
    case 9...10:
        return .joinForeign(
            room: room, host: cluster, user: user, connection: connection(UInt32(prng.below(2))),
            since: prng.chance(1, in: 2) ? nil : prng.below(9), at: at)
    case 11: return .rejoin(room: room)
    case 12: return .delivered(cluster, through: prng.below(60))
    case 13...15:
        let first = 1 + prng.below(6)
        let hosted = HostedRoom(
            id: room, name: "room", description: "", memberCount: 2, host: cluster)
        let answer = FederationAnswer.joined(
            hosted, members: [user, "dan"], messages: (first...first + prng.below(3)).map(message))
        return .joinAnswered(
            cluster, number: prng.below(40),
            prng.chance(1, in: 6) ? .refused(.roomNotFound, "gone") : answer,
            since: nil, at: at)
    case 16: return .setAway(cluster, prng.chance(1, in: 2), at: at)
    default: return .visit(cluster, prng.below(4))
    }
}

/// Entries of a busy little cluster with duplicates, lost sessions and garbage.
struct RandomLog {
    var prng: Prng
    var index: UInt64 = 0
    var stamp: Int64 = 0
    var recent: [[UInt8]] = []

    init(seed: UInt64) { prng = Prng(seed: seed) }

    /// The next entry; most of them are of a session that is open in `state`.
    mutating func next(for state: ReplicatedState) -> Entry {
        index += 1
        stamp += Int64(prng.below(prng.chance(1, in: 25) ? 20_000_000_000 : 200_000_000))
        if prng.chance(1, in: 30) { stamp -= 1_000_000_000 }
        return Entry(
            index: LogIndex(index), term: Term(1 + index / 100),
            stamp: ClusterTime(nanoseconds: stamp), kind: kind(), payload: payload(state))
    }

    private mutating func kind() -> EntryKind {
        prng.chance(1, in: 12) ? EntryKind(rawValue: UInt8(prng.below(5)))! : .command
    }

    private mutating func payload(_ state: ReplicatedState) -> [UInt8] {
        if prng.chance(1, in: 6), !recent.isEmpty {
            return recent[prng.int(in: 0..<recent.count)]
        }
        if prng.chance(1, in: 60) {
            return MembershipPayload(
                members: (0..<4).map { Member(id: NodeID($0), incarnation: Incarnation(0)) },
                clusterVersion: UInt32(prng.below(3))
            ).encoded()
        }
        let session = session(state)
        var operation = randomOperation(&prng)
        if index <= 3 || prng.chance(1, in: 60) {
            operation = opening(UInt32(index <= 3 ? index : prng.below(4)))
        } else if prng.chance(1, in: 2), let member = state.memberships(of: session).last {
            operation = saying(member)
        } else if prng.chance(1, in: 20) {
            operation = .expireSessions(at: wall(6))
        }
        let sequence = 1 + index / 2 - min(index / 2, prng.below(6))
        var bytes = Command(
            session: session, sequence: prng.chance(1, in: 30) ? 0 : sequence,
            acknowledgedBelow: sequence - min(sequence, prng.below(30)), operation: operation
        ).encoded()
        if prng.chance(1, in: 15) { bytes[prng.int(in: 0..<bytes.count)] ^= UInt8(prng.below(256)) }
        if prng.chance(1, in: 30) { bytes.removeLast(prng.int(in: 0..<bytes.count)) }
        recent.append(bytes)
        if recent.count > 20 { recent.removeFirst() }
        return bytes
    }

    private func opening(_ node: UInt32) -> Operation {
        .openNodeSession(
            node: NodeID(node), incarnation: Incarnation(0), boot: Boot(1 + index / 50), at: wall(1)
        )
    }

    private mutating func saying(_ member: Membership) -> Operation {
        .send(
            MessageSubmission(
                room: member.room, user: member.user, connection: member.connection.connection,
                id: UniqueID(drawing: &prng), content: text(&prng, upTo: 60),
                clientMessageID: prng.chance(1, in: 2) ? "key \(prng.below(9))" : nil, at: wall(5)))
    }

    private mutating func session(_ state: ReplicatedState) -> SessionID {
        let open = state.sessions.table.map(\.key)
        guard !open.isEmpty, prng.chance(9, in: 10) else { return SessionID(prng.below(index + 1)) }
        return open[prng.int(in: 0..<open.count)]
    }
}

/// Bounds so small that a short log reaches all of them.
func tightLimits() -> StateLimits {
    var limits = StateLimits()
    limits.historyCount = 12
    limits.historyBytes = 2_000
    limits.historyBlockBytes = 300
    limits.messageKeyLife = .seconds(20)
    limits.messageKeyCount = 8
    limits.outcomesPerSession = 12
    limits.clientSessions = 3
    return limits
}
