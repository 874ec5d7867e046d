/// Where a WebSocket server is: `ws://host:port/path`.
public struct WebSocketURL: Equatable, Sendable, CustomStringConvertible {
    /// A name or a numeric address, without brackets.
    public let host: String
    /// The port; 80 where the URL has none.
    public let port: UInt16
    /// What follows, from the slash on.
    public let target: String

    /// Reads a URL; `nil` when it is no `ws:` URL with a host.
    public init?(_ text: String) {
        guard text.hasPrefix("ws://"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        let rest = text.dropFirst(5)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest[authority.endIndex...].prefix { $0 != "#" }
        var name = authority
        var number = ""
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            name = authority[..<colon]
            number = String(authority[authority.index(after: colon)...])
            guard let port = UInt16(number), port > 0 else { return nil }
        }
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        guard !name.isEmpty, !name.contains("@") else { return nil }
        host = String(name)
        port = UInt16(number) ?? 80
        target = path.isEmpty ? "/" : path.hasPrefix("/") ? String(path) : "/" + path
    }

    /// Reads what a person types: a URL, or host and port alone.
    public init?(address: String) {
        self.init(address.hasPrefix("ws://") ? address : "ws://" + address)
    }

    /// Host and port as the Host field has them.
    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// What a person would type: host and port, or the URL where there is a path.
    public var address: String { target == "/" ? authority : description }

    /// The URL.
    public var description: String { "ws://\(authority)\(target == "/" ? "" : target)" }
}
