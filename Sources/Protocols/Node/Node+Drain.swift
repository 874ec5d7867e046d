/// A node on its way to a stop that was asked for.
struct Drain: Equatable, Sendable {
    /// When it ends, whatever is left.
    let until: Instant
    /// When each connection is to go; the next one last.
    private(set) var closing: [Closing]

    struct Closing: Comparable, Sendable {
        let at: Instant
        let connection: ConnectionID

        static func < (a: Closing, b: Closing) -> Bool {
            a.at == b.at ? a.connection < b.connection : a.at < b.at
        }
    }

    init(_ closing: [Closing], until: Instant) {
        self.closing = closing.sorted { $0 > $1 }
        self.until = until
    }

    var deadline: Instant { min(until, closing.last?.at ?? until) }

    /// The next connection whose time has come.
    mutating func next(_ now: Instant) -> ConnectionID? {
        guard let last = closing.last, last.at <= now else { return nil }
        closing.removeLast()
        return last.connection
    }

    /// Has a connection go at a later time.
    mutating func postpone(_ connection: ConnectionID, to time: Instant) {
        let item = Closing(at: time, connection: connection)
        let place = closing.firstIndex { $0 < item } ?? closing.count
        closing.insert(item, at: place)
    }
}

/// From the wish to stop to the stop.
///
/// Clients are closed with 1012 one by one, at times drawn over a span that grows with their
/// number, so that they do not come to the other nodes all at once. Until its time each is served
/// as ever; from then on its new requests are refused, and it is closed when the earlier ones are
/// answered. The node stops when nobody is left, its memberships have ended and another node leads.
extension Node {
    /// What one connection adds to the span over which all are closed.
    static let drainPause = Interval.milliseconds(2)
    /// How long after that span the node waits for what is pending.
    static let drainPatience = Interval.seconds(3)
    /// When a connection whose requests are pending is looked at again.
    static let drainRetry = Interval.milliseconds(20)

    /// The operator wants the node to stop.
    mutating func onDrain(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        guard !upkeep.isDraining else { return }
        let open = fanOut.openConnections
        let span = min(configuration.limits.drainSpan, Node.drainPause * Int64(open.count))
        var closing: [Drain.Closing] = []
        for connection in open {
            let at = now + prng.interval(from: .zero, to: span)
            closing.append(Drain.Closing(at: at, connection: connection))
        }
        upkeep.drain = Drain(closing, until: now + span + Node.drainPatience)
        drive(.transfer(nil), now, into: &out)
        goOnDraining(now, into: &out)
    }

    mutating func goOnDraining(_ now: Instant, into out: inout Outbox<NodeEffect>) {
        guard upkeep.isDraining else { return }
        while let connection = upkeep.drain?.next(now) {
            fanOut.refuseRequests(of: connection)
            if requests.isWaiting(connection) || federation.isWaiting(connection) {
                upkeep.drain?.postpone(connection, to: now + Node.drainRetry)
            } else if fanOut.isOpen(connection) {
                drop(connection, .serviceRestart, now, into: &out)
            }
        }
        let isIdle =
            fanOut.clients.isEmpty && pendingCount == 0
            && (raft.role != .leader || raft.quorum.voters.count == 1)
        guard isIdle || upkeep.drain.map({ now >= $0.until }) ?? false else { return }
        closeAll(into: &out)
        halt(.drained, into: &out)
    }

    /// A client that had begun to connect when the node was told to stop.
    mutating func onConnected(
        _ connection: ConnectionID, _ now: Instant, into out: inout Outbox<NodeEffect>
    ) {
        fanOut.open(connection, now)
        if upkeep.isDraining { drop(connection, .serviceRestart, now, into: &out) }
    }
}
