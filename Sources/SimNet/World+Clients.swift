import Protocols

/// A client's connection as the network sees it.
struct ClientLink: Sendable {
    enum State: Equatable, Sendable {
        case closed, opening, open
    }

    var state = State.closed
    /// The host it leads to.
    var host = 0
    /// Counts connections; the generation of the connection's id on the host.
    var epoch: UInt32 = 0
    /// Nothing reaches the host before this: first in, first out.
    var toHost: Int64 = 0
    /// Nothing reaches the client before this.
    var toClient: Int64 = 0
    /// The client takes what comes.
    var reads = true
    /// Replies that the client has not taken.
    var waiting: [UInt32] = []
    /// Their bytes.
    var waitingBytes = 0
    /// The host will be told of the bytes that wait.
    var reports = false
    /// When the client is to be woken.
    var wakeFor = Instant.distantFuture
    var wakeEpoch: UInt32 = 0
    /// Both ends of the conversation in byte mode.
    var wire: ClientWire?
    /// The client takes no part in the run.
    var isMuted = false
    /// Where the delays of this connection are drawn from.
    var prng: Prng
}

// Clients and their connections.
extension World {
    // MARK: From the host

    /// A client's event is due at a host.
    mutating func handleClient(_ event: Scheduled, _ host: Int, _ client: Int) {
        let isConnected = hosts[host].connected[client] == event.epoch
        let connection = ConnectionID(slot: UInt32(client), generation: event.epoch)
        switch event.kind {
        case .clientConnect:
            guard hosts[host].unreachableUntil <= now else {
                refuseClient(event)
                return
            }
            hosts[host].connected[client] = event.epoch
            if clientLinks[client].epoch == event.epoch {
                let time = arrivalAtClient(client)
                push(.clientOpened, at: time, other: client, epoch: event.epoch)
                // In byte mode the node hears of the client once the handshake is done.
                guard clientLinks[client].wire == nil else {
                    armEdge(client, host)
                    return
                }
            }
            step(host, .connected(connection))
        case .clientRequest:
            let request = requests.take(event.payload)
            guard isConnected else { return }
            ask(request, connection, host)
        case .clientBytes:
            let bytes = segments.take(event.payload)
            guard isConnected, clientLinks[client].epoch == event.epoch else { return }
            receiveAtHost(bytes, client, host)
        case .clientGone where isConnected:
            hosts[host].connected[client] = 0
            tellWallClock(host)
            guard hosts[host].status == .up else { return }
            step(host, .disconnected(connection))
        case .edgeTick
        where event.payload == hosts[host].life && clientLinks[client].epoch == event.epoch:
            tickEdge(client, host)
        case .backlog where isConnected && clientLinks[client].epoch == event.epoch:
            clientLinks[client].reports = false
            step(host, .backlog(connection, bytes: clientLinks[client].waitingBytes))
        default: break
        }
    }

    /// Hands a client's request to the node, with the time on its wall clock before it.
    mutating func ask(_ request: ClientRequest, _ connection: ConnectionID, _ host: Int) {
        tellWallClock(host)
        guard hosts[host].status == .up else { return }
        step(host, .request(connection, request))
    }

    /// Sends one message to a client, if its connection is still there.
    mutating func tell(_ connection: ConnectionID, _ message: ServerMessage, _ host: Int) {
        guard connection.generation > strangers else { return }
        let client = Int(connection.slot)
        guard client < clientLinks.count else {
            fail(Violation("addressing", "\(hosts[host].id) replies to connection \(client)"))
            return
        }
        guard hosts[host].connected[client] == connection.generation,
            clientLinks[client].epoch == connection.generation
        else { return }
        if clientLinks[client].wire != nil {
            tellBytes(client, message)
            return
        }
        push(
            .clientMessage, at: arrivalAtClient(client), other: client,
            payload: replies.put(message), epoch: connection.generation)
    }

    /// The node ends a connection, after what it sent before.
    mutating func close(_ connection: ConnectionID, _ reason: CloseReason, _ host: Int) {
        let client = Int(connection.slot)
        guard client < clientLinks.count, hosts[host].connected[client] == connection.generation
        else { return }
        hosts[host].connected[client] = 0
        guard clientLinks[client].epoch == connection.generation else { return }
        if clientLinks[client].wire != nil {
            closeBytes(client, reason)
            return
        }
        push(
            .clientClosed, at: arrivalAtClient(client), other: client,
            payload: UInt32(reason.code), epoch: connection.generation)
    }

    // MARK: At the client

