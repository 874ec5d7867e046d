import Testing

@testable import Protocols

@Suite("Fan-out: who receives what happens in a room")
struct FanOutTests {
    let room = UniqueID(high: 1, low: 1)
    let other = UniqueID(high: 1, low: 2)
    let a = ConnectionID(slot: 1, generation: 0)
    let b = ConnectionID(slot: 2, generation: 0)

    func opened() -> FanOut {
        var fanOut = FanOut()
        fanOut.open(b, .zero)
        fanOut.open(a, .zero)
        return fanOut
    }

    /// Both connections live in the room after message 3.
    func live() -> FanOut {
        var fanOut = opened()
        for connection in [b, a] {
            fanOut.subscribe(connection, to: room, from: 4)
            fanOut.advance(fanOut.behind[0], to: 4, last: 3, .zero)
        }
        return fanOut
    }

    @Test("a connection that joined is behind until it has the history, then live")
    func catchUp() {
        var fanOut = opened()
        fanOut.subscribe(a, to: room, from: 1)
        #expect(fanOut.ready == [.init(connection: a, room: room, next: 1)])
        #expect(fanOut.receivers(of: 4, in: room) == [])
        fanOut.advance(fanOut.ready[0], to: 4, last: 4, .zero)
        let later = Instant.zero + FanOut.batchPause
        #expect(
            fanOut.ready == [.init(connection: a, room: room, next: 4, notBefore: later)])
        fanOut.advance(fanOut.ready[0], to: 5, last: 4, .zero)
        #expect(fanOut.ready == [])
        #expect(fanOut.receivers(of: 5, in: room) == [a])
    }

    @Test("receivers ascend and each gets a message once")
    func receivers() {
        var fanOut = live()
        #expect(fanOut.receivers(of: 4, in: room) == [a, b])
        #expect(fanOut.receivers(in: room) == [a, b])
        #expect(fanOut.receivers(of: 1, in: other) == [])
        #expect(fanOut.openConnections == [a, b])
    }

    @Test("a jump of the state throws every live connection behind where it stood (planted 51)")
    func fallBehind() {
        var fanOut = live()
        _ = fanOut.receivers(of: 4, in: room)
        fanOut.fallBehind()
        #expect(fanOut.receivers(of: 9, in: room) == [])
        #expect(
            fanOut.behind == [
                .init(connection: a, room: room, next: 5),
                .init(connection: b, room: room, next: 5),
            ])
    }

    @Test("a connection with a backlog gets no history until it has taken it")
    func backlog() {
        var fanOut = opened()
        fanOut.subscribe(a, to: room, from: 1)
        fanOut.subscribe(b, to: room, from: 1)
        fanOut.setBacklog(9, of: a)
        #expect(fanOut.ready == [.init(connection: b, room: room, next: 1)])
        fanOut.setBacklog(0, of: a)
        #expect(fanOut.ready.count == 2)
    }

    @Test("a connection that leaves gets nothing more of the room")
    func unsubscribe() {
        var fanOut = live()
        fanOut.unsubscribe(a, from: room)
        #expect(fanOut.receivers(of: 4, in: room) == [b])
        fanOut.unsubscribe(b, from: room)
        #expect(fanOut.rooms.count == 0)
    }

    @Test("joining again begins anew and is not doubled")
    func rejoin() {
        var fanOut = live()
        fanOut.subscribe(a, to: room, from: 2)
        #expect(fanOut.receivers(of: 4, in: room) == [b])
        fanOut.subscribe(a, to: room, from: 3)
        #expect(fanOut.behind == [.init(connection: a, room: room, next: 3)])
    }

    @Test("a closed connection is gone from all rooms, and says whether it may be a member")
    func close() {
        var fanOut = live()
        fanOut.subscribe(a, to: other, from: 1)
        fanOut.expectMembership(of: a)
        let answers = [fanOut.close(a), fanOut.close(a), fanOut.close(b)]
        #expect(answers == [true, false, false] && !fanOut.isOpen(a))
        #expect(fanOut.behind == [] && fanOut.rooms.count == 0 && fanOut.clients.count == 0)
    }

    @Test("what concerns a connection that is gone changes nothing")
    func gone() {
        var fanOut = opened()
        fanOut.subscribe(a, to: room, from: 1)
        let place = fanOut.ready[0]
        _ = fanOut.close(a)
        let before = fanOut
        fanOut.advance(place, to: 5, last: 4, .zero)
        fanOut.subscribe(a, to: room, from: 1)
        fanOut.setBacklog(3, of: a)
        fanOut.expectMembership(of: a)
        #expect(fanOut == before)
    }
}
