import Protocols

// What a world tells its recorder, where it has one. Each of these is called only then.
extension World {
    /// Starts to record the run for a report.
    public mutating func beginRecording() {
        var book = Recorder(nodes: hosts.count, clients: clients.count)
        book.look(at: self, -1)
        recorder = book
    }

    /// One event is over.
    mutating func recordTurn(_ event: Scheduled) {
        guard var book = recorder.take() else { return }
        let isOfHost = event.kind.isForHost || event.kind == .wake
        book.look(at: self, isOfHost ? Int(event.host) : -1)
        recorder = book
    }

    /// A message to a peer is scheduled to arrive.
    mutating func recordPost(_ message: PeerMessage, _ from: Int, _ to: Int, slot: UInt32) {
        recorder?.post(
            message, from, to, slot: slot,
            duplicates: statistics.faults[Int(Fault.messageDuplicated.rawValue)], at: now)
    }

    /// A message to a peer is lost.
    mutating func recordLoss(_ message: PeerMessage, _ from: Int, _ to: Int) {
        let isCut = network.paths[network.path(from, to)].isCut
        recorder?.lose(message, from, to, isCut ? .cut : .lost, at: now)
    }

    /// A node handled an event; its effects are about to be performed.
    mutating func recordStep(_ host: Int, _ event: NodeEvent, _ effects: [NodeEffect]) {
        guard var book = recorder.take() else { return }
        defer { recorder = book }
        book.steps += 1
        switch event {
        case .request(let connection, let request): book.asked(connection, request, at: now)
        case .persisted(let token): book.written(host, token, isSnapshot: false, at: now)
        case .snapshotSaved(let token): book.written(host, token, isSnapshot: true, at: now)
        case .peerUp(let peer): book.tell(host, .link, "link to \(peer) is up", at: now)
        case .peerDown(let peer): book.tell(host, .link, "link to \(peer) is down", at: now)
        case .drain: book.tell(host, .told, "is drained", at: now)
        case .transfer(let target):
            let whom = target.map { "\($0)" } ?? "the best member"
            book.tell(host, .told, "is to hand over to \(whom)", at: now)
        case .tick, .peer, .rpc, .called, .connected, .disconnected, .backlog, .wallClock: break
        }
        for effect in effects {
            switch effect {
            case .persist(let write, let token):
                book.write(host, token, isSnapshot: false, ReportText.text(write), at: now)
            case .saveSnapshot(let snapshot, let token):
                let text = "snapshot at \(snapshot.point.index.rawValue), \(snapshot.size) bytes"
                book.write(host, token, isSnapshot: true, text, at: now)
            case .reply(let connection, let message):
                recordReply(host, connection, message, isFanOut: false, &book)
            case .deliver(let connections, let message):
                for connection in connections {
                    recordReply(host, connection, message, isFanOut: true, &book)
                }
            case .close(let connection, let reason):
                book.tell(host, .told, "closes client \(connection.slot): \(reason)", at: now)
            case .note(.roleChanged): break
            case .note(let note): book.tell(host, .told, "\(note)", at: now)
            case .halt(let reason): book.tell(host, .told, "halts: \(reason)", at: now)
            case .call(_, let cluster, let call, _):
                book.tell(host, .told, "asks \(cluster): \(call)", at: now)
            case .send, .compactLog, .abandonCall, .answer: break
            }
        }
    }

    private func recordReply(
        _ host: Int, _ connection: ConnectionID, _ message: ServerMessage, isFanOut: Bool,
        _ book: inout Recorder
    ) {
        let client = Int(connection.slot)
        guard clientLinks.indices.contains(client),
            hosts[host].connected[client] == connection.generation,
            clientLinks[client].epoch == connection.generation
        else { return }
        book.reply(host, connection, message, isFanOut: isFanOut, at: now)
    }

    /// A client handled an event; its effects are about to be performed.
    mutating func recordClient(_ client: Int, _ event: ClientEvent, _ effects: [ClientEffect]) {
        guard var book = recorder.take() else { return }
        defer { recorder = book }
        let link = clientLinks[client]
        switch event {
        case .message(let message):
            book.replied(client, link.epoch, message, at: now)
            book.operations.message(client, message, at: now)
        case .disconnected: book.operations.disconnected(client, at: now)
        case .wake, .connected, .quiesce, .order: break
        }
        for effect in effects {
            switch effect {
            case .request(let request):
                guard link.state == .open else { continue }
                book.ask(client, link.host, link.epoch, request, at: now)
                book.operations.request(client, request, host: link.host, at: now)
            case .record(let observation):
                book.operations.observe(client, observation, host: link.host, at: now)
            case .disconnect: book.operations.disconnected(client, at: now)
            case .connect, .pauseReading: break
            }
        }
    }
}

extension Recorder {
    /// Something happened at a node.
    mutating func tell(_ host: Int, _ kind: Moment.Kind, _ text: String, at now: Int64) {
        moments.append(Moment(time: now, host: host, kind: kind, text: intern(text)))
    }

    /// A write is on its way to the disk.
    mutating func write(
        _ host: Int, _ token: PersistToken, isSnapshot: Bool, _ text: String, at now: Int64
    ) {
        waiting[host].append(writes.count)
        writes.append(
            Write(
                host: host, start: now, isSnapshot: isSnapshot, token: token.sequence,
                text: intern(text)))
    }

    /// A node heard that its writes up to this one are durable.
    mutating func written(_ host: Int, _ token: PersistToken, isSnapshot: Bool, at now: Int64) {
        waiting[host].removeAll { position in
            guard writes[position].isSnapshot == isSnapshot,
                isSnapshot
                    ? writes[position].token == token.sequence
                    : writes[position].token <= token.sequence
            else { return false }
            writes[position].end = now
            return true
        }
    }

    /// A process is gone, and with it all that waits for its disk.
    mutating func crashed(_ host: Int) { waiting[host].removeAll() }
}
