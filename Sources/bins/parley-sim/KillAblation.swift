@preconcurrency import Glibc
import Protocols
import SimNet

/// Leaves out faults and checkers one at a time, to show what each is good for.
///
/// A fault is suspected when more than half of the seeds that kill a bug hold without it. It is
/// *needed* when the searches for the bug, made again without it from the same starts, take at
/// least `factor` times as many seeds altogether. Kinds that stand in for each other are left out
/// together as well, where none of them is needed by itself.
struct KillAblation: Sendable {
    private let arguments: KillMatrixArguments
    private let bugs: [PlantedBug]
    private let hunter: Hunter

    /// How many times as many seeds make a fault needed.
    static let factor: UInt64 = 4

    /// What can be left out: one kind of fault or a group.
    private struct Part: Sendable {
        var name: String
        var faults: [Fault]

        /// True for a group and one of its kinds.
        func holds(_ name: String) -> Bool { faults.contains { "\($0)" == name } }
    }

    /// What was found out about one bug.
    struct Study: Sendable {
        var hunt: Hunt
        /// By the name of a part: in how many kills it struck, and how many it was decisive for.
        var struck: [String: Int] = [:]
        var decisive: [String: Int] = [:]
        /// The parts that are needed, and in how many seeds nothing was found, if that is so.
        var needs: [(part: String, never: UInt64?)] = []
        /// Who caught it without its first checker, and the searches' seeds.
        var others: [Hunter.Kill?] = []
        /// How many seeds each of those searches could take.
        var otherLimit: UInt64 = 0
    }

    private static let parts: [Part] =
        Fault.allCases.filter { !$0.isConsequence }.map { Part(name: "\($0)", faults: [$0]) }
        + Fault.groups.map { Part(name: $0.name, faults: $0.faults) }

    init(_ arguments: KillMatrixArguments, _ bugs: [PlantedBug]) throws(UsageError) {
        self.arguments = arguments
        self.bugs = bugs
        hunter = try Hunter(jobs: 1)
    }

    /// Prints three tables; returns the bugs that nobody caught.
    func run() -> [Int] {
        let jobs = arguments.jobs > 0 ? arguments.jobs : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let studies = inParallel(bugs.count, jobs: jobs) { place in
            let begun = seconds()
            let study = self.study(bugs[place])
            fputs("bug \(bugs[place].number): \(Int(seconds() - begun)) s\n", stderr)
            return study
        }
        printBugs(studies)
        printFaults(studies)
        printCheckers(studies)
        return zip(bugs, studies).filter { $1.hunt.kills.isEmpty }.map(\.0.number)
    }

    // MARK: One bug

    private func study(_ bug: PlantedBug) -> Study {
        var study = Study(hunt: Hunt(bug, arguments, hunter))
        guard !study.hunt.kills.isEmpty else { return study }
        for kill in study.hunt.kills { suspect(kill, &study) }
        for part in Self.parts {
            guard let count = study.decisive[part.name], count * 2 > study.hunt.kills.count else {
                continue
            }
            // Where one of its kinds is needed, so is a group; that says nothing new.
            guard !study.needs.contains(where: { need in part.holds(need.part) }) else { continue }
            confirm(part, &study)
        }
        replaceChecker(&study)
        return study
    }

    /// Which parts a kill does not happen without.
    private func suspect(_ kill: Hunter.Kill, _ study: inout Study) {
        let seeds = kill.seed..<kill.seed + 1
        let struck = hunter.failure(study.hunt.setting, seeds)?.faults ?? Fault.allCases
        for part in Self.parts {
            let here = part.faults.filter(struck.contains)
            guard !here.isEmpty else { continue }
            study.struck[part.name, default: 0] += 1
            // A group of which one alone struck is that one.
            let isKnown = part.faults.count > 1 && here.count == 1
            let dies =
                isKnown
                ? study.decisive["\(here[0])", default: 0] > 0
                    && hunter.failure(without(part, study), seeds) == nil
                : hunter.failure(without(part, study), seeds) == nil
            if dies { study.decisive[part.name, default: 0] += 1 }
        }
    }

    private func without(_ part: Part, _ study: Study) -> Setting {
        var setting = study.hunt.setting
        for fault in part.faults { setting.ablation.leaveOut(fault) }
        return setting
    }

