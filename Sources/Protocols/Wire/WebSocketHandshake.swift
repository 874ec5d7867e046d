/// Why a request does not open a WebSocket (RFC 6455, 4.2).
public enum WebSocketRefusal: UInt8, Error, Equatable, Sendable, CaseIterable {
    /// Plain HTTP, or an upgrade to something else.
    case notAnUpgrade
    /// Another method than GET.
    case wrongMethod
    /// A request with a body, whose bytes could be taken for frames.
    case unexpectedBody
    /// No version, or another than 13.
    case unsupportedVersion
    /// A key that is missing, repeated or not 16 bytes in base64.
    case badKey
    /// Extensions that are not in the form of RFC 6455, 9.1.
    case badExtensions

    /// The answer; the connection ends after it.
    public var response: HTTPResponse {
        switch self {
        case .notAnUpgrade:
            .plain(
                .upgradeRequired, "This port speaks WebSocket (RFC 6455), not plain HTTP.",
                fields: ["Upgrade": "websocket", "Sec-WebSocket-Version": "13"], closes: true)
        case .wrongMethod:
            .plain(
                .methodNotAllowed, "A WebSocket is opened with GET.", fields: ["Allow": "GET"],
                closes: true)
        case .unexpectedBody:
            .plain(.badRequest, "A WebSocket handshake has no body.", closes: true)
        case .unsupportedVersion:
            .plain(
                .upgradeRequired, "Only WebSocket version 13 is spoken here.",
                fields: ["Upgrade": "websocket", "Sec-WebSocket-Version": "13"], closes: true)
        case .badKey:
            .plain(
                .badRequest, "Sec-WebSocket-Key must be 16 bytes in base64.", closes: true)
        case .badExtensions:
            .plain(
                .badRequest, "Sec-WebSocket-Extensions is not a list of extensions.", closes: true)
        }
    }
}

/// The opening handshake, both sides of it (RFC 6455, 4).
public enum WebSocketHandshake {
    /// The answer that opens the conversation. Of extensions permessage-deflate is taken up, if
    /// it is `allowed` and an offer of it can be kept; subprotocols are not.
    public static func answer(
        to request: HTTPRequest, compression allowed: Bool = false
    ) throws(WebSocketRefusal) -> HTTPResponse {
        guard request.asksUpgrade(to: "websocket") else { throw .notAnUpgrade }
        guard request.method == .get else { throw .wrongMethod }
        guard request.body.isEmpty else { throw .unexpectedBody }
        guard request.fields.count(of: "sec-websocket-version") == 1,
            request.fields["sec-websocket-version"] == "13"
        else { throw .unsupportedVersion }
        guard request.fields.count(of: "sec-websocket-key") == 1,
            let key = request.fields["sec-websocket-key"], WebSocketHash.isKey(key)
        else { throw .badKey }
        guard let offers = WebSocketExtension.list(in: request.fields) else { throw .badExtensions }
        var fields: HTTPFields = [
            "Upgrade": "websocket", "Sec-WebSocket-Accept": acceptance(of: key),
        ]
        if allowed, let agreed = WebSocketDeflate.answer(to: offers) {
            fields.append(WebSocketExtension.field, agreed.encoded)
        }
        return HTTPResponse(.switchingProtocols, fields: fields)
    }

    /// What a server must answer to a key (RFC 6455, 4.2.2).
    public static func acceptance(of key: String) -> String {
        WebSocketHash.base64(
            WebSocketHash.sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// A client's key, drawn at random.
    public static func key(drawing prng: inout Prng) -> String {
        var bytes: [UInt8] = []
        for _ in 0..<2 {
            withUnsafeBytes(of: prng.next().littleEndian) { bytes.append(contentsOf: $0) }
        }
        return WebSocketHash.base64(bytes)
    }

    /// The bytes with which a client asks; `host` is `name:port`, `target` starts with `/`.
    public static func request(
        host: String, target: String, key: String, offersCompression: Bool = false
    ) -> [UInt8] {
        var fields: HTTPFields = ["Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key]
        if offersCompression {
            fields.append(WebSocketExtension.field, WebSocketDeflate.offer.encoded)
        }
        return UpgradeReply.request(
            host: host, target: target, upgrade: "websocket", fields: fields)
    }

    /// True when the reply opens the conversation that was asked for with this key (4.1) and
    /// agrees to nothing that was not offered.
    public static func accepts(
        _ reply: UpgradeReply, key: String, offeredCompression: Bool = false
    ) -> Bool {
        reply.status == .switchingProtocols
            && reply.fields.tokens(of: "upgrade") == ["websocket"]
            && reply.fields.contains(token: "upgrade", in: "connection")
            && reply.fields.count(of: "sec-websocket-accept") == 1
            && reply.fields["sec-websocket-accept"] == acceptance(of: key)
            && (!agreesToExtension(reply) || offeredCompression && agreesToCompression(reply))
            && reply.fields.count(of: "sec-websocket-protocol") == 0
    }

    /// True when the reply agrees to permessage-deflate on the terms of our offer, and to nothing
    /// else.
    public static func agreesToCompression(_ reply: UpgradeReply) -> Bool {
        guard let agreed = WebSocketExtension.list(in: reply.fields), agreed.count == 1 else {
            return false
        }
        return WebSocketDeflate.isAgreement(agreed[0])
    }

    private static func agreesToExtension(_ reply: UpgradeReply) -> Bool {
        reply.fields.count(of: WebSocketExtension.field) > 0
    }
}
