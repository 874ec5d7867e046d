import Testing

@testable import Protocols

/// Three nodes on one clock with instant disks; each is recorded as a driver would.
struct RecordedNet {
    struct Letter {
        var from: Int
        var to: Int
        var message: PeerMessage
    }

    var nodes: [Node] = []
    var writers: [RecordingWriter] = []
    /// The sealed blocks of each node's present recording.
    var blocks: [[[UInt8]]] = []
    var disks: [DurableState]
    var boots: [UInt64]
    var now = Instant(nanoseconds: 7_000_000_123)
    var letters: [Letter] = []
    var rooms: [UniqueID] = []
    private var prng = Prng(seed: 42)

    init(snapshotLogBytes: Int = 4_096) {
        disks = (0..<3).map { _ in DurableState() }
        boots = [0, 0, 0]
        for place in 0..<3 {
            let made = begin(place, snapshotLogBytes)
            nodes.append(made.0)
            writers.append(made.1)
            blocks.append(made.2)
        }
        connectAll()
    }

    private mutating func begin(
        _ place: Int, _ snapshotLogBytes: Int
    ) -> (Node, RecordingWriter, [[UInt8]]) {
        boots[place] += 1
        var configuration = NodeConfiguration(
            id: node(UInt32(place + 1)), members: (1...3).map { node($0) },
            incarnation: Incarnation(UInt64(place) + 100), boot: Boot(boots[place]),
            seed: prng.next())
        configuration.limits.snapshotLogBytes = snapshotLogBytes
        guard let made = try? Node(configuration, durable: disks[place], now: now) else {
            preconditionFailure("node \(place + 1) does not start")
        }
        var writer = RecordingWriter(startingAt: now)
        var blocks: [[UInt8]] = []
        writer.writeStart(configuration, disks[place]) { blocks.append($0) }
        writer.writeStarted(made)
        blocks.append(writer.takeBlock())
        return (made, writer, blocks)
    }

    mutating func connectAll() {
        for a in 0..<3 { for b in 0..<3 where a != b { step(a, .peerUp(node(UInt32(b + 1)))) } }
    }

    mutating func restart(_ place: Int) {
        letters.removeAll { $0.from == place || $0.to == place }
        (nodes[place], writers[place], blocks[place]) = begin(place, 4_096)
        step(place, .wallClock(WallTime(milliseconds: 1_000)))
        for other in 0..<3 where other != place {
            step(other, .peerDown(node(UInt32(place + 1))))
            step(other, .peerUp(node(UInt32(place + 1))))
            step(place, .peerUp(node(UInt32(other + 1))))
        }
    }

    mutating func step(_ place: Int, _ event: NodeEvent) {
        now = now + Interval(nanoseconds: Int64(prng.below(1_500)))
        var out = Outbox<NodeEffect>()
        writers[place].write(event, at: now)
        nodes[place].step(event, at: now, into: &out)
        writers[place].take(out.effects)
        if writers[place].isCheckDue { writers[place].check(nodes[place]) }
        if prng.chance(1, in: 16) {
            writers[place].check(nodes[place])
            blocks[place].append(writers[place].takeBlock())
        }
        for effect in out.effects { perform(effect, place) }
    }

    private mutating func perform(_ effect: NodeEffect, _ place: Int) {
        switch effect {
        case .send(let to, let message):
            letters.append(Letter(from: place, to: Int(to.rawValue) - 1, message: message))
        case .persist(let write, let token):
            disks[place].apply(write)
            step(place, .persisted(token))
        case .saveSnapshot(let snapshot, let token):
            disks[place].snapshot = snapshot
            disks[place].entries.removeAll { $0.index <= snapshot.point.index }
            step(place, .snapshotSaved(token))
        case .reply(_, .roomCreated(let room, _, _)): rooms.append(room.id)
        case .compactLog, .reply, .deliver, .close, .note, .halt, .call, .abandonCall, .answer:
            break
        }
    }

    mutating func run(_ milliseconds: Int64) {
        let end = now + .milliseconds(milliseconds)
        while now < end {
            now = now + .milliseconds(2)
            for place in 0..<3 {
                if let due = nodes[place].deadline, due <= now { step(place, .tick) }
            }
            let carried = letters
            letters = []
            for letter in carried {
                step(letter.to, .peer(node(UInt32(letter.from + 1)), letter.message))
            }
        }
    }

