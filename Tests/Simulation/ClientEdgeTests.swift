import Testing

@testable import Protocols

/// Drives one connection and collects what it wants done.
private struct Driver {
    var edge: ClientEdge
    var now = Instant.zero
    private(set) var marks = MarkSet()

    init(_ kind: EdgeKind, limits: EdgeLimits = EdgeLimits()) {
        edge = ClientEdge(kind: kind, limits: limits, at: now)
    }

    mutating func step(_ event: EdgeEvent) -> [EdgeEffect] {
        var out = Outbox<EdgeEffect>()
        edge.step(event, at: now, into: &out)
        marks.formUnion(out.marks)
        return out.effects
    }

    mutating func receive(_ text: String) -> [EdgeEffect] { step(.received(Array(text.utf8))) }

    /// Lets time pass to just before the deadline, where nothing may happen, and then to it.
    mutating func untilDeadline() -> [EdgeEffect] {
        guard let deadline = edge.deadline else { return [] }
        now = deadline - Interval(nanoseconds: 1)
        #expect(step(.tick) == [])
        now = deadline
        return step(.tick)
    }

    static func opened() -> Driver {
        var driver = Driver(.webSocket)
        #expect(driver.receive(handshake) == [.write(accepted), .opened])
        #expect(driver.edge.isOpen)
        return driver
    }
}

private let handshake =
    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

private let accepted = Array(
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nConnection: Upgrade\r\n\r\n").utf8)

private func frame(_ opcode: WebSocketOpcode, _ text: String = "") -> [UInt8] {
    WebSocketFrame.encoded(opcode, Array(text.utf8), mask: WebSocketMask(0x0102_0304))
}

private func refusal(_ response: HTTPResponse) -> [EdgeEffect] {
    [.write(response.encoded(keepsAlive: false)), .refused(response.status), .endOutput]
}

private let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
private let healthRequest = HTTPRequest(
    method: .get, target: "/health", host: "a", fields: ["Host": "a"])
private let ok = HTTPResponse(.ok, body: [0x6F, 0x6B])

@Suite("Client edge: WebSocket")
struct ClientEdgeWebSocketTests {
    @Test("a handshake opens, and frames behind it are read at once")
    func opens() {
        var driver = Driver(.webSocket)
        let effects = driver.step(.received(Array(handshake.utf8) + frame(.text, "hi")))
        #expect(effects == [.write(accepted), .opened, .text([0x68, 0x69])])
        #expect(driver.step(.received(frame(.binary, "b"))) == [.binary([0x62])])
        #expect(driver.step(.respond(ok)) == [])
    }

    @Test("plain HTTP on the WebSocket port is told what the port is (426)")
    func plainHTTP() {
        var driver = Driver(.webSocket)
        #expect(driver.receive(health) == refusal(WebSocketRefusal.notAnUpgrade.response))
        #expect(!driver.edge.isOpen)
        #expect(driver.receive("more") == [])
        #expect(driver.step(.endOfStream) == [.disconnect])
        #expect(driver.edge.isOver)
        #expect(driver.marks.contains(.junkRefused))
    }

    @Test("a handshake that is never finished is cut with 408, however busily it drips")
    func slowHandshake() {
        var driver = Driver(.webSocket)
        for byte in handshake.utf8.prefix(9) {
            #expect(driver.edge.deadline == .zero + .seconds(10))
            #expect(driver.step(.received([byte])) == [])
            driver.now = driver.now + .seconds(1)
        }
        let response = HTTPResponse.plain(
            .requestTimeout, "The request took too long to arrive.", closes: true)
        #expect(driver.untilDeadline() == refusal(response))
        #expect(driver.edge.deadline == driver.now + .seconds(2))
        #expect(driver.untilDeadline() == [.disconnect])
    }

    @Test("an idle client is pinged, anything heard counts as an answer, silence ends it")
    func pings() {
        var driver = Driver.opened()
        let ping = EdgeEffect.write(WebSocketFrame.encoded(.ping, []))
        #expect(driver.edge.deadline == driver.now + .seconds(25))
        #expect(driver.untilDeadline() == [ping])
        #expect(driver.edge.deadline == driver.now + .seconds(20))
        #expect(driver.step(.received(frame(.pong))) == [])
        #expect(driver.edge.deadline == driver.now + .seconds(25))
        #expect(driver.untilDeadline() == [ping])
        let close = WebSocketFrame.close(.internalError, reason: "no pong came")
        #expect(driver.untilDeadline() == [.write(close), .closed(.abnormal), .disconnect])
        #expect(driver.marks.contains(.silentClientPinged))
        #expect(driver.marks.contains(.silentClientDropped))
    }

    @Test("a few pings are answered each, of a flood only the latest besides (RFC 6455 5.5.3)")
    func pingFlood() {
        var driver = Driver.opened()
        func pong(_ number: Int) -> EdgeEffect {
            .write(WebSocketFrame.encoded(.pong, Array("\(number)".utf8)))
        }
        let bytes = (0..<100).flatMap { frame(.ping, "\($0)") } + frame(.text, "x")
        #expect(
            driver.step(.received(bytes)) == (0..<16).map(pong) + [.text([0x78]), pong(99)])
    }

    @Test("the client's close is echoed with its code, then the socket is closed")
    func clientCloses() {
        for (sent, echoed, code) in [
            (WebSocketCloseCode.goingAway, WebSocketCloseCode.goingAway, .goingAway),
            (nil, nil, .noStatus),
        ] as [(WebSocketCloseCode?, WebSocketCloseCode?, WebSocketCloseCode)] {
            var driver = Driver.opened()
            let close = WebSocketFrame.close(sent, mask: WebSocketMask(5))
            #expect(
                driver.step(.received(frame(.text, "a") + close + frame(.text, "b"))) == [
                    .text([0x61]), .write(WebSocketFrame.close(echoed)), .closed(code),
                    .disconnect,
                ])
            #expect(driver.edge.isOver)
        }
    }

    @Test("our close waits for the client's, and no message counts in between")
    func weClose() {
        var driver = Driver.opened()
        let close = WebSocketFrame.close(.serviceRestart, reason: "bye")
        #expect(
            driver.step(.close(.serviceRestart, reason: "bye")) == [
                .write(close), .closed(.serviceRestart),
            ])
        #expect(!driver.edge.isOpen)
        #expect(driver.step(.close(.normal, reason: "")) == [])
        #expect(driver.step(.received(frame(.text, "late") + frame(.ping))) == [])
        var silent = driver
        #expect(
            driver.step(.received(WebSocketFrame.close(.normal, mask: WebSocketMask(1))))
                == [.disconnect])
        #expect(silent.edge.deadline == silent.now + .seconds(5))
        #expect(silent.untilDeadline() == [.disconnect])
    }

    @Test("a broken frame closes with its code, after the messages before it")
    func brokenFrame() {
        var driver = Driver.opened()
        let close = WebSocketFrame.close(.protocolError, reason: "reserved bits are set")
        #expect(
            driver.step(.received(frame(.text, "a") + [0xFF])) == [
                .text([0x61]), .write(close), .closed(.protocolError), .endOutput,
            ])
        #expect(driver.step(.received([1, 2, 3])) == [])
        #expect(driver.untilDeadline() == [.disconnect])
    }

    @Test("a lost connection is an abnormal close")
    func lost() {
        for event in [EdgeEvent.endOfStream, .reset] {
            var driver = Driver.opened()
            #expect(driver.step(event) == [.closed(.abnormal), .disconnect])
            #expect(driver.step(.received([1])) == [])
            #expect(driver.edge.deadline == nil)
        }
    }
}

