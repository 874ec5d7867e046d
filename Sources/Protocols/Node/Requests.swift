/// A request that waits for its outcome.
struct PendingCommand: Equatable, Sendable {
    /// Whom to answer; `nil` for the node's own commands and for clients that are gone.
    var connection: ConnectionID?
    /// The call of another cluster to answer.
    var caller: IncomingCallID?
    var operation: Operation
    /// What a join asked for.
    var since: UInt64?
    /// The client numbers the request itself.
    var numbering: SessionRequest?
    var bytes: Int
    var deadline: Instant
    /// When it was last proposed; `nil` when that is to happen as soon as can be.
    var proposedAt: Instant?
    /// It was proposed at least once, so it may have happened.
    var mayHaveHappened = false
}

/// A read that waits to be linearizable.
struct PendingRead: Equatable, Sendable {
    enum Query: Equatable, Sendable {
        case administeredRooms, allRooms, hostedRooms
        case register(key: String)
    }

    /// Whom to answer: a client or another cluster.
    var connection: ConnectionID?
    var caller: IncomingCallID?
    var query: Query
    var deadline: Instant
    var askedAt: Instant?
    /// It may be answered once this index is applied.
    var index: LogIndex?
}

/// The requests of a node's clients that have no answer yet; bounded by `NodeLimits`.
///
/// Each has a number that counts up over the boot. It is the request's number in the node's own
/// exactly-once session, unless the client numbers its requests itself.
struct Requests: Equatable, Sendable {
    private(set) var commands: OrderedMap<UInt64, PendingCommand> = OrderedMap()
    private(set) var reads: OrderedMap<UInt64, PendingRead> = OrderedMap()
    private(set) var bytes = 0
    private var numbers: OrderedMap<ClientNumber, UInt64> = OrderedMap()
    private var lastNumber: UInt64 = 0

    private struct ClientNumber: Comparable, Sendable {
        var session: SessionID
        var sequence: UInt64

        static func < (a: ClientNumber, b: ClientNumber) -> Bool {
            (a.session, a.sequence) < (b.session, b.sequence)
        }
    }

    /// The number below which every outcome is known.
    var acknowledgedBelow: UInt64 { commands.first?.key ?? lastNumber + 1 }

    /// The earliest time at which a request has waited too long.
    @inline(__always)
    var deadline: Instant? {
        switch (commands.readFirst { $0.deadline }, reads.readFirst { $0.deadline }) {
        case (let command?, let read?): min(command, read)
        case (let command?, nil): command
        case (nil, let read): read
        }
    }

    mutating func add(_ command: PendingCommand) -> UInt64 {
        lastNumber += 1
        commands[lastNumber] = command
        bytes += command.bytes
        if let numbering = command.numbering {
            let client = ClientNumber(session: numbering.session, sequence: numbering.sequence)
            // Asked again, perhaps through another connection: the newest gets the answer.
            if let older = numbers[client] { _ = removeCommand(older) }
            numbers[client] = lastNumber
        }
        return lastNumber
    }

    mutating func add(_ read: PendingRead) -> UInt64 {
        lastNumber += 1
        reads[lastNumber] = read
        return lastNumber
    }

    /// The number of the request that a client named by its own session.
    func number(session: SessionID, sequence: UInt64) -> UInt64? {
        numbers[ClientNumber(session: session, sequence: sequence)]
    }

    mutating func removeCommand(_ number: UInt64) -> PendingCommand? {
        guard let command = commands.removeValue(forKey: number) else { return nil }
        bytes -= command.bytes
        if let numbering = command.numbering {
            let client = ClientNumber(session: numbering.session, sequence: numbering.sequence)
            if numbers[client] == number { numbers[client] = nil }
        }
        return command
    }

    mutating func removeRead(_ number: UInt64) -> PendingRead? {
        reads.removeValue(forKey: number)
    }

    mutating func updateCommand(_ number: UInt64, _ body: (inout PendingCommand) -> Void) {
        commands.update(number, body)
    }

    mutating func updateRead(_ number: UInt64, _ body: (inout PendingRead) -> Void) {
        reads.update(number, body)
    }

    /// The commands to propose: those never proposed, or proposed at `before` or earlier.
    func commandsToPropose(before: Instant) -> [UInt64] {
        commands.filter { $0.value.proposedAt.map { $0 <= before } ?? true }.map(\.key)
    }

    /// The commands that were proposed at least once.
    var proposedCommands: [UInt64] {
        commands.filter { $0.value.mayHaveHappened }.map(\.key)
    }

    /// True while anything that this client asked for waits for its answer.
    func isWaiting(_ connection: ConnectionID) -> Bool {
        hasCommand(of: connection) || reads.contains { $0.value.connection == connection }
    }

    /// True while a command of this client waits for its outcome.
    func hasCommand(of connection: ConnectionID) -> Bool {
        commands.contains { $0.value.connection == connection }
    }

    /// True while an end of sessions waits for its outcome.
    var hasPendingExpiry: Bool {
        commands.contains {
            if case .expireSessions = $0.value.operation { true } else { false }
        }
    }

    /// True while the answer to a join waits to be in the log.
    func hasPendingJoinAnswer(of cluster: ClusterName, _ number: UInt64) -> Bool {
        commands.contains {
            if case .federation(.joinAnswered(cluster, number, _, _, _)) = $0.value.operation {
                true
            } else {
                false
            }
        }
    }

    /// Has every command proposed anew.
    mutating func forgetProposals() {
        for number in proposedCommands { commands.update(number) { $0.proposedAt = nil } }
    }

    /// The reads to ask for, likewise.
    func readsToAsk(before: Instant) -> [UInt64] {
        reads.filter { $0.value.index == nil && ($0.value.askedAt.map { $0 <= before } ?? true) }
            .map(\.key)
    }

    /// The reads that may be answered when everything up to `applied` is.
    func readsReady(at applied: LogIndex) -> [UInt64] {
        reads.filter { $0.value.index.map { $0 <= applied } ?? false }.map(\.key)
    }

    func digest(into digest: inout Digest) {
        digest.combine(lastNumber)
        digest.combine(commands.count)
        digest.combine(reads.count)
        digest.combine(bytes)
    }
}