    /// The node's recording as one part, with its last check but without an end.
    func recording(_ place: Int, end: RecordingEnd? = nil) -> [UInt8] {
        var writer = writers[place]
        writer.checkWhole(nodes[place])
        if let end { writer.end(end) }
        return part(1, of: place, blocks[place] + [writer.takeBlock()])
    }

    func part(_ number: UInt32, of place: Int, _ blocks: [[UInt8]]) -> [UInt8] {
        let id = Recording.id(of: nodes[place].configuration)
        return blocks.reduce(into: Recording.partHeader(recording: id, number: number)) {
            var block = $1
            Recording.seal(&block)
            $0 += block
        }
    }

    /// A cluster that chats through a restart of each node; node 1 was killed with work in hand.
    static let played: RecordedNet = {
        var net = RecordedNet()
        net.run(3_000)
        let connections = (0..<3).map { ConnectionID(slot: UInt32($0), generation: 7) }
        for round in 0..<4 {
            for place in 0..<3 {
                net.step(place, .wallClock(WallTime(milliseconds: 1_000_000)))
                net.step(place, .connected(connections[place]))
                net.step(
                    place,
                    .request(
                        connections[place],
                        .createRoom(name: "room \(round)", creator: "ann", description: "")))
            }
            net.run(300)
            for place in 0..<3 {
                let join = ClientRequest.joinRoom(
                    room: net.rooms[round], user: "user \(place)", since: nil)
                net.step(place, .request(connections[place], join))
            }
            net.run(300)
            for number in 0..<12 {
                let place = number % 3
                net.step(
                    place,
                    .request(
                        connections[place],
                        say(
                            net.rooms[round], "user \(place)", "content \(round) \(number)",
                            key: "\(round) \(number)")))
                net.run(20)
            }
            for place in 0..<3 { net.step(place, .disconnected(connections[place])) }
            net.run(200)
            if round < 3 {
                net.restart(round)
                net.run(3_000)
            }
        }
        return net
    }()
}

/// Reads and replays parts; what stops it is thrown.
private func replay(_ parts: [UInt8]...) throws -> (replay: Replay, reader: RecordingReader) {
    try replay(parts: parts)
}

private func replay(parts: [[UInt8]]) throws -> (replay: Replay, reader: RecordingReader) {
    var reader = RecordingReader()
    var result = Replay()
    for part in parts {
        try reader.open(part: part)
        while let item = try reader.next() { try result.take(item) }
    }
    return (result, reader)
}

private func decode(_ bytes: [UInt8]) -> Result<NodeEvent, DecodeError> {
    do throws(DecodeError) {
        return .success(try NodeEvent(decoding: bytes))
    } catch {
        return .failure(error)
    }
}

@Suite("Recordings: what a node was told, written down and done again")
struct RecordingTests {
    static let room = UniqueID(high: .max, low: 1)
    static let numbering = SessionRequest(
        session: SessionID(.max), sequence: 1 << 40, acknowledgedBelow: 0)

    static let requests: [ClientRequest] = [
        .listRooms, .discoverRooms,
        .createRoom(name: "räum", creator: "", description: "日本"),
        .joinRoom(room: room, user: "ann", since: nil),
        .joinRoom(room: room, user: "ann", since: 0),
        .joinRoom(room: room, user: "ann", since: .max),
        .leaveRoom(room: room, user: "ann"),
        .sendMessage(room: room, user: "ann", content: "\u{0}😀", clientMessageID: nil),
        .sendMessage(room: room, user: "", content: "", clientMessageID: ""),
        .deleteRoom(room: room, user: "ann"),
        .openSession, .readRegister(key: "k"),
        .writeRegister(key: "k", .set(value: []), request: nil),
        .writeRegister(key: "", .set(value: [0, 255]), request: numbering),
        .writeRegister(
            key: "k", .compareAndSet(expectedVersion: .max, value: [1]), request: numbering),
        .writeRegister(key: "k", .compareAndSet(expectedVersion: 0, value: []), request: nil),
    ]

