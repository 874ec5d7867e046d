import Foundation
import Protocols
import Testing

@testable import SimNet

/// Runs that are written down step by step.
@Suite struct StepsTests {
    /// A search over a disk that forgets votes at a crash.
    private func forgetful(without: [ExploreChecker]) throws -> ExploreResult {
        var configuration = try #require(
            ExploreConfiguration.named.first { $0.name == "raft-election-3" })
        configuration.flaw = .voteForgotten
        configuration.without = without
        configuration.livenessSample = 0
        var search = Explorer(configuration)
        return search.run()
    }

    // MARK: From a search

    @Test("a counterexample, written and read again, shows the same violation")
    func counterexampleRepeats() throws {
        let result = try forgetful(without: [])
        let steps = try #require(result.steps)
        let read = try Steps.parse(steps.text)
        #expect(read == steps)
        #expect(read.text == steps.text)
        var run = StepsRun(read)
        run.run()
        #expect(run.violation == result.violation)
        #expect(run.disappointment == nil)
        #expect(run.passedOver == 0)
        #expect(read.count == result.path.count)
    }

    @Test("without the fault, the same steps hold, and what cannot happen is passed over")
    func mendedWorldHolds() throws {
        var steps = try #require(try forgetful(without: [.termAndVote, .durableClaims]).steps)
        #expect(steps.expectation == .violation("election-safety"))
        steps.world.flaw = nil
        var run = StepsRun(steps)
        run.run()
        #expect(run.violation == nil)
        #expect(run.disappointment == "expected violation election-safety, and it held")
        #expect(run.passedOver > 0)
    }

    // MARK: Kept runs

    /// Each was found by a search with the planted bug that it names.
    @Test(
        "what planted bugs broke holds without them",
        arguments: ["copied-vote", "figure-8", "shown-once", "stale-append"])
    func keptRunsHold(name: String) throws {
        let steps = try Steps.parse(StepsTests.text(of: name))
        #expect(steps.expectation == .held)
        var run = StepsRun(steps)
        run.run()
        #expect(run.violation == nil)
        #expect(run.passedOver == 0)
        #expect(run.story.count == steps.count)
    }

    @Test("a disk that forgets a vote elects two leaders, step by step")
    func forgottenVote() throws {
        let steps = try Steps.parse(StepsTests.text(of: "forgotten-vote"))
        var run = StepsRun(steps)
        run.run()
        #expect(run.disappointment == nil)
        #expect(run.passedOver == 0)
        var mended = steps
        mended.world.flaw = nil
        var again = StepsRun(mended)
        again.run()
        #expect(again.violation == nil)
    }

    private static func text(of name: String) throws -> String {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let file = folder.appending(path: "Steps/\(name).scenario")
        return try String(contentsOf: file, encoding: .utf8)
    }

    // MARK: The form

    @Test("every kind of line is read as it is printed")
    func linesAgree() throws {
        let text = """
            # a name
            # a source
            steps raft-snapshot-3
            flaw vote-forgotten
            without match-index
            elect node1 by node2
            settle node1 node2
            lose
            timeout node3
            wait node3
            persist node3
            deliver node3->node1 voteRequest term 3 log 2@2
            deliver-late node3->node1 voteRequest
            deliver-copy node1->node3 voteResponse term 3 granted #2
            drop node1->node2 append
            heartbeat node1
            propose node1 4
            take-snapshot node1
            save-snapshot node1
            crash node1
            crash node2 writes 2
            crash node3 writes 1 snapshot
            heal
            expect violation match-index

            """
        let steps = try Steps.parse(text)
        #expect(steps.text == text)
        #expect(steps.count == 18)
        #expect(Steps.isSteps(text))
        #expect(!Steps.isSteps("# steps\nnodes 3\n"))
    }

    @Test(
        "what makes no sense is refused with the line and what would be right",
        arguments: [
            ("nodes 3", "line 1: the first word is 'steps'"),
            ("steps", "line 1: the line ends: the search in whose world it happens is missing"),
            ("steps raft-election-3\nheal now", "line 2: 'now' is too much on this line"),
            ("steps raft-election-3\ntimeout node4", "line 2: node4 is none of 3"),
            (
                "steps raft-election-3\ndeliver node1<->node2 append",
                "line 2: write from whom to whom, such as node1->node2"
            ),
            (
                "steps raft-election-3\ndeliver node1->node2 append #0",
                "line 2: #0: write '#' and a number from 1"
            ),
            (
                "steps raft-election-3\npropose node1",
                "line 2: the line ends: a number is missing"
            ),
            (
                "steps raft-election-3\nexpect nothing",
                "line 2: 'violation' is wanted, and 'nothing' found: write expect held, or "
                    + "expect violation CHECKER"
            ),
            ("", "there are no steps"),
        ])
    func nonsenseIsRefused(text: String, expected: String) {
        let error = #expect(throws: ScenarioError.self) { try Steps.parse(text) }
        #expect(error?.description == expected)
    }

    @Test("steps that cannot happen are passed over, each with a reason")
    func obstaclesAreTold() throws {
        let steps = try Steps.parse(
            """
            steps raft-snapshot-3
            persist node1
            save-snapshot node1
            take-snapshot node1
            heartbeat node1
            propose node1 0
            deliver node1->node2 append
            crash node1 writes 1
            expect held
            """)
        var run = StepsRun(steps)
        run.run()
        #expect(
            run.story == [
                "persist node1  -- passed over: no write is under way",
                "save-snapshot node1  -- passed over: no snapshot is under way",
                "take-snapshot node1  -- passed over: there is nothing to snapshot",
                "heartbeat node1  -- passed over: it does not lead",
                "propose node1 0  -- passed over: it does not lead",
                "deliver node1->node2 append  -- passed over: no such message",
                "crash node1 writes 1  -- passed over: not so much is being written",
            ])
        #expect(run.disappointment == nil)
    }
}
