/// One thing a node can be told: the variable of the environment, which also gives the flag
/// (`DATA_DIR`, `--data-dir`) and the key in a configuration file (`data_dir`).
public struct Setting: Sendable {
    /// The variable's name.
    public let variable: String
    /// The key in a configuration file.
    public let key: StaticString
    /// What a value looks like, for the help.
    public let form: String
    /// What it does, for the help.
    public let meaning: String

    /// The flag's name, with its dashes.
    public var flag: String {
        "--" + String(variable.lowercased().map { $0 == "_" ? "-" : $0 })
    }
}

extension Setting {
    /// Everything a node can be told, in the order of the help.
    public static let all: [Setting] = [
        .init("NODE_ID", "node_id", "1 | node1", "which member this node is"),
        .init(
            "PEERS", "peers_text", "1=host:port,2=host:port",
            "the members, by the TCP addresses of their links"),
        .init(
            "ALL_NODES", "all_nodes", "http://host:port,...", "the members, by their HTTP addresses"
        ),
        .init(
            "PEER_NODES", "peer_nodes", "node2:http://host:port,...",
            "the members, by their XML-RPC addresses"),
        .init(
            "CONFIG_FILE", "config_file", "config.json",
            "a file with peers and any of these settings"),
        .init("DATA_DIR", "data_dir", "directory", "where the node keeps its data (data/nodeN)"),
        .init(
            "ENCRYPTION_KEY", "encryption_key", "64 hex digits", "the key that all members share"),
        .init("INSECURE", "insecure", "1", "allow members on other machines without a key"),
        .init(
            "WEBSOCKET_HOST", "websocket_host", "address",
            "where the WebSocket edge listens (0.0.0.0)"),
        .init("WEBSOCKET_PORT", "websocket_port", "port", "chat clients (8080)"),
        .init(
            "WEBSOCKET_DEFLATE", "websocket_deflate", "on|off",
            "compress messages of chat clients that ask for it (on)"),
        .init("XMLRPC_HOST", "xmlrpc_host", "address", "where the XML-RPC edge listens (0.0.0.0)"),
        .init("XMLRPC_PORT", "xmlrpc_port", "port", "other clusters, and links of members (9090)"),
        .init(
            "XMLRPC_ADDRESS", "xmlrpc_address", "http://host:port",
            "the XML-RPC address to tell others"),
        .init("PORT", "port", "port", "HTTP: health, status, metrics (8000)"),
        .init(
            "BIND", "bind", "address[:port]", "where the HTTP and TCP edges listen (0.0.0.0:7000)"),
        .init("SHARED_DIR", "shared_dir", "directory", "where uploaded images go"),
        .init(
            "RAFT_HEARTBEAT_MS", "raft_heartbeat_ms", "100",
            "how often a leader says that it is alive"),
        .init(
            "RAFT_ELECTION_MS", "raft_election_ms", "400-800",
            "how long a silent leader is waited for"),
        .init(
            "STATE_LIMIT", "state_limit", "512M",
            "the most memory that the replicated state may take"),
        .init(
            "RECORD", "record", "directory",
            "record what the node is told, for parley-sim replay --recording"),
        .init(
            "RECORD_LIMIT", "record_limit", "256M", "the most bytes of this node's recordings there"
        ),
        .init(
            "LOG_LEVEL", "log_level", "debug|info|warning|error",
            "the least weighty lines to log (info)"),
        .init("LOG_FORMAT", "log_format", "text|json", "how log lines look (text)"),
        .init("LOG_FILE", "log_file", "path", "where the log goes (standard error)"),
        .init(
            "REDIS_HOST", "redis_host", "host", "the Redis that holds queue bodies; not used yet"),
        .init("REDIS_PORT", "redis_port", "port", "not used yet"),
        .init("REDIS_PASSWORD", "redis_password", "text", "not used yet"),
        .init(
            "FEDERATION_PEERS", "federation_peers", "node2:http://host:port,...",
            "other clusters, by their XML-RPC addresses; a name may come several times"),
        .init(
            "FEDERATION_ID", "federation_id", "name",
            "what the other clusters call this one (nodeN in a cluster of one)"),
        .init(
            "HEARTBEAT_INTERVAL", "heartbeat_interval", "seconds",
            "how often other clusters are asked whether they are there (30)"),
        .init(
            "HEARTBEAT_TIMEOUT", "heartbeat_timeout", "seconds",
            "how long their answer may take (2)"),
        .init(
            "INACTIVITY_TIMEOUT", "inactivity_timeout", "seconds",
            "how long a member may be idle before it leaves its rooms; 0: for ever (900)"),
        .init(
            "CLEANUP_INTERVAL", "cleanup_interval", "seconds",
            "how often the node looks for idle members (60)"),
        .init(
            "PING_INTERVAL", "ping_interval", "seconds",
            "after how long a silence a client is pinged (25)"),
        .init(
            "PING_TIMEOUT", "ping_timeout", "seconds",
            "how long a pinged client may stay silent before it is cut off (20)"),
        .init(
            "DRAIN_TIME", "drain_time", "seconds",
            "the longest span over which a stopping node closes its clients (5)"),
        .init(
            "RATE_LIMIT", "rate_limit", "requests a second",
            "the most requests of one connection; 0: any number (1000)"),
        .init(
            "RATE_BURST", "rate_burst", "requests",
            "how many of them may come at once (twice RATE_LIMIT)"),
        .init(
            "HISTORY_COUNT", "history_count", "number",
            "the most messages that a room keeps (10000)"),
        .init(
            "HISTORY_BYTES", "history_bytes", "64M", "the most bytes of messages that a room keeps"
        ),
        .init(
            "HISTORY_AGE", "history_age", "seconds",
            "how long a room keeps a message; 0: for ever (0)"),
        .init(
            "ROOM_LIMIT", "room_limit", "number", "the most rooms; 0: any number (10000)"),
        .init(
            "MEMBER_LIMIT", "member_limit", "number",
            "the most members of one room; 0: any number (10000)"),
    ]

    private init(_ variable: String, _ key: StaticString, _ form: String, _ meaning: String) {
        self.variable = variable
        self.key = key
        self.form = form
        self.meaning = meaning
    }
}

/// A value that cannot be used, in one line: the variable, the value, what would be right.
public struct SettingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line.
    public let description: String

    init(_ variable: String, _ value: String, _ right: String) {
        description = "\(variable)=\(value): \(right)"
    }

    init(_ line: String) { description = line }
}
