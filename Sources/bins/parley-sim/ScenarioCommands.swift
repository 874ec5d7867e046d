@preconcurrency import Glibc
import Protocols
import SimCodecs
import SimNet

/// `run-scenario`, `shrink` and `branch`: what is done with runs that are written down.
struct ScenarioCommands {
    /// The names of these commands.
    static let names = ["run-scenario", "shrink", "branch"]

    private let name: String
    private var rest: ArraySlice<String>
    private var setting = Setting()
    private var words: [String] = []
    private var values: [(option: String, value: String)] = []

    /// Reads the rest of a command line.
    init(_ name: String, _ rest: ArraySlice<String>) throws(UsageError) {
        self.name = name
        self.rest = rest
        try read()
    }

    private static let options: [(command: String, names: [String])] = [
        ("run-scenario", ["--trace", "--from", "--until", "--report", "--plant"]),
        ("shrink", ["--mix", "--for", "--plant", "--out", "--limit", "--tries"]),
        (
            "branch",
            ["--seeds", "--at", "--futures", "--per-run", "--mix", "--for", "--plant", "--out"]
        ),
    ]

    private mutating func read() throws(UsageError) {
        let known = ScenarioCommands.options.first { $0.command == name }?.names ?? []
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                words.append(word)
                continue
            }
            guard known.contains(word) else {
                throw UsageError(
                    "'\(word)' is no option of \(name): \(known.joined(separator: ", "))")
            }
            guard let value = rest.popFirst() else { throw UsageError("\(word) wants a value") }
            values.append((word, value))
        }
        if let text = value("--for") {
            let withUnit = text.last?.isNumber == true ? text + "s" : text
            guard let interval = Interval(scenarioText: withUnit), interval > .zero else {
                throw UsageError("--for \(text): give a time such as 60s or 500ms")
            }
            setting.duration = interval
        }
        if let text = value("--mix") {
            guard let mix = Mix(rawValue: text) else {
                let names = Mix.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError("--mix \(text): give one of \(names)")
            }
            setting.mix = mix
        }
        if let text = value("--plant") {
            guard let number = Int(text), number > 0, Plant.select(number) else {
                throw UsageError("--plant \(text): this build carries no such bug")
            }
            setting.plant = number
        }
    }

    private func value(_ option: String) -> String? {
        values.last { $0.option == option }?.value
    }

    private func number(_ option: String, _ usual: Int) throws(UsageError) -> Int {
        guard let text = value(option) else { return usual }
        guard let number = Int(text), number > 0 else {
            throw UsageError("\(option) \(text): give a number, 1 or more")
        }
        return number
    }

    /// Does it; returns the exit code.
    func run() throws(UsageError) -> Int32 {
        switch name {
        case "run-scenario": return try runScenarios()
        case "shrink": return try shrink()
        default: return try branch()
        }
    }

    // MARK: Scenarios

    private func runScenarios() throws(UsageError) -> Int32 {
        guard !words.isEmpty else { throw UsageError("say which scenario files to run") }
        var code: Int32 = 0
        for path in words { code = max(code, try runScenario(path)) }
        return code
    }

    private func runScenario(_ path: String) throws(UsageError) -> Int32 {
        guard let text = readFile(path) else { throw UsageError("\(path) cannot be read") }
        if Steps.isSteps(text) { return try runSteps(text, path) }
        let scenario: Scenario
        do throws(ScenarioError) {
            scenario = try Scenario.parse(text)
        } catch {
            throw UsageError("\(path): \(error)")
        }
        var run = ScenarioRun(scenario, codecs: chatCodecs)
        CrashGuard.arm(threads: 1, options: " (the scenario \(path))")
        CrashGuard.enter(thread: 0, seed: scenario.seed)
        if value("--report") != nil { run.beginRecording() }
        if let trace = value("--trace") {
            guard let file = trace == "-" ? stdout : fopen(trace, "w") else {
                throw UsageError("\(trace) cannot be written")
            }
            try writeTrace(of: &run, to: file)
            if trace != "-" { fclose(file) }
        }
        let result = run.run()
        CrashGuard.leave(thread: 0)
        if let report = value("--report"),
            !writeReport(
                of: run.world, "parley-sim run-scenario \(path)\(setting.options) --trace -",
                to: report)
        {
            return 2
        }
        for line in run.story { print(line) }
        for line in run.disappointments { print("NOT AS EXPECTED: \(line)") }
        print(
            "\(path): \(run.disappointments.isEmpty ? "as expected" : "not as expected"),"
                + " digest \(hex(result.digest))")
        if run.disappointments.isEmpty { return 0 }
        return result.verdict == .held ? 1 : max(1, exitCode([result]))
    }

    /// Runs to the end and writes every event and effect of the time that was asked for.
    private func writeTrace(
        of run: inout ScenarioRun, to file: UnsafeMutablePointer<FILE>
    ) throws(UsageError) {
        let from = try time("--from") ?? .zero
        let until = try time("--until") ?? .seconds(1_000_000)
        run.beginTrace()
        var goesOn = true
        while goesOn {
            goesOn = run.advance()
            let isWanted = (from.nanoseconds...until.nanoseconds).contains(run.world.now)
            for line in run.takeTrace() where isWanted { fputs(line + "\n", file) }
        }
        fflush(file)
    }

    private func time(_ option: String) throws(UsageError) -> Interval? {
        guard let text = value(option) else { return nil }
        let withUnit = text.last?.isNumber == true ? text + "s" : text
        guard let time = Interval(scenarioText: withUnit) else {
            throw UsageError("\(option) \(text): give a time of the run such as 2.5s")
        }
        return time
    }

    // MARK: Shrinking

    private func shrink() throws(UsageError) -> Int32 {
        guard words.count == 1, let word = words.first else {
            throw UsageError("say which seed, or which scenario file, to shrink")
        }
        var scenario: Scenario
        if let seed = UInt64(word) {
            scenario = Scenario(seed: seed, mix: setting.mix, duration: setting.duration)
            scenario.comments = ["shrunk from seed \(seed)\(setting.options)"]
        } else {
            guard let text = readFile(word) else { throw UsageError("\(word) cannot be read") }
            do throws(ScenarioError) {
                scenario = try Scenario.parse(text)
            } catch {
                throw UsageError("\(word): \(error)")
            }
        }
        return try shrink(scenario, path: value("--out") ?? "\(baseName(word)).scenario")
    }

    private func baseName(_ word: String) -> String {
        guard UInt64(word) == nil else { return "seed-\(word)" }
        let file = word.split(separator: "/").last.map(String.init) ?? word
        return "\(file.split(separator: ".").first.map(String.init) ?? file)-small"
    }

    private func shrink(_ scenario: Scenario, path: String) throws(UsageError) -> Int32 {
        CrashGuard.arm(threads: 1, options: setting.options)
        CrashGuard.enter(thread: 0, seed: scenario.seed)
        let begun = seconds()
        let isShown = isatty(2) == 1
        var shown = 0.0
        let shrinker = Shrinker(
            scenario, codecs: chatCodecs, limit: try number("--limit", 6_000),
            tries: try number("--tries", 4)
        ) { progress in
            let now = seconds()
            guard isShown, now - shown > 0.2 else { return }
            shown = now
            fputs(
                "\r\u{1B}[K\(progress.pass): \(progress.runs) runs, \(progress.strikes) faults,"
                    + " \(progress.lines) lines", stderr)
        }
        guard var shrinker else { throw UsageError("that run holds: there is nothing to shrink") }
        let before = scenario.lines.count
        let small = shrinker.run()
        CrashGuard.leave(thread: 0)
        if isShown { fputs("\r\u{1B}[K", stderr) }
        guard writeFile(path, small.text) else { throw UsageError("\(path) cannot be written") }
        print(small.text, terminator: "")
        print(
            "{\"checker\":\"\(shrinker.checker)\",\"lines_before\":\(before),"
                + "\"lines\":\(small.lines.count - small.comments.count),"
                + "\"strikes_before\":\(scenario.plan.strikes.count),"
                + "\"strikes\":\(small.plan.strikes.count),\"runs\":\(shrinker.runs),"
                + "\"events\":\(shrinker.events),"
                + "\"wall_seconds\":\(decimal(Interval(nanoseconds: Int64((seconds() - begun) * 1e9)))),"
                + "\"file\":\"\(path)\"}")
        return 0
    }

    // MARK: Branching

    private func branch() throws(UsageError) -> Int32 {
        let seeds = try seedRange()
        guard let names = value("--at") else {
            let known = BranchPoint.named.map(\.name).joined(separator: ", ")
            throw UsageError("say where to branch: --at \(known), or a mark's name")
        }
        var points: [BranchPoint] = []
        for name in names.split(separator: ",") {
            guard let point = BranchPoint(String(name)) else {
                let known = BranchPoint.named.map(\.name).joined(separator: ", ")
                throw UsageError("--at \(name): give \(known), or a mark's name")
            }
            points.append(point)
        }
        let brancher = Brancher(
            points: points, futures: try number("--futures", 8),
            perRun: try number("--per-run", 1))
        CrashGuard.arm(threads: 1, options: setting.options)
        let begun = seconds()
        var outcome = Brancher.Outcome()
        for seed in seeds where outcome.failure == nil {
            CrashGuard.enter(thread: 0, seed: seed)
            brancher.run(
                seed: seed, mix: setting.mix, duration: setting.duration, codecs: chatCodecs,
                into: &outcome)
        }
        CrashGuard.leave(thread: 0)
        let wall = decimal(Interval(nanoseconds: Int64((seconds() - begun) * 1e9)))
        var fields = [
            "\"seeds\":\(outcome.seeds)", "\"moments\":\(outcome.moments)",
            "\"futures\":\(outcome.futures)", "\"events\":\(outcome.events)",
            "\"wall_seconds\":\(wall)",
        ]
        var code: Int32 = 0
        if let (scenario, result) = outcome.failure {
            printFailure(result, setting)
            let path = value("--out") ?? "branch-\(scenario.seed).scenario"
            guard writeFile(path, scenario.text) else {
                throw UsageError("\(path) cannot be written")
            }
            print("  branch:  parley-sim run-scenario \(path)")
            fields.append("\"failed_seed\":\(scenario.seed),\"file\":\"\(path)\"")
            code = exitCode([result])
        }
        print("{\(fields.joined(separator: ","))}")
        return code
    }

    private func seedRange() throws(UsageError) -> Range<UInt64> {
        let text = value("--seeds") ?? "0..<100"
        let parts = text.split(separator: "<")
        guard parts.count == 2, parts[0].hasSuffix(".."), let first = UInt64(parts[0].dropLast(2)),
            let end = UInt64(parts[1]), first <= end
        else { throw UsageError("--seeds \(text): give a range such as 0..<1000") }
        return first..<end
    }

    // MARK: Files

    private func readFile(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func writeFile(_ path: String, _ text: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        fputs(text, file)
        return fclose(file) == 0
    }
}

/// What `--help` says of these commands.
let scenarioUsage = """
      parley-sim run-scenario FILE... [--trace -|FILE [--from 2s] [--until 2.1s]] [--report FILE]
      parley-sim shrink SEED|FILE [--out FILE] [--limit RUNS] [--tries SEEDS] [options]
      parley-sim branch --at MOMENT[,MOMENT...] [--seeds 0..<100] [--futures 8] [--per-run 1]
                        [--out FILE] [options]

    run-scenario runs written scripts (docs/Scenarios.md), tells what happened and whether it was
    expected; --trace adds every event and effect, --report a page with a picture. shrink makes a
    failing run the smallest that still fails, and writes it as a scenario.
    branch runs seeds to a rare moment (leader-change, snapshot-in-flight, crash-before-sync, or a
    mark's name), tries futures from copies there, and writes the first failure as a scenario.
    """
