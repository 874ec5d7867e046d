import Foundation
import Glibc
import Protocols
import Testing

extension Live {
    @Suite("clients that do not read")
    struct ClusterSlowReader {
        @Test("they are dropped, others receive everything, and memory stays bounded")
        func slowReaders() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let slow = try (1...20).map {
                try node.join(room, as: "slow\($0)", receiveBuffer: 4_096)
            }
            let before = node.process?.memory("VmRSS") ?? 0
            let receivers = (1...3).map { Member("receiver\($0)", room, nodes: [node]) }
            let sender = Member("sender", room, nodes: [node], window: 64)
            // Short enough to be copied for each client: 20 MB for each, 400 MB for all.
            let load = String(repeating: "x", count: 1_500)
            sender.queue = (1...13_000).map { "message \($0) \(load)" }
            try Member.run([sender] + receivers, within: 120) {
                sender.isDone && receivers.allSatisfy { $0.lastHeard == 13_000 }
            }
            #expect(([sender] + receivers).flatMap(\.faults) == [])
            for receiver in receivers { #expect(receiver.heard == sender.heard) }
            #expect(receivers.map(\.joins) == [1, 1, 1])
            #expect(node.logged("slow client dropped with 1013"))
            // The close frame comes after what the kernel had taken, unless the node cut it off.
            let codes = try slow.map { try $0.waitForClose(within: 30) }
            #expect(codes.allSatisfy { $0 == 1013 || $0 == 1006 }, "\(codes)")
            print("close codes of clients that did not read: \(codes)")
            let peak = node.process?.memory("VmHWM") ?? .max
            print(
                "memory with 20 clients that do not read:",
                "\(before >> 20) MiB before, peak \(peak >> 20) MiB"
            )
            // 4 MiB for each of the slow ones, the log and the history; far below 400 MB.
            #expect(peak - before < 250 << 20)
            try eventually("the slow ones are members no more") {
                try members(of: room, at: node)
                    == ["late", "receiver1", "receiver2", "receiver3", "sender"]
            }
            try node.expectService(in: room)
        }

        private func members(of room: String, at node: NodeProcess) throws -> [String] {
            let socket = try node.connect()
            defer { socket.close() }
            let answer = try socket.ask(
                "join_room", ["room_id": room, "username": "late"], for: "join_room_success")
            return answer.data["members"] as? [String] ?? []
        }

        @Test("a client that asks and never reads the answers is dropped")
        func askingWithoutReading() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom(String(repeating: "long-name-", count: 20))
            let greedy = try node.connect(receiveBuffer: 4_096)
            let request = WebSocketFrame.encoded(
                .text, Array(#"{"type":"list_rooms"}"#.utf8), mask: WebSocketMask(0x0102_0304))
            var isTaken = true
            let limit = Limit(seconds: 60)
            while isTaken, !limit.hasPassed, !node.logged("slow client dropped with 1013") {
                for _ in 0..<500 where isTaken { isTaken = greedy.socket.send(request, within: 2) }
            }
            try node.waitForLog("slow client dropped with 1013")
            #expect((node.process?.memory("VmRSS") ?? .max) < 150 << 20)
            try node.expectService(in: room)
        }
    }
}
