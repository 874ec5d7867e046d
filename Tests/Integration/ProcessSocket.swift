import Foundation
import Glibc
import Protocols

/// A TCP connection to loopback that never waits without a limit.
final class RawSocket {
    private(set) var descriptor: Int32

    /// Connects; `receiveBuffer` keeps the kernel's buffer small, in bytes.
    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw LiveFailure("no socket") }
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        guard withLoopback(port, { connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            descriptor = -1
            throw LiveFailure("port \(port): \(String(cString: strerror(code)))")
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Cuts the connection with a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger,
            socklen_t(MemoryLayout.size(ofValue: linger)))
        close()
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Sends everything; false when the other side is gone or takes nothing for so long.
    @discardableResult
    func send(_ bytes: [UInt8], within seconds: Double = 10) -> Bool {
        let limit = Limit(seconds: seconds)
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress! + offset, $0.count - offset, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                offset += sent
            } else {
                guard sent < 0, errno == EAGAIN || errno == EINTR, !limit.hasPassed else {
                    return false
                }
                _ = wait(for: Int16(POLLOUT), limit)
            }
        }
        return true
    }

    enum Received: Equatable {
        case bytes([UInt8])
        case nothing
        case end
    }

    /// What has come, waiting for it for so long; a reset is an end.
    func receive(within seconds: Double = 0) -> Received {
        let limit = Limit(seconds: seconds)
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count > 0 { return .bytes(Array(chunk[..<count])) }
            guard count < 0, errno == EAGAIN || errno == EINTR else { return .end }
            guard !limit.hasPassed else { return .nothing }
            _ = wait(for: Int16(POLLIN), limit)
        }
    }

    /// Everything up to the end; throws when the end does not come in time.
    func receiveAll(within seconds: Double = 20) throws -> [UInt8] {
        let limit = Limit(seconds: seconds)
        var all: [UInt8] = []
        while !limit.hasPassed {
            switch receive(within: 0.1) {
            case .bytes(let bytes): all += bytes
            case .nothing: break
            case .end: return all
            }
        }
        throw LiveFailure(
            "the connection was not closed within \(Int(seconds)) s; so far \(all.count) bytes")
    }

    private func wait(for events: Int16, _ limit: Limit) -> Bool {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        return poll(&entry, 1, min(limit.milliseconds, 100)) > 0
    }
}

/// An answer of an HTTP server.
struct HTTPAnswer {
    let status: Int
    let head: String
    let body: [UInt8]

    /// The body as a JSON object.
    var json: [String: Any] {
        let object = try? JSONSerialization.jsonObject(with: Data(body))
        return object as? [String: Any] ?? [:]
    }

