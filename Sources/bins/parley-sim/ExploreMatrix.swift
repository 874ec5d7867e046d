@preconcurrency import Glibc
import Protocols
import SimNet

/// Plants one bug after the other and says which exhaustive search finds it, how soon and how.
///
/// Each search is a process of its own, for a bug may make a machine trap. What it finds is repeated
/// step by step, with the bug and without it.
struct ExploreMatrix {
    private struct Finding {
        var search: String
        var checker: String
        var states: Int
        var length: Int
        var seconds: String
        var repeated: String
    }

    private let program: String
    private let bugs: [PlantedBug]

    /// - Parameter numbers: the bugs to plant; when empty, those that name a search.
    init(bugs numbers: [Int]) throws(UsageError) {
        guard !Plant.bugs.isEmpty else {
            throw UsageError(
                "this build carries no planted bugs; scripts/kill-matrix builds one that does")
        }
        for number in numbers where !Plant.bugs.contains(where: { $0.number == number }) {
            throw UsageError("--bugs \(number): this build carries no such bug")
        }
        guard let program = Hunter.ownProgram() else {
            throw UsageError("/proc/self/exe cannot be read")
        }
        self.program = program
        bugs = Plant.bugs.filter {
            numbers.isEmpty ? !$0.explore.isEmpty : numbers.contains($0.number)
        }
    }

    /// Prints a table; returns 0 when every bug was found and repeated.
    func run() -> Int32 {
        var failures: [Int] = []
        print("<!-- table: searches -->")
        print("| No. | Bug | Search | Seen by | Actions | States | Seconds | Repeated |")
        print("|---|---|---|---|---|---|---|---|")
        for bug in bugs {
            let searches =
                bug.explore.isEmpty
                ? ExploreConfiguration.named.map(\.name)
                : bug.explore.split(separator: " ").map(String.init)
            var finding: Finding?
            for search in searches where finding == nil { finding = look(for: bug, search) }
            guard let finding else {
                failures.append(bug.number)
                print("| \(bug.number) | \(bug.title) | | **nobody** | | | | |")
                continue
            }
            if finding.repeated != "yes" { failures.append(bug.number) }
            print(
                "| \(bug.number) | \(bug.title) | \(finding.search) | \(finding.checker) "
                    + "| \(finding.length) | \(finding.states) | \(finding.seconds) "
                    + "| \(finding.repeated) |")
        }
        print("<!-- end of table -->")
        print(
            "{\"bugs\":\(bugs.count),\"found\":\(bugs.count - failures.count),"
                + "\"not_found\":\(failures)}")
        return failures.isEmpty ? 0 : 1
    }

    private func look(for bug: PlantedBug, _ search: String) -> Finding? {
        let path = "/tmp/parley-explore-\(getpid())-\(bug.number).scenario"
        defer { unlink(path) }
        let lines = output("explore \(search) --plant \(bug.number) --json --out '\(path)'")
        guard let line = lines.last(where: { $0.hasPrefix("{") }),
            let checker = field("checker", of: line)
        else { return nil }
        return Finding(
            search: search, checker: checker,
            states: field("states", of: line).flatMap { Int($0) } ?? 0,
            length: field("length", of: line).flatMap { Int($0) } ?? 0,
            seconds: field("wall_seconds", of: line) ?? "", repeated: verify(bug, path, checker))
    }

    /// Repeats the steps: they must show the same with the bug, and nothing without it.
    private func verify(_ bug: PlantedBug, _ path: String, _ checker: String) -> String {
        let with = output("run-scenario '\(path)' --plant \(bug.number)")
        let isSame =
            checker == "precondition"
            ? with.contains { $0.hasPrefix("crashed: a machine trapped") }
            : with.contains { $0.hasPrefix("\(path): as expected") }
        guard isSame else { return "not with the bug" }
        let without = output("run-scenario '\(path)'")
        let held = "NOT AS EXPECTED: expected violation \(checker), and it held"
        return without.contains(held) ? "yes" : "without the bug, too"
    }

    /// What this program prints when it is started anew, line by line.
    private func output(_ arguments: String) -> [String] {
        guard let pipe = popen("'\(program)' \(arguments) 2>&1", "r") else { return [] }
        defer { pclose(pipe) }
        var lines: [String] = []
        while let line = Hunter.line(of: pipe) { lines.append(line) }
        return lines
    }

    /// A field of one of our own JSON lines.
    private func field(_ name: String, of line: String) -> String? {
        let mark = "\"\(name)\":"
        guard let start = line.indices.first(where: { line[$0...].hasPrefix(mark) }) else {
            return nil
        }
        let rest = line[start...].dropFirst(mark.count)
        let value = rest.prefix { $0 != "," && $0 != "}" }
        return value.hasPrefix("\"") ? String(value.dropFirst().dropLast()) : String(value)
    }
}
