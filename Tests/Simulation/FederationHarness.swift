@testable import Protocols

/// Several clusters on one clock, with calls that the test can hold up or lose.
struct FederationNet {
    struct Letter {
        /// The asking cluster and node, and the cluster that is asked.
        var from: (cluster: Int, node: UInt32)
        var to: Int
        var id: CallID
        var call: FederationCall
        var context: CallContext
    }

    var nets: [NodeNet]
    let names: [ClusterName]
    /// Directed pairs of clusters between which calls are refused at once.
    var refused: [(Int, Int)] = []
    /// Directed pairs of clusters between which calls vanish.
    var silent: [(Int, Int)] = []
    /// Directed pairs of clusters between which answers vanish.
    var deaf: [(Int, Int)] = []
    /// Clusters of an older system, which says and understands nothing beyond the documented calls.
    var older: [Int] = []
    /// Calls that reached their cluster, in order.
    private(set) var calls: [(from: Int, to: Int, call: FederationCall, CallContext)] = []
    private var open: [UInt64: Letter] = [:]
    private var incoming: UInt64 = 0

    /// Clusters of these sizes, named a, b, c and so on, all federated with all.
    static func ready(
        _ sizes: [UInt32], older: [Int] = [],
        configure: @escaping (inout NodeConfiguration) -> Void = { _ in }
    ) -> FederationNet {
        let names = ["a", "b", "c", "d"].prefix(sizes.count).map { ClusterName($0) }
        let nets = sizes.indices.map { place in
            NodeNet(sizes[place]) { configuration in
                configuration.federation.name = names[place]
                configuration.federation.peers = names.filter { $0 != names[place] }
                // Ids that are drawn must differ between the clusters.
                configuration.seed &+= UInt64(place) * 7_919
                configuration.incarnation = Incarnation(
                    configuration.incarnation.rawValue + UInt64(place) * 1_000)
                configure(&configuration)
            }
        }
        var net = FederationNet(nets: nets, names: Array(names))
        net.older = older
        for place in net.nets.indices { net.nets[place].connectAll() }
        net.run(5_000)
        return net
    }

    private init(nets: [NodeNet], names: [ClusterName]) {
        self.nets = nets
        self.names = names
    }

    var now: Instant { nets[0].now }

    /// The union of all marks.
    var marks: MarkSet {
        nets.reduce(into: MarkSet()) { $0.formUnion($1.marks) }
    }

    mutating func cut(_ a: Int, _ b: Int) { refused += [(a, b), (b, a)] }

    mutating func heal() {
        refused = []
        silent = []
        deaf = []
    }

    mutating func run(_ milliseconds: Int64) {
        let end = now + .milliseconds(milliseconds)
        while now < end {
            for place in nets.indices { nets[place].run(5) }
            carry()
        }
    }

    /// Carries calls and answers until none is under way.
    mutating func carry() {
        while let place = nets.indices.first(where: { !nets[$0].outside.isEmpty }) {
            let (node, effect) = nets[place].outside.removeFirst()
            switch effect {
            case .call(let id, let name, let call, let context):
                guard let to = names.firstIndex(of: name) else { continue }
                deliver(
                    Letter(
                        from: (place, node), to: to, id: id, call: call, context: context))
            case .answer(let id, .heartbeat(var answer)):
                if older.contains(place) { answer.understandsContext = false }
                self.answer(id, .heartbeat(answer))
            case .answer(let id, let answer): self.answer(id, answer)
            default: break
            }
            for net in nets.indices { nets[net].deliver() }
        }
    }

    private mutating func deliver(_ letter: Letter) {
        let from = letter.from.cluster
        if refused.contains(where: { $0 == (from, letter.to) }) {
            nets[from].step(letter.from.node, .called(letter.id, .failed(wasSent: false)))
            return
        }
        if silent.contains(where: { $0 == (from, letter.to) }) { return }
        var letter = letter
        if older.contains(from) { letter.context = CallContext() }
        calls.append((from, letter.to, letter.call, letter.context))
        incoming += 1
        open[incoming] = letter
        // Any node of the asked cluster may get it.
        let count = UInt64(nets[letter.to].nodes.count)
        let node = UInt32(incoming % count) + 1
        nets[letter.to].step(node, .rpc(IncomingCallID(incoming), letter.call, letter.context))
    }

    private mutating func answer(_ id: IncomingCallID, _ answer: FederationAnswer) {
        guard let letter = open.removeValue(forKey: id.rawValue) else { return }
        if deaf.contains(where: { $0 == (letter.from.cluster, letter.to) }) { return }
        nets[letter.from.cluster].step(
            letter.from.node, .called(letter.id, .answered(answer)))
    }

    // MARK: Clients

    mutating func client(_ cluster: Int, node: UInt32 = 1) -> ConnectionID {
        nets[cluster].connectClient(node)
    }

    /// Asks, lets all clusters work for a while, and returns what the client was told.
    mutating func ask(
        _ cluster: Int, _ connection: ConnectionID, _ request: ClientRequest, node: UInt32 = 1,
        for wait: Int64 = 100
    ) -> [NodeNet.Heard] {
        let before = nets[cluster].heard(node, connection).count
        nets[cluster].step(node, .request(connection, request))
        carry()
        run(wait)
        return Array(nets[cluster].heard(node, connection)[before...])
    }

    /// What a client was told since a number of things.
    func heard(
        _ cluster: Int, _ connection: ConnectionID, node: UInt32 = 1, since: Int = 0
    ) -> [ServerMessage] {
        nets[cluster].heard(node, connection)[since...].compactMap {
            if case .message(let message) = $0 { message } else { nil }
        }
    }

    /// The state of a cluster as its leader has it.
    func state(_ cluster: Int) -> ReplicatedState { nets[cluster][nets[cluster].leader].state }
}
