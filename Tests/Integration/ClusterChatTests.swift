import Glibc
import Testing

extension Live {
    @Suite("chat on three nodes")
    struct ClusterChat {
        /// 30 receivers and 3 senders, spread over the nodes.
        private func crowd(_ cluster: Cluster, _ room: String, messages: Int) -> [Member] {
            let receivers = (0..<30).map {
                Member("receiver\($0)", room, nodes: cluster.nodes, at: $0 % 3)
            }
            let senders = (0..<3).map { place in
                let sender = Member("sender\(place)", room, nodes: cluster.nodes, at: place)
                sender.queue = (0..<messages).map { "message \($0) of sender\(place)" }
                return sender
            }
            return senders + receivers
        }

        @Test(
            "every acknowledged message arrives once and in one order, and outlives kill -9"
        )
        func killedLeader() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let each = 300
            let members = crowd(cluster, room, messages: each)
            let senders = members.prefix(3)
            var acknowledged: [Said] { senders.flatMap(\.acknowledged) }

            try Member.run(members, within: 60) {
                members.allSatisfy(\.isJoined) && acknowledged.count >= each / 2
            }
            let leader = try cluster.leader()
            let before = acknowledged.count
            #expect(before < 3 * each, "the leader must die in the midst of it")
            leader.kill()
            try Member.run(members, within: 60) { acknowledged.count >= before + each / 2 }
            try leader.start()
            try Member.run(members, within: 120) {
                senders.allSatisfy(\.isDone) && members.allSatisfy { $0.lastHeard >= 3 * each }
            }

            #expect(members.flatMap(\.faults) == [])
            let order = members[3].heard
            #expect(order.map(\.sequence) == Array(1...3 * each))
            #expect(Set(order.map(\.content)).count == 3 * each)
            for member in members {
                #expect(member.heard == order, "\(member.name) hears another order")
            }
            #expect(acknowledged.sorted { $0.sequence < $1.sequence } == order)
            #expect(members.map(\.joins).reduce(0, +) >= members.count + 10)

            cluster.killAll()
            try cluster.start()
            for node in cluster.nodes {
                #expect(try node.history(of: room, through: 3 * each) == order)
            }
            try cluster.waitUntilEqual()
        }

        @Test("after kill -9 of the leader the next message is acknowledged")
        func failover() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            var times: [Double] = []
            for round in 1...3 {
                let leader = try cluster.leader()
                let survivor = cluster.others(than: leader)[round % 2]
                let sender = Member("sender", room, nodes: [survivor])
                sender.queue = ["before \(round)"]
                try Member.run([sender], within: 30) { sender.isDone }
                leader.kill()
                let start = Limit.now
                sender.queue = ["after \(round)"]
                try Member.run([sender], within: 15) { sender.isDone }
                times.append(Double(Limit.now - start) / 1e6)
                #expect(sender.faults == [])
                sender.leave()
                try leader.startAndServe()
            }
            let figures = times.sorted().map { "\(Int($0)) ms" }
            print("fail-over, kill -9 of the leader to the next acknowledged message: \(figures)")
        }
    }
}
