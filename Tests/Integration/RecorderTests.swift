import Foundation
import Glibc
import Protocols
import Testing

@testable import LiveNet

extension Live {
    @Suite("the flight recorder")
    struct RecorderLive {
        /// What `parley-sim replay --recording` says, and its exit status.
        private func replay(
            _ path: String, _ arguments: [String] = [], in cluster: Cluster
        ) throws -> (text: String, end: ProcessEnd) {
            let output = "\(cluster.directory.path)/replay.txt"
            unlink(output)
            let process = try ChildProcess(
                try program("parley-sim"), ["replay", "--recording", path] + arguments,
                environment: [:], output: output)
            let end = try process.waitForEnd(within: 120)
            return (String(decoding: contents(of: output), as: UTF8.self), end)
        }

        private func recorded(_ count: Int, limit: String? = nil) throws -> Cluster {
            let cluster = try Cluster(count, starts: false)
            for node in cluster.nodes {
                node.environment["RECORD"] = recordings(of: node, in: cluster)
                node.environment["RECORD_LIMIT"] = limit
            }
            return cluster
        }

        private func recordings(of node: NodeProcess, in cluster: Cluster) -> String {
            "\(cluster.directory.path)/recordings of \(node.name)"
        }

        @Test(
            "three nodes are replayed to their last digest, through kill -9 of the leader under load"
        )
        func leaderKilled() throws {
            let cluster = try recorded(3)
            try cluster.start()
            let room = try cluster.nodes[0].createRoom()
            let leader = try cluster.leader()
            let senders = cluster.nodes.indices.map {
                Member("sender \($0)", room, nodes: cluster.nodes, at: $0, window: 16)
            }
            for sender in senders {
                sender.queue = (1...1_500).map { "\(sender.name): message \($0)" }
            }
            try Member.run(senders, within: 60) {
                senders.allSatisfy { $0.acknowledged.count >= 300 }
            }
            leader.kill()
            try Member.run(senders, within: 60) {
                senders.allSatisfy { $0.acknowledged.count >= 900 }
            }
            try leader.startAndServe()
            try Member.run(senders, within: 120) {
                senders.allSatisfy { $0.isDone && $0.lastHeard == 4_500 }
            }
            #expect(senders.flatMap(\.faults) == [])
            try cluster.waitUntilEqual()
            // The last blocks reach the files within some milliseconds; then nothing may change.
            var digest = ""
            try eventually("the state stays as it is") {
                digest = cluster.nodes[0].status?["state_digest"] as? String ?? ""
                usleep(300_000)
                return cluster.nodes.allSatisfy { $0.status?["state_digest"] as? String == digest }
            }
            cluster.killAll()
            for node in cluster.nodes {
                let (text, end) = try replay(recordings(of: node, in: cluster), in: cluster)
                let count = node === leader ? 2 : 1
                #expect(end == .exited(0), "\(text)")
                #expect(text.components(separatedBy: "  MATCH: ").count == count + 1, "\(text)")
                // Not only equal to what was recorded, but to what the node said of itself.
                #expect(text.contains(", state \(digest)"), "\(digest) is not in \(text)")
            }
            // What the cluster might have done from its end on, and from the midst of the load.
            for (moment, futures) in [([], "20"), (["--at", "500ms"], "5")] {
                let (text, end) = try branch(
                    cluster, moment + ["--futures", futures, "--for", "15s"])
                #expect(end == .exited(0), "\(text)")
                #expect(text.contains("\(futures) held, 0 failed"), "\(text)")
            }
            let (text, end) = try branch(cluster, ["--at", "10m"])
            #expect(end == .exited(2) && text.contains("all nodes were recorded for"), "\(text)")
        }

        /// What `parley-sim branch` says of all nodes' recordings, and its exit status.
        private func branch(
            _ cluster: Cluster, _ arguments: [String]
        ) throws -> (text: String, end: ProcessEnd) {
            let output = "\(cluster.directory.path)/branch.txt"
            unlink(output)
            let paths = cluster.nodes.flatMap { ["--recording", recordings(of: $0, in: cluster)] }
            let process = try ChildProcess(
                try program("parley-sim"), ["branch"] + paths + arguments, environment: [:],
                output: output)
            let end = try process.waitForEnd(within: 120)
            return (String(decoding: contents(of: output), as: UTF8.self), end)
        }