@Suite("Client edge: HTTP")
struct ClientEdgeHTTPTests {
    @Test("pipelined requests are surfaced one at a time and answered in order")
    func pipelining() {
        var driver = Driver(.http)
        #expect(driver.receive(health + health + "GET /x") == [.request(healthRequest)])
        #expect(driver.edge.deadline == nil)
        #expect(driver.receive(" HTTP/1.1\r\n") == [])
        let answer = EdgeEffect.write(ok.encoded(keepsAlive: true))
        #expect(driver.step(.respond(ok)) == [answer, .request(healthRequest)])
        #expect(driver.step(.respond(ok)) == [answer])
        #expect(driver.edge.deadline == driver.now + .seconds(10))
        #expect(driver.step(.respond(ok)) == [])
    }

    @Test("a connection waits for its next request, then goes without a word")
    func keepAlive() {
        var driver = Driver(.http)
        _ = driver.receive(health)
        _ = driver.step(.respond(ok))
        #expect(driver.edge.deadline == driver.now + .seconds(75))
        driver.now = driver.now + .seconds(60)
        #expect(driver.receive("G") == [])
        #expect(driver.edge.deadline == driver.now + .seconds(10))
        #expect(driver.receive(String(health.dropFirst())) == [.request(healthRequest)])
        _ = driver.step(.respond(ok))
        #expect(driver.untilDeadline() == [.disconnect])
    }

    @Test("the connection closes when either side says so")
    func closing() {
        let answer = EdgeEffect.write(ok.encoded(keepsAlive: false))
        var old = Driver(.http)
        _ = old.receive("GET / HTTP/1.0\r\n\r\n")
        #expect(old.step(.respond(ok)) == [answer, .disconnect])
        var asked = Driver(.http)
        _ = asked.receive(health)
        var last = ok
        last.closes = true
        #expect(asked.step(.respond(last)) == [answer, .disconnect])
        var halfClosed = Driver(.http)
        _ = halfClosed.receive(health)
        #expect(halfClosed.step(.endOfStream) == [])
        #expect(halfClosed.step(.respond(ok)) == [answer, .disconnect])
        var drained = Driver(.http)
        _ = drained.receive(health + health)
        #expect(drained.step(.close(.serviceRestart, reason: "")) == [])
        #expect(drained.step(.respond(ok)) == [answer, .endOutput])
        var idle = Driver(.http)
        #expect(idle.step(.close(.serviceRestart, reason: "")) == [.disconnect])
    }

