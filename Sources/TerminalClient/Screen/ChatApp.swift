import Protocols

/// The whole terminal client as a value: keys and news from nodes go in, requests come out, and
/// `render` says what the terminal shows.
///
/// ## Overview
///     connect ──Enter──► rooms ──Enter──► chat
///        ▲  ◄───Escape─────┘  ◄──Escape────┘
///
/// ## Function
/// The nodes are a `ChatSession`'s matter; the screens know only what it tells. Keys that mean
/// nothing on a screen do nothing.
public struct ChatApp: Equatable, Sendable {
    /// What the program was told.
    public struct Settings: Equatable, Sendable {
        /// Addresses with commas between them.
        public var nodes: String
        /// Who the person is; may be empty.
        public var user: String
        /// The room to enter first; may be empty.
        public var room = ""
        /// The first room may be made if there is none.
        public var createsRoom = true
        /// Nothing is missing: connect without asking.
        public var connectsAtOnce = false
        /// Minutes from UTC to the time of the day that is shown.
        public var utcOffset = 0
        /// Differs between clients; see `ChatSession.Settings`.
        public var seed: UInt64

        /// Makes settings.
        public init(nodes: String, user: String, seed: UInt64) {
            self.nodes = nodes
            self.user = user
            self.seed = seed
        }
    }

    /// What can happen.
    public enum Event: Equatable, Sendable {
        /// A key was pressed.
        case key(Key)
        /// The terminal has this size now.
        case resized(ScreenSize)
        /// Something happened on the connection, or time has passed.
        case link(ChatSession.Input)
        /// The process is to end with this code.
        case quit(Int32)
    }

    /// What is to be done.
    public enum Effect: Equatable, Sendable {
        /// For the connection; never `tell`.
        case link(ChatSession.Effect)
        /// End with this code.
        case quit(Int32)
    }

    enum Screen: Equatable, Sendable {
        case connect(ConnectScreen)
        case rooms(RoomsScreen)
        case chat(ChatScreen)
    }

    /// Lines beyond so many that are not acknowledged are not taken.
    static let lineLimit = 256

    let settings: Settings
    var session: ChatSession?
    var screen: Screen
    var size: ScreenSize
    /// What goes on between the client and the nodes.
    var status = ""
    /// The first room, until it was asked for.
    var firstRoom: String
    /// The list as it was when the room was entered.
    var lastRooms = RoomsScreen()
    private var sessions: UInt64 = 0

    /// Makes a client; `start` comes next.
    public init(_ settings: Settings, size: ScreenSize) {
        self.settings = settings
        self.size = size
        firstRoom = settings.room
        screen = .connect(ConnectScreen(nodes: settings.nodes, user: settings.user))
    }

    /// Connects at once if the settings say so.
    public mutating func start(at now: Instant, into out: inout [Effect]) {
        if settings.connectsAtOnce { connect(now, &out) }
    }

    /// The earliest time at which a `tick` is wanted.
    public var deadline: Instant? { session?.deadline }

    /// Decides what `event` changes and appends what is to be done to `out`.
    public mutating func step(_ event: Event, at now: Instant, into out: inout [Effect]) {
        switch event {
        case .key(let key):
            switch screen {
            case .connect(let form): onKey(key, form, now, &out)
            case .rooms(let list): onKey(key, list, now, &out)
            case .chat(let room): onKey(key, room, now, &out)
            }
        case .resized(let size): self.size = size
        case .link(let input): feed(input, now, &out)
        case .quit(let code): quit(code, &out)
        }
    }

    // MARK: - The session

    /// Begins a session with what the form says.
    mutating func connect(_ now: Instant, _ out: inout [Effect]) {
        guard case .connect(var form) = screen, session == nil else { return }
        if let (nodes, user) = form.check() {
            form.isConnecting = true
            form.notice = "connecting to \(nodes[0].authority)"
            sessions += 1
            session = ChatSession(
                .init(
                    nodes: nodes, user: user, patience: .oneRound, seed: settings.seed &+ sessions))
        }
        screen = .connect(form)
        feed(.connect, now, &out)
    }

    /// Gives the session something and acts on what it tells.
    mutating func feed(_ input: ChatSession.Input, _ now: Instant, _ out: inout [Effect]) {
        var effects: [ChatSession.Effect] = []
        session?.step(input, at: now, into: &effects)
        for effect in effects {
            if case .tell(let news) = effect {
                hear(news, now, &out)
            } else {
                out.append(.link(effect))
            }
        }
    }

    /// Ends the session, if there is one.
    mutating func disconnect(_ out: inout [Effect]) {
        if session?.isOpen == true {
            out.append(.link(.close))
        } else if session != nil {
            out.append(.link(.abandon(why: "given up")))
        }
        session = nil
        status = ""
    }

    /// Ends the program; lines that were not acknowledged make a success a failure.
    mutating func quit(_ code: Int32, _ out: inout [Effect]) {
        let hasLost = session?.lines.isEmpty == false
        disconnect(&out)
        out.append(.quit(code == 0 && hasLost ? 1 : code))
    }
}
