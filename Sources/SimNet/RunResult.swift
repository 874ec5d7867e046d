import Protocols

/// How a run ended.
public enum Verdict: Equatable, Sendable {
    /// Nothing forbidden was seen, and the core served and converged.
    case held
    /// A checker saw what must never be.
    case violated(Violation)
    /// The faults had stopped, a majority was whole and connected, and still it did not serve.
    case stuck(String)
}

/// What one run was and came to.
public struct RunResult: Equatable, Sendable {
    /// The seed.
    public var seed: UInt64
    /// What the seed drew.
    public var options: Options
    /// How it ended.
    public var verdict: Verdict
    /// Virtual time at the end.
    public var simulated: Interval
    /// The rolling fingerprint of all events and effects.
    public var digest: UInt64
    /// What happened how often.
    public var statistics: Statistics
}

/// Counts of one run, or of many together.
public struct Statistics: Equatable, Sendable {
    /// Steps of nodes.
    public var events: UInt64 = 0
    /// Faults that took effect, by the fault's number.
    public var faults = [UInt64](repeating: 0, count: Fault.allCases.count)
    /// Steps that took a rare path, by the mark's number.
    public var marks = [UInt64](repeating: 0, count: Mark.allCases.count)
    /// Comparisons that each checker made, in the order of the checkers.
    public var checkers: [Count] = []

    /// A checker's name and how many comparisons it made.
    public struct Count: Equatable, Sendable {
        /// The name.
        public var name: String
        /// How often.
        public var count: UInt64
    }

    /// Makes zero counts.
    public init() {}

    /// Counts one fault.
    mutating func count(_ fault: Fault) { faults[Int(fault.rawValue)] += 1 }

    /// Counts one rare path that the world itself saw.
    mutating func count(mark: Mark) { marks[Int(mark.rawValue)] += 1 }

    /// Counts the rare paths of one step.
    mutating func count(_ marks: MarkSet) {
        var bits = marks.low
        while bits != 0 {
            self.marks[bits.trailingZeroBitCount] += 1
            bits &= bits - 1
        }
        bits = marks.high
        while bits != 0 {
            self.marks[64 + bits.trailingZeroBitCount] += 1
            bits &= bits - 1
        }
    }

    /// The marks, the faults and the checkers that were never hit, each by name.
    public var unhit: [(name: String, missing: [String])] {
        [
            ("marks", Mark.allCases.filter { marks[Int($0.rawValue)] == 0 }.map { "\($0)" }),
            ("faults", Fault.allCases.filter { faults[Int($0.rawValue)] == 0 }.map { "\($0)" }),
            ("checkers", checkers.filter { $0.count == 0 }.map(\.name)),
        ]
    }

    /// Adds another run's counts.
    public mutating func add(_ other: Statistics) {
        events += other.events
        for index in faults.indices { faults[index] += other.faults[index] }
        for index in marks.indices { marks[index] += other.marks[index] }
        for count in other.checkers {
            if let index = checkers.firstIndex(where: { $0.name == count.name }) {
                checkers[index].count += count.count
            } else {
                checkers.append(count)
            }
        }
    }
}

/// What many runs came to.
public struct BatchResult: Sendable {
    /// How many seeds were run.
    public var seeds = 0
    /// The runs that did not hold, in order of seed.
    public var failures: [RunResult] = []
    /// Virtual time of all runs together, in nanoseconds.
    public var simulatedNanoseconds: Int64 = 0
    /// The fingerprints of all runs, combined in order of seed.
    public var digest = Digest()
    /// All counts together.
    public var statistics = Statistics()

    /// Makes an empty result.
    public init() {}

    /// Adds one run; runs must be added in order of seed.
    public mutating func add(_ run: RunResult) {
        seeds += 1
        simulatedNanoseconds += run.simulated.nanoseconds
        digest.combine(run.digest)
        statistics.add(run.statistics)
        if run.verdict != .held { failures.append(run) }
    }
}

/// Runs every seed of a range, one after the other.
public func run(
    seeds: Range<UInt64>, mix: Mix = .swarm, duration: Interval = .seconds(60),
    codecs: ByteCodecs? = nil
) -> BatchResult {
    var result = BatchResult()
    for seed in seeds {
        var world = World(seed: seed, mix: mix, duration: duration, codecs: codecs)
        result.add(world.run())
    }
    return result
}
