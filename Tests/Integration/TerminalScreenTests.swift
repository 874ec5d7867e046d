import Glibc
import Testing

extension Live {
    @Suite("the chat client in a terminal")
    struct TerminalScreen {
        private func nodes(_ nodes: [NodeProcess]) -> String {
            nodes.map { "127.0.0.1:\($0.ports.webSocket)" }.joined(separator: ",")
        }

        private func command(_ arguments: String, before: String = "") throws -> String {
            "clear; \(before) \(try program("parley")) chat \(arguments); echo code $?"
        }

        /// Waits for the exit code and checks that the terminal is as it was.
        private func expectEnd(_ pane: TerminalPane, code: Int, settings: String) throws {
            try pane.wait(for: "code \(code)")
            try pane.wait(for: TerminalPane.prompt)
            #expect(try pane.ask("#{alternate_on} #{cursor_flag} #{keypad_flag}") == "0 1 0")
            #expect(try pane.settings() == settings)
        }

        @Test("connects, makes a room, talks, outlives its node, and gives the terminal back")
        func conversation() throws {
            let cluster = try Cluster()
            let pane = try TerminalPane()
            let settings = try pane.settings()
            try pane.run(try command("--node \(nodes(cluster.nodes))"))

            // The form, and the list of rooms.
            try pane.wait(for: " Parley: connect")
            try pane.type("ann")
            try pane.press("Enter")
            try pane.wait(for: "There are no rooms; c makes one.")
            try pane.press("c")
            try pane.type("tea")
            try pane.press("Enter")
            let home = cluster.nodes[0].ports.webSocket
            try pane.wait(for: "* joined tea on 127.0.0.1:\(home), 1 in the room")

            // Another member, and text of several bytes in both directions.
            let list = try cluster.nodes[1].connect()
            let rooms = try list.ask("discover_rooms", for: "global_rooms_list")
            list.close()
            let room = (rooms.data["rooms"] as? [[String: Any]])?.first?["room_id"] as? String
            let ben = Member("ben", try #require(room), nodes: Array(cluster.nodes[1...]))
            try Member.run([ben], within: 30) { ben.isJoined }
            try pane.wait(for: "* ben joined")
            try pane.wait(for: "│ ben")
            try pane.type("hällo 日本語")
            try pane.press("Enter")
            try Member.run([ben], within: 30) { ben.heard.last?.content == "hällo 日本語" }
            ben.queue = ["grüße 😀 back"]
            try Member.run([ben], within: 30) { ben.isDone }
            try pane.wait(for: "ben: grüße 😀 back")
            try pane.wait(for: "ann: hällo 日本語")

            // The node dies; what is said meanwhile, here and there, is said once.
            cluster.nodes[0].kill()
            try pane.type("while away")
            try pane.press("Enter")
            ben.queue = ["meanwhile"]
            try Member.run([ben], within: 60) {
                ben.isDone && ben.heard.contains { $0.content == "while away" }
                    && ben.heard.contains { $0.content == "meanwhile" }
            }
            try pane.wait(for: "* 127.0.0.1:\(home): connection lost")
            try pane.wait(for: "* back in tea on 127.0.0.1:\(cluster.nodes[1].ports.webSocket)")
            try pane.wait(for: "ben: meanwhile")
            let rows = try pane.wait(for: "ann: while away") {
                $0.contains { $0.contains("ann: while away") }
                    && !$0.contains { $0.contains("  ... ") }
            }
            let said = rows.compactMap { row in
                ben.heard.first { row.contains(": \($0.content) ") }?.content
            }
            #expect(said == ben.heard.map(\.content))
            #expect(ben.faults == [])
            ben.leave()
            try pane.wait(for: "* ben left")

            // Back to the list, and out.
            try pane.press("Escape")
            try pane.wait(for: " Parley: 1 room")
            try pane.wait(for: "> tea")
            try pane.press("r")
            try pane.wait(for: " Parley: 1 room")
            try pane.press("d")
            try pane.wait(for: " Delete tea? y deletes it")
            try pane.press("y")
            try pane.wait(for: " the room is deleted")
            try pane.wait(for: "There are no rooms; c makes one.")
            try pane.press("q")
            try expectEnd(pane, code: 0, settings: settings)
        }

        @Test("follows the terminal's size, and scrolls")
        func sizes() throws {
            let cluster = try Cluster(1)
            let room = try cluster.nodes[0].createRoom("tea")
            let speaker = Member("speaker", room, nodes: cluster.nodes)
            speaker.queue = (1...40).map { "message \($0)" }
            try Member.run([speaker], within: 30) { speaker.isDone }
            let pane = try TerminalPane()
            let node = nodes(cluster.nodes)
            try pane.run(try command("--node \(node) --user ann --room tea", before: "LC_ALL=C"))
            try pane.wait(for: "│ speaker")
            let rows = try pane.wait(for: "speaker: message 40")
            #expect(rows[21].contains("speaker: message 40"))
            try pane.press("PPage")
            let above = try pane.wait(for: "PgDn for more")
            #expect(above[21].contains("speaker: message 20"))
            try pane.press("NPage")
            try pane.wait(for: "speaker: message 40")
            try pane.resize(columns: 40, rows: 10)
            try pane.wait(for: "ten narrow rows") {
                $0.count == 10 && $0[7].contains("speaker: message 40") && $0[9] == ">"
                    && !$0.contains { $0.contains("│") }
            }
            try pane.resize(columns: 100, rows: 30)
            try pane.wait(for: "thirty wide rows") {
                $0.count == 30 && $0[27].contains("speaker: message 40")
                    && $0[1].contains("│ ann")
            }
            // Stopped, and on with another size.
            try pane.press("C-z")
            try pane.wait(for: "Stopped")
            try pane.resize(columns: 50, rows: 12)
            try pane.run("fg; echo code $?")
            try pane.wait(for: "twelve rows") {
                $0.count == 12 && $0[9].contains("speaker: message 40") && $0[11] == ">"
            }
            // Keys that the line of input knows.
            try pane.type("日本x")
            try pane.press("Left", "BSpace", "Home")
            try pane.type(">")
            try pane.press("End")
            try pane.type("!")
            try pane.wait(for: "the edited line") { $0.last == "> >日x!" }
            try pane.press("C-u")
            try pane.type("/quit")
            try pane.press("Enter")
            try pane.wait(for: "code 0")
            speaker.leave()
        }

        @Test("gives the terminal back at Ctrl-C, at signals, and when it crashes")
        func ends() throws {
            let cluster = try Cluster(1)
            let pane = try TerminalPane()
            try pane.run("ulimit -c 0")
            let settings = try pane.settings()
            let chat = try command("--node \(nodes(cluster.nodes)) --user ann --room tea")
            for number in [SIGTERM, SIGHUP, SIGABRT, SIGSEGV, SIGINT] {
                try pane.run(chat)
                try pane.wait(for: "* joined tea")
                if number == SIGINT {
                    try pane.press("C-c")
                } else {
                    kill(try pane.child(), number)
                }
                try expectEnd(pane, code: Int(128 + number), settings: settings)
            }
        }

        @Test("says in place why it cannot connect, and which terminal it cannot use")
        func failures() throws {
            let pane = try TerminalPane()
            let settings = try pane.settings()
            let port = FreePorts.take(1)[0]
            try pane.run(try command("--node 127.0.0.1:\(port) --user ann"))
            try pane.wait(for: " 127.0.0.1:\(port): cannot connect")
            try pane.wait(for: " User   ann")
            try pane.press("Tab", "C-u")
            try pane.type("nowhere:x")
            try pane.press("Enter")
            try pane.wait(for: "nowhere:x is no address such as 127.0.0.1:8081")
            try pane.press("Escape")
            try expectEnd(pane, code: 0, settings: settings)
            for name in ["dumb", "no-such-terminal"] {
                try pane.run(try command("--user ann", before: "TERM=\(name)"))
                try pane.wait(for: "this terminal cannot show a screen; use --plain")
                try expectEnd(pane, code: 1, settings: settings)
            }
        }
    }
}