    /// Searches without a part, until it is clear whether that takes much longer.
    private func confirm(_ part: Part, _ study: inout Study) {
        let usual = study.hunt.catches.reduce(0) { $0 + ($1?.seeds ?? arguments.limit) }
        let most = max(Self.factor * usual, 40)
        var left = most
        var found: UInt64 = 0
        for start in study.hunt.catches.indices {
            let first = UInt64(start) * KillMatrixArguments.stride
            let limit = min(left, KillMatrixArguments.stride)
            let kill = hunter.search(without(part, study), from: first, limit: limit)
            left -= min(left, kill?.seeds ?? limit)
            if left == 0 {
                study.needs.append((part.name, found > 0 ? nil : most))
                return
            }
            if kill != nil { found += 1 }
            // Twice as soon as ever: it would not take four times as long in the end.
            let starts = UInt64(study.hunt.catches.count)
            if found > 1, (most - left) * starts <= found * usual { return }
        }
    }

    /// Searches without the word of the checker that caught the bug most often.
    private func replaceChecker(_ study: inout Study) {
        var setting = study.hunt.setting
        let seeds = study.hunt.kills.map(\.seeds).sorted()
        study.otherLimit = min(arguments.limit, max(100, 10 * seeds[seeds.count / 2]))
        guard setting.ablation.leaveOut(checker: study.hunt.checkers[0].name) else { return }
        for start in study.hunt.catches.indices {
            study.others.append(
                hunter.search(
                    setting, from: UInt64(start) * KillMatrixArguments.stride,
                    limit: study.otherLimit))
        }
    }

    // MARK: Tables

    private func printBugs(_ studies: [Study]) {
        print("<!-- table: bugs -->")
        print(
            "| No. | Bug | Caught by | Median seeds | Worst | Needs | Without its first checker |")
        print("|---|---|---|---|---|---|---|")
        for (bug, study) in zip(bugs, studies) {
            let needs = study.needs.map { $0.never == nil ? $0.part : "**\($0.part)**" }
            print(
                "| \(bug.number) | \(bug.title) | \(study.hunt.cells(arguments)) | "
                    + (needs.isEmpty ? "no single one" : needs.joined(separator: ", "))
                    + " | \(standIns(study)) |")
        }
        print("<!-- end of table -->")
    }

    private func standIns(_ study: Study) -> String {
        guard !study.others.isEmpty else { return "" }
        let kills = study.others.compactMap { $0 }
        guard !kills.isEmpty else {
            return "nobody in \(UInt64(study.others.count) * study.otherLimit)"
        }
        let names = Hunt.tally(kills.map(\.checker)).map { "\($0.name) \($0.count)" }
        let seeds = study.others.map { $0?.seeds ?? .max }.sorted()
        let median = seeds[seeds.count / 2]
        return names.joined(separator: ", ") + ", median "
            + (median == .max ? "over \(study.otherLimit)" : "\(median)")
    }

    private func printFaults(_ studies: [Study]) {
        print("<!-- table: faults -->")
        print("| Left out | Struck in kills | Decisive there | Bugs that need it |")
        print("|---|---|---|---|")
        for part in Self.parts {
            let struck = studies.reduce(0) { $0 + $1.struck[part.name, default: 0] }
            let decisive = studies.reduce(0) { $0 + $1.decisive[part.name, default: 0] }
            var needed: [String] = []
            for (bug, study) in zip(bugs, studies) {
                guard let need = study.needs.first(where: { $0.part == part.name }) else {
                    continue
                }
                needed.append(need.never == nil ? "\(bug.number)" : "**\(bug.number)**")
            }
            let name =
                part.faults.count == 1
                ? part.name
                : "*\(part.name)*: \(part.faults.map { "\($0)" }.joined(separator: ", "))"
            print("| \(name) | \(struck) | \(decisive) | \(needed.joined(separator: ", ")) |")
        }
        print("<!-- end of table -->")
    }

    private func printCheckers(_ studies: [Study]) {
        print("<!-- table: checkers -->")
        print("| Checker | Catches first | Alone | Stands in for another |")
        print("|---|---|---|---|")
        for name in Checkers.names + ["precondition"] {
            var first: [String] = []
            var alone: [String] = []
            var standsIn: [String] = []
            for (bug, study) in zip(bugs, studies) {
                let names = study.hunt.checkers.map(\.name)
                if names.contains(name) { first.append("\(bug.number)") }
                let others = study.others.compactMap { $0?.checker }
                if names.first == name, !study.others.isEmpty, others.isEmpty {
                    alone.append("\(bug.number)")
                }
                if others.contains(name), !names.contains(name) { standsIn.append("\(bug.number)") }
            }
            print(
                "| `\(name)` | \(first.joined(separator: ", ")) | "
                    + "\(alone.joined(separator: ", ")) | \(standsIn.joined(separator: ", ")) |")
        }
        print("<!-- end of table -->")
    }
}
