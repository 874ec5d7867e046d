/// What a rule has against a line.
struct TidyFinding: Equatable, CustomStringConvertible {
    var path: String
    /// From 1; 0 when it is about the whole file.
    var line: Int
    var text: String

    var description: String { line > 0 ? "\(path):\(line): \(text)" : "\(path): \(text)" }
}

/// The rules of the house, each from a source to what is wrong with it.
enum TidyRules {
    // MARK: The pure modules

    /// A pure module imports nothing but what is listed for it.
    static func imports(_ source: TidySource, allowed: [String]) -> [TidyFinding] {
        source.code.indices.compactMap { line in
            let words = source.words(line).map(\.text)
            guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
                words[..<place].allSatisfy({ importModifiers.contains($0) })
            else { return nil }
            let name = words[place + 1]
            guard !allowed.contains(name) else { return nil }
            return TidyFinding(path: source.path, line: line + 1, text: "imports \(name)")
        }
    }

    private static let importModifiers: Set = [
        "public", "package", "internal", "fileprivate", "private", "preconcurrency", "testable",
        "_exported", "_implementationOnly",
    ]

    private static let banned: Set = [
        "async", "await", "Task", "actor", "class", "Thread", "DispatchQueue",
        "Date", "ContinuousClock", "SuspendingClock", "clock_gettime", "gettimeofday",
        "shuffled", "shuffle", "randomElement", "SystemRandomNumberGenerator",
        "Hasher", "hashValue", "ObjectIdentifier",
        "Double", "Float", "Float16", "Float80", "CGFloat",
        "print", "debugPrint", "getenv",
    ]

    /// A pure module has no clock, no chance, no other thread, no floating point, no output, and no
    /// hash that differs between processes.
    static func purity(_ source: TidySource) -> [TidyFinding] {
        source.code.indices.flatMap { line in
            source.words(line).compactMap { word -> TidyFinding? in
                let isBanned =
                    banned.contains(word.text)
                    || word.text == "random" && word.after == "("
                    || word.text == "now" && isClock(word)
                guard isBanned else { return nil }
                return TidyFinding(path: source.path, line: line + 1, text: "uses \(word.text)")
            }
        }
    }

    /// `.now` of a type, which is a clock's; that of a value, such as `context.now`, is not.
    private static func isClock(_ word: TidyWord) -> Bool {
        guard word.before == "." else { return false }
        guard let owner = word.owner else { return true }
        return owner.first?.isUppercase == true
    }

    private static let iterators: Set = [
        "keys", "values", "map", "flatMap", "compactMap", "filter", "forEach", "reduce", "sorted",
        "first", "enumerated", "min", "max", "allSatisfy", "popFirst", "makeIterator", "lazy",
        "prefix", "dropFirst", "mapValues", "compactMapValues",
    ]

    /// A Dictionary or Set is looked up in and never gone through, for its order differs between
    /// processes. What the file declares by type is known; what is inferred or declared elsewhere
    /// is not.
    static func iteration(_ source: TidySource) -> [TidyFinding] {
        var names: Set<String> = []
        for line in source.code { names.formUnion(hashedNames(in: line)) }
        guard !names.isEmpty else { return [] }
        var result: [TidyFinding] = []
        for line in source.code.indices {
            let words = source.words(line)
            for (place, word) in words.enumerated() where names.contains(word.text) {
                let next = place + 1 < words.count ? words[place + 1] : nil
                let isMember =
                    word.after == "." && next.map { iterators.contains($0.text) } ?? false
                let isLoop = isLoopSource(words, place)
                guard isMember || isLoop else { continue }
                result.append(
                    TidyFinding(
                        path: source.path, line: line + 1, text: "goes through \(word.text)"))
            }
        }
        return result
    }

