import Foundation
import Glibc
import Protocols
import Testing

extension Live {
    @Suite("XML-RPC with programs of other makers")
    struct FederationLive {
        private static let peers =
            #filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/peers/"

        /// Runs a program to its end and returns its exit status and output.
        private func run(
            _ path: String, _ arguments: [String], in directory: String
        ) throws -> (end: ProcessEnd, output: String) {
            let file = "\(directory)/output\(Limit.now)"
            let process = try ChildProcess(
                path, arguments, environment: ["PATH": "/usr/bin:/bin"], output: file)
            let end = try process.waitForEnd(within: 60)
            return (end, String(decoding: contents(of: file), as: UTF8.self))
        }

        private func call(
            _ arguments: [String], in directory: TemporaryDirectory
        ) throws -> (end: ProcessEnd, output: String) {
            try run(try program("parley-node"), ["call"] + arguments, in: directory.path)
        }

        private func startPythonServer(
            _ arguments: [String] = [], in directory: TemporaryDirectory
        ) throws -> (process: ChildProcess, url: String) {
            let file = "\(directory.path)/server\(Limit.now)"
            let process = try ChildProcess(
                "/usr/bin/python3", [Self.peers + "xmlrpc_server.py"] + arguments,
                environment: ["PYTHONUTF8": "1"], output: file)
            var port = ""
            try eventually("Python's server listens") {
                port = String(decoding: contents(of: file), as: UTF8.self)
                return port.hasSuffix("\n")
            }
            return (process, "http://127.0.0.1:" + port.dropLast())
        }

        @Test("Python's client can ask everything of a node")
        func pythonClient() throws {
            let directory = TemporaryDirectory()
            let node = NodeProcess(1, in: directory.path)
            try node.startAndServe()
            let (end, output) = try run(
                "/usr/bin/python3",
                [
                    Self.peers + "xmlrpc_client.py", "http://127.0.0.1:\(node.ports.xmlRPC)/",
                    "node1",
                ], in: directory.path)
            #expect(output == "all is well\n")
            #expect(end == .exited(0))
            node.kill()
        }

        @Test("parley-node call asks Python's server", arguments: [[], ["keep"]])
        func pythonServer(arguments: [String]) throws {
            let directory = TemporaryDirectory()
            let (server, url) = try startPythonServer(arguments, in: directory)
            let heartbeat = try call(["heartbeat", url], in: directory)
            #expect(heartbeat.end == .exited(0))
            let answer = try JSONSerialization.jsonObject(with: Data(heartbeat.output.utf8))
            #expect((answer as? [String: Any])?["node_id"] as? String == "python")
            let commit = try call(["commit_delete_room", url, "r", "t", "nil:"], in: directory)
            #expect(commit.output == "{\"success\":true,\"node_id\":\"python\"}\n")
            let message =
                "xml:<struct><member><name>sequence_number</name><value><i8>1099511627776</i8>"
                + "</value></member><member><name>content</name><value>a&#13;\nb &lt;&amp;> €"
                + "</value></member></struct>"
            let taken = try call(["receive_message_broadcast", url, "r", message], in: directory)
            #expect(taken.output == "true\n")
            let unknown = try call(["nothing", url], in: directory)
            #expect(unknown.end == .exited(3))
            #expect(unknown.output.hasPrefix("parley-node: fault 1: "))
            server.kill()
            let gone = try call(["heartbeat", url], in: directory)
            #expect(gone.end == .exited(1))
            #expect(gone.output == "parley-node: \(url): connection refused\n")
        }

