import Protocols

/// All members' states and messages of a search, each kept once, and every step taken once.
///
/// A member takes the same step however the rest of the world looks. So a state of the world is a
/// row of numbers, and most of a search's transitions are looked up here without running a machine.
struct NodeTable: Sendable {
    /// What a step leads to.
    struct Step: Sendable {
        var node: UInt32
        var firstSend: UInt32
        var sends: UInt16
        /// The violation's place plus 1; 0: none.
        var violation: UInt16
        var isBeyond: Bool
    }

    /// By what a message that came too late is told.
    struct Lifetime: Sendable {
        /// It is heeded by a member whose durable term is at most this.
        var lastTerm: UInt64
        /// In that term it is heeded by this role alone; nil: by any.
        var role: Role?
    }

    /// What of a message decides which actions it allows.
    enum Manner: UInt8, Sendable {
        /// Its arrival is judged by whether a leader was heard lately.
        case vote
        /// Its arrival may show that a part of a snapshot is overdue.
        case heartbeatAnswer
        case other
    }

    let configuration: ExploreConfiguration
    /// For each renaming the names by id; the first renames nothing.
    let renamings: [[UInt32]]

    private(set) var nodes: ContiguousArray<LocalNode> = []
    private(set) var facts: ContiguousArray<NodeFacts> = []
    /// In worlds of chat, the same for its checkers; empty in others.
    private(set) var chatFacts: ContiguousArray<ChatFacts> = []
    private(set) var packets: ContiguousArray<Packet> = []
    private(set) var recipients: ContiguousArray<UInt8> = []
    private(set) var manners: ContiguousArray<Manner> = []
    private(set) var lifetimes: ContiguousArray<Lifetime> = []
    /// The fingerprints of each member's state and of each message, one for each renaming.
    private(set) var nodePrints: ContiguousArray<UInt64> = []
    private(set) var packetPrints: ContiguousArray<UInt64> = []
    private(set) var violations: [Violation] = []
    private var steps: ContiguousArray<Step> = []
    private(set) var sends: ContiguousArray<UInt32> = []
    private var nodeIndex = FlatMap()
    private var packetIndex = FlatMap()
    private var stepIndex = FlatMap()

    init(_ configuration: ExploreConfiguration) {
        self.configuration = configuration
        renamings = NodeTable.renamings(
            configuration.members, all: configuration.isSymmetric)
    }

    /// The steps that machines really took.
    var stepCount: Int { steps.count }

    /// The memory it takes, as far as it can be told.
    var bytes: Int {
        let perNode =
            MemoryLayout<LocalNode>.stride + MemoryLayout<NodeFacts>.stride
            + (chatFacts.isEmpty ? 1_500 : 9_000)
        return nodes.count * (perNode + 8 * renamings.count)
            + packets.count * (300 + 8 * renamings.count) + steps.count * 16 + sends.count * 4
            + nodeIndex.bytes + packetIndex.bytes + stepIndex.bytes
    }

    /// Where a step led before.
    @inline(__always)
    func knownStep(_ node: UInt32, _ action: ActionCode) -> Step? {
        stepIndex.find(NodeTable.key(node, action)).map { steps[Int($0)] }
    }

    /// Takes a step, or looks up where it led before.
    mutating func step(_ node: UInt32, _ action: ActionCode) -> Step {
        knownStep(node, action) ?? take(node, action, NodeTable.key(node, action))
    }

    @inline(__always)
    private static func key(_ node: UInt32, _ action: ActionCode) -> UInt64 {
        UInt64(node) << 32 | UInt64(action.bits)
    }

    private mutating func take(_ node: UInt32, _ action: ActionCode, _ key: UInt64) -> Step {
        var after = nodes[Int(node)]
        let packet: Packet? =
            switch action.kind {
            case .deliver, .deliverLate, .duplicate: packets[Int(action.argument)]
            case .drop, .timeout, .heartbeat, .persist, .saveSnapshot, .propose, .takeSnapshot,
                .crash, .wait, .resend, .enter:
                nil
            }
        let outcome = after.perform(action, packet, configuration)
        var step = Step(
            node: 0, firstSend: UInt32(sends.count), sends: UInt16(outcome.sends.count),
            violation: 0, isBeyond: outcome.isBeyond)
        for packet in outcome.sends { sends.append(add(packet)) }
        if let violation = outcome.violation {
            violations.append(violation)
            step.violation = UInt16(violations.count)
        }
        // A state beyond the bounds is not kept, for nothing is asked of it any more.
        step.node = outcome.isBeyond ? node : add(after)
        stepIndex.insert(key, UInt32(steps.count))
        steps.append(step)
        return step
    }

