/// A server's answer to a request to upgrade, as the client reads it (RFC 9110, 7.8).
///
/// Only the head is read: it is followed by the new protocol, or by an explanation.
public struct UpgradeReply: Equatable, Sendable {
    /// The status; 101 when the server agrees.
    public let status: HTTPStatus
    /// The header fields.
    public let fields: HTTPFields
    /// The bytes after the head.
    public let rest: [UInt8]

    /// The bytes that ask a server to go on with `upgrade`; the values must hold no line ends.
    public static func request(
        host: String, target: String, upgrade: String, fields: HTTPFields = HTTPFields()
    ) -> [UInt8] {
        var text = "GET \(target) HTTP/1.1\r\nHost: \(host)\r\n"
        text += "Connection: Upgrade\r\nUpgrade: \(upgrade)\r\n"
        for (name, value) in fields.pairs { text += "\(name): \(value)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    /// Reads the head of all bytes received so far; `nil` while it is not whole.
    ///
    /// Give it the whole input again each time: a handshake is short, and limited.
    public static func read(
        _ bytes: [UInt8], limits: HTTP1Limits = HTTP1Limits()
    ) throws(HTTP1Error) -> UpgradeReply? {
        var lines = HTTP1Parser(limits: limits)
        lines.feed(bytes)
        guard
            let line = try lines.nextLine(
                limit: limits.maximumRequestLineBytes, else: .badRequestLine)
        else { return nil }
        let head = bytes[line]
        guard head.starts(with: "HTTP/1.1 ".utf8), head.count >= 12,
            head.count == 12 || head[line.lowerBound + 12] == 0x20,
            head.dropFirst(9).prefix(3).allSatisfy(HTTP1Parser.isDigit)
        else { throw .badRequestLine }
        let code = head.dropFirst(9).prefix(3).reduce(UInt16(0)) { $0 * 10 + UInt16($1 - 0x30) }
        guard code >= 100, code <= 599 else { throw .badRequestLine }
        var fields = HTTPFields()
        while let (name, value) = try lines.nextField() {
            guard !name.isEmpty else {
                return UpgradeReply(
                    status: HTTPStatus(code), fields: fields, rest: lines.takeRest())
            }
            fields.append(from: bytes, name: name, value: value)
        }
        return nil
    }
}
