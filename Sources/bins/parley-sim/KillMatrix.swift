@preconcurrency import Glibc
import Protocols
import SimNet

/// A bug that this build carries and can switch on.
struct PlantedBug {
    /// Its number in the list of planted bugs.
    var number: Int
    /// What it is.
    var title: String
    /// The checkers that should catch it.
    var expect: String
    /// The faults that bring it out; empty when those of the swarm do.
    var mix: String
    /// The exhaustive search that finds it; empty when none does.
    var explore: String
}

/// The arguments of `kill-matrix`.
struct KillMatrixArguments {
    /// The bugs to plant; all when empty.
    var bugs: [Int] = []
    /// How many seeds a bug may survive from each start.
    var limit: UInt64 = 2_000
    /// How many times the search begins, and how far apart.
    var starts: UInt64 = 7
    static let stride: UInt64 = 10_000
    var setting = Setting()
    var jobs = 0
}

/// Plants one bug after the other and says which checker caught it after how many seeds.
///
/// Each search is a process of its own, for a bug may make a machine trap: that is a catch, too.
struct KillMatrix {
    private struct Catch {
        var seeds: UInt64
        var checker: String
    }

    private let arguments: KillMatrixArguments
    private let program: String

    init(_ arguments: KillMatrixArguments) throws(UsageError) {
        guard !Plant.bugs.isEmpty else {
            throw UsageError(
                "this build carries no planted bugs; scripts/kill-matrix builds one that does")
        }
        for number in arguments.bugs where !Plant.bugs.contains(where: { $0.number == number }) {
            throw UsageError("--bugs \(number): this build carries no such bug")
        }
        guard let program = KillMatrix.ownProgram() else {
            throw UsageError("/proc/self/exe cannot be read")
        }
        self.arguments = arguments
        self.program = program
    }

    /// Prints a table; returns 0 when every bug was caught.
    func run() -> Int32 {
        let begun = seconds()
        let bugs = Plant.bugs.filter {
            arguments.bugs.isEmpty || arguments.bugs.contains($0.number)
        }
        var survivors: [Int] = []
        print("| No. | Bug | Caught by | Median seeds | Worst | Faults |")
        print("|---|---|---|---|---|---|")
        for bug in bugs {
            let catches = hunt(bug)
            if catches.allSatisfy({ $0 == nil }) { survivors.append(bug.number) }
            print(row(bug, catches))
        }
        let wall = decimal(Interval(nanoseconds: Int64((seconds() - begun) * 1e9)))
        print(
            "{\"bugs\":\(bugs.count),\"caught\":\(bugs.count - survivors.count),"
                + "\"survived\":\(survivors),\"starts\":\(arguments.starts),"
                + "\"limit\":\(arguments.limit),\"wall_seconds\":\(wall)}")
        return survivors.isEmpty ? 0 : 1
    }

    /// Looks for a bug from each start; three searches in vain are enough.
    private func hunt(_ bug: PlantedBug) -> [Catch?] {
        var catches: [Catch?] = []
        for start in 0..<arguments.starts {
            catches.append(search(bug, from: start * KillMatrixArguments.stride))
            if catches.count == 3, catches.allSatisfy({ $0 == nil }) { break }
        }
        return catches
    }

    private func mix(_ bug: PlantedBug) -> Mix {
        arguments.setting.mix == .swarm ? Mix(rawValue: bug.mix) ?? .swarm : arguments.setting.mix
    }

    /// Looks for a seed from `first` on that fails with the bug and holds without it.
    private func search(_ bug: PlantedBug, from first: UInt64) -> Catch? {
        var setting = arguments.setting
        setting.mix = mix(bug)
        var next = first
        while next < first + arguments.limit {
            setting.plant = bug.number
            guard let found = failure(setting, next..<first + arguments.limit) else { return nil }
            setting.plant = 0
            guard failure(setting, found.seed..<found.seed + 1) != nil else {
                return Catch(seeds: found.seed - first + 1, checker: found.checker)
            }
            fputs("seed \(found.seed) fails without bug \(bug.number), too\n", stderr)
            next = found.seed + 1
        }
        return nil
    }

    /// Runs seeds in a process of their own until one fails.
    private func failure(
        _ setting: Setting, _ seeds: Range<UInt64>
    ) -> (seed: UInt64, checker: String)? {
        var command = "'\(program)' run --seeds '\(seeds.lowerBound)..<\(seeds.upperBound)'"
        command += setting.options
        if arguments.jobs > 0 { command += " --jobs \(arguments.jobs)" }
        guard let pipe = popen(command + " 2>&1", "r") else { return nil }
        defer { pclose(pipe) }
        var checker: String?
        var seed: UInt64?
        while let line = KillMatrix.line(of: pipe) {
            if let found = text(after: "  checker: ", in: line), checker == nil { checker = found }
            if let found = text(after: "seed ", in: line), seed == nil {
                seed = UInt64(found.prefix { $0 != " " })
            }
            if let found = text(after: "crashed: a machine trapped in seed ", in: line) {
                return UInt64(found).map { ($0, "precondition") }
            }
        }
        guard let seed, let checker else { return nil }
        return (seed, checker)
    }

    private func row(_ bug: PlantedBug, _ catches: [Catch?]) -> String {
        var counts: [(checker: String, count: Int)] = []
        for case let found? in catches {
            if let place = counts.firstIndex(where: { $0.checker == found.checker }) {
                counts[place].count += 1
            } else {
                counts.append((found.checker, 1))
            }
        }
        counts.sort { $0.count > $1.count }
        let names = counts.map { "\($0.checker) \($0.count)" }.joined(separator: ", ")
        let seeds = catches.map { $0?.seeds ?? .max }.sorted()
        func number(_ value: UInt64) -> String {
            value == .max ? "over \(arguments.limit)" : "\(value)"
        }
        return "| \(bug.number) | \(bug.title) | \(names.isEmpty ? "**nobody**" : names) "
            + "| \(number(seeds[seeds.count / 2])) | \(number(seeds[seeds.count - 1])) "
            + "| \(mix(bug).rawValue) |"
    }

    // MARK: Processes

    static func ownProgram() -> String? {
        var path = [UInt8](repeating: 0, count: 4_096)
        let count = path.withUnsafeMutableBytes {
            readlink(
                "/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count > 0, !path[..<count].contains(UInt8(ascii: "'")) else { return nil }
        return String(decoding: path[..<count], as: UTF8.self)
    }

    static func line(of pipe: UnsafeMutablePointer<FILE>) -> String? {
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        let count = getline(&buffer, &capacity, pipe)
        defer { free(buffer) }
        guard count > 0, let buffer else { return nil }
        let bytes = UnsafeRawBufferPointer(start: buffer, count: count)
        return String(decoding: bytes.last == 10 ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }

    private func text(after prefix: String, in line: String) -> String? {
        line.hasPrefix(prefix) ? String(line.dropFirst(prefix.count)) : nil
    }
}
