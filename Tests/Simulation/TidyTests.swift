import Protocols
import Testing

/// The rules of the house, read off the sources. Each rule shows on a made-up piece that it can fail.
@Suite struct TidyTests {
    private static let pure: [(directory: String, imports: [String])] = [
        ("Sources/Protocols", []), ("Sources/SimNet", ["Protocols"]),
        ("Sources/TerminalClient", ["Protocols", "EdgeCodecs"]),
    ]

    private func sources(_ directories: String...) -> [TidySource] {
        let result = directories.flatMap { TidyPackage.sources(below: $0) }
        #expect(result.count >= directories.count, "no sources were found in \(directories)")
        return result
    }

    private func lines(
        _ rule: (TidySource) -> [TidyFinding], of piece: String
    ) -> [String] {
        rule(TidySource(path: "piece", piece)).map { "\($0.line) \($0.text)" }
    }

    // MARK: The pure modules

    @Test("the pure modules import nothing but one another")
    func pureImports() {
        for (directory, imports) in Self.pure {
            let found = sources(directory).flatMap { TidyRules.imports($0, allowed: imports) }
            #expect(found == [])
        }
    }

    @Test("an import in a pure module is found, in a comment or a text it is none")
    func importsAreFound() {
        let piece = """
            import Protocols
            // import Glibc
            @preconcurrency import Foundation
            let text = "import Dispatch"
            """
        #expect(
            lines({ TidyRules.imports($0, allowed: ["Protocols"]) }, of: piece)
                == ["3 imports Foundation"])
    }

    @Test("the pure modules have no clock, chance, thread, floating point, output or random hash")
    func purity() {
        for (directory, _) in Self.pure {
            #expect(sources(directory).flatMap(TidyRules.purity) == [])
        }
    }

    @Test(
        "what a pure module must not use is found",
        arguments: [
            ("func f() async {}", "async"), ("let t = Date()", "Date"),
            ("let t = ContinuousClock.now", "ContinuousClock"), ("let t: Instant = .now", "now"),
            ("let t = Instant.now", "now"), ("let n = Int.random(in: 0..<6)", "random"),
            ("list.shuffled()", "shuffled"), (#"print("x")"#, "print"),
            ("var h = Hasher()", "Hasher"), ("let x: Double = 1", "Double"),
            (#"let s = "\(list.randomElement())""#, "randomElement"), ("final class C {}", "class"),
        ])
    func impurityIsFound(piece: String, word: String) {
        #expect(lines(TidyRules.purity, of: piece).first == "1 uses \(word)")
    }

    @Test("words that only look like a clock, chance or output are let pass")
    func lookalikesPass() {
        let piece = """
            let a = context.now
            let b = world[0].now + random
            /// The print of a Date is drawn at random().
            let fingerprint = "print(Date())" /* shuffled /* Hasher */ async */
            let c = #"\\(Double)"#
            """
        #expect(lines(TidyRules.purity, of: piece) == [])
    }

    @Test("the pure modules never go through a Dictionary or a Set")
    func iteration() {
        for (directory, _) in Self.pure {
            #expect(sources(directory).flatMap(TidyRules.iteration) == [])
        }
    }

    @Test("going through a Dictionary or a Set is found, looking up is not")
    func iterationIsFound() {
        let piece = """
            private var table: [NodeID: Int] = [:]
            var seen: Set<UInt64> = []
            var sorted: SortedMap<NodeID, Bool> = [:]
            func f(_ names: [String: [Int]]) {
                for (key, value) in table {}
                for item in self.seen where item > 1 {}
                let all = names.keys.sorted()
                if seen.contains(1), table[node] == nil {}
                for (key, _) in sorted {}
                send(fields: [key: value])
                for field in fields {}
            }
            """
        #expect(
            lines(TidyRules.iteration, of: piece) == [
                "5 goes through table", "6 goes through seen", "7 goes through names",
            ])
    }

    // MARK: All sources

    @Test("no file is far over its length")
    func lengths() {
        #expect(sources("Sources", "Tests").flatMap(TidyRules.length) == [])
    }

    @Test("a file that is far over its length is found")
    func lengthIsFound() {
        let longest = String(repeating: "\n", count: TidyRules.longestFile)
        #expect(lines(TidyRules.length, of: longest) == [])
        #expect(lines(TidyRules.length, of: longest + "\n") == ["0 has 651 lines"])
    }

    @Test("every reminder says why it is there")
    func reasons() {
        var all = sources("Sources", "Tests")
        all += TidyPackage.files(below: "scripts").map {
            TidySource(path: $0, TidyPackage.content(of: $0))
        }
        #expect(all.flatMap(TidyRules.reasons) == [])
    }

    @Test("a reminder without a reason is found")
    func missingReasonIsFound() {
        let word = "TO" + "DO"
        let piece = """
            // \(word)
            // \(word): later
            // \(word): when members can be changed at run time
            """
        #expect(
            lines(TidyRules.reasons, of: piece) == [
                "1 \(word) without a reason", "2 \(word) without a reason",
            ])
    }

    @Test("every public declaration is documented")
    func documentation() {
        #expect(sources("Sources").flatMap(TidyRules.documentation) == [])
    }

    @Test("a public declaration without documentation is found")
    func missingDocumentationIsFound() {
        let piece = """
            public struct A {
                /// Documented.
                @inlinable
                public var a: Int
                @inlinable public func b() {}
                // Not documentation.
                public static let c = 1
                public init() {}
                public private(set) var d = 2
                var e = "public func f"
                func g() {}
            }
            public extension A {}
            """
        #expect(
            lines(TidyRules.documentation, of: piece) == [
                "1 A is not documented", "5 b is not documented", "7 c is not documented",
                "8 init is not documented", "9 d is not documented",
            ])
    }

    // MARK: What people look for

    /// The users' guides tell people to look for these in a node's log.
    private static let logLines: [TidyRules.LogLine] = [
        .init(name: "LEADER", pieces: ["LEADER"]),
        .init(name: "WebSocket server started", pieces: ["WebSocket", " server started"]),
        .init(name: "Node server ready", pieces: ["Node server ready"]),
        .init(name: "connected", pieces: ["connected"]),
        .init(name: "room_id", pieces: ["room_id"]),
    ]

    @Test("the lines of the log that the guides speak of are written")
    func logLines() {
        #expect(TidyRules.missing(Self.logLines, in: sources("Sources/LiveNet")) == [])
    }

    @Test("a line of the log that nobody writes is found")
    func missingLogLineIsFound() {
        let piece = """
            let key = "connected"
            func f(name: String) {
                open("WebSocket")
                g()
                g()
                g()
                g()
                g()
                g()
                g()
                log.info("\\(name) server started", [:])
                log.info(
                    "disconnected",
                    ["room_id": .text(room)])
            }
            """
        let source = TidySource(path: "piece", piece)
        #expect(
            TidyRules.missing(Self.logLines, in: [source]) == [
                "LEADER", "Node server ready", "connected",
            ])
    }

    @Test("every file beside the tests is used by one")
    func testFilesAreUsed() {
        let swift = sources("Sources", "Tests")
        let files = TidyPackage.files(below: "Tests").filter { !$0.hasSuffix(".swift") }
        let texts =
            swift.flatMap { $0.texts.map(\.text) }
            + TidyPackage.files(below: "scripts").map { TidyPackage.content(of: $0) }
        #expect(TidyRules.unused(files, mentionedIn: texts) == [])
    }

    @Test("a file that nobody speaks of is found")
    func unusedFileIsFound() {
        let files = ["Tests/Scenarios/torn-tail.scenario", "Tests/Scenarios/forgotten.scenario"]
        #expect(
            TidyRules.unused(files, mentionedIn: ["play(\"torn-tail\")"])
                == ["Tests/Scenarios/forgotten.scenario"])
    }

    @Test("every mark is expected by a test or by a scenario")
    func marksAreExpected() {
        var used = Set<String>()
        for source in sources("Tests") {
            for line in source.code.indices {
                let words = source.words(line)
                guard words.contains(where: { $0.text == "marks" || $0.text == "Mark" }) else {
                    continue
                }
                for word in words where word.before == "." { used.insert(word.text) }
            }
        }
        let scenarios = TidyPackage.files(below: "Tests").filter { $0.hasSuffix(".scenario") }
        let texts = sources("Tests").flatMap { $0.texts.map(\.text) }
        for text in texts + scenarios.map({ TidyPackage.content(of: $0) }) {
            let words = text.split { $0 == " " || $0.isNewline }
            for (word, next) in zip(words, words.dropFirst()) where word == "mark" {
                used.insert(String(next))
            }
        }
        #expect(Mark.allCases.map { "\($0)" }.filter { !used.contains($0) } == [])
    }

    @Test("every planted bug still has its place in the sources")
    func plantedBugsFit() {
        let bugs = TidyPackage.files(below: "planted").filter { $0.hasSuffix(".bug") }
        let found = bugs.flatMap { bug in
            TidyRules.misfits(TidyPackage.content(of: bug), path: bug) {
                let content = TidyPackage.content(of: $0)
                return content.isEmpty ? nil : content
            }
        }
        #expect(found == [])
    }

    @Test("a planted bug whose place is gone is found")
    func misfitIsFound() {
        let bug = """
            number: 1
            file: A.swift
            <<<<
            let a = 1
            ====
            let a = 2
            >>>>
            <<<<
            let b = 1
            ====
            let b = 2
            >>>>
            file: B.swift
            """
        let found = TidyRules.misfits(bug, path: "bug") { $0 == "A.swift" ? "let a = 1\n" : nil }
        #expect(
            found.map(\.description) == [
                "bug:10: the file has no such place", "bug:13: there is no B.swift",
            ])
        #expect(
            TidyRules.misfits("number: 1", path: "bug") { _ in nil }.map(\.description)
                == ["bug: changes no file"])
    }
}