    /// `for … in name {`, `for … in self.name where …`.
    private static func isLoopSource(_ words: [TidyWord], _ place: Int) -> Bool {
        let word = words[place]
        let next = place + 1 < words.count ? words[place + 1].text : nil
        guard word.after == "{" || word.after == nil || next == "where" else { return false }
        var start = place
        while start > 0, words[start].before == "." { start -= 1 }
        return start > 0 && words[start - 1].text == "in"
            && words[..<start].contains { $0.text == "for" }
    }

    /// Names that a line declares as a Dictionary or a Set.
    private static func hashedNames(in line: Substring) -> [String] {
        let text = Array(line.utf8)
        var result: [String] = []
        for place in text.indices where text[place] == 0x3A || text[place] == 0x3D {
            var start = place
            while start > 0, text[start - 1] == 0x20 { start -= 1 }
            let end = start
            while start > 0, TidyWord.isNamePart(text[start - 1]) { start -= 1 }
            guard start < end else { continue }
            let type = line.utf8.dropFirst(place + 1).drop { $0 == 0x20 }
            if isHashedType(Array(type)) {
                result.append(String(decoding: text[start..<end], as: UTF8.self))
            }
        }
        return result
    }

    private static func isHashedType(_ text: [UInt8]) -> Bool {
        for name in ["Set<", "Dictionary<", "Set("] where text.starts(with: name.utf8) {
            return true
        }
        // `[Key: Value]` of types; in a literal the key is a value.
        guard text.count > 1, text[0] == UInt8(ascii: "["), beginsType(text[1]) else {
            return false
        }
        var depth = 0
        for (place, byte) in text.enumerated().dropFirst() {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "("), UInt8(ascii: "<"): depth += 1
            case UInt8(ascii: "]") where depth == 0: return false
            case UInt8(ascii: "]"), UInt8(ascii: ")"), UInt8(ascii: ">"): depth -= 1
            case UInt8(ascii: ":") where depth == 0:
                guard let value = text[(place + 1)...].first(where: { $0 != 0x20 }) else {
                    return false
                }
                return beginsType(value)
            default: break
            }
        }
        return false
    }

    private static func beginsType(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "["), UInt8(ascii: "("): true
        default: false
        }
    }

    // MARK: All sources

    /// The most lines of a file; the house's aim is 500.
    static let longestFile = 650

    /// A file is not far over its length.
    static func length(_ source: TidySource) -> [TidyFinding] {
        let count = source.lines.count - (source.lines.last?.isEmpty == true ? 1 : 0)
        guard count > longestFile else { return [] }
        return [TidyFinding(path: source.path, line: 0, text: "has \(count) lines")]
    }

    // Put together, so that this file does not find itself.
    private static let reminders = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]

    /// A reminder says why it is there: a colon and three words at the least.
    static func reasons(_ source: TidySource) -> [TidyFinding] {
        source.lines.indices.flatMap { line -> [TidyFinding] in
            guard reminders.contains(where: { source.lines[line].contains($0) }) else { return [] }
            let words = TidyWord.all(in: source.lines[line])
            return words.indices.compactMap { place -> TidyFinding? in
                guard reminders.contains(words[place].text) else { return nil }
                let isExplained = words[place].after == ":" && words.count - place > 3
                guard !isExplained else { return nil }
                return TidyFinding(
                    path: source.path, line: line + 1, text: "\(words[place].text) without a reason"
                )
            }
        }
    }

    private static let modifiers: Set = [
        "static", "final", "indirect", "nonisolated", "mutating", "consuming", "borrowing",
        "convenience", "required", "override", "lazy", "weak", "unowned", "class", "unsafe",
        "private", "internal", "fileprivate", "package", "set",
    ]
    private static let declarations: Set = [
        "func", "var", "let", "struct", "enum", "class", "actor", "protocol", "typealias", "init",
        "subscript", "macro", "associatedtype",
    ]

    /// A public declaration has a documentation comment right before it or its attributes.
    static func documentation(_ source: TidySource) -> [TidyFinding] {
        source.code.indices.compactMap { line in
            guard let name = publicDeclaration(source.code[line]) else { return nil }
            var above = line - 1
            while above >= 0, trimmed(source.lines[above]).hasPrefix("@") { above -= 1 }
            let comment = above >= 0 ? trimmed(source.lines[above]) : ""
            guard !comment.hasPrefix("///"), !comment.hasSuffix("*/") else { return nil }
            return TidyFinding(path: source.path, line: line + 1, text: "\(name) is not documented")
        }
    }

    /// The name that a line declares for everybody; nil for any other line.
    private static func publicDeclaration(_ line: Substring) -> String? {
        var words = TidyWord.all(in: trimmed(withoutAttributes(line)))[...]
        var isPublic = false
        while let word = words.popFirst() {
            if word.text == "public" || word.text == "open" {
                isPublic = true
            } else if declarations.contains(word.text), words.first?.text != "func",
                words.first?.text != "var"
            {
                guard isPublic else { return nil }
                let isNamed = word.text != "init" && word.text != "subscript"
                return isNamed ? words.first?.text ?? word.text : word.text
            } else if !modifiers.contains(word.text) {
                return nil
            }
        }
        return nil
    }

    private static func trimmed(_ line: Substring) -> Substring { line.drop { $0 == " " } }

    private static func withoutAttributes(_ line: Substring) -> Substring {
        var rest = trimmed(line)
        while rest.first == "@" {
            rest = rest.dropFirst().drop { $0.isLetter || $0 == "_" || $0.isNumber }
            if rest.first == "(" { rest = rest.drop { $0 != ")" }.dropFirst() }
            rest = trimmed(rest)
        }
        return rest
    }

    // MARK: Lines of the log

    /// A line that people were told to look for in the log.
    struct LogLine {
        var name: String
        /// What the literals of the line begin with; the last one stands in the call itself.
        var pieces: [String]
    }

    /// The lines that no source writes.
    static func missing(_ table: [LogLine], in sources: [TidySource]) -> [String] {
        table.filter { line in !sources.contains { writes(line, $0) } }.map(\.name)
    }

    private static func writes(_ line: LogLine, _ source: TidySource) -> Bool {
        line.pieces.enumerated().allSatisfy { place, piece in
            source.texts.contains {
                $0.text.hasPrefix(piece)
                    && (place < line.pieces.count - 1 || isLogged(at: $0.line, source))
            }
        }
    }

    /// True when a call of the log begins on the line or a few before it.
    private static func isLogged(at line: Int, _ source: TidySource) -> Bool {
        (max(0, line - 8)..<line).contains { number in
            source.words(number).contains { $0.owner == "log" }
        }
    }

    // MARK: Files that tests read

    /// What of a planted bug does not fit the sources any more: a file that is not there, or a place
    /// that the file does not have.
    static func misfits(
        _ bug: String, path: String, sources: (String) -> String?
    ) -> [TidyFinding] {
        var result: [TidyFinding] = []
        var file: String?
        var place: [Substring]?
        func add(_ line: Int, _ text: String) {
            result.append(TidyFinding(path: path, line: line + 1, text: text))
        }
        let lines = bug.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            if line.hasPrefix("file: ") {
                let name = String(line.dropFirst(6))
                file = sources(name)
                if file == nil { add(number, "there is no \(name)") }
            } else if line == "<<<<" {
                place = []
            } else if line == "====", let text = place?.joined(separator: "\n") {
                place = nil
                if let file, !file.contains(text) { add(number, "the file has no such place") }
            } else {
                place?.append(line)
            }
        }
        if file == nil, result.isEmpty { add(-1, "changes no file") }
        return result
    }

    /// The files of which no source, script or list speaks by name.
    static func unused(_ files: [String], mentionedIn texts: [String]) -> [String] {
        files.filter { path in
            let name = path.split(separator: "/").last.map(String.init) ?? path
            let stem = name.split(separator: ".").first.map(String.init) ?? name
            return !texts.contains { $0.contains(stem) }
        }
    }
}
