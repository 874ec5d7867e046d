import Protocols
import SimNet
import Testing

/// The form of scenarios: what is printed is read again, and what is wrong is said with its line.
@Suite struct ScenarioTextTests {
    private static let strikes = [
        "partition nobody | rest", "partition node1 node3 | rest noticed for 1.5s",
        "one-way to node2", "one-way from node2 noticed for 300ms",
        "cut node1->node2", "cut node2<->node3 noticed for 40us", "clog node1->node2 for 2s",
        "reset node1<->node2 within 0s", "reset node3<->node2 within 500ms", "heal",
        "drop any any->any", "drop append node1->any skip 2 next 3 for 2s",
        "delay matched any->node2 by 7ns next 1", "duplicate voteResponse node1->node2 after 20ms",
        "candidates node1 node3 for 1s", "candidates all", "candidates all for 2s",
        "reset client0", "unreachable node1 for 2s", "client0 at node2", "client1 write r0",
        "client1 write r0 A", "client1 read r0", "client2 join lobby", "client2 say lobby hello",
        "client2 leave lobby", "crash node1", "crash node1 node2 node3 power for 2s",
        "crash node2 lose unsynced", "crash node2 torn for 10ms", "restart node1",
        "ambush node1 any", "ambush node2 hardState after 2 effects wrote torn for 1s",
        "ambush node2 entries effects said power", "ambush node2 snapshot effects all",
        "ambush node3 answer lose unsynced for 3s", "stumble node1 for 100ms",
        "stumble node1 power for 1s", "pause node1 for 3s", "slow node1 by 2ms for 3s",
        "drain node1", "drain node1 for 2s", "transfer", "transfer to node3",
        "slow disk node1 times 20 for 3s", "stall disk node1 for 2s", "fail sync node1",
        "fail sync node1 for 1s", "fill disk node1 for 1s", "misdirect node1", "rot node1",
        "jump node1 by -20s", "jump node1 by 300ms", "wipe node1", "wipe node1 for 1s", "reseed 7",
    ]

    @Test("every strike is printed as it was read", arguments: strikes)
    func strikesRoundTrip(strike: String) throws {
        for line in ["2.100 \(strike)", "12.345678 \(strike) #17"] {
            let scenario = try Scenario.parse(line)
            #expect(scenario.lines.contains(line), "\(scenario.text)")
            #expect(try Scenario.parse(scenario.text) == scenario)
        }
    }

    @Test("every kind of message, of step and of last effects can be named")
    func namesRoundTrip() throws {
        var lines = MessageKind.allCases.map { "drop \($0) node1->node2" }
        for kind in StepKind.allCases {
            for last in LastEffects.allCases {
                lines.append(
                    "ambush node1 \(kind)" + (last == .drawn ? "" : " effects \(last)"))
            }
        }
        for line in lines {
            #expect(try Scenario.parse("1.000 \(line)").lines.contains("1.000 \(line)"))
        }
    }

    @Test(
        "other ways of writing come out the same",
        arguments: [
            ("2 heal", "2.000 heal"), ("2.5s heal", "2.500 heal"),
            ("  2.000   heal  # over", "2.000 heal"),
            ("1.000 partition node1 | node2 node3", "1.000 partition node1 | rest"),
            ("1.000 pause node1 3s", "1.000 pause node1 for 3s"),
            ("1.000 reset node1->node2", "1.000 reset node1<->node2 within 0s"),
            ("1.000 jump node1 2000ms", "1.000 jump node1 by 2s"),
            ("1.000 slow node1 by 2ms 3s", "1.000 slow node1 by 2ms for 3s"),
            ("1.000 stumble node1", "1.000 stumble node1 for 100ms"),
        ])
    func otherWays(written: String, printed: String) throws {
        #expect(try Scenario.parse(written).lines.contains(printed))
    }

    @Test("every setting is printed as it was read, and left out when it is as always")
    func settingsRoundTrip() throws {
        let plain = Scenario().lines
        for field in OptionField.all {
            let texts = ["yes", "901ms", "50ms", "500ms", "17"].map { "\(field.name) \($0)" }
            let readable = try #require(texts.first { (try? Scenario.parse($0)) != nil })
            let scenario = try Scenario.parse(readable)
            #expect(scenario.lines.contains(readable))
            #expect(scenario.lines.count == plain.count + 1, "\(field.name)")
            #expect(try Scenario.parse(scenario.text) == scenario)
        }
    }

