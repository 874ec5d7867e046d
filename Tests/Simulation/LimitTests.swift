import Testing

@testable import Protocols

@Suite("Node: limits of what clients may do")
struct LimitTests {
    // MARK: Rate

    @Test("a burst is taken, what goes beyond is refused, and a second later there is room again")
    func rate() {
        var net = NodeNet.ready {
            $0.limits.rateLimit = 10
            $0.limits.rateBurst = 5
        }
        let (client, other) = (net.connectClient(1), net.connectClient(1))
        net.run(1_000)
        for _ in 0..<7 { net.step(1, .request(client, .readRegister(key: "k"))) }
        net.run(50)
        let refused = NodeNet.Heard.message(.registerFailed(key: "k", .rateLimited))
        #expect(net.heard(1, client).filter { $0 == refused }.count == 2)
        #expect(net.heard(1, client).count == 7)
        #expect(net.marks.contains(.rateLimitHit))
        // A token comes each 100 ms, and another client has a bucket of its own.
        net.run(50)
        #expect(net.ask(1, client, .readRegister(key: "k")) != [refused])
        #expect(net.ask(1, client, .readRegister(key: "k"), for: 0) == [refused])
        #expect(net.ask(1, other, .readRegister(key: "k")) != [refused])
        // No longer quiet gives more than the burst.
        net.run(60_000)
        let before = net.heard(1, client).filter { $0 == refused }.count
        for _ in 0..<7 { net.step(1, .request(client, .readRegister(key: "k"))) }
        #expect(net.heard(1, client).filter { $0 == refused }.count == before + 2)
    }

    @Test("over a long time exactly the rate is taken")
    func longRun() {
        var fanOut = FanOut()
        let client = ConnectionID(slot: 1, generation: 0)
        fanOut.open(client, .zero)
        var taken = 0
        for millisecond in 0..<10_000 {
            let now = Instant.zero + .milliseconds(Int64(millisecond))
            if fanOut.spend(client, rate: 50, burst: 20, now) { taken += 1 }
        }
        #expect(taken == 519, "20 at once, then one each 20 ms")
    }

    // MARK: Rooms and members

    @Test("a cluster that has its rooms takes no more, but says of a taken name that it is taken")
    func rooms() {
        var net = NodeNet.ready { $0.limits.roomLimit = 2 }
        let client = net.connectClient(1)
        _ = net.createRoom(1, client, "tea")
        _ = net.createRoom(1, client, "coffee")
        func create(_ name: String) -> [NodeNet.Heard] {
            net.ask(1, client, .createRoom(name: name, creator: "ann", description: ""))
        }
        #expect(create("milk") == [.message(.createFailed(.roomLimit))])
        #expect(create("tea") == [.message(.createFailed(.nameTaken))])
    }

    @Test("a full room takes nobody new, but who is in may join again")
    func members() {
        var net = NodeNet.ready { $0.limits.memberLimit = 2 }
        let client = net.connectClient(1)
        let room = net.createRoom(1, client, "tea")
        func join(_ user: String) -> NodeNet.Heard? {
            net.ask(1, client, .joinRoom(room: room, user: user, since: nil)).first
        }
        for user in ["ann", "bob", "ann"] {
            guard case .message(.joined)? = join(user) else {
                Issue.record("\(user) is not taken")
                continue
            }
        }
        #expect(join("eve") == .message(.joinFailed(room: room, .roomFull)))
        _ = net.ask(1, client, .leaveRoom(room: room, user: "bob"))
        guard case .message(.joined)? = join("eve") else {
            Issue.record("eve is not taken")
            return
        }
    }

    // MARK: Texts

    @Test(
        "names have no control characters and no white space at their ends",
        arguments: [
            ("ann", true), ("Ann Lee", true), ("\u{1F600}", true), ("\u{E9}", true),
            ("a\u{301}", true), (" ann", false), ("ann ", false), ("ann\n", false),
            ("\u{A0}ann", false), ("an\u{0}n", false), ("an\tn", false), ("an\u{9B}n", false),
            ("an\u{7F}n", false), ("an\u{FFFE}n", false), (" ", false), ("\u{3000}", false),
        ])
    func names(name: String, isTaken: Bool) {
        #expect(TextRules.isName(name) == isTaken)
        var net = NodeNet.ready(1)
        let client = net.connectClient(1)
        let answer = net.ask(
            1, client, .createRoom(name: name, creator: "ann", description: "")
        ).first
        #expect((answer == .message(.createFailed(.invalidRequest))) == !isTaken)
    }

    @Test(
        "contents are not blank and have no control characters but tabs and line ends",
        arguments: [
            ("x", true), (" x ", true), ("two\nlines\r\n\tand more", true), ("\u{1F600}", true),
            ("\u{A0}x", true), ("", false), (" ", false), ("\n\t \r", false), ("\u{3000}", false),
            ("a\u{0}b", false), ("\u{1B}[2J", false), ("a\u{7F}", false), ("\u{85}", false),
            ("a\u{9B}b", false), ("a\u{FFFF}", false), ("\u{FFFD}", true),
        ])
    func contents(content: String, isTaken: Bool) {
        #expect(TextRules.isContent(content) == isTaken)
    }

    @Test("what is wrong with a request is said even while the room is not joined")
    func refusals() {
        var net = NodeNet.ready(1)
        let client = net.connectClient(1)
        let room = net.createRoom(1, client, "tea")
        #expect(
            net.ask(1, client, say(room, "ann", "\u{0}")) == [
                .message(.messageFailed(room: room, clientMessageID: nil, .invalidContent))
            ])
        #expect(
            net.ask(1, client, .joinRoom(room: room, user: "ann ", since: nil)) == [
                .message(.joinFailed(room: room, .invalidRequest))
            ])
    }
}
