import Foundation
import Protocols
import SimCodecs
import SimNet
import Testing

/// The written scenarios: each comes out as it says, and tells the story that is kept beside it.
///
/// `REWRITE=1 swift test --filter ScenarioTests` keeps the stories as they are told now.
@Suite struct ScenarioTests {
    /// All scenarios; a file that is missing here is found by the rules of the house.
    static let names = [
        "chat-message-survives-leader", "chat-reader-behind-snapshot", "chat-reader-comes-back",
        "chat-retry-says-it-once", "commit-stops-at-match", "compacted-previous-is-no-conflict",
        "conflicting-suffix-replaced", "corrupt-log-is-refused", "corrupt-snapshot-is-refused",
        "crash-of-all-keeps-acknowledged", "cut-off-leader-answers-no-read",
        "cut-off-leader-steps-down", "deaf-leader-steps-down", "disk-full", "disruptive-server",
        "drain-hands-over", "duplicates-and-overtaking", "durable-index-follows-truncation",
        "failing-sync-stops-the-node", "figure-8", "follower-behind-gets-snapshot",
        "follower-is-probed-back", "late-write-of-removed-entry", "old-leader-drops-its-tail",
        "only-a-whole-log-wins",
        "partial-partition", "partitioned-candidate-comes-back", "prefix-snapshot-keeps-suffix",
        "read-waits-for-own-commit", "retry-applied-once", "stale-append-keeps-suffix",
        "stale-snapshot-ignored", "stale-vote-not-counted", "stalled-disk-leader-steps-down",
        "term-and-vote-in-one-write", "torn-tail-cut", "transfer-to-failing-target",
        "vote-counted-once", "vote-stands-after-lost-election", "vote-survives-crash",
        "wall-clock-jump-expires-nothing", "wiped-node-has-no-vote",
    ]

    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Scenarios")

    private static func file(_ name: String, _ kind: String) -> URL {
        folder.appendingPathComponent("\(name).\(kind)")
    }

    private static func scenario(_ name: String) throws -> Scenario {
        try Scenario.parse(String(contentsOf: file(name, "scenario"), encoding: .utf8))
    }

