import LiveNet
import Protocols

/// What `parley-bench chat` is told.
struct ChatOptions {
    var urls: [WebSocketURL] = []
    var senders = 4
    var receivers = 30
    var rooms = 1
    var seconds = 10
    var warmUp = 1
    /// Messages a second of all senders together; `nil` for as many as are acknowledged.
    var rate: Int?
    var inflight = 16
    var size = 200
    var reconnects = false
    /// Who is in the rooms is checked at the end.
    var checksMembers = false
    /// Receivers that leave before that.
    var leavers = 0
    var compresses = false
    var isJSONOnly = false

    static let usage = """
        Usage: parley-bench chat --url ws://HOST:PORT [--url ...] [options]

        Puts a chat load on nodes and checks it: every acknowledged message must reach every
        receiver of its room once, and in one order. Members are spread over the URLs. New rooms
        are made for each run.

          --url URL        a node; give all nodes
          --senders N      members that send (default 4)
          --receivers N    members that only receive (default 30)
          --rooms N        rooms among which members are spread (default 1)
          --seconds S      length of the measurement (default 10)
          --warmup S       time before it that does not count (default 1)
          --rate R|max     messages a second of all senders together (default max). With a rate,
                           latency counts from when a message was due
          --inflight K     unacknowledged messages of one sender (default 16)
          --size BYTES     content of a message, 40 to 5000 (default 200)
          --reconnect      lost members go on with the next URL: senders repeat what was not
                           acknowledged, receivers ask for what they missed
          --members        check at the end who is in each room: as each member was told, and as
                           each node answers one more that joins
          --leavers N      receivers that leave before that, every other one without a word
          --deflate        offer permessage-deflate, and compress if the node agrees
          --json           nothing but the JSON line on the standard output

        SIGINT ends the measurement early, and what was sent until then is judged.
        Progress goes to the standard error, the last line of the output is JSON.
        Exit codes: 0 all well; 1 loss, doubles, disorder, refusals, or no connection;
        2 bad arguments.
        """

    init(_ arguments: [String]) throws(UsageError) {
        var rest = Arguments(arguments)
        while let option = rest.next() {
            switch option {
            case "--url":
                let text = try rest.value(of: option)
                guard let url = WebSocketURL(text) else {
                    throw UsageError("\(text) is no URL such as ws://127.0.0.1:8081")
                }
                urls.append(url)
            case "--senders": senders = try rest.number(of: option, in: 1...4096)
            case "--receivers": receivers = try rest.number(of: option, in: 0...20_000)
            case "--rooms": rooms = try rest.number(of: option, in: 1...1000)
            case "--seconds": seconds = try rest.number(of: option, in: 1...86_400)
            case "--warmup": warmUp = try rest.number(of: option, in: 0...3600)
            case "--rate":
                let text = try rest.value(of: option)
                if text == "max" {
                    rate = nil
                } else if let number = Int(text), (1...10_000_000).contains(number) {
                    rate = number
                } else {
                    throw UsageError("--rate takes a number from 1 or max, not \(text)")
                }
            case "--inflight": inflight = try rest.number(of: option, in: 1...65_536)
            case "--size": size = try rest.number(of: option, in: 40...5000)
            case "--reconnect": reconnects = true
            case "--members": checksMembers = true
            case "--leavers": leavers = try rest.number(of: option, in: 0...20_000)
            case "--deflate": compresses = true
            case "--json": isJSONOnly = true
            default: throw UsageError("unknown argument \(option)")
            }
        }
        guard !urls.isEmpty else { throw UsageError("--url is missing") }
        guard leavers == 0 || checksMembers && leavers < receivers else {
            throw UsageError("--leavers goes with --members and more receivers than that")
        }
    }
}
