import Testing

extension Live {
    @Suite("leadership on request")
    struct ClusterTransfer {
        private func ask(_ node: NodeProcess, _ query: String = "") throws -> HTTPAnswer {
            try HTTPAnswer.exchange(
                node.ports.http,
                "POST /cluster/transfer\(query) HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Length: 0\r\nConnection: close\r\n\r\n")
        }

        @Test("the leader hands over to the member that the operator names; others say who leads")
        func transfer() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let old = try cluster.leader()
            let next = cluster.others(than: old)[0]
            try old.say("before", in: room)

            let refused = try ask(next)
            #expect(refused.status == 409)
            #expect(refused.json["detail"] as? String == "\(old.name) leads: ask it.")
            #expect(try ask(old, "?to=node9").status == 400)
            #expect(try ask(old, "?to=\(old.name)").status == 400)
            let read = try HTTPAnswer.get(old.ports.http, "/cluster/transfer")
            #expect(read.status == 405 && read.head.contains("Allow: POST"))
            #expect(try cluster.leader() === old)

            let answer = try ask(old, "?to=\(next.name)")
            #expect(answer.status == 202)
            #expect(answer.json["to"] as? String == next.name)
            try eventually("\(next.name) leads\n\(cluster.tails)") { next.isLeader }
            try old.say("after", in: room)
            #expect(try next.history(of: room, through: 2).map(\.content) == ["before", "after"])
        }
    }
}
