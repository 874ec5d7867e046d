import Glibc
import Testing

extension Live {
    /// `peers/guide_client.py` does every request of docs/Protocols.md and checks each field.
    @Suite("a client of the guides' protocol, in Python")
    struct GuideClient {
        private static let script =
            #filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined()
            + "/peers/guide_client.py"

        private func runClient(_ arguments: [String], at nodes: [NodeProcess]) throws {
            let directory = TemporaryDirectory()
            let output = directory.path + "/output"
            let process = try ChildProcess(
                "/usr/bin/python3",
                [Self.script] + arguments + nodes.map { "ws://127.0.0.1:\($0.ports.webSocket)" },
                environment: ["PYTHONUTF8": "1"], output: output)
            let end = try process.waitForEnd(within: 120)
            let said = String(decoding: contents(of: output), as: UTF8.self)
            let logs = nodes.map(\.tail).joined(separator: "\n")
            #expect(end == .exited(0), "\(said)\n\(logs)")
            #expect(said == "all is well\n")
        }

        @Test("every request is answered as documented", arguments: [1, 3])
        func cluster(nodes: Int) throws {
            let cluster = try Cluster(nodes)
            try runClient(["cluster"], at: cluster.nodes)
            for node in cluster.nodes { #expect(node.errors == []) }
        }

        @Test("rooms of three federated nodes are everyone's, and one node dies")
        func federation() throws {
            let directory = TemporaryDirectory()
            let nodes = (1...3).map { NodeProcess($0, in: directory.path) }
            for node in nodes {
                node.environment["FEDERATION_PEERS"] = nodes.filter { $0 !== node }.map {
                    "\($0.name):http://127.0.0.1:\($0.ports.xmlRPC)"
                }.joined(separator: ",")
                node.environment["HEARTBEAT_INTERVAL"] = "1"
                node.environment["HEARTBEAT_TIMEOUT"] = "1"
                try node.start()
            }
            defer { for node in nodes { node.kill() } }
            for node in nodes { try node.waitUntilReady() }
            let third = try #require(nodes[2].process?.id)
            try runClient(["federation", "\(third)"], at: nodes)
            #expect(try nodes[2].waitForEnd() == .killed(SIGKILL))
            for node in nodes.dropLast() { #expect(node.errors == []) }
        }
    }
}
