import Foundation
import Glibc
import Testing

@testable import parley_bench

extension Live {
    @Suite("an hour of chat")
    struct ChatHour {
        @Test("nodes are killed, paused and cut off: nothing lost, nothing twice, membership right")
        func short() throws {
            let package = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
            let directory = TemporaryDirectory()
            let output = directory.path + "/output"
            let node = try program("parley-node")
            let process = try ChildProcess(
                "/bin/bash", [package + "/scripts/chat-hour"],
                environment: [
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "PROGRAMS": String(node[..<node.lastIndex(of: "/")!]),
                    "PORT_BASE": "\(FreePorts.take(40)[0])", "CLIENTS": "60", "RATE": "120",
                    "SECONDS_OF_LOAD": "60", "EARLY": "1", "CALM": "0.5",
                    "FAULTS": "kill:leader:1 pause:2:1.5 cut:leader:2.5",
                ], output: output)
            let end = try process.waitForEnd(within: 120)
            let said = String(decoding: contents(of: output), as: UTF8.self)
            #expect(end == .exited(0), "\(said)")
            #expect(said.hasSuffix("make chat-hour: 3 faults, every promise held\n"), "\(said)")
            let line = said.split(separator: "\n").first { $0.hasPrefix("{") }
            let json = try JSONSerialization.jsonObject(with: Data((line ?? "{}").utf8))
            let report = try #require(json as? [String: Any])
            #expect(report["ok"] as? Bool == true)
            #expect(report["acknowledged"] as? Int ?? 0 > 500)
            #expect(report["member_lists"] as? Int == 60 + 3 * 3)
            // What the faults did was felt.
            #expect(report["disconnects"] as? Int ?? 0 > 0)
        }
    }
}

/// What `parley-bench chat` would miss if these did.
@Suite("the judgement of a chat load")
struct LedgerTests {
    private func receipts(_ sequences: [UInt64]) -> Receipts {
        var receipts = Receipts()
        for sequence in sequences { _ = receipts.take(sequence) }
        return receipts
    }

    private func ledger(_ identities: [UInt64]) -> Ledger {
        var ledger = Ledger()
        for (index, identity) in identities.enumerated() {
            ledger.acknowledge(identity, at: UInt64(index + 1))
        }
        return ledger
    }

    @Test("an acknowledged message that a receiver lacks is lost, in the middle and at the end")
    func lost() {
        let ledger = ledger([10, 20, 30])
        #expect(ledger.lost(receipts([1, 2, 3])) == 0)
        #expect(ledger.lost(receipts([1, 3])) == 1)
        #expect(ledger.lost(receipts([1, 2])) == 1)
        #expect(ledger.lost(receipts([])) == 3)
        var unanswered = Ledger()
        unanswered.note(10, at: 1)
        #expect(unanswered.lost(receipts([])) == 0, "nobody was promised anything")
    }

    @Test("a message that comes again or late is counted")
    func twice() {
        let seen = receipts([1, 2, 2, 4, 3])
        #expect(seen.duplicates == 1 && seen.late == 1 && seen.missing == [])
    }

    @Test("two messages under one number, one under two, and a number without any are seen")
    func order() {
        var contradicted = ledger([10, 20])
        contradicted.note(30, at: 2)
        #expect(contradicted.contradictions == 1)
        #expect(ledger([10, 20, 10]).doubled == 1)
        var gap = ledger([10])
        gap.acknowledge(30, at: 3)
        #expect(gap.gaps == 1)
        let good = ledger([10, 20, 30])
        #expect(good.contradictions == 0 && good.doubled == 0 && good.gaps == 0)
    }

    @Test("comings and goings that do not fit are faults")
    func roster() {
        var roster = Roster(of: "ann")
        roster.joined(["ann", "bob"], count: 2)
        roster.came("eve", count: 3)
        roster.left("bob", count: 2)
        #expect(roster.names == ["ann", "eve"] && roster.faults == 0 && roster.events == 2)
        var again = roster
        again.came("eve", count: 2)
        #expect(again.faults == 1, "who is there cannot come")
        again.left("bob", count: 2)
        #expect(again.faults == 2, "who is gone cannot go")
        again.came("pia", count: 4)
        #expect(again.faults == 3, "the count is wrong")
        var strange = Roster(of: "ann")
        strange.joined(["bob"], count: 1)
        #expect(strange.faults == 1, "who joined is not there")
    }

    @Test("a report with any fault is not good")
    func report() throws {
        let options = try ChatOptions(["--url", "ws://127.0.0.1:1", "--reconnect"])
        var report = ChatReport()
        #expect(!report.isGood(options), "nothing was acknowledged")
        report.ackLatency.add(1)
        #expect(report.isGood(options))
        for fault in [
            \ChatReport.lost, \.duplicates, \.disorder, \.rejected, \.unreadable, \.unanswered,
            \.memberFaults,
        ] {
            var bad = report
            bad[keyPath: fault] = 1
            #expect(!bad.isGood(options))
        }
    }
}
