import Foundation
import Glibc

/// One member of a cluster: its ports, its directory, and its process while there is one.
final class NodeProcess {
    struct Ports {
        let webSocket: UInt16
        let http: UInt16
        let xmlRPC: UInt16
        let tcp: UInt16

        init() {
            let ports = FreePorts.take(4)
            (webSocket, http, xmlRPC, tcp) = (ports[0], ports[1], ports[2], ports[3])
        }

        var all: [UInt16] { [webSocket, http, xmlRPC, tcp] }
    }

    let number: Int
    let ports: Ports
    /// The variables with which it starts; a test may change them between two starts.
    var environment: [String: String]
    /// The most files that the process may have open; `nil`: as many as the tests.
    var openFiles: Int?
    private(set) var process: ChildProcess?
    private let log: String
    private var logStart = 0

    init(_ number: Int, in directory: String, ports: Ports = Ports(), peers: String? = nil) {
        self.number = number
        self.ports = ports
        log = "\(directory)/node\(number).log"
        environment = [
            "NODE_ID": "node\(number)", "DATA_DIR": "\(directory)/node\(number)",
            "WEBSOCKET_HOST": "127.0.0.1", "WEBSOCKET_PORT": "\(ports.webSocket)",
            "XMLRPC_HOST": "127.0.0.1", "XMLRPC_PORT": "\(ports.xmlRPC)",
            "BIND": "127.0.0.1:\(ports.tcp)", "PORT": "\(ports.http)",
            // Tests ask as fast as they can.
            "RATE_LIMIT": "0",
        ]
        environment["PEERS"] = peers
    }

    var name: String { "node\(number)" }
    var dataDirectory: String { environment["DATA_DIR"]! }
    var isRunning: Bool { process.map { !$0.hasEnded } ?? false }

    // MARK: The process

    func start() throws {
        precondition(!isRunning)
        logStart = contents(of: log).count
        let node = try program("parley-node")
        if let openFiles {
            process = try ChildProcess(
                "/bin/sh", ["-c", "ulimit -n \(openFiles) && exec \(node)"],
                environment: environment, output: log)
        } else {
            process = try ChildProcess(node, [], environment: environment, output: log)
        }
    }

    /// Starts it and waits until it serves.
    func startAndServe() throws {
        try start()
        try waitUntilReady()
    }

    func kill() { process?.kill() }

    /// Sends SIGTERM and waits for the end.
    @discardableResult
    func terminate(_ signal: Int32 = SIGTERM) throws -> ProcessEnd {
        guard let process else { throw LiveFailure("\(name) was never started") }
        process.signal(signal)
        return try waitForEnd()
    }

    func waitForEnd(within seconds: Double = 30) throws -> ProcessEnd {
        do { return try process!.waitForEnd(within: seconds) } catch {
            throw LiveFailure("\(error)\n\(tail)")
        }
    }

    /// What the process has logged since its latest start.
    var output: String {
        String(decoding: contents(of: log).dropFirst(logStart), as: UTF8.self)
    }

    func logged(_ text: String) -> Bool { output.contains(text) }

    /// The lines of the latest start that are errors.
    var errors: [String] {
        output.split(separator: "\n").filter { $0.contains(" ERROR ") }.map(String.init)
    }

    /// The last lines of the log, for the message of a failed test.
    var tail: String {
        output.split(separator: "\n").suffix(12).map { "  \(name): \($0)" }.joined(separator: "\n")
    }

    // MARK: Status

    /// `/cluster`; `nil` when it does not answer.
    var status: [String: Any]? {
        guard isRunning, let answer = try? HTTPAnswer.get(ports.http, "/cluster") else {
            return nil
        }
        return answer.status == 200 ? answer.json : nil
    }

    func figure(_ name: String) -> Int? { status?[name] as? Int }

    var isLeader: Bool { status?["role"] as? String == "leader" }

    /// Waits until it serves; throws when it ends instead.
    func waitUntilReady(within seconds: Double = 40) throws {
        try eventually("\(name) is ready\n\(tail)", within: seconds) {
            guard isRunning else { throw LiveFailure("\(name) ended: \(process!.end!)\n\(tail)") }
            return (try? HTTPAnswer.get(ports.http, "/ready"))?.status == 200
        }
    }

    /// Waits until a line with this text is in the log of the latest start.
    func waitForLog(_ text: String, within seconds: Double = 30) throws {
        try eventually("\(name) logs '\(text)'\n\(tail)", within: seconds) { logged(text) }
    }

    // MARK: Chat

    func connect(receiveBuffer: Int32? = nil) throws -> ChatSocket {
        let socket = try ChatSocket(port: ports.webSocket, receiveBuffer: receiveBuffer)
        try socket.waitUntilOpen()
        return socket
    }

    /// Connects and joins a room; its history from `since` on is in the inbox or on its way.
    func join(
        _ room: String, as user: String, since: Int? = nil, receiveBuffer: Int32? = nil
    ) throws -> ChatSocket {
        let socket = try connect(receiveBuffer: receiveBuffer)
        var data: [String: Any] = ["room_id": room, "username": user]
        data["since"] = since
        let answer = try socket.ask("join_room", data, for: "join_room_success", "join_room_error")
        guard answer.type == "join_room_success" else {
            throw LiveFailure("no join: \(answer.data)")
        }
        return socket
    }

    func createRoom(_ name: String = "room") throws -> String {
        let socket = try connect()
        let answer = try socket.ask(
            "create_room", ["room_name": name, "creator_id": "creator"], for: "room_created")
        guard !answer.text("room_id").isEmpty else { throw LiveFailure("no room: \(answer.data)") }
        socket.close()
        return answer.text("room_id")
    }

    /// A room's messages up to a sequence number, as a client that joins now gets them.
    func history(of room: String, through last: Int, within seconds: Double = 30) throws -> [Said] {
        let socket = try join(room, as: "historian", since: 0)
        defer { socket.close() }
        var said: [Said] = []
        let limit = Limit(seconds: seconds)
        while (said.last?.sequence ?? 0) < last {
            guard !limit.hasPassed else {
                throw LiveFailure(
                    "history of \(name) stops at \(said.last?.sequence ?? 0) of \(last)")
            }
            let message = try socket.wait(for: "new_message")
            said.append(Said(message))
        }
        return said
    }

    /// Says something and waits until it is acknowledged, whatever it takes.
    @discardableResult
    func say(_ content: String, in room: String, by user: String = "speaker") throws -> Said {
        let member = Member(user, room, nodes: [self])
        member.queue = [content]
        try Member.run([member], within: 30) { member.acknowledged.count == 1 }
        let said = member.acknowledged[0]
        member.leave()
        return said
    }

    /// A client that is new to the node can chat: what a test asks for after bad input.
    func expectService(in room: String) throws {
        let content = "still serving \(Limit.now)"
        let said = try say(content, in: room)
        let history = try history(of: room, through: said.sequence)
        guard history.last == said else { throw LiveFailure("\(name) does not serve: \(history)") }
    }
}

/// One message of a room.
struct Said: Equatable {
    let sequence: Int
    let id: String
    let content: String

    init(_ message: WireMessage) {
        sequence = message.number("sequence_number")
        id = message.text("message_id")
        content = message.text("content")
    }

    init(sequence: Int, id: String, content: String) {
        self.sequence = sequence
        self.id = id
        self.content = content
    }
}