    @Test("a scenario comes out as expected and tells the kept story", arguments: names)
    func storyIsKept(name: String) throws {
        var run = ScenarioRun(try Self.scenario(name), codecs: chatCodecs)
        _ = run.run()
        for line in run.disappointments { Issue.record("\(name): \(line)") }
        let told = run.outline.joined(separator: "\n") + "\n"
        let file = Self.file(name, "story")
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            try told.write(to: file, atomically: true, encoding: .utf8)
        }
        let kept = try? String(contentsOf: file, encoding: .utf8)
        let isKept = told == kept
        #expect(isKept, "\(name) tells another story:\n\(Self.difference(kept ?? "", told))")
    }

    /// The first line that differs, with its number.
    private static func difference(_ kept: String, _ told: String) -> String {
        let kept = kept.split(separator: "\n")
        let told = told.split(separator: "\n")
        let place = zip(kept, told).prefix { $0 == $1 }.count
        let end = "(the end)"
        return "line \(place + 1)\n  kept: \(place < kept.count ? String(kept[place]) : end)"
            + "\n  told: \(place < told.count ? String(told[place]) : end)"
    }

    @Test("a scenario goes the same way twice, and from its printed text", arguments: names)
    func runsRepeat(name: String) throws {
        let scenario = try Self.scenario(name)
        var first = ScenarioRun(scenario, codecs: chatCodecs)
        var second = ScenarioRun(try Scenario.parse(scenario.text), codecs: chatCodecs)
        #expect(first.run() == second.run())
        #expect(first.story == second.story)
    }

    @Test("a scenario names its source", arguments: names)
    func sourcesAreNamed(name: String) throws {
        let comments = try Self.scenario(name).comments
        #expect(comments.contains { $0.hasPrefix("source: ") })
    }

    @Test("every planted bug that a scenario says to catch is there")
    func catchesArePlanted() throws {
        let planted = Self.folder.deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("planted")
        let bugs = try FileManager.default.contentsOfDirectory(atPath: planted.path)
            .filter { $0.hasSuffix(".bug") }.compactMap { Int($0.prefix { $0 != "-" }) }
        for name in Self.names {
            for comment in try Self.scenario(name).comments where comment.hasPrefix("catches: ") {
                let numbers = comment.split(separator: " ").dropFirst().map { Int($0) }
                let areKnown = numbers.allSatisfy { number in bugs.contains { $0 == number } }
                #expect(areKnown && !numbers.isEmpty, "\(name): \(comment)")
            }
        }
    }

    @Test(
        "what does not come out as expected is said",
        arguments: [
            ("expect leader node2 by 2s", "expected leader node2 by 2s"),
            ("expect no leader at 2s", "expected no leader at 2s"),
            ("expect stuck", "expected stuck, and it held"),
            ("expect violation chat", "expected violation chat, and it held"),
            ("expect mark snapshotSent", "expected mark snapshotSent"),
            ("expect no mark electedLeader", "expected no mark electedLeader"),
            (
                "expect client0 reads r0 A B",
                "expected client0 reads r0 A B, and the answers were: nothing A"
            ),
            (
                "expect client0 writes r0",
                "expected client0 writes r0, and the answers were: done"
            ),
            (
                "expect client1 hears lobby nothing",
                "expected client1 hears lobby nothing, and the answers were: hello"
            ),
            (
                "expect client1 says attic done",
                "expected client1 says attic done, and the answers were: none"
            ),
            ("2.000 drop timeoutNow any->any", "no message met '2.000 drop timeoutNow any->any'"),
        ])
    func disappointments(line: String, said: String) throws {
        let text = """
            for 15s
            0.000 candidates node1
            2.000 client0 at node1
            2.000 client1 at node2
            2.100 client0 read r0
            2.200 client0 write r0 A
            2.300 client0 read r0
            2.400 client1 say lobby hello
            expect leader node1 by 2s
            expect client0 reads r0 nothing A
            expect client0 writes r0 done
            expect client1 says lobby done
            expect client1 hears lobby hello
            """
        var plain = ScenarioRun(try Scenario.parse(text))
        _ = plain.run()
        #expect(plain.disappointments == [])
        var run = ScenarioRun(try Scenario.parse(text + "\n" + line))
        _ = run.run()
        #expect(run.disappointments == [said])
    }

    @Test("a client does what it was ordered, one thing after the other")
    func ordersAreObeyed() throws {
        let text = """
            for 20s
            2.000 client0 at node1
            2.000 client1 at node2
            2.000 client0 say lobby one
            2.500 client1 join lobby
            3.000 client1 leave lobby
            3.500 client0 say lobby two
            4.000 client1 say lobby three
            4.000 client1 leave lobby
            4.000 client1 say attic four
            5.000 client0 say lobby five
            6.000 reset client0
            7.000 client0 say lobby six
            expect client0 says lobby done done done done
            expect client0 hears lobby one two three five six
            expect client1 says lobby done
            expect client1 says attic done
            expect client1 hears lobby one two three
            expect client1 hears attic four
            """
        var run = ScenarioRun(try Scenario.parse(text))
        _ = run.run()
        #expect(run.disappointments == [])
    }

    @Test(
        "the scenario of a seed is the seed's run", arguments: 0..<40 as Range<UInt64>)
    func seedsCanBeWritten(seed: UInt64) throws {
        var world = World(seed: seed, duration: .seconds(20), codecs: chatCodecs)
        let scenario = Scenario(seed: seed, duration: .seconds(20))
        var run = ScenarioRun(try Scenario.parse(scenario.text), codecs: chatCodecs)
        let result = run.run()
        #expect(result.digest == world.run().digest)
        #expect(result.verdict == world.result.verdict)
        #expect(result.statistics == world.result.statistics)
    }
}
