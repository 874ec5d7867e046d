/// One extension that a client offers or a server agrees to (RFC 6455, 9.1).
public struct WebSocketExtension: Equatable, Sendable {
    /// A parameter of an extension.
    public struct Parameter: Equatable, Sendable {
        /// Its name, in lower case.
        public var name: String
        /// What follows the equals sign, without quotes; `nil` when there is none.
        public var value: String?

        /// Makes a parameter.
        public init(_ name: String, _ value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    /// The header field in which both sides name extensions.
    public static let field = "Sec-WebSocket-Extensions"

    /// Its name, in lower case.
    public var name: String
    /// Its parameters in order; a repeated one is there each time.
    public var parameters: [Parameter]

    /// Makes an extension.
    public init(_ name: String, _ parameters: [Parameter] = []) {
        self.name = name
        self.parameters = parameters
    }

    /// All extensions that a message names, in order; `nil` when a field does not have the form
    /// of RFC 6455, 9.1, for which the handshake must fail.
    public static func list(in fields: HTTPFields) -> [WebSocketExtension]? {
        var all: [WebSocketExtension] = []
        for (name, value) in fields.pairs where isField(name) {
            var reader = Reader(bytes: Array(value.utf8))
            guard let some = reader.list() else { return nil }
            all.append(contentsOf: some)
        }
        return all
    }

    private static func isField(_ name: String) -> Bool {
        name.utf8.count == field.utf8.count
            && zip(name.utf8, field.utf8).allSatisfy {
                HTTPFields.folded($0) == HTTPFields.folded($1)
            }
    }

    /// Reads the list of one field.
    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        /// At least one extension between commas; empty places are allowed (RFC 9110, 5.6.1.2).
        mutating func list() -> [WebSocketExtension]? {
            var found: [WebSocketExtension] = []
            while true {
                skipSpaces()
                if !isAtEnd, bytes[position] != UInt8(ascii: ",") {
                    guard let one = element() else { return nil }
                    found.append(one)
                }
                if isAtEnd { return found.isEmpty ? nil : found }
                guard take(UInt8(ascii: ",")) else { return nil }
            }
        }

        /// `token *( ";" token [ "=" ( token / quoted-string ) ] )`, and the spaces behind it.
        private mutating func element() -> WebSocketExtension? {
            guard let name = token() else { return nil }
            var result = WebSocketExtension(WebSocketExtension.lowercased(name))
            skipSpaces()
            while take(UInt8(ascii: ";")) {
                skipSpaces()
                guard let name = token() else { return nil }
                var parameter = Parameter(WebSocketExtension.lowercased(name))
                skipSpaces()
                if take(UInt8(ascii: "=")) {
                    skipSpaces()
                    guard let value = take(UInt8(ascii: "\"")) ? quoted() : token() else {
                        return nil
                    }
                    parameter.value = String(decoding: value, as: UTF8.self)
                }
                result.parameters.append(parameter)
                skipSpaces()
            }
            return result
        }

        private mutating func token() -> ArraySlice<UInt8>? {
            let start = position
            while !isAtEnd, HTTP1Parser.isTokenByte(bytes[position]) { position += 1 }
            return position > start ? bytes[start..<position] : nil
        }

        /// What is left of a quoted string; without its quotes it must be a token as well.
        private mutating func quoted() -> ArraySlice<UInt8>? {
            var value: ArraySlice<UInt8> = []
            while !isAtEnd {
                if take(UInt8(ascii: "\"")) { return value.isEmpty ? nil : value }
                _ = take(UInt8(ascii: "\\"))
                guard !isAtEnd, HTTP1Parser.isTokenByte(bytes[position]) else { return nil }
                value.append(bytes[position])
                position += 1
            }
            return nil
        }

        private var isAtEnd: Bool { position == bytes.count }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard !isAtEnd, bytes[position] == byte else { return false }
            position += 1
            return true
        }

        private mutating func skipSpaces() {
            while take(0x20) || take(0x09) {}
        }
    }

    private static func lowercased(_ token: ArraySlice<UInt8>) -> String {
        String(decoding: token.lazy.map(HTTPFields.folded), as: UTF8.self)
    }
}
