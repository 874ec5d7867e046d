import Protocols

/// Runs a scenario, tells its story in short lines, and says whether it went as expected.
public struct ScenarioRun: Sendable {
    /// What is run.
    public let scenario: Scenario
    /// What happened so far: faults, roles, starts, and how far the log is committed.
    public private(set) var story: [String] = []
    /// The world, to be looked at.
    public private(set) var world: World

    private struct Seen: Equatable, Sendable {
        var status = Host.Status.down
        var role = Role.follower
        var term = Term.zero
    }

    private var seen: [Seen]
    private var committed = LogIndex.zero
    private var toldCommitted = LogIndex.zero
    private var strikesTold = 0
    private var phase = World.Phase.chaos
    private var expectations: [(expectation: Scenario.Expectation, isMet: Bool?)]

    /// Makes a run that has not begun.
    public init(_ scenario: Scenario, codecs: ByteCodecs? = nil) {
        self.scenario = scenario
        world = scenario.world(codecs: codecs)
        seen = Array(repeating: Seen(), count: scenario.options.nodes)
        expectations = scenario.expectations.map { ($0, nil) }
    }

    /// Starts to write the world's whole trace; see `World.beginTrace`.
    public mutating func beginTrace() { world.beginTrace() }

    /// The lines of the whole trace since the last call.
    public mutating func takeTrace() -> [String] { world.takeTrace() }

    /// Takes one event; false when the run is over.
    public mutating func advance() -> Bool {
        let goesOn = world.advance()
        look()
        if !goesOn { end() }
        return goesOn
    }

    /// Runs to the end.
    public mutating func run() -> RunResult {
        while advance() {}
        return world.result
    }

    /// What did not come out as expected, one line each; call it when the run is over.
    public var disappointments: [String] {
        var lines: [String] = []
        let verdict = world.verdict ?? .held
        if !isAsExpected(verdict) {
            lines.append("expected \(scenario.expectedVerdict.text), and it \(verdict.words)")
        }
        for (expectation, isMet) in expectations where isMet == false {
            lines.append("expected \(expectation.text)")
        }
        return lines
    }

    private func isAsExpected(_ verdict: Verdict) -> Bool {
        switch (scenario.expectedVerdict, verdict) {
        case (.held, .held), (.stuck, .stuck): true
        case (.violation(let checker), .violated(let violation)): violation.checker == checker
        default: false
        }
    }

    // MARK: Story

    private mutating func tell(_ line: String) {
        story.append(
            "\(Strike.time(Interval(nanoseconds: world.now / 1_000_000 * 1_000_000))) \(line)")
    }

    private mutating func look() {
        meetTimes()
        while strikesTold < world.strikesDone {
            tell("\(world.plan.strikes[strikesTold].act)")
            strikesTold += 1
        }
        if world.phase != phase {
            phase = world.phase
            if phase == .settling {
                let core = world.hosts.filter(\.isCore).map { "\($0.id)" }
                tell("the faults stop for \(core.joined(separator: " "))")
            }
        }
        for host in seen.indices { look(at: host) }
    }

    private mutating func look(at host: Int) {
        let status = world.hosts[host].status
        let name = Act.name(host)
        if status != seen[host].status {
            seen[host] = Seen(status: status)
            switch status {
            case .up: tell("\(name) starts, boot \(world.hosts[host].boot.rawValue)")
            case .down: tell("\(name) is down")
            case .lost: tell("\(name) is lost")
            }
        }
        guard status == .up else { return }
        let role = world.nodes[host].raft.role
        let term = world.nodes[host].raft.term
        let known = world.nodes[host].raft.commitIndex
        if role != seen[host].role || (role == .leader && term != seen[host].term) {
            let was = seen[host].role
            seen[host].role = role
            seen[host].term = term
            // Pre-votes come and go; what counts is who leads, and who stops leading.
            if role == .leader {
                tellCommitted()
                tell("\(name) leads in term \(term.rawValue)")
            } else if was == .leader {
                tell("\(name) leads no more")
            } else if role == .candidate {
                tell("\(name) campaigns in term \(term.rawValue)")
            }
        }
        if known > committed {
            committed = known
            if scenario.options.load.only == [] { tellCommitted() }
        }
    }

    private mutating func tellCommitted() {
        guard committed > toldCommitted else { return }
        toldCommitted = committed
        tell("committed to \(committed.rawValue)")
    }

    private mutating func end() {
        tellCommitted()
        tell((world.verdict ?? .held).words)
        let marks = world.statistics.marks
        for position in expectations.indices {
            switch expectations[position].expectation {
            case .mark(let mark):
                expectations[position].isMet = marks[Int(mark.rawValue)] > 0
            case .leader, .noLeader:
                if expectations[position].isMet == nil { expectations[position].isMet = false }
            case .held, .violation, .stuck: break
            }
        }
    }

    // MARK: Expectations

    private mutating func meetTimes() {
        for position in expectations.indices where expectations[position].isMet == nil {
            switch expectations[position].expectation {
            case .leader(let host, let by):
                if leads(host), world.phase == .chaos || by > scenario.chaos {
                    expectations[position].isMet = true
                } else if world.now > by.nanoseconds {
                    expectations[position].isMet = false
                }
                // Leaders are expected one after the other.
                return
            case .noLeader(let at):
                guard world.now >= at.nanoseconds else { return }
                expectations[position].isMet = !seen.indices.contains { leads($0) }
            case .held, .violation, .stuck, .mark: continue
            }
        }
    }

    private func leads(_ host: Int) -> Bool {
        world.hosts[host].status == .up && world.nodes[host].raft.role == .leader
    }
}

extension Scenario {
    /// When the faults stop.
    var chaos: Interval { max(options.duration - options.settling, .zero) }
}

extension Verdict {
    /// How a run ended, in a few words that do not depend on times.
    public var words: String {
        switch self {
        case .held: "held"
        case .violated(let violation): "violated \(violation.checker): \(violation.message)"
        case .stuck: "stuck"
        }
    }
}
