import Glibc

/// A client that stays in a room whatever happens to its node: it goes to another node, asks for
/// what it missed with `since`, and repeats what was not acknowledged under the same name.
///
/// It never waits; `run` steps many of them together.
final class Member {
    let name: String
    let room: String
    /// What came, in the order in which it came.
    private(set) var heard: [Said] = []
    /// What was acknowledged, in the order in which it was.
    private(set) var acknowledged: [Said] = []
    /// What still has to be said; the content is also the client's name for the message.
    var queue: [String] = []
    /// Whatever must not happen.
    private(set) var faults: [String] = []
    /// How often it has joined.
    private(set) var joins = 0
    private(set) var socket: ChatSocket?
    private(set) var isJoined = false

    private let nodes: [NodeProcess]
    private var place: Int
    private var unanswered: [String] = []
    private var pause: Limit?
    private var patience: Limit?
    private let window: Int

    /// Messages under way at a time are bounded by `window`; it begins at the node at `place`.
    init(_ name: String, _ room: String, nodes: [NodeProcess], at place: Int = 0, window: Int = 4) {
        self.name = name
        self.room = room
        self.nodes = nodes
        self.place = place
        self.window = window
    }

    /// The node it talks to.
    var node: NodeProcess { nodes[place % nodes.count] }
    var lastHeard: Int { heard.last?.sequence ?? 0 }
    var isDone: Bool { queue.isEmpty && unanswered.isEmpty }

    func leave() {
        socket?.close()
        socket = nil
        isJoined = false
    }

    /// Does what can be done now.
    func step() {
        guard let socket else { return connect() }
        socket.pump()
        while !socket.inbox.isEmpty { take(socket.inbox.removeFirst()) }
        if socket.isOver || patience?.hasPassed == true {
            moveOn()
        } else if socket.isOpen, patience == nil {
            var data: [String: Any] = ["room_id": room, "username": name]
            data["since"] = lastHeard
            socket.send("join_room", data)
            patience = Limit(seconds: 10)
        } else if isJoined {
            while unanswered.count < window, !queue.isEmpty {
                unanswered.append(queue.removeFirst())
                say(unanswered[unanswered.count - 1])
            }
        }
    }

    private func connect() {
        if let pause, !pause.hasPassed { return }
        pause = nil
        guard let socket = try? ChatSocket(port: node.ports.webSocket) else { return moveOn() }
        self.socket = socket
    }

    private func moveOn() {
        socket?.socket.close()
        socket = nil
        isJoined = false
        patience = nil
        place += 1
        pause = Limit(seconds: 0.05)
    }

    private func say(_ content: String) {
        socket?.send(
            "send_message",
            [
                "room_id": room, "username": name, "content": content,
                "client_message_id": String(content.prefix(64)),
            ])
        patience = Limit(seconds: 15)
    }

    private func take(_ message: WireMessage) {
        switch message.type {
        case "join_room_success":
            isJoined = true
            joins += 1
            patience = .init(seconds: 3_600)
            if message.data["history_complete"] as? Bool != true {
                faults.append("\(name): the history has a hole after \(lastHeard)")
            }
            for content in unanswered { say(content) }
        case "join_room_error": moveOn()
        case "new_message":
            let said = Said(message)
            if said.sequence != lastHeard + 1 {
                faults.append("\(name): \(said.sequence) came after \(lastHeard)")
            }
            heard.append(said)
        case "message_sent": onAcknowledgement(message)
        case "message_error":
            let code = message.text("error_code")
            guard ["UNAVAILABLE", "OUTCOME_UNKNOWN", "OVERLOADED"].contains(code) else {
                faults.append("\(name): \(message.data)")
                return
            }
            let content = message.text("client_message_id")
            if let again = unanswered.first(where: { $0.hasPrefix(content) }) { say(again) }
        case "member_joined", "member_left": break
        default: faults.append("\(name): unexpected \(message.type) \(message.data)")
        }
    }

    private func onAcknowledgement(_ message: WireMessage) {
        let label = message.text("client_message_id")
        guard let place = unanswered.firstIndex(where: { $0.prefix(64) == label }) else {
            // The answer to the first of two attempts may come after that to the second.
            let earlier = acknowledged.first { $0.content.prefix(64) == label }
            if earlier?.sequence != message.number("sequence_number") {
                faults.append("\(name): an acknowledgement that does not fit: \(message.data)")
            }
            return
        }
        let content = unanswered.remove(at: place)
        patience = unanswered.isEmpty ? .init(seconds: 3_600) : Limit(seconds: 15)
        acknowledged.append(
            Said(
                sequence: message.number("sequence_number"), id: message.text("message_id"),
                content: content))
    }

    /// Steps members until a condition holds.
    static func run(
        _ members: [Member], within seconds: Double, until condition: () throws -> Bool
    ) throws {
        let limit = Limit(seconds: seconds)
        var entries: [pollfd] = []
        while !(try condition()) {
            guard !limit.hasPassed else {
                let states = members.map {
                    "\($0.name): at \($0.node.name), joined \($0.isJoined), heard \($0.lastHeard), "
                        + "acknowledged \($0.acknowledged.count), waiting \($0.unanswered.count)"
                }
                throw LiveFailure(
                    "not within \(Int(seconds)) s:\n" + states.joined(separator: "\n") + "\n"
                        + (members.first?.nodes.map(\.tail).joined(separator: "\n") ?? ""))
            }
            for member in members { member.step() }
            entries.removeAll(keepingCapacity: true)
            for member in members {
                if let descriptor = member.socket?.socket.descriptor, descriptor >= 0 {
                    entries.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
                }
            }
            poll(&entries, nfds_t(entries.count), 10)
        }
    }
}
