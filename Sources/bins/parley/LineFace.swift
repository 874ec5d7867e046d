import EdgeCodecs
import Glibc
import LiveNet
import Protocols
import TerminalClient

/// `parley chat --plain`: one room, line by line, for pipes and for terminals without a screen.
final class LineFace {
    private let options: ChatOptions
    private let loop = Loop()
    private var session: ChatSession
    private var queue: [ChatSession.Input] = []
    private var isStepping = false
    private var link: NodeLink!
    private var timer: Timer
    private var input: LineInput?
    private var hasLostLines = false
    private var exitCode: Int32?

    /// Lines beyond so many wait in the input.
    private static let lineLimit = 256

    private init(_ options: ChatOptions) {
        self.options = options
        session = ChatSession(
            .init(
                nodes: options.urls, user: options.user, patience: .time(options.timeout),
                seed: randomNumber()))
        timer = Timer(loop: loop)
        link = NodeLink(loop: loop) { [unowned self] in feed($0) }
    }

    /// Runs until the end of the input or `/quit`; returns the exit code.
    static func run(_ options: ChatOptions) -> Int32 {
        let face = LineFace(options)
        face.start()
        // The input's thread may wait in `read` for ever, so the loop is not shut down: the
        // process ends.
        while face.exitCode == nil { face.loop.runOnce() }
        exit(face.exitCode ?? 0)
    }

    private func start() {
        loop.onSignal(SIGINT) { [unowned self] in end(130) }
        loop.onSignal(SIGTERM) { [unowned self] in feed(.finish) }
        feed(.enter(name: options.room, creates: options.creates))
        feed(.connect)
    }

    /// Gives the session something; what comes of that is dealt with before the next.
    private func feed(_ input: ChatSession.Input) {
        queue.append(input)
        guard !isStepping else { return }
        isStepping = true
        defer { isStepping = false }
        while !queue.isEmpty, exitCode == nil {
            var effects: [ChatSession.Effect] = []
            session.step(queue.removeFirst(), at: loop.now, into: &effects)
            for effect in effects {
                if case .tell(let news) = effect { hear(news) } else { link.perform(effect) }
            }
        }
        if session.lines.count < Self.lineLimit / 2 { self.input?.resume() }
        timer.set(session.deadline, now: loop.now) { [unowned self] in
            feed(.tick(lastHeard: link.lastHeard))
        }
    }

    // MARK: - What the session tells

    private func hear(_ news: ChatSession.News) {
        switch news {
        case .connected: break
        case .lost(let node, let why, let next, _):
            notice("\(node): \(why); trying \(next)")
        case .gaveUp(let why):
            notice(why)
            end(1)
        case .over: end(hasLostLines ? 1 : 0)
        case .waiting(let error): notice("\(error.explanation)")
        case .refused(let room, let error):
            let hint = error == .roomNotFound && !options.creates ? "; --create makes it" : ""
            notice("\(room): \(error.explanation)\(hint)")
            end(1)
        case .failed(let error): notice("\(error.explanation)")
        case .rooms(let rooms): show(rooms)
        case .joined(let reply, let node, let isBack): onJoined(reply, node, isBack)
        case .missed(let range):
            notice("messages \(range.lowerBound) to \(range.upperBound) are missing")
        case .message(let message):
            let user = Terminal.plain(message.user)
            Terminal.print("[\(message.sequence)] \(user): \(Terminal.plain(message.content))")
        case .memberJoined(let user): notice("\(user) joined")
        case .memberLeft(let user, let reason): notice("\(user) left\(reason.words)")
        case .left: break
        case .deletionBegun(let user): notice("\(user ?? options.user) is deleting the room")
        case .deleted: notice("the room is deleted")
        case .notDeleted(let error, let reason):
            notice("not deleted: \(reason ?? "\(error.explanation)")")
        case .roomDeleted(let room):
            notice("\(room) was deleted")
            end(1)
        case .notSent(let text, let error):
            hasLostLines = true
            notice("not sent: \(text.prefix(60)): \(error.explanation)")
        case .unreadable(let what): notice(what)
        }
    }

    private func show(_ rooms: [RoomSummary]) {
        Terminal.print("\(rooms.count) rooms:")
        for room in rooms {
            let name = Terminal.plain(room.name)
            Terminal.print(
                "  \(name) (\(room.memberCount) members, \(Terminal.plain("\(room.admin)")))")
        }
    }

    private func onJoined(_ reply: JoinReply, _ node: WebSocketURL, _ isBack: Bool) {
        if isBack {
            notice("back in \(reply.room.name) on \(node)")
        } else {
            notice("joined \(reply.room.name) on \(node), \(reply.members.count) in the room")
        }
        guard input == nil else { return }
        input = LineInput(
            loop: loop, onLine: { [unowned self] in onLine($0) },
            onEnd: { [unowned self] in feed(.finish) })
    }

    // MARK: - What the person says

    private func onLine(_ line: String) {
        if line.hasPrefix("//") {
            say(String(line.dropFirst()))
        } else if line.hasPrefix("/") {
            command(line)
        } else if !line.isEmpty {
            say(line)
        }
    }

    private func command(_ line: String) {
        switch line.split(separator: " ").first {
        case "/quit": feed(.finish)
        case "/members":
            Terminal.print("\(session.members.count) in the room:")
            for (name, _) in session.members { Terminal.print("  \(Terminal.plain(name))") }
        case "/rooms":
            guard session.isInRoom else {
                notice("not connected just now")
                return
            }
            feed(.list)
        default: notice("unknown command; there are /members, /rooms and /quit")
        }
    }

    private func say(_ text: String) {
        feed(.say(text))
        if session.lines.count >= Self.lineLimit { input?.pause() }
    }

    /// Ends the process with this code.
    private func end(_ code: Int32) {
        if exitCode == nil { exitCode = code }
        loop.stop()
    }

    /// Tells the person something that nobody said.
    private func notice(_ text: String) { Terminal.error("* \(Terminal.plain(text))") }
}
