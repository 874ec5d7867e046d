@preconcurrency import Glibc
import Protocols
import SimCodecs
import SimNet

/// `branch`: runs seeds to a rare moment, tries futures from copies there, and writes the first
/// failure as a scenario.
///
/// Each seed is run, with its futures, in a process of its own pool's: a future in which a machine
/// traps is found like any other. The outcome does not depend on the number of processes.
struct BranchCommand {
    var brancher: Brancher
    /// What is branched: each seed of a range, or one run that was written down.
    var seeds: Range<UInt64> = 0..<100
    var scenario: Scenario?
    var setting: Setting
    /// Where the failing future goes; nil for a name made of the seed.
    var path: String?
    var jobs = 0

    /// What a worker found out about one seed, in words.
    private struct Report {
        var fields: [String: String] = [:]
        /// The failing future.
        var text = ""

        func number(_ name: String) -> UInt64 { fields[name].flatMap { UInt64($0) } ?? 0 }
    }

    /// Does it; returns the exit code.
    func run() throws(UsageError) -> Int32 {
        let begun = seconds()
        let pool = WorkerPool(jobs: jobs) { work, note in explore(work, note) }
        defer { pool.close() }
        let line = StatusLine()
        let total = scenario == nil ? seeds.count : 1
        var sum = Brancher.Outcome(levels: brancher.points.count)
        var failed: Report?
        var trapped: UInt64?
        pool.work { number in
            number < total ? "\(seeds.lowerBound + UInt64(number))" : nil
        } take: { number, reply in
            guard let answer = reply.answer else {
                trapped = seeds.lowerBound + UInt64(number)
                return false
            }
            let report = BranchCommand.report(answer)
            add(report, to: &sum)
            line.show(
                "\(sum.runs) of \(total) runs, \(sum.moments.map { "\($0)" }.joined(separator: "+"))"
                    + " moments, \(sum.futures) futures,"
                    + " \(Int(Double(sum.futures) / max(seconds() - begun, 0.001))) a second")
            if report.fields["failed"] != nil { failed = report }
            return failed == nil
        }
        if let trapped {
            // Once more with a word before each future: the last word is about the one that traps.
            pool.work {
                $0 == 0 ? "\(trapped) aloud" : nil
            } take: { _, reply in
                failed = BranchCommand.trap(scenario?.seed ?? trapped, reply.notes)
                if let failed { add(failed, to: &sum) }
                return false
            }
        }
        line.clear()
        let wall = seconds() - begun
        guard let failed else {
            print(json(sum, wall, nil))
            return 0
        }
        return try tell(failed, sum, wall)
    }

    private func add(_ report: Report, to sum: inout Brancher.Outcome) {
        sum.runs += 1
        sum.futures += Int(report.number("futures"))
        sum.events += report.number("events")
        sum.digest.combine(report.number("digest"))
        let moments = (report.fields["moments"] ?? "").split(separator: ",").map { Int($0) ?? 0 }
        for (level, count) in moments.enumerated() where level < sum.moments.count {
            sum.moments[level] += count
        }
    }

    // MARK: In a worker

    private func explore(_ work: String, _ note: @escaping (String) -> Void) -> String {
        let words = work.split(separator: " ")
        guard let seed = words.first.flatMap({ UInt64($0) }) else { return "" }
        let world =
            scenario?.world(codecs: chatCodecs)
            ?? World(seed: seed, mix: setting.mix, duration: setting.duration, codecs: chatCodecs)
        let outcome: Brancher.Outcome
        if words.count > 1 {
            outcome = brancher.run(world) { scenario, outcome in
                note((counts(outcome) + ["", scenario.text]).joined(separator: "\n"))
            }
        } else {
            outcome = brancher.run(world)
        }
        var lines = counts(outcome)
        if let (scenario, result) = outcome.failure {
            lines.append("failed \(scenario.seed)")
            lines.append("after \(decimal(result.simulated))")
            lines.append("options \(world.options)")
            lines.append("run-digest \(hex(result.digest))")
            var scenario = scenario
            switch result.verdict {
            case .held: break
            case .violated(let violation):
                lines.append("checker \(violation.checker)")
                lines.append("saw \(violation.message)")
                scenario.expectations = [.violation(violation.checker)]
            case .stuck(let reason):
                lines.append("checker liveness")
                lines.append("saw \(reason)")
                scenario.expectations = [.stuck]
            }
            lines += ["", scenario.text]
        }
        return lines.joined(separator: "\n")
    }

