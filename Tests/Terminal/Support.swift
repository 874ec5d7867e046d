import Protocols
import TerminalClient

let nodeA = WebSocketURL(address: "a:1")!
let nodeB = WebSocketURL(address: "b:2")!
let nodeC = WebSocketURL(address: "c:3")!

let tea = room(1, "tea")

func room(_ number: UInt64, _ name: String, members: Int = 0) -> RoomSummary {
    RoomSummary(
        id: UniqueID(high: 1, low: number), name: name, description: "", memberCount: members,
        admin: NodeID(1))
}

/// A message that says its number.
func message(_ sequence: UInt64, _ user: String = "ben", _ content: String? = nil) -> ChatMessage {
    ChatMessage(
        id: UniqueID(high: 2, low: sequence), sequence: sequence, user: user,
        content: content ?? "message \(sequence)", at: WallTime(milliseconds: 45_296_000))
}

func joined(_ room: RoomSummary, _ members: [String], from: UInt64 = 1, complete: Bool = true)
    -> JoinReply
{
    JoinReply(room: room, members: members, historyFrom: from, historyComplete: complete)
}

func sent(_ room: RoomSummary, _ sequence: UInt64, _ id: String) -> ServerMessage {
    .messageSent(
        room: room.id, id: UniqueID(high: 2, low: sequence), sequence: sequence,
        at: WallTime(milliseconds: 0), clientMessageID: id)
}

/// A session with a clock that the test moves.
struct SessionRun {
    var session: ChatSession
    var now = Instant.zero

    init(
        _ nodes: [WebSocketURL] = [nodeA, nodeB, nodeC],
        patience: ChatSession.Patience = .oneRound
    ) {
        session = ChatSession(.init(nodes: nodes, user: "ann", patience: patience, seed: 255))
    }

    mutating func step(_ input: ChatSession.Input) -> [ChatSession.Effect] {
        var out: [ChatSession.Effect] = []
        session.step(input, at: now, into: &out)
        return out
    }

    mutating func hear(_ message: ServerMessage) -> [ChatSession.Effect] {
        step(.received(message))
    }

    /// Moves the clock to the deadline, which must be there, and ticks.
    mutating func tick() -> [ChatSession.Effect] {
        guard let deadline = session.deadline else { return [] }
        now = max(now, deadline)
        return step(.tick(lastHeard: nil))
    }

    /// Connects to the first node and joins tea, whose history is empty.
    mutating func joinTea(_ members: [String] = ["ann"]) {
        _ = step(.connect)
        _ = step(.opened)
        _ = step(.join(tea))
        _ = hear(.joined(joined(tea, members)))
    }
}

/// A client with a screen.
struct AppRun {
    var app: ChatApp
    var now = Instant.zero

    init(
        user: String = "ann", room: String = "", columns: Int = 80, rows: Int = 24,
        connects: Bool = true
    ) {
        var settings = ChatApp.Settings(nodes: "a:1,b:2", user: user, seed: 254)
        settings.room = room
        settings.connectsAtOnce = connects
        settings.utcOffset = 60
        app = ChatApp(settings, size: ScreenSize(rows: rows, columns: columns))
        var out: [ChatApp.Effect] = []
        app.start(at: now, into: &out)
    }

    @discardableResult
    mutating func step(_ event: ChatApp.Event) -> [ChatApp.Effect] {
        var out: [ChatApp.Effect] = []
        app.step(event, at: now, into: &out)
        return out
    }

    @discardableResult
    mutating func hear(_ message: ServerMessage) -> [ChatApp.Effect] {
        step(.link(.received(message)))
    }

    @discardableResult
    mutating func press(_ keys: Key...) -> [ChatApp.Effect] {
        keys.flatMap { step(.key($0)) }
    }

    mutating func type(_ text: String) {
        for scalar in text.unicodeScalars { step(.key(.text(scalar))) }
    }

    /// The screen's rows, from 0.
    var rows: [String] { app.render().text }
    var status: String { rows[rows.count - 2] }

    /// Opens the connection and shows these rooms.
    mutating func open(_ rooms: [RoomSummary]) {
        step(.link(.opened))
        hear(.globalRoomsList(rooms))
    }

    /// Goes on to the room tea.
    mutating func openTea(_ members: [String] = ["ann", "ben"]) {
        open([tea])
        press(.enter)
        hear(.joined(joined(tea, members)))
    }
}
