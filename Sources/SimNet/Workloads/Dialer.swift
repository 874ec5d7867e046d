import Protocols

/// A client's one connection: whom to call, when, and for how long to wait.
struct Dialer: Equatable, Sendable {
    /// Where the connection stands.
    enum State: Equatable, Sendable {
        /// No connection; the next is tried at this time.
        case down(until: Instant)
        /// Trying until this time. Becomes `open` or `down`.
        case opening(until: Instant)
        /// Open. Becomes `down`.
        case open
    }

    private(set) var state: State
    private let nodes: [NodeID]
    private var next: Int
    private var failures = 0
    /// It calls the same node again whatever happens.
    var isPinned = false

    /// How long to wait for a connection.
    static let patience = Interval.seconds(2)

    init(nodes: [NodeID], firstTry: Instant, prng: inout Prng) {
        precondition(!nodes.isEmpty, "a client needs a node to call")
        self.nodes = nodes
        next = prng.int(in: 0..<nodes.count)
        state = .down(until: firstTry)
    }

    var isOpen: Bool { state == .open }

    /// When something is to be done about the connection.
    var deadline: Instant? {
        switch state {
        case .down(let until), .opening(let until): until
        case .open: nil
        }
    }

    /// Does what is due; a client calls it in every step.
    mutating func advance(
        _ now: Instant, _ prng: inout Prng, into out: inout Outbox<ClientEffect>
    ) {
        switch state {
        case .down(let until):
            guard now >= until else { return }
            out.emit(.connect(nodes[next]))
            state = .opening(until: now + Dialer.patience)
        case .opening(let until):
            guard now >= until else { return }
            hangUp(now, &prng, into: &out)
        case .open:
            break
        }
    }

    mutating func connected() {
        state = .open
        failures = 0
    }

    /// The connection is gone or was refused: the next node is tried after a while.
    mutating func lost(_ now: Instant, _ prng: inout Prng) {
        if case .down = state { return }
        failures = min(failures + 1, 6)
        if !isPinned {
            next = (next + 1 + prng.int(in: 0..<max(1, nodes.count - 1))) % nodes.count
        }
        let longest = Interval.milliseconds(20) * Int64(1 << failures)
        state = .down(until: now + prng.interval(from: .milliseconds(10), to: longest))
    }

    /// Calls this node at once, and no other until `isPinned` is taken back.
    mutating func turn(
        to node: NodeID, _ now: Instant, into out: inout Outbox<ClientEffect>
    ) {
        if case .down = state {} else { out.emit(.disconnect) }
        next = nodes.firstIndex(of: node) ?? next
        isPinned = true
        state = .down(until: now)
    }

    /// Ends the connection, or the attempt, and turns to another node.
    mutating func hangUp(
        _ now: Instant, _ prng: inout Prng, into out: inout Outbox<ClientEffect>
    ) {
        if case .down = state { return }
        out.emit(.disconnect)
        lost(now, &prng)
    }
}
