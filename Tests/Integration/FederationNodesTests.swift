import Foundation
import Glibc
import Testing

extension Live {
    @Suite("rooms between clusters")
    struct FederationNodes {
        private static let script =
            #filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/peers/"

        /// Nodes that are clusters of their own, each federated with the others.
        private func nodes(_ count: Int, in directory: TemporaryDirectory) throws -> [NodeProcess] {
            let nodes = (1...count).map { NodeProcess($0, in: directory.path) }
            for node in nodes {
                let others = nodes.filter { $0 !== node }
                node.environment["FEDERATION_PEERS"] = others.map {
                    "\($0.name):http://127.0.0.1:\($0.ports.xmlRPC)"
                }.joined(separator: ",")
                node.environment["HEARTBEAT_INTERVAL"] = "0.3"
                node.environment["HEARTBEAT_TIMEOUT"] = "0.3"
                try node.start()
            }
            for node in nodes { try node.waitUntilReady() }
            return nodes
        }

        private func create(_ name: String, at node: NodeProcess, by user: String) throws
            -> (room: String, socket: ChatSocket)
        {
            let socket = try node.connect()
            let answer = try socket.ask(
                "create_room", ["room_name": name, "creator_id": user], for: "room_created")
            return (answer.text("room_id"), socket)
        }

        /// Joins as soon as the node knows the room, which may be another cluster's.
        private func join(
            _ room: String, as user: String, on socket: ChatSocket
        ) throws -> WireMessage {
            var answer: WireMessage?
            try eventually("\(user) joins \(room)") {
                answer = try socket.ask(
                    "join_room", ["room_id": room, "username": user], for: "join_room_success",
                    "join_room_error")
                return answer?.type == "join_room_success"
            }
            return answer!
        }

        private func say(
            _ content: String, in room: String, by user: String, on socket: ChatSocket
        ) throws -> WireMessage {
            var answer: WireMessage?
            try eventually("\(user) says \(content)") {
                answer = try socket.ask(
                    "send_message",
                    [
                        "room_id": room, "username": user, "content": content,
                        "client_message_id": content,
                    ], for: "message_sent", "message_error")
                return answer?.type == "message_sent"
            }
            return answer!
        }

        /// What a member hears, in order, up to so many messages.
        private func hear(_ count: Int, on socket: ChatSocket) throws -> [String] {
            try (0..<count).map { _ in
                let message = try socket.wait(for: "new_message")
                return "\(message.number("sequence_number")) \(message.text("content"))"
            }
        }