    static let calls: [FederationCall] = [
        .heartbeat, .hostedRooms, .joinRoom(room: room, user: "", from: ClusterName("b")),
        .leaveRoom(room: room, user: "ann", from: ClusterName("")),
        .forwardMessage(room: room, user: "ann", content: "😀", from: ClusterName("b")),
        .messageBroadcast(room: room, message),
        .memberEventBroadcast(
            room: room,
            MemberEvent(
                kind: .left, user: "ann", memberCount: .min, reason: .inactive,
                at: WallTime(milliseconds: .min))),
        .memberDisconnected(
            room: room, user: "ann", from: ClusterName("b"), reason: .nodeUnreachable),
        .prepareDeletion(room: room, transaction: room, coordinator: ClusterName("b")),
        .commitDeletion(room: room, transaction: room, name: nil),
        .commitDeletion(room: room, transaction: room, name: ""),
        .rollbackDeletion(room: room, transaction: room),
    ]

    static let message = ChatMessage(
        id: room, sequence: .max, user: "ann", content: "", at: WallTime(milliseconds: 7))

    static let context = CallContext(
        caller: ClusterName("b"), stream: .max, number: 0, since: 3, clientMessageID: "k")

    static let results: [CallResult] = [
        .failed(wasSent: true), .failed(wasSent: false), .fault(code: .min, "why"),
        .answered(
            .heartbeat(
                HeartbeatAnswer(
                    name: ClusterName("b"), at: WallTime(milliseconds: 1),
                    understandsContext: true, visit: .max))),
        .answered(
            .hostedRooms([
                HostedRoom(
                    id: room, name: "n", description: "d", memberCount: 3,
                    host: ClusterName("b"), address: "http://b:9090")
            ])),
        .answered(
            .joined(
                HostedRoom(
                    id: room, name: "n", description: "d", memberCount: 3, host: ClusterName("b")),
                members: ["ann", ""], messages: [message])),
        .answered(.left), .answered(.forwarded(id: room, sequence: 9, at: message.at)),
        .answered(.received(true)), .answered(.vote(abort: nil)), .answered(.vote(abort: "no")),
        .answered(.finished), .answered(.refused(.notInRoom, "text")),
    ]

    static var events: [NodeEvent] {
        let connection = ConnectionID(slot: .max, generation: 3)
        let token = PersistToken(boot: Boot(.max), sequence: 1)
        return [
            .tick, .peerUp(node(.max)), .peerDown(node(0)), .persisted(token),
            .snapshotSaved(token), .connected(connection), .disconnected(connection),
            .backlog(connection, bytes: 0), .backlog(connection, bytes: .max),
            .backlog(connection, bytes: .min), .wallClock(WallTime(milliseconds: .min)),
            .wallClock(WallTime(milliseconds: .max)), .drain,
            .transfer(nil), .transfer(node(.max)),
        ] + calls.map { .rpc(IncomingCallID(.max), $0, CallContext()) }
            + [.rpc(IncomingCallID(0), .heartbeat, context)]
            + results.map { .called(CallID(.max), $0) } + requests.map { .request(connection, $0) }
            + PeerCodecTests.messages.map { .peer(node(2), $0) }
    }

