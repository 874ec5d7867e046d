import EdgeCodecs
import Protocols

/// What the screens make of what the session tells.
extension ChatApp {
    mutating func hear(_ news: ChatSession.News, _ now: Instant, _ out: inout [Effect]) {
        switch news {
        case .connected(let node): onConnected(node, now, &out)
        case .lost(let node, let why, let next, let wait): onLost(node, why, next, wait)
        case .gaveUp(let why): backToForm(why)
        case .over: backToForm("the connection is closed")
        case .waiting(let error): status = "\(error.explanation)"
        case .refused(let room, let error): onRefused(room, error, now, &out)
        case .failed(let error): tell("\(error.explanation)")
        case .rooms(let rooms): onRooms(rooms)
        case .joined(let reply, let node, let isBack): onJoined(reply, node, isBack)
        case .missed(let range):
            tell("messages \(range.lowerBound) to \(range.upperBound) are missing")
        case .message(let message): onMessage(message)
        case .memberJoined(let user): tell("\(user) joined")
        case .memberLeft(let user, let reason): tell("\(user) left\(reason.words)")
        case .left: refresh(now, &out)
        case .notSent(let line, let error):
            tell("not sent: \(line.prefix(60)): \(error.explanation)")
        case .deletionBegun(let user):
            tell(user.map { "\($0) is deleting the room" } ?? "the room is being deleted")
        case .deleted:
            tell("the room is deleted")
            refresh(now, &out)
        case .notDeleted(let error, let reason):
            tell("not deleted: \(reason ?? "\(error.explanation)")")
        case .roomDeleted(let room): backToRooms("\(room) was deleted", now, &out)
        case .unreadable(let what): tell(what)
        }
    }

    /// Shows a notice where the person looks.
    private mutating func tell(_ text: String) {
        switch screen {
        case .connect(var form):
            form.notice = text
            screen = .connect(form)
        case .rooms(var list):
            list.notice = text
            list.isLoading = false
            screen = .rooms(list)
        case .chat(var room):
            say(text, in: &room)
            screen = .chat(room)
        }
    }

    private mutating func onConnected(
        _ node: WebSocketURL, _ now: Instant, _ out: inout [Effect]
    ) {
        status = "connected to \(node.authority)"
        switch screen {
        case .connect:
            screen = .rooms(RoomsScreen())
            let room = firstRoom
            firstRoom = ""
            if room.isEmpty {
                refresh(now, &out)
            } else {
                enterRoom(room, creates: settings.createsRoom, now, &out)
            }
        case .rooms: refresh(now, &out)
        case .chat: break
        }
    }

    private mutating func onLost(
        _ node: WebSocketURL, _ why: String, _ next: WebSocketURL, _ wait: Interval
    ) {
        let pause = wait > .zero ? " in \(wait.milliseconds) ms" : ""
        let plan = "trying \(next.authority)\(pause)"
        status = "not connected; \(plan)"
        switch screen {
        case .connect, .chat: tell("\(node.authority): \(why); \(plan)")
        case .rooms: break
        }
    }

    /// The session has ended.
    private mutating func backToForm(_ why: String) {
        var form = ConnectScreen(nodes: settings.nodes, user: settings.user)
        if case .connect(let shown) = screen { form = shown }
        form.isConnecting = false
        form.notice = why
        session = nil
        status = ""
        screen = .connect(form)
    }

    private mutating func onRefused(
        _ room: String, _ error: RequestError, _ now: Instant, _ out: inout [Effect]
    ) {
        showConnection()
        backToRooms("\(room): \(error.explanation)", now, &out)
    }

    /// From a room that the person is not in any more to the list, which says why.
    private mutating func backToRooms(
        _ why: String, _ now: Instant, _ out: inout [Effect]
    ) {
        guard case .chat = screen else { return }
        screen = .rooms(lastRooms)
        refresh(now, &out)
        tell(why)
    }

    private mutating func onRooms(_ rooms: [RoomSummary]) {
        showConnection()
        lastRooms.show(rooms)
        guard case .rooms(var list) = screen else { return }
        list.show(rooms)
        screen = .rooms(list)
    }

    private mutating func onJoined(_ reply: JoinReply, _ node: WebSocketURL, _ isBack: Bool) {
        showConnection()
        guard case .chat(var room) = screen else { return }
        room.name = reply.room.name
        say(
            isBack
                ? "back in \(room.name) on \(node.authority)"
                : "joined \(room.name) on \(node.authority), \(reply.members.count) in the room",
            in: &room)
        screen = .chat(room)
    }

    private mutating func onMessage(_ message: ChatMessage) {
        guard case .chat(var room) = screen else { return }
        room.log.add(
            .message(
                time: clock(message.at), user: message.user, text: message.content),
            columns: logColumns)
        screen = .chat(room)
    }

    /// What a node could not do before, it does now.
    private mutating func showConnection() {
        if let session, session.isOpen { status = "connected to \(session.node.authority)" }
    }

    /// The time of the day, hours and minutes.
    private func clock(_ time: WallTime) -> String {
        let minutes = time.milliseconds / 60_000 + Int64(settings.utcOffset)
        let ofDay = Int((minutes % 1440 + 1440) % 1440)
        let (hour, minute) = (ofDay / 60, ofDay % 60)
        return (hour < 10 ? "0" : "") + "\(hour):" + (minute < 10 ? "0" : "") + "\(minute)"
    }
}

extension LeaveReason {
    /// The reason as it follows "left"; empty when there is nothing to say.
    public var words: String {
        switch self {
        case .requested: ""
        case .disconnected: " (disconnected)"
        case .nodeUnreachable: " (node unreachable)"
        case .inactive: " (inactive)"
        }
    }
}
