import EdgeCodecs
import Protocols
import Testing

@testable import LiveNet

/// An XML-RPC server on the loop of the test that does what it is told.
final class TestPeer {
    enum Manner {
        /// Answers with this.
        case answers(RPCReply)
        /// Takes calls and says nothing.
        case hangs
        /// Says these bytes and closes.
        case says(String)
        /// Answers the first call of each connection and closes at the second.
        case closesAtSecond(RPCReply)
    }

    var manner: Manner
    private(set) var accepted = 0
    private(set) var requests: [HTTPRequest] = []
    private var listener: Listener?
    var port: UInt16 { listener?.port ?? 0 }

    init(_ loop: Loop, _ manner: Manner) throws {
        self.manner = manner
        listener = try Listener.listen(loop: loop, host: "127.0.0.1", port: 0) { [unowned self] in
            accepted += 1
            $0.start(Connection(self))
        }
    }

    func close() {
        listener?.close()
        listener = nil
    }

    private final class Connection: StreamHandler {
        let peer: TestPeer
        var parser = HTTP1Parser()
        var count = 0

        init(_ peer: TestPeer) { self.peer = peer }

        func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
            parser.feed(Array(bytes))
            while case .request(let request)? = try? parser.next() {
                peer.requests.append(request)
                count += 1
                answer(stream)
            }
        }

        private func answer(_ stream: Stream) {
            func send(_ reply: RPCReply) {
                let response = HTTPResponse(.ok, body: RPCWriter.encode(reply))
                stream.write(response.encoded(keepsAlive: true))
            }
            switch peer.manner {
            case .answers(let reply): send(reply)
            case .hangs: break
            case .says(let text):
                stream.write(Array(text.utf8))
                stream.closeAfterFlush()
            case .closesAtSecond(let reply): count == 1 ? send(reply) : stream.close()
            }
        }

        func streamReachedEnd(_ stream: Stream) { stream.close() }
        func stream(_ stream: Stream, backlog bytes: Int) {}
        func stream(_ stream: Stream, closed end: StreamEnd) {}
    }
}

/// Links and what they report.
final class FederationCalls {
    let loop = Loop()
    private(set) var links: FederationLinks!
    private(set) var results: [CallID: CallResult] = [:]
    private var last: UInt64 = 0

