import Protocols

// What the lines of a scenario say together must make sense; each by itself does.
extension Scenario {
    /// Throws what no run could be made of.
    func check() throws(ScenarioError) {
        try checkHosts()
        try checkTimes()
        for name in [
            "inflight", "inflight-bytes", "apply-batch", "checkpoint", "history", "client-sessions",
        ] {
            guard let field = OptionField.named(name) else { continue }
            guard field.text(options) != "0" else { throw wrong("\(name) 0: write 1 or more") }
        }
        let ordered = plan.ordered
        guard ordered <= options.load.scripted else {
            throw wrong("client\(ordered - 1) has orders: write 'scripted \(ordered)' or more")
        }
        for case .answers(let client, _, _, _) in expectations
        where client >= options.load.scripted {
            throw wrong("client\(client) has no orders, so nothing can be expected of it")
        }
    }

    private func wrong(_ message: String) -> ScenarioError {
        ScenarioError(line: 0, message: message)
    }

    private func checkHosts() throws(ScenarioError) {
        var named = plan.ending.core ?? []
        for case .leader(let host, _) in expectations { named.append(host) }
        if plan.ending.rests.count > options.nodes { named.append(plan.ending.rests.count - 1) }
        for strike in plan.strikes { named += strike.act.hosts }
        if let host = named.first(where: { $0 >= options.nodes }) {
            throw wrong("\(Act.name(host)) is none of \(options.nodes)")
        }
    }

    private func checkTimes() throws(ScenarioError) {
        let raft = options.raft
        guard raft.heartbeat >= .milliseconds(1) else {
            throw wrong("heartbeat \(raft.heartbeat.scenarioText): write a time of 1ms or more")
        }
        guard raft.electionLower >= raft.heartbeat else {
            throw wrong(
                "election-from \(raft.electionLower.scenarioText) is less than heartbeat"
                    + " \(raft.heartbeat.scenarioText)")
        }
        guard raft.electionUpper >= raft.electionLower else {
            throw wrong(
                "election-to \(raft.electionUpper.scenarioText) is less than election-from"
                    + " \(raft.electionLower.scenarioText)")
        }
        guard options.duration >= .seconds(1) else {
            throw wrong("for \(options.duration.scenarioText): write a time of 1s or more")
        }
    }
}
