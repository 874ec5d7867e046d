import Foundation
import Testing

/// The planted bugs must keep fitting the sources, or the kill matrix would check nothing.
@Suite("Planted bugs")
struct PlantedTests {
    private struct Edit {
        var file: String
        var find: String
        var put: String
    }

    private struct Bug {
        var name: String
        var number: Int
        var edits: [Edit]
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func read(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    private static func bugs() throws -> [Bug] {
        let folder = root.appendingPathComponent("planted").path
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        return try names.filter { $0.hasSuffix(".bug") }.map { name in
            try parse(name, read("planted/\(name)"))
        }
    }

    private static func parse(_ name: String, _ text: String) throws -> Bug {
        var bug = Bug(name: name, number: 0, edits: [])
        var file = ""
        var find: [Substring]?
        var put: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if put != nil {
                if line == ">>>>" {
                    bug.edits.append(
                        Edit(
                            file: file, find: find!.joined(separator: "\n"),
                            put: put!.joined(separator: "\n")))
                    (find, put) = (nil, nil)
                } else {
                    put!.append(line)
                }
            } else if find != nil {
                if line == "====" { put = [] } else { find!.append(line) }
            } else if line == "<<<<" {
                find = []
            } else if line.hasPrefix("file: ") {
                file = String(line.dropFirst(6))
            } else if line.hasPrefix("number: ") {
                bug.number = try #require(Int(line.dropFirst(8)))
            }
        }
        try #require(find == nil, "the last edit of \(name) does not end")
        return bug
    }

    @Test("every planted bug's text stands exactly once in the sources")
    func textsAreFound() throws {
        var sources: [String: String] = [:]
        for bug in try Self.bugs() {
            #expect(!bug.edits.isEmpty, "\(bug.name) changes nothing")
            for edit in bug.edits {
                let source = try sources[edit.file] ?? Self.read(edit.file)
                sources[edit.file] = source
                let count = source.components(separatedBy: edit.find).count - 1
                #expect(count == 1, "\(bug.name): found \(count) times: \(edit.find)")
            }
        }
    }

    @Test("no two planted bugs change the same text")
    func editsAreApart() throws {
        var places: [String: [(range: Range<String.Index>, bug: String)]] = [:]
        for bug in try Self.bugs() {
            for edit in bug.edits {
                let source = try Self.read(edit.file)
                guard let range = source.range(of: edit.find) else { continue }
                for place in places[edit.file] ?? [] {
                    #expect(!place.range.overlaps(range), "\(place.bug) and \(bug.name) collide")
                }
                places[edit.file, default: []].append((range, bug.name))
            }
        }
    }

    @Test("each planted bug has the number of its file and is switched by it")
    func numbersAreTheirOwn() throws {
        for bug in try Self.bugs() {
            #expect(Int(bug.name.prefix { $0 != "-" }) == bug.number, "\(bug.name)")
            let asks = bug.edits.contains { $0.put.contains("Planted.is(\(bug.number))") }
            #expect(asks, "\(bug.name) never asks for its number")
        }
    }

    @Test("all bugs that must be caught by now are planted, once each")
    func requiredBugsAreThere() throws {
        let required =
            Array(1...9) + Array(11...27) + Array(30...36) + [41, 42, 45, 46, 50, 51]
            + [53, 54, 55, 56, 60, 61, 70]
        #expect(try Self.bugs().map(\.number).sorted() == required)
    }

    @Test("the sources know nothing of planted bugs")
    func sourcesReadClean() throws {
        for folder in ["Sources/Protocols", "Sources/SimNet", "Sources/LiveNet"] {
            let path = Self.root.appendingPathComponent(folder).path
            let names = FileManager.default.enumerator(atPath: path)
            while let name = names?.nextObject() as? String {
                guard name.hasSuffix(".swift") else { continue }
                #expect(!(try Self.read("\(folder)/\(name)")).contains("Planted."), "\(name)")
            }
        }
    }
}
