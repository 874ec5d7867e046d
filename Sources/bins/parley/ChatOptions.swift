import LiveNet
import Protocols

/// What `parley chat` is told.
struct ChatOptions {
    var urls: [WebSocketURL] = []
    var user = ""
    var room = ""
    var creates = true
    var timeout = Interval.seconds(10)

    static let usage = """
        Usage: parley chat --url URL [--url URL ...] --user NAME --room NAME [options]

        Joins a room, prints its recent messages and what is said from then on, and says the
        lines of the standard input. After a lost connection it goes on with the next URL.

          --url URL        a node, such as ws://127.0.0.1:8081; give all nodes
          --user NAME      who you are
          --room NAME      the room; it is made if there is none
          --create         make the room if there is none (the default)
          --no-create      fail if there is no such room
          --timeout SEC    give up when no node serves for so long at the start, or at the end
                           with lines unsent (default 10)

        Lines that begin with a slash are commands:
          /members   who is in the room
          /rooms     all rooms
          /quit      send what is pending and leave; so does the end of the input
          //text     says /text

        Messages go to the standard output, notices to the standard error.
        Exit codes: 0 everything was sent; 1 no node serves, or lines were not acknowledged;
        2 bad arguments.
        """

    init(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case "--create": creates = true
            case "--no-create": creates = false
            case "--url":
                let text = try Self.value(of: option, &rest)
                guard let url = WebSocketURL(text) else {
                    throw UsageError(text: "\(text) is no URL such as ws://127.0.0.1:8081")
                }
                urls.append(url)
            case "--user": user = try Self.value(of: option, &rest)
            case "--room": room = try Self.value(of: option, &rest)
            case "--timeout":
                let text = try Self.value(of: option, &rest)
                guard let seconds = Int64(text), (1...86_400).contains(seconds) else {
                    throw UsageError(text: "--timeout takes 1 to 86400 seconds, not \(text)")
                }
                timeout = .seconds(seconds)
            default: throw UsageError(text: "unknown argument \(option)")
            }
        }
        guard !urls.isEmpty else { throw UsageError(text: "--url is missing") }
        for (option, name) in [("--user", user), ("--room", room)] {
            guard !name.isEmpty else { throw UsageError(text: "\(option) is missing") }
            guard name.utf8.count <= Node.maximumName else {
                throw UsageError(text: "\(option) is longer than \(Node.maximumName) bytes")
            }
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
}
