import Foundation
import Glibc
import Protocols
import Testing

@testable import LiveNet

extension Live {
    @Suite("many connections")
    struct Idle {
        @Test("an idle connection costs a node less than 12 KiB, as parley-bench idle finds")
        func memory() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let directory = TemporaryDirectory()
            let output = directory.path + "/output"
            let bench = try ChildProcess(
                try program("parley-bench"),
                [
                    "idle", "--node", "127.0.0.1:\(node.ports.webSocket)", "--connections", "600",
                    "--seconds", "1", "--probes", "20", "--rooms", "20", "--deflate", "--pid",
                    "\(try #require(node.process).id)",
                ], environment: [:], output: output)
            let end = try bench.waitForEnd(within: 120)
            let text = String(decoding: contents(of: output), as: UTF8.self)
            #expect(end == .exited(0), "\(text)")
            let last = text.split(separator: "\n").last.map(String.init) ?? ""
            let found = try JSONSerialization.jsonObject(with: Data(last.utf8))
            let report = try #require(found as? [String: Any])
            #expect(report["ok"] as? Bool == true)
            #expect(report["connections"] as? Int == 600)
            #expect(try #require(report["user_pss_bytes"] as? Int) < 12 << 10)
        }

        @Test("clients get a part of the descriptors, so that the node never runs out of them")
        func fewDescriptors() throws {
            let cluster = try Cluster(1, starts: false)
            let node = cluster.nodes[0]
            node.openFiles = 150
            try cluster.start()
            #expect(node.logged("few files may be open"))
            let room = try node.createRoom()
            let member = try node.join(room, as: "member")
            var crowd: [RawSocket] = []
            for _ in 0..<200 { crowd.append(try RawSocket(port: node.ports.webSocket)) }
            try node.waitForLog("connections are refused")
            // An operator and the members that are in go on.
            #expect(try HTTPAnswer.get(node.ports.http, "/ready").status == 200)
            member.send("send_message", ["room_id": room, "username": "member", "content": "on"])
            #expect(try member.wait(for: "new_message").text("content") == "on")
            let figures = try HTTPAnswer.get(node.ports.http, "/metrics").json
            #expect(try #require(figures["connections_refused_total"] as? Int) >= 200 - 75)
            crowd = []
            try eventually("there is room again") {
                (try? node.expectService(in: room)) != nil
            }
        }
    }

    @Suite("admission")
    struct AdmissionTests {
        @Test("what is kept back is 128 descriptors, or the half of a few")
        func maximum() {
            let usual = Admission(descriptors: 20_000)
            #expect(usual.maximum(.webSocket) == 19_872)
            #expect(usual.maximum(.http) == 19_936)
            let few = Admission(descriptors: 100)
            #expect(few.maximum(.webSocket) == 50)
            #expect(few.maximum(.http) == 75)
        }

        @Test("refusals are counted, and told every ten seconds")
        func telling() {
            var admission = Admission(descriptors: 100)
            let told = [0, 1, 9_999, 10_000, 10_001, 30_000].map {
                admission.refuse(at: Instant.zero + Interval.milliseconds($0))
            }
            #expect(told == [1, nil, nil, 4, nil, 6])
        }
    }
}