        @Test(
            "every call between clusters can be made to Python's server", arguments: [[], ["keep"]])
        func calls(arguments: [String]) throws {
            let directory = TemporaryDirectory()
            let (server, url) = try startPythonServer(arguments, in: directory)
            let port = try #require(url.split(separator: ":").last.flatMap { UInt16($0) })
            let calls = FederationCalls()
            try calls.begin([("python", [port])])
            func call(_ call: FederationCall) -> CallResult? { calls.call("python", call) }
            let id = try #require(UniqueID("11111111-2222-4333-8444-555555555555"))
            let other = UniqueID(high: 1, low: 2)
            let us = ClusterName("node1")
            func room(_ count: Int) -> HostedRoom {
                HostedRoom(
                    id: id, name: "täglich <&>", description: "", memberCount: count,
                    host: ClusterName("python"), address: "http://127.0.0.1:1")
            }
            guard case .answered(.heartbeat(let heartbeat)) = call(.heartbeat) else {
                throw LiveFailure("no heartbeat")
            }
            #expect(heartbeat.name == ClusterName("python"))
            #expect(!heartbeat.understandsContext && heartbeat.visit == nil)
            #expect(heartbeat.at > WallTime(milliseconds: 1_700_000_000_000))
            #expect(call(.hostedRooms) == .answered(.hostedRooms([room(0)])))
            #expect(
                call(.joinRoom(room: other, user: "ann", from: us))
                    == .answered(.refused(.roomNotFound, "no such room")))
            #expect(
                call(.joinRoom(room: id, user: "ann", from: us))
                    == .answered(.joined(room(1), members: ["ann"], messages: [])))
            #expect(
                call(.forwardMessage(room: id, user: "bob", content: "x", from: us))
                    == .answered(.refused(.notMember, "join first")))
            let forward = call(.forwardMessage(room: id, user: "ann", content: "x\u{0}y", from: us))
            guard case .answered(.forwarded(let said, let sequence, let at)) = forward else {
                throw LiveFailure("not forwarded: \(String(describing: forward))")
            }
            let message = ChatMessage(
                id: said, sequence: sequence, user: "ann", content: "x\u{FFFD}y", at: at)
            #expect(
                call(.joinRoom(room: id, user: "bob", from: us))
                    == .answered(.joined(room(2), members: ["ann", "bob"], messages: [message])))
            #expect(call(.leaveRoom(room: id, user: "bob", from: us)) == .answered(.left))
            #expect(
                call(.leaveRoom(room: id, user: "bob", from: us))
                    == .answered(.refused(.notInRoom, "not there")))
            let told = ChatMessage(
                id: said, sequence: 1 << 40, user: "ann", content: "a\r\nb <&> €", at: at)
            #expect(call(.messageBroadcast(room: id, told)) == .answered(.received(true)))
            let left = MemberEvent(
                kind: .left, user: "ann", memberCount: 0, reason: .inactive, at: at)
            #expect(call(.memberEventBroadcast(room: id, left)) == .answered(.received(true)))
            #expect(
                call(.memberDisconnected(room: id, user: "ann", from: us, reason: .disconnected))
                    == .answered(.left))
            #expect(
                call(.prepareDeletion(room: id, transaction: other, coordinator: us))
                    == .answered(.vote(abort: "in use")))
            #expect(
                call(.prepareDeletion(room: other, transaction: other, coordinator: us))
                    == .answered(.vote(abort: nil)))
            #expect(
                call(.commitDeletion(room: id, transaction: other, name: nil))
                    == .answered(.finished))
            guard
                case .fault(1, let why)? = call(.rollbackDeletion(room: id, transaction: other))
            else { throw LiveFailure("no fault") }
            #expect(why.contains("this one is broken"))
            #expect(calls.load("python") == [arguments.isEmpty ? 0 : 1, 0])
            calls.end()
            server.kill()
        }

        @Test("parley-node call says how it is used, and waits no longer than it is told")
        func callUsage() throws {
            let directory = TemporaryDirectory()
            let help = try call(["--help"], in: directory)
            #expect(help.end == .exited(0))
            #expect(help.output.hasPrefix("usage: parley-node call"))
            for bad in [
                [], ["heartbeat"], ["heartbeat", "ftp://x"], ["--wait", "heartbeat", "http://x"],
                ["--timeout", "soon", "heartbeat", "http://x"], ["m", "http://x", "int:one"],
                ["m", "http://x", "xml:<int>"],
            ] {
                let (end, output) = try call(bad, in: directory)
                #expect(end == .exited(2), "\(bad)")
                #expect(output.split(separator: "\n").count == 1, "\(output)")
            }
            let port = FreePorts.take(1)[0]
            let silent = try FreePorts.listen(on: port)
            let url = "http://127.0.0.1:\(port)"
            let late = try call(["--timeout", "0.2", "heartbeat", url], in: directory)
            #expect(late.end == .exited(1))
            #expect(late.output == "parley-node: \(url): no answer within 0.2 s\n")
            close(silent)
        }

        @Test("thousands of calls that are pipelined on one connection are answered in order")
        func pipelined() throws {
            let directory = TemporaryDirectory()
            let node = NodeProcess(1, in: directory.path)
            try node.startAndServe()
            let socket = try RawSocket(port: node.ports.xmlRPC)
            let count = 4_000
            let last = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let one = "POST / HTTP/1.1\r\nHost:\r\n\r\n"
            #expect(socket.send(Array((String(repeating: one, count: count) + last).utf8)))
            let text = String(decoding: try socket.receiveAll(within: 30), as: UTF8.self)
            #expect(
                text.split(separator: "-32700", omittingEmptySubsequences: false).count == count + 1
            )
            #expect(text.hasSuffix("{\"status\":\"ok\",\"node\":\"node1\"}"))
            try node.terminate()
        }

        @Test("on the XML-RPC port status is still answered, and nothing but calls is taken")
        func otherRequests() throws {
            let directory = TemporaryDirectory()
            let node = NodeProcess(1, in: directory.path)
            try node.startAndServe()
            let port = node.ports.xmlRPC
            func status(_ line: String, _ rest: String = "\r\n") throws -> HTTPAnswer {
                try .exchange(
                    port, "\(line) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(rest)")
            }
            #expect(try status("GET /health").status == 200)
            #expect(try status("GET /nothing").status == 404)
            let put = try status("PUT /", "Content-Length: 0\r\n\r\n")
            #expect(put.status == 405)
            #expect(put.head.contains("Allow: GET, HEAD, POST"))
            #expect(try status("POST /", "Content-Length: 1048577\r\n\r\n").status == 413)
            let form =
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1\r\n\r\n"
            #expect(try status("POST /", form + "a").status == 415)
            // What is an order on the HTTP port is only a call without a document here.
            let transfer = try status("POST /cluster/transfer", "Content-Length: 0\r\n\r\n")
            #expect(transfer.status == 200)
            #expect(String(decoding: transfer.body, as: UTF8.self).contains("-32700"))
            try node.terminate()
        }
    }
}
