import EdgeCodecs
import Protocols

/// Everything a node process is told, checked.
///
/// Order: flags, environment, file, defaults. A bad value is one line that names the variable, the
/// value and what would be right.
public struct NodeSettings: Sendable {
    /// Which member the node is.
    public var node: NodeID
    /// All members, the node itself too, ascending.
    public var members: [PeerAddress]
    /// Where chat clients connect; `nil`: nowhere.
    public var webSocket: Endpoint?
    /// Chat clients that ask for compressed messages get them.
    public var compressesWebSocket = true
    /// Where other clusters connect.
    public var xmlRPC: Endpoint?
    /// What the node is told of other clusters.
    public var federation = FederationSettings(name: ClusterName("node1"))
    /// Where status is asked for.
    public var http: Endpoint?
    /// Where members connect without HTTP.
    public var tcp: Endpoint?
    /// The data directory.
    public var dataDirectory: String
    /// The members' shared key.
    public var key: EncryptionKey
    /// No key was given; the links are readable to whoever can listen in.
    public var isKeyless: Bool
    /// Times of consensus.
    public var raft = RaftConfiguration()
    /// Bounds of the node's own work.
    public var limits = NodeLimits()
    /// Bounds and times of one client's connection.
    public var edge = EdgeLimits()
    /// Where the node's inputs are recorded; `nil`: nowhere.
    public var recordDirectory: String?
    /// The most bytes that recordings of the node take there.
    public var recordLimit = 256 << 20
    /// The log.
    public var logLevel = LogLevel.info
    /// How its lines look.
    public var logFormat = LogFormat.text
    /// Where it goes; `nil`: standard error.
    public var logFile: String?

    /// Reads all settings.
    public init(arguments: [String], environment: [String: String]) throws(SettingError) {
        let source = try SettingSource(arguments: arguments, environment: environment)
        node = try Self.node(source)
        members = try Self.members(source, node)
        dataDirectory = source["DATA_DIR"] ?? "data/\(node)"
        (key, isKeyless) = try Self.key(source, members)
        try readEdges(source)
        try readFederation(source)
        try readTimes(source)
        try readLog(source)
        try readRecord(source)
        try readLimits(source)
    }

    private static func node(_ source: SettingSource) throws(SettingError) -> NodeID {
        guard let text = source["NODE_ID"] else { return NodeID(1) }
        let isName = text.utf8.allSatisfy { $0 < 128 }
        guard isName, let number = PeerList.number(atEndOf: text) else {
            throw SettingError(
                "NODE_ID", text, "expected a number from 1, or a name that ends in one")
        }
        return NodeID(number)
    }

    private static func members(
        _ source: SettingSource, _ node: NodeID
    ) throws(SettingError) -> [PeerAddress] {
        var lists: [(variable: String, members: [PeerAddress])] = []
        if let text = source["PEERS"] {
            lists.append(("PEERS", try PeerList.tcp(text, variable: "PEERS")))
        } else if let text = source.filePeers {
            lists.append(("CONFIG_FILE", try PeerList.tcp(text, variable: "CONFIG_FILE")))
        }
        for variable in ["ALL_NODES", "PEER_NODES"] {
            guard let text = source[variable] else { continue }
            lists.append((variable, try PeerList.http(text, variable: variable)))
        }
        guard let first = lists.first else {
            return [
                PeerAddress(
                    id: node, endpoint: Endpoint(host: "127.0.0.1", port: 7000), transport: .plain)
            ]
        }
        for other in lists.dropFirst()
        where ids(other.members, with: node) != ids(first.members, with: node) {
            throw SettingError("\(first.variable) and \(other.variable) name different members")
        }
        var members = first.members
        if !members.contains(where: { $0.id == node }) {
            guard first.variable == "PEER_NODES" else {
                throw SettingError("\(first.variable) does not name this node, which is \(node)")
            }
            // The guides' list names the others only.
            let own = Endpoint(host: "127.0.0.1", port: 9090)
            members.append(PeerAddress(id: node, endpoint: own, transport: .upgrade))
            members.sort { $0.id < $1.id }
        }
        return members
    }

    private static func ids(_ members: [PeerAddress], with node: NodeID) -> [NodeID] {
        let all = members.map(\.id)
        return all.contains(node) ? all : (all + [node]).sorted()
    }

    private static func key(
        _ source: SettingSource, _ members: [PeerAddress]
    ) throws(SettingError) -> (EncryptionKey, Bool) {
        if let text = source["ENCRYPTION_KEY"] {
            do { return (try EncryptionKey(hex: text), false) } catch {
                throw SettingError("ENCRYPTION_KEY: \(error)")
            }
        }
        let remote = members.first { !$0.endpoint.isLoopback }
        let insecure = source["INSECURE"]
        if let insecure, insecure != "1", insecure != "0" {
            throw SettingError("INSECURE", insecure, "expected 1 or 0")
        }
        if let remote, insecure != "1" {
            throw SettingError(
                "ENCRYPTION_KEY is not set and member \(remote.id) is on another machine "
                    + "(\(remote.endpoint)): make a key with `openssl rand -hex 32` and give it to all "
                    + "members, or set INSECURE=1")
        }
        return (EncryptionKey(bytes: [UInt8](repeating: 0, count: 32)), true)
    }