    /// Reads a whole answer; `nil` for what is none.
    init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("HTTP/1."), let end = text.range(of: "\r\n\r\n") else { return nil }
        let words = text.prefix(while: { $0 != "\r\n" }).split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { return nil }
        self.status = status
        head = String(text[..<end.lowerBound])
        body = Array(text[end.upperBound...].utf8)
    }

    /// Sends bytes and reads until the server closes.
    static func exchange(_ port: UInt16, _ request: String, within seconds: Double = 20) throws
        -> HTTPAnswer
    {
        let socket = try RawSocket(port: port)
        socket.send(Array(request.utf8), within: seconds)
        let bytes = try socket.receiveAll(within: seconds)
        guard let answer = HTTPAnswer(bytes) else {
            throw LiveFailure(
                "no HTTP answer but \(String(decoding: bytes.prefix(200), as: UTF8.self))")
        }
        return answer
    }

    static func get(_ port: UInt16, _ path: String) throws -> HTTPAnswer {
        try exchange(port, "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    }
}

/// One message of the chat protocol.
struct WireMessage {
    let type: String
    let data: [String: Any]

    init?(_ text: [UInt8]) {
        let object = try? JSONSerialization.jsonObject(with: Data(text))
        guard let object = object as? [String: Any], let type = object["type"] as? String else {
            return nil
        }
        self.type = type
        data = object["data"] as? [String: Any] ?? [:]
    }

    func text(_ key: String) -> String { data[key] as? String ?? "" }
    func number(_ key: String) -> Int { data[key] as? Int ?? -1 }
}

/// A WebSocket client of the chat protocol.
final class ChatSocket {
    let socket: RawSocket
    /// Messages that came and were not taken.
    var inbox: [WireMessage] = []
    /// The code of the close frame that came; 1006 when there was an end without one.
    private(set) var closeCode: Int?
    private(set) var isOpen = false
    private var reply: [UInt8] = []
    private var parser = WebSocketParser(role: .client, maximumMessageBytes: 1 << 20)
    private var mask: UInt32 = 0x1B2C_3D4E

    /// Connects and asks for the upgrade; `pump` or any wait does the rest.
    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        socket = try RawSocket(port: port, receiveBuffer: receiveBuffer)
        socket.send(
            WebSocketHandshake.request(
                host: "127.0.0.1:\(port)", target: "/", key: "dGhlIHNhbXBsZSBub25jZQ=="))
    }

    var isOver: Bool { closeCode != nil }

    /// Takes in what has come, waiting for something for so long.
    func pump(within seconds: Double = 0) {
        guard !isOver else { return }
        switch socket.receive(within: seconds) {
        case .bytes(let bytes): take(bytes)
        case .nothing: break
        case .end: end(1006)
        }
    }

    private func take(_ bytes: [UInt8]) {
        if isOpen {
            parser.feed(bytes)
        } else {
            reply += bytes
            do {
                guard let answer = try UpgradeReply.read(reply) else { return }
                guard answer.status == .switchingProtocols else {
                    return end(Int(answer.status.code))
                }
                isOpen = true
                parser.feed(answer.rest)
            } catch { return end(1002) }
        }
        do {
            while !isOver, let input = try parser.next() { take(input) }
        } catch { end(Int(error.closeCode.rawValue)) }
    }

    private func take(_ input: WebSocketParser.Input) {
        switch input {
        case .text(let text), .binary(let text):
            if let message = WireMessage(text) { inbox.append(message) }
        case .ping(let payload): send(WebSocketFrame.encoded(.pong, payload, mask: nextMask()))
        case .pong, .compressed: break
        case .close(let code, _): end(Int(code?.rawValue ?? 1005))
        }
    }

    private func end(_ code: Int) {
        closeCode = closeCode ?? code
        isOpen = false
        socket.close()
    }

    // MARK: Sending

    private func nextMask() -> WebSocketMask {
        mask = mask &* 1_664_525 &+ 1_013_904_223
        return WebSocketMask(mask)
    }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool { socket.send(bytes) }

    @discardableResult
    func send(text: [UInt8]) -> Bool { send(WebSocketFrame.encoded(.text, text, mask: nextMask())) }

    @discardableResult
    func send(_ type: String, _ data: [String: Any]? = nil) -> Bool {
        var object: [String: Any] = ["type": type]
        object["data"] = data
        guard let text = try? JSONSerialization.data(withJSONObject: object) else { return false }
        return send(text: Array(text))
    }

    func close() {
        if isOpen { send(WebSocketFrame.close(.normal, mask: nextMask())) }
        end(1000)
    }

    // MARK: Waiting

    /// Waits until the upgrade is done.
    func waitUntilOpen(within seconds: Double = 20) throws {
        let limit = Limit(seconds: seconds)
        while !isOpen {
            guard !isOver, !limit.hasPassed else {
                throw LiveFailure("no WebSocket: \(closeCode ?? 0)")
            }
            pump(within: 0.1)
        }
    }

    /// The next message of one of these types; others before it are dropped.
    func wait(for types: String..., within seconds: Double = 20) throws -> WireMessage {
        let limit = Limit(seconds: seconds)
        while true {
            while !inbox.isEmpty {
                let message = inbox.removeFirst()
                if types.contains(message.type) { return message }
            }
            guard !isOver else {
                throw LiveFailure("closed with \(closeCode!) while \(types) was awaited")
            }
            guard !limit.hasPassed else {
                throw LiveFailure("no \(types) within \(Int(seconds)) s")
            }
            pump(within: 0.1)
        }
    }

    /// The code with which the other side closes; 1006 for a cut.
    func waitForClose(within seconds: Double = 20) throws -> Int {
        let limit = Limit(seconds: seconds)
        while !isOver {
            guard !limit.hasPassed else { throw LiveFailure("not closed within \(Int(seconds)) s") }
            pump(within: 0.1)
        }
        return closeCode!
    }

    /// Sends a request and gives the first answer of these types.
    func ask(
        _ type: String, _ data: [String: Any]? = nil, for types: String...,
        within seconds: Double = 20
    ) throws -> WireMessage {
        send(type, data)
        let limit = Limit(seconds: seconds)
        while true {
            if let place = inbox.firstIndex(where: { types.contains($0.type) }) {
                return inbox.remove(at: place)
            }
            guard !isOver else {
                throw LiveFailure("closed with \(closeCode!) while \(types) was awaited")
            }
            guard !limit.hasPassed else {
                throw LiveFailure("no \(types) within \(Int(seconds)) s")
            }
            pump(within: 0.1)
        }
    }
}
