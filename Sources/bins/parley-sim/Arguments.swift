import Protocols
import SimCodecs
import SimNet

/// What the command line asks for.
enum Command {
    case help
    case run(RunArguments)
    case replay(ReplayArguments)
    case recording(RecordingArguments)
    case killMatrix(KillMatrixArguments)
    /// nil: list the searches.
    case explore(ExploreArguments?)
    case scenario(ScenarioCommands)
    /// The planted bugs to look for; all that name a search when empty.
    case exploreMatrix([Int])
    case flight(FlightCommand)
}

/// What makes a seed's run what it is, apart from the seed.
struct Setting {
    var mix = Mix.swarm
    var duration = Interval.seconds(60)
    var plant = 0
    var ablation = Ablation()

    /// The world of a seed.
    func world(_ seed: UInt64) -> World {
        var options = Options.draw(mix: mix, seed: seed, duration: duration)
        options.leaveOut(ablation)
        return World(seed: seed, options: options, codecs: chatCodecs)
    }

    /// Runs a seed, with one cluster or several.
    func run(_ seed: UInt64) -> RunResult {
        guard mix == .clusters else {
            var world = world(seed)
            return world.run()
        }
        var clusters = Clusters(seed: seed, duration: duration, ablation: ablation)
        return clusters.run()
    }

    /// The options that repeat this setting, each with a space before it.
    var options: String {
        var text = ""
        if mix != .swarm { text += " --mix \(mix.rawValue)" }
        if duration != .seconds(60) { text += " --for \(duration.milliseconds)ms" }
        if plant != 0 { text += " --plant \(plant)" }
        let faults = ablation.faults.map { "\($0)" }.joined(separator: ",")
        if !faults.isEmpty { text += " --without \(faults)" }
        let checkers = ablation.checkers.joined(separator: ",")
        if !checkers.isEmpty { text += " --without-checker \(checkers)" }
        return text
    }
}

/// The arguments of `run`.
struct RunArguments {
    var setting = Setting()
    var seeds: Range<UInt64> = 0..<1_000
    var jobs = 0
    var json = false
    var keepGoing = false
    /// How long to run, by the wall clock; nil for all seeds.
    var wall: Interval?
    /// From how many seeds on it is a failure that a mark, a fault or a checker was never hit.
    var requireAll: Int?
    /// The directory for the pages of runs that fail; nil when none are wanted.
    var report: String?
}

/// The arguments of `replay`.
struct ReplayArguments {
    var setting = Setting()
    var seed: UInt64
    /// Where the trace goes: `-` is the standard output; nil when none is wanted.
    var trace: String?
    /// Where the page that shows the run goes; nil when none is wanted.
    var report: String?
}

/// A command line that makes no sense, in words for the person who typed it.
struct UsageError: Error {
    var message: String
    init(_ message: String) { self.message = message }
}

/// Reads a command line.
struct ArgumentReader {
    private var rest: ArraySlice<String>

    init(_ arguments: [String]) { rest = arguments.dropFirst() }

    /// Reads what follows a command's name.
    init(rest: ArraySlice<String>) { self.rest = rest }

    /// The next word.
    mutating func next() -> String? { rest.popFirst() }

    mutating func command() throws(UsageError) -> Command {
        guard let name = rest.popFirst() else { throw UsageError("say what to do") }
        switch name {
        case "help", "--help", "-h": return .help
        case "run": return try run()
        case "replay": return try replay()
        case "explore":
            if rest.contains("--help") || rest.contains("-h") { return .help }
            return .explore(try ExploreArguments(taking: &rest))
        case "kill-matrix": return try killMatrix()
        case "explore-matrix": return try exploreMatrix()
        case "branch" where FlightCommand.isMeant(rest): return .flight(try FlightCommand(rest))
        case _ where ScenarioCommands.names.contains(name):
            return .scenario(try ScenarioCommands(name, rest))
        default: throw UsageError("'\(name)' is no command")
        }
    }

    private mutating func run() throws(UsageError) -> Command {
        var arguments = RunArguments()
        while let option = rest.popFirst() {
            switch option {
            case "--help", "-h": return .help
            case "--seeds": arguments.seeds = try seeds(value(of: option))
            case "--jobs": arguments.jobs = try count(of: option, upTo: 256)
            case "--json": arguments.json = true
            case "--keep-going": arguments.keepGoing = true
            case "--wall": arguments.wall = try interval(option, value(of: option))
            case "--require-all":
                arguments.requireAll = try count(of: option, upTo: 1_000_000_000)
            case "--report": arguments.report = try value(of: option)
            default: try common(option, &arguments.setting)
            }
        }
        guard arguments.report == nil || arguments.setting.mix != .clusters else {
            throw UsageError("--report draws worlds of one cluster")
        }
        return .run(arguments)
    }

