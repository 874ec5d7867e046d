import Protocols

/// What one try of a scenario came to, as far as shrinking is concerned.
public struct Trial: Equatable, Sendable {
    /// How a try ended.
    public enum Ending: Equatable, Sendable {
        /// Nothing forbidden was seen.
        case held
        /// This checker fired.
        case violated(String)
        /// The core did not serve in time.
        case stuck
        /// A machine trapped, so that its process died; only a try in another process shows it.
        case trapped
    }

    /// How it ended.
    public var ending: Ending
    /// True if it ended as the scenario expects, and everything else it expects came true.
    public var isAsExpected: Bool
    /// When that was decided: what comes later is not needed. The end of the run unless the last
    /// thing expected was a mark.
    public var at: Interval
    /// Steps of nodes.
    public var events: UInt64

    /// Makes a trial from its parts.
    public init(ending: Ending, isAsExpected: Bool, at: Interval, events: UInt64) {
        self.ending = ending
        self.isAsExpected = isAsExpected
        self.at = at
        self.events = events
    }

    /// What stands for a try that a process did not survive.
    public static let trap = Trial(ending: .trapped, isAsExpected: false, at: .zero, events: 0)

    /// Tries a scenario in this process, which a trap would end.
    public init(of scenario: Scenario, codecs: ByteCodecs? = nil) {
        var marks: [Mark] = []
        var needsStory = false
        for expectation in scenario.expectations {
            switch expectation {
            case .held, .violation, .stuck: break
            case .mark(let mark): marks.append(mark)
            default: needsStory = true
            }
        }
        if needsStory {
            var run = ScenarioRun(scenario, codecs: codecs)
            let result = run.run()
            self.init(result, isAsExpected: run.disappointments.isEmpty, at: result.simulated)
            return
        }
        var world = scenario.world(codecs: codecs)
        var decided: Interval?
        func areHit(_ world: World) -> Bool {
            marks.allSatisfy { world.statistics.marks[Int($0.rawValue)] > 0 }
        }
        if !marks.isEmpty {
            while !areHit(world), world.advance() {}
            if areHit(world) { decided = Interval(nanoseconds: world.now) }
        }
        let result = world.run()
        let isAsExpected =
            (marks.isEmpty || decided != nil) && scenario.expectedVerdict.isMet(by: result.verdict)
        let at = result.verdict == .held ? decided ?? result.simulated : result.simulated
        self.init(result, isAsExpected: isAsExpected, at: at)
    }

    private init(_ result: RunResult, isAsExpected: Bool, at: Interval) {
        let ending: Ending =
            switch result.verdict {
            case .held: .held
            case .violated(let violation): .violated(violation.checker)
            case .stuck: .stuck
            }
        self.init(
            ending: ending, isAsExpected: isAsExpected, at: at, events: result.statistics.events)
    }

    /// Tries candidates one after the other in this process, up to the first that is wanted.
    public static func oneByOne(
        codecs: ByteCodecs? = nil
    ) -> ([Scenario], (Trial) -> Bool) -> [Trial] {
        { candidates, isWanted in
            var trials: [Trial] = []
            for candidate in candidates {
                trials.append(Trial(of: candidate, codecs: codecs))
                if isWanted(trials[trials.count - 1]) { break }
            }
            return trials
        }
    }
}

extension Scenario.Expectation {
    /// True if the run ended in this way; false for what is not about the end.
    func isMet(by verdict: Verdict) -> Bool {
        switch (self, verdict) {
        case (.held, .held), (.stuck, .stuck): true
        case (.violation(let checker), .violated(let violation)): violation.checker == checker
        default: false
        }
    }
}
