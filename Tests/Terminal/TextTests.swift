import TerminalClient
import Testing

@Suite("Text on a terminal")
struct TextTests {
    @Test(
        "a character takes the columns that terminals give it",
        arguments: [
            ("a", 1), ("ä", 1), ("a\u{308}", 1), ("日", 2), ("한", 2), ("😀", 2), ("ｱ", 1), ("Ａ", 2),
            ("\u{200D}", 0), ("→", 1), ("€", 1),
        ])
    func widths(text: String, columns: Int) {
        #expect(TextWidth.columns(of: text) == columns)
    }

    @Test(
        "nothing that steers a terminal is left in a line",
        arguments: [
            ("\u{1B}[2Jx", "\u{FFFD}[2Jx"), ("a\u{7}b", "a\u{FFFD}b"), ("a\tb\nc\rd", "a b c d"),
            ("\u{9B}31m", "\u{FFFD}31m"), ("\u{202E}abc", "abc"), ("a\u{2028}b", "a b"),
            ("\u{308}a", "a"), ("e\u{301}\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}\u{301}"),
            ("❤\u{FE0F}", "❤"), ("日本語 ok", "日本語 ok"),
        ])
    func safe(text: String, shown: String) {
        #expect(Array(SafeText.line(text).unicodeScalars) == Array(shown.unicodeScalars))
    }

    @Test("every control character is made harmless")
    func controls() {
        for value in Array(0..<UInt32(0x20)) + Array(0x7F..<0xA0) {
            let shown = SafeText.line(String(Unicode.Scalar(value)!))
            #expect(shown == " " || shown == "\u{FFFD}", "\(value)")
        }
    }

    @Test("a text with line ends is several lines")
    func lines() {
        #expect(SafeText.lines("a\nb\r\n\nc") == ["a", "b", "", "c"])
        #expect(SafeText.lines("") == [""])
    }

    @Test("text breaks at spaces, and further lines are indented")
    func wraps() {
        #expect(
            TextLayout.wrapped("one two three", columns: 8, indent: 2) == ["one two", "  three"])
        #expect(
            TextLayout.wrapped("abcdefghij", columns: 4, indent: 1) == ["abcd", " efg", " hij"])
        #expect(TextLayout.wrapped("", columns: 4, indent: 1) == [""])
        #expect(TextLayout.wrapped("abc  ", columns: 3, indent: 0) == ["abc"])
    }

    @Test("a wide character is not cut in two, and one that does not fit at all still goes on")
    func wrapsWide() {
        #expect(TextLayout.wrapped("日本語", columns: 5, indent: 0) == ["日本", "語"])
        #expect(TextLayout.wrapped("日本", columns: 1, indent: 0) == ["日", "本"])
    }

    @Test("clipping shows that something is left out, padding fills columns and not characters")
    func clips() {
        #expect(TextLayout.clipped("abcdef", to: 4) == "abc…")
        #expect(TextLayout.clipped("日本語", to: 4) == "日…")
        #expect(TextLayout.clipped("abc", to: 3) == "abc")
        #expect(TextLayout.clipped("abc", to: 0) == "")
        #expect(TextLayout.padded("日", to: 4) == "日  ")
        #expect(TextLayout.padded("日本語", to: 4) == "日… ")
    }
}

@Suite("A line of input")
struct LineEditorTests {
    private func edited(_ text: String, _ keys: Key...) -> String {
        var line = LineEditor(text, limit: 10)
        for key in keys {
            let isTaken = line.take(key)
            #expect(isTaken)
        }
        return line.before + "|" + line.after
    }

    @Test("keys move and remove whole characters, however many bytes they have")
    func keys() {
        #expect(edited("ab", .text("c")) == "abc|")
        #expect(edited("ab", .left, .text("c")) == "ac|b")
        #expect(edited("a日", .backspace) == "a|")
        #expect(edited("e\u{301}x", .left, .left, .delete) == "|x")
        #expect(edited("ab", .home, .right) == "a|b")
        #expect(edited("ab", .home, .end) == "ab|")
        #expect(edited("ab", .control("a"), .control("k")) == "|")
        #expect(edited("ab", .left, .control("u")) == "|b")
        #expect(edited("one two  ", .control("w")) == "one |")
        #expect(edited("ab", .control("a"), .control("e")) == "ab|")
        #expect(edited("", .backspace, .delete, .left, .right, .control("w")) == "|")
    }

    @Test("a mark joins the character before it")
    func marks() {
        #expect(edited("e", .text("\u{301}"), .backspace) == "|")
    }

    @Test("no more than the limit is taken")
    func limit() {
        #expect(edited("0123456789", .text("x")) == "0123456789|")
    }

    @Test("keys that mean nothing to a line are left to the screen")
    func others() {
        var line = LineEditor("x", limit: 10)
        for key in [Key.enter, .escape, .up, .down, .pageUp, .pageDown, .tab, .control("x")] {
            let isTaken = line.take(key)
            #expect(!isTaken)
        }
        #expect(line.text == "x")
    }

    @Test("the window follows the cursor")
    func window() {
        var line = LineEditor("abcdefgh", limit: 10)
        #expect(line.window(columns: 5) == ("efgh", 4))
        _ = line.take(.home)
        #expect(line.window(columns: 5) == ("abcde", 0))
        line.set("日本語")
        #expect(line.window(columns: 5) == ("本語", 4))
        #expect(line.window(columns: 20) == ("日本語", 6))
    }
}

@Suite("Keys")
struct KeyTests {
    private func keys(_ text: String) -> [Key] {
        Key.keys(of: text.unicodeScalars.map { .scalar($0) })
    }

    @Test("characters and control characters are told apart")
    func characters() {
        #expect(keys("aä\r\n\t") == [.text("a"), .text("ä"), .enter, .enter, .tab])
        #expect(
            keys("\u{1}\u{8}\u{7F}\u{17}\u{0}\u{1C}") == [
                .control("a"), .backspace, .backspace, .control("w"),
            ])
        #expect(Key.keys(of: [.known(.pageUp), .other, .scalar("x")]) == [.pageUp, .text("x")])
    }

    @Test("Escape is a key, an unknown escape sequence is none")
    func escapes() {
        #expect(keys("\u{1B}") == [.escape])
        #expect(keys("\u{1B}x") == [.escape, .text("x")])
        #expect(keys("\u{1B}[1;7Px") == [.text("x")])
        #expect(keys("\u{1B}OPx") == [.text("x")])
        #expect(keys("\u{1B}\u{1B}") == [.escape, .escape])
    }
}