    private mutating func replay() throws(UsageError) -> Command {
        var seed: UInt64?
        var setting = Setting()
        var trace: String?
        var report: String?
        var recording: String?
        var until: UInt64?
        var cost = false
        while let option = rest.popFirst() {
            switch option {
            case "--help", "-h": return .help
            case "--trace": trace = try value(of: option)
            case "--report": report = try value(of: option)
            case "--recording": recording = try value(of: option)
            case "--cost": cost = true
            case "--until":
                let text = try value(of: option)
                guard let number = UInt64(text) else {
                    throw UsageError("--until \(text): give a number of events")
                }
                until = number
            case _ where !option.hasPrefix("-"):
                guard seed == nil, let number = UInt64(option) else {
                    throw UsageError("'\(option)': give one seed, a number")
                }
                seed = number
            default: try common(option, &setting)
            }
        }
        if let recording {
            guard seed == nil else { throw UsageError("give a seed or --recording, not both") }
            guard report == nil else { throw UsageError("--report goes with a seed") }
            return .recording(
                RecordingArguments(path: recording, trace: trace, until: until, cost: cost))
        }
        guard until == nil, !cost else {
            throw UsageError("--until and --cost go with --recording")
        }
        guard let seed else { throw UsageError("say which seed to replay") }
        guard report == nil || setting.mix != .clusters else {
            throw UsageError("--report draws worlds of one cluster")
        }
        return .replay(
            ReplayArguments(setting: setting, seed: seed, trace: trace, report: report))
    }

    private mutating func exploreMatrix() throws(UsageError) -> Command {
        var numbers: [Int] = []
        while let option = rest.popFirst() {
            switch option {
            case "--help", "-h": return .help
            case "--bugs": numbers += try bugs(of: option)
            default: throw UsageError("'\(option)' is no option of explore-matrix")
            }
        }
        return .exploreMatrix(numbers)
    }

    private mutating func bugs(of option: String) throws(UsageError) -> [Int] {
        var numbers: [Int] = []
        for text in try value(of: option).split(separator: ",") {
            guard let number = Int(text) else {
                throw UsageError("--bugs \(text): give numbers such as 7,12")
            }
            numbers.append(number)
        }
        return numbers
    }

    private mutating func killMatrix() throws(UsageError) -> Command {
        var arguments = KillMatrixArguments()
        while let option = rest.popFirst() {
            switch option {
            case "--help", "-h": return .help
            case "--bugs": arguments.bugs += try bugs(of: option)
            case "--limit": arguments.limit = UInt64(try count(of: option, upTo: 10_000))
            case "--ablate": arguments.ablates = true
            case "--starts": arguments.starts = UInt64(try count(of: option, upTo: 101))
            case "--jobs": arguments.jobs = try count(of: option, upTo: 256)
            default: try common(option, &arguments.setting)
            }
        }
        return .killMatrix(arguments)
    }

    mutating func count(of option: String, upTo most: Int) throws(UsageError) -> Int {
        let text = try value(of: option)
        guard let count = Int(text), (1...most).contains(count) else {
            throw UsageError("\(option) \(text): give a number from 1 to \(most)")
        }
        return count
    }

    mutating func common(_ option: String, _ setting: inout Setting) throws(UsageError) {
        switch option {
        case "--for": setting.duration = try interval(option, value(of: option))
        case "--mix":
            let name = try value(of: option)
            guard let mix = Mix(rawValue: name) else {
                let names = Mix.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError("--mix \(name): give one of \(names)")
            }
            setting.mix = mix
        case "--plant":
            let text = try value(of: option)
            guard let number = Int(text), number > 0, Plant.select(number) else {
                throw UsageError("--plant \(text): this build carries no such bug")
            }
            setting.plant = number
        case "--without":
            for name in try value(of: option).split(separator: ",") {
                for fault in try faults(String(name)) { setting.ablation.leaveOut(fault) }
            }
        case "--without-checker":
            for name in try value(of: option).split(separator: ",") {
                guard setting.ablation.leaveOut(checker: String(name)) else {
                    throw UsageError(
                        "--without-checker \(name): give one of "
                            + Checkers.names.joined(separator: ", "))
                }
            }
        default: throw UsageError("'\(option)' is no option here")
        }
    }

