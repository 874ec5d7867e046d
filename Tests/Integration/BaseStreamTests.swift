import Glibc
@testable import LiveNet
import Protocols
import Testing

@Suite("loop and streams")
struct BaseStreamTests {
    /// Two ends of a loopback connection on one loop.
    private struct Link {
        let loop = Loop()
        let listener: Listener
        let near = Recorder()
        let far = Recorder()
        let client: Stream
        let server: Stream

        init() throws {
            var accepted: Stream?
            var connected: Stream?
            listener = try Listener.listen(loop: loop, host: "127.0.0.1", port: 0) {
                accepted = $0
            }
            Connector(loop: loop, host: "127.0.0.1", port: listener.port) {
                connected = try? $0.get()
            }
            #expect(run(loop) { accepted != nil && connected != nil })
            client = try #require(connected)
            server = try #require(accepted)
            client.start(near)
            server.start(far)
        }
    }

    private func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test("writes of one turn arrive in order, short ones copied and long ones shared")
    func order() throws {
        let link = try Link()
        var expected: [UInt8] = []
        for size in [1, 5, 5000, 3, 2048, 2047, 100_000, 7] {
            let bytes = pattern(size)
            link.client.write(bytes)
            expected += bytes
        }
        link.client.write { $0 += [1, 2, 3] }
        expected += [1, 2, 3]
        [4, 5].withUnsafeBytes { link.client.write($0) }
        [4, 5].withUnsafeBytes { expected += $0 }
        #expect(run(link.loop) { link.far.count == expected.count })
        #expect(link.far.received == expected)
        #expect(link.client.bytesOut == UInt64(expected.count))
        #expect(link.server.bytesIn == UInt64(expected.count))
        link.loop.shutDown()
        #expect(link.near.closed == .closedHere)
    }

    @Test("a reader that pauses makes a backlog, which is reported and drains to zero")
    func backlog() throws {
        let link = try Link()
        link.server.pauseReading()
        let payload = pattern(1 << 20)
        for _ in 0..<16 { link.client.write(payload) }
        #expect(run(link.loop) { !link.near.backlogs.isEmpty })
        #expect(link.near.backlogs[0] > 1 << 20)
        #expect(link.client.backlog == link.near.backlogs.last)
        link.client.write([1, 2, 3])
        link.server.resumeReading()
        #expect(run(link.loop) { link.far.count == 16 << 20 | 3 })
        #expect(run(link.loop) { link.near.backlogs.last == 0 })
        #expect(link.near.backlogs.filter { $0 == 0 }.count == 1)
        var expected: [UInt8] = []
        for _ in 0..<16 { expected += payload }
        #expect(link.far.received == expected + [1, 2, 3])
        link.loop.shutDown()
    }

    @Test("closing after a flush delivers everything and then the end, even unread input aside")
    func closesAfterFlush() throws {
        let link = try Link()
        let payload = pattern(3 << 20)
        link.far.onEnd = { $0.closeAfterFlush() }
        // Bytes that the closing side never reads must not reset the connection.
        link.server.write([9, 9, 9])
        link.client.write(payload)
        link.client.closeAfterFlush()
        link.client.write([1])
        #expect(run(link.loop) { link.near.closed != nil && link.far.closed != nil })
        #expect(link.far.received == payload)
        #expect(link.near.closed == .closedHere)
        #expect(link.far.closed == .closedHere)
        link.loop.shutDown()
    }

    @Test("closing after a flush does not wait for ever")
    func lingersForALimitedTime() throws {
        let link = try Link()
        link.server.pauseReading()
        link.client.write(pattern(32 << 20))
        link.client.closeAfterFlush(within: 50)
        #expect(run(link.loop) { link.near.closed != nil })
        #expect(link.near.closed == .lingeredTooLong)
        link.loop.shutDown()
    }