    private func counts(_ outcome: Brancher.Outcome) -> [String] {
        [
            "futures \(outcome.futures)", "events \(outcome.events)",
            "digest \(outcome.digest.value)",
            "moments \(outcome.moments.map { "\($0)" }.joined(separator: ","))",
        ]
    }

    // MARK: Reports

    private static func report(_ answer: String) -> Report {
        var report = Report()
        var lines = answer.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst(), !line.isEmpty {
            let name = line.prefix { $0 != " " }
            report.fields[String(name)] = String(line.dropFirst(name.count + 1))
        }
        report.text = lines.joined(separator: "\n")
        return report
    }

    /// The report on a future that its process did not survive: the last that was begun. Its own
    /// steps are in no count.
    private static func trap(_ seed: UInt64, _ notes: [String]) -> Report? {
        guard let note = notes.last else { return nil }
        var report = report(note)
        report.fields["failed"] = "\(seed)"
        report.fields["checker"] = "precondition"
        report.fields["saw"] = "a machine trapped"
        report.text = "# a machine traps\n" + report.text
        return report
    }

    private func tell(
        _ failed: Report, _ sum: Brancher.Outcome, _ wall: Double
    ) throws(UsageError) -> Int32 {
        let seed = failed.number("failed")
        let path = path ?? "branch-\(seed).scenario"
        guard writeFile(path, failed.text) else { throw UsageError("\(path) cannot be written") }
        let after = failed.fields["after"].map { " after \($0) simulated seconds" } ?? ""
        print("seed \(seed) failed in a future\(after)")
        if let options = failed.fields["options"] { print("  options: \(options)") }
        print("  commit:  \(commit())")
        print("  checker: \(failed.fields["checker"] ?? "")")
        print("  saw:     \(failed.fields["saw"] ?? "")")
        let plant = setting.plant == 0 ? "" : " --plant \(setting.plant)"
        print("  replay:  parley-sim run-scenario \(path)\(plant)")
        print("  shrink:  parley-sim shrink \(path)\(plant)")
        if let digest = failed.fields["run-digest"] { print("  digest:  \(digest)") }
        print(json(sum, wall, (seed, failed.fields["checker"] ?? "", path)))
        switch failed.fields["checker"] {
        case "precondition": return 4
        case "liveness": return 3
        default: return 1
        }
    }

    private func json(
        _ sum: Brancher.Outcome, _ wall: Double,
        _ failure: (seed: UInt64, checker: String, path: String)?
    ) -> String {
        var fields = [
            "\"seeds\":\(sum.runs)", "\"failed\":\(failure == nil ? 0 : 1)",
            "\"moments\":\(sum.moments)", "\"futures\":\(sum.futures)",
            "\"events\":\(sum.events)",
            "\"wall_seconds\":\(decimal(Interval(nanoseconds: Int64(wall * 1e9))))",
            "\"events_per_second\":\(Int64(Double(sum.events) / max(wall, 1e-6)))",
            "\"digest\":\"\(hex(sum.digest.value))\"", "\"mix\":\"\(setting.mix.rawValue)\"",
        ]
        if let (seed, checker, path) = failure {
            fields.append("\"first_failed_seed\":\(seed)")
            fields.append("\"checker\":\"\(checker)\"")
            fields.append("\"file\":\"\(path)\"")
        }
        return "{\(fields.joined(separator: ","))}"
    }
}
