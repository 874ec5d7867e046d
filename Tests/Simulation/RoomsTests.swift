import Protocols
import Testing

@Suite("Rooms")
struct RoomsTests {
    private func driver() -> (StateDriver, SessionID) {
        var driver = StateDriver()
        let session = driver.openNode()
        _ = driver.run(session, 1, creation(1))
        return (driver, session)
    }

    private func left(_ user: String, _ count: Int, _ reason: LeaveReason, at: Int64 = 3)
        -> StateEffect
    {
        .memberLeft(
            room: roomID(1), user: user, memberCount: count, reason: reason, at: wall(at))
    }

    @Test("a name is taken once, byte by byte; the same creation again succeeds")
    func names() {
        var (driver, session) = driver()
        #expect(driver.outcome(session, 2, creation(2, name: "room 1")) == .refused(.nameTaken))
        #expect(driver.outcome(session, 3, creation(1)) == .roomCreated(roomID(1)))
        #expect(driver.outcome(session, 4, creation(1, name: "other")) == .refused(.malformed))
        #expect(driver.outcome(session, 5, creation(3, name: "\u{E9}")) == .roomCreated(roomID(3)))
        #expect(
            driver.outcome(session, 6, creation(4, name: "e\u{301}")) == .roomCreated(roomID(4)))
        #expect(driver.state.rooms.room(named: "\u{E9}") == roomID(3))
    }

    @Test("a user is a member from the first connection to the last")
    func members() {
        var (driver, session) = driver()
        func by(_ slot: UInt32) -> MemberConnection {
            MemberConnection(session: session, connection: connection(slot))
        }
        func joined(_ sequence: UInt64) -> StateEffect {
            .outcome(
                session: session, sequence: sequence, .joined(room: roomID(1), lastSequence: 0))
        }
        #expect(
            driver.run(session, 2, joining(1, "alice", 1)) == [
                joined(2),
                .memberJoined(
                    room: roomID(1), user: "alice", by: by(1), memberCount: 1, at: wall(2)),
            ])
        #expect(driver.run(session, 3, joining(1, "alice", 1)) == [joined(3)])
        #expect(driver.run(session, 4, joining(1, "alice", 2)) == [joined(4)])
        #expect(
            driver.run(session, 5, joining(1, "bob", 1)) == [
                joined(5),
                .memberJoined(
                    room: roomID(1), user: "bob", by: by(1), memberCount: 2, at: wall(2)),
            ])
        #expect(driver.state.members(of: roomID(1)) == ["alice", "bob"])
        #expect(
            driver.state.memberships(of: by(1)).map(\.user) == ["alice", "bob"])
        #expect(driver.state.memberships(of: session).count == 3)
        func over(_ sequence: UInt64) -> StateEffect {
            .outcome(session: session, sequence: sequence, .left(room: roomID(1)))
        }
        #expect(driver.run(session, 6, leaving(1, "alice", 1)) == [over(6)])
        #expect(driver.outcome(session, 7, leaving(1, "alice", 1)) == .refused(.notMember))
        #expect(
            driver.run(session, 8, leaving(1, "alice", 2)) == [
                over(8), left("alice", 1, .requested),
            ])
        #expect(driver.outcome(session, 9, leaving(9, "alice", 2)) == .refused(.roomNotFound))
        #expect(driver.outcome(session, 10, joining(9, "alice", 2)) == .refused(.roomNotFound))
    }

    @Test("a connection that is gone leaves all its rooms and no other's")
    func disconnecting() {
        var (driver, session) = driver()
        let other = driver.openNode(2)
        _ = driver.run(session, 2, joining(1, "alice", 1))
        _ = driver.run(session, 3, joining(1, "bob", 1))
        _ = driver.run(session, 4, joining(1, "bob", 2))
        _ = driver.run(other, 1, joining(1, "carol", 1))
        let gone = Operation.disconnect(
            connection: connection(1), reason: .disconnected, at: wall(6))
        #expect(
            driver.run(session, 5, gone) == [
                .outcome(session: session, sequence: 5, .done),
                left("alice", 2, .disconnected, at: 6),
            ])
        #expect(driver.state.members(of: roomID(1)) == ["bob", "carol"])
    }

    @Test("only a member speaks, through the connection that joined")
    func speaking() {
        var (driver, session) = driver()
        _ = driver.run(session, 2, joining(1, "alice", 1))
        #expect(driver.outcome(session, 3, saying("x", via: 2)) == .refused(.notMember))
        #expect(driver.outcome(session, 4, saying("x", as: "bob")) == .refused(.notMember))
        #expect(driver.outcome(session, 5, saying("x", in: 9)) == .refused(.roomNotFound))
        #expect(driver.state.lastSequence(in: roomID(1)) == 0)
    }

    @Test("a retry under the client's own name is one message, from another node, too")
    func retries() {
        var (driver, session) = driver()
        let other = driver.openNode(2)
        _ = driver.run(session, 2, joining(1, "alice", 1))
        let first = driver.outcome(session, 3, saying("hello", id: 1, key: "k"))
        #expect(
            first
                == .sent(
                    room: roomID(1), id: UniqueID(high: 77, low: 1), sequence: 1, at: wall(4)))
        #expect(
            driver.outcome(other, 1, saying("hello", via: 5, id: 2, key: "k"))
                == .refused(.notMember))
        _ = driver.run(other, 2, joining(1, "alice", 5))
        #expect(
            driver.run(other, 3, saying("hello", via: 5, id: 2, key: "k")) == [
                .outcome(session: other, sequence: 3, first!)
            ])
        #expect(driver.report.marks.contains(.retryByMessageID))
        // Another user's same name is another message, and so is the same name in another room.
        _ = driver.run(other, 4, joining(1, "bob", 5))
        _ = driver.run(other, 5, saying("hello", as: "bob", via: 5, id: 3, key: "k"))
        #expect(driver.state.lastSequence(in: roomID(1)) == 2)
        #expect(driver.state.lastMessages(in: roomID(1), limit: 5).map(\.user) == ["alice", "bob"])
    }

    @Test("a message's name is remembered for its time and for its count, no longer")
    func keyLife() {
        var limits = StateLimits()
        limits.messageKeyCount = 2
        limits.nodeSessionLife = .seconds(10_000)
        var driver = StateDriver(limits: limits)
        let session = driver.openNode()
        _ = driver.run(session, 1, creation(1))
        _ = driver.run(session, 2, joining(1, "alice"))
        var sequence: UInt64 = 2
        func send(_ key: String) -> UInt64? {
            sequence += 1
            guard
                case .sent(_, _, let number, _)? = driver.outcome(
                    session, sequence, saying("x", id: sequence, key: key))
            else { return nil }
            return number
        }
        #expect(send("a") == 1)
        driver.now = .zero + .seconds(599)
        #expect(send("a") == 1)
        driver.now = .zero + .seconds(600)
        #expect(send("a") == 2)
        driver.now = .zero + .seconds(601)
        #expect(send("a") == 2)
        #expect(send("b") == 3)
        #expect(send("a") == 2)
        #expect(send("c") == 4)
        #expect(send("a") == 5)
        #expect(send("c") == 4)
    }

    @Test(
        "names of messages follow a plain model, and leave when their time is over",
        arguments: 1...4)
    func keyModel(seed: UInt64) {
        var prng = Prng(seed: seed)
        var limits = StateLimits()
        limits.messageKeyLife = .seconds(10)
        limits.messageKeyCount = 40
        var driver = StateDriver(limits: limits)
        let session = driver.openNode()
        _ = driver.run(session, 1, creation(1))
        _ = driver.run(session, 2, joining(1, "alice"))
        let before = driver.state.rooms.byteCount
        var model: [(key: String, sequence: UInt64, at: ClusterTime)] = []
        var last: UInt64 = 0
        for sequence: UInt64 in 3..<2_000 {
            driver.now = driver.now + .milliseconds(Int64(prng.below(400)))
            let key = "k\(prng.below(60))"
            model.removeAll { driver.now - $0.at >= limits.messageKeyLife }
            let outcome = driver.outcome(
                session, sequence, saying("", id: sequence, key: key), below: sequence)
            if let known = model.first(where: { $0.key == key }) {
                guard case .sent(_, _, known.sequence, _)? = outcome else {
                    Issue.record("\(known) became \(String(describing: outcome))")
                    return
                }
            } else {
                last += 1
                guard case .sent(_, _, last, _)? = outcome else {
                    Issue.record("\(last) became \(String(describing: outcome))")
                    return
                }
                model.append((key, last, driver.now))
                if model.count > 40 { model.removeFirst() }
            }
        }
        // Nothing is said any more: the names leave all the same, a few an entry.
        driver.now = driver.now + .seconds(10)
        for _ in 0..<20 { driver.apply(.noop, []) }
        guard let room = driver.state.room(roomID(1)) else { return }
        #expect(driver.state.rooms.byteCount == before + room.history.byteCount)
    }

    @Test("lists show members and the administrator, or who stands in for it")
    func lists() {
        var (driver, session) = driver()
        _ = driver.openNode(3)
        _ = driver.run(session, 2, creation(2))
        _ = driver.run(session, 3, joining(2, "alice"))
        func room(_ number: UInt64, _ count: Int, _ admin: UInt32) -> RoomSummary {
            RoomSummary(
                id: roomID(number), name: "room \(number)", description: "about \(number)",
                memberCount: count, admin: NodeID(admin))
        }
        #expect(driver.state.roomSummaries(limit: 10) == [room(1, 0, 1), room(2, 1, 1)])
        #expect(driver.state.roomSummaries(limit: 1) == [room(1, 0, 1)])
        #expect(driver.state.roomSummaries(admin: NodeID(3), limit: 10) == [])
        driver.now = .zero + .seconds(14)
        _ = driver.openNode(3)
        driver.now = .zero + .seconds(20)
        _ = driver.run(SessionID(0), 1, .expireSessions(at: wall(1)))
        #expect(
            driver.state.roomSummaries(admin: NodeID(3), limit: 10)
                == [room(1, 0, 3), room(2, 0, 3)])
        #expect(driver.state.summary(of: roomID(2)) == room(2, 0, 3))
        #expect(driver.state.summary(of: roomID(9)) == nil)
    }

    @Test("memberships follow a plain model", arguments: 1...4)
    func model(seed: UInt64) {
        var prng = Prng(seed: seed)
        var driver = StateDriver()
        let sessions = [driver.openNode(1), driver.openNode(2), driver.openNode(3)]
        for room: UInt64 in 1...3 { _ = driver.run(sessions[0], room, creation(room)) }
        var seats: [(SessionID, UInt32, UInt64, String)] = []
        for sequence: UInt64 in 10..<1_500 {
            let session = sessions[prng.int(in: 0..<3)]
            let slot = UInt32(prng.below(3))
            let room = 1 + prng.below(3)
            let user = ["a", "b", "c"][prng.int(in: 0..<3)]
            let before = seats
            switch prng.below(7) {
            case 0...2:
                _ = driver.run(session, sequence, joining(room, user, slot), below: sequence)
                if !seats.contains(where: { $0 == (session, slot, room, user) }) {
                    seats.append((session, slot, room, user))
                }
            case 3, 4:
                _ = driver.run(session, sequence, leaving(room, user, slot), below: sequence)
                seats.removeAll { $0 == (session, slot, room, user) }
            case 5:
                let gone = Operation.disconnect(
                    connection: connection(slot), reason: .disconnected, at: wall(1))
                _ = driver.run(session, sequence, gone, below: sequence)
                seats.removeAll { $0.0 == session && $0.1 == slot }
            default:
                driver.apply(.noop, [])
                let count = driver.state.memberships(of: session).count
                #expect(count == seats.count { $0.0 == session })
            }
            for room: UInt64 in 1...3 {
                let now = Set(seats.filter { $0.2 == room }.map(\.3))
                let earlier = Set(before.filter { $0.2 == room }.map(\.3))
                #expect(driver.state.members(of: roomID(room)) == now.sorted())
                var changes: [String] = []
                for effect in driver.effects {
                    switch effect {
                    case .memberJoined(roomID(room), let user, _, now.count, _):
                        changes.append("+" + user)
                    case .memberLeft(roomID(room), let user, let count, _, _):
                        changes.append("-" + user)
                        #expect(count >= now.count)
                    case .memberJoined, .memberLeft, .outcome, .message, .nodeSessionOpened,
                        .nodeSessionEnded, .deletionBegun, .roomDeleted, .deletionAborted,
                        .foreignJoin, .guestLeft, .historyJumped:
                        break
                    }
                }
                let expected =
                    now.subtracting(earlier).map { "+" + $0 }
                    + earlier.subtracting(now).map { "-" + $0 }
                #expect(changes == expected.sorted())
            }
        }
        #expect(seats.count > 3)
    }
}
