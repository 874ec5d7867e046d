import EdgeCodecs
import Foundation
import LiveNet
import Protocols
import Testing

@Suite("settings")
struct SettingsTests {
    private static let three = "1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003"
    private static let key = String(repeating: "ab", count: 32)

    private func read(
        _ environment: [String: String] = [:], _ arguments: [String] = []
    ) throws -> NodeSettings {
        try NodeSettings(arguments: arguments, environment: environment)
    }

    /// The line with which the settings are refused; empty when they are not.
    private func refusal(
        _ environment: [String: String] = [:], _ arguments: [String] = []
    ) -> String {
        do throws(SettingError) {
            _ = try NodeSettings(arguments: arguments, environment: environment)
            return ""
        } catch { return error.description }
    }

    private func withFile<Result>(
        _ content: String, _ body: (String) throws -> Result
    ) rethrows -> Result {
        let directory = TemporaryDirectory()
        let path = directory.path + "/config.json"
        try! Data(content.utf8).write(to: URL(fileURLWithPath: path))
        return try withExtendedLifetime(directory) { try body(path) }
    }

    @Test("without any setting a node is alone, on the usual ports")
    func defaults() throws {
        let settings = try read()
        #expect(settings.node == NodeID(1))
        #expect(settings.members.map(\.id) == [NodeID(1)])
        #expect(settings.webSocket == Endpoint(host: "0.0.0.0", port: 8080))
        #expect(settings.xmlRPC == Endpoint(host: "0.0.0.0", port: 9090))
        #expect(settings.http == Endpoint(host: "0.0.0.0", port: 8000))
        #expect(settings.tcp == Endpoint(host: "0.0.0.0", port: 7000))
        #expect(settings.dataDirectory == "data/node1")
        #expect(settings.logLevel == .info)
        #expect(settings.raft.heartbeat == .milliseconds(100))
        #expect(settings.raft.electionLower == .milliseconds(400))
        #expect(settings.raft.electionUpper == .milliseconds(800))
        #expect(settings.limits.stateBytes == 512 << 20)
    }