        @Test("a stopped node's recording has its end, and --until shows the node of any moment")
        func stopped() throws {
            let cluster = try recorded(1)
            try cluster.start()
            let node = cluster.nodes[0]
            let room = try cluster.nodes[0].createRoom()
            try node.expectService(in: room)
            #expect(try node.terminate() == .exited(0))
            let directory = recordings(of: node, in: cluster)
            let (text, end) = try replay(directory, in: cluster)
            #expect(end == .exited(0) && text.contains("MATCH"), "\(text)")
            #expect(text.contains("ends:     the node was stopped"))
            #expect(text.contains("halted:   drained"))
            let file =
                directory + "/" + (try #require(names(in: directory, prefix: "node1-").first))
            let early = try replay(file, ["--until", "10", "--trace", "-"], in: cluster)
            #expect(early.end == .exited(0) && early.text.contains("replayed: 10 events"))
            #expect(early.text.contains(" persisted "))
            #expect(early.text.contains("halted:   no") && !early.text.contains("MATCH"))
            // A flipped bit in the file.
            var bytes = contents(of: file)
            bytes[bytes.count / 2] ^= 4
            try write(bytes, to: file)
            let damaged = try replay(file, in: cluster)
            #expect(
                damaged.end == .exited(1) && damaged.text.contains("DAMAGED"), "\(damaged.text)")
            #expect(try replay("/nowhere", in: cluster).end == .exited(2))
        }

        @Test("a process that traps leaves its last block")
        func trapped() throws {
            let cluster = try recorded(1)
            try cluster.start()
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let said = try node.say("the last words", in: room)
            #expect(said.sequence == 1)
            node.process?.signal(SIGILL)
            #expect(try node.waitForEnd() == .killed(SIGILL))
            let directory = recordings(of: node, in: cluster)
            let (text, end) = try replay(directory, ["--trace", "-"], in: cluster)
            #expect(end == .exited(0) && text.contains("MATCH"), "\(text)")
            #expect(text.contains("the last words"), "\(text)")
        }

        @Test("a full recording ends, the node does not; its next start makes room")
        func full() throws {
            let cluster = try recorded(1, limit: "1M")
            try cluster.start()
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let sender = Member("sender", room, nodes: [node], window: 16)
            sender.queue = (1...600).map { "\($0) " + String(repeating: "x", count: 4_000) }
            try Member.run([sender], within: 60) { sender.isDone }
            try node.waitForLog("recording stopped: it is full")
            try node.expectService(in: room)
            let directory = recordings(of: node, in: cluster)
            let size = names(in: directory, prefix: "node1-").reduce(0) {
                $0 + contents(of: "\(directory)/\($1)").count
            }
            #expect(size <= 1 << 20)
            let (text, end) = try replay(directory, in: cluster)
            #expect(end == .exited(0) && text.contains("MATCH"), "\(text)")
            #expect(text.contains("ends:     the recording was full"))
            #expect(node.errors == [])
        }

        @Test(
            "a node whose recording cannot be written serves without it", arguments: ["", "/below"])
        func unwritable(below: String) throws {
            let cluster = try Cluster(1, starts: false)
            let file = cluster.directory.path + "/file"
            try write([1], to: file)
            cluster.nodes[0].environment["RECORD"] = file + below
            try cluster.start()
            #expect(cluster.nodes[0].logged("not recording: RECORD=\(file)"))
            try cluster.nodes[0].expectService(in: try cluster.nodes[0].createRoom())
        }

        @Test("old recordings go first, whole, and other nodes' stay")
        func rotation() throws {
            let directory = TemporaryDirectory()
            func files(_ node: UInt32, _ limit: Int) throws -> RecordingFiles {
                try RecordingFiles(
                    directory: directory.path, node: NodeID(node), id: 1, limit: limit,
                    partLimit: 1_000)
            }
            let block = [UInt8](repeating: 0, count: 400)
            #expect(try files(2, 1_000).append(block) == .written)
            for _ in 0..<2 {
                let old = try files(1, 10_000)
                for _ in 0..<4 { #expect(old.append(block) == .written) }
            }
            let new = try files(1, 4_000)
            #expect(new.append(block) == .written)
            #expect(
                names(in: directory.path, prefix: "node") == [
                    "node1-000001-0001.rec", "node1-000001-0002.rec", "node1-000002-0001.rec",
                    "node1-000002-0002.rec", "node1-000003-0001.rec", "node2-000001-0001.rec",
                ])
            #expect(new.append(block) == .written)
            #expect(
                names(in: directory.path, prefix: "node1") == [
                    "node1-000002-0001.rec", "node1-000002-0002.rec", "node1-000003-0001.rec",
                ])
            var written = 2
            while new.append(block) == .written { written += 1 }
            #expect(written == 9)
            #expect(new.append(block) == .failed("the recording is closed"))
            #expect(
                names(in: directory.path, prefix: "node1") == [
                    "node1-000003-0001.rec", "node1-000003-0002.rec", "node1-000003-0003.rec",
                ])
            for _ in 0..<12 { _ = try files(1, 100_000) }
            #expect(names(in: directory.path, prefix: "node1-").count == RecordingFiles.kept)
            #expect(names(in: directory.path, prefix: "node2-").count == 1)
        }
    }
}
