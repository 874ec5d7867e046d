import Protocols

/// Runs a scenario, tells its story in short lines, and says whether it went as expected.
public struct ScenarioRun: Sendable {
    /// What is run.
    public let scenario: Scenario
    /// What happened so far: faults, roles, starts, answers, and how far the log is committed.
    public var story: [String] { lines.map { "\(Strike.time($0.at)) \($0.text)" } }
    /// What clients that act on orders were told.
    public private(set) var answers = Answers()
    /// The world, to be looked at.
    public private(set) var world: World

    private struct Seen: Equatable, Sendable {
        var status = Host.Status.down
        var role = Role.follower
        var term = Term.zero
    }

    private struct Line: Equatable, Sendable {
        var at: Interval
        var text: String
        /// Its time stands in the scenario.
        var isTimed: Bool
    }

    private var lines: [Line] = []
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
        _ = world.takeObservations()
    }

    /// The story as it is kept: without the times that nobody wrote, and with one line for each
    /// stretch of commits.
    ///
    /// A machine that draws one number more or sends one message less changes many times and few
    /// stories.
    public var outline: [String] {
        var result: [String] = []
        for (position, line) in lines.enumerated() {
            let next = position + 1 < lines.count ? lines[position + 1].text : ""
            guard !line.text.hasPrefix(Self.commits) || !next.hasPrefix(Self.commits) else {
                continue
            }
            let time = Strike.time(line.at)
            let margin = line.isTimed ? time : String(repeating: " ", count: time.utf8.count)
            result.append("\(margin) \(line.text)")
        }
        return result
    }

    private static let commits = "committed to "

    /// Starts to write the world's whole trace; see `World.beginTrace`.
    public mutating func beginTrace() { world.beginTrace() }

    /// Starts to gather what a report is drawn from.
    public mutating func beginRecording() { world.beginRecording() }

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
            lines.append("expected \(expectation.text)\(instead(of: expectation))")
        }
        for (number, strike) in world.plan.strikes.prefix(world.strikesDone).enumerated() {
            guard case .rule = strike.act, number >= world.ruled.count || world.ruled[number] == 0
            else { continue }
            lines.append("no message met '\(strike.text)'")
        }
        return lines
    }

    private func instead(of expectation: Scenario.Expectation) -> String {
        guard case .answers(let client, let question, let about, _) = expectation else { return "" }
        let words = answers.words(of: client, question, about)
        return ", and the answers were: "
            + (words.isEmpty ? "none" : words.joined(separator: " "))
    }

    private func isAsExpected(_ verdict: Verdict) -> Bool {
        switch (scenario.expectedVerdict, verdict) {
        case (.held, .held), (.stuck, .stuck): true
        case (.violation(let checker), .violated(let violation)): violation.checker == checker
        default: false
        }
    }

    // MARK: Story

    private mutating func tell(_ text: String, at time: Interval? = nil) {
        let now = Interval(nanoseconds: world.now / 1_000_000 * 1_000_000)
        lines.append(Line(at: time ?? now, text: text, isTimed: time != nil))
    }

    private mutating func look() {
        meetTimes()
        while strikesTold < world.strikesDone {
            let strike = world.plan.strikes[strikesTold]
            tell("\(strike.act)", at: strike.at)
            strikesTold += 1
        }
        let observed = world.takeObservations()
        if world.phase != phase {
            phase = world.phase
            if phase == .settling {
                let core = world.hosts.filter(\.isCore).map { "\($0.id)" }
                tell("the faults stop for \(core.joined(separator: " "))")
            }
        }
        for host in seen.indices { look(at: host) }
        guard phase == .chaos else { return }
        for (client, what) in observed {
            let line = answers.take(what, of: client, room: room(of: what, client))
            if let line { tell(line) }
        }
    }

    /// What a client calls the room of which it speaks.
    private func room(of what: Observation, _ client: Int) -> String? {
        guard case .chat(let chat) = world.clients[client] else { return nil }
        switch what {
        case .submitted(let room, _), .acknowledged(let room, _, _, _),
            .joined(let room, _, _, _), .received(let room, _):
            return chat.name(of: room)
        case .invoked, .returned, .abandoned, .detached: return nil
        }
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
            case .noMark(let mark):
                expectations[position].isMet = marks[Int(mark.rawValue)] == 0
            case .answers(let client, let question, let about, let words):
                expectations[position].isMet = answers.words(of: client, question, about) == words
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
            case .held, .violation, .stuck, .mark, .noMark, .answers: continue
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