    @Test("flags go before the environment, that before the file, that before the defaults")
    func order() throws {
        let file =
            #"{"data_dir": "from-file", "log_level": "error", "port": 8101, "node_id": 4}"#
        try withFile(file) { path in
            let environment = [
                "CONFIG_FILE": path, "DATA_DIR": "from-environment", "LOG_LEVEL": "debug",
            ]
            let settings = try read(environment, ["--data-dir", "from-flag"])
            #expect(settings.dataDirectory == "from-flag")
            #expect(settings.logLevel == .debug)
            #expect(settings.http?.port == 8101)
            #expect(settings.node == NodeID(4))
            let from = [
                try read(environment), try read(["CONFIG_FILE": path]),
                try read([:], ["--config-file=\(path)"]),
                // An empty variable counts as absent.
                try read(["CONFIG_FILE": path, "DATA_DIR": ""]),
            ]
            #expect(
                from.map(\.dataDirectory)
                    == ["from-environment", "from-file", "from-file", "from-file"])
        }
    }

    @Test("once a port is chosen, only the chosen edges listen")
    func chosenEdges() throws {
        let settings = try read(["WEBSOCKET_PORT": "8081"])
        #expect(settings.webSocket?.port == 8081)
        #expect(settings.http == nil)
        #expect(settings.xmlRPC == nil)
        #expect(settings.tcp == nil)
        let bound = try read(["BIND": "127.0.0.1:7009", "WEBSOCKET_PORT": "8081"])
        #expect(bound.tcp == Endpoint(host: "127.0.0.1", port: 7009))
        // The links of a member that is named by a TCP address always come in there.
        let member = try read(["NODE_ID": "2", "PEERS": Self.three, "WEBSOCKET_PORT": "8082"])
        #expect(member.tcp == Endpoint(host: "127.0.0.1", port: 7002))
    }

    @Test("members are named by PEERS, ALL_NODES, PEER_NODES or a file")
    func memberForms() throws {
        func ids(_ settings: NodeSettings) -> [UInt32] { settings.members.map(\.id.rawValue) }
        let peers = try read(["NODE_ID": "node2", "PEERS": " 2=127.0.0.1:7002 , 1=127.0.0.1:7001"])
        #expect(ids(peers) == [1, 2])
        #expect(peers.members.map(\.endpoint.port) == [7001, 7002])
        #expect(peers.members.allSatisfy { $0.transport == .plain })

        let all = try read([
            "NODE_ID": "2", "ENCRYPTION_KEY": Self.key,
            "ALL_NODES": "http://node1:8000,http://node2:8000/,http://node3:8000",
        ])
        #expect(ids(all) == [1, 2, 3])
        #expect(all.members[1].endpoint == Endpoint(host: "node2", port: 8000))
        #expect(all.members.allSatisfy { $0.transport == .upgrade })

        // Numeric addresses name nobody: the place in the list counts.
        let placed = try read([
            "NODE_ID": "3", "ENCRYPTION_KEY": Self.key,
            "ALL_NODES": "http://10.0.0.9:8000,http://10.0.0.7:8000,http://10.0.0.8:8000",
        ])
        #expect(placed.members.map(\.endpoint.host) == ["10.0.0.9", "10.0.0.7", "10.0.0.8"])

        // The guides' list names the others only.
        let others = try read([
            "NODE_ID": "node1", "ENCRYPTION_KEY": Self.key,
            "PEER_NODES": "node2:http://10.0.0.2:9090,node3:http://10.0.0.3:9090",
        ])
        #expect(ids(others) == [1, 2, 3])

        let file = """
            {"node_id": 3, "peers": [{"id": 3, "address": "127.0.0.1:7003"},
                                     {"id": 1, "address": "127.0.0.1:7001"}]}
            """
        try withFile(file) { path in
            let settings = try read(["CONFIG_FILE": path])
            #expect(ids(settings) == [1, 3])
        }

        let agreeing = try read([
            "NODE_ID": "1", "PEERS": Self.three,
            "ALL_NODES": "http://127.0.0.1:8001,http://127.0.0.1:8002,http://127.0.0.1:8003",
        ])
        #expect(agreeing.members.map(\.endpoint.port) == [7001, 7002, 7003])
    }

    @Test("two lists that name different members are refused, and so is one without the node")
    func disagreement() {
        #expect(
            refusal([
                "PEERS": Self.three, "ALL_NODES": "http://127.0.0.1:8001,http://127.0.0.1:8002",
            ])
                == "PEERS and ALL_NODES name different members")
        #expect(
            refusal(["NODE_ID": "7", "PEERS": Self.three])
                == "PEERS does not name this node, which is node7")
        let file = "{\"peers\": [{\"id\": 1, \"address\": \"127.0.0.1:7001\"}]}"
        withFile(file) { path in
            #expect(
                refusal(["CONFIG_FILE": path, "PEER_NODES": "node2:http://127.0.0.1:9092"])
                    == "CONFIG_FILE and PEER_NODES name different members")
        }
    }

    @Test("members on other machines need a key, or a word that none is wanted")
    func keys() throws {
        let remote = ["PEERS": "1=127.0.0.1:7001,2=10.0.0.2:7000"]
        let line = refusal(remote)
        for word in [
            "ENCRYPTION_KEY", "node2", "10.0.0.2:7000", "openssl rand -hex 32", "INSECURE=1",
        ] {
            #expect(line.contains(word), "\(line)")
        }
        #expect(!line.contains("\n"))
        #expect(try read(remote.merging(["INSECURE": "1"]) { $1 }).isKeyless)
        #expect(
            refusal(remote.merging(["INSECURE": "yes"]) { $1 }) == "INSECURE=yes: expected 1 or 0")
        let keyed = try read(remote.merging(["ENCRYPTION_KEY": Self.key]) { $1 })
        #expect(!keyed.isKeyless)
        #expect(keyed.key == EncryptionKey(bytes: [UInt8](repeating: 0xAB, count: 32)))
        #expect(try read(["PEERS": Self.three]).isKeyless)
        // A key with a mistake in it is never shown.
        let broken = refusal(["ENCRYPTION_KEY": String(Self.key.dropLast()) + "g"])
        #expect(broken.contains("64 hexadecimal digits"))
        #expect(!broken.contains("abab"))
    }

    @Test(
        "a bad value is one line that names the variable, the value and what would be right",
        arguments: [
            ("NODE_ID", "first", "a number"),
            ("NODE_ID", "0", "a number"),
            ("NODE_ID", "-", "a number"),
            ("PEERS", "127.0.0.1:7001", "1=host:port"),
            ("PEERS", "1=127.0.0.1", "1=host:port"),
            ("PEERS", "1=127.0.0.1:70000", "1=host:port"),
            ("PEERS", "1=a:1,1=b:2", "two members"),
            ("ALL_NODES", "https://127.0.0.1:8001", "http://host:port"),
            ("ALL_NODES", "http://127.0.0.1", "port"),
            ("PEER_NODES", "node2=127.0.0.1:9092", "http://host:port"),
            ("WEBSOCKET_PORT", "eighty", "a port from 1 to 65535"),
            ("XMLRPC_PORT", "70000", "a port from 1 to 65535"),
            ("PORT", "0", "a port from 1 to 65535"),
            ("BIND", "http://x", "address or address:port"),
            ("RAFT_HEARTBEAT_MS", "fast", "milliseconds"),
            ("RAFT_HEARTBEAT_MS", "5", "milliseconds from 10"),
            ("RAFT_ELECTION_MS", "800-400", "400-800"),
            ("RAFT_ELECTION_MS", "100-150", "at least twice RAFT_HEARTBEAT_MS"),
            ("STATE_LIMIT", "lots", "512M or 2G"),
            ("STATE_LIMIT", "1K", "512M or 2G"),
            ("INACTIVITY_TIMEOUT", "-1", "expected seconds from 0"),
            ("HISTORY_BYTES", "1K", "64M or 1G"), ("HISTORY_COUNT", "0", "messages from 1"),
            ("RATE_LIMIT", "fast", "requests a second from 0"),
            ("CLEANUP_INTERVAL", "0", "expected seconds from 1"),
            ("LOG_LEVEL", "loud", "debug, info, warning or error"),
            ("LOG_FORMAT", "xml", "text or json"),
            ("WEBSOCKET_DEFLATE", "yes", "on or off"),
            ("CONFIG_FILE", "/nowhere/config.json", "cannot be read"),
            ("FEDERATION_PEERS", "http://host:9090", "node2:http://host:port"),
            ("FEDERATION_PEERS", "node2:https://host:9090", "node2:http://host:port"),
            ("FEDERATION_PEERS", "node2:http://host:port", "node2:http://host:port"),
            ("FEDERATION_PEERS", "node1:http://host:9090", "this cluster itself"),
            ("FEDERATION_ID", "two words", "expected a name"),
            ("HEARTBEAT_INTERVAL", "0", "expected seconds from 0.05 to 3600"),
            ("HEARTBEAT_TIMEOUT", "soon", "expected seconds from 0.05 to 60"),
            ("XMLRPC_ADDRESS", "host:9090", "expected http://host:port"),
        ])
    func badValues(variable: String, value: String, right: String) {
        let line = refusal([variable: value])
        #expect(line.hasPrefix(variable), "\(line)")
        #expect(line.contains(right), "\(line)")
        #expect(!line.contains("\n"))
        // The bounds of an election are shown as numbers.
        let shown =
            value.contains("-") && right.hasPrefix("at least")
            ? String(value.split(separator: "-")[0]) : value
        #expect(line.contains(shown), "\(line)")
    }

    @Test("other clusters are read, a name that comes twice has two addresses")
    func federation() throws {
        let settings = try read([
            "NODE_ID": "4", "HEARTBEAT_INTERVAL": "0.5", "XMLRPC_HOST": "127.0.0.1",
            "XMLRPC_PORT": "9094",
            "FEDERATION_PEERS":
                "node3:http://c:9090,node2:http://a:9090/RPC2, node2:http://[::1]:9091",
        ]).federation
        func address(_ text: String) throws -> RPCAddress { try #require(RPCAddress(text)) }
        var expected = FederationSettings(name: ClusterName("node4"))
        expected.peers = [
            FederationPeer(
                name: ClusterName("node2"),
                addresses: [try address("http://a:9090/RPC2"), try address("http://[::1]:9091")]),
            FederationPeer(
                name: ClusterName("node3"), addresses: [try address("http://c:9090")]),
        ]
        expected.heartbeatInterval = .milliseconds(500)
        expected.address = "http://127.0.0.1:9094"
        #expect(settings == expected)
        #expect(try read(["XMLRPC_ADDRESS": "http://me"]).federation.address == "http://me:80")
        #expect(try read(["PORT": "8000"]).federation.address == nil)
        let anywhere = try read(["XMLRPC_PORT": "9090"]).federation.address
        #expect(anywhere?.hasPrefix("http://") == true && anywhere?.contains("0.0.0.0") == false)
    }

    @Test("a cluster of several members needs a name before it is federated")
    func federationName() throws {
        var environment = ["PEERS": Self.three, "FEDERATION_PEERS": "other:http://host:9090"]
        #expect(refusal(environment).contains("3 members: give all of them the same FEDERATION_ID"))
        environment["FEDERATION_ID"] = "ours"
        #expect(try read(environment).federation.name == ClusterName("ours"))
        #expect(try read(["PEERS": Self.three]).federation.name == ClusterName("node1"))
    }

    @Test("a file that cannot be used is named")
    func badFiles() {
        for content in ["", "{", "[]", "{\"peers\": [{\"id\": 1}]}", "{\"peers\": [1]}"] {
            withFile(content) { path in
                let line = refusal(["CONFIG_FILE": path])
                #expect(line.hasPrefix("CONFIG_FILE=\(path): "), "\(content): \(line)")
                #expect(!line.contains("\n"))
            }
        }
    }

    @Test("arguments that are not known or lack a value are refused")
    func badArguments() {
        #expect(refusal([:], ["--colour", "red"]).contains("--colour"))
        #expect(refusal([:], ["up"]).contains("up"))
        #expect(refusal([:], ["--port"]) == "--port needs a value: port")
    }
}
