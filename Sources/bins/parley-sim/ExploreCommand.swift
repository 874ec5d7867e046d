@preconcurrency import Glibc
import Protocols
import SimNet

/// The arguments of `explore`.
struct ExploreArguments {
    var configuration: ExploreConfiguration
    var plant = 0
    /// Where an earlier run of the same search ended in a trap.
    var trapped: (state: UInt32, action: UInt32)?
    /// What was typed after the name, to be typed again.
    private(set) var options = ""

    /// Reads them off a command line; nil: only the names of the searches are wanted.
    init?(taking rest: inout ArraySlice<String>) throws(UsageError) {
        let names = ExploreConfiguration.named.map(\.name).joined(separator: ", ")
        guard let name = rest.popFirst() else {
            throw UsageError("say which search: \(names)")
        }
        if name == "--list" { return nil }
        guard let found = ExploreConfiguration.named.first(where: { $0.name == name }) else {
            throw UsageError("'\(name)' is no search: there are \(names)")
        }
        configuration = found
        while let option = rest.popFirst() {
            if option == "--no-symmetry" {
                configuration.isSymmetric = false
                options += " \(option)"
                continue
            }
            guard let text = rest.popFirst() else { throw UsageError("\(option) wants a value") }
            try take(option, text)
            if option != "--trapped" { options += " \(option) \(text)" }
        }
    }

    private mutating func take(_ option: String, _ text: String) throws(UsageError) {
        func number(_ range: ClosedRange<Int>) throws(UsageError) -> Int {
            guard let value = Int(text), range.contains(value) else {
                throw UsageError(
                    "\(option) \(text): give a number from \(range.lowerBound) to "
                        + "\(range.upperBound)")
            }
            return value
        }
        let budget = 0...ExploreBudget.most
        switch option {
        case "--depth": configuration.bounds.depth = try number(1...1_000)
        case "--term": configuration.bounds.term = UInt64(try number(1...14))
        case "--flight": configuration.bounds.flight = try number(1...64)
        case "--timeouts": configuration.bounds.timeouts = try number(budget)
        case "--proposals": configuration.bounds.proposals = try number(budget)
        case "--duplicates": configuration.bounds.duplicates = try number(budget)
        case "--drops": configuration.bounds.drops = try number(budget)
        case "--crashes": configuration.bounds.crashes = try number(budget)
        case "--heartbeats": configuration.bounds.heartbeats = try number(budget)
        case "--snapshots": configuration.bounds.snapshots = try number(budget)
        case "--start":
            let start = try number(1...configuration.starts.count)
            configuration.starts = [configuration.starts[start - 1]]
        case "--liveness": configuration.livenessSample = UInt64(try number(0...1_000_000))
        case "--memory": configuration.memory = try number(1...1_000_000) << 20
        case "--without":
            for name in text.split(separator: ",") {
                guard let checker = ExploreChecker(rawValue: String(name)) else {
                    let names = ExploreChecker.allCases.map(\.rawValue).joined(separator: ", ")
                    throw UsageError("--without \(name): there are \(names)")
                }
                configuration.without.append(checker)
            }
        case "--plant":
            guard let bug = Int(text), bug > 0, Plant.select(bug) else {
                throw UsageError("--plant \(text): this build carries no such bug")
            }
            plant = bug
        case "--trapped":
            let parts = text.split(separator: ":").compactMap { UInt32($0) }
            guard parts.count == 2 else { throw UsageError("--trapped \(text): not a place") }
            trapped = (parts[0], parts[1])
        default: throw UsageError("'\(option)' is no option of explore")
        }
    }
}

/// Prints the names of all searches and their bounds.
func listSearches() {
    for configuration in ExploreConfiguration.named {
        print("\(configuration.name): \(summary(configuration))")
    }
}

