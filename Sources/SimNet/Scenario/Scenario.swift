import Protocols

/// A run written down: its cluster, its seed, what goes wrong when, and how it should end.
///
/// ## Overview
/// `Scenario.parse` reads one from text, `text` prints it, and the two agree. docs/Scenarios.md
/// describes the form. What a scenario does not set is calm: no fault strikes that has no line.
public struct Scenario: Equatable, Sendable {
    /// What should hold when the run is over.
    public enum Expectation: Equatable, Sendable {
        /// No checker fires, and the core serves.
        case held
        /// This checker fires.
        case violation(String)
        /// The core does not serve in time.
        case stuck
        /// A host leads at this time at the latest, and after that of the lines before.
        case leader(Int, by: Interval)
        /// No host leads at this time.
        case noLeader(at: Interval)
        /// Some node took this rare path.
        case mark(Mark)
        /// No node took this rare path.
        case noMark(Mark)
        /// What a client that acts on orders was told about a register or a room, all of it and in
        /// order, until the faults stop.
        case answers(client: Int, Answers.Question, about: String, [String])
    }

    /// Comments at the text's top: the name, the source.
    public var comments: [String] = []
    /// What everything that stands nowhere is drawn from.
    public var seed: UInt64 = 1
    /// The cluster, its times and its clients.
    public var options = Options()
    /// What goes wrong.
    public var plan = Plan()
    /// What should come of it; `held` when there is no verdict among them.
    public var expectations: [Expectation] = []

    /// Makes a calm run with nothing expected but that it holds.
    public init() {
        options.load.only = []
        options.duration = .seconds(30)
        // The nodes' sessions are renewed in thirds of this; more often only clutters a short log.
        options.state.nodeSessionLife = .seconds(300)
    }

    /// The run of a seed, with all that it draws written out.
    public init(seed: UInt64, mix: Mix = .swarm, duration: Interval = .seconds(60)) {
        self.seed = seed
        let drawn = Options.draw(mix: mix, seed: seed, duration: duration)
        plan = Plan.draw(drawn, seed: seed)
        options = drawn.written
    }

    /// The world in which it happens.
    public func world(codecs: ByteCodecs? = nil) -> World {
        World(seed: seed, options: options, plan: plan, codecs: codecs)
    }

    /// How the run should end.
    public var expectedVerdict: Expectation {
        for expectation in expectations {
            switch expectation {
            case .held, .violation, .stuck: return expectation
            case .leader, .noLeader, .mark, .noMark, .answers: continue
            }
        }
        return .held
    }
}

extension Options {
    /// Without what only the drawing of a plan asks for.
    var written: Options {
        let plain = Options()
        var options = self
        options.mix = .calm
        options.meanIntervals = plain.meanIntervals
        options.pause = plain.pause
        options.downtime = plain.downtime
        options.cut = plain.cut
        options.diskStall = plain.diskStall
        return options
    }
}
