@preconcurrency import Glibc
import Protocols
import SimNet

/// Prints the names of all searches and their bounds.
func listSearches() {
    for configuration in ExploreConfiguration.named {
        print("\(configuration.name): \(summary(configuration))")
    }
}

/// What `--help` says of `explore`.
let exploreUsage = """
      parley-sim explore [--list]
      parley-sim explore-matrix [--bugs 7,12]
      parley-sim explore NAME [--json] [--out FILE] [--memory MIB] [--plant N] [--start N]
                         [--liveness N] [--without CHECKER,...] [--no-symmetry] [bounds]

    explore tries everything that can happen to a few members, breadth first, and writes the
    shortest way to what must never be as a scenario of steps, which run-scenario repeats. What
    it tries is bounded: --timeouts, --proposals, --duplicates, --drops, --crashes,
    --heartbeats, --snapshots and --resends say how often each may happen on one path; what goes beyond --term, --flight
    (messages in flight) or --depth is cut off and counted.

    Without NAME it lists the searches. --start N takes one of several beginnings alone. Every
    state is healed, and must then elect and serve; --liveness N heals one state of N (0: none).
    explore-matrix plants one bug after the other, in a build that carries them, lets the search
    that the bug's file names find it, and repeats what was found with the bug and without it.
    --json prints the last line alone. --memory bounds the tables: 2048 MiB by default.

    exit codes: 0 held, 1 a checker fired, 2 bad arguments, 3 a healed world is stuck,
    4 a machine trapped, 5 the memory bound was reached before the end
    """

/// Runs a search and tells what it came to.
func explore(_ arguments: ExploreArguments) -> Int32 {
    let configuration = arguments.configuration
    if !arguments.isTerse { print("\(configuration.name): \(summary(configuration))") }
    TrapGuard.arm()
    let begun = seconds()
    var line = StateLine()
    var search = Explorer(configuration) { state, action in TrapGuard.note(state, action) }
    let result = search.run(trap: arguments.trapped) { counts in
        line.show(counts)
        return true
    }
    line.clear()
    let wall = max(seconds() - begun, 0.001)
    if !arguments.isTerse { tell(result, arguments, wall) }
    if let steps = result.steps {
        guard write(steps, of: result, arguments) else { return 2 }
    }
    print(jsonLine(result, arguments, wall))
    return exitCode(result)
}

private func tell(_ result: ExploreResult, _ arguments: ExploreArguments, _ wall: Double) {
    let configuration = arguments.configuration
    let counts = result.counts
    print(
        "\(result.ending.rawValue): \(counts.states) states, \(counts.transitions) transitions, "
            + "\(counts.depth) levels in \(decimal(Interval(nanoseconds: Int64(wall * 1e9)))) s: "
            + "\(Int(Double(counts.states) / wall)) states a second")
    print(
        "  \(counts.members) states of single members, \(counts.messages) messages, "
            + "\(counts.steps) steps of machines, \(counts.memory >> 20) MiB")
    print(
        "  cut off: \(counts.cutByFlight) actions by the bound of "
            + "\(configuration.bounds.flight) messages in flight, \(counts.cutByTerm) by the "
            + "bound of term \(configuration.bounds.term)")
    let sample = configuration.livenessSample
    print(
        sample == 0
            ? "  liveness: not looked at"
            : "  liveness: \(counts.healed) states healed, "
                + (sample == 1
                    ? "all that were met" : "one of \(sample), by their fingerprints"))
    if let violation = result.violation {
        print("  checker: \(violation.checker)")
        print("  saw:     \(violation.message)")
        printPath(result.path)
        print("  again:   parley-sim explore \(configuration.name)\(arguments.options)")
    }
}

/// Writes the counterexample, after a look whether it shows the same; false when it cannot.
private func write(
    _ steps: Steps, of result: ExploreResult, _ arguments: ExploreArguments
) -> Bool {
    var steps = steps
    steps.comments = [
        "\(result.violation?.checker ?? ""): \(result.violation?.message ?? "")",
        "from: parley-sim explore \(arguments.configuration.name)\(arguments.options)",
    ]
    guard writeText(steps.text, to: arguments.path) else {
        fputs("parley-sim: \(arguments.path) cannot be written\n", stderr)
        return false
    }
    guard !arguments.isTerse else { return true }
    let plant = arguments.plant > 0 ? " --plant \(arguments.plant)" : ""
    print("  steps:   parley-sim run-scenario \(arguments.path)\(plant)")
    // A machine that traps would trap here as well.
    guard result.violation?.checker != "precondition" else { return true }
    var run = StepsRun(steps)
    run.run()
    if let disappointment = run.disappointment { print("  BUT the steps show: \(disappointment)") }
    return true
}

