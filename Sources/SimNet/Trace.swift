import Protocols

/// The readable form of what happens in a world; lines are made only while a trace is written.
enum Trace {
    /// Virtual time in seconds, down to the microsecond.
    static func time(_ now: Int64) -> String {
        let digits = String(now / 1_000 % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - digits.utf8.count)
        return "\(now / 1_000_000_000).\(zeros)\(digits)"
    }

    static func text(_ event: NodeEvent) -> String {
        switch event {
        case .peer(let peer, let message): "from \(peer): \(text(message))"
        case .request(let connection, let request): "client \(connection.slot): \(request)"
        case .persisted(let token): "persisted \(token.sequence)"
        case .snapshotSaved(let token): "snapshotSaved \(token.sequence)"
        case .tick: "tick"
        case .peerUp(let peer): "peerUp \(peer)"
        case .peerDown(let peer): "peerDown \(peer)"
        case .connected(let connection): "client \(connection.slot) connected"
        case .disconnected(let connection): "client \(connection.slot) disconnected"
        case .backlog(let connection, let bytes): "client \(connection.slot) backlog \(bytes)"
        case .wallClock(let wall): "wallClock \(wall.milliseconds)"
        case .drain: "drain"
        case .rpc(let id, let call, _): "call \(id.rawValue): \(call)"
        case .called(let id, let result): "answer to \(id.rawValue): \(result)"
        case .transfer(let target): "transfer to \(target.map { "\($0)" } ?? "the best")"
        }
    }

    static func text(_ effect: NodeEffect) -> String {
        switch effect {
        case .send(let peer, let message): "to \(peer): \(text(message))"
        case .persist(let write, let token): "persist \(token.sequence): \(text(write))"
        case .saveSnapshot(let snapshot, let token):
            "saveSnapshot \(token.sequence): \(text(snapshot.point)), \(snapshot.size) bytes"
        case .compactLog(let index): "compactLog through \(index.rawValue)"
        case .reply(let connection, let message): "reply to \(connection.slot): \(message)"
        case .deliver(let connections, let message):
            "deliver to \(connections.map(\.slot)): \(message)"
        case .close(let connection, let reason): "close \(connection.slot): \(reason)"
        case .note(let note): "note \(note)"
        case .call(let id, let cluster, let call, _): "call \(id.rawValue) to \(cluster): \(call)"
        case .abandonCall(let id): "abandon \(id.rawValue)"
        case .answer(let id, let answer): "answer \(id.rawValue): \(answer)"
        case .halt(let reason): "halt \(reason)"
        }
    }

    static func text(_ message: PeerMessage) -> String {
        switch message {
        case .hello(let hello): "hello founders \(hello.founders.count)"
        case .raft(let message): "[\(message.term.rawValue)] \(text(message.body))"
        }
    }

    static func text(_ body: RaftMessage.Body) -> String {
        switch body {
        case .append(let request):
            "append \(request.entries.count) after \(text(request.previous))"
                + " commit \(request.commit.rawValue)"
        case .appendResponse(.matched(let index)): "matched \(index.rawValue)"
        case .appendResponse(.rejected(let previous, let hint)):
            "rejected \(previous.rawValue) hint \(text(hint))"
        case .heartbeat(let commit, let round): "heartbeat \(round) commit \(commit.rawValue)"
        case .heartbeatResponse(let round): "heartbeatResponse \(round)"
        case .snapshotChunk(let chunk):
            "snapshotChunk \(chunk.number)/\(chunk.count) of \(text(chunk.point))"
        case .forward(let kind, let payload): "forward \(kind), \(payload.count) bytes"
        case .preVoteRequest(let request): "preVoteRequest last \(text(request.last))"
        case .voteRequest(let request):
            "voteRequest last \(text(request.last))\(request.transfer ? " transfer" : "")"
        case .readRequest(let read): "readRequest \(read.sequence)"
        case .readResponse(let read, let index):
            "readResponse \(read.sequence): \(index.map { "\($0.rawValue)" } ?? "later")"
        case .preVoteResponse(let granted): "preVoteResponse \(granted)"
        case .voteResponse(let granted): "voteResponse \(granted)"
        case .snapshotResponse(.wants(let number, let index)):
            "wants chunk \(number) of \(index.rawValue)"
        case .snapshotResponse(.installed(let index)): "installed \(index.rawValue)"
        case .timeoutNow: "timeoutNow"
        }
    }

    private static func text(_ point: SnapshotPoint) -> String {
        "\(point.index.rawValue)@\(point.term.rawValue)"
    }

    private static func text(_ write: LogWrite) -> String {
        var parts: [String] = []
        if let state = write.hardState {
            parts.append(
                "term \(state.term.rawValue) vote \(state.vote.map(\.description) ?? "nobody")")
        }
        if let start = write.startAfter { parts.append("start after \(text(start))") }
        if let first = write.entries.first, let last = write.entries.last {
            parts.append(
                "entries \(first.index.rawValue)...\(last.index.rawValue)@\(last.term.rawValue)")
        }
        return parts.joined(separator: ", ")
    }
}

extension World {
    /// Writes one step of a node.
    mutating func traceStep(_ host: Int, _ event: NodeEvent, _ effects: [NodeEffect]) {
        note { "\($0.hosts[host].id) \(Trace.text(event))" }
        for effect in effects { trace?.append("          -> \(Trace.text(effect))") }
    }

    /// Writes one step of a client.
    mutating func traceClient(_ client: Int, _ event: ClientEvent, _ effects: [ClientEffect]) {
        note { _ in "client\(client) \(event)" }
        for effect in effects { trace?.append("          => \(effect)") }
    }
}
