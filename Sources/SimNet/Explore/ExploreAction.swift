import Protocols

/// One thing that can happen in a search, packed into 32 bits: kind, member and an argument.
struct ActionCode: Equatable, Sendable {
    enum Kind: UInt32, Sendable {
        /// A message arrives and is gone from the network.
        case deliver
        /// The same, after so long a time that the member had given up hope of its leader.
        case deliverLate
        /// A copy of a message arrives; the message stays in flight.
        case duplicate
        /// A message is lost.
        case drop
        /// The member's time comes: an election, or, for a leader, the loss of its quorum.
        case timeout
        /// A leader says that it is alive.
        case heartbeat
        /// The oldest write under way becomes durable.
        case persist
        /// The snapshot under way becomes durable.
        case saveSnapshot
        /// A client hands the leader a command.
        case propose
        /// The member snapshots its state.
        case takeSnapshot
        /// The member stops without warning, and starts again from its disk.
        case crash
        /// The member is silent for so long that it has given up hope of its leader.
        case wait
        /// A client sends a message again that was sent before, here or elsewhere.
        case resend
        /// A client connects, and joins the room or makes it.
        case enter
    }

    var bits: UInt32

    /// - Parameters:
    ///   - member: the member's place, from 0.
    ///   - argument: a message's number; how much of the disk survives; the command's number.
    init(_ kind: Kind, _ member: Int, _ argument: UInt32 = 0) {
        bits = kind.rawValue << 28 | UInt32(member) << 24 | argument
    }

    init(bits: UInt32) { self.bits = bits }

    var kind: Kind { Kind(rawValue: bits >> 28)! }
    var member: Int { Int(bits >> 24 & 15) }
    var argument: UInt32 { bits & 0xFF_FFFF }

    /// The greatest argument.
    static let largestArgument: UInt32 = 0xFF_FFFF
}

/// A message on its way.
struct Packet: Equatable, Sendable {
    var sender: NodeID
    var recipient: NodeID
    var message: RaftMessage

    func abstractDigest(names: [UInt32]) -> UInt64 {
        var digest = Digest(0x6D65_7373_6167_6521)
        digest.combine(UInt64(names[Int(sender.rawValue)]))
        digest.combine(UInt64(names[Int(recipient.rawValue)]))
        message.abstractDigest(into: &digest)
        return digest.value
    }
}

extension Packet {
    /// One phrase for a person.
    var text: String { "\(Packet.text(of: message)) from \(sender) to \(recipient)" }

    static func text(of message: RaftMessage) -> String {
        let term = "of term \(message.term.rawValue)"
        switch message.body {
        case .preVoteRequest(let request):
            return "a pre-vote request for term \(message.term.rawValue), log at "
                + text(of: request.last)
        case .preVoteResponse(let granted):
            return "a pre-vote \(granted ? "granted" : "refused") \(term)"
        case .voteRequest(let request):
            return "a vote request \(term), log at \(text(of: request.last))"
        case .voteResponse(let granted): return "a vote \(granted ? "granted" : "refused") \(term)"
        case .append(let request):
            let entries = request.entries.map {
                text(of: SnapshotPoint(index: $0.index, term: $0.term))
            }
            return "an append \(term): [\(entries.joined(separator: " "))] after "
                + "\(text(of: request.previous)), commit \(request.commit.rawValue)"
        case .appendResponse(.matched(let index)):
            return "an answer \(term): matched up to \(index.rawValue)"
        case .appendResponse(.rejected(let previous, let hint)):
            return "an answer \(term): nothing matches at \(previous.rawValue), "
                + "try \(text(of: hint))"
        case .heartbeat(let commit, _): return "a heartbeat \(term), commit \(commit.rawValue)"
        case .heartbeatResponse: return "an answer to a heartbeat \(term)"
        case .snapshotChunk(let chunk):
            return "part \(chunk.number + 1) of \(chunk.count) of the snapshot at "
                + "\(text(of: chunk.point)) \(term)"
        case .snapshotResponse(.wants(let number, let index)):
            return "an answer \(term): wants part \(number + 1) of the snapshot at "
                + "\(index.rawValue)"
        case .snapshotResponse(.installed(let index)):
            return "an answer \(term): installed up to \(index.rawValue)"
        case .timeoutNow: return "a request to campaign at once \(term)"
        case .forward: return "a forwarded command \(term)"
        case .readRequest: return "a read request \(term)"
        case .readResponse: return "a read answer \(term)"
        }
    }

    /// Index and term of an entry, as in `3@2`.
    static func text(of point: SnapshotPoint) -> String {
        "\(point.index.rawValue)@\(point.term.rawValue)"
    }
}
