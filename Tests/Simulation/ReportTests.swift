import EdgeCodecs
import Protocols
import SimCodecs
import Testing

@testable import SimNet

/// The page that shows a run: its data is complete, it repeats, and it loads nothing.
@Suite struct ReportTests {
    private static let origin = ReportOrigin(command: "parley-sim replay", commit: "none")

    private func recorded(_ seed: UInt64, mix: Mix = .swarm) -> World {
        var world = World(seed: seed, mix: mix, duration: .seconds(20), codecs: chatCodecs)
        world.beginRecording()
        _ = world.run()
        return world
    }

    private func count(_ world: World, _ fault: Fault) -> Int {
        Int(world.statistics.faults[Int(fault.rawValue)])
    }

    @Test("a recorded run is the run", arguments: 0..<12 as Range<UInt64>)
    func recordingChangesNothing(seed: UInt64) {
        var plain = World(seed: seed, duration: .seconds(20), codecs: chatCodecs)
        let watched = recorded(seed)
        #expect(watched.result == plain.run())
    }

    @Test("counts equal the statistics", arguments: 0..<12 as Range<UInt64>)
    func countsAgree(seed: UInt64) throws {
        for mix in [Mix.swarm, .bytes] {
            let world = recorded(seed, mix: mix)
            let book = try #require(world.recorder)
            #expect(book.steps == world.statistics.events)
            #expect(book.messages.count { $0.isCopy } == count(world, .messageDuplicated))
            let lost = book.messages.count { $0.fate == .lost && $0.kind.rawValue < 16 }
            #expect(lost == count(world, .messageLost))
            for fault in [Fault.crash, .restart, .partition, .pause, .diskStall, .wallJump] {
                let seen = book.moments.filter {
                    $0.kind == .fault && book.strings[Int($0.text)] == "\(fault)"
                }
                #expect(seen.reduce(0) { $0 + Int($1.value) } == count(world, fault))
            }
            for mark in Mark.allCases {
                let seen = book.moments.filter {
                    $0.kind == .mark && book.strings[Int($0.text)] == "\(mark)"
                }
                let total = seen.reduce(0) { $0 + $1.value }
                #expect(total == world.statistics.marks[Int(mark.rawValue)])
            }
        }
    }

    @Test("every message to a node that arrived is a step of it", arguments: [1, 2, 7] as [UInt64])
    func arrivalsAreSteps(seed: UInt64) throws {
        for mix in [Mix.calm, .swarm, .bytes] {
            var world = World(seed: seed, mix: mix, duration: .seconds(15), codecs: chatCodecs)
            world.beginRecording()
            world.beginTrace()
            _ = world.run()
            let steps = world.takeTrace().count { line in
                let words = line.split(separator: " ")
                return words.count > 3 && words[1].hasPrefix("node") && words[2] == "from"
            }
            let book = try #require(world.recorder)
            let isOfPeers = { (message: Recorder.Message) in
                message.from < book.nodes && message.to < book.nodes
            }
            // What is forged is made where it is taken: it never was on its way.
            let forged = world.statistics.faults[Int(Fault.messageForged.rawValue)]
            let arrived = book.messages.count { isOfPeers($0) && $0.fate == .arrived }
            #expect(arrived == steps - Int(forged))
            #expect(book.messages.allSatisfy { $0.ended == -1 || $0.ended >= $0.sent })
            #expect(zip(book.messages, book.messages.dropFirst()).allSatisfy { $0.sent <= $1.sent })
        }
    }

    @Test("the history has every operation that the clients recorded")
    func historyIsWhole() throws {
        let world = recorded(3, mix: .calm)
        let operations = try #require(world.recorder).operations.all
        #expect(operations.count > 50)
        #expect(operations.allSatisfy { $0.returned == -1 || $0.returned >= $0.invoked })
        #expect(operations.allSatisfy { $0.returned >= 0 || $0.outcome == .pending })
        #expect(operations.count { $0.outcome == .done } > operations.count / 2)
        #expect(Set(operations.map(\.client)).count == world.clients.count)
    }

    @Test("roles of a calm run: one leader, under whom all others follow to the end")
    func spansTellTheEnd() throws {
        let world = recorded(3, mix: .calm)
        let book = try #require(world.recorder)
        for (host, node) in world.nodes.enumerated() {
            let last = try #require(book.spans.last { $0.host == host })
            #expect(last.status == 0)
            #expect(last.role == node.raft.role)
            #expect(last.term == node.raft.term.rawValue)
            let committed = book.progress.last { $0.host == host && !$0.isApply }
            #expect(committed?.index == node.raft.commitIndex.rawValue)
        }
        #expect(book.bars == [])
    }

    @Test("the data is JSON and whole", arguments: [0, 1, 4] as [UInt64])
    func dataIsJSON(seed: UInt64) throws {
        let world = recorded(seed)
        let book = try #require(world.recorder)
        var data = ReportData(world, Self.origin)
        let reader = JSONReader(maximumBytes: 1 << 26)
        try reader.parse(data.json())
        #expect(reader.int64("nodes") == Int64(world.hosts.count))
        #expect(reader.int64("events") == Int64(world.statistics.events))
        #expect(reader.string("seed") == "\(seed)")
        for column in ["t", "d", "p", "k", "r", "s"] as [StaticString] {
            #expect(reader.count("messages", column) == book.messages.count)
        }
        #expect(reader.count("spans") == book.spans.count)
        #expect(reader.count("operations") == book.operations.all.count)
        #expect((reader.count("strings") ?? 0) >= book.strings.count)
    }

    @Test("texts of any kind become JSON that cannot end the script it stands in")
    func textsAreEscaped() throws {
        var json = JSONBytes()
        json.open("{")
        json.key("text")
        json.text("</script> \"quoted\" \\ \n\u{1} ünï")
        json.close("}")
        let reader = JSONReader()
        try reader.parse(json.bytes)
        #expect(reader.string("text") == "</script> \"quoted\" \\ \n\u{1} ünï")
        #expect(!json.bytes.contains(UInt8(ascii: "<")))
    }

    @Test("the page loads nothing and names no address outside of it")
    func pageIsSelfContained() {
        let page = String(decoding: recorded(2).reportPage(Self.origin), as: UTF8.self)
        for text in ["http:", "https:", "//cdn", "src=", "href=", "@import", "url(", "fetch("] {
            #expect(!page.contains(text), "the page has \(text)")
        }
        #expect(page.hasPrefix("<!doctype html>"))
        #expect(page.hasSuffix("</html>\n"))
    }

    @Test("the same seed gives the same page, byte for byte")
    func pagesRepeat() {
        let pages = (0..<2).map { _ in recorded(5).reportPage(Self.origin) }
        #expect(pages[0] == pages[1])
        #expect(pages[0] != recorded(6).reportPage(Self.origin))
    }
}
