import EdgeCodecs
import Testing

@Suite("JSON")
struct JSONTests {
    private func error(_ text: String, bytes: Int = 4096, depth: Int = 8) -> JSONError? {
        error(Array(text.utf8), bytes: bytes, depth: depth)
    }

    private func error(_ text: [UInt8], bytes: Int = 4096, depth: Int = 8) -> JSONError? {
        let reader = JSONReader(maximumBytes: bytes, maximumDepth: depth)
        do {
            try reader.parse(text)
            return nil
        } catch {
            #expect(reader.root == .missing)
            return error
        }
    }

    @Test("look-ups find values by type and by one or two keys")
    func lookups() throws {
        let reader = JSONReader()
        let text = #"""
            {"type":"send_message","data":{"room_id":"r1","n":-7,"x":1.5,"big":18446744073709551615,
             "flag":true,"nil":null,"text":"a\n\"b\" \u00e9 \ud83d\ude00 \u0000","names":["a","","c"]}}
            """#
        try reader.parse(Array(text.utf8))
        #expect(reader.root == .object)
        #expect(reader.string("type") == "send_message")
        #expect(reader.string("data", "room_id") == "r1")
        #expect(reader.string("data", "text") == "a\n\"b\" é 😀 \0")
        #expect(reader.bytes("data", "room_id") == Array("r1".utf8))
        #expect(reader.stringLength("data", "room_id") == 2)
        #expect(reader.int64("data", "n") == -7)
        #expect(reader.int64("data", "x") == nil)
        #expect(reader.int64("data", "big") == nil)
        #expect(reader.kind("data", "big") == .integer)
        #expect(reader.double("data", "x") == 1.5)
        #expect(reader.double("data", "n") == -7)
        #expect(reader.bool("data", "flag") == true)
        #expect(reader.kind("data", "nil") == .null)
        #expect(reader.kind("data", "absent") == .missing)
        #expect(reader.kind("absent", "absent") == .missing)
        #expect(reader.kind("type", "room_id") == .missing)
        #expect(reader.string("data") == nil)
        #expect(reader.kind("data", "names") == .array)
        #expect(reader.count("data", "names") == 3)
        #expect(reader.strings("data", "names") == ["a", "", "c"])
        #expect(reader.strings("data", "names", limit: 2) == nil)
        #expect(reader.strings("data", "text") == nil)
    }

    @Test("of equal keys the first counts, and keys compare unescaped")
    func duplicateKeys() throws {
        let reader = JSONReader()
        try reader.parse(Array(#"{"a":1,"a":2,"\u0062":3}"#.utf8))
        #expect(reader.int64("a") == 1)
        #expect(reader.int64("b") == 3)
    }

    @Test("a reader forgets its document when the next is bad")
    func reuse() throws {
        let reader = JSONReader()
        try reader.parse(Array(#"{"a":1}"#.utf8))
        #expect(throws: JSONError.malformed) { try reader.parse(Array("{".utf8)) }
        #expect(reader.int64("a") == nil)
        try reader.parse(Array("[1]".utf8))
        #expect(reader.root == .array)
        // Longer than the buffers that are kept, then short again.
        let long = "\"" + String(repeating: "x", count: 200_000) + "\""
        try reader.parse(Array(long.utf8))
        #expect(reader.root == .string)
        try reader.parse(Array(#"{"a":4}"#.utf8))
        #expect(reader.int64("a") == 4)
    }

    @Test(
        "what is not one JSON value is malformed (RFC 8259)",
        arguments: [
            "", " ", "{", "}", "{\"a\"}", "{\"a\":}", "[1,]", "{\"a\":1,}", "nul", "NaN", "01",
            "1 2",
            "'a'", "\"a", "\"\u{1}\"", "{a:1}", "[1}", "\u{FEFF}{}", "\"\\x\"", "\"\\u12\"", "+1",
            ".5",
        ])
    func malformed(_ text: String) {
        let error = error(text)
        #expect(error == .malformed || error == .badNumber)
    }

    @Test("broken UTF-8 and half surrogate pairs are refused")
    func badText() {
        #expect(error([0x22, 0xFF, 0x22]) == .badUTF8)
        #expect(error([0x22, 0xC0, 0x80, 0x22]) == .badUTF8)
        #expect(error([0x22, 0xED, 0xA0, 0x80, 0x22]) == .badUTF8)
        for half in [#""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\udc00\ud800""#] {
            let found = error(half)
            #expect(found == .badUTF8 || found == .malformed, "\(half)")
        }
        #expect(error(#"{"a":{"b\udfff":1}}"#) != nil)
    }

    @Test("depth and length are bounded")
    func limits() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(error(nested(7)) == nil)
        #expect(error(nested(9)) == .tooDeep)
        #expect(error(nested(100_000), bytes: 1 << 20) == .tooDeep)
        #expect(error("\"" + String(repeating: "a", count: 4094) + "\"") == nil)
        #expect(error("\"" + String(repeating: "a", count: 4095) + "\"") == .tooLarge)
        #expect(error("123456789", bytes: 8) == .tooLarge)
        #expect(error("1e400") != nil)
        #expect(error("123456789012345678901234567890") != nil)
    }

    @Test("no cut or changed byte of a document makes the reader trap")
    func fuzz() {
        let reader = JSONReader(maximumBytes: 4096, maximumDepth: 8)
        let text = Array(
            #"{"type":"a\u00e9","data":{"n":[1,2.5e3,true,null],"s":"\ud83d\ude00"}}"#.utf8)
        var accepted = 0
        for position in text.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[position] = byte
                if (try? reader.parse(changed)) != nil { accepted += 1 }
                if let string = reader.bytes("data", "s") {
                    #expect(String(validating: string, as: UTF8.self) != nil)
                }
                _ = reader.strings("data", "n")
            }
            #expect(throws: JSONError.self) { try reader.parse(Array(text[..<position])) }
        }
        #expect(accepted > text.count)
    }

    @Test("the writer escapes quotes, backslashes and control characters, and passes UTF-8")
    func writer() throws {
        var json = JSONWriter()
        json.beginObject()
        json.field("text", "a\"b\\c\u{1}\u{1f}\n\r\t\u{8}\u{c}\u{7f} é😀")
        json.key("list")
        json.beginArray()
        json.value(Int64.min)
        json.value(UInt64.max)
        json.value(true)
        json.null()
        json.beginObject()
        json.endObject()
        json.beginArray()
        json.endArray()
        json.raw(Array("[0]".utf8))
        json.endArray()
        json.key("k\u{2}")
        json.value(0)
        json.key("")
        json.value("")
        json.endObject()
        let expected =
            #"{"text":"a\"b\\c\u0001\u001f\n\r\t\b\f"# + "\u{7f} é😀"
            + #"","list":[-9223372036854775808,18446744073709551615,true,null,{},[],[0]],"#
            + #""k\u0002":0,"":""}"#
        #expect(String(decoding: json.bytes, as: UTF8.self) == expected)
        let reader = JSONReader()
        try reader.parse(json.bytes)
        #expect(reader.string("text") == "a\"b\\c\u{1}\u{1f}\n\r\t\u{8}\u{c}\u{7f} é😀")
    }
}
