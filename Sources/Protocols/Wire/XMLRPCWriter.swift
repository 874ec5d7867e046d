/// Writes documents of XML-RPC.
///
/// Characters that XML 1.0 cannot carry at all (most control characters, U+FFFE, U+FFFF) become
/// U+FFFD. To refuse them instead would let one message of a user stop all that follow it to a
/// peer.
public struct RPCWriter: Sendable {
    /// The document so far, in UTF-8.
    public private(set) var bytes: [UInt8] = []

    /// Makes an empty writer.
    public init() {}

    /// The bytes of a call.
    public static func encode(_ call: RPCCall) -> [UInt8] {
        var writer = RPCWriter()
        writer.literal(declaration)
        writer.literal("<methodCall><methodName>")
        writer.escaped(call.method)
        writer.literal("</methodName><params>")
        for parameter in call.parameters {
            writer.literal("<param>")
            writer.write(parameter)
            writer.literal("</param>")
        }
        writer.literal("</params></methodCall>\n")
        return writer.bytes
    }

    /// The bytes of an answer.
    public static func encode(_ reply: RPCReply) -> [UInt8] {
        var writer = RPCWriter()
        switch reply {
        case .value(let value):
            writer.write(value)
            return encode(result: writer.bytes)
        case .fault(let fault):
            writer.literal(declaration)
            writer.literal("<methodResponse><fault>")
            writer.write(RPCWriter.structure(of: fault))
            writer.literal("</fault></methodResponse>\n")
            return writer.bytes
        }
    }

    /// The bytes of an answer whose result is written already, as `<value>...</value>`.
    static func encode(result: [UInt8]) -> [UInt8] {
        var writer = RPCWriter()
        writer.bytes.reserveCapacity(result.count + 128)
        writer.literal(declaration)
        writer.literal("<methodResponse><params><param>")
        writer.bytes.append(contentsOf: result)
        writer.literal("</param></params></methodResponse>\n")
        return writer.bytes
    }

    /// A fault as the struct that stands for it.
    static func structure(of fault: RPCFault) -> RPCValue {
        .structure([
            RPCMember("faultCode", .int(Int64(fault.code))),
            RPCMember("faultString", .string(fault.text)),
        ])
    }

    private static let declaration: StaticString = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

    /// Appends `<value>...</value>`.
    ///
    /// It calls itself for what is inside; values made here are a few levels deep, and values that
    /// were read at most `RPCLimits.maximumDepth`.
    public mutating func write(_ value: RPCValue) {
        literal("<value>")
        switch value {
        case .int(let number):
            let isShort = Int32(exactly: number) != nil
            literal(isShort ? "<int>" : "<i8>")
            bytes.append(contentsOf: String(number).utf8)
            literal(isShort ? "</int>" : "</i8>")
        case .bool(let flag):
            literal(flag ? "<boolean>1</boolean>" : "<boolean>0</boolean>")
        case .string(let text): element("string", text)
        case .double(let text): element("double", text)
        case .dateTime(let text): element("dateTime.iso8601", text)
        case .base64(let content):
            literal("<base64>")
            bytes.append(contentsOf: RPCWriter.base64(content))
            literal("</base64>")
        case .null: literal("<nil/>")
        case .array(let elements):
            literal("<array><data>")
            for element in elements { write(element) }
            literal("</data></array>")
        case .structure(let members):
            literal("<struct>")
            for member in members {
                literal("<member><name>")
                escaped(member.name)
                literal("</name>")
                write(member.value)
                literal("</member>")
            }
            literal("</struct>")
        }
        literal("</value>")
    }

    /// Appends what is written already.
    mutating func raw(_ part: [UInt8]) { bytes.append(contentsOf: part) }

    mutating func literal(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func element(_ name: StaticString, _ text: String) {
        literal("<")
        literal(name)
        literal(">")
        escaped(text)
        literal("</")
        literal(name)
        literal(">")
    }

    /// Appends text in which nothing can be taken for markup (XML 1.0, 2.4).
    private mutating func escaped(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            var position = 0
            while position < utf8.count {
                let byte = utf8[position]
                switch byte {
                case UInt8(ascii: "&"): literal("&amp;")
                case UInt8(ascii: "<"): literal("&lt;")
                // Only needed after "]]", and safe everywhere.
                case UInt8(ascii: ">"): literal("&gt;")
                // A bare CR would be read as LF (XML 1.0, 2.11).
                case 0x0D: literal("&#13;")
                case 0x09, 0x0A: bytes.append(byte)
                case 0..<0x20: literal("\u{FFFD}")
                case 0xEF where RPCWriter.isNoncharacter(utf8, at: position):
                    literal("\u{FFFD}")
                    position += 2
                default: bytes.append(byte)
                }
                position += 1
            }
        }
    }

    /// True for U+FFFE and U+FFFF, which are EF BF BE and EF BF BF.
    private static func isNoncharacter(
        _ utf8: UnsafeBufferPointer<UInt8>, at position: Int
    ) -> Bool {
        position + 2 < utf8.count && utf8[position + 1] == 0xBF && utf8[position + 2] >= 0xBE
    }

    private static let digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Bytes in base 64 with padding, in ASCII (RFC 4648, 4).
    public static func base64(_ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((content.count + 2) / 3 * 4)
        var position = 0
        while position < content.count {
            let count = min(3, content.count - position)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < count ? UInt32(content[position + offset]) : 0)
            }
            for offset in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * offset) & 63)
                bytes.append(offset <= count ? RPCWriter.digits[digit] : UInt8(ascii: "="))
            }
            position += 3
        }
        return bytes
    }
}
