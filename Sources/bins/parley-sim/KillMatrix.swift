@preconcurrency import Glibc
import Protocols
import SimNet

/// The arguments of `kill-matrix`.
struct KillMatrixArguments {
    /// The bugs to plant; all when empty.
    var bugs: [Int] = []
    /// How many seeds a bug may survive from each start.
    var limit: UInt64 = 2_000
    /// How many times the search begins, and how far apart.
    var starts: UInt64 = 7
    static let stride: UInt64 = 10_000
    /// Faults and checkers are left out one by one as well.
    var ablates = false
    var setting = Setting()
    var jobs = 0
}

/// Plants one bug after the other and says which checker caught it after how many seeds.
struct KillMatrix {
    private let arguments: KillMatrixArguments
    private let bugs: [PlantedBug]

    init(_ arguments: KillMatrixArguments) throws(UsageError) {
        guard !Plant.bugs.isEmpty else {
            throw UsageError(
                "this build carries no planted bugs; scripts/kill-matrix builds one that does")
        }
        for number in arguments.bugs where !Plant.bugs.contains(where: { $0.number == number }) {
            throw UsageError("--bugs \(number): this build carries no such bug")
        }
        self.arguments = arguments
        bugs = Plant.bugs.filter {
            arguments.bugs.isEmpty || arguments.bugs.contains($0.number)
        }
    }

    /// Prints a table, or with ablation three; returns 0 when every bug was caught.
    func run() throws(UsageError) -> Int32 {
        let begun = seconds()
        let survivors: [Int]
        if arguments.ablates {
            survivors = try KillAblation(arguments, bugs).run()
        } else {
            survivors = try table()
        }
        let wall = decimal(Interval(nanoseconds: Int64((seconds() - begun) * 1e9)))
        print(
            "{\"bugs\":\(bugs.count),\"caught\":\(bugs.count - survivors.count),"
                + "\"survived\":\(survivors),\"starts\":\(arguments.starts),"
                + "\"limit\":\(arguments.limit),\"wall_seconds\":\(wall)}")
        return survivors.isEmpty ? 0 : 1
    }

    private func table() throws(UsageError) -> [Int] {
        let hunter = try Hunter(jobs: arguments.jobs)
        var survivors: [Int] = []
        print("| No. | Bug | Caught by | Median seeds | Worst |")
        print("|---|---|---|---|---|")
        for bug in bugs {
            let hunt = Hunt(bug, arguments, hunter)
            if hunt.kills.isEmpty { survivors.append(bug.number) }
            print("| \(bug.number) | \(bug.title) | \(hunt.cells(arguments)) |")
        }
        return survivors
    }
}

/// The searches for one bug, one from each start.
struct Hunt: Sendable {
    /// The bug, switched on, with the faults that it wants.
    let setting: Setting
    /// What each start came to; nil for a search in vain.
    private(set) var catches: [Hunter.Kill?] = []

    /// Looks for a bug from each start; three searches in vain are enough.
    init(_ bug: PlantedBug, _ arguments: KillMatrixArguments, _ hunter: Hunter) {
        var setting = arguments.setting
        if setting.mix == .swarm { setting.mix = Mix(rawValue: bug.mix) ?? .swarm }
        setting.plant = bug.number
        self.setting = setting
        for start in 0..<arguments.starts {
            catches.append(
                hunter.search(
                    setting, from: start * KillMatrixArguments.stride, limit: arguments.limit))
            if catches.count == 3, kills.isEmpty { break }
        }
    }

    /// The searches that found something.
    var kills: [Hunter.Kill] { catches.compactMap { $0 } }

    /// Each checker that caught the bug and how often, the most frequent first.
    var checkers: [(name: String, count: Int)] { Hunt.tally(kills.map(\.checker)) }

    /// How often each word occurs, the most frequent first.
    static func tally(_ words: [String]) -> [(name: String, count: Int)] {
        var counts: [(name: String, count: Int)] = []
        for word in words {
            if let place = counts.firstIndex(where: { $0.name == word }) {
                counts[place].count += 1
            } else {
                counts.append((word, 1))
            }
        }
        return counts.enumerated().sorted {
            ($1.element.count, $0.offset) < ($0.element.count, $1.offset)
        }.map(\.element)
    }

    /// Who caught it, the median and the worst number of seeds, as cells of a table.
    func cells(_ arguments: KillMatrixArguments) -> String {
        let names = checkers.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
        let seeds = catches.map { $0?.seeds ?? .max }.sorted()
        func number(_ value: UInt64) -> String {
            value == .max ? "over \(arguments.limit)" : "\(value)"
        }
        return "\(names.isEmpty ? "**nobody**" : names) | \(number(seeds[seeds.count / 2])) | "
            + "\(number(seeds[seeds.count - 1]))"
            + (setting.mix == .swarm ? "" : " (--mix \(setting.mix.rawValue))")
    }
}
