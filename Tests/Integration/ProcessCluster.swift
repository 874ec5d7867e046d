import Glibc

/// Some nodes with one membership in a temporary directory; all are gone after the test.
final class Cluster {
    static let key = String(repeating: "5a", count: 32)

    let directory = TemporaryDirectory()
    let nodes: [NodeProcess]

    /// Starts nodes and waits until all of them serve; one node alone has no member list.
    init(_ count: Int = 3, starts: Bool = true) throws {
        let path = directory.path
        let ports = (0..<count).map { _ in NodeProcess.Ports() }
        let peers = Cluster.peers(ports)
        nodes = ports.enumerated().map {
            NodeProcess($0 + 1, in: path, ports: $1, peers: count > 1 ? peers : nil)
        }
        if count > 1 { for node in nodes { node.environment["ENCRYPTION_KEY"] = Cluster.key } }
        if starts { try start() }
    }

    static func peers(_ ports: [NodeProcess.Ports]) -> String {
        ports.enumerated().map { "\($0 + 1)=127.0.0.1:\($1.tcp)" }.joined(separator: ",")
    }

    deinit { for node in nodes { node.kill() } }

    func start() throws {
        for node in nodes where !node.isRunning { try node.start() }
        for node in nodes { try node.waitUntilReady() }
    }

    /// `kill -9` of all.
    func killAll() {
        for node in nodes { node.kill() }
    }

    var running: [NodeProcess] { nodes.filter(\.isRunning) }

    /// The node that leads, once there is one on which all running nodes agree.
    func leader(within seconds: Double = 30) throws -> NodeProcess {
        var found: NodeProcess?
        try eventually("there is a leader\n\(tails)", within: seconds) {
            let named = running.map { $0.status?["leader"] as? String }
            guard let name = named.first ?? nil, named.allSatisfy({ $0 == name }) else {
                return false
            }
            found = running.first { $0.name == name }
            return found?.isLeader == true
        }
        return found!
    }

    /// A node that does not lead.
    func follower() throws -> NodeProcess {
        let leader = try leader()
        return running.first { $0 !== leader }!
    }

    /// All but one.
    func others(than node: NodeProcess) -> [NodeProcess] { nodes.filter { $0 !== node } }

    /// Waits until all running nodes have applied the same entries to the same state.
    func waitUntilEqual(within seconds: Double = 30) throws {
        try eventually("all nodes have applied the same\n\(tails)", within: seconds) {
            let states = running.map(\.status)
            let indices = states.map { $0?["applied_index"] as? Int }
            let digests = states.map { $0?["state_digest"] as? String }
            guard let index = indices.first ?? nil, let digest = digests.first ?? nil else {
                return false
            }
            return indices.allSatisfy { $0 == index } && digests.allSatisfy { $0 == digest }
        }
    }

    var tails: String { nodes.map(\.tail).joined(separator: "\n") }
}
