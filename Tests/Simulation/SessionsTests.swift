import Protocols
import Testing

@Suite("Sessions")
struct SessionsTests {
    @Test("a duplicate is answered with the first outcome and not executed again (thesis 6.3)")
    func duplicate() {
        var driver = StateDriver()
        let session = driver.openNode()
        let write = Operation.register(key: "k", .set(value: [1]))
        let first = driver.run(session, 1, write)
        #expect(first == [.outcome(session: session, sequence: 1, .written(version: 1))])
        #expect(driver.run(session, 1, write) == first)
        #expect(driver.report.marks.contains(.duplicateRequest))
        #expect(driver.state.register("k") == RegisterValue(value: [1], version: 1))
    }

    @Test("requests of one session are executed in whatever order they come")
    func outOfOrder() {
        var driver = StateDriver()
        let session = driver.openNode()
        for sequence: UInt64 in [5, 2, 4, 1, 3] {
            let write = Operation.register(key: "k", .set(value: [UInt8(sequence)]))
            _ = driver.outcome(session, sequence, write)
        }
        #expect(driver.state.register("k") == RegisterValue(value: [3], version: 5))
        let retried = driver.outcome(session, 2, .register(key: "k", .set(value: [2])))
        #expect(retried == .written(version: 2))
    }

    @Test("what is acknowledged is forgotten and never executed again")
    func acknowledged() {
        var driver = StateDriver()
        let session = driver.openNode()
        let write = Operation.register(key: "k", .set(value: [1]))
        #expect(driver.outcome(session, 1, write) == .written(version: 1))
        #expect(driver.outcome(session, 3, write, below: 3) == .written(version: 2))
        #expect(driver.outcome(session, 1, write) == .refused(.alreadyAcknowledged))
        #expect(driver.outcome(session, 2, write) == .refused(.alreadyAcknowledged))
        #expect(driver.outcome(session, 4, write, below: 9) == .refused(.alreadyAcknowledged))
        #expect(driver.outcome(session, 0, write) == .refused(.malformed))
        #expect(driver.outcome(session, 0, .keepAlive) == .done)
        #expect(driver.state.register("k").version == 2)
    }

    @Test("over its bound a session refuses old numbers instead of executing them")
    func bound() {
        var limits = StateLimits()
        limits.outcomesPerSession = 3
        var driver = StateDriver(limits: limits)
        let session = driver.openNode()
        let write = Operation.register(key: "k", .set(value: [1]))
        for sequence: UInt64 in [2, 4, 6, 8] { _ = driver.outcome(session, sequence, write) }
        #expect(driver.outcome(session, 1, write) == .refused(.alreadyAcknowledged))
        #expect(driver.outcome(session, 2, write) == .refused(.alreadyAcknowledged))
        #expect(driver.outcome(session, 4, write) == .written(version: 2))
        #expect(driver.outcome(session, 3, write) == .written(version: 5))
        #expect(driver.state.session(session)?.outcomes.count == 3)
        // Number 3 was the lowest of four, so that it is known no more than those below it.
        #expect(driver.outcome(session, 3, write) == .refused(.alreadyAcknowledged))
        #expect(driver.outcome(session, .max, write, below: .max) == .written(version: 6))
        #expect(driver.outcome(session, .max, write) == .written(version: 6))
    }

    @Test("an unknown session refuses and executes nothing")
    func unknown() {
        var driver = StateDriver()
        let write = Operation.register(key: "k", .set(value: [1]))
        #expect(driver.outcome(SessionID(44), 1, write) == .refused(.sessionExpired))
        #expect(driver.outcome(SessionID(0), 1, write) == .refused(.sessionExpired))
        #expect(driver.state.register("k") == RegisterValue())
    }

    @Test("a node's start opens one session however often it asks")
    func idempotentOpen() {
        var driver = StateDriver()
        let session = driver.openNode()
        let again = driver.run(
            SessionID(0), 1,
            .openNodeSession(
                node: NodeID(1), incarnation: Incarnation(100), boot: Boot(1), at: wall(9)))
        #expect(again == [.nodeSessionOpened(node: NodeID(1), boot: Boot(1), session)])
        #expect(driver.state.sessions.table.count == 1)
    }

