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
        (
            "shrink",
            ["--keep", "--mix", "--for", "--plant", "--out", "--limit", "--tries", "--jobs"]
        ),
        (
            "branch",
            [
                "--seeds", "--at", "--futures", "--per-run", "--mix", "--for", "--plant", "--out",
                "--within", "--jobs",
            ]
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

    private func number(
        _ option: String, _ usual: Int, least: Int = 1
    ) throws(UsageError) -> Int {
        guard let text = value(option) else { return usual }
        guard let number = Int(text), number >= least else {
            throw UsageError("\(option) \(text): give a number, \(least) or more")
        }
        return number
    }

    private func counts(_ option: String, _ usual: [Int]) throws(UsageError) -> [Int] {
        guard let text = value(option) else { return usual }
        var counts: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Int(part), number > 0 else {
                throw UsageError("\(option) \(text): give a number for each moment, 1 or more")
            }
            counts.append(number)
        }
        return counts
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
        let text = try content(path)
        if Steps.isSteps(text) { return try runSteps(text, path) }
        let scenario = try parsed(text, path)
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
        let scenario = try self.scenario(word)
        return try ShrinkCommand(
            scenario: scenario, path: value("--out") ?? "\(baseName(word)).scenario",
            setting: setting, limit: try number("--limit", 5_000),
            tries: try number("--tries", 4), jobs: try number("--jobs", 0, least: 0)
        ).run()
    }

    /// The run of a seed, or what a file says; `--keep` adds what the run is to be kept for.
    private func scenario(_ word: String) throws(UsageError) -> Scenario {
        var scenario: Scenario
        if let seed = UInt64(word) {
            scenario = Scenario(seed: seed, mix: setting.mix, duration: setting.duration)
            scenario.comments = ["shrunk from seed \(seed)\(setting.options)"]
        } else {
            scenario = try parsed(content(word), word)
        }
        for (option, text) in values where option == "--keep" {
            do throws(ScenarioError) {
                scenario.expectations += try Scenario.parse("expect \(text)").expectations
            } catch {
                throw UsageError("--keep \(text): \(error.message)")
            }
        }
        return scenario
    }

    private func content(_ path: String) throws(UsageError) -> String {
        guard let text = readFile(path) else { throw UsageError("\(path) cannot be read") }
        return text
    }

    private func parsed(_ text: String, _ path: String) throws(UsageError) -> Scenario {
        do throws(ScenarioError) {
            return try Scenario.parse(text)
        } catch {
            throw UsageError("\(path): \(error)")
        }
    }

    private func baseName(_ word: String) -> String {
        guard UInt64(word) == nil else { return "seed-\(word)" }
        let file = word.split(separator: "/").last.map(String.init) ?? word
        return "\(file.split(separator: ".").first.map(String.init) ?? file)-small"
    }

    // MARK: Branching

    private func branch() throws(UsageError) -> Int32 {
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
        var command = BranchCommand(
            brancher: Brancher(
                points: points, futures: try counts("--futures", [8]),
                perRun: try number("--per-run", 1), within: try time("--within")),
            setting: setting, path: value("--out"), jobs: try number("--jobs", 0, least: 0))
        command.seeds = try seedRange()
        if let path = words.first {
            guard words.count == 1, value("--seeds") == nil else {
                throw UsageError("give one scenario file or --seeds, not both")
            }
            let scenario = try parsed(content(path), path)
            command.scenario = scenario
            command.seeds = scenario.seed..<scenario.seed + 1
        }
        return try command.run()
    }

    private func seedRange() throws(UsageError) -> Range<UInt64> {
        let text = value("--seeds") ?? "0..<100"
        let parts = text.split(separator: "<")
        guard parts.count == 2, parts[0].hasSuffix(".."), let first = UInt64(parts[0].dropLast(2)),
            let end = UInt64(parts[1]), first <= end
        else { throw UsageError("--seeds \(text): give a range such as 0..<1000") }
        return first..<end
    }
}

/// What `--help` says of these commands.
let scenarioUsage = """
      parley-sim run-scenario FILE... [--trace -|FILE [--from 2s] [--until 2.1s]] [--report FILE]
      parley-sim shrink SEED|FILE [--keep EXPECTATION] [--out FILE] [--limit RUNS]
                        [--tries SEEDS] [--jobs N] [options]
      parley-sim branch --at MOMENT[,MOMENT...] [FILE | --seeds 0..<100] [--futures 8,...]
                        [--per-run 1] [--within TIME] [--out FILE] [--jobs N] [options]

    run-scenario runs written scripts (docs/Scenarios.md), tells what happened and whether it was
    expected; --trace adds every event and effect, --report a page with a picture.
    shrink makes a failing run the smallest that still fails, and writes it as a scenario; with
    --keep 'mark NAME' (or what else may follow 'expect'), or for a scenario that expects something,
    the smallest that still does that.
    branch runs seeds to a rare moment (leader-change, two-leaders, suffix-left, snapshot-in-flight,
    snapshot-over-suffix, crash-before-sync, crash-over-snapshot, a mark's name, or a time), tries
    futures from copies there, and writes the first failure as a scenario. Of several moments each
    is looked for in the futures of the one before.
    """