    @Test("a half-closed stream still receives")
    func halfClose() throws {
        let link = try Link()
        link.client.write([1, 2])
        link.client.endWriting()
        #expect(run(link.loop) { link.far.ends == 1 })
        link.server.write([3, 4])
        link.server.closeAfterFlush()
        #expect(run(link.loop) { link.near.ends == 1 && link.far.closed != nil })
        #expect(link.near.received == [3, 4])
        #expect(link.far.received == [1, 2])
        #expect(link.near.closed == nil)
        link.loop.shutDown()
    }

    @Test("a reset by the other side is an end with a reason, and no signal ends the process")
    func reset() throws {
        let link = try Link()
        link.server.close()
        #expect(run(link.loop) { link.far.closed == .closedHere })
        for _ in 0..<3 {
            link.client.write(pattern(1 << 20))
            _ = run(link.loop, seconds: 1) { link.near.closed != nil }
        }
        guard case .failed = link.near.closed else {
            Issue.record("closed: \(String(describing: link.near.closed))")
            return
        }
        link.loop.shutDown()
    }

    @Test("closing inside a read callback is safe, and nothing is heard afterwards but the end")
    func closesInsideCallback() throws {
        let link = try Link()
        link.far.onReceive = { stream, _ in
            stream.write([1])
            stream.close()
            stream.write([2])
            stream.closeAfterFlush()
        }
        link.client.write([7])
        #expect(run(link.loop) { link.far.closed != nil && link.near.ends + link.near.count > 0 })
        #expect(link.far.received == [7])
        link.loop.shutDown()
    }

