import Protocols

/// The rows that step machines.
enum MicroMachines {
    static var makers: [() -> Micro.Row] {
        [outbox, apply, { propose(batch: 1) }, { propose(batch: 64) }, edge]
    }

    private static func outbox() -> Micro.Row {
        let connection = ConnectionID(slot: 1, generation: 0)
        let token = PersistToken(boot: Boot(1), sequence: 1)
        var outbox = Outbox<NodeEffect>()
        return Micro.simple("outbox: two effects and empty it") {
            outbox.emit(.close(connection, .tooSlow))
            outbox.emit(.saveSnapshot(Snapshot(point: .zero, chunks: []), token))
            let count = outbox.effects.count
            outbox.removeAll()
            return count
        }
    }

    private static func edge() -> Micro.Row {
        let now = Instant(nanoseconds: 0)
        var edge = ClientEdge(kind: .webSocket, at: now)
        var out = Outbox<EdgeEffect>()
        let hello = WebSocketHandshake.request(
            host: "h", target: "/", key: "AAAAAAAAAAAAAAAAAAAAAA==")
        edge.step(.received(hello), at: now, into: &out)
        precondition(edge.isOpen, "the handshake is right")
        out.removeAll()
        let frame = WebSocketFrame.encoded(
            .text, MicroCodecs.jsonBytes(MicroCodecs.request), mask: WebSocketMask(0x1234_5678))
        return Micro.simple("client edge: a frame of \(frame.count) B in, its text out") {
            edge.step(.received(frame), at: now, into: &out)
            let count = out.effects.count
            out.removeAll()
            return count
        }
    }

    // MARK: State

    /// A state with one node's session, one room and one member; entries to apply come after it.
    private struct StateBase {
        var state = ReplicatedState()
        var effects: [StateEffect] = []
        var session = SessionID(0)
        var sequence: UInt64 = 0
        let connection = ConnectionID(slot: 0, generation: 0)

        init() {
            let incarnation = Incarnation(1)
            let members = MembershipPayload(
                members: [Member(id: NodeID(1), incarnation: incarnation)], clusterVersion: 1)
            apply(.membership, members.encoded())
            let open = Command(
                session: SessionID(0), sequence: 0, acknowledgedBelow: 0,
                operation: .openNodeSession(
                    node: NodeID(1), incarnation: incarnation, boot: Boot(1),
                    at: WallTime(milliseconds: 0)))
            apply(.command, open.encoded())
            guard let session = state.nodeSession(of: NodeID(1)) else {
                preconditionFailure("the session is open: \(effects)")
            }
            self.session = session
            apply(
                .createRoom(
                    RoomCreation(
                        id: MicroCodecs.room, name: "room", creator: "alice", description: "",
                        admin: NodeID(1), at: WallTime(milliseconds: 0))))
            apply(
                .join(
                    room: MicroCodecs.room, user: "alice", connection: connection,
                    at: WallTime(milliseconds: 0)))
        }

        mutating func apply(_ kind: EntryKind, _ payload: [UInt8]) {
            state.apply(entry(kind, payload, after: 0), into: &effects)
        }

        mutating func apply(_ entries: [Entry]) {
            for entry in entries { state.apply(entry, into: &effects) }
        }

        mutating func apply(_ operation: Operation) {
            apply(.command, payload(operation))
        }

        mutating func payload(_ operation: Operation) -> [UInt8] {
            sequence += 1
            return Command(
                session: session, sequence: sequence, acknowledgedBelow: sequence,
                operation: operation
            ).encoded()
        }

        func entry(_ kind: EntryKind, _ payload: [UInt8], after count: Int) -> Entry {
            Entry(
                index: state.applied.index.next + count, term: Term(1), stamp: .zero, kind: kind,
                payload: payload)
        }

        mutating func sends(_ count: Int) -> [Entry] {
            (0..<count).map { number in
                let submission = MessageSubmission(
                    room: MicroCodecs.room, user: "alice", connection: connection,
                    id: UniqueID(high: sequence, low: 1), content: MicroCodecs.text,
                    clientMessageID: "0123456789abcdef-\(sequence)",
                    at: WallTime(milliseconds: 0))
                return entry(.command, payload(.send(submission)), after: number)
            }
        }
    }

