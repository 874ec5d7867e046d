import Protocols
import SimNet
import Testing

private let room = UniqueID(high: 1, low: 1)

private func message(_ sequence: UInt64, _ name: String, id: UInt64? = nil) -> ChatMessage {
    ChatMessage(
        id: UniqueID(high: 9, low: id ?? sequence), sequence: sequence, user: "ann",
        content: name + " hello", at: WallTime(milliseconds: 1))
}

private func joined(
    from first: UInt64, complete: Bool = true, since: UInt64? = nil
) -> Observation {
    .joined(room: room, historyFrom: first, historyComplete: complete, since: since)
}

private func submitted(_ name: String) -> Observation {
    .submitted(room: room, clientMessageID: name)
}

private func received(_ sequence: UInt64, _ name: String, id: UInt64? = nil) -> Observation {
    .received(room: room, message(sequence, name, id: id))
}

private func acknowledged(_ sequence: UInt64, _ name: String, id: UInt64? = nil) -> Observation {
    .acknowledged(
        room: room, clientMessageID: name, id: UniqueID(high: 9, low: id ?? sequence),
        sequence: sequence)
}

/// True when the checker is silent on what the clients, named by number, saw in this order.
private func isGood(_ story: [(Int, Observation)]) -> Bool {
    var chat = Chat()
    do {
        for (client, observation) in story {
            try chat.observed(ClientID(client), observation, at: .zero)
        }
        return true
    } catch {
        return false
    }
}

private let opening: [(Int, Observation)] = [
    (0, joined(from: 1)), (1, joined(from: 1)), (0, submitted("a")), (0, submitted("b")),
    (1, submitted("c")),
]

private struct Archive: RoomArchive {
    var kept: KeptHistory?
    func history(of room: UniqueID) -> KeptHistory? { kept }
}

@Suite("The chat checker")
struct ChatCheckerTests {
    @Test("one order seen by all, over a reconnect, is no violation")
    func goodHistory() {
        #expect(
            isGood(
                opening + [
                    (0, received(1, "a")), (0, acknowledged(1, "a")), (1, received(1, "a")),
                    (0, received(2, "c")), (1, .detached), (1, joined(from: 2, since: 1)),
                    (1, received(2, "c")), (1, acknowledged(2, "c")), (0, received(3, "b")),
                    (1, received(3, "b")), (0, acknowledged(3, "b")), (0, acknowledged(3, "b")),
                ]))
    }

    @Test("a gap, a duplicate and a step back are seen")
    func brokenSequences() {
        #expect(!isGood(opening + [(0, received(2, "a"))]))
        #expect(!isGood(opening + [(0, received(1, "a")), (0, received(1, "a"))]))
        #expect(!isGood(opening + [(0, received(1, "a")), (0, received(3, "b"))]))
        #expect(
            !isGood(
                opening + [(0, received(1, "a")), (0, received(2, "b")), (0, received(1, "a"))]))
    }

    @Test("two clients that see two orders are seen")
    func twoOrders() {
        #expect(!isGood(opening + [(0, received(1, "a")), (1, received(1, "b"))]))
        #expect(!isGood(opening + [(0, received(1, "a")), (1, received(1, "a", id: 8))]))
    }

    @Test("a message under two numbers is seen")
    func oneMessageTwice() {
        #expect(!isGood(opening + [(0, received(1, "a")), (0, received(2, "a"))]))
        #expect(!isGood(opening + [(0, received(1, "a")), (0, acknowledged(2, "a"))]))
        #expect(!isGood(opening + [(0, acknowledged(1, "a")), (0, acknowledged(2, "a"))]))
    }

    @Test("an acknowledged number that goes to another message is seen")
    func reusedNumber() {
        #expect(!isGood(opening + [(0, acknowledged(1, "a")), (1, received(1, "b"))]))
        #expect(!isGood(opening + [(0, acknowledged(1, "a")), (0, acknowledged(1, "b"))]))
        #expect(!isGood(opening + [(0, acknowledged(1, "a", id: 5)), (1, received(1, "a"))]))
    }

    @Test("a rejoin that skips what came after `since` is seen, unless the node says so")
    func skippedOnRejoin() {
        let start = opening + [(0, received(1, "a")), (0, .detached)]
        #expect(!isGood(start + [(0, joined(from: 3, since: 1))]))
        #expect(!isGood(start + [(0, joined(from: 1, since: 1))]))
        #expect(isGood(start + [(0, joined(from: 3, complete: false, since: 1))]))
        #expect(!isGood(start + [(0, joined(from: 2, complete: false, since: 1))]))
    }

    @Test("a message to a client that has not joined, or has lost its place, is seen")
    func receivedOutside() {
        #expect(!isGood([(0, submitted("a")), (0, received(1, "a"))]))
        #expect(!isGood(opening + [(0, .detached), (0, received(1, "a"))]))
    }

    @Test("a message that nobody sent, and one accepted that must be refused, are seen")
    func unsent() {
        #expect(!isGood(opening + [(0, received(1, "z"))]))
        #expect(!isGood(opening + [(0, acknowledged(1, "z"))]))
    }

    @Test("an archive without an acknowledged message is seen, a trimmed one is not")
    func lostAtTheEnd() throws {
        var chat = Chat()
        for (client, observation) in opening
            + [(0, received(1, "a")), (0, received(2, "b")), (0, acknowledged(2, "b"))]
        {
            try chat.observed(ClientID(client), observation, at: .zero)
        }
        func isKept(_ kept: KeptHistory?) -> Bool {
            (try? chat.compare(with: Archive(kept: kept), of: NodeID(1))) != nil
        }
        #expect(isKept(KeptHistory(first: 1, messages: [message(1, "a"), message(2, "b")])))
        #expect(isKept(KeptHistory(first: 2, messages: [message(2, "b")])))
        #expect(isKept(KeptHistory(first: 3, messages: [])))
        #expect(!isKept(KeptHistory(first: 1, messages: [message(1, "a")])))
        #expect(!isKept(KeptHistory(first: 1, messages: [message(1, "a"), message(2, "c")])))
        #expect(!isKept(KeptHistory(first: 1, messages: [message(1, "b"), message(2, "b")])))
        #expect(!isKept(nil))
    }
}
