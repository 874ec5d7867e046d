import Glibc
import Testing

extension Live {
    @Suite("the chat client line by line")
    struct TerminalPlain {
        /// Runs the client with this input; what it prints and what it notes.
        private func chat(
            _ arguments: String, input: String = "", variables: [String: String] = [:]
        ) throws -> (end: ProcessEnd, lines: [String], notes: String) {
            let directory = TemporaryDirectory()
            let files = ["input", "output", "notes"].map { directory.path + "/" + $0 }
            try write(Array(input.utf8), to: files[0])
            let line = "\(try program("parley")) chat \(arguments) <\(files[0]) 2>\(files[2])"
            let process = try ChildProcess(
                "/bin/sh", ["-c", line], environment: variables, output: files[1])
            let end = try process.waitForEnd()
            let text = files[1...].map { String(decoding: contents(of: $0), as: UTF8.self) }
            return (end, text[0].split(separator: "\n").map(String.init), text[1])
        }

        @Test("says the lines of a pipe and prints the room")
        func pipe() throws {
            let cluster = try Cluster(1)
            let node = "ws://127.0.0.1:\(cluster.nodes[0].ports.webSocket)"
            let first = try chat(
                "--url \(node) --user ann --room tea", input: "one\n//two\n\nthree")
            #expect(first.end == .exited(0))
            #expect(first.lines == ["[1] ann: one", "[2] ann: /two", "[3] ann: three"])
            #expect(first.notes == "* joined tea on \(node), 1 in the room\n")
            let second = try chat(
                "--plain --no-create", input: "/members\n/rooms\n/what\n/quit\nnot said\n",
                variables: ["PARLEY_NODES": node, "PARLEY_USER": "ben"]
            )
            #expect(second.end == .exited(2), "there is no --room")
            let third = try chat(
                "--room tea --no-create", input: "/members\n/what\n/quit\nnot said\n",
                variables: ["PARLEY_NODES": node, "PARLEY_USER": "ben"])
            #expect(third.end == .exited(0))
            #expect(third.lines.contains("1 in the room:") && third.lines.contains("  ben"))
            #expect(third.lines.filter { $0.hasPrefix("[") } == first.lines)
            #expect(third.notes.contains("* unknown command; there are /members, /rooms and /quit"))
        }

        @Test("a line that is refused, a room that is not there and a node that is not make a 1")
        func failures() throws {
            let cluster = try Cluster(1)
            let node = "127.0.0.1:\(cluster.nodes[0].ports.webSocket)"
            let long = String(repeating: "x", count: 5_001)
            let refused = try chat(
                "--node \(node) --user ann --room tea", input: "\(long)\nfine\n")
            #expect(refused.end == .exited(1))
            #expect(refused.lines == ["[1] ann: fine"])
            #expect(refused.notes.contains("* not sent: xxx"))
            let absent = try chat("--node \(node) --user ann --room coffee --no-create")
            #expect(absent.end == .exited(1))
            #expect(absent.notes.contains("--create makes it"))
            cluster.killAll()
            let lost = try chat("--node \(node) --user ann --room tea --timeout 1", input: "x\n")
            #expect(lost.end == .exited(1))
            #expect(lost.notes.contains("* no node serves for 1 s"))
        }

        @Test("bad arguments make a 2 and say what is wrong, --help tells every option")
        func arguments() throws {
            let cases = [
                ("--user ann", "--room is missing"), ("--room tea", "--user is missing"),
                ("--node x:y --user ann --room tea", "x:y is no address"),
                ("--node , --user ann --room tea", "--node names no node"),
                ("--user '' --room tea", "--user is empty"),
                ("--timeout 0", "--timeout takes 1 to 86400 seconds"),
                ("--room", "--room takes a value"), ("--nonsense", "unknown argument --nonsense"),
            ]
            for (arguments, word) in cases {
                let run = try chat(arguments)
                #expect(run.end == .exited(2), "\(arguments)")
                #expect(run.notes.contains(word), "\(arguments): \(run.notes)")
            }
            let help = try chat("--help")
            #expect(help.end == .exited(0))
            for word in [
                "--node", "--url", "--user", "--room", "--create", "--no-create", "--plain",
                "--timeout", "PARLEY_NODES", "PARLEY_USER", "Exit codes",
            ] {
                #expect(help.lines.contains { $0.contains(word) }, "\(word)")
            }
        }
    }
}
