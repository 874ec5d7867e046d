import Protocols

/// The words of a report: short, and the same for equal values, so that each is kept once.
enum ReportText {
    /// What one node says to another, without the term.
    static func text(_ message: PeerMessage) -> String {
        switch message {
        case .hello: Trace.text(message)
        case .raft(let message): Trace.text(message.body)
        }
    }

    /// What a client asks.
    static func text(_ request: ClientRequest) -> String {
        switch request {
        case .listRooms: "list rooms"
        case .discoverRooms: "discover rooms"
        case .createRoom(let name, let creator, _): "create \(name) as \(creator)"
        case .joinRoom(let room, let user, let since):
            "join \(text(room)) as \(user)\(since.map { " since \($0)" } ?? "")"
        case .leaveRoom(let room, let user): "leave \(text(room)) as \(user)"
        case .sendMessage(let room, _, let content, let name):
            "send \(name ?? "unnamed") to \(text(room)): \(text(content))"
        case .deleteRoom(let room, let user): "delete \(text(room)) as \(user)"
        case .openSession: "open a session"
        case .readRegister(let key): "read \(key)"
        case .writeRegister(let key, let operation, let request):
            text(key, operation) + (request.map { " (#\($0.sequence))" } ?? "")
        }
    }

    /// A write of a register.
    static func text(_ key: String, _ operation: RegisterOperation) -> String {
        switch operation {
        case .set(let value): "\(key) := \(text(value))"
        case .compareAndSet(let version, let value): "\(key) := \(text(value)) if v\(version)"
        }
    }

    /// What a node says to a client.
    static func text(_ message: ServerMessage) -> String {
        switch message {
        case .roomsList(let rooms): "\(rooms.count) rooms here"
        case .globalRoomsList(let rooms, _): "\(rooms.count) rooms"
        case .deletionBegun(let room, _, _): "\(text(room)) is being deleted"
        case .deletionDone(let room, _): "deleted \(text(room))"
        case .deletionFailed(let room, _, let error, _): "not deleted \(text(room)): \(error)"
        case .roomDeleted(let room, _): "\(text(room)) is deleted"
        case .roomCreated(let room, _, _): "created \(room.name), \(text(room.id))"
        case .createFailed(let error): "not created: \(error)"
        case .joined(let reply):
            "joined \(text(reply.room.id)), history from \(reply.historyFrom)"
                + (reply.historyComplete ? "" : ", incomplete")
        case .joinFailed(let room, let error): "not joined \(text(room)): \(error)"
        case .left(let room, let user): "\(user) left \(text(room))"
        case .leaveFailed(let room, let error): "not left \(text(room)): \(error)"
        case .messageSent(let room, _, let sequence, _, let name):
            "sent \(name ?? "unnamed") as #\(sequence) in \(text(room))"
        case .messageFailed(let room, let name, let error):
            "not sent \(name ?? "unnamed") in \(text(room)): \(error)"
        case .newMessage(let room, let message):
            "#\(message.sequence) in \(text(room)) of \(message.user): \(text(message.content))"
        case .memberJoined(let room, let user, _, _): "\(user) joins \(text(room))"
        case .memberLeft(let room, let user, _, let reason, _):
            "\(user) leaves \(text(room)), \(reason)"
        case .sessionOpened(let session): "session \(session.rawValue)"
        case .registerValue(let key, let value): "\(key) is \(text(value))"
        case .registerWritten(let key, let version): "\(key) written, v\(version)"
        case .registerMismatch(let key, let value): "\(key) unchanged: \(text(value))"
        case .registerFailed(let key, let error): "\(key) failed: \(error)"
        case .failed(let error): "failed: \(error)"
        }
    }

    /// What a register operation returned.
    static func text(_ result: RegisterResult) -> String {
        switch result {
        case .value(let value): text(value)
        case .written(let version): "written, v\(version)"
        case .mismatch(let value): "unchanged: \(text(value))"
        case .failed: "surely not done"
        }
    }

    /// A register's content.
    static func text(_ value: RegisterValue) -> String {
        value.version == 0 ? "absent" : "\(text(value.value)) v\(value.version)"
    }

    /// What a node writes to its log.
    static func text(_ write: LogWrite) -> String {
        var parts: [String] = []
        if let state = write.hardState {
            parts.append(
                "term \(state.term.rawValue), vote \(state.vote.map(\.description) ?? "none")")
        }
        if let start = write.startAfter { parts.append("log anew after \(start.index.rawValue)") }
        if let first = write.entries.first, let last = write.entries.last {
            let range =
                first.index == last.index
                ? "entry \(first.index.rawValue)"
                : "entries \(first.index.rawValue)–\(last.index.rawValue)"
            parts.append("\(range) of term \(last.term.rawValue)")
        }
        return parts.isEmpty ? "nothing" : parts.joined(separator: "; ")
    }

    /// The last digits of a room's id.
    static func text(_ room: UniqueID) -> String { "room …\(room.description.suffix(4))" }

    private static func text(_ value: [UInt8]) -> String {
        value.allSatisfy { (0x20..<0x7F).contains($0) }
            ? "'" + String(decoding: value.prefix(40), as: UTF8.self) + "'"
            : "\(value.count) bytes"
    }

    private static func text(_ content: String) -> String {
        guard content.utf8.count > 60 else { return content }
        return "\(content.prefix(50))… (\(content.utf8.count) bytes)"
    }
}
