import Protocols

/// A simulated client: a machine of its own that the world drives as it drives nodes.
///
/// A value without a clock or randomness of its own; equal seeds and events give equal effects.
public enum SimClient: Equatable, Sendable {
    /// Talks in rooms.
    case chat(ChatClient)
    /// Reads and writes registers.
    case register(RegisterClient)
    /// Talks in rooms of several clusters.
    case visitor(VisitorClient)

    /// Takes one event and puts out what the client does; returns when it wants to be woken.
    @discardableResult
    public mutating func step(
        _ event: ClientEvent, at now: Instant, into out: inout Outbox<ClientEffect>
    ) -> Instant? {
        // Consumed, so that the payload is changed in place and not copied.
        switch consume self {
        case .chat(var client):
            let deadline = client.step(event, at: now, into: &out)
            self = .chat(client)
            return deadline
        case .register(var client):
            let deadline = client.step(event, at: now, into: &out)
            self = .register(client)
            return deadline
        case .visitor(var client):
            let deadline = client.step(event, at: now, into: &out)
            self = .visitor(client)
            return deadline
        }
    }

    /// What the client does from here on is drawn from another stream.
    mutating func reseed(_ prng: Prng) {
        switch consume self {
        case .chat(var client):
            client.prng = prng
            self = .chat(client)
        case .register(var client):
            client.prng = prng
            self = .register(client)
        case .visitor(var client):
            client.prng = prng
            self = .visitor(client)
        }
    }

    /// When the client wants to be woken; `nil` when it waits for events alone.
    public var deadline: Instant? {
        switch self {
        case .chat(let client): client.deadline
        case .register(let client): client.deadline
        case .visitor(let client): client.deadline
        }
    }

    /// True when, after `quiesce`, all that was pending is answered and one more request of each
    /// kind has succeeded.
    public var isSatisfied: Bool {
        switch self {
        case .chat(let client): client.isSatisfied
        case .register(let client): client.isSatisfied
        case .visitor(let client): client.isSatisfied
        }
    }

    /// The rooms that it has joined and not left on a connection that is open, with its name there.
    var seats: [(room: UniqueID, user: TextKey)] {
        guard case .chat(let client) = self, client.dialer.isOpen else { return [] }
        return client.rooms.compactMap { room in
            guard room.isJoined, let id = room.id else { return nil }
            return (id, TextKey(client.user))
        }
    }

    /// The first answer that is not among those that the protocol documents; nil if all were.
    public var surprise: String? {
        switch self {
        case .chat(let client): client.surprise
        case .register(let client): client.surprise
        case .visitor(let client): client.surprise
        }
    }

    /// How many answers were held against the protocol.
    public var answerCount: Int {
        switch self {
        case .chat(let client): client.answerCount
        case .register(let client): client.answerCount
        case .visitor(let client): client.answerCount
        }
    }

    /// What the client is waiting for, for reports of a run that got stuck.
    public var waitsFor: String {
        switch self {
        case .chat(let client): client.waitsFor
        case .register(let client): client.waitsFor
        case .visitor(let client): client.waitsFor
        }
    }
}

extension RequestError {
    /// True when the client should ask again: nobody is to blame.
    var isTransient: Bool {
        switch self {
        case .unavailable, .outcomeUnknown, .overloaded, .stateFull, .rateLimited: true
        case .invalidRequest, .invalidContent, .roomNotFound, .nameTaken, .notMember,
            .sessionExpired, .alreadyAcknowledged, .roomLimit, .roomFull, .unauthorized,
            .invalidState, .deletionFailed:
            false
        }
    }
}