    @Test("every event comes back as it was written, alone and in a row")
    func roundTrip() throws {
        var writer = ByteWriter()
        for event in RecordingTests.events {
            #expect(decode(event.encoded()) == .success(event))
            event.write(to: &writer)
        }
        var reader = ByteReader(writer.bytes)
        for event in RecordingTests.events { #expect(try NodeEvent(from: &reader) == event) }
        #expect(reader.isAtEnd)
    }

    @Test("an event that is cut, has bytes behind it or another version is an error")
    func strict() {
        for event in RecordingTests.events {
            let bytes = event.encoded()
            // A long message is cut at its beginning and at its end.
            for length in 0..<bytes.count where length < 300 || length > bytes.count - 20 {
                guard case .failure = decode(Array(bytes[..<length])) else {
                    Issue.record("\(event), cut to \(length)")
                    continue
                }
            }
            #expect(decode(bytes + [0]) == .failure(.trailingBytes))
            #expect(decode([2] + bytes.dropFirst()) == .failure(.malformed))
        }
        #expect(decode([1, 0]) == .failure(.malformed))
        #expect(decode([1, 200]) == .failure(.malformed))
    }

    @Test("bytes of any kind are an event or an error, never the end of the process")
    func garbage() {
        var prng = Prng(seed: 8)
        let valid = RecordingTests.events.map { $0.encoded() }.filter { $0.count < 2_000 }
        for _ in 0..<200_000 {
            var bytes = valid[prng.int(in: 0..<valid.count)]
            for _ in 0...prng.int(in: 0..<3) {
                bytes[prng.int(in: 0..<bytes.count)] = UInt8(truncatingIfNeeded: prng.next())
            }
            if case .success(let event) = decode(bytes) { #expect(event.encoded() == bytes) }
        }
    }

    @Test("a configuration comes back with every field")
    func configuration() throws {
        var configuration = NodeConfiguration(
            id: node(2), members: [node(1), node(2), node(.max)], incarnation: Incarnation(.max),
            boot: Boot(300), seed: 1 << 63)
        configuration.raft.heartbeat = .milliseconds(1)
        configuration.raft.electionLower = .milliseconds(2)
        configuration.raft.electionUpper = .milliseconds(3)
        configuration.raft.diskStall = .milliseconds(4)
        configuration.raft.inflightCount = 5
        configuration.raft.inflightBytes = 6
        configuration.raft.appendBytes = 7
        configuration.raft.uncommittedBytes = 8
        configuration.raft.trailingBytes = 9
        configuration.state.historyCount = 10
        configuration.state.historyBytes = 11
        configuration.state.historyBlockBytes = 12
        configuration.state.nodeSessionLife = .milliseconds(13)
        configuration.state.clientSessionLife = .milliseconds(14)
        configuration.state.messageKeyLife = .milliseconds(15)
        configuration.state.messageKeyCount = 16
        configuration.state.outcomesPerSession = 17
        configuration.state.clientSessions = 18
        configuration.limits.requestTimeout = .milliseconds(19)
        configuration.limits.proposalRetry = .milliseconds(20)
        configuration.limits.pendingRequests = 21
        configuration.limits.pendingBytes = 22
        configuration.limits.clientBacklog = 23
        configuration.limits.snapshotLogBytes = 24
        configuration.limits.stateBytes = 25
        configuration.limits.applyBatch = 26
        configuration.limits.joinHistory = 27
        configuration.limits.checkpointEntries = 28
        configuration.limits.inactivityTimeout = .milliseconds(29)
        configuration.limits.cleanupInterval = .milliseconds(30)
        configuration.state.historyAge = .milliseconds(40)
        configuration.limits.history = HistoryLimits(count: 41, bytes: 42, age: .seconds(43))
        configuration.limits.drainSpan = .milliseconds(31)
        configuration.limits.rateLimit = 32
        configuration.limits.rateBurst = 33
        configuration.limits.roomLimit = 34
        configuration.limits.memberLimit = 35
        configuration.federation.name = ClusterName("a")
        configuration.federation.peers = [ClusterName("b"), ClusterName("c")]
        configuration.federation.heartbeatInterval = .milliseconds(32)
        configuration.federation.heartbeatTimeout = .milliseconds(33)
        configuration.federation.callTimeout = .milliseconds(34)
        configuration.federation.listTimeout = .milliseconds(35)
        configuration.federation.voteTimeout = .milliseconds(36)
        configuration.federation.retryPause = .milliseconds(37)
        configuration.versions = 3...31
        var writer = ByteWriter()
        configuration.write(to: &writer)
        var reader = ByteReader(writer.bytes)
        #expect(try NodeConfiguration(from: &reader) == configuration)
        #expect(reader.isAtEnd)
        // A field that is added belongs into the form, and into this test.
        let counts = [
            Mirror(reflecting: configuration).children.count,
            Mirror(reflecting: configuration.raft).children.count,
            Mirror(reflecting: configuration.state).children.count,
            Mirror(reflecting: configuration.limits).children.count,
            Mirror(reflecting: configuration.federation).children.count,
        ]
        #expect(counts == [10, 9, 10, 18, 8])
        for length in 0..<writer.bytes.count {
            var cut = ByteReader(Array(writer.bytes[..<length]))
            #expect(throws: DecodeError.self) { try NodeConfiguration(from: &cut) }
        }
    }

    @Test("effects that differ in one field have different digests")
    func effectDigests() {
        let connection = ConnectionID(slot: 1, generation: 1)
        let token = PersistToken(boot: Boot(1), sequence: 1)
        let said = { (content: String) in
            ServerMessage.newMessage(
                room: RecordingTests.room,
                ChatMessage(
                    id: RecordingTests.room, sequence: 1, user: "ann", content: content,
                    at: WallTime(milliseconds: 1)))
        }
        let stamped = { (stamp: Int64) in
            LogWrite(entries: [
                Entry(
                    index: index(1), term: Term(1), stamp: ClusterTime(nanoseconds: stamp),
                    kind: .command, payload: [])
            ])
        }
        var effects: [NodeEffect] = [
            .persist(stamped(1), token), .persist(stamped(2), token), .persist(LogWrite(), token),
            .persist(LogWrite(hardState: HardState()), token),
            .persist(LogWrite(hardState: HardState(vote: node(0))), token),
            .persist(LogWrite(startAfter: .zero), token),
            .persist(LogWrite(), PersistToken(boot: Boot(2), sequence: 1)),
            .saveSnapshot(Snapshot(point: .zero, chunks: []), token),
            .saveSnapshot(Snapshot(point: .zero, chunks: [[]]), token),
            .compactLog(through: index(1)), .reply(connection, said("a")),
            .reply(connection, said("b")), .deliver([connection], said("a")),
            .deliver([connection, connection], said("a")), .deliver([], said("a")),
            .close(connection, .tooSlow), .close(connection, .serviceRestart),
            .note(.diskStalled), .note(.clusterVersion(1)), .note(.clusterVersion(2)),
            .halt(.drained), .halt(.diverged(at: index(1))), .halt(.wiped(cluster: ClusterID(1))),
            .reply(
                connection,
                .memberJoined(
                    room: RecordingTests.room, user: "a", memberCount: 1,
                    at: WallTime(milliseconds: 0))),
            .reply(
                connection,
                .memberJoined(
                    room: RecordingTests.room, user: "b", memberCount: 1,
                    at: WallTime(milliseconds: 0))),
            .reply(connection, .failed(.notMember)), .reply(connection, .failed(.stateFull)),
            .reply(connection, .registerFailed(key: "a", .notMember)),
            .reply(connection, .registerFailed(key: "b", .notMember)),
            .note(.peerFaulty(node(1), .secondLeader)), .note(.peerFaulty(node(2), .secondLeader)),
            .note(.peerFaulty(node(1), .claimBeyondLog)),
            .note(.roomsTakenOver(from: node(1), count: 1)),
            .note(.roomsTakenOver(from: node(2), count: 1)),
            .note(.roomsTakenOver(from: node(1), count: 2)),
        ]
        effects += PeerCodecTests.messages.map { .send(node(1), $0) }
        effects.append(.send(node(2), PeerCodecTests.messages[0]))
        let values = effects.map { effect in
            var digest = Digest()
            effect.digest(into: &digest)
            return digest.value
        }
        #expect(Set(values).count == effects.count)
    }

    @Test("a replay arrives at the same node, from an empty disk and from a snapshot and a log")
    func replays() throws {
        let net = RecordedNet.played
        #expect(net.nodes.contains { $0.raft.snapshot != nil })
        for place in 0..<3 {
            let (result, reader) = try replay(net.recording(place))
            #expect(result.node == net.nodes[place])
            #expect(result.steps == net.writers[place].steps)
            #expect(result.checkedAt == result.steps)
            #expect(result.end == nil)
            #expect(reader.tornBytes == 0)
            #expect(try replay(net.recording(place, end: .stopped)).replay.end == .stopped)
        }
    }

    @Test("the start of a recording holds snapshot and log")
    func startFromSnapshot() throws {
        var net = RecordedNet.played
        net.restart(0)
        let disk = net.disks[0]
        #expect(disk.snapshot != nil && !disk.entries.isEmpty)
        net.run(1_000)
        #expect(try replay(net.recording(0)).replay.node == net.nodes[0])
    }

    @Test("a recording in several parts is read in their order only")
    func parts() throws {
        let net = RecordedNet.played
        var writer = net.writers[1]
        writer.checkWhole(net.nodes[1])
        let blocks = net.blocks[1] + [writer.takeBlock()]
        let third = blocks.count / 3
        let parts = [
            net.part(1, of: 1, Array(blocks[..<third])),
            net.part(2, of: 1, Array(blocks[third..<2 * third])),
            net.part(3, of: 1, Array(blocks[(2 * third)...])),
        ]
        #expect(try replay(parts: parts).replay.node == net.nodes[1])
        #expect(throws: RecordingError.partMissing(2)) { try replay(parts[0], parts[2]) }
        #expect(throws: RecordingError.partMissing(1)) { try replay(parts[1]) }
        let foreign = net.part(2, of: 2, [])
        #expect(throws: RecordingError.otherRecording) { try replay(parts[0], foreign) }
        // A block is missing between two parts.
        let short = net.part(1, of: 1, Array(blocks[..<(third - 1)]))
        #expect(throws: RecordingError.damaged(part: 2, offset: Recording.partHeaderLength)) {
            try replay(short, parts[1])
        }
        #expect(
            throws: RecordingError.damaged(
                part: 1, offset: parts[0].count - blocks[third - 1].count)
        ) {
            try replay(Array(parts[0].dropLast()), parts[1])
        }
    }

