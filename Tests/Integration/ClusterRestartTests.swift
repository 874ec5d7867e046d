import Glibc
import Testing

extension Live {
    @Suite("stopping and coming back")
    struct ClusterRestart {
        @Test("SIGTERM closes clients with 1012 and ends with 0, and they go on elsewhere")
        func drain() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let leader = try cluster.leader()
            let others = cluster.others(than: leader)
            // An idle HTTP connection must not hold the node up.
            let idle = try RawSocket(port: leader.ports.http)
            let witness = try leader.join(room, as: "witness")
            let sender = Member("sender", room, nodes: [leader] + others)
            let receiver = Member("receiver", room, nodes: others)
            sender.queue = (1...200).map { "message \($0)" }
            let both = [sender, receiver]
            try Member.run(both, within: 30) {
                receiver.isJoined && sender.acknowledged.count >= 50
            }
            leader.process?.signal(SIGTERM)
            try Member.run(both, within: 60) {
                sender.isDone && both.allSatisfy { $0.lastHeard >= 200 }
            }
            #expect(try leader.waitForEnd() == .exited(0))
            #expect(try witness.waitForClose() == 1012)
            #expect(both.flatMap(\.faults) == [])
            #expect(receiver.heard == sender.heard)
            #expect(sender.acknowledged.sorted { $0.sequence < $1.sequence } == sender.heard)
            #expect(leader.logged("draining"))
            #expect(leader.errors == [])
            idle.close()
        }

        @Test(
            "SIGTERM of all members one after the other ends each with 0",
            arguments: [SIGTERM, SIGINT])
        func stopAll(signal: Int32) throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let said = try cluster.nodes[1].say("before", in: room)
            for node in cluster.nodes { #expect(try node.terminate(signal) == .exited(0)) }
            try cluster.start()
            #expect(try cluster.nodes[2].history(of: room, through: said.sequence) == [said])
            for node in cluster.nodes { #expect(node.errors == []) }
        }

        @Test("SIGINT ends at once with 0, and so does a second SIGTERM")
        func interrupt() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            #expect(try node.terminate(SIGINT) == .exited(0))
            try node.startAndServe()
            node.process?.signal(SIGTERM)
            node.process?.signal(SIGTERM)
            #expect(try node.waitForEnd() == .exited(0))
        }

        @Test("a follower that missed messages catches up from the log")
        func catchUpFromLog() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let follower = try cluster.follower()
            try cluster.others(than: follower)[0].say("first", in: room)
            follower.kill()
            let sender = Member("sender", room, nodes: cluster.others(than: follower), window: 32)
            sender.queue = (1...500).map { "message \($0)" }
            try Member.run([sender], within: 60) { sender.isDone && sender.lastHeard == 501 }
            sender.leave()
            try follower.startAndServe()
            try cluster.waitUntilEqual()
            #expect(!follower.logged("snapshot installed"))
            #expect(try follower.history(of: room, through: 501) == sender.heard)
        }

        @Test("a follower that missed more than the log keeps catches up by snapshot")
        func catchUpBySnapshot() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let follower = try cluster.follower()
            try cluster.others(than: follower)[0].say("first", in: room)
            follower.kill()
            let others = cluster.others(than: follower)
            // 5,000 characters of four bytes each: 40 MB, over the 32 MiB at which a node
            // takes a snapshot.
            let load = String(repeating: "😀", count: 4_900)
            let sender = Member("sender", room, nodes: others, window: 16)
            sender.queue = (1...2_000).map { "message \($0) \(load)" }
            try Member.run([sender], within: 120) { sender.isDone && sender.lastHeard == 2_001 }
            #expect(sender.faults == [])
            sender.leave()
            for node in others { try node.waitForLog("snapshot taken") }
            try follower.startAndServe()
            try follower.waitForLog("snapshot installed")
            try cluster.waitUntilEqual()
            #expect(try follower.history(of: room, through: 2_001) == sender.heard)
            // What it holds now must be enough for another start.
            follower.kill()
            try follower.startAndServe()
            try cluster.waitUntilEqual()
        }
    }
}