    @Test("a later start ends the earlier session with its memberships; an earlier one is refused")
    func superseded() {
        var driver = StateDriver()
        let old = driver.openNode()
        _ = driver.run(old, 1, creation(1))
        _ = driver.run(old, 2, joining(1, "alice"))
        let open = Operation.openNodeSession(
            node: NodeID(1), incarnation: Incarnation(100), boot: Boot(2), at: wall(9))
        let effects = driver.run(SessionID(0), 1, open)
        let session = SessionID(driver.state.applied.index.rawValue)
        #expect(
            effects == [
                .memberLeft(
                    room: roomID(1), user: "alice", memberCount: 0, reason: .nodeUnreachable,
                    at: wall(9)),
                .nodeSessionEnded(node: NodeID(1), old),
                .nodeSessionOpened(node: NodeID(1), boot: Boot(2), session),
            ])
        #expect(driver.report.marks.contains(.nodeSessionSuperseded))
        #expect(driver.outcome(old, 3, .keepAlive) == .refused(.sessionExpired))
        let late = Operation.openNodeSession(
            node: NodeID(1), incarnation: Incarnation(100), boot: Boot(1), at: wall(9))
        #expect(
            driver.run(SessionID(0), 1, late) == [
                .outcome(session: SessionID(0), sequence: 1, .refused(.sessionExpired))
            ])
        #expect(driver.state.nodeSession(of: NodeID(1)) == session)
    }

    @Test("a node with another directory than the membership names gets no session")
    func foreign() {
        var driver = StateDriver()
        driver.apply(
            .membership,
            MembershipPayload(
                members: [Member(id: NodeID(1), incarnation: Incarnation(100))], clusterVersion: 1
            ).encoded())
        _ = driver.openNode()
        for (node, incarnation): (UInt32, UInt64) in [(1, 101), (2, 100)] {
            let effects = driver.run(
                SessionID(0), 8,
                .openNodeSession(
                    node: NodeID(node), incarnation: Incarnation(incarnation), boot: Boot(9),
                    at: wall(1)))
            #expect(
                effects == [
                    .outcome(session: SessionID(0), sequence: 8, .refused(.foreignIncarnation))
                ])
        }
    }

    @Test("sessions end by the entry's stamp alone, those in use do not")
    func expiry() {
        var driver = StateDriver()
        let first = driver.openNode(1)
        let second = driver.openNode(2)
        _ = driver.run(second, 1, creation(1))
        _ = driver.run(second, 2, joining(1, "bob"))
        driver.now = .zero + .seconds(14)
        _ = driver.run(first, 1, .keepAlive)
        #expect(driver.state.nextSessionExpiry == .zero + .seconds(15))
        // A wall clock that jumps by years ends nothing.
        let early = Operation.expireSessions(at: wall(.max))
        #expect(
            driver.run(first, 2, early) == [.outcome(session: first, sequence: 2, .done)])
        driver.now = .zero + .seconds(15)
        #expect(
            driver.run(first, 3, .expireSessions(at: wall(5))) == [
                .outcome(session: first, sequence: 3, .done),
                .memberLeft(
                    room: roomID(1), user: "bob", memberCount: 0, reason: .nodeUnreachable,
                    at: wall(5)),
                .nodeSessionEnded(node: NodeID(2), second),
            ])
        #expect(driver.outcome(second, 3, .keepAlive) == .refused(.sessionExpired))
        #expect(driver.state.nextSessionExpiry == .zero + .seconds(30))
        // The same start may open anew; it is another session.
        #expect(driver.openNode(2) > second)
        // A stamp that goes back counts as the latest one; expiry needs no session of its own.
        driver.now = .zero
        #expect(
            driver.outcome(SessionID(0), 1, .expireSessions(at: wall(5))) == .done)
        #expect(driver.state.stamp == .zero + .seconds(15))
        driver.now = .zero + .seconds(60)
        _ = driver.run(SessionID(0), 1, .expireSessions(at: wall(5)))
        #expect(driver.state.sessions.table.isEmpty)
        #expect(driver.state.nextSessionExpiry == nil)
    }

    @Test("one client session too many ends the one idle longest")
    func clientBound() {
        var limits = StateLimits()
        limits.clientSessions = 2
        var driver = StateDriver(limits: limits)
        let node = driver.openNode()
        var clients: [SessionID] = []
        for sequence: UInt64 in 1...3 {
            driver.now = driver.now + .seconds(1)
            if sequence == 3 { _ = driver.run(clients[0], 1, .keepAlive) }
            driver.now = driver.now + .seconds(1)
            guard
                case .sessionOpened(let id)? = driver.outcome(node, sequence, .openClientSession)
            else {
                Issue.record("no session")
                return
            }
            #expect(driver.outcome(node, sequence, .openClientSession) == .sessionOpened(id))
            clients.append(id)
        }
        #expect(driver.outcome(clients[0], 2, .keepAlive) == .done)
        #expect(driver.outcome(clients[1], 1, .keepAlive) == .refused(.sessionExpired))
        #expect(driver.outcome(clients[2], 1, .keepAlive) == .done)
        #expect(driver.state.sessions.clientCount == 2)
    }

    @Test(
        "no request is executed twice under duplicates, reordering and acknowledgement",
        arguments: 1...6)
    func model(seed: UInt64) {
        var prng = Prng(seed: seed)
        var limits = StateLimits()
        limits.outcomesPerSession = 16
        var driver = StateDriver(limits: limits)
        let session = driver.openNode()
        var outcomes: [UInt64: Outcome] = [:]
        var version: UInt64 = 0
        for round: UInt64 in 0..<3_000 {
            let sequence = 1 + round / 10 + prng.below(12)
            let below = prng.below(4) == 0 ? sequence - min(sequence, prng.below(20)) : 1
            let outcome = driver.outcome(
                session, sequence, .register(key: "k", .set(value: [])), below: below)
            if let known = outcomes[sequence] {
                #expect(outcome == known || outcome == .refused(.alreadyAcknowledged))
            } else if outcome != .refused(.alreadyAcknowledged) {
                version += 1
                #expect(outcome == .written(version: version))
                outcomes[sequence] = outcome
            }
            #expect(driver.state.register("k").version == version)
            #expect((driver.state.session(session)?.outcomes.count ?? 99) <= 16)
        }
        #expect(version > 100)
    }
}
