import Protocols
import SimNet

/// The arguments of `explore`.
struct ExploreArguments {
    var configuration: ExploreConfiguration
    var plant = 0
    /// Prints nothing but the last line.
    var isTerse = false
    /// Where the shortest counterexample goes.
    private var out: String?
    /// Where an earlier run of the same search ended in a trap.
    var trapped: (state: UInt32, action: UInt32)?
    /// What was typed after the name, to be typed again.
    private(set) var options = ""

    /// The file of the shortest counterexample.
    var path: String {
        out ?? configuration.name + (plant > 0 ? "-bug-\(plant)" : "") + ".scenario"
    }

    /// What takes no part in the search itself.
    private static let aside = ["--trapped", "--out"]

    /// Reads them off a command line; nil: only the names of the searches are wanted.
    init?(taking rest: inout ArraySlice<String>) throws(UsageError) {
        let names = ExploreConfiguration.named.map(\.name).joined(separator: ", ")
        guard let name = rest.popFirst(), name != "--list" else { return nil }
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
            if option == "--json" {
                isTerse = true
                continue
            }
            guard let text = rest.popFirst() else { throw UsageError("\(option) wants a value") }
            try take(option, text)
            if !ExploreArguments.aside.contains(option) { options += " \(option) \(text)" }
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
        case "--resends": configuration.bounds.resends = try number(budget)
        case "--start":
            let start = try number(1...configuration.starts.count)
            configuration.starts = [configuration.starts[start - 1]]
        case "--liveness": configuration.livenessSample = UInt64(try number(0...1_000_000))
        case "--memory": configuration.memory = try number(1...1_000_000) << 20
        case "--out": out = text
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
