import EdgeCodecs
import Protocols

/// What the node wants its operator to know, as lines of the log.
extension LiveNode {
    /// Says so at the start when the system allows few connections.
    func noteDescriptors(_ admission: Admission) {
        guard admission.descriptors < Admission.usual else { return }
        log.warning(
            "few files may be open: raise it with ulimit -n, or LimitNOFILE of systemd",
            [
                "allowed": .int(admission.descriptors),
                "chat_clients": .int(admission.maximum(.webSocket)),
            ])
    }

    func write(_ note: Note) {
        switch note {
        case .waitingForMembers(let missing):
            log.info(
                "first start: waiting for members",
                ["missing": .text(missing.map(\.description).joined(separator: ","))])
        case .bootstrapped(let cluster):
            log.info(
                "the cluster has begun", ["cluster_id": .text(String(cluster.rawValue, radix: 16))])
        case .roleChanged(let role, let term, let leader):
            let fields: LogFields = [
                "role": .text(role.name), "term": .int(term.rawValue),
                "leader": .text(leader.map(\.description) ?? "none"),
            ]
            log.info(role == .leader ? "LEADER: this node leads" : "role", fields)
        case .peerRefused(let peer, let refusal):
            log.warning(
                "peer refused", ["peer": .text("\(peer)"), "why": .text(text(of: refusal))])
        case .peerFaulty(let peer, let fault):
            guard let silent = faultLines.admit(peer, loop.now) else { break }
            log.error(
                "peer sends what no member may send",
                [
                    "peer": .text("\(peer)"), "what": .text(text(of: fault)),
                    "not_logged": .int(silent),
                ])
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
        case .roomsTakenOver(let member, let count):
            log.info(
                "rooms taken over: their node is gone",
                ["from": .text("\(member)"), "rooms": .int(count)])
        case .diskStalled:
            log.error("the disk does not complete writes: leadership is given up", [:])
        case .clusterAway(let name):
            log.warning(
                "another cluster does not answer: its users are out of this one's rooms",
                ["cluster": .text(name.text)])
        case .clusterMisnamed(let name, let other):
            log.warning(
                "another cluster has another name: correct FEDERATION_PEERS here or FEDERATION_ID there",
                ["expected": .text(name.text), "answers": .text(other.text)])
        case .clusterBack(let name):
            log.info("another cluster answers again", ["cluster": .text(name.text)])
        case .deletionDecided(let room, let isCommitted, let without):
            log.info(
                isCommitted ? "room deleted" : "room not deleted: a vote against it",
                [
                    "room_id": .text("\(room)"),
                    "without": .text(without.map(\.text).joined(separator: ",")),
                ])
        case .clusterVersion(let version):
            log.info("all members speak a new version", ["version": .int(version)])
        }
    }

    /// What of the answers to clients an operator wants to follow; messages at the debug level only.
    func report(_ answer: ServerMessage) {
        switch answer {
        case .roomCreated(let room, _, _):
            log.info("room created", ["room_id": .text("\(room.id)"), "name": .text(room.name)])
        case .joined(let reply):
            log.info("room joined", ["room_id": .text("\(reply.room.id)")])
        case .left(let room, let user):
            log.info("room left", ["room_id": .text("\(room)"), "user": .text(user)])
        case .messageSent(let room, let id, let sequence, _, _):
            log.debug(
                "message sent",
                [
                    "room_id": .text("\(room)"), "message_id": .text("\(id)"),
                    "sequence": .int(sequence),
                ])
        case .messageFailed(let room, _, let error):
            log.debug("message failed", ["room_id": .text("\(room)"), "why": .text("\(error)")])
        case .deletionFailed(let room, _, let error, _):
            log.info(
                "room not deleted", ["room_id": .text("\(room)"), "why": .text("\(error)")])
        case .deletionBegun, .deletionDone, .roomDeleted, .roomsList, .globalRoomsList,
            .createFailed, .joinFailed, .leaveFailed, .newMessage,
            .memberJoined, .memberLeft, .sessionOpened, .registerValue, .registerWritten,
            .registerMismatch, .registerFailed, .failed:
            break
        }
    }

    private func text(of fault: PeerFault) -> String {
        switch fault {
        case .secondLeader: "it leads the term that this node leads"
        case .claimBeyondLog: "it claims entries that were never sent"
        case .foreignEntry: "it forwards what only a leader decides on"
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