    @Test("a malformed request is answered with its status, after the requests before it")
    func refused() {
        var driver = Driver(.http)
        #expect(driver.receive(health + "GET / HTTP/3.0\r\n") == [.request(healthRequest)])
        let response = HTTPResponse.plain(
            .versionNotSupported,
            "HTTP Version Not Supported: only HTTP/1.1 and HTTP/1.0 are spoken here.", closes: true)
        #expect(
            driver.step(.respond(ok))
                == [.write(ok.encoded(keepsAlive: true))] + refusal(response))
    }

    @Test("a client that waits for 100 Continue gets it")
    func expectation() {
        var driver = Driver(.http)
        let head = "PUT /k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        #expect(
            driver.receive(head) == [.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))])
        guard case .request(let request) = driver.receive("x").first else {
            Issue.record("no request")
            return
        }
        #expect(request.body == [0x78])
    }

    @Test("HEAD is answered without the body")
    func head() {
        var driver = Driver(.http)
        _ = driver.receive("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let expected = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        #expect(driver.step(.respond(ok)) == [.write(Array(expected.utf8))])
    }

    @Test("a peer takes the stream over with the bytes that follow")
    func peer() {
        var driver = Driver(.http)
        let text =
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: parley-peer\r\nConnection: Upgrade\r\n\r\n"
        let effects = driver.step(.received(Array(text.utf8) + [1, 2]))
        let request = HTTPRequest(
            method: .get, target: "/", host: "a",
            fields: ["Host": "a", "Upgrade": "parley-peer", "Connection": "Upgrade"])
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: parley-peer\r\n"
            + "Connection: Upgrade\r\n\r\n"
        #expect(
            effects == [.write(Array(answer.utf8)), .upgradePeer(request, leftover: [1, 2])])
        #expect(driver.edge.isOver)
    }

    @Test("a client that pipelines without end is not read from, and cut if it is")
    func backlog() {
        var driver = Driver(.http)
        _ = driver.receive(health)
        #expect(driver.edge.wantsBytes)
        #expect(driver.step(.received([UInt8](repeating: 0x47, count: 65_536))) == [])
        #expect(!driver.edge.wantsBytes)
        let flood = [UInt8](repeating: 0x47, count: 8 * 65_536)
        #expect(driver.step(.received(flood)) == [.disconnect])
    }

    @Test("random events never trap, and equal histories have equal digests")
    func fuzz() {
        var prng = Prng(seed: 42)
        let pieces: [[UInt8]] = [
            Array(handshake.utf8), Array(health.utf8), frame(.text, "hello"), frame(.ping, "p"),
            frame(.continuation, "x"), WebSocketFrame.close(.normal, mask: WebSocketMask(9)),
            [0x81], [0xFF, 0x00],
            Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n".utf8),
        ]
        for round in 0..<2_000 {
            var one = Driver(round % 2 == 0 ? .webSocket : .http)
            var two = one
            if round % 4 == 0 { (_, _) = (one.receive(handshake), two.receive(handshake)) }
            var opened = one.edge.isOpen ? 1 : 0
            var closed = 0
            for _ in 0..<prng.int(in: 1..<20) {
                let event = drawEvent(pieces, &prng)
                let pause = prng.interval(from: .zero, to: .seconds(12))
                one.now = one.now + pause
                two.now = two.now + pause
                let wasOver = one.edge.isOver
                let effects = one.step(event)
                #expect(effects == two.step(event))
                #expect(!wasOver || effects.isEmpty)
                for effect in effects {
                    if effect == .opened { opened += 1 }
                    if case .closed = effect { closed += 1 }
                    if effect == .disconnect { #expect(effect == effects.last) }
                }
                #expect(one.edge == two.edge)
                var (a, b) = (Digest(), Digest())
                one.edge.digest(into: &a)
                two.edge.digest(into: &b)
                #expect(a == b)
            }
            #expect(closed == opened - (one.edge.isOpen ? 1 : 0))
        }
    }

    private func drawEvent(_ pieces: [[UInt8]], _ prng: inout Prng) -> EdgeEvent {
        switch prng.below(12) {
        case 0: .tick
        case 1: prng.chance(1, in: 4) ? .endOfStream : .tick
        case 2: prng.chance(1, in: 4) ? .close(.goingAway, reason: "bye") : .tick
        case 3, 4: .respond(ok)
        case 5: prng.chance(1, in: 8) ? .reset : .tick
        default: drawBytes(pieces, &prng)
        }
    }

    private func drawBytes(_ pieces: [[UInt8]], _ prng: inout Prng) -> EdgeEvent {
        let piece = pieces[prng.int(in: 0..<pieces.count)]
        let from = prng.chance(1, in: 4) ? prng.int(in: 0..<piece.count) : 0
        return .received(Array(piece[from...]))
    }
}
