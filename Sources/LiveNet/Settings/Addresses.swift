import Protocols

/// A host and a port.
public struct Endpoint: Equatable, Sendable, CustomStringConvertible {
    /// A name, or a numeric address without brackets.
    public var host: String
    /// The port.
    public var port: UInt16

    /// Makes an endpoint.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[address]:port`; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...]),
            port > 0
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    /// `host:port`.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// True when the host is this machine itself.
    public var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}

/// Where a member's link is reached.
public struct PeerAddress: Equatable, Sendable {
    /// What is spoken there first.
    public enum Transport: Equatable, Sendable {
        /// The link itself.
        case plain
        /// HTTP, with `Upgrade: parley-peer`.
        case upgrade
    }

    /// The member.
    public var id: NodeID
    /// The address.
    public var endpoint: Endpoint
    /// What is spoken there first.
    public var transport: Transport
}

/// The forms in which members are named.
enum PeerList {
    /// `1=host:port,2=host:port`, as `PEERS` has it.
    static func tcp(_ text: String, variable: String) throws(SettingError) -> [PeerAddress] {
        var members: [PeerAddress] = []
        for item in items(text) {
            let parts = item.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let id = number(atEndOf: parts[0]), let at = Endpoint(parts[1])
            else {
                throw SettingError(variable, text, "expected 1=host:port,2=host:port,...")
            }
            members.append(PeerAddress(id: NodeID(id), endpoint: at, transport: .plain))
        }
        return try sorted(members, variable, text)
    }

    /// `http://host:port,...`, each perhaps after `name:`, as `ALL_NODES` and `PEER_NODES` have it.
    /// A member's id is the number at the end of its name, else its place in the list.
    static func http(_ text: String, variable: String) throws(SettingError) -> [PeerAddress] {
        var named: [(name: Substring, endpoint: Endpoint)] = []
        for item in items(text) {
            guard let scheme = item.range(of: "http://") else {
                throw SettingError(variable, text, "expected http://host:port,http://host:port,...")
            }
            var rest = item[scheme.upperBound...]
            while rest.last == "/" { rest = rest.dropLast() }
            guard let endpoint = Endpoint(rest) else {
                throw SettingError(variable, text, "\(item) lacks a host or a port")
            }
            let name = item[..<scheme.lowerBound]
            named.append((name.last == ":" ? name.dropLast() : name, endpoint))
        }
        var ids = named.map { number(atEndOf: $0.name.isEmpty ? hostName($0.endpoint) : $0.name) }
        if ids.contains(nil) { ids = named.indices.map { UInt32($0 + 1) } }
        let members = zip(ids, named).map {
            PeerAddress(id: NodeID($0 ?? 0), endpoint: $1.endpoint, transport: .upgrade)
        }
        return try sorted(members, variable, text)
    }

    /// The number at the end of a name: 2 for `node2` and for `2`.
    static func number(atEndOf name: some StringProtocol) -> UInt32? {
        let digits = name.utf8.reversed().prefix { $0 >= 48 && $0 <= 57 }
        guard !digits.isEmpty, digits.count < 10 else { return nil }
        let value = digits.reversed().reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 48) }
        return value > 0 ? value : nil
    }

    /// The first label of a host name; a numeric address names nobody.
    private static func hostName(_ endpoint: Endpoint) -> Substring {
        if endpoint.host.contains(":") { return "" }
        let isNumeric = endpoint.host.utf8.allSatisfy { $0 == 46 || ($0 >= 48 && $0 <= 57) }
        return isNumeric ? "" : endpoint.host.prefix { $0 != "." }
    }

    private static func items(_ text: String) -> [Substring] {
        text.split(separator: ",").map { item in
            var item = item
            while item.first?.isWhitespace == true { item = item.dropFirst() }
            while item.last?.isWhitespace == true { item = item.dropLast() }
            return item
        }
    }

    private static func sorted(
        _ members: [PeerAddress], _ variable: String, _ text: String
    ) throws(SettingError) -> [PeerAddress] {
        let sorted = members.sorted { $0.id < $1.id }
        for (one, next) in zip(sorted, sorted.dropFirst()) where one.id == next.id {
            throw SettingError(variable, text, "two members have the id \(one.id.rawValue)")
        }
        return sorted
    }
}

extension Substring {
    /// Where `part` first stands in the text.
    fileprivate func range(of part: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}