    /// Sets up the links to peers of these names at these ports, in this order.
    func begin(_ peers: [(name: String, ports: [UInt16])]) throws {
        let peers = try peers.map { name, ports in
            FederationPeer(
                name: ClusterName(name),
                addresses: try ports.map { try #require(RPCAddress("http://127.0.0.1:\($0)")) })
        }
        links = FederationLinks(
            loop: loop, log: Log(level: .error, format: .text), peers: peers,
            onResult: { [unowned self] in
                #expect(results[$0] == nil, "a second result of one call")
                results[$0] = $1
            })
    }

    @discardableResult
    func start(_ name: String = "a", _ call: FederationCall = .hostedRooms) -> CallID {
        last += 1
        links.call(CallID(last), ClusterName(name), call, CallContext())
        return CallID(last)
    }

    /// Makes a call and waits for what comes of it.
    func call(_ name: String = "a", _ call: FederationCall = .hostedRooms) -> CallResult? {
        let id = start(name, call)
        _ = run(loop) { results[id] != nil }
        return results[id]
    }

    func load(_ name: String = "a") -> [Int] {
        let load = links.load(ClusterName(name))
        return [load.connections, load.waiting]
    }

    func end() {
        links.close()
        loop.shutDown()
    }
}

private let noRooms = RPCReply.value(.array([]))

@Suite("calls to other clusters")
struct FederationLinksTests {
    @Test("a connection is kept for the next call")
    func keepAlive() throws {
        let calls = FederationCalls()
        let peer = try TestPeer(calls.loop, .answers(noRooms))
        try calls.begin([("a", [peer.port])])
        for _ in 0..<3 { #expect(calls.call() == .answered(.hostedRooms([]))) }
        #expect(peer.accepted == 1)
        #expect(peer.requests.map(\.method) == [.post, .post, .post])
        #expect(peer.requests[0].fields["content-type"] == "text/xml")
        #expect(peer.requests[0].host == "127.0.0.1:\(peer.port)")
        #expect(try XMLRPCReader.call(peer.requests[0].body) == RPCCall("get_hosted_rooms"))
        #expect(calls.load() == [1, 0])
        calls.end()
    }

    @Test("a server of HTTP/1.0 that closes after each answer is called anew each time")
    func closing() throws {
        let calls = FederationCalls()
        let body = String(decoding: RPCWriter.encode(noRooms), as: UTF8.self)
        let peer = try TestPeer(calls.loop, .says("HTTP/1.0 200 OK\r\n\r\n" + body))
        try calls.begin([("a", [peer.port])])
        for _ in 0..<2 { #expect(calls.call() == .answered(.hostedRooms([]))) }
        #expect(peer.accepted == 2)
        #expect(calls.load() == [0, 0])
        calls.end()
    }

    @Test("where nobody listens, the call was not sent; a name that is not known is no peer")
    func refused() throws {
        let calls = FederationCalls()
        let peer = try TestPeer(calls.loop, .hangs)
        let port = peer.port
        peer.close()
        try calls.begin([("a", [port])])
        #expect(calls.call() == .failed(wasSent: false))
        #expect(calls.call("b") == .failed(wasSent: false))
        calls.end()
    }

    @Test("other addresses of a peer are tried, and the one that works is kept")
    func alternatives() throws {
        let calls = FederationCalls()
        let dead = try TestPeer(calls.loop, .hangs)
        let live = try TestPeer(calls.loop, .closesAtSecond(noRooms))
        let deadPort = dead.port
        dead.close()
        try calls.begin([("a", [deadPort, live.port, deadPort])])
        for _ in 0..<3 { #expect(calls.call() == .answered(.hostedRooms([]))) }
        live.close()
        calls.links.close()
        try calls.begin([("a", [deadPort, deadPort])])
        #expect(calls.call() == .failed(wasSent: false))
        calls.end()
    }

    @Test("a connection that the server closed meanwhile is replaced once")
    func stale() throws {
        let calls = FederationCalls()
        let peer = try TestPeer(calls.loop, .closesAtSecond(noRooms))
        try calls.begin([("a", [peer.port])])
        for _ in 0..<3 { #expect(calls.call() == .answered(.hostedRooms([]))) }
        // The first; the second on the old connection and on a new one; so the third.
        #expect(peer.requests.count == 5)
        #expect(peer.accepted == 3)
        calls.end()
    }

    @Test(
        "answers that are none are failures of a call that was sent",
        arguments: [
            "", "garbage", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
            "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE a><methodResponse/>",
        ])
    func garbage(text: String) throws {
        let calls = FederationCalls()
        let peer = try TestPeer(calls.loop, .says(text))
        try calls.begin([("a", [peer.port])])
        #expect(calls.call() == .failed(wasSent: true))
        #expect(peer.requests.count == 1)
        #expect(calls.load() == [0, 0])
        calls.end()
    }

    @Test("a fault is told as one")
    func fault() throws {
        let calls = FederationCalls()
        let peer = try TestPeer(calls.loop, .answers(.fault(RPCFault(7, "no"))))
        try calls.begin([("a", [peer.port])])
        #expect(calls.call() == .fault(code: 7, "no"))
        #expect(calls.load() == [1, 0])
        calls.end()
    }

    @Test("a peer that never answers costs its own few connections and holds nobody else up")
    func hung() throws {
        let calls = FederationCalls()
        let hung = try TestPeer(calls.loop, .hangs)
        let live = try TestPeer(calls.loop, .answers(noRooms))
        try calls.begin([("a", [hung.port]), ("b", [live.port])])
        let ids = (0..<12).map { _ in calls.start() }
        #expect(calls.load() == [8, 4])
        let heartbeat = calls.start("a", .heartbeat)
        #expect(calls.load() == [9, 4])
        #expect(calls.call("b") == .answered(.hostedRooms([])))
        #expect(run(calls.loop) { hung.requests.count == 9 })
        calls.links.abandon(ids[11])
        #expect(calls.load() == [9, 3])
        for id in [heartbeat] + ids[..<8] { calls.links.abandon(id) }
        #expect(calls.load() == [3, 0])
        #expect(run(calls.loop) { hung.requests.count == 12 })
        for id in ids { calls.links.abandon(id) }
        #expect(calls.load() == [0, 0])
        #expect(calls.results.count == 1)
        #expect(hung.accepted == 12)
        calls.end()
    }

    @Test("beyond a long queue calls fail at once")
    func queue() throws {
        let calls = FederationCalls()
        let hung = try TestPeer(calls.loop, .hangs)
        try calls.begin([("a", [hung.port])])
        for _ in 0..<1_032 { calls.start() }
        #expect(calls.results.isEmpty)
        let one = calls.start()
        #expect(calls.results == [one: .failed(wasSent: false)])
        #expect(calls.load() == [8, 1_024])
        calls.end()
    }

    @Test("a call may be given up while its connection is being opened")
    func abandonedEarly() throws {
        let calls = FederationCalls()
        let peer = try TestPeer(calls.loop, .answers(noRooms))
        try calls.begin([("a", [peer.port])])
        calls.links.abandon(calls.start())
        #expect(calls.load() == [0, 0])
        #expect(calls.call() == .answered(.hostedRooms([])))
        #expect(calls.results.count == 1)
        calls.end()
    }
}

@Suite("the XML-RPC edge")
struct RPCServerTests {
    private final class Edge {
        var asked: [(id: IncomingCallID, call: FederationCall)] = []
        var answers: [ConnectionID: HTTPResponse] = [:]
        private(set) var server: RPCServer!

        init() {
            server = RPCServer(
                name: ClusterName("node1"),
                ask: { [unowned self] id, call, _ in asked.append((id, call)) },
                respond: { [unowned self] in answers[$0] = $1 })
        }

        func post(_ call: RPCCall, _ connection: ConnectionID) {
            server.take(
                HTTPRequest(method: .post, target: "/", body: RPCWriter.encode(call)),
                from: connection)
        }
    }

    private let one = ConnectionID(slot: 1, generation: 0)
    private let two = ConnectionID(slot: 2, generation: 0)

    @Test("the answer goes to who asked, whenever it comes")
    func late() throws {
        let edge = Edge()
        edge.post(RPCCall("get_hosted_rooms"), one)
        edge.post(RPCCall("get_hosted_rooms"), two)
        #expect(edge.answers.isEmpty)
        edge.server.answer(edge.asked[1].id, .hostedRooms([]))
        #expect(Array(edge.answers.keys) == [two])
        #expect(try XMLRPCReader.reply(edge.answers[two]?.body ?? []) == .value(.array([])))
        edge.server.answer(edge.asked[0].id, .refused(.unavailable, "no leader"))
        #expect(
            try XMLRPCReader.reply(edge.answers[one]?.body ?? [])
                == .fault(RPCFault(503, "no leader")))
        #expect(edge.server.waitingCount == 0)
    }

    @Test("when the connection is gone, its answers are dropped")
    func gone() {
        let edge = Edge()
        let calls = RPCValue.array(
            ["heartbeat", "get_hosted_rooms"].map {
                .structure([
                    RPCMember("methodName", .string($0)), RPCMember("params", .array([])),
                ])
            })
        edge.post(RPCCall("system.multicall", [calls]), one)
        #expect(edge.asked.map(\.call) == [.heartbeat, .hostedRooms])
        edge.server.answer(edge.asked[1].id, .hostedRooms([]))
        edge.server.forget(one)
        #expect(edge.server.waitingCount == 0)
        edge.server.answer(edge.asked[0].id, .refused(.unavailable, ""))
        #expect(edge.answers.isEmpty)
        edge.post(RPCCall("system.listMethods"), one)
        #expect(edge.answers[one]?.status == .ok)
    }
}
