import Protocols

/// What a client sends that is no conversation.
enum Junk: UInt8, CaseIterable, Sendable {
    /// Bytes with bits set that are reserved.
    case noise
    /// A frame that says it is longer than any may be.
    case oversized
    /// A text that is no UTF-8.
    case notUTF8
    /// A frame without a mask.
    case unmasked
    /// A text in the middle of another.
    case interleaved
    /// The first half of a frame, and silence.
    case half

    /// True when the node must refuse it as soon as it is there; the half of a frame ends with the
    /// connection, by silence.
    var isRefused: Bool { self != .half }

    /// The bytes on an open WebSocket.
    func frames(_ prng: inout Prng) -> [UInt8] {
        let mask = WebSocketMask(UInt32(truncatingIfNeeded: prng.next()))
        switch self {
        case .noise:
            var bytes = (0..<prng.int(in: 16..<64)).map { _ in UInt8(prng.below(256)) }
            bytes[0] |= 0x10 << UInt8(prng.below(3))
            return bytes
        case .oversized:
            var frame = WebSocketFrame.encoded(.text, [UInt8](repeating: 97, count: 66_000))
            frame[1] |= 0x80
            return Array(frame[..<14])
        case .notUTF8: return WebSocketFrame.encoded(.text, [0x22, 0xC3, 0x28, 0x22], mask: mask)
        case .unmasked: return WebSocketFrame.encoded(.text, Array("{}".utf8))
        case .interleaved:
            return WebSocketFrame.encoded(.text, [0x7B], isFinal: false, mask: mask)
                + WebSocketFrame.encoded(.text, [0x7D], mask: mask)
        case .half:
            let frame = WebSocketFrame.encoded(.text, [UInt8](repeating: 97, count: 90), mask: mask)
            return Array(frame[..<prng.int(in: 1..<frame.count)])
        }
    }

    /// The bytes in place of a handshake.
    func handshake(_ prng: inout Prng) -> [UInt8] {
        switch self {
        case .noise: (0..<prng.int(in: 16..<64)).map { _ in UInt8(prng.below(256)) }
        case .oversized: Array("GET /".utf8) + [UInt8](repeating: 97, count: 20_000)
        case .notUTF8: Array("GET / HTTP/1.1\r\nHost: \u{1}\r\n\r\n".utf8)
        case .unmasked: Array("GET / HTTP/1.1\r\nHost: node\r\n\r\n".utf8)
        case .interleaved: Array("GET / HTTP/1.1\r\nHost : node\r\n\r\n".utf8)
        case .half: Array("GET / HTTP/1.1\r\nHos".utf8)
        }
    }
}

// What nobody should ever send: junk of clients, and messages of members that are broken.
extension World {
    // MARK: Clients

    /// Now and then a client sends junk in place of what it should; true if it did.
    mutating func spoil(_ client: Int, isHandshake: Bool) -> Bool {
        guard options.garbageChance > 0, phase == .chaos,
            clientLinks[client].prng.next() & 0xFFFF < options.garbageChance
        else { return false }
        let kinds = UInt64(Junk.allCases.count)
        let junk = Junk.allCases[Int(clientLinks[client].prng.below(kinds))]
        statistics.count(.clientGarbage)
        note { _ in "client \(client) sends junk: \(junk)" }
        let bytes =
            isHandshake
            ? junk.handshake(&clientLinks[client].prng) : junk.frames(&clientLinks[client].prng)
        clientLinks[client].wire?.isGarbled = true
        sendToHost(client, bytes)
        if junk.isRefused, let sent = clientLinks[client].wire?.sent {
            clientLinks[client].wire?.refusedBy = sent
        }
        return true
    }

    /// What has reached the host may end the junk, and then the host must have refused it.
    mutating func checkRefused(_ count: Int, _ client: Int, _ epoch: UInt32) {
        guard verdict == nil, clientLinks[client].epoch == epoch,
            var wire = clientLinks[client].wire
        else { return }
        wire.arrived += count
        clientLinks[client].wire?.arrived = wire.arrived
        guard let end = wire.refusedBy, wire.arrived >= end, wire.edge.isOpen else { return }
        fail(Violation("edge", "the junk of client \(client) is taken"))
    }

    // MARK: Members

    /// Now and then a member is broken, and tells a leader what no correct member can.
    mutating func forge(_ sender: Int, _ host: Int) {
        guard options.forgeChance > 0, phase == .chaos, verdict == nil,
            hosts[host].status == .up, hosts[host].busyUntil <= now,
            pathStreams[network.path(sender, host)].next() & 0xFFFF < options.forgeChance
        else { return }
        let peer = hosts[sender].id
        guard nodes[host].raft.role == .leader, nodes[host].connectedMembers.contains(peer) else {
            return
        }
        let term = nodes[host].raft.term
        let last = nodes[host].raft.log.last
        let body: RaftMessage.Body =
            switch pathStreams[network.path(sender, host)].below(6) {
            case 0: .heartbeat(commit: last.index, round: 1)
            case 1: .append(AppendRequest(previous: last, commit: last.index, entries: []))
            case 2:
                .snapshotChunk(
                    SnapshotChunk(
                        point: SnapshotPoint(index: last.index + 9, term: term), number: 0,
                        count: 1, bytes: [0]))
            case 3: .appendResponse(.matched(last.index.next))
            case 4: .snapshotResponse(.installed(last.index.next))
            default: .forward(kind: .checkpoint, payload: [])
            }
        statistics.count(.messageForged)
        let refused = Int(Mark.faultyPeerRefused.rawValue)
        let before = statistics.marks[refused]
        isForging = true
        step(host, .peer(peer, .raft(RaftMessage(group: .main, term: term, body: body))))
        isForging = false
        guard verdict == nil, statistics.marks[refused] == before else { return }
        fail(Violation("peer-fault", "\(hosts[host].id) takes a forged message: \(body)"))
    }
}
