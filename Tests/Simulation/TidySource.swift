import Glibc

/// A source file as the tidy rules see it: the lines as they are, the code without comments and
/// texts, and the texts.
struct TidySource {
    /// A piece of a string literal, between interpolations.
    struct Text: Equatable {
        /// The line on which it begins, from 1.
        var line: Int
        var text: String
    }

    /// Where it is, from the package's directory on.
    let path: String
    /// Its lines.
    let lines: [Substring]
    /// The same lines with a space for each character of a comment or a text.
    let code: [Substring]
    /// The texts, in order.
    let texts: [Text]

    init(path: String, _ content: String) {
        self.path = path
        var scanner = TidyScanner(Array(content.utf8))
        scanner.scanCode(inParentheses: false)
        lines = content.split(separator: "\n", omittingEmptySubsequences: false)
        code = String(decoding: scanner.code, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        texts = scanner.texts
    }

    /// The words of a line of code.
    func words(_ line: Int) -> [TidyWord] { TidyWord.all(in: code[line]) }
}

/// A name or keyword in a line of code, with what stands beside it.
struct TidyWord: Equatable {
    let text: String
    /// The nearest characters that are no spaces.
    let before: Character?
    let after: Character?
    /// What the dot before it follows: a word, or `an expression`; nil where nothing does.
    let owner: String?

    static func all(in line: Substring) -> [TidyWord] {
        let bytes = Array(line.utf8)
        var result: [TidyWord] = []
        var at = 0
        while at < bytes.count {
            guard isNamePart(bytes[at]) else {
                at += 1
                continue
            }
            let start = at
            while at < bytes.count, isNamePart(bytes[at]) { at += 1 }
            var left = start
            while left > 0, bytes[left - 1] == 0x20 { left -= 1 }
            var right = at
            while right < bytes.count, bytes[right] == 0x20 { right += 1 }
            var owner: String?
            if left > 1, bytes[left - 1] == UInt8(ascii: ".") {
                var first = left - 1
                while first > 0, isNamePart(bytes[first - 1]) { first -= 1 }
                if first < left - 1 {
                    owner = String(decoding: bytes[first..<left - 1], as: UTF8.self)
                } else if ")]}?!".utf8.contains(bytes[left - 2]) {
                    owner = "an expression"
                }
            }
            result.append(
                TidyWord(
                    text: String(decoding: bytes[start..<at], as: UTF8.self),
                    before: left > 0 ? Character(Unicode.Scalar(bytes[left - 1])) : nil,
                    after: right < bytes.count ? Character(Unicode.Scalar(bytes[right])) : nil,
                    owner: owner))
        }
        return result
    }

    static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
            true
        default: false
        }
    }
}

/// Tells code from comments and string literals, interpolations included.
struct TidyScanner {
    private let bytes: [UInt8]
    private var at = 0
    private var line = 1
    private(set) var code: [UInt8]
    private(set) var texts: [TidySource.Text] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        code = bytes
    }

    /// Reads code up to the end, or up to the parenthesis that ends an interpolation.
    mutating func scanCode(inParentheses: Bool) {
        var depth = 0
        while at < bytes.count {
            if starts("//") {
                while at < bytes.count, bytes[at] != 0x0A { blank() }
            } else if starts("/*") {
                scanComment()
            } else if bytes[at] == 0x22 || bytes[at] == 0x23, scanText() {
                continue
            } else {
                if bytes[at] == UInt8(ascii: "(") { depth += 1 }
                if bytes[at] == UInt8(ascii: ")") {
                    if inParentheses, depth == 0 { return }
                    depth -= 1
                }
                advance()
            }
        }
    }

    private mutating func scanComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                blank()
            } else if starts("*/") {
                depth -= 1
                blank()
            }
            blank()
        } while at < bytes.count && depth > 0
    }

    /// Reads a string literal; false when none begins here.
    private mutating func scanText() -> Bool {
        var hashes = 0
        while at + hashes < bytes.count, bytes[at + hashes] == 0x23 { hashes += 1 }
        guard at + hashes < bytes.count, bytes[at + hashes] == 0x22 else { return false }
        let pounds = String(repeating: "#", count: hashes)
        let quotes = starts(pounds + "\"\"\"") ? "\"\"\"" : "\""
        blank(hashes + quotes.utf8.count)
        var text: [UInt8] = []
        var start = line
        while at < bytes.count, !starts(quotes + pounds) {
            guard starts("\\" + pounds) else {
                text.append(bytes[at])
                blank()
                continue
            }
            blank(1 + hashes)
            guard starts("(") else {
                blank()
                continue
            }
            texts.append(.init(line: start, text: String(decoding: text, as: UTF8.self)))
            text = []
            blank()
            scanCode(inParentheses: true)
            blank()
            start = line
        }
        texts.append(.init(line: start, text: String(decoding: text, as: UTF8.self)))
        blank(quotes.utf8.count + hashes)
        return true
    }

    private func starts(_ text: String) -> Bool {
        let end = at + text.utf8.count
        return end <= bytes.count && bytes[at..<end].elementsEqual(text.utf8)
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where at < bytes.count {
            if bytes[at] != 0x0A { code[at] = 0x20 }
            advance()
        }
    }

    private mutating func advance() {
        if bytes[at] == 0x0A { line += 1 }
        at += 1
    }
}

/// The package's files.
enum TidyPackage {
    /// The package's directory, with a slash at its end.
    static let root: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/") + "/"
    }()

    /// The paths of all files below a directory, sorted; none when there is no such directory.
    static func files(below directory: String) -> [String] {
        guard let stream = opendir(root + directory) else { return [] }
        defer { closedir(stream) }
        var result: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.hasPrefix(".") else { continue }
            let path = directory + "/" + name
            if entry.pointee.d_type == UInt8(DT_DIR) {
                result += files(below: path)
            } else {
                result.append(path)
            }
        }
        return result.sorted()
    }

    /// A file's content.
    static func content(of path: String) -> String {
        guard let file = fopen(root + path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let all: [TidySource] = ["Sources", "Tests"].flatMap { files(below: $0) }
        .filter { $0.hasSuffix(".swift") }.map { TidySource(path: $0, content(of: $0)) }

    /// All Swift files below a directory.
    static func sources(below directory: String) -> [TidySource] {
        all.filter { $0.path.hasPrefix(directory + "/") }
    }
}
