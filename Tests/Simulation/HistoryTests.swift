import Protocols
import Testing

@Suite("Room history")
struct HistoryTests {
    private func driver(_ limits: StateLimits) -> (StateDriver, SessionID) {
        var driver = StateDriver(limits: limits)
        let session = driver.openNode()
        _ = driver.run(session, 1, creation(1))
        _ = driver.run(session, 2, joining(1, "alice"))
        return (driver, session)
    }

    @Test("messages are read back from any number on, across blocks")
    func reading() {
        var limits = StateLimits()
        limits.historyBlockBytes = 300
        var (driver, session) = driver(limits)
        var prng = Prng(seed: 8)
        var all: [ChatMessage] = []
        for number: UInt64 in 1...200 {
            let content = text(&prng, upTo: 50)
            let effects = driver.run(session, number + 2, saying(content, id: number))
            let message = ChatMessage(
                id: UniqueID(high: 77, low: number), sequence: number, user: "alice",
                content: content, at: wall(4))
            #expect(
                effects == [
                    .outcome(
                        session: session, sequence: number + 2,
                        .sent(room: roomID(1), id: message.id, sequence: number, at: wall(4))),
                    .message(room: roomID(1), message),
                ])
            all.append(message)
        }
        for _ in 0..<200 {
            let after = prng.int(in: 0..<210)
            let limit = prng.int(in: 0..<60)
            #expect(
                driver.state.messages(in: roomID(1), after: UInt64(after), limit: limit)
                    == Array(all.dropFirst(after).prefix(limit)))
            #expect(
                driver.state.lastMessages(in: roomID(1), limit: limit) == Array(all.suffix(limit)))
        }
        #expect(driver.state.messages(in: roomID(1), after: .max, limit: 5) == [])
        #expect(driver.state.messages(in: roomID(2), after: 0, limit: 5) == [])
        #expect(driver.state.firstSequence(in: roomID(1)) == 1)
        #expect(driver.state.lastSequence(in: roomID(1)) == 200)
    }

    @Test("a history keeps what it promises and at most a block more, by count and by bytes")
    func bounds() {
        for (count, bytes) in [(50, 1 << 20), (10_000, 5_000)] {
            var limits = StateLimits()
            limits.historyBlockBytes = 500
            limits.historyCount = count
            limits.historyBytes = bytes
            var (driver, session) = driver(limits)
            var prng = Prng(seed: 3)
            var trimmed = 0
            for number: UInt64 in 1...600 {
                _ = driver.run(
                    session, number + 2, saying(text(&prng, upTo: 40), id: number), below: number)
                if driver.report.marks.contains(.historyTrimmed) { trimmed += 1 }
                guard let history = driver.state.room(roomID(1))?.history else { return }
                let first = history.firstSequence
                #expect(history.count == Int(number - first + 1))
                #expect(history.lastSequence == number)
                #expect(history.count <= count + 500 / 26 || history.byteCount <= bytes + 1_000)
                if first > 1 { #expect(history.count >= count || history.byteCount >= bytes) }
                #expect(history.messages(from: 1, limit: 1).first?.sequence == first)
            }
            #expect(trimmed > 5)
        }
    }

    @Test("a message longer than a block has a block of its own; a longer one is refused")
    func long() {
        var limits = StateLimits()
        limits.historyBlockBytes = 100
        var (driver, session) = driver(limits)
        let long = String(repeating: "x", count: History.messageLimit - 45)
        _ = driver.run(session, 3, saying("a", id: 1))
        _ = driver.run(session, 4, saying(long, id: 2))
        _ = driver.run(session, 5, saying("b", id: 3))
        #expect(
            driver.state.lastMessages(in: roomID(1), limit: 9).map(\.content) == ["a", long, "b"])
        #expect(driver.outcome(session, 6, saying(long + "x", id: 4)) == .refused(.malformed))
        #expect(driver.state.lastSequence(in: roomID(1)) == 3)
    }
}