/// Runs a search and tells what it came to.
func explore(_ arguments: ExploreArguments) -> Int32 {
    let configuration = arguments.configuration
    print("\(configuration.name): \(summary(configuration))")
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
    let counts = result.counts
    print(
        "\(result.ending.rawValue): \(counts.states) states, \(counts.transitions) transitions, "
            + "\(counts.depth) levels in \(decimal(Interval(nanoseconds: Int64(wall * 1e9)))) s: "
            + "\(Int(Double(counts.states) / wall)) states a second")
    print(
        "  \(counts.members) states of single members, \(counts.messages) messages, "
            + "\(counts.steps) steps of machines; \(counts.cut) actions cut off by the bounds; "
            + "\(counts.healed) states healed; \(counts.memory >> 20) MiB")
    if let violation = result.violation {
        print("  checker: \(violation.checker)")
        print("  saw:     \(violation.message)")
        printPath(result.path)
        print("  again:   parley-sim explore \(configuration.name)\(arguments.options)")
    }
    print(jsonLine(result, configuration, arguments.plant, wall))
    return exitCode(result)
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
    ]
    return "\(configuration.members) members, \(configuration.starts.count) start"
        + (configuration.starts.count == 1 ? "" : "s")
        + ", terms to \(bounds.term), \(bounds.flight) messages in flight, depth \(bounds.depth)"
        + budgets.filter { $0.1 > 0 }.map { ", \($0.0) \($0.1)" }.joined()
        + (configuration.isSymmetric ? "" : ", no symmetry")
}

private func jsonLine(
    _ result: ExploreResult, _ configuration: ExploreConfiguration, _ plant: Int, _ wall: Double
) -> String {
    let counts = result.counts
    var fields: [(String, String)] = [
        ("name", "\"\(configuration.name)\""), ("ending", "\"\(result.ending.rawValue)\""),
        ("states", "\(counts.states)"), ("transitions", "\(counts.transitions)"),
        ("depth", "\(counts.depth)"), ("cut", "\(counts.cut)"), ("healed", "\(counts.healed)"),
        ("memory_bytes", "\(counts.memory)"),
        ("wall_seconds", decimal(Interval(nanoseconds: Int64(wall * 1e9)))),
        ("states_per_second", "\(Int(Double(counts.states) / wall))"),
    ]
    if plant > 0 { fields.append(("plant", "\(plant)")) }
    if let violation = result.violation {
        fields.append(("checker", "\"\(violation.checker)\""))
        fields.append(("length", "\(result.path.count { !$0.isPrologue })"))
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

/// When a machine traps in a search, starts the program anew: the same search up to the very same
/// place, and there it tells the way instead of taking the step.
///
/// A search is the same every time, so a place in it is two numbers. The handler allocates nothing.
private enum TrapGuard {
    private nonisolated(unsafe) static var state: UInt32 = .max
    private nonisolated(unsafe) static var action: UInt32 = .max
    private nonisolated(unsafe) static var place: UnsafeMutablePointer<CChar>?
    private nonisolated(unsafe) static var words:
        UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

    static func note(_ newState: UInt32, _ newAction: UInt32) {
        state = newState
        action = newAction
    }

    static func arm() {
        let arguments = CommandLine.arguments
        guard !arguments.contains("--trapped") else { return }
        let fresh = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
            capacity: arguments.count + 3)
        for (number, argument) in arguments.enumerated() { fresh[number] = strdup(argument) }
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: 32)
        fresh[arguments.count] = strdup("--trapped")
        fresh[arguments.count + 1] = text
        fresh[arguments.count + 2] = nil
        (words, place) = (fresh, text)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
            signal(number) { _ in TrapGuard.restart() }
        }
    }

    private static func restart() {
        if let words, let place {
            var end = 0
            append(state, place, &end)
            place[end] = 0x3A
            end += 1
            append(action, place, &end)
            place[end] = 0
            execv("/proc/self/exe", words)
        }
        _exit(4)
    }

    private static func append(
        _ number: UInt32, _ text: UnsafeMutablePointer<CChar>, _ end: inout Int
    ) {
        var divisor: UInt32 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            text[end] = CChar(48 + number / divisor % 10)
            end += 1
            divisor /= 10
        }
    }
}