    @Test("a recording that a crash cut anywhere is replayed up to there")
    func tornTail() throws {
        let net = RecordedNet.played
        let whole = net.recording(0)
        for dropped in stride(from: 1, to: whole.count - 2_000, by: 997) {
            let (result, reader) = try replay(Array(whole.dropLast(dropped)))
            #expect(reader.tornBytes > 0 || result.steps < net.writers[0].steps)
            #expect(result.steps <= net.writers[0].steps)
        }
        for length in 0..<Recording.partHeaderLength {
            #expect(throws: RecordingError.notARecording) { try replay(Array(whole[..<length])) }
        }
    }

    @Test("a flipped bit anywhere is found")
    func damage() throws {
        let whole = RecordedNet.played.recording(0)
        var prng = Prng(seed: 3)
        for _ in 0..<400 {
            var bytes = whole
            let place = prng.int(in: 0..<bytes.count)
            bytes[place] ^= 1 << UInt8(prng.below(8))
            // A length that is too long looks like a torn tail, and then the recording is short.
            let isFound: Bool
            do {
                let (result, reader) = try replay(bytes)
                isFound = reader.tornBytes > 0 && result.steps < RecordedNet.played.writers[0].steps
            } catch { isFound = error is RecordingError }
            #expect(isFound, "byte \(place)")
        }
    }

