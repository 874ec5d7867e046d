/// Decides with whom a node speaks, and when a new cluster begins.
///
/// The first membership names every member with its data directory. A node with an empty directory
/// cannot know whether the cluster is new or its directory was wiped, and a wiped node that voted
/// as its old self could undo what it had acknowledged. So it takes no part until it has heard
/// *every* configured member: if all are as blank as itself, the cluster begins with them; if one
/// belongs to a cluster, the blank node either finds its own directory among the founders, and
/// joins, or learns that it is wiped (docs/decisions/0003).
struct Peering: Equatable, Sendable {
    /// What became of a hello.
    enum Verdict: Equatable, Sendable {
        /// The peer may be listened to.
        case accepted
        /// Not yet: the cluster has not begun.
        case waiting
        /// The peer is not listened to.
        case refused(PeerRefusal)
        /// The cluster begins, or is found, with these founders.
        case founded([Member])
        /// The cluster knows this node with another directory.
        case wiped(ClusterID)
    }

    let id: NodeID
    let incarnation: Incarnation
    let configured: [NodeID]
    let versions: ClosedRange<UInt32>
    /// The first membership; empty before the cluster begins.
    private(set) var founders: [Member]
    /// What the peers said whose links are up.
    private(set) var hellos: SortedMap<NodeID, PeerHello> = [:]
    /// The peers that are listened to.
    private(set) var accepted: [NodeID] = []

    init(_ configuration: NodeConfiguration, founders: [Member]) {
        id = configuration.id
        incarnation = configuration.incarnation
        configured = configuration.members
        versions = configuration.versions
        self.founders = founders
    }

    /// The identity of the cluster, once there is one.
    var cluster: ClusterID? { founders.isEmpty ? nil : ClusterID(founders: founders) }

    /// What this node says first on a link.
    var hello: PeerHello {
        PeerHello(
            incarnation: incarnation, oldestVersion: versions.lowerBound,
            newestVersion: versions.upperBound, configured: configured, founders: founders)
    }

    /// The configured members that were not heard yet, for the operator.
    var missing: [NodeID] { configured.filter { $0 != id && hellos[$0] == nil } }

    /// The newest version that all members speak, once all were heard.
    var commonVersion: UInt32? {
        guard missing.isEmpty else { return nil }
        return hellos.values.map(\.newestVersion).reduce(versions.upperBound, min)
    }

    func accepts(_ peer: NodeID) -> Bool { accepted.contains(peer) }

    /// The link is gone: nothing from the peer counts until it has said hello again.
    mutating func forget(_ peer: NodeID) {
        hellos[peer] = nil
        accepted.removeAll { $0 == peer }
    }

    /// Takes what a peer says of itself.
    mutating func hear(_ hello: PeerHello, from peer: NodeID) -> Verdict {
        forget(peer)
        guard configured.contains(peer), peer != id else { return .refused(.notMember) }
        guard hello.configured == configured else { return .refused(.membersDiffer) }
        guard hello.newestVersion >= versions.lowerBound, hello.oldestVersion <= versions.upperBound
        else { return .refused(.versions) }
        hellos[peer] = hello
        if founders.isEmpty { return hearWhileBlank(hello) }
        guard hello.founders.isEmpty || hello.founders == founders else {
            return .refused(.foreignCluster(ClusterID(founders: hello.founders)))
        }
        guard founders.contains(Member(id: peer, incarnation: hello.incarnation)) else {
            return .refused(.foreignIncarnation)
        }
        accepted.append(peer)
        return .accepted
    }

    private mutating func hearWhileBlank(_ hello: PeerHello) -> Verdict {
        if !hello.founders.isEmpty {
            guard hello.founders.map(\.id) == configured else { return .refused(.membersDiffer) }
            guard hello.founders.contains(Member(id: id, incarnation: incarnation)) else {
                return .wiped(ClusterID(founders: hello.founders))
            }
            return .founded(hello.founders)
        }
        guard missing.isEmpty else { return .waiting }
        return .founded(blankFounders)
    }

    /// The members as they introduced themselves, this one included.
    var blankFounders: [Member] {
        var all = hellos.map { Member(id: $0.key, incarnation: $0.value.incarnation) }
        all.append(Member(id: id, incarnation: incarnation))
        return all.sorted()
    }

    /// The cluster begins: judges the peers heard so far again; returns those listened to now.
    mutating func begin(with founders: [Member]) -> [NodeID] {
        precondition(self.founders.isEmpty, "\(id) belongs to a cluster already")
        self.founders = founders
        let heard = hellos
        for (peer, hello) in heard { _ = hear(hello, from: peer) }
        return accepted
    }

    func digest(into digest: inout Digest) {
        digest.combine(founders.count)
        digest.combine(cluster?.rawValue ?? 0)
        for peer in accepted { digest.combine(UInt64(peer.rawValue)) }
        for (peer, hello) in hellos {
            digest.combine(UInt64(peer.rawValue))
            digest.combine(hello.incarnation.rawValue)
        }
    }
}

extension ClusterID {
    /// The identity that the founders give a cluster.
    public init(founders: [Member]) {
        var digest = Digest()
        for member in founders {
            digest.combine(UInt64(member.id.rawValue))
            digest.combine(member.incarnation.rawValue)
        }
        self.init(digest.value)
    }
}