    /// The number of a member's state.
    mutating func add(_ node: LocalNode) -> UInt32 {
        let mark = node.abstractDigest(names: renamings[0])
        if let known = nodeIndex.find(mark) { return known }
        let number = UInt32(nodes.count)
        nodeIndex.insert(mark, number)
        nodes.append(node)
        facts.append(NodeFacts(node))
        if case .chat(let member) = node.body { chatFacts.append(ChatFacts(member)) }
        nodePrints.append(mark)
        for names in renamings.dropFirst() {
            nodePrints.append(node.abstractDigest(names: names))
        }
        return number
    }

    /// The number of a message.
    mutating func add(_ packet: Packet) -> UInt32 {
        let mark = packet.abstractDigest(names: renamings[0])
        if let known = packetIndex.find(mark) { return known }
        let number = UInt32(packets.count)
        precondition(number <= ActionCode.largestArgument, "too many different messages")
        packetIndex.insert(mark, number)
        packets.append(packet)
        recipients.append(UInt8(packet.recipient.rawValue - 1))
        let manner: Manner =
            switch packet.message.body {
            case .preVoteRequest, .voteRequest: .vote
            case .heartbeatResponse: .heartbeatAnswer
            case .preVoteResponse, .voteResponse, .append, .appendResponse, .heartbeat,
                .snapshotChunk, .snapshotResponse, .timeoutNow, .forward, .readRequest,
                .readResponse:
                .other
            }
        manners.append(manner)
        lifetimes.append(NodeTable.lifetime(of: packet.message))
        packetPrints.append(mark)
        for names in renamings.dropFirst() {
            packetPrints.append(packet.abstractDigest(names: names))
        }
        return number
    }

    /// True when the member with these facts will never heed the message, whatever happens: its
    /// durable term does not go back, and in one term nobody becomes a candidate or leader twice.
    @inline(__always)
    func isStale(_ packet: Int, _ facts: NodeFacts) -> Bool {
        let lifetime = lifetimes[packet]
        if facts.durableTerm != lifetime.lastTerm { return facts.durableTerm > lifetime.lastTerm }
        guard let role = lifetime.role else { return false }
        return facts.term > lifetime.lastTerm
            || facts.role != role && !(role == .leader && facts.role == .candidate)
    }

    private static func lifetime(of message: RaftMessage) -> Lifetime {
        let term = message.term.rawValue
        switch message.body {
        case .voteResponse: return Lifetime(lastTerm: term, role: .candidate)
        case .appendResponse, .heartbeatResponse, .snapshotResponse:
            // A candidate of that term may yet lead it.
            return Lifetime(lastTerm: term, role: .leader)
        case .preVoteResponse(granted: true):
            return Lifetime(lastTerm: term == 0 ? 0 : term - 1, role: nil)
        case .preVoteResponse(granted: false): return Lifetime(lastTerm: term, role: nil)
        case .preVoteRequest, .voteRequest, .append, .heartbeat, .snapshotChunk, .timeoutNow,
            .forward, .readRequest, .readResponse:
            return Lifetime(lastTerm: .max, role: nil)
        }
    }

    /// All ways to name the members, that which renames nobody first.
    private static func renamings(_ members: Int, all: Bool) -> [[UInt32]] {
        let plain = (0...members).map { UInt32($0) }
        guard all else { return [plain] }
        var result: [[UInt32]] = []
        func extend(_ names: [UInt32]) {
            if names.count > members {
                result.append(names)
                return
            }
            for name in plain.dropFirst() where !names.contains(name) { extend(names + [name]) }
        }
        extend([0])
        return result
    }
}
