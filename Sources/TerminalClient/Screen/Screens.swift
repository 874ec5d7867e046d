import Protocols

/// The form that asks for nodes and a name.
struct ConnectScreen: Equatable, Sendable {
    /// Addresses with commas between them.
    var nodes: LineEditor
    var user: LineEditor
    var isAtUser: Bool
    /// What is wrong, or what goes on.
    var notice = ""
    var isConnecting = false

    init(nodes: String, user: String) {
        self.nodes = LineEditor(nodes, limit: 1_000)
        self.user = LineEditor(user, limit: Node.maximumName)
        isAtUser = true
    }

    /// What was typed, checked; the problem is put into `notice`.
    mutating func check() -> (nodes: [WebSocketURL], user: String)? {
        let parts = nodes.text.split { $0 == "," || $0 == " " }.map(String.init)
        if let wrong = parts.first(where: { WebSocketURL(address: $0) == nil }) {
            notice = "\(wrong) is no address such as 127.0.0.1:8081"
            isAtUser = false
            return nil
        }
        guard !parts.isEmpty else {
            notice = "which node? An address such as 127.0.0.1:8081"
            isAtUser = false
            return nil
        }
        let name = user.text
        guard !name.isEmpty, name.utf8.count <= Node.maximumName else {
            notice = "a user name has 1 to \(Node.maximumName) bytes"
            isAtUser = true
            return nil
        }
        return (parts.compactMap { WebSocketURL(address: $0) }, name)
    }
}

/// The list of all rooms.
struct RoomsScreen: Equatable, Sendable {
    var rooms: [RoomSummary] = []
    var selected = 0
    /// The name of a room to make, while it is typed.
    var newRoom: LineEditor?
    /// The room that is deleted if the person says so.
    var doomed: RoomSummary?
    var isLoading = false
    /// The answer to something that the person asked for.
    var notice = ""

    /// Replaces the list; the same room stays selected.
    mutating func show(_ rooms: [RoomSummary]) {
        let chosen = self.rooms.indices.contains(selected) ? self.rooms[selected].id : nil
        self.rooms = rooms.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
        selected = self.rooms.firstIndex { $0.id == chosen } ?? selected
        move(by: 0)
        isLoading = false
    }

    mutating func move(by count: Int) {
        selected = max(0, min(selected + count, rooms.count - 1))
    }
}

/// One room.
struct ChatScreen: Equatable, Sendable {
    var name: String
    var log = ChatLog()
    var input = LineEditor(limit: Node.maximumContent)
    /// The person was told that lines would be lost, and may leave nevertheless.
    var mayLoseLines = false
}