    mutating func onClientEvent(_ event: Scheduled) {
        let client = Int(event.other)
        let isCurrent = clientLinks[client].epoch == event.epoch
        switch event.kind {
        case .clientWake:
            guard event.epoch == clientLinks[client].wakeEpoch else { return }
            clientLinks[client].wakeFor = .distantFuture
            stepClient(client, .wake)
        case .clientOpened:
            guard isCurrent, clientLinks[client].state == .opening else { return }
            guard clientLinks[client].wire == nil else {
                beginHandshake(client)
                return
            }
            clientLinks[client].state = .open
            stepClient(client, .connected(hosts[clientLinks[client].host].id))
        case .clientMessage:
            guard isCurrent, clientLinks[client].state == .open else {
                _ = replies.take(event.payload)
                return
            }
            guard clientLinks[client].reads, clientLinks[client].waiting.isEmpty else {
                keepWaiting(event.payload, client)
                return
            }
            stepClient(client, .message(replies.take(event.payload)))
        case .clientDrain where isCurrent: drainWaiting(client)
        case .clientDrain: break
        case .serverBytes:
            let bytes = segments.take(event.payload)
            guard isCurrent, clientLinks[client].state != .closed else { return }
            receiveAtClient(bytes, client)
        case .clientClosed:
            guard isCurrent, clientLinks[client].state != .closed else { return }
            endConnection(client)
            let code = UInt16(truncatingIfNeeded: event.payload)
            stepClient(client, .disconnected(code: code == 0 ? nil : code))
        default: preconditionFailure("\(event.kind) is not for a client")
        }
    }

    /// The client does not take a message now; the host is told how much waits.
    mutating func keepWaiting(_ reply: UInt32, _ client: Int) {
        clientLinks[client].waiting.append(reply)
        clientLinks[client].waitingBytes += replies.peek(reply).estimatedSize
        reportWaiting(client)
    }

    /// Schedules to tell the host how much waits.
    mutating func reportWaiting(_ client: Int) {
        guard !clientLinks[client].reports else { return }
        clientLinks[client].reports = true
        push(
            .backlog, after: draw(client: client, .microseconds(10), .milliseconds(1)),
            host: clientLinks[client].host, other: client, epoch: clientLinks[client].epoch)
    }

    /// The client reads again: it takes what waits, as long as it goes on reading.
    private mutating func drainWaiting(_ client: Int) {
        guard clientLinks[client].wire == nil else {
            if clientLinks[client].reads { drainHeld(client) }
            return
        }
        let epoch = clientLinks[client].epoch
        while clientLinks[client].reads, !clientLinks[client].waiting.isEmpty, verdict == nil {
            let reply = replies.take(clientLinks[client].waiting.removeFirst())
            clientLinks[client].waitingBytes -= reply.estimatedSize
            stepClient(client, .message(reply))
            guard clientLinks[client].epoch == epoch else { return }
        }
        reportWaiting(client)
    }

    /// Hands one event to a client and performs the effects.
    mutating func stepClient(_ client: Int, _ event: ClientEvent) {
        digest.combine(UInt64(bitPattern: now) << 8 | 0x80 | UInt64(client))
        var box = Outbox<ClientEffect>()
        swap(&box, &clientOutbox)
        let deadline = clients[client].step(event, at: Instant(nanoseconds: now), into: &box)
        if trace != nil { traceClient(client, event, box.effects) }
        if recorder != nil { recordClient(client, event, box.effects) }
        for position in box.effects.indices { perform(box.effects[position], client) }
        box.removeAll()
        swap(&box, &clientOutbox)
        armClient(client, deadline)
    }

    /// Schedules the client's next waking.
    mutating func armClient(_ client: Int, _ deadline: Instant?) {
        guard let deadline, deadline < clientLinks[client].wakeFor, takesPart(client)
        else { return }
        clientLinks[client].wakeFor = deadline
        clientLinks[client].wakeEpoch &+= 1
        push(
            .clientWake, at: max(now, deadline.nanoseconds), other: client,
            epoch: clientLinks[client].wakeEpoch)
    }

    private mutating func perform(_ effect: ClientEffect, _ client: Int) {
        switch effect {
        case .connect(let node): connect(client, Int(node.rawValue) - 1)
        case .disconnect: leave(client)
        case .request(let request): send(request, client)
        case .pauseReading(let pauses):
            guard clientLinks[client].reads == pauses else { return }
            clientLinks[client].reads = !pauses
            if pauses {
                statistics.count(.slowReader)
            } else if clientLinks[client].waitingBytes > 0 {
                push(.clientDrain, other: client, epoch: clientLinks[client].epoch)
            }
        case .record(let observation):
            if client < options.load.scripted { observations?.append((client, observation)) }
            if case .visitor = clients[client] {
                abroad?.observed.append((client, observation))
                return
            }
            do throws(Violation) {
                try checkers.observed(
                    ClientID(client), observation, at: Instant(nanoseconds: now))
            } catch {
                fail(error)
            }
        }
    }