    @Test(
        "what is no strike and no setting is printed as it was read",
        arguments: [
            ["# a name", "#", "# source: a paper"], ["nodes 5"], ["seed 18446744073709551615"],
            ["for 1.5s"], ["scripted 3"], ["clients all"], ["clients 0 2"],
            ["core node1 node2", "outside node3 cutOff"],
            ["core node3", "outside node1 heardOnly"],
            ["core node3", "outside node1 hearsOnly", "outside node2 connected"],
            ["expect held"], ["expect stuck"], ["expect violation chat"],
            ["expect leader node2 by 1.5s"], ["expect no leader at 12s"],
            ["expect mark snapshotKeptSuffix"], ["expect no mark snapshotKeptSuffix"],
            ["1.000 client0 read r0", "expect client0 reads r0 A nothing unknown"],
            ["1.000 client0 write r0", "expect client0 writes r0"],
            ["1.000 client0 say attic hi", "expect client0 says attic done"],
            ["1.000 client0 join attic", "expect client0 hears attic hi ho"],
        ])
    func linesRoundTrip(lines: [String]) throws {
        let scenario = try Scenario.parse(lines.joined(separator: "\n"))
        for line in lines { #expect(scenario.lines.contains(line), "\(scenario.text)") }
        #expect(try Scenario.parse(scenario.text) == scenario)
    }

    @Test("the run of a seed is printed and read again", arguments: Mix.allCases)
    func seedsRoundTrip(mix: Mix) throws {
        for seed in UInt64(0)..<100 {
            let scenario = Scenario(seed: seed, mix: mix)
            #expect(try Scenario.parse(scenario.text) == scenario, "seed \(seed)")
        }
    }

    @Test(
        "what is wrong is said with its line and what would be right",
        arguments: [
            ("nodes 0", "line 1: nodes 0: write a number from 1 to 15"),
            ("nodes", "line 1: the line ends: a number is missing"),
            ("\n\nseed x", "line 3: a seed is a whole number"),
            (
                "1.000 crash node4",
                "line 1: node4 is none of 3: 'nodes' stands above"
            ),
            ("1.000 crash", "line 1: crash whom? write crash node1"),
            (
                "1.000 pause node1 for 3",
                "line 1: '3' is no time: write one such as 2.5s, 300ms or 40us"
            ),
            (
                "1.0000000001 heal",
                "line 1: '1.0000000001' is no time: write seconds such as 12.300"
            ),
            ("1.000 heal now", "line 1: 'now' is too much on this line"),
            ("1.000 cut node1->node1", "line 1: a link joins two different nodes"),
            (
                "1.000 drop append node1",
                "line 1: 'node1' is no link: write node1->node2, any->node2 or node1<->node2"
            ),
            (
                "1.000 drop append node1<->node2",
                "line 1: a rule is for one direction: node1->node2, any->any"
            ),
            (
                "1.000 drop vote any->any",
                "line 1: 'vote': write one of any, append, probe, matched, rejected,"
                    + " heartbeat, heartbeatResponse, preVoteRequest, preVoteResponse,"
                    + " voteRequest, voteResponse, snapshotChunk, snapshotResponse,"
                    + " timeoutNow, forward, readRequest, readResponse"
            ),
            (
                "1.000 client0 sing r0",
                "line 1: 'sing' is no order: write at node1, write r0 A, read r0, join"
                    + " lobby, say lobby hello or leave lobby"
            ),
            (
                "1.000 client0 write r0 unknown",
                "line 1: 'unknown' is a word of expectations: take another"
            ),
            (
                "1.000 client0 read r0\n2.000 client0 join lobby",
                "line 2: client0 chats or uses registers, not both: take two"
            ),
            (
                "scripted 1\n1.000 client1 read r0",
                "client1 has orders: write 'scripted 2' or more"
            ),
            (
                "expect client0 reads r0 A",
                "client0 has no orders, so nothing can be expected of it"
            ),
            ("expect leader node4 by 2s", "node4 is none of 3"),
            ("core node1 node4", "node4 is none of 3"),
            ("outside node4 down", "node4 is none of 3"),
            ("expect mark luck", "line 1: 'luck' is no mark; Kernel/Marks.swift lists them"),
            (
                "expect luck",
                "line 1: expect luck: write held, stuck, violation CHECKER, leader node1 by"
                    + " 20s, no leader at 20s, mark NAME, no mark NAME or client0 reads r0 A"
            ),
            (
                "latencies 2ms",
                "line 1: 'latencies' is neither a time nor a setting; did you mean late,"
                    + " lateness, latency?"
            ),
            (
                "latency 2",
                "line 1: latency 2: write a time such as 300us, 20ms or 1.5s, up"
                    + " to 3600s"
            ),
            (
                "latency -2ms",
                "line 1: latency -2ms: write a time such as 300us, 20ms or"
                    + " 1.5s, up to 3600s"
            ),
            (
                "election-from 2s",
                "election-to 800ms is less than election-from 2s"
            ),
            ("heartbeat 0s", "heartbeat 0s: write a time of 1ms or more"),
            ("inflight 0", "inflight 0: write 1 or more"),
            ("for 0s", "for 0s: write a time of 1s or more"),
        ])
    func errors(text: String, message: String) {
        #expect(throws: ScenarioError.self) { try Scenario.parse(text) }
        do {
            _ = try Scenario.parse(text)
        } catch {
            #expect(error.description == message)
        }
    }

    @Test("garbage is refused or read, and what is read is printed and read again")
    func garbage() throws {
        let words =
            Self.strikes.flatMap { $0.split(separator: " ").map(String.init) }
            + OptionField.all.map(\.name)
            + [
                "nodes", "seed", "for", "core", "outside", "expect", "clients", "scripted", "1.000",
                "2", "-1", "99999999999999999999", "1e9", "node", "node99", "client", "client100",
                "->", "<->", "node1->", "|", "#", "#x", "1.2.3", "0.0000001s", "☂", "\u{0}", "\r",
                "no", "mark", "leader", "by", "at", "down", "cutOff", "\t", "1s", "yes",
            ]
        var prng = Prng(seed: 5)
        var read = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<prng.int(in: 1..<4) {
                var line = prng.chance(1, in: 2) ? "1.000 " : ""
                line += Self.strikes[prng.int(in: 0..<Self.strikes.count)]
                var parts = line.split(separator: " ").map(String.init)
                for _ in 0..<prng.int(in: 0..<3) {
                    let word = words[prng.int(in: 0..<words.count)]
                    let place = prng.int(in: 0..<parts.count)
                    if prng.chance(1, in: 2) {
                        parts[place] = word
                    } else {
                        parts.insert(word, at: place)
                    }
                }
                text += parts.joined(separator: " ") + "\n"
            }
            guard let scenario = try? Scenario.parse(text) else { continue }
            read += 1
            #expect(try Scenario.parse(scenario.text) == scenario, "\(text)")
        }
        #expect((1_000..<19_000).contains(read))
    }
}
