import Glibc
import Testing

extension Live {
    @Suite("who is there, and who is not any more")
    struct ClusterPresence {
        private static func one(_ settings: [String: String]) throws -> Cluster {
            let cluster = try Cluster(1, starts: false)
            cluster.nodes[0].environment.merge(settings) { $1 }
            try cluster.start()
            return cluster
        }

        @Test("an idle member is told that it left for inactivity, and joins again as it is")
        func idle() throws {
            let cluster = try Self.one(["INACTIVITY_TIMEOUT": "1", "CLEANUP_INTERVAL": "1"])
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let ann = try node.join(room, as: "ann")
            let news = try ann.wait(for: "member_left")
            #expect(news.text("username") == "ann" && news.text("room_id") == room)
            #expect(news.text("reason") == "Inactivity" && news.number("member_count") == 0)
            let refusal = try ann.ask(
                "send_message", ["room_id": room, "username": "ann", "content": "x"],
                for: "message_error")
            #expect(refusal.text("error_code") == "NOT_MEMBER")
            let back = try ann.ask(
                "join_room", ["room_id": room, "username": "ann"], for: "join_room_success")
            #expect(back.data["members"] as? [String] == ["ann"])
            #expect(node.errors == [])
        }

        @Test("a connection that answers no ping is cut, and leaves its rooms")
        func silent() throws {
            let cluster = try Self.one(["PING_INTERVAL": "1", "PING_TIMEOUT": "1"])
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            // Nothing is read of ann's socket from here on, so that no ping is answered.
            let ann = try node.join(room, as: "ann")
            let bob = try node.join(room, as: "bob")
            let news = try bob.wait(for: "member_left")
            #expect(news.text("username") == "ann" && news.text("reason") == "User disconnected")
            #expect(try bob.ask("list_rooms", [:], for: "rooms_list").number("total_count") == 1)
            #expect(try ann.waitForClose() != 1000)
        }

        @Test("a client that asks too often is told so, and that it may ask again")
        func rate() throws {
            let cluster = try Self.one(["RATE_LIMIT": "1", "RATE_BURST": "4"])
            let node = cluster.nodes[0]
            let socket = try node.connect()
            for _ in 0..<5 { socket.send("list_rooms") }
            let refusal = try socket.wait(for: "error")
            #expect(refusal.text("error_code") == "RATE_LIMITED")
            #expect(refusal.text("message").contains("try again in a second"))
            try eventually("a list is given again") {
                let answer = try socket.ask("list_rooms", [:], for: "rooms_list", "error")
                return answer.type == "rooms_list"
            }
        }

        @Test("a dead node's members leave, and its rooms have a live node in the lists")
        func deadNode() throws {
            let cluster = try Cluster()
            let (first, second) = (cluster.nodes[0], cluster.nodes[1])
            let room = try first.createRoom()
            let ann = try first.join(room, as: "ann")
            let bob = try second.join(room, as: "bob")
            func admin() throws -> String? {
                let list = try bob.ask("discover_rooms", [:], for: "global_rooms_list")
                return (list.data["rooms"] as? [[String: Any]])?.first?["admin_node"] as? String
            }
            #expect(try admin() == "node1")
            first.kill()
            #expect(try ann.waitForClose() == 1006)
            let news = try bob.wait(for: "member_left", within: 60)
            #expect(news.text("username") == "ann" && news.text("reason") == "Node unreachable")
            #expect(try admin() == "node2")
            try second.waitForLog("rooms taken over")
            #expect(!cluster.nodes[2].logged("rooms taken over"))
            try first.startAndServe()
            try eventually("node1 has its room again") { try admin() == "node1" }
        }

        @Test(
            "three nodes are restarted under load: nothing lost, nothing twice, nobody left behind")
        func rollingRestart() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let members = (0..<9).map {
                Member("m\($0)", room, nodes: cluster.nodes, at: $0, window: 2)
            }
            var said = 0
            var pause = Limit(seconds: 0)
            /// Keeps all of them talking, 20 times a second each.
            func talk() {
                guard pause.hasPassed else { return }
                pause = Limit(seconds: 0.05)
                for member in members where member.queue.isEmpty {
                    said += 1
                    member.queue.append("\(member.name) says \(said)")
                }
            }
            try Member.run(members, within: 30) {
                talk()
                return members.allSatisfy(\.isJoined) && said > 50
            }
            for node in cluster.nodes {
                node.process?.signal(SIGTERM)
                try Member.run(members, within: 60) {
                    talk()
                    return !node.isRunning
                }
                #expect(try node.waitForEnd() == .exited(0))
                try node.start()
                try Member.run(members, within: 60) {
                    talk()
                    return (try? HTTPAnswer.get(node.ports.http, "/ready"))?.status == 200
                }
                let last = said
                try Member.run(members, within: 60) {
                    talk()
                    return said > last + 20
                }
            }
            try Member.run(members, within: 60) {
                members.allSatisfy { $0.isDone && $0.lastHeard == said }
            }
            #expect(members.flatMap(\.faults) == [])
            #expect(members.allSatisfy { $0.joins >= 2 })
            let heard = members[0].heard
            #expect(members.allSatisfy { $0.heard == heard })
            #expect(
                members.flatMap(\.acknowledged).sorted { $0.sequence < $1.sequence } == heard)
            #expect(Set(heard.map(\.content)).count == said)
            for node in cluster.nodes { #expect(node.errors == []) }
        }
    }
}
