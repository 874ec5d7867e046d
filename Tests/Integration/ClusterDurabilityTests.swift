import Glibc
import Testing

extension Live {
    @Suite("data directories")
    struct ClusterDurability {
        /// One node with a room and some messages, stopped by `kill -9`.
        private func stoppedNode(messages: Int = 20) throws -> (Cluster, room: String, said: [Said])
        {
            let cluster = try Cluster(1)
            let room = try cluster.nodes[0].createRoom()
            let sender = Member("sender", room, nodes: cluster.nodes, window: 1)
            sender.queue = (1...messages).map { "message \($0)" }
            try Member.run([sender], within: 60) { sender.isDone && sender.lastHeard == messages }
            cluster.killAll()
            return (cluster, room, sender.heard)
        }

        /// The node ends with 1 and one error line, which has all of these words.
        private func expectRefusal(_ node: NodeProcess, _ words: String...) throws {
            #expect(try node.waitForEnd() == .exited(1))
            let errors = node.errors
            #expect(errors.count == 1, "one line, not \(errors)")
            for word in words {
                #expect(errors.first?.contains(word) == true, "'\(word)' is not in \(errors)")
            }
        }

        private func lastSegment(_ node: NodeProcess) throws -> String {
            let segments = names(in: node.dataDirectory, prefix: "log-")
            return node.dataDirectory + "/" + (try #require(segments.last))
        }

        @Test(
            "a torn tail is cut, and every acknowledged message is there",
            arguments: [1, 40, 5_000])
        func tornTail(bytes: Int) throws {
            let (cluster, room, said) = try stoppedNode()
            let node = cluster.nodes[0]
            let log = try lastSegment(node)
            let garbage = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 91) }
            try write(garbage, to: log, at: contents(of: log).count)
            try node.startAndServe()
            #expect(node.logged("the end of the log was never acknowledged and is cut"))
            #expect(try node.history(of: room, through: said.count) == said)
            try node.expectService(in: room)
        }

        @Test("a log that is damaged where it was synced is refused, and left as it is")
        func damagedLog() throws {
            let (cluster, room, said) = try stoppedNode()
            let node = cluster.nodes[0]
            let log = try lastSegment(node)
            let good = contents(of: log)
            var bad = good
            bad[good.count / 2] ^= 0x40
            try write(bad, to: log)
            for _ in 1...2 {
                try node.start()
                try expectRefusal(node, node.dataDirectory, "log-", "is corrupt at byte")
                #expect(contents(of: log) == bad)
            }
            // The bit back in its place, all is as before.
            try write(good, to: log)
            try node.startAndServe()
            #expect(try node.history(of: room, through: said.count) == said)
        }

        @Test("a damaged or lost identity is refused")
        func damagedIdentity() throws {
            let (cluster, _, _) = try stoppedNode(messages: 1)
            let node = cluster.nodes[0]
            let path = node.dataDirectory + "/identity"
            var identity = contents(of: path)
            identity[20] ^= 1
            try write(identity, to: path)
            try node.start()
            try expectRefusal(node, "identity is corrupt")
            unlink(path)
            try node.start()
            try expectRefusal(node, "identity", "missing")
        }

        @Test("a damaged snapshot is refused and never counts as absent")
        func damagedSnapshot() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let load = String(repeating: "😀", count: 4_900)
            let sender = Member("sender", room, nodes: [node], window: 32)
            sender.queue = (1...1_800).map { "message \($0) \(load)" }
            try Member.run([sender], within: 120) { sender.isDone }
            try node.waitForLog("snapshot taken")
            var saved: String?
            try eventually("the snapshot is durable") {
                saved = names(in: node.dataDirectory, prefix: "snapshot-").last {
                    !$0.hasSuffix(".tmp")
                }
                return saved != nil
            }
            cluster.killAll()
            // First as it is: what a snapshot and the log behind it hold is everything.
            try node.startAndServe()
            #expect(try node.history(of: room, through: sender.lastHeard) == sender.heard)
            cluster.killAll()
            let path = node.dataDirectory + "/" + (try #require(saved))
            var bytes = contents(of: path)
            bytes[bytes.count / 2] ^= 1
            try write(bytes, to: path)
            try node.start()
            try expectRefusal(node, "snapshot-", "is corrupt at byte", "a chunk is damaged")
        }

        @Test("a second process on a directory is refused and names the first")
        func twoProcesses() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let second = NodeProcess(1, in: cluster.directory.path + "/..")
            second.environment["DATA_DIR"] = node.dataDirectory
            second.environment["LOG_FILE"] = cluster.directory.path + "/second.log"
            try second.start()
            #expect(try second.waitForEnd() == .exited(1))
            let log = String(
                decoding: contents(of: cluster.directory.path + "/second.log"), as: UTF8.self)
            #expect(log.contains("\(node.dataDirectory) is in use by process \(node.process!.id)"))
            try node.expectService(in: room)
            // A killed process leaves no lock behind.
            node.kill()
            try node.startAndServe()
        }

        @Test("a directory that cannot be made or read is named")
        func unusableDirectory() throws {
            let cluster = try Cluster(1, starts: false)
            let node = cluster.nodes[0]
            let file = cluster.directory.path + "/file"
            try write([1], to: file)
            for path in [file, file + "/below"] {
                node.environment["DATA_DIR"] = path
                try node.start()
                try expectRefusal(node, "data directory \(path)", "cannot be", "Not a directory")
            }
        }

        @Test("the directory of another member is refused")
        func foreignDirectory() throws {
            let (cluster, _, _) = try stoppedNode(messages: 1)
            let node = cluster.nodes[0]
            node.environment["NODE_ID"] = "node2"
            try node.start()
            try expectRefusal(node, node.dataDirectory, "belongs to node1")
        }

        @Test(
            "a port in use is named", arguments: ["WEBSOCKET_PORT", "XMLRPC_PORT", "PORT", "BIND"])
        func portInUse(variable: String) throws {
            let cluster = try Cluster(1, starts: false)
            let node = cluster.nodes[0]
            let taken = FreePorts.take(1)[0]
            let listener = try FreePorts.listen(on: taken)
            defer { close(listener) }
            node.environment[variable] = variable == "BIND" ? "127.0.0.1:\(taken)" : "\(taken)"
            try node.start()
            try expectRefusal(node, "port \(taken)", "in use")
        }
    }
}
