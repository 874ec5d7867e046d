/// A value of XML-RPC, with the common extensions `<i8>` and `<nil/>`.
public enum RPCValue: Equatable, Sendable {
    /// A whole number: `<int>`, or `<i8>` where 32 bits do not hold it.
    case int(Int64)
    /// A truth value.
    case bool(Bool)
    /// Text.
    case string(String)
    /// A number with a fraction, in the text form in which it came; nothing here calculates.
    case double(String)
    /// A time, in the text form in which it came; it names no zone.
    case dateTime(String)
    /// Bytes.
    case base64([UInt8])
    /// Nothing.
    case null
    /// Values in order.
    case array([RPCValue])
    /// Named values in the order in which they came; of equal names the first counts.
    case structure([RPCMember])
}

/// A named value of a struct.
public struct RPCMember: Equatable, Sendable {
    /// The name.
    public var name: String
    /// The value.
    public var value: RPCValue

    /// Makes a member.
    public init(_ name: String, _ value: RPCValue) {
        self.name = name
        self.value = value
    }
}

/// A call: a method and what it is given.
public struct RPCCall: Equatable, Sendable {
    /// The method's name.
    public var method: String
    /// The parameters in order.
    public var parameters: [RPCValue]

    /// Makes a call.
    public init(_ method: String, _ parameters: [RPCValue] = []) {
        self.method = method
        self.parameters = parameters
    }
}

/// Why a call has no result.
public struct RPCFault: Error, Equatable, Sendable {
    /// The code; those below -32000 are reserved ("Specification for Fault Code
    /// Interoperability", version 20010516).
    public var code: Int32
    /// One line for a person.
    public var text: String

    /// Makes a fault.
    public init(_ code: Int32, _ text: String) {
        self.code = code
        self.text = text
    }

    /// -32700: no well-formed XML.
    public static func notWellFormed(_ text: String) -> RPCFault { RPCFault(-32700, text) }
    /// -32701: an encoding that is not supported.
    public static func unknownEncoding(_ text: String) -> RPCFault { RPCFault(-32701, text) }
    /// -32600: XML, but no call of XML-RPC.
    public static func invalidCall(_ text: String) -> RPCFault { RPCFault(-32600, text) }
    /// -32601: there is no such method.
    public static func unknownMethod(_ name: String) -> RPCFault {
        RPCFault(-32601, "there is no method \(RPCFault.shortened(name))")
    }
    /// -32602: parameters that the method does not take.
    public static func invalidParameters(_ text: String) -> RPCFault { RPCFault(-32602, text) }
    /// -32500: the server could not do it just now.
    public static func application(_ text: String) -> RPCFault { RPCFault(-32500, text) }
    /// 503, as of HTTP: not now, but the same call may succeed later.
    public static func unavailable(_ text: String) -> RPCFault { RPCFault(503, text) }
    /// True for `unavailable`.
    public var isUnavailable: Bool { code == 503 }
    /// -32400: a limit of the server.
    public static func limit(_ text: String) -> RPCFault { RPCFault(-32400, text) }

    /// A name as it came, but not more of it than fits a line.
    static func shortened(_ name: String) -> String {
        name.utf8.count <= 64 ? name : String(name.prefix(16)) + "..."
    }
}

/// The answer to a call.
public enum RPCReply: Equatable, Sendable {
    /// The result.
    case value(RPCValue)
    /// There is none.
    case fault(RPCFault)
}

/// One document of XML-RPC.
public enum RPCDocument: Equatable, Sendable {
    /// A `methodCall`.
    case call(RPCCall)
    /// A `methodResponse`.
    case reply(RPCReply)
}

extension RPCValue {
    /// A number that may need all 64 bits: beyond those of `<i8>` it goes as a string of digits.
    public static func number(_ value: UInt64) -> RPCValue {
        Int64(exactly: value).map { .int($0) } ?? .string(String(value))
    }

    /// The text of a string; `nil` for anything else.
    public var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The truth value of a `<boolean>`; `nil` for anything else.
    public var truth: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    /// A number that is not negative, from a number or a string of digits; `nil` for anything else.
    public var number: UInt64? {
        switch self {
        case .int(let value): UInt64(exactly: value)
        case .string(let text) where text.utf8.first != UInt8(ascii: "+"): UInt64(text)
        case .bool, .string, .double, .dateTime, .base64, .null, .array, .structure: nil
        }
    }

    /// The elements of an array; `nil` for anything else.
    public var elements: [RPCValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The members of a struct; `nil` for anything else.
    public var members: [RPCMember]? {
        if case .structure(let members) = self { members } else { nil }
    }

    /// True for `<nil/>`.
    public var isNull: Bool { self == .null }

    /// A member of a struct; `nil` when this is no struct or has no such member.
    public subscript(name: String) -> RPCValue? {
        guard case .structure(let members) = self else { return nil }
        for member in members where member.name == name { return member.value }
        return nil
    }
}
