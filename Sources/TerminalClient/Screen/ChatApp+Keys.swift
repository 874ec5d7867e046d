import Protocols

/// What keys do; docs/Terminal.md lists them.
extension ChatApp {
    // MARK: - Connect

    mutating func onKey(_ key: Key, _ form: ConnectScreen, _ now: Instant, _ out: inout [Effect]) {
        var form = form
        switch key {
        case .escape:
            if form.isConnecting {
                disconnect(&out)
                form.isConnecting = false
                form.notice = "given up"
                screen = .connect(form)
            } else {
                quit(0, &out)
            }
            return
        case .enter:
            screen = .connect(form)
            connect(now, &out)
            return
        case .tab, .backTab, .up, .down: form.isAtUser.toggle()
        default:
            guard !form.isConnecting else { return }
            _ = form.isAtUser ? form.user.take(key) : form.nodes.take(key)
        }
        screen = .connect(form)
    }

    // MARK: - Rooms

    mutating func onKey(_ key: Key, _ list: RoomsScreen, _ now: Instant, _ out: inout [Effect]) {
        if list.newRoom != nil {
            onNameKey(key, list, now, &out)
            return
        }
        var list = list
        list.notice = ""
        if let room = list.doomed {
            list.doomed = nil
            screen = .rooms(list)
            if key == .text("y") { feed(.delete(room: room.id), now, &out) }
            return
        }
        switch key {
        case .text("d"):
            if list.rooms.indices.contains(list.selected) {
                list.doomed = list.rooms[list.selected]
            }
        case .text("q"):
            quit(0, &out)
            return
        case .escape:
            leaveNodes(&out)
            return
        case .text("r"):
            screen = .rooms(list)
            refresh(now, &out)
            return
        case .text("c"): list.newRoom = LineEditor(limit: Node.maximumName)
        case .enter:
            guard list.rooms.indices.contains(list.selected) else { break }
            let room = list.rooms[list.selected]
            lastRooms = list
            screen = .chat(ChatScreen(name: room.name))
            feed(.join(room), now, &out)
            return
        case .up: list.move(by: -1)
        case .down: list.move(by: 1)
        case .pageUp: list.move(by: -listHeight)
        case .pageDown: list.move(by: listHeight)
        case .home: list.move(by: -list.rooms.count)
        case .end: list.move(by: list.rooms.count)
        case .text, .control, .tab, .backTab, .backspace, .delete, .left, .right: break
        }
        screen = .rooms(list)
    }

    /// A key while the name of a new room is typed.
    private mutating func onNameKey(
        _ key: Key, _ list: RoomsScreen, _ now: Instant, _ out: inout [Effect]
    ) {
        var list = list
        switch key {
        case .escape: list.newRoom = nil
        case .enter:
            let name = list.newRoom?.text ?? ""
            guard !name.isEmpty, name.utf8.count <= Node.maximumName else {
                list.notice = "a room's name has 1 to \(Node.maximumName) bytes"
                break
            }
            list.newRoom = nil
            lastRooms = list
            enterRoom(name, creates: true, now, &out)
            return
        default: _ = list.newRoom?.take(key)
        }
        screen = .rooms(list)
    }

    /// Goes into the room of a name.
    mutating func enterRoom(
        _ name: String, creates: Bool, _ now: Instant, _ out: inout [Effect]
    ) {
        screen = .chat(ChatScreen(name: name))
        feed(.enter(name: name, creates: creates), now, &out)
    }

    /// Asks for the list again.
    mutating func refresh(_ now: Instant, _ out: inout [Effect]) {
        guard case .rooms(var list) = screen else { return }
        list.isLoading = true
        screen = .rooms(list)
        feed(.list, now, &out)
    }

    /// Back to the form.
    private mutating func leaveNodes(_ out: inout [Effect]) {
        var form = ConnectScreen(nodes: settings.nodes, user: settings.user)
        if let session {
            form.nodes.set(session.settings.nodes.map(\.address).joined(separator: ","))
            form.user.set(session.settings.user)
        }
        disconnect(&out)
        screen = .connect(form)
    }

    // MARK: - Chat

    mutating func onKey(_ key: Key, _ room: ChatScreen, _ now: Instant, _ out: inout [Effect]) {
        var room = room
        let height = logHeight
        let columns = logColumns
        switch key {
        case .escape:
            if mayLeave(&room) {
                leaveRoom(now, &out)
                return
            }
        case .enter:
            let text = room.input.text
            room.log.scrollToEnd()
            guard session.map({ $0.lines.count < Self.lineLimit }) ?? false else {
                say("\(Self.lineLimit) lines are not acknowledged; wait a moment", in: &room)
                break
            }
            room.input.set("")
            screen = .chat(room)
            onLine(text, now, &out)
            return
        case .pageUp: room.log.scrollUp(max(1, height - 1), height: height, columns: columns)
        case .pageDown: room.log.scrollDown(max(1, height - 1))
        case .up: room.log.scrollUp(1, height: height, columns: columns)
        case .down: room.log.scrollDown(1)
        default:
            room.mayLoseLines = false
            _ = room.input.take(key)
        }
        screen = .chat(room)
    }

    /// Says a line or does what it commands.
    private mutating func onLine(_ line: String, _ now: Instant, _ out: inout [Effect]) {
        guard case .chat(var room) = screen, !line.isEmpty else { return }
        if !line.hasPrefix("/") {
            feed(.say(line), now, &out)
            return
        }
        if line.hasPrefix("//") {
            feed(.say(String(line.dropFirst())), now, &out)
            return
        }
        switch line {
        case "/members":
            let names = session?.members.keys ?? []
            say("in the room: " + names.joined(separator: ", "), in: &room)
        case "/leave":
            if mayLeave(&room) {
                leaveRoom(now, &out)
                return
            }
        case "/quit":
            if mayLeave(&room) {
                quit(0, &out)
                return
            }
        case "/delete":
            if let room = session?.room {
                feed(.delete(room: room), now, &out)
                return
            }
        case "/help": say(Self.commands, in: &room)
        default: say("unknown command; " + Self.commands, in: &room)
        }
        screen = .chat(room)
    }

    private static let commands =
        "there are /members, /delete, /leave, /quit and /help; //text says /text"

    /// True when nothing is lost, or the person was told and means it.
    private func mayLeave(_ room: inout ChatScreen) -> Bool {
        let count = session?.lines.count ?? 0
        if count == 0 || room.mayLoseLines { return true }
        room.mayLoseLines = true
        say("not acknowledged: \(count); the same again leaves and drops what waits", in: &room)
        return false
    }

    /// Puts a notice into a room's log.
    func say(_ text: String, in room: inout ChatScreen) {
        room.log.add(.notice(text), columns: logColumns)
    }

    private mutating func leaveRoom(_ now: Instant, _ out: inout [Effect]) {
        lastRooms.isLoading = true
        screen = .rooms(lastRooms)
        feed(.leaveRoom, now, &out)
    }
}