    /// The client does anything at all.
    func takesPart(_ client: Int) -> Bool { !clientLinks[client].isMuted }

    // MARK: Connections

    private mutating func connect(_ client: Int, _ host: Int) {
        precondition(hosts.indices.contains(host), "a client connects to a member")
        if clientLinks[client].state != .closed { leave(client) }
        clientLinks[client].epoch &+= 1
        clientLinks[client].state = .opening
        clientLinks[client].host = host
        clientLinks[client].wire = newWire(client)
        push(
            .clientConnect, at: arrivalAtHost(client), host: host, other: client,
            epoch: clientLinks[client].epoch)
    }

    /// The client closes its connection.
    private mutating func leave(_ client: Int) {
        guard clientLinks[client].state != .closed else { return }
        push(
            .clientGone, at: arrivalAtHost(client), host: clientLinks[client].host, other: client,
            epoch: clientLinks[client].epoch)
        endConnection(client)
    }

    private mutating func send(_ request: ClientRequest, _ client: Int) {
        guard clientLinks[client].state == .open else { return }
        if clientLinks[client].wire != nil {
            sendBytes(request, client)
            return
        }
        push(
            .clientRequest, at: arrivalAtHost(client), host: clientLinks[client].host,
            other: client, payload: requests.put(request), epoch: clientLinks[client].epoch)
    }

    /// The client's end is closed; nothing of this connection reaches it any more.
    mutating func endConnection(_ client: Int) {
        clientLinks[client].state = .closed
        clientLinks[client].epoch &+= 1
        for reply in clientLinks[client].waiting { _ = replies.take(reply) }
        clientLinks[client].waiting.removeAll(keepingCapacity: true)
        clientLinks[client].waitingBytes = 0
        clientLinks[client].reports = false
        clientLinks[client].wire = nil
    }

    /// A connection cannot be had: the client hears of it.
    mutating func refuseClient(_ event: Scheduled) {
        let client = Int(event.other)
        guard clientLinks[client].epoch == event.epoch else { return }
        push(
            .clientClosed, after: draw(client: client, .microseconds(100), .milliseconds(100)),
            other: client, epoch: event.epoch)
    }

    /// The connection of a client to a host is lost; each end learns of it on its own.
    mutating func dropClient(_ client: Int, _ host: Int, code: UInt16, within: Interval) {
        let epoch = hosts[host].connected[client]
        guard epoch != 0 else { return }
        let delay = draw(client: client, .zero, within)
        if clientLinks[client].epoch == epoch {
            push(
                .clientClosed, at: max(now + delay.nanoseconds, clientLinks[client].toClient),
                other: client, payload: UInt32(code), epoch: epoch)
        }
        push(
            .clientGone, at: max(now + delay.nanoseconds, clientLinks[client].toHost), host: host,
            other: client, epoch: epoch)
    }

    /// When what is sent now reaches the host.
    mutating func arrivalAtHost(_ client: Int) -> Int64 {
        let time = now + clientDelay(client)
        clientLinks[client].toHost = max(clientLinks[client].toHost, time)
        return clientLinks[client].toHost
    }

    /// When what is sent now reaches the client.
    mutating func arrivalAtClient(_ client: Int) -> Int64 {
        let time = now + clientDelay(client)
        clientLinks[client].toClient = max(clientLinks[client].toClient, time)
        return clientLinks[client].toClient
    }

    private mutating func clientDelay(_ client: Int) -> Int64 {
        options.latency.nanoseconds
            + Int64(clientLinks[client].prng.below(UInt64(options.jitter.nanoseconds) + 1))
    }
}

extension ServerMessage {
    /// About how many bytes the message takes on the wire.
    var estimatedSize: Int {
        switch self {
        case .newMessage(_, let message): 160 + message.content.utf8.count
        case .roomsList(let rooms), .globalRoomsList(let rooms, _): 60 + rooms.count * 160
        case .joined(let reply): 200 + reply.members.count * 12
        case .registerValue(_, let value), .registerMismatch(_, let value):
            80 + value.value.count
        default: 140
        }
    }
}
