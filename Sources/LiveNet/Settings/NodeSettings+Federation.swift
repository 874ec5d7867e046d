import Glibc
import Protocols

/// What a node is told of other clusters.
public struct FederationSettings: Equatable, Sendable {
    /// What this cluster is called among the others.
    public var name: ClusterName
    /// The other clusters, ascending by name.
    public var peers: [FederationPeer] = []
    /// How often they are asked whether they are there.
    public var heartbeatInterval = Interval.seconds(30)
    /// How long their answer may take.
    public var heartbeatTimeout = Interval.seconds(2)
    /// The XML-RPC address to tell them; `nil` when this node has none.
    public var address: String?

    /// Makes settings without peers.
    public init(name: ClusterName) { self.name = name }
}

/// The settings that concern other clusters.
extension NodeSettings {
    mutating func readFederation(_ source: SettingSource) throws(SettingError) {
        let peers = try Self.peers(source)
        federation = FederationSettings(name: try Self.clusterName(source, node, members, peers))
        federation.peers = peers
        if let own = peers.first(where: { $0.name == federation.name }) {
            throw SettingError(
                "FEDERATION_PEERS", source["FEDERATION_PEERS"] ?? "",
                "\(own.name) is this cluster itself (FEDERATION_ID)")
        }
        federation.heartbeatInterval = try Self.seconds(
            source, "HEARTBEAT_INTERVAL", .seconds(30), atMost: .seconds(3_600))
        federation.heartbeatTimeout = try Self.seconds(
            source, "HEARTBEAT_TIMEOUT", .seconds(2), atMost: .seconds(60))
        federation.address = try Self.address(source, xmlRPC)
    }

    private static func clusterName(
        _ source: SettingSource, _ node: NodeID, _ members: [PeerAddress],
        _ peers: [FederationPeer]
    ) throws(SettingError) -> ClusterName {
        if let text = source["FEDERATION_ID"] {
            guard isName(text[...]) else {
                throw SettingError("FEDERATION_ID", text, nameRule)
            }
            return ClusterName(text)
        }
        guard peers.isEmpty || members.count == 1 else {
            throw SettingError(
                "FEDERATION_PEERS is set and the cluster has \(members.count) members: give all of "
                    + "them the same FEDERATION_ID, a name for the cluster")
        }
        return ClusterName("\(node)")
    }

    private static let nameRule = "expected a name of letters, digits, '-', '_' and '.'"

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.count <= 64
            && text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0))
            }
    }

    /// `node2:http://host:port,...`; a name that comes several times has several addresses.
    private static func peers(_ source: SettingSource) throws(SettingError) -> [FederationPeer] {
        guard let text = source["FEDERATION_PEERS"] else { return [] }
        var peers: [FederationPeer] = []
        for item in text.split(separator: ",") {
            let item = item.drop { $0.isWhitespace }.prefix { !$0.isWhitespace }
            let parts = item.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, isName(parts[0]), let address = RPCAddress(parts[1]) else {
                throw SettingError(
                    "FEDERATION_PEERS", text,
                    "expected node2:http://host:port,node3:http://host:port,... at \(item)")
            }
            let name = ClusterName(String(parts[0]))
            if let place = peers.firstIndex(where: { $0.name == name }) {
                peers[place].addresses.append(address)
            } else {
                peers.append(FederationPeer(name: name, addresses: [address]))
            }
        }
        return peers.sorted { $0.name < $1.name }
    }

    /// A time in seconds, with a fraction if need be.
    private static func seconds(
        _ source: SettingSource, _ variable: String, _ usual: Interval, atMost: Interval
    ) throws(SettingError) -> Interval {
        guard let text = source[variable] else { return usual }
        let most = Double(atMost.milliseconds) / 1_000
        guard let value = Double(text), value >= 0.05, value <= most else {
            throw SettingError(variable, text, "expected seconds from 0.05 to \(Int(most))")
        }
        return .milliseconds(Int64(value * 1_000))
    }

    private static func address(
        _ source: SettingSource, _ edge: Endpoint?
    ) throws(SettingError) -> String? {
        if let text = source["XMLRPC_ADDRESS"] {
            guard let address = RPCAddress(text) else {
                throw SettingError("XMLRPC_ADDRESS", text, "expected http://host:port")
            }
            return "\(address)"
        }
        guard var edge else { return nil }
        if ["0.0.0.0", "::"].contains(edge.host) { edge.host = machineName }
        return "http://\(edge)"
    }

    private static var machineName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        let text = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? "localhost" : text
    }
}
