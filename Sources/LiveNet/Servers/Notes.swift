import EdgeCodecs
import Protocols

/// What the node wants its operator to know, as lines of the log.
extension LiveNode {
    func write(_ note: Note) {
        switch note {
        case .waitingForMembers(let missing):
            log.info(
                "first start: waiting for members",
                ["missing": .text(missing.map(\.description).joined(separator: ","))])
        case .bootstrapped(let cluster):
            log.info("the cluster has begun", ["cluster_id": .text(String(cluster.rawValue, radix: 16))])
        case .roleChanged(let role, let term, let leader):
            let fields: LogFields = [
                "role": .text(role.name), "term": .int(term.rawValue),
                "leader": .text(leader.map(\.description) ?? "none"),
            ]
            log.info(role == .leader ? "LEADER: this node leads" : "role", fields)
        case .peerRefused(let peer, let refusal):
            log.warning("peer refused", ["peer": .text("\(peer)"), "why": .text(text(of: refusal))])
        case .snapshotTaken(let point, let bytes):
            log.info("snapshot taken", ["index": .int(point.index.rawValue), "bytes": .int(bytes)])
        case .snapshotInstalled(let point, let bytes):
            log.info(
                "snapshot installed", ["index": .int(point.index.rawValue), "bytes": .int(bytes)])
        case .slowClientDropped(let connection, let bytes):
            log.warning(
                "slow client dropped with 1013",
                [
                    "connection": .text("\(connection.slot).\(connection.generation)"),
                    "backlog": .int(bytes),
                ])
        case .diskStalled:
            log.error("the disk does not complete writes: leadership is given up", [:])
        case .clusterVersion(let version):
            log.info("all members speak a new version", ["version": .int(version)])
        }
    }

    private func text(of refusal: PeerRefusal) -> String {
        switch refusal {
        case .foreignCluster: "it belongs to another cluster"
        case .foreignIncarnation:
            "its data directory is not the one that the membership names: it was wiped or replaced"
        case .notMember: "it is no member"
        case .membersDiffer: "it was configured with other members; compare the member lists"
        case .versions: "it speaks no version that this node speaks"
        }
    }
}