    // MARK: Edges

    private mutating func readEdges(_ source: SettingSource) throws(SettingError) {
        let bind = try Self.bind(source)
        let own = members.first { $0.id == node }
        let variables = ["WEBSOCKET_PORT", "XMLRPC_PORT", "PORT"]
        let isChosen = variables.contains { source[$0] != nil } || bind.port != nil
        func port(_ variable: String, _ usual: UInt16) throws(SettingError) -> UInt16? {
            guard let text = source[variable] else { return isChosen ? nil : usual }
            guard let port = UInt16(text), port > 0 else {
                throw SettingError(variable, text, "expected a port from 1 to 65535")
            }
            return port
        }
        func endpoint(_ host: String?, _ port: UInt16?) -> Endpoint? {
            port.map { Endpoint(host: host ?? "0.0.0.0", port: $0) }
        }
        webSocket = endpoint(source["WEBSOCKET_HOST"], try port("WEBSOCKET_PORT", 8080))
        switch source["WEBSOCKET_DEFLATE"] {
        case nil, "on": compressesWebSocket = true
        case "off": compressesWebSocket = false
        case let text?: throw SettingError("WEBSOCKET_DEFLATE", text, "expected on or off")
        }
        xmlRPC = endpoint(source["XMLRPC_HOST"], try port("XMLRPC_PORT", 9090))
        http = endpoint(bind.host, try port("PORT", 8000))
        // A list of TCP addresses says where this node's own links come in.
        let named = own?.transport == .plain && members.count > 1 ? own?.endpoint : nil
        tcp = endpoint(
            bind.host ?? (named?.isLoopback == true ? named?.host : nil),
            bind.port ?? named?.port ?? (isChosen ? nil : 7000))
    }

    private static func bind(
        _ source: SettingSource
    ) throws(SettingError) -> (host: String?, port: UInt16?) {
        guard let text = source["BIND"] else { return (nil, nil) }
        if let endpoint = Endpoint(text) { return (endpoint.host, endpoint.port) }
        guard !text.contains(":") || text.hasPrefix("["), !text.contains("/") else {
            throw SettingError("BIND", text, "expected address or address:port")
        }
        return (text, nil)
    }

    // MARK: The rest

    private mutating func readTimes(_ source: SettingSource) throws(SettingError) {
        if let text = source["RAFT_HEARTBEAT_MS"] {
            guard let value = Int64(text), (10...10_000).contains(value) else {
                throw SettingError(
                    "RAFT_HEARTBEAT_MS", text, "expected milliseconds from 10 to 10000")
            }
            raft.heartbeat = .milliseconds(value)
        }
        if let text = source["RAFT_ELECTION_MS"] {
            let parts = text.split(separator: "-").map { Int64($0) }
            let lower = parts.first ?? nil
            let upper = parts.count == 2 ? parts[1] : lower.map { $0 * 2 }
            guard parts.count <= 2, let lower, let upper, lower < upper, upper <= 120_000 else {
                throw SettingError("RAFT_ELECTION_MS", text, "expected milliseconds as 400-800")
            }
            raft.electionLower = .milliseconds(lower)
            raft.electionUpper = .milliseconds(upper)
        }
        guard raft.electionLower >= raft.heartbeat * 2 else {
            throw SettingError(
                "RAFT_ELECTION_MS", "\(raft.electionLower.milliseconds)",
                "must be at least twice RAFT_HEARTBEAT_MS, \(raft.heartbeat.milliseconds)")
        }
    }

    private mutating func readRecord(_ source: SettingSource) throws(SettingError) {
        recordDirectory = source["RECORD"]
        if let text = source["RECORD_LIMIT"] {
            guard let bytes = Self.size(text), bytes >= 1 << 20 else {
                throw SettingError(
                    "RECORD_LIMIT", text, "expected a size of at least 1M, as 256M or 4G")
            }
            recordLimit = bytes
        }
    }

    private mutating func readLog(_ source: SettingSource) throws(SettingError) {
        if let text = source["LOG_LEVEL"] {
            guard let level = LogLevel(text) else {
                throw SettingError("LOG_LEVEL", text, "expected debug, info, warning or error")
            }
            logLevel = level
        }
        if let text = source["LOG_FORMAT"] {
            guard let format = LogFormat(text) else {
                throw SettingError("LOG_FORMAT", text, "expected text or json")
            }
            logFormat = format
        }
        logFile = source["LOG_FILE"]
    }

    /// Reads `512M`, `2G`, `65536K` or a plain number of bytes.
    static func size(_ text: String) -> Int? {
        let units: [(Character, Int)] = [("K", 10), ("M", 20), ("G", 30)]
        for (unit, shift) in units where text.uppercased().last == unit {
            guard let count = Int(text.dropLast()), count >= 0, count < 1 << 20 else { return nil }
            return count << shift
        }
        return Int(text)
    }
}