private func writeText(_ text: String, to path: String) -> Bool {
    guard let file = fopen(path, "w") else { return false }
    fputs(text, file)
    return fclose(file) == 0
}

private func exitCode(_ result: ExploreResult) -> Int32 {
    switch result.ending {
    case .complete, .deepest: return 0
    case .memory, .stopped: return 5
    case .violated: break
    }
    switch result.violation?.checker {
    case ExploreChecker.liveness.rawValue: return 3
    case "precondition": return 4
    default: return 1
    }
}

private func printPath(_ path: [ExploreStep]) {
    let prologue = path.count { $0.isPrologue }
    if prologue > 0 { print("  the search begins so:") }
    for (place, step) in path.enumerated() {
        if place == prologue {
            print("  the shortest way there, \(path.count - prologue) actions:")
        }
        let number = place < prologue ? place + 1 : place - prologue + 1
        let margin = String(repeating: " ", count: number < 10 ? 5 : 4)
        let end = step.consequence.isEmpty ? "" : "  -> \(step.consequence)"
        print("\(margin)\(number). \(step.text)\(end)")
    }
}

private func summary(_ configuration: ExploreConfiguration) -> String {
    let bounds = configuration.bounds
    let budgets = [
        ("timeouts", bounds.timeouts), ("proposals", bounds.proposals),
        ("duplicates", bounds.duplicates), ("drops", bounds.drops), ("crashes", bounds.crashes),
        ("heartbeats", bounds.heartbeats), ("snapshots", bounds.snapshots),
        ("resends", bounds.resends),
    ]
    return "\(configuration.members) members, \(configuration.starts.count) start"
        + (configuration.starts.count == 1 ? "" : "s")
        + ", terms to \(bounds.term), \(bounds.flight) messages in flight, depth \(bounds.depth)"
        + budgets.filter { $0.1 > 0 }.map { ", \($0.0) \($0.1)" }.joined()
        + (configuration.isSymmetric ? "" : ", no symmetry")
}

private func jsonLine(
    _ result: ExploreResult, _ arguments: ExploreArguments, _ wall: Double
) -> String {
    let (counts, configuration) = (result.counts, arguments.configuration)
    var fields: [(String, String)] = [
        ("name", "\"\(configuration.name)\""), ("ending", "\"\(result.ending.rawValue)\""),
        ("states", "\(counts.states)"), ("transitions", "\(counts.transitions)"),
        ("depth", "\(counts.depth)"), ("cut_by_flight", "\(counts.cutByFlight)"),
        ("cut_by_term", "\(counts.cutByTerm)"), ("healed", "\(counts.healed)"),
        ("liveness_sample", "\(configuration.livenessSample)"),
        ("memory_bytes", "\(counts.memory)"),
        ("wall_seconds", decimal(Interval(nanoseconds: Int64(wall * 1e9)))),
        ("states_per_second", "\(Int(Double(counts.states) / wall))"),
    ]
    if arguments.plant > 0 { fields.append(("plant", "\(arguments.plant)")) }
    if let violation = result.violation {
        fields.append(("checker", "\"\(violation.checker)\""))
        fields.append(("length", "\(result.path.count { !$0.isPrologue })"))
        fields.append(("file", "\"\(arguments.path)\""))
    }
    return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
}

/// A line on a terminal that says how far a search is.
private struct StateLine {
    private let isShown = isatty(2) == 1
    private let start = seconds()
    private var shown = 0.0

    mutating func show(_ counts: ExploreCounts) {
        guard isShown else { return }
        let now = seconds()
        guard now - shown > 0.5 else { return }
        shown = now
        let rate = Int(Double(counts.states) / max(now - start, 0.001))
        fputs(
            "\r\u{1B}[K\(counts.states) states, level \(counts.depth), \(rate) a second, "
                + "\(counts.memory >> 20) MiB", stderr)
    }

    mutating func clear() {
        if shown > 0 { fputs("\r\u{1B}[K", stderr) }
    }
}
