import Protocols

/// The clients' side of a run: what each asked, when it was answered, and how.
struct Operations: Sendable {
    /// How an operation ended.
    enum Outcome: UInt8, CaseIterable, Sendable {
        /// No answer when the run was over.
        case pending
        /// Done.
        case done
        /// Answered, and nothing was done.
        case refused
        /// It may have been done or may yet be.
        case unknown
    }

    /// One operation.
    struct Operation: Equatable, Sendable {
        var client: Int
        var invoked: Int64
        /// -1 as long as there is no answer.
        var returned: Int64 = -1
        var outcome = Outcome.pending
        var text: String
        var result = ""
        /// The node that the client was connected to.
        var host: Int
    }

    /// Names an operation that waits for its answer.
    private struct Name: Hashable, Sendable {
        var client: Int
        var text: String
    }

    /// In order of invocation.
    private(set) var all: [Operation] = []
    private var open: [Name: Int] = [:]
    /// Operations answered in order, by client: what is no register's and no message's.
    private var others: [[(kind: String, operation: Int)]] = []

    /// A client recorded an observation.
    mutating func observe(
        _ client: Int, _ observation: Observation, host: Int, at now: Int64
    ) {
        switch observation {
        case .invoked(let call):
            let text = call.write.map { ReportText.text(call.key, $0) } ?? "read \(call.key)"
            begin(Name(client: client, text: "op\(call.operation)"), text, host, now)
        case .returned(let operation, let result):
            let isDone =
                switch result {
                case .value, .written: true
                case .mismatch, .failed: false
                }
            end(
                Name(client: client, text: "op\(operation)"), isDone ? .done : .refused,
                ReportText.text(result), now)
        case .abandoned(let operation):
            end(Name(client: client, text: "op\(operation)"), .unknown, "given up", now)
        case .submitted(let room, let id):
            begin(
                Name(client: client, text: id), "send \(id) to \(ReportText.text(room))", host, now)
        case .acknowledged(_, let id, _, let sequence):
            end(Name(client: client, text: id), .done, "acknowledged as #\(sequence)", now)
        case .joined, .received, .detached: break
        }
    }

    /// A client sends a request; those that the client records no observation of begin here.
    mutating func request(_ client: Int, _ request: ClientRequest, host: Int, at now: Int64) {
        let kind: String
        switch request {
        case .listRooms: kind = "list"
        case .discoverRooms: kind = "discover"
        case .createRoom: kind = "create"
        case .joinRoom: kind = "join"
        case .leaveRoom: kind = "leave"
        case .openSession: kind = "session"
        case .deleteRoom: kind = "delete"
        case .sendMessage, .readRegister, .writeRegister: return
        }
        while others.count <= client { others.append([]) }
        others[client].append((kind, all.count))
        all.append(
            Operation(
                client: client, invoked: now, text: ReportText.text(request), host: host))
    }

    /// A client takes a message.
    mutating func message(_ client: Int, _ message: ServerMessage, at now: Int64) {
        let text = ReportText.text(message)
        switch message {
        case .roomsList: answer(client, "list", .done, text, now)
        case .globalRoomsList: answer(client, "discover", .done, text, now)
        case .deletionDone: answer(client, "delete", .done, text, now)
        case .deletionFailed(_, _, let error, _):
            answer(client, "delete", outcome(error), text, now)
        case .roomCreated: answer(client, "create", .done, text, now)
        case .createFailed(let error): answer(client, "create", outcome(error), text, now)
        case .joined: answer(client, "join", .done, text, now)
        case .joinFailed(_, let error): answer(client, "join", outcome(error), text, now)
        case .left: answer(client, "leave", .done, text, now)
        case .leaveFailed(_, let error): answer(client, "leave", outcome(error), text, now)
        case .sessionOpened: answer(client, "session", .done, text, now)
        case .failed(let error):
            if let first = others.indices.contains(client) ? others[client].first : nil {
                answer(client, first.kind, outcome(error), text, now)
            }
        case .messageFailed(_, let id, let error):
            // The client may send it again: an acknowledgement still counts.
            guard let id, let found = open[Name(client: client, text: id)] else { return }
            finish(found, outcome(error), "\(error)", now)
        case .deletionBegun, .roomDeleted, .messageSent, .newMessage, .memberJoined, .memberLeft,
            .registerValue,
            .registerWritten, .registerMismatch, .registerFailed:
            break
        }
    }

    /// A client lost its connection: what it asked there will not be answered.
    mutating func disconnected(_ client: Int, at now: Int64) {
        guard others.indices.contains(client) else { return }
        for other in others[client] {
            finish(other.operation, .unknown, "connection lost", now)
        }
        others[client].removeAll()
    }

    private mutating func begin(_ name: Name, _ text: String, _ host: Int, _ now: Int64) {
        open[name] = all.count
        all.append(Operation(client: name.client, invoked: now, text: text, host: host))
    }

    private mutating func end(
        _ name: Name, _ outcome: Outcome, _ result: String, _ now: Int64
    ) {
        guard let found = open.removeValue(forKey: name) else { return }
        finish(found, outcome, result, now)
    }

    private mutating func answer(
        _ client: Int, _ kind: String, _ outcome: Outcome, _ result: String, _ now: Int64
    ) {
        guard others.indices.contains(client),
            let place = others[client].firstIndex(where: { $0.kind == kind })
        else { return }
        finish(others[client].remove(at: place).operation, outcome, result, now)
    }

    private mutating func finish(
        _ operation: Int, _ outcome: Outcome, _ result: String, _ now: Int64
    ) {
        all[operation].returned = now
        all[operation].outcome = outcome
        all[operation].result = result
    }

    private func outcome(_ error: RequestError) -> Outcome {
        switch error {
        case .outcomeUnknown, .sessionExpired: .unknown
        case .invalidRequest, .invalidContent, .roomNotFound, .nameTaken, .notMember,
            .unavailable, .overloaded, .stateFull, .alreadyAcknowledged, .rateLimited, .roomLimit,
            .roomFull, .unauthorized,
            .invalidState, .deletionFailed:
            .refused
        }
    }
}