    @Test("a port in use is an error that names the port and what to do")
    func portInUse() throws {
        let loop = Loop()
        let first = try Listener.listen(loop: loop, host: "127.0.0.1", port: 0) { $0.close() }
        let port = first.port
        #expect(throws: ListenError(host: "127.0.0.1", port: port, reason: .portInUse)) {
            try Listener.listen(loop: loop, host: "127.0.0.1", port: port) { $0.close() }
        }
        let error = ListenError(host: "127.0.0.1", port: 8080, reason: .portInUse)
        #expect(
            error.description
                == "port 8080 on 127.0.0.1 is in use by another process; stop it "
                + "(`ss -ltnp 'sport = :8080'` shows which) or choose another port")
        #expect(throws: ListenError(host: "192.0.2.1", port: 0, reason: .noSuchAddress)) {
            try Listener.listen(loop: loop, host: "192.0.2.1", port: 0) { $0.close() }
        }
        loop.shutDown()
    }

    @Test("a connection that nobody takes is refused, and one without answer times out")
    func connectErrors() throws {
        let loop = Loop()
        var results: [Result<Stream, ConnectError>] = []
        let listener = try Listener.listen(loop: loop, host: "127.0.0.1", port: 0) { $0.close() }
        let port = listener.port
        listener.close()
        Connector(loop: loop, host: "127.0.0.1", port: port) { results.append($0) }
        #expect(results.isEmpty)
        #expect(run(loop) { results.count == 1 })
        guard case .failure(.refused(let code)) = results[0] else {
            Issue.record("not refused")
            return
        }
        #expect(code == -ECONNREFUSED)
        // A full accept queue does not answer: nothing runs the listener's loop meanwhile.
        let deaf = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(deaf) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(deaf, $0, length)
                _ = listen(deaf, 0)
                _ = getsockname(deaf, $0, &length)
            }
        }
        let full = UInt16(bigEndian: address.sin_port)
        var outcomes: [Bool] = []
        for _ in 0..<4 {
            Connector(loop: loop, host: "127.0.0.1", port: full, limitMilliseconds: 100) {
                if case .failure(.timedOut) = $0 {
                    outcomes.append(false)
                } else {
                    outcomes.append(true)
                }
            }
        }
        #expect(run(loop) { outcomes.count == 4 })
        #expect(outcomes.contains(false))
        var cancelled = false
        Connector(loop: loop, host: "127.0.0.1", port: full) { _ in cancelled = true }.cancel()
        loop.shutDown()
        #expect(!cancelled)
    }

    @Test("a connection comes from the address that was chosen")
    func source() throws {
        let loop = Loop()
        var peers: [String?] = []
        let listener = try Listener.listen(loop: loop, host: "127.0.0.1", port: 0) {
            peers.append($0.peerAddress)
            $0.close()
        }
        Connector(loop: loop, host: "127.0.0.1", port: listener.port, source: "127.0.0.3") {
            _ = try? $0.get().close()
        }
        #expect(run(loop) { peers.count == 1 })
        #expect(peers.first??.hasPrefix("127.0.0.3:") == true)
        loop.shutDown()
    }

    @Test("an unknown host is an error of its own, for listening and for connecting")
    func unknownHost() {
        let loop = Loop()
        var result: Result<Stream, ConnectError>?
        Connector(loop: loop, host: "no such host", port: 1) { result = $0 }
        #expect(run(loop) { result != nil })
        guard case .failure(.unknownHost) = result else {
            Issue.record("known: \(String(describing: result))")
            return
        }
        #expect(throws: ListenError.self) {
            try Listener.listen(loop: loop, host: "no such host", port: 1) { $0.close() }
        }
        loop.shutDown()
    }

    @Test("the deadline comes once, not early, and a new one replaces it")
    func deadlines() {
        let loop = Loop()
        var fired: [Instant] = []
        loop.onDeadline = { fired.append($0) }
        let start = loop.now
        loop.setDeadline(start + .milliseconds(500))
        loop.setDeadline(start + .milliseconds(15))
        #expect(run(loop) { fired.count == 1 })
        #expect(fired[0] >= start + .milliseconds(15))
        loop.setDeadline(loop.now - .seconds(1))
        #expect(run(loop) { fired.count == 2 })
        // One deadline sets the next from inside.
        loop.onDeadline = { now in
            fired.append(now)
            if fired.count < 6 { loop.setDeadline(now + .milliseconds(1)) }
        }
        loop.setDeadline(loop.now)
        #expect(run(loop) { fired.count == 6 })
        loop.setDeadline(loop.now + .milliseconds(1))
        loop.setDeadline(nil)
        #expect(!run(loop, seconds: 1) { fired.count > 6 })
        loop.shutDown()
        withExtendedLifetime(loop) {}
    }

    @Test("a signal reaches its handler on the loop")
    func signals() {
        let loop = Loop()
        var count = 0
        loop.onSignal(SIGUSR2) { count += 1 }
        kill(getpid(), SIGUSR2)
        #expect(run(loop) { count == 1 })
        loop.shutDown()
    }

    @Test("writes made by a backlog handler at the end of a turn are flushed in the same turn")
    func writesAtTurnEnd() throws {
        let link = try Link()
        var wrote = false
        link.loop.onTurnEnd = {
            guard !wrote else { return }
            wrote = true
            link.client.write([1, 2, 3])
        }
        #expect(run(link.loop) { link.far.count == 3 })
        link.loop.shutDown()
    }

    @Test("a thousand connections come and go and the loop closes clean")
    func manyConnections() throws {
        let loop = Loop()
        var servers: [Stream] = []
        let echo = Recorder()
        echo.onReceive = { stream, bytes in stream.write(bytes) }
        echo.onEnd = { $0.closeAfterFlush() }
        let listener = try Listener.listen(loop: loop, host: "127.0.0.1", port: 0) {
            servers.append($0)
            $0.start(echo)
        }
        var clients: [Recorder] = []
        var streams: [Stream] = []
        for number in 0..<1000 {
            let recorder = Recorder()
            recorder.onReceive = { stream, _ in stream.closeAfterFlush() }
            clients.append(recorder)
            Connector(loop: loop, host: "127.0.0.1", port: listener.port, limitMilliseconds: 30_000)
            {
                guard let stream = try? $0.get() else { return }
                streams.append(stream)
                stream.start(recorder)
                stream.write([UInt8(truncatingIfNeeded: number)])
            }
        }
        #expect(run(loop, seconds: 60) { clients.allSatisfy { $0.closed != nil } })
        #expect(clients.enumerated().allSatisfy { $1.received == [UInt8(truncatingIfNeeded: $0)] })
        #expect(clients.allSatisfy { $0.closed == .closedHere })
        loop.shutDown()
    }
}
