import Protocols

/// Replicas that applied the same entries are in the same state (state machine replication,
/// Schneider 1990): their rolling digests at one applied index are equal.
public struct StateAgreement: Sendable {
    /// The name in reports.
    public static let name = "state-agreement"
    /// How many states were compared with another replica's, or boot's.
    public private(set) var exercised = 0

    /// By applied index: the digest seen first, and whether there is one. Nodes apply in batches,
    /// so that not every index is seen.
    private var digests: [UInt64] = []
    private var known: [Bool] = []

    /// Makes a checker.
    public init() {}

    /// A replica has applied everything up to `index` and its state has this digest.
    public mutating func applied(_ id: NodeID, upTo index: LogIndex, _ digest: UInt64)
        throws(Violation)
    {
        let position = Int(index.rawValue)
        while digests.count <= position {
            digests.append(0)
            known.append(false)
        }
        guard known[position] else {
            known[position] = true
            digests[position] = digest
            return
        }
        exercised += 1
        guard digests[position] == digest else {
            throw Violation(
                Self.name,
                "\(id) has a state of digest \(hex(digest)) at \(position), another had "
                    + "\(hex(digests[position])) there")
        }
    }

    /// Replicas that stand at one index at the end are equal in all that they hold.
    mutating func finished(_ nodes: [Node]) throws(Violation) {
        guard let head = nodes.first else { return }
        let expected = whole(head)
        for node in nodes.dropFirst() where node.state.applied == head.state.applied {
            exercised += 1
            guard whole(node) == expected else {
                throw Violation(
                    Self.name,
                    "\(node.configuration.id) and \(head.configuration.id) hold different states "
                        + "at \(node.state.applied.index.rawValue)")
            }
        }
    }

    private func whole(_ node: Node) -> UInt64 {
        var digest = Digest()
        node.state.digest(into: &digest)
        return digest.value
    }
}
