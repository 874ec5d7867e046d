import LiveNet
import Protocols
import TerminalClient

/// What `parley chat` is told.
struct ChatOptions {
    var urls: [WebSocketURL] = []
    var user = ""
    var room = ""
    var creates = true
    var timeout = Interval.seconds(10)
    var isPlain = false
    /// Minutes from UTC to the person's time of the day.
    var utcOffset = 0
    /// The name was given and not guessed.
    private var isUserGiven = false

    /// Where `make up` puts its nodes.
    private static let localNodes = "127.0.0.1:8081,127.0.0.1:8082,127.0.0.1:8083"

    static let usage = """
        Usage: parley chat [options]

        A chat client for the terminal: connect, choose or make a room, talk. When a node is lost it
        goes to the next one by itself, misses nothing and says nothing twice.

          --node ADDR      a node, such as 127.0.0.1:8081; several with commas between them, or the
                           option several times; give all nodes. Else PARLEY_NODES, else the three
                           nodes of make up: 127.0.0.1:8081 to 8083
          --url URL        the same
          --user NAME      who you are; else PARLEY_USER, else the form begins with your login name
          --room NAME      go to this room at once; it is made if there is none
          --create         make the room if there is none (the default)
          --no-create      fail if there is no such room
          --plain          line by line, without a screen; so it is also when the standard input or
                           output is no terminal. It takes --user and --room
          --timeout SEC    line by line only: give up when no room could be entered for so long at
                           the start, or lines not delivered at the end (default 10)

        Keys
          form       Tab the other field, Enter connect, Escape quit
          rooms      arrows choose, Enter join, c create, d delete, r refresh, Escape disconnect, q quit
          chat       Enter says the line, PgUp and PgDn scroll, Escape back to the rooms
          everywhere Ctrl-C quit

        Lines that begin with a slash are commands:
          /members   who is in the room
          /delete    delete this room, if you made it (on a screen)
          /leave     back to the rooms (on a screen)
          /rooms     all rooms (line by line)
          /quit      send what is pending and leave; so does the end of the input
          /help      the commands (on a screen)
          //text     says /text

        Line by line, messages go to the standard output and notices to the standard error.
        Exit codes: 0 everything was sent; 1 no node serves, a line was refused or not
        acknowledged, or the terminal cannot show a screen; 2 bad arguments; 128 and the number of
        a signal that ended it, such as 130 for Ctrl-C.
        """

    /// Reads arguments and variables; the latter give what the former leave out.
    init(
        _ arguments: [String], environment: (String) -> String? = { _ in nil },
        isTerminal: Bool = false
    ) throws(UsageError) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case "--create": creates = true
            case "--no-create": creates = false
            case "--plain": isPlain = true
            case "--url", "--node": try addNodes(try Self.value(of: option, &rest), of: option)
            case "--user":
                user = try Self.value(of: option, &rest)
                try check(option, user)
                isUserGiven = true
            case "--room":
                room = try Self.value(of: option, &rest)
                try check(option, room)
            case "--timeout":
                let text = try Self.value(of: option, &rest)
                guard let seconds = Int64(text), (1...86_400).contains(seconds) else {
                    throw UsageError(text: "--timeout takes 1 to 86400 seconds, not \(text)")
                }
                timeout = .seconds(seconds)
            default: throw UsageError(text: "unknown argument \(option)")
            }
        }
        if !isTerminal { isPlain = true }
        if urls.isEmpty {
            try addNodes(environment("PARLEY_NODES") ?? Self.localNodes, of: "PARLEY_NODES")
        }
        if !isUserGiven, let name = environment("PARLEY_USER"), !name.isEmpty {
            user = name
            try check("PARLEY_USER", user)
            isUserGiven = true
        }
        if isPlain {
            if !isUserGiven { throw UsageError(text: "--user is missing") }
            if room.isEmpty { throw UsageError(text: "--room is missing") }
        } else if !isUserGiven {
            user = environment("USER") ?? ""
        }
    }

    private mutating func addNodes(_ list: String, of option: String) throws(UsageError) {
        for text in list.split(separator: ",").map(String.init) {
            guard let url = WebSocketURL(address: text) else {
                throw UsageError(text: "\(option): \(text) is no address such as 127.0.0.1:8081")
            }
            urls.append(url)
        }
        if urls.isEmpty { throw UsageError(text: "\(option) names no node") }
    }

    private func check(_ option: String, _ name: String) throws(UsageError) {
        guard !name.isEmpty else { throw UsageError(text: "\(option) is empty") }
        guard name.utf8.count <= Node.maximumName else {
            throw UsageError(text: "\(option) is longer than \(Node.maximumName) bytes")
        }
    }

    private static func value(
        of option: String, _ rest: inout ArraySlice<String>
    ) throws(UsageError) -> String {
        guard let value = rest.popFirst() else {
            throw UsageError(text: "\(option) takes a value")
        }
        return value
    }

    /// What the client with a screen is told.
    func screenSettings(seed: UInt64) -> ChatApp.Settings {
        var settings = ChatApp.Settings(
            nodes: urls.map(\.address).joined(separator: ","), user: user, seed: seed)
        settings.room = room
        settings.createsRoom = creates
        settings.connectsAtOnce = isUserGiven
        settings.utcOffset = utcOffset
        return settings
    }
}
