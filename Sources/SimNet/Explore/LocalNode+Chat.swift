import Protocols

/// A whole node instead of consensus alone.
extension LocalNode {
    /// Lets the node, or its client, do something; carries out what comes of it and looks at it.
    mutating func talk(
        _ outcome: inout Outcome,
        _ act: (inout ChatMember, Instant, inout ChatMember.Outcome) -> Void
    ) {
        guard case .chat(var member) = body else {
            preconditionFailure("consensus alone has no clients")
        }
        let before = (role: raft.role, term: raft.term, commit: raft.commitIndex)
        var told = ChatMember.Outcome()
        act(&member, now, &told)
        body = .chat(member)
        for effect in told.effects { carryOut(effect, &outcome) }
        outcome.loseHeartbeats()
        observe(before.role, before.term, before.commit, &outcome)
        if let text = told.violation { outcome.report(.chat, text) }
        if let number = member.double {
            outcome.report(.chat, "\(raft.id) holds message \(number) twice")
        }
        if let reason = member.node.halted {
            outcome.report(.chat, "\(raft.id) stops for good: \(reason)")
        }
    }

    private mutating func carryOut(_ effect: NodeEffect, _ outcome: inout Outcome) {
        switch effect {
        case .send(let peer, .raft(let message)): perform(.send(peer, message), &outcome)
        case .persist(let write, let token): perform(.persist(write, token), &outcome)
        case .saveSnapshot(let snapshot, let token):
            perform(.saveSnapshot(snapshot, token), &outcome)
        case .compactLog(let index): perform(.compactLog(through: index), &outcome)
        case .send(_, .hello), .reply, .deliver, .close, .note, .halt, .call, .abandonCall,
            .answer:
            break
        }
    }
}

extension ChatMember {
    /// What consensus alone would be told, as a node is told it.
    static func event(_ event: Raft.Event) -> NodeEvent {
        switch event {
        case .tick: .tick
        case .message(let sender, let message): .peer(sender, .raft(message))
        case .persisted(let token): .persisted(token)
        case .snapshotSaved(let token): .snapshotSaved(token)
        case .peerUp(let peer): .peerUp(peer)
        case .propose, .read, .snapshotTaken, .transfer:
            preconditionFailure("a node is not told so")
        }
    }
}

extension ChatFacts {
    init(_ member: ChatMember) {
        self.init(history: member.history, witness: member.witness)
    }
}

/// What a search asks of a chat member again and again.
struct ChatFacts: Sendable {
    /// What stands in the room.
    var history: ChatOrder
    /// What the client was told and shown.
    var witness: ChatWitness

    /// True when the client has all that it asked for and was shown all there is.
    var isServed: Bool {
        guard witness.hasEntered else { return true }
        guard witness.isMember, witness.shown == history else { return false }
        return (1...ChatOrder.most).allSatisfy {
            witness.sent >> UInt16($0) & 1 == 0 || witness.acknowledged[$0] != 0
        }
    }

    /// One phrase for a person.
    var text: String {
        let client =
            !witness.hasEntered
            ? "no client"
            : "client \(witness.isMember ? "in" : "out"), shown \(witness.shown.text), "
                + "acknowledged \(witness.acknowledged.text)"
        return "room \(history.text), \(client)"
    }

    /// What one node's room and another's client, or their rooms, have against each other.
    func conflict(with other: ChatFacts) -> String? {
        guard history.agrees(with: other.history) else { return "hold different messages" }
        guard witness.shown.agrees(with: other.history) else {
            return "differ: the first one's client was shown another order"
        }
        let last = other.history.count
        for number in 1...ChatOrder.most {
            let place = witness.acknowledged[number]
            if place != 0, place <= last, other.history[place] != number {
                return "differ: message \(number) was acknowledged at \(place) by the first"
            }
        }
        return nil
    }
}
