import EdgeCodecs
import Protocols
import Testing

private func read(_ text: String, limits: RPCLimits = RPCLimits()) -> RPCDocument? {
    try? XMLRPCReader.document(Array(text.utf8), limits: limits)
}

private func refusal(_ text: String, limits: RPCLimits = RPCLimits()) -> RPCParseError? {
    do {
        _ = try XMLRPCReader.document(Array(text.utf8), limits: limits)
        return nil
    } catch {
        return error
    }
}

private func value(_ inner: String) -> RPCValue? {
    let text =
        "<methodResponse><params><param><value>\(inner)</value></param></params>"
        + "</methodResponse>"
    guard case .reply(.value(let value)) = read(text) else { return nil }
    return value
}

private func nested(_ depth: Int) -> String {
    let open = String(repeating: "<value><array><data>", count: depth - 1)
    let close = String(repeating: "</data></array></value>", count: depth - 1)
    return "<methodCall><methodName>m</methodName><params><param>" + open
        + "<value><int>1</int></value>" + close + "</param></params></methodCall>"
}

@Suite("XML-RPC")
struct XMLRPCTests {
    @Test("a call is written in the documented form")
    func callForm() {
        let call = RPCCall(
            "join", [.string("a<b>&\"c\""), .int(7), .structure([RPCMember("x", .bool(true))])])
        #expect(
            String(decoding: RPCWriter.encode(call), as: UTF8.self)
                == "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodCall><methodName>join"
                + "</methodName><params><param><value><string>a&lt;b&gt;&amp;\"c\"</string></value>"
                + "</param><param><value><int>7</int></value></param><param><value><struct><member>"
                + "<name>x</name><value><boolean>1</boolean></value></member></struct></value>"
                + "</param></params></methodCall>\n")
    }

    @Test("what is written is read back")
    func roundTrip() throws {
        let values: [RPCValue] = [
            .int(0), .int(-1), .int(2_147_483_647), .int(2_147_483_648), .int(-2_147_483_649),
            .int(.min), .int(.max), .bool(true), .bool(false), .string(""), .string("  a b  "),
            .string("a\r\nb\tc]]>&lt;ä€😀"), .double("-1.5e+16"), .double("nan"),
            .dateTime("19980717T14:08:55"), .base64([]), .base64([1]), .base64([1, 2]),
            .base64([255, 254, 253]), .base64(Array(0...255)), .null, .array([]), .structure([]),
            .array([.array([.null, .int(1)]), .structure([RPCMember("", .array([]))])]),
            .structure([RPCMember("a", .int(1)), RPCMember("a", .int(2))]),
        ]
        let call = RPCCall("some.method", values)
        #expect(try XMLRPCReader.call(RPCWriter.encode(call)) == call)
        for value in values {
            let reply = RPCReply.value(value)
            #expect(try XMLRPCReader.reply(RPCWriter.encode(reply)) == reply)
        }
        let fault = RPCReply.fault(RPCFault(-32601, "no <such> method"))
        #expect(try XMLRPCReader.reply(RPCWriter.encode(fault)) == fault)
    }

    @Test("numbers beyond 32 bits go as i8, beyond 64 with sign as a string of digits")
    func numbers() {
        func text(_ value: RPCValue) -> String {
            var writer = RPCWriter()
            writer.write(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        #expect(text(.number(2_147_483_647)) == "<value><int>2147483647</int></value>")
        #expect(text(.number(2_147_483_648)) == "<value><i8>2147483648</i8></value>")
        #expect(RPCValue.number(.max) == .string("18446744073709551615"))
        #expect(RPCValue.number(.max).number == .max)
        #expect(RPCValue.string("+1").number == nil)
        #expect(RPCValue.int(-1).number == nil)
    }

    @Test("characters that XML cannot carry are replaced (XML 1.0, 2.2)")
    func replacedCharacters() throws {
        let reply = RPCReply.value(.string("a\u{0}b\u{B}c\u{1F}d\u{FFFE}e\u{FFFF}f\u{FFFD}g\u{7F}"))
        let expected = RPCReply.value(
            .string("a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}f\u{FFFD}g\u{7F}"))
        #expect(try XMLRPCReader.reply(RPCWriter.encode(reply)) == expected)
    }

    @Test("values of other writers are read")
    func foreignForms() {
        #expect(value("plain text") == .string("plain text"))
        #expect(value(" ") == .string(" "))
        #expect(value("") == .string(""))
        #expect(value("<i4> -12\n</i4>") == .int(-12))
        #expect(value("<i8>9007199254740993</i8>") == .int(9_007_199_254_740_993))
        #expect(value("<ex:i8>5</ex:i8>") == .int(5))
        #expect(value("<nil/>") == .null)
        #expect(value("<ex:nil/>") == .null)
        #expect(value("\n  <boolean> 1 </boolean>\n") == .bool(true))
        #expect(value("<base64>\nAQI=\n</base64>") == .base64([1, 2]))
        #expect(value("<string><![CDATA[<a>]]>&#228;</string>") == .string("<a>ä"))
        #expect(value("<string>a<!-- note -->b</string>") == .string("ab"))
        #expect(
            value("<array>\n <data>\n <value>a</value> </data></array>") == .array([.string("a")]))
        #expect(
            read("<methodCall><methodName> m\n</methodName></methodCall>") == .call(RPCCall("m")))
        #expect(read("<methodResponse><params/></methodResponse>") == .reply(.value(.null)))
    }

    @Test("documents in the encodings that the parser knows are read")
    func encodings() throws {
        let text =
            "<methodCall><methodName>m</methodName><params><param><value>\u{E4}</value>"
            + "</param></params></methodCall>"
        let latin =
            Array("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>".utf8)
            + text.unicodeScalars.map { UInt8($0.value) }
        #expect(try XMLRPCReader.call(latin) == RPCCall("m", [.string("ä")]))
        let wide: [UInt8] =
            [0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(try XMLRPCReader.call(wide) == RPCCall("m", [.string("ä")]))
        #expect(
            refusal("<?xml version=\"1.0\" encoding=\"x-none\"?><methodCall/>") == .unknownEncoding)
        #expect(RPCParseError.unknownEncoding.fault.code == -32701)
    }

    @Test(
        "what is no document of XML-RPC is refused with the standard fault",
        arguments: [
            ("", -32700), ("hello", -32700), ("<methodCall>", -32700), ("<methodCall></b>", -32700),
            ("<methodCall><methodName>m</methodName></methodCall><a/>", -32700), ("<a/>", -32600),
            ("<methodCall/>", -32600), ("<params/>", -32600), ("<methodResponse/>", -32600),
            ("<methodCall><params/><methodName>m</methodName></methodCall>", -32600),
            ("<methodCall><methodName></methodName></methodCall>", -32600),
            ("<methodCall><methodName>m</methodName>text</methodCall>", -32600),
            (
                "<methodCall><methodName>m</methodName><params><param/></params></methodCall>",
                -32600
            ),
            ("<methodCall><methodName>m</methodName><value/></methodCall>", -32600),
            ("<methodResponse><fault><value>no</value></fault></methodResponse>", -32600),
            (
                "<methodResponse><params><param><value/></param><param><value/></param></params>"
                    + "</methodResponse>", -32600
            ),
        ])
    func refused(text: String, code: Int32) {
        #expect(refusal(text)?.fault.code == code)
    }

    @Test(
        "values that are none are refused",
        arguments: [
            "<int>1.5</int>", "<int></int>", "<int>0x1</int>", "<i8>9223372036854775808</i8>",
            "<boolean>2</boolean>", "<double>one</double>", "<double/>", "<base64>A</base64>",
            "<base64>AQI</base64>", "<base64>A=I=</base64>", "<base64>!</base64>", "<nil>x</nil>",
            "<dateTime.iso8601/>", "<struct><member><name>a</name></member></struct>",
            "<struct><member><value>a</value></member></struct>", "<array/>",
            "text<int>1</int>", "<int>1</int>text", "<int>1</int><int>2</int>",
            "<string>a<string>b</string></string>", "<float>1</float>",
        ])
    func refusedValues(inner: String) {
        #expect(value(inner) == nil)
        #expect(value("<int>1</int>") == .int(1))
    }

    @Test("a document type declaration is refused before any entity is made")
    func documentType() {
        let bomb = """
            <?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">
            <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
            <methodCall><methodName>&b;</methodName></methodCall>
            """
        #expect(refusal(bomb) == .documentType)
        #expect(refusal("<!DOCTYPE m SYSTEM \"file:///etc/passwd\"><methodCall/>") == .documentType)
        #expect(RPCParseError.documentType.fault.code == -32700)
    }

    @Test("depth, size and count of values are bounded")
    func bounds() {
        #expect(refusal(nested(32)) == nil)
        #expect(refusal(nested(33)) == .tooDeep)
        #expect(refusal(nested(20_000)) == .tooDeep)
        let text = nested(2)
        #expect(refusal(text, limits: RPCLimits(maximumBytes: text.utf8.count)) == nil)
        #expect(refusal(text, limits: RPCLimits(maximumBytes: text.utf8.count - 1)) == .tooLarge)
        #expect(refusal(text, limits: RPCLimits(maximumValues: 2)) == nil)
        #expect(refusal(text, limits: RPCLimits(maximumValues: 1)) == .tooManyValues)
    }

    @Test("mutated documents are refused or read, and what is read can be written and read again")
    func mutations() throws {
        let call = RPCCall(
            "receive_message_broadcast",
            [
                .string("ä<&"), .int(1 << 40), .bool(true), .null, .double("1.5"), .base64([1, 2]),
                .dateTime("19980717T14:08:55"),
                .structure([RPCMember("a", .array([.int(1), .string("x")]))]),
            ])
        let pieces = [
            "<value>", "</value>", "<int>", "&", "]]>", "<!--", "<![CDATA[", "\u{0}", "<?x?>",
        ]
        let good = RPCWriter.encode(call)
        var prng = Prng(seed: 4)
        var readable = 0
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...Int(prng.next() % 3) {
                let place = Int(prng.next() % UInt64(bytes.count))
                switch prng.next() % 5 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: prng.next())
                case 1: bytes.remove(at: place)
                case 2: bytes = Array(bytes[..<max(place, 1)])
                case 3:
                    let other = Int(prng.next() % UInt64(bytes.count))
                    let range = min(place, other)..<min(max(place, other), min(place, other) + 40)
                    bytes.insert(contentsOf: bytes[range], at: place)
                default:
                    let piece = pieces[Int(prng.next() % UInt64(pieces.count))]
                    bytes.insert(contentsOf: piece.utf8, at: place)
                }
            }
            guard let document = try? XMLRPCReader.document(bytes) else { continue }
            readable += 1
            guard case .call(let call) = document else { continue }
            #expect(try XMLRPCReader.call(RPCWriter.encode(call)) == call)
        }
        #expect(readable > 100 && readable < 19_000, "\(readable) were readable")
    }
}