    private static func apply() -> Micro.Row {
        var base = StateBase()
        let operations = 500
        return Micro.Row(
            name: "state: apply a message of 200 B, with a key", operations: operations
        ) {
            let entries = base.sends(operations)
            base.effects.removeAll(keepingCapacity: true)
            let start = monotonicNanoseconds()
            base.apply(entries)
            let end = monotonicNanoseconds()
            // An outcome and a message each: nothing was refused.
            precondition(base.effects.count == 2 * operations, "every message is new")
            return end - start
        }
    }

    // MARK: Raft

    private static func propose(batch: Int) -> Micro.Row {
        let operations = 512
        var cluster = RaftTrio()
        let payload = MicroCodecs.command.encoded()
        var rounds = 0
        return Micro.Row(
            name: "Raft: 3 members, propose to commit, \(batch) at a time", operations: operations
        ) {
            // A log that is never compacted would grow for ever.
            rounds += 1
            if rounds % 64 == 0 { cluster = RaftTrio() }
            let start = monotonicNanoseconds()
            for _ in 0..<operations / batch { cluster.commit(payload, times: batch) }
            return monotonicNanoseconds() - start
        }
    }
}

/// Three members whose network and disks take no time.
struct RaftTrio {
    private var members: [Raft] = []
    private var out = Outbox<Raft.Effect>()
    private var events: [(to: Int, event: Raft.Event)] = []
    private var next = 0
    private var now = Instant.zero
    private var leader = 0

    /// Makes the members and waits for a leader.
    init() {
        let ids = (1...3).map { NodeID(UInt32($0)) }
        let founders = ids.map { Member(id: $0, incarnation: Incarnation(UInt64($0.rawValue))) }
        let first = Entry(
            index: LogIndex(1), term: Term(1), stamp: .zero, kind: .membership,
            payload: MembershipPayload(members: founders, clusterVersion: 1).encoded())
        for id in ids {
            var raft = Raft(
                id: id, boot: Boot(1), voters: [], durable: DurableState(),
                configuration: RaftConfiguration(), stampFloor: .zero,
                seed: UInt64(id.rawValue), now: now)
            raft.bootstrap(voters: ids, entry: first, at: now, into: &out)
            members.append(raft)
            route(from: members.count - 1)
        }
        settle()
        while !members.contains(where: { $0.role == .leader }) {
            tickEarliest()
            settle()
        }
        leader = members.firstIndex { $0.role == .leader } ?? 0
    }

    /// Proposes entries and waits until the leader has committed them.
    mutating func commit(_ payload: [UInt8], times: Int) {
        let target = members[leader].log.lastIndex + times
        for _ in 0..<times { step(leader, .propose(.command, payload: payload)) }
        settle()
        while members[leader].commitIndex < target {
            tickEarliest()
            settle()
        }
    }

    private mutating func tickEarliest() {
        let deadlines = members.map { $0.deadline ?? .distantFuture }
        for index in members.indices where deadlines[index] == deadlines.min() {
            now = max(now, deadlines[index])
            step(index, .tick)
            return
        }
    }

    private mutating func settle() {
        while next < events.count {
            let (to, event) = events[next]
            next += 1
            step(to, event)
        }
        events.removeAll(keepingCapacity: true)
        next = 0
    }

    private mutating func step(_ index: Int, _ event: Raft.Event) {
        members[index].step(event, at: now, into: &out)
        route(from: index)
    }

    private mutating func route(from index: Int) {
        for effect in out.effects {
            switch effect {
            case .send(let peer, let message):
                events.append((Int(peer.rawValue) - 1, .message(members[index].id, message)))
            case .persist(_, let token): events.append((index, .persisted(token)))
            case .saveSnapshot(_, let token): events.append((index, .snapshotSaved(token)))
            case .compactLog, .restore, .readReady, .readFailed, .diskStalled, .peerFaulty: break
            }
        }
        out.removeAll()
    }
}
