import Foundation
import Glibc
import Testing

extension Live {
    @Suite("members that do not fit")
    struct ClusterMembership {
        @Test("a wiped member ends with 1 and says so, and the others go on")
        func wiped() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let node = try cluster.leader()
            let others = cluster.others(than: node)
            let first = try node.say("before", in: room)
            node.kill()
            try FileManager.default.removeItem(atPath: node.dataDirectory)
            try node.start()
            #expect(try node.waitForEnd() == .exited(1))
            #expect(node.errors.count == 1)
            #expect(node.logged("a wiped member cannot vote"))
            let second = try others[0].say("after", in: room)
            #expect(try others[1].history(of: room, through: 2) == [first, second])
            // It is gone as soon as the first of them has told it; the other may not have met it.
            let why = "its data directory is not the one that the membership names"
            #expect(others.contains { $0.logged(why) })
        }

        @Test("a changed member list is refused at the start")
        func changedMembers() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let node = cluster.nodes[2]
            try node.terminate()
            let ports = cluster.nodes.map(\.ports)
            let peers = node.environment["PEERS"]
            node.environment["PEERS"] = Cluster.peers(ports + [NodeProcess.Ports()])
            try node.start()
            #expect(try node.waitForEnd() == .exited(1))
            #expect(node.errors.count == 1)
            #expect(
                node.logged(
                    "belongs to a cluster of node1, node2, node3, but node1, node2, node3, node4"))
            try cluster.nodes[0].say("without node3", in: room)
            node.environment["PEERS"] = peers
            try node.startAndServe()
            try cluster.waitUntilEqual()
        }

        @Test("blank members with different lists do not begin a cluster and say why")
        func differentLists() throws {
            let cluster = try Cluster(3, starts: false)
            let nodes = cluster.nodes
            nodes[2].environment["PEERS"] = Cluster.peers(
                nodes.map(\.ports) + [NodeProcess.Ports()])
            for node in nodes { try node.start() }
            for node in nodes.prefix(2) {
                try node.waitForLog("it was configured with other members")
            }
            for node in nodes { #expect(!node.logged("the cluster has begun")) }
            #expect(try HTTPAnswer.get(nodes[0].ports.http, "/ready").status == 503)
        }

        @Test("a member with another key is refused on both sides, and the others go on")
        func wrongKey() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let node = cluster.nodes[1]
            node.kill()
            node.environment["ENCRYPTION_KEY"] = String(repeating: "a5", count: 32)
            try node.start()
            // Node 1 opens the link to node 2, and node 2 that to node 3: both sides of both.
            for member in cluster.nodes { try member.waitForLog("has another ENCRYPTION_KEY") }
            #expect(node.isRunning)
            #expect(!node.output.contains("a5a5"))
            try cluster.nodes[0].say("without node2", in: room)
            try cluster.nodes[2].expectService(in: room)
            #expect(try HTTPAnswer.get(node.ports.http, "/ready").status == 503)
            node.kill()
            node.environment["ENCRYPTION_KEY"] = Cluster.key
            try node.startAndServe()
            try cluster.waitUntilEqual()
        }

        @Test("peers that speak garbage cost their connection and no more")
        func garbagePeer() throws {
            let cluster = try Cluster()
            let room = try cluster.nodes[0].createRoom()
            let term = cluster.nodes[0].figure("term")
            let payloads: [[UInt8]] = [
                Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
                (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 197 &+ 13) },
                [UInt8](repeating: 0xFF, count: 70_000),
                [UInt8](repeating: 0, count: 70_000),
                [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03],
            ]
            for node in cluster.nodes {
                for payload in payloads {
                    let socket = try RawSocket(port: node.ports.tcp)
                    socket.send(payload)
                    socket.endSending()
                    _ = try socket.receiveAll()
                }
                for port in [node.ports.tcp, node.ports.http, node.ports.xmlRPC] {
                    let upgrade =
                        "GET / HTTP/1.1\r\nHost: x\r\n"
                        + "Connection: Upgrade\r\nUpgrade: parley-peer\r\n\r\n"
                    let socket = try RawSocket(port: port)
                    socket.send(Array(upgrade.utf8) + payloads[1])
                    socket.endSending()
                    _ = try socket.receiveAll()
                }
                #expect(node.logged("does not speak Parley's peer protocol"))
            }
            // More silent connections than are taken at a time.
            var silent: [RawSocket] = []
            for _ in 0..<200 { silent.append(try RawSocket(port: cluster.nodes[0].ports.tcp)) }
            for node in cluster.nodes { try node.expectService(in: room) }
            silent.removeAll()
            #expect(cluster.running.count == 3)
            #expect(cluster.nodes[0].figure("term") == term, "garbage must not cost a leader")
        }

        @Test("silent strangers do not keep a member from coming back")
        func strangersHoldNoPlaces() throws {
            let cluster = try Cluster()
            let node = cluster.nodes[0]
            node.kill()
            var silent: [RawSocket] = []
            for _ in 0..<100 { silent.append(try RawSocket(port: cluster.nodes[2].ports.tcp)) }
            try node.startAndServe()
            try cluster.waitUntilEqual()
            try eventually("\(node.name) is linked to both others\n\(cluster.tails)") {
                (node.status?["connected"] as? [String])?.sorted() == ["node2", "node3"]
            }
        }

        @Test(
            "a member whose disk is full ends with 1 and says so; it catches up once there is space"
        )
        func diskFull() throws {
            let cluster = try Cluster(3, starts: false)
            let node = cluster.nodes[2]
            let small = SmallDisk(megabytes: 8)
            guard small.isMounted else {
                print("the test of a full disk is skipped: no tmpfs may be mounted here")
                return
            }
            node.environment["DATA_DIR"] = small.path + "/data"
            try cluster.start()
            let room = try cluster.nodes[0].createRoom()
            let load = String(repeating: "😀", count: 4_900)
            let sender = Member("sender", room, nodes: Array(cluster.nodes.prefix(2)), window: 8)
            sender.queue = (1...600).map { "message \($0) \(load)" }
            try Member.run([sender], within: 60) { sender.isDone && sender.lastHeard == 600 }
            #expect(sender.faults == [])
            #expect(try node.waitForEnd() == .exited(1))
            #expect(node.errors.count == 1)
            #expect(node.errors.first?.contains("disk full: ") == true, "\(node.errors)")
            #expect(node.errors.first?.contains(node.dataDirectory) == true)
            try cluster.nodes[0].say("without node3", in: room)

            // Still full: it does not start, and says the same.
            try node.start()
            #expect(try node.waitForEnd() == .exited(1))
            #expect(node.errors.first?.contains("disk full: ") == true, "\(node.errors)")

            try small.grow(megabytes: 128)
            try node.startAndServe()
            try cluster.waitUntilEqual()
            #expect(try node.history(of: room, through: 601).dropLast() == sender.heard.prefix(600))
            node.kill()
        }
    }
}

/// A file system of its own in memory, so that it can be full without hurting anybody.
final class SmallDisk {
    private let directory = TemporaryDirectory()
    private(set) var isMounted = false
    var path: String { directory.path + "/disk" }

    init(megabytes: Int) {
        mkdir(path, 0o700)
        isMounted = mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0
        if isMounted { ProcessGuard.shared.addMount(path) }
    }

    func grow(megabytes: Int) throws {
        guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(megabytes)m") == 0 else {
            throw LiveFailure("the small disk does not grow: \(errno)")
        }
    }

    deinit { if isMounted { umount2(path, Int32(MNT_DETACH)) } }
}