        @Test("three nodes that are federated share their rooms, and lose the one that dies")
        func threeNodes() throws {
            let directory = TemporaryDirectory()
            let nodes = try nodes(3, in: directory)
            let (room, ann) = try create("lobby", at: nodes[0], by: "ann")
            _ = try join(room, as: "ann", on: ann)
            let bob = try nodes[1].connect()
            try eventually("node2 finds the room of node1") {
                let list = try bob.ask("discover_rooms", for: "global_rooms_list")
                let rooms = list.data["rooms"] as? [[String: Any]] ?? []
                guard let found = rooms.first(where: { $0["room_id"] as? String == room }) else {
                    return false
                }
                #expect(found["admin_node"] as? String == "node1")
                let address = "http://127.0.0.1:\(nodes[0].ports.xmlRPC)"
                #expect(found["node_address"] as? String == address)
                return true
            }
            let eve = try nodes[2].connect()
            _ = try join(room, as: "bob", on: bob)
            _ = try join(room, as: "eve", on: eve)
            for user in ["bob", "eve"] {
                let joined = try ann.wait(for: "member_joined")
                #expect(joined.text("username") == user)
            }
            let sockets = [("ann", ann), ("bob", bob), ("eve", eve)]
            for round in 0..<3 {
                for (user, socket) in sockets {
                    _ = try say("\(user) \(round)", in: room, by: user, on: socket)
                }
            }
            let heard = try hear(9, on: ann)
            #expect(heard.count == 9 && heard[0].hasPrefix("1 ") && heard[8].hasPrefix("9 "))
            #expect(try hear(9, on: bob) == heard)
            #expect(try hear(9, on: eve) == heard)

            nodes[2].kill()
            for socket in [ann, bob] {
                let left = try socket.wait(for: "member_left")
                #expect(left.text("username") == "eve")
                #expect(left.text("reason") == "Node unreachable")
            }
            ann.send("delete_room", ["room_id": room, "username": "ann"])
            _ = try ann.wait(for: "delete_room_success")
            for socket in [ann, bob] {
                let deleted = try socket.wait(for: "room_deleted")
                #expect(deleted.text("room_id") == room)
            }
            for node in nodes.dropLast() { #expect(node.errors.isEmpty) }
            for node in nodes.dropLast() { try node.terminate() }
        }

        @Test("a cluster that takes connections and never answers slows nobody")
        func hungPeer() throws {
            let directory = TemporaryDirectory()
            let port = FreePorts.take(1)[0]
            let hung = try FreePorts.listen(on: port)
            defer { close(hung) }
            let node = NodeProcess(1, in: directory.path)
            node.environment["FEDERATION_PEERS"] = "hung:http://127.0.0.1:\(port)"
            node.environment["HEARTBEAT_INTERVAL"] = "0.1"
            node.environment["HEARTBEAT_TIMEOUT"] = "0.1"
            try node.startAndServe()
            let (room, ann) = try create("lobby", at: node, by: "ann")
            _ = try join(room, as: "ann", on: ann)
            try node.waitForLog("another cluster does not answer")
            // Nobody waits for the list while messages go back and forth.
            let asker = try node.connect()
            asker.send("discover_rooms")
            for number in 0..<200 { _ = try say("\(number)", in: room, by: "ann", on: ann) }
            #expect(try hear(200, on: ann).last == "200 199")
            let list = try asker.wait(for: "global_rooms_list")
            #expect(list.number("total_count") == 1)
            #expect(list.data["nodes_unavailable"] as? [String] == ["hung"])
            try node.terminate()
        }

        @Test("a node of another maker is a guest in a room")
        func foreignGuest() throws {
            let directory = TemporaryDirectory()
            let node = NodeProcess(1, in: directory.path)
            let port = FreePorts.take(1)[0]
            node.environment["FEDERATION_PEERS"] = "python:http://127.0.0.1:\(port)"
            node.environment["HEARTBEAT_INTERVAL"] = "0.3"
            try node.startAndServe()
            let (room, alice) = try create("lobby", at: node, by: "alice")
            _ = try join(room, as: "alice", on: alice)
            _ = try say("before", in: room, by: "alice", on: alice)
            let output = directory.path + "/guest"
            let guest = try ChildProcess(
                "/usr/bin/python3",
                [
                    Self.script + "guides_guest.py", "http://127.0.0.1:\(node.ports.xmlRPC)/",
                    room, "\(port)",
                ], environment: ["PYTHONUTF8": "1"], output: output)
            func fail(_ error: any Error) -> LiveFailure {
                LiveFailure(
                    "\(error)\n\(String(decoding: contents(of: output), as: UTF8.self))\n\(node.tail)"
                )
            }
            do {
                #expect(try hear(1, on: alice) == ["1 before"])
                #expect(try alice.wait(for: "member_joined").text("username") == "pia")
                #expect(try hear(1, on: alice) == ["2 from python: ä <&>"])
                _ = try say("from alice", in: room, by: "alice", on: alice)
                #expect(try alice.wait(for: "member_left").text("username") == "pia")
                alice.send("delete_room", ["room_id": room, "username": "alice"])
                _ = try alice.wait(for: "delete_room_success")
                _ = try guest.waitForEnd()
            } catch { throw fail(error) }
            let said = String(decoding: contents(of: output), as: UTF8.self)
            #expect(said.hasSuffix("all is well\n"), "\(said)")
            try node.terminate()
        }

        @Test("a node of another maker hosts a room")
        func foreignHost() throws {
            let directory = TemporaryDirectory()
            let node = NodeProcess(1, in: directory.path)
            let output = directory.path + "/host"
            let host = try ChildProcess(
                "/usr/bin/python3",
                [
                    Self.script + "xmlrpc_server.py", "keep",
                    "tell=http://127.0.0.1:\(node.ports.xmlRPC)/",
                ], environment: ["PYTHONUTF8": "1"], output: output)
            var port = ""
            try eventually("the host listens") {
                port = String(decoding: contents(of: output), as: UTF8.self)
                return port.hasSuffix("\n")
            }
            node.environment["FEDERATION_PEERS"] = "python:http://127.0.0.1:\(port.dropLast())"
            node.environment["HEARTBEAT_INTERVAL"] = "0.3"
            try node.startAndServe()
            let room = "11111111-2222-4333-8444-555555555555"
            let alice = try node.connect()
            do {
                let joined = try join(room, as: "alice", on: alice)
                #expect(joined.text("room_name") == "täglich <&>")
                #expect(joined.text("admin_node") == "python")
                let sent = try say("to python: ä <&>", in: room, by: "alice", on: alice)
                #expect(sent.number("sequence_number") == 1)
                #expect(try hear(1, on: alice) == ["1 to python: ä <&>"])
                alice.send("leave_room", ["room_id": room, "username": "alice"])
                _ = try alice.wait(for: "leave_room_success")
                try eventually("the host has no member any more") {
                    let list = try alice.ask("discover_rooms", for: "global_rooms_list")
                    let rooms = list.data["rooms"] as? [[String: Any]] ?? []
                    return rooms.first?["member_count"] as? Int == 0
                }
            } catch {
                throw LiveFailure(
                    "\(error)\n\(String(decoding: contents(of: output), as: UTF8.self))\n\(node.tail)"
                )
            }
            host.kill()
            try node.terminate()
        }
    }
}
