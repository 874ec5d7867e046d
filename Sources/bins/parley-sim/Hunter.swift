@preconcurrency import Glibc
import Protocols
import SimNet

/// A bug that this build carries and can switch on.
struct PlantedBug: Sendable {
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
    /// The options of `branch` that find it, for one that is too rare for plain seeds; else empty.
    var branch: String
}

/// Looks for seeds that fail.
///
/// Each search is a process of its own, for a bug may make a machine trap: that is a catch, too.
struct Hunter: Sendable {
    /// A seed that failed.
    struct Kill: Sendable {
        var seed: UInt64
        /// How many seeds were run to find it.
        var seeds: UInt64
        var checker: String
        /// The kinds of faults that struck in the runs up to it; nil when the machine trapped.
        var faults: [Fault]?
    }

    /// How many threads a search may use.
    let jobs: Int
    private let program: String

    init(jobs: Int) throws(UsageError) {
        self.jobs = jobs
        guard let program = Hunter.ownProgram() else {
            throw UsageError("/proc/self/exe cannot be read")
        }
        self.program = program
    }

    /// Looks for a seed from `first` on, `limit` of them at the most, that fails as the setting has
    /// it and holds without the planted bug.
    func search(_ setting: Setting, from first: UInt64, limit: UInt64) -> Kill? {
        let branch = Plant.bugs.first { $0.number == setting.plant }?.branch ?? ""
        var healthy = setting
        healthy.plant = 0
        var next = first
        while next < first + limit {
            guard var found = failure(setting, next..<first + limit, branch) else { return nil }
            guard failure(healthy, found.seed..<found.seed + 1, branch) != nil else {
                found.seeds = found.seed - first + 1
                return found
            }
            fputs("seed \(found.seed) fails without bug \(setting.plant), too\n", stderr)
            next = found.seed + 1
        }
        return nil
    }

    /// Runs seeds in a process of their own until one fails; with options of `branch`, until one of
    /// a seed's futures fails.
    func failure(_ setting: Setting, _ seeds: Range<UInt64>, _ branch: String = "") -> Kill? {
        let search = branch.isEmpty ? "run" : "branch --out /dev/null \(branch)"
        var command = "'\(program)' \(search) --seeds '\(seeds.lowerBound)..<\(seeds.upperBound)'"
        command += setting.options
        if jobs > 0 { command += " --jobs \(jobs)" }
        guard let pipe = popen(command + " 2>&1", "r") else { return nil }
        defer { pclose(pipe) }
        var checker: String?
        var seed: UInt64?
        var faults: [Fault]?
        while let line = Hunter.line(of: pipe) {
            if let found = text(after: "  checker: ", in: line), checker == nil { checker = found }
            if let found = text(after: "seed ", in: line), seed == nil {
                seed = UInt64(found.prefix { $0 != " " })
            }
            if let found = text(after: "crashed: a machine trapped in seed ", in: line) {
                return UInt64(found).map { Kill(seed: $0, seeds: 1, checker: "precondition") }
            }
            if line.hasPrefix("{") { faults = Hunter.faults(in: line) }
        }
        guard let seed, let checker else { return nil }
        return Kill(seed: seed, seeds: 1, checker: checker, faults: faults)
    }

    /// The kinds of faults that a line of JSON counts at least once.
    private static func faults(in line: String) -> [Fault]? {
        guard let part = line.split(separator: "\"faults\":{", maxSplits: 1).last,
            let counts = part.split(separator: "}", maxSplits: 1).first
        else { return nil }
        let struck = counts.split(separator: ",").filter { !$0.hasSuffix(":0") }
        return Fault.allCases.filter { fault in struck.contains { $0.hasPrefix("\"\(fault)\":") } }
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
