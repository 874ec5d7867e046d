import EdgeCodecs
import LiveNet
import Protocols

/// What nodes say.
extension ChatClient {
    func webSocket(_ client: WebSocketClient, received text: [UInt8]) {
        guard client === self.client else { return }
        let message: ServerMessage
        do {
            message = try ChatJSON.message(parsing: text, with: reader)
        } catch {
            switch error {
            case .unknownType: break
            case .notJSON: notice("the node says something that is not JSON")
            case .malformed(let type): notice("the node's \(type) has not the expected form")
            }
            return
        }
        take(message)
    }

    private func take(_ message: ServerMessage) {
        switch message {
        case .globalRoomsList(let rooms): onRooms(rooms)
        case .roomCreated(let room, _, _):
            self.room = room.id
            enter()
        case .createFailed(let error):
            // Somebody was faster, or there is no leader: look again.
            if error == .invalidRequest || error == .stateFull {
                notice("\(error.explanation)")
                finish(1)
            } else {
                enterLater()
            }
        case .joined(let reply): onJoined(reply)
        case .joinFailed(_, let error):
            if error == .roomNotFound {
                room = nil
                lastSeen = 0
                lastOwn = 0
            }
            if error == .invalidRequest || error == .stateFull {
                notice("cannot join: \(error.explanation)")
                finish(1)
            } else {
                enterLater()
            }
        case .newMessage(let room, let message): onMessage(room, message)
        case .messageSent(let room, _, let sequence, _, let id):
            guard room == self.room, let id, id == lines.first?.id else { return }
            lastOwn = max(lastOwn, sequence)
            dropFirstLine()
        case .messageFailed(_, let id, let error): onFailed(id, error)
        case .memberJoined(let room, let user, _, _):
            guard room == self.room else { return }
            members[user] = true
            if user != options.user { notice("\(user) joined") }
        case .memberLeft(let room, let user, _, let reason, _):
            guard room == self.room else { return }
            members[user] = nil
            notice("\(user) left\(words(for: reason))")
        case .failed(let error):
            isListing = false
            if phase == .finding || phase == .creating {
                enterLater()
            } else {
                notice("\(error.explanation)")
            }
        case .roomsList, .left, .leaveFailed, .sessionOpened, .registerValue, .registerWritten,
            .registerMismatch, .registerFailed:
            break
        }
    }

    private func words(for reason: LeaveReason) -> String {
        switch reason {
        case .requested: ""
        case .disconnected: " (disconnected)"
        case .nodeUnreachable: " (node unreachable)"
        case .inactive: " (inactive)"
        }
    }

    private func onRooms(_ rooms: [RoomSummary]) {
        if isListing {
            isListing = false
            Terminal.print("\(rooms.count) rooms:")
            for room in rooms {
                let name = Terminal.plain(room.name)
                Terminal.print("  \(name) (\(room.memberCount) members, \(room.admin))")
            }
        }
        guard phase == .finding else { return }
        if let found = rooms.first(where: { $0.name == options.room }) {
            room = found.id
            enter()
        } else if options.creates {
            phase = .creating
            ask(.createRoom(name: options.room, creator: options.user, description: ""))
        } else {
            notice("there is no room \(options.room); without --no-create it is made")
            finish(1)
        }
    }

    private func onJoined(_ reply: JoinReply) {
        guard reply.room.id == room else { return }
        let isFirst = members.isEmpty
        members = [:]
        for name in reply.members { members[name] = true }
        let node = client.map { " on \($0.url)" } ?? ""
        if isFirst {
            notice("joined \(reply.room.name)\(node), \(reply.members.count) in the room")
        } else {
            notice("back in \(reply.room.name)\(node)")
        }
        if !reply.historyComplete {
            notice("older messages that were missed are no longer kept")
            lastSeen = max(lastSeen, reply.historyFrom - min(reply.historyFrom, 1))
        }
        entered()
    }

    private func onMessage(_ room: UniqueID, _ message: ChatMessage) {
        guard room == self.room, message.sequence > lastSeen else { return }
        if lastSeen > 0, message.sequence > lastSeen + 1 {
            notice("messages \(lastSeen + 1) to \(message.sequence - 1) are missing")
        }
        lastSeen = message.sequence
        let user = Terminal.plain(message.user)
        Terminal.print("[\(message.sequence)] \(user): \(Terminal.plain(message.content))")
        leaveWhenDone()
    }

    private func onFailed(_ id: String?, _ error: RequestError) {
        guard let line = lines.first, id == nil || id == line.id else { return }
        switch error {
        case .unavailable, .outcomeUnknown, .overloaded, .rateLimited: sendLater()
        case .notMember:
            lines[0].isInFlight = false
            enter()
        case .roomNotFound:
            notice("the room is gone; it is looked for again")
            lines[0].isInFlight = false
            room = nil
            lastSeen = 0
            lastOwn = 0
            enterLater()
        case .invalidRequest, .invalidContent, .nameTaken, .stateFull, .sessionExpired,
            .alreadyAcknowledged, .roomLimit, .roomFull:
            notice("not sent: \(line.text.prefix(60)): \(error.explanation)")
            dropFirstLine()
        }
    }
}
