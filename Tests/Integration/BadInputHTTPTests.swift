import Glibc
import Testing

extension Live {
    @Suite("bad input on the HTTP ports")
    struct BadInputHTTP {
        private static func get(_ fields: String, _ rest: String = "") -> String {
            "GET /health HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\n\(rest)"
        }

        private static func post(_ fields: String, _ body: String = "") -> String {
            "POST /health HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\n\(body)"
        }

        private static let hidden = "GET /cluster HTTP/1.1\r\nHost: x\r\n\r\n"

        /// What is sent and the status of the only answer.
        private static let requests: [(what: String, request: String, status: Int)] = [
            (
                "both lengths",
                post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + hidden), 400
            ),
            (
                "a space before the colon",
                post("Transfer-Encoding : chunked", "0\r\n\r\n" + hidden), 400
            ),
            ("two lengths", post("Content-Length: 0\r\nContent-Length: 45", hidden), 400),
            ("a list of lengths", post("Content-Length: 0, 45", hidden), 400),
            ("a signed length", post("Content-Length: +5", "12345" + hidden), 400),
            ("a length in hexadecimal", post("Content-Length: 0x5", "12345" + hidden), 400),
            ("a length over 64 bits", post("Content-Length: 99999999999999999999999", hidden), 413),
            (
                "chunked twice", post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n" + hidden),
                400
            ),
            (
                "chunked, then more",
                post("Transfer-Encoding: chunked, gzip", "0\r\n\r\n" + hidden), 400
            ),
            (
                "an unknown coding", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n" + hidden),
                501
            ),
            (
                "a chunk size that is none",
                post("Transfer-Encoding: chunked", "5x\r\n12345\r\n0\r\n\r\n" + hidden), 400
            ),
            (
                "a chunk size over 64 bits",
                post("Transfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\n" + hidden), 400
            ),
            (
                "a chunk that is longer than it says",
                post("Transfer-Encoding: chunked", "1\r\n12\r\n0\r\n\r\n" + hidden), 400
            ),
            ("a folded field", get("X: a\r\n b\r\nConnection: close", hidden), 400),
            ("a bare LF", "GET /health HTTP/1.1\nHost: x\n\n" + hidden, 400),
            ("a bare LF in the fields", get("X: a\nTransfer-Encoding: chunked", hidden), 400),
            ("a bare CR in a field", get("X: a\rb", hidden), 400),
            ("a zero byte in a field", get("X: a\0b", hidden), 400),
            ("a field without a name", get(": a", hidden), 400),
            ("no host", "GET / HTTP/1.1\r\n\r\n" + hidden, 400),
            ("two hosts", get("Host: y", hidden), 400),
            ("a broken escape", "GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
            ("three words too many", "GET / / HTTP/1.1 x\r\nHost: x\r\n\r\n", 400),
            ("no version", "GET /\r\n\r\n", 400),
            ("version 2", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
            ("an unknown method", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
            ("an unknown expectation", get("Expect: miracles"), 417),
            ("a TLS hello", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{7F}\u{3}\u{3}\r\n\r\n", 400),
            ("a body over the limit", post("Content-Length: 2000000"), 413),
            ("chunks over the limit", post("Transfer-Encoding: chunked", "200000\r\n"), 413),
            (
                "a long target",
                "GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414
            ),
            ("a long field", get("X: " + String(repeating: "a", count: 17_000)), 431),
            ("many fields", get((0..<120).map { "X\($0): a" }.joined(separator: "\r\n")), 431),
            (
                "another method", "DELETE /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                405
            ),
            (
                "a path that climbs",
                "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404
            ),
        ]

        @Test(
            "bad requests get one answer, and what is smuggled behind them is not heard"
        )
        func requests() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            for port in [node.ports.http, node.ports.xmlRPC] {
                for (what, request, status) in Self.requests {
                    let socket = try RawSocket(port: port)
                    socket.send(Array(request.utf8))
                    let bytes = try socket.receiveAll()
                    let text = String(decoding: bytes, as: UTF8.self)
                    #expect(HTTPAnswer(bytes)?.status == status, "\(what): \(text.prefix(300))")
                    #expect(statuses(in: text).count == 1, "\(what): \(text)")
                }
            }
            try node.expectService(in: room)
            #expect(node.errors == [])
        }

        /// The statuses of all answers in a text.
        private func statuses(in text: String) -> [Int] {
            text.ranges(of: "HTTP/1.1 ").compactMap { Int(text[$0.upperBound...].prefix(3)) }
        }

        @Test("the WebSocket port refuses the same")
        func webSocketPort() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            // What is wrong with the target or the method does not matter where no path exists.
            let others = ["a broken escape", "another method", "a path that climbs"]
            for (what, request, status) in Self.requests where !others.contains(what) {
                let socket = try RawSocket(port: node.ports.webSocket)
                socket.send(Array(request.utf8))
                let answer = HTTPAnswer(try socket.receiveAll())
                #expect(answer?.status == status, "\(what)")
            }
            try node.expectService(in: try node.createRoom())
        }

        @Test("requests that are pipelined are answered in their order")
        func pipelined() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let socket = try RawSocket(port: node.ports.http)
            let paths = ["/health", "/nothing", "/ready", "/"]
            let requests = paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
            let last = "GET /cluster HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            socket.send(Array((requests + last).utf8))
            let text = String(decoding: try socket.receiveAll(), as: UTF8.self)
            #expect(statuses(in: text) == [200, 404, 200, 200, 200])
        }

        @Test("a flood of requests whose answers are not read does not grow the node")
        func flood() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            let request = Array("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            let burst = (0..<500).flatMap { _ in request }
            let before = node.process?.memory("VmRSS") ?? 0
            let socket = try RawSocket(port: node.ports.http, receiveBuffer: 4_096)
            var bursts = 0
            while bursts < 2_000, socket.send(burst, within: 2) { bursts += 1 }
            let grown = (node.process?.memory("VmHWM") ?? .max) - before
            print(
                "HTTP flood, nothing read: \(bursts * 500) requests taken, \(grown >> 20) MiB more"
            )
            #expect(grown < 100 << 20)
            try node.expectService(in: room)
        }

        @Test("garbage on every port leaves the node as it was")
        func garbageEverywhere() throws {
            let cluster = try Cluster(1)
            let node = cluster.nodes[0]
            let room = try node.createRoom()
            var state: UInt64 = 0x9E37_79B9_7F4A_7C15
            for round in 0..<60 {
                let bytes = (0..<(1 << (round % 15))).map { _ -> UInt8 in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(truncatingIfNeeded: state >> 56)
                }
                for port in node.ports.all {
                    let socket = try RawSocket(port: port)
                    socket.send(bytes)
                    if round % 3 == 0 {
                        socket.reset()
                    } else {
                        socket.endSending()
                        _ = try socket.receiveAll()
                    }
                }
            }
            #expect(node.isRunning)
            #expect(node.errors == [])
            try node.expectService(in: room)
        }
    }
}
