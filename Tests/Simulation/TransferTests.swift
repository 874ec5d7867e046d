import SimCodecs
import SimNet
import Testing

/// An operator's order to hand leadership over, in the simulated world.
@Suite("Leadership transfer")
struct TransferTests {
    private func disappointments(_ text: String) throws -> [String] {
        var run = ScenarioRun(try Scenario.parse(text), codecs: chatCodecs)
        _ = run.run()
        return run.disappointments
    }

    @Test("goes to the named node while clients talk")
    func named() throws {
        #expect(
            try disappointments(
                """
                nodes 3
                seed 1
                for 20s
                clients all
                0.000 candidates node1 for 4s
                5.000 transfer to node2
                expect leader node1 by 4s
                expect leader node2 by 6s
                expect mark timeoutNowReceived
                expect held
                """) == [])
    }

    @Test("is given up when the node does not answer, and the leader serves on (35)")
    func givenUp() throws {
        #expect(
            try disappointments(
                """
                nodes 3
                seed 1
                for 20s
                clients all
                0.000 candidates node1
                5.000 cut node1<->node3 for 2s
                5.100 transfer to node3
                expect leader node1 by 4s
                expect leader node1 by 7s
                expect mark transferTimedOut
                expect held
                """) == [])
    }

    @Test("strikes leaders alone, and is a line that can be read again")
    func line() throws {
        let text = """
            nodes 3
            seed 3
            for 20s
            4.000 transfer
            5.000 transfer to node3
            """
        let scenario = try Scenario.parse(text)
        #expect(scenario.text == text + "\n")
        #expect(
            scenario.plan.strikes == [
                Strike(at: .seconds(4), .transfer(to: nil)),
                Strike(at: .seconds(5), .transfer(to: 2)),
            ])
        var run = ScenarioRun(scenario)
        #expect(run.run().statistics.faults[Int(Fault.transfer.rawValue)] == 2)
    }
}