    /// One kind of fault, or a group of them.
    private func faults(_ name: String) throws(UsageError) -> [Fault] {
        if let group = Fault.groups.first(where: { $0.name == name }) { return group.faults }
        guard let fault = Fault.allCases.first(where: { "\($0)" == name }) else {
            let names =
                Fault.groups.map(\.name)
                + Fault.allCases.filter { !$0.isConsequence }.map { "\($0)" }
            throw UsageError("--without \(name): give some of \(names.joined(separator: ", "))")
        }
        guard !fault.isConsequence else {
            throw UsageError("--without \(name): it follows from other faults; leave out those")
        }
        return [fault]
    }

    mutating func value(of option: String) throws(UsageError) -> String {
        guard let value = rest.popFirst() else { throw UsageError("\(option) wants a value") }
        return value
    }

    /// `A..<B`, `A...B`, or one seed.
    private func seeds(_ text: String) throws(UsageError) -> Range<UInt64> {
        let failure = UsageError("--seeds \(text): give a range such as 0..<1000")
        if let one = UInt64(text), one < .max { return one..<one + 1 }
        for (mark, isClosed) in [("..<", false), ("...", true)] {
            guard let place = find(mark, in: text) else { continue }
            guard let lower = UInt64(text[..<place]),
                let upper = UInt64(text[place...].dropFirst(3)), upper < .max, lower <= upper
            else { throw failure }
            return lower..<(isClosed ? upper + 1 : upper)
        }
        throw failure
    }

    private func find(_ mark: String, in text: String) -> String.Index? {
        text.indices.first { text[$0...].hasPrefix(mark) }
    }

    /// A number of seconds, or a number with `ms`, `s` or `m`.
    func interval(_ option: String, _ text: String) throws(UsageError) -> Interval {
        let units: [(String, Int64)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("", 1_000)]
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let number = Int64(text.dropLast(unit.count)) else { continue }
            guard number > 0, number <= 86_400_000 / factor else { break }
            return .milliseconds(number * factor)
        }
        throw UsageError(
            "\(option) \(text): give a time such as 60s, 500ms or 2m, a day at the most")
    }
}

/// What `--help` prints.
let usage = """
    parley-sim drives a simulated cluster through seeded faults and checks what it does.

      parley-sim run [--seeds 0..<1000] [--jobs N] [--keep-going] [--json] [--report DIR]
                     [--wall TIME] [--require-all SEEDS] [options]
      parley-sim replay SEED [--trace -|FILE] [--report FILE] [options]
      parley-sim replay --recording DIR|FILE [--trace -|FILE] [--until EVENTS] [--cost]
      parley-sim kill-matrix [--ablate] [--bugs 7,12] [--starts 7] [--limit 2000] [--jobs N]
                     [options]

    options:
      --for TIME    simulated time of a run, such as 60s (the default) or 500ms
      --mix NAME    which faults may be drawn: \
    \(Mix.allCases.map(\.rawValue).joined(separator: ", "))
      --plant N     switch on a planted bug, in a build that carries them
      --without FAULT[,FAULT]         leave out kinds of faults, or groups of them:
                    \(Fault.groups.map(\.name).joined(separator: ", "))
      --without-checker NAME[,NAME]   let pass what these checkers see

    run stops at the first seed that fails, unless --keep-going. Its last line is one JSON
    object; with --json it prints nothing else. replay prints what the seed drew and came to;
    --trace writes every event and effect, --report a page (HTML) with a picture of the run; run
    --report writes one for each seed that fails. replay --recording feeds what live nodes recorded
    (RECORD=DIR) to the same machine and says MATCH, or where it parts from the recording;
    --until stops after so many events and shows the node; --cost measures what recording added to
    its steps. kill-matrix plants one bug after the
    other, in a build that carries them (scripts/kill-matrix makes it), and says which checker
    caught it how soon; --ablate then leaves out one kind of fault after the other, and the checker
    that caught it.

    run says which marks, faults and checkers no seed hit; --require-all N makes that a failure
    once N seeds were run. --wall ends a run after so much time by the clock on the wall.

    exit codes: 0 all held, 1 a checker fired, 2 bad arguments, 3 no liveness, 4 crashed,
    5 explore did not get to the end within its memory, 6 something was never hit
    """