    @Test("an event that was changed and checksummed again is found by what follows from it")
    func divergence() throws {
        let net = RecordedNet.played
        let text = Array("content 3 4".utf8)
        var blocks = net.blocks[1]
        let number = try #require(blocks.lastIndex { find(text, in: $0) != nil })
        let place = try #require(find(text, in: blocks[number]))
        blocks[number][place] ^= 1
        do {
            _ = try replay(net.part(1, of: 1, blocks))
            Issue.record("not found")
        } catch let error as ReplayError {
            guard case .diverged(_, .effects, _, _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("records in no order of a life are an error")
    func order() {
        let net = RecordedNet.played
        var out = Replay()
        #expect(throws: ReplayError.outOfOrder(after: 0)) {
            try out.take(.event(.tick, at: .zero, effects: 0))
        }
        var started = Replay()
        #expect(throws: ReplayError.outOfOrder(after: 0)) {
            try started.take(.configuration(net.nodes[0].configuration, now: .zero))
            try started.take(.durable(HardState(), snapshot: nil, chunks: 0, entries: 1))
            try started.take(.started(digest: 0))
        }
        var gap = Replay()
        #expect(throws: ReplayError.outOfOrder(after: 0)) {
            try gap.take(.configuration(net.nodes[0].configuration, now: .zero))
            try gap.take(.durable(HardState(), snapshot: nil, chunks: 0, entries: 1))
            try gap.take(.entry(entry(2, 1)))
        }
    }

    @Test("a full recording ends in place of its next block")
    func full() throws {
        let net = RecordedNet.played
        let blocks = Array(net.blocks[2][..<(net.blocks[2].count / 2)])
        let end = Recording.lastBlock(number: UInt64(blocks.count), .full)
        let (result, _) = try replay(net.part(1, of: 2, blocks) + end)
        #expect(result.end == .full)
        #expect(result.checkedAt == result.steps)
    }

    private func find(_ text: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= text.count else { return nil }
        return (0...bytes.count - text.count).first { bytes[$0...].starts(with: text) }
    }
}
