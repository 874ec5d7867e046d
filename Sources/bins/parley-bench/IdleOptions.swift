import LiveNet
import Protocols

/// What `parley-bench idle` is told.
struct IdleOptions {
    var url: WebSocketURL!
    /// The node's process, if its memory is to be measured.
    var process: Int?
    var connections = 10_000
    var seconds = 60
    var probes = 500
    /// Rooms that the connections join; 0: they join none.
    var rooms = 0
    var compresses = false

    static let usage = """
        Usage: parley-bench idle --node HOST:PORT [--pid PID] [options]

        Opens many WebSocket connections to one node, keeps them idle, answers pings, and measures
        what a connection costs the node and whether the node stays responsive: the time from
        sending a message to receiving it, one message at a time, before and with the connections.

          --node HOST:PORT   the node's WebSocket port
          --pid PID          the node's process; without it no memory is measured. The kernel's
                             memory is that of both ends when the node is on this machine
          --connections N    idle connections (default 10000); each 20000 come from another
                             loopback address
          --seconds S        how long they are held (default 60; nodes ping after 25)
          --probes K         messages in each measurement of responsiveness (default 500), spread
                             over the time
          --rooms R          the connections are members of so many rooms (default 0: of none)
          --deflate          offer permessage-deflate

        The last line of the output is JSON. Exit codes: 0 all well; 1 no connection, or one was
        lost; 2 bad arguments.
        """

    init(_ arguments: [String]) throws(UsageError) {
        var rest = Arguments(arguments)
        while let option = rest.next() {
            switch option {
            case "--node":
                let text = try rest.value(of: option)
                guard let url = WebSocketURL("ws://" + text) else {
                    throw UsageError("\(text) is no address such as 127.0.0.1:8081")
                }
                self.url = url
            case "--pid": process = try rest.number(of: option, in: 1...(1 << 30))
            case "--connections": connections = try rest.number(of: option, in: 1...1_000_000)
            case "--seconds": seconds = try rest.number(of: option, in: 1...86_400)
            case "--rooms": rooms = try rest.number(of: option, in: 0...1000)
            case "--probes": probes = try rest.number(of: option, in: 10...100_000)
            case "--deflate": compresses = true
            default: throw UsageError("unknown argument \(option)")
            }
        }
        guard url != nil else { throw UsageError("--node is missing") }
    }

    /// Where a connection comes from, since an address has only so many ports; `nil` where the
    /// system may choose, which is faster.
    func source(of number: Int) -> String? {
        guard url.host.hasPrefix("127."), number >= 20_000 else { return nil }
        return "127.0.0.\(1 + number / 20_000)"
    }
}
