import Protocols

/// Makes a run as small as it gets while it still shows what it is kept for: the same checker
/// fires, it is stuck, a machine traps, or whatever else the scenario expects comes true.
///
/// ## Overview
/// Delta debugging (Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input", 2002)
/// over the plan's strikes; then options are set back to calm, nodes and clients taken away,
/// operations and time cut. What one pass frees another may remove, so they take turns until none
/// finds anything. Each candidate is tried with a few seeds: what is left out moves the rest a
/// little, and a bug that needs a certain moment would hide behind one seed. While runs are left,
/// a result that is still long is gone through again with more seeds for each candidate.
///
/// ## Function
/// The shrinker decides which candidates are tried and which is kept; a closure tries them, one
/// after the other or several at once, in this process or in others. Equal scenarios, limits and
/// trials give equal results, whatever the number of processes.
public struct Shrinker {
    /// How far the work is.
    public struct Progress: Equatable, Sendable {
        /// What is being tried.
        public var pass: String
        /// Runs made so far.
        public var runs: Int
        /// The strikes of the smallest so far.
        public var strikes: Int
        /// The lines of the smallest so far, without comments.
        public var lines: Int
    }

    /// Tries candidates, which are in order; returns their trials up to and with the first that
    /// is wanted, or all when none is.
    public typealias Tries = (_ candidates: [Scenario], _ isWanted: (Trial) -> Bool) -> [Trial]

    /// The smallest scenario so far; it shows what it is kept for.
    public internal(set) var best: Scenario
    /// What it is kept for, in a word or two: a checker's name, `liveness`, `trap`, or the
    /// expectations.
    public let property: String
    /// Runs made so far.
    public internal(set) var runs = 0
    /// The events that these runs took.
    public internal(set) var events: UInt64 = 0
    /// The most runs.
    public let limit: Int
    /// How many seeds each candidate is tried with.
    public internal(set) var tries: Int

    let tryAll: Tries
    let report: (Progress) -> Void
    let keepsTrap: Bool
    var pass = ""
    /// When the best scenario has shown what it is kept for.
    var failsAt: Interval

    /// A result of so many lines is not gone through with more seeds.
    static let shortEnough = 10
    /// How many seeds great leaps are tried with, one round after the other.
    static let patience = [12, 48]
    /// How many seeds each small step is tried with at the most.
    static let mostTries = 12

    /// Makes a shrinker; nil when there is nothing to keep: the run holds, and the scenario
    /// expects nothing else that comes true.
    public init?(
        _ scenario: Scenario, limit: Int = 5_000, tries: Int = 4, trying tryAll: @escaping Tries,
        report: @escaping (Progress) -> Void = { _ in }
    ) {
        self.limit = limit
        self.tries = tries
        self.tryAll = tryAll
        self.report = report
        guard let trial = tryAll([scenario], { _ in true }).first else { return nil }
        best = scenario
        failsAt = trial.at
        keepsTrap = trial.ending == .trapped
        switch trial.ending {
        case .trapped:
            // A trapped process does not say when.
            best.expectations = []
            failsAt = best.options.duration + best.options.livenessBound
            property = "trap"
        case _ where trial.isAsExpected && scenario.expectations.contains { $0 != .held }:
            property = scenario.expectations.map(\.text).joined(separator: ", ")
        case .held: return nil
        case .violated(let checker):
            best.expectations = [.violation(checker)]
            property = checker
        case .stuck:
            best.expectations = [.stuck]
            property = "liveness"
        }
    }

    /// Shrinks until nothing more can go, or the limit of runs is reached.
    public mutating func run() -> Scenario {
        cutTime()
        takeTurns()
        // What is still long was perhaps lucky in a long run: a shorter one needs more luck.
        for seeds in Shrinker.patience where best.length > Shrinker.shortEnough {
            while best.length > Shrinker.shortEnough, makesLeap(seeds) { takeTurns() }
            let usual = tries
            tries = min(seeds, Shrinker.mostTries)
            takeTurns()
            tries = usual
        }
        simplifyStrikes()
        shrinkStrikes()
        return best
    }

    private mutating func takeTurns() {
        var before: Scenario
        repeat {
            before = best
            shrinkStrikes()
            resetOptions()
            dropNodes()
            dropClients()
            cutTime()
            closeGaps()
        } while best != before && runs < limit
    }

    /// Tries to take much away at once, with many seeds; true when that was kept.
    private mutating func makesLeap(_ seeds: Int) -> Bool {
        pass = "leaps"
        let usual = tries
        tries = seeds
        defer { tries = usual }
        for candidate in leaps where runs < limit {
            if keeps(candidate) { return true }
        }
        return false
    }

    // MARK: Trying

    /// Keeps the candidate if it shows what the first scenario showed, with one of a few seeds.
    mutating func keeps(_ candidate: Scenario) -> Bool {
        guard candidate != best, runs < limit else { return false }
        let candidates = (0..<min(tries, limit - runs)).map { attempt in
            var candidate = candidate
            candidate.seed = best.seed &+ UInt64(attempt)
            return candidate
        }
        let wanted = { [keepsTrap] (trial: Trial) in
            keepsTrap ? trial.ending == .trapped : trial.isAsExpected
        }
        let trials = tryAll(candidates, wanted)
        runs += trials.count
        for trial in trials { events += trial.events }
        defer {
            report(
                Progress(
                    pass: pass, runs: runs, strikes: best.plan.strikes.count, lines: best.length))
        }
        guard let last = trials.last, wanted(last) else { return false }
        best = candidates[trials.count - 1]
        if !keepsTrap { failsAt = last.at }
        return true
    }
}

extension Scenario {
    /// Lines without comments.
    public var length: Int { lines.count - comments.count }
}
