@preconcurrency import Glibc
import Protocols
import SimCodecs
import SimNet

/// `shrink`: makes a failing run the smallest that still fails, and writes it as a scenario.
///
/// Candidates are tried in processes of their own, so that one in which a machine traps can be
/// shrunk like any other.
struct ShrinkCommand {
    /// What is shrunk.
    var scenario: Scenario
    /// Where the result goes.
    var path: String
    var setting: Setting
    var limit = 5_000
    var tries = 4
    var jobs = 0

    /// Does it; returns the exit code.
    func run() throws(UsageError) -> Int32 {
        let begun = seconds()
        let pool = WorkerPool(jobs: jobs) { text, _ in
            guard let scenario = try? Scenario.parse(text) else { return "" }
            return Trial(of: scenario, codecs: chatCodecs).line
        }
        defer { pool.close() }
        let line = StatusLine()
        let shrinker = Shrinker(
            scenario, limit: limit, tries: tries,
            trying: { ShrinkCommand.trials(of: $0, until: $1, in: pool) },
            report: { progress in
                line.show(
                    "\(progress.pass): \(progress.runs) runs, \(progress.strikes) faults,"
                        + " \(progress.lines) lines")
            })
        guard var shrinker else {
            throw UsageError("that run holds and expects nothing else: there is nothing to shrink")
        }
        var small = shrinker.run()
        line.clear()
        if shrinker.property == "trap" { small.comments.append("a machine traps") }
        guard writeFile(path, small.text) else { throw UsageError("\(path) cannot be written") }
        print(small.text, terminator: "")
        print(json(shrinker, small, wall: seconds() - begun))
        return 0
    }

    private func json(_ shrinker: Shrinker, _ small: Scenario, wall: Double) -> String {
        let drawn = max(Workload.mostClients, small.options.load.crowd)
        let clients = small.options.load.only?.count ?? drawn
        let fields = [
            "\"kept\":\"\(shrinker.property)\"",
            "\"lines_before\":\(scenario.length)", "\"lines\":\(small.length)",
            "\"strikes_before\":\(scenario.plan.strikes.count)",
            "\"strikes\":\(small.plan.strikes.count)", "\"nodes\":\(small.options.nodes)",
            "\"clients\":\(clients + small.options.load.scripted)",
            "\"for\":\"\(small.options.duration.scenarioText)\"",
            "\"runs\":\(shrinker.runs)", "\"events\":\(shrinker.events)",
            "\"wall_seconds\":\(decimal(Interval(nanoseconds: Int64(wall * 1e9))))",
            "\"file\":\"\(path)\"",
        ]
        return "{\(fields.joined(separator: ","))}"
    }

    /// The trials of candidates up to the first that is wanted.
    static func trials(
        of candidates: [Scenario], until isWanted: (Trial) -> Bool, in pool: WorkerPool
    ) -> [Trial] {
        var trials: [Trial] = []
        pool.work { number in
            number < candidates.count ? candidates[number].text : nil
        } take: { _, reply in
            let trial = reply.answer.map(Trial.init(line:)) ?? .trap
            trials.append(trial)
            return !isWanted(trial)
        }
        return trials
    }
}

extension Trial {
    /// The trial as a worker tells it.
    fileprivate var line: String {
        let end =
            switch ending {
            case .held: "held"
            case .violated(let checker): "violated \(checker)"
            case .stuck: "stuck"
            case .trapped: "trapped"
            }
        return "\(isAsExpected ? 1 : 0) \(at.nanoseconds) \(events) \(end)"
    }

    fileprivate init(line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count >= 4, let at = Int64(words[1]), let events = UInt64(words[2]) else {
            preconditionFailure("a worker answers '\(line)'")
        }
        let ending: Ending =
            switch words[3] {
            case "held": .held
            case "violated": .violated(words[4])
            case "stuck": .stuck
            default: .trapped
            }
        self.init(
            ending: ending, isAsExpected: words[0] == "1", at: Interval(nanoseconds: at),
            events: events)
    }
}

/// One line on a terminal that is written over and over.
final class StatusLine {
    private let isShown = isatty(2) == 1
    private var shown = 0.0

    /// Shows the text, five times a second at the most.
    func show(_ text: @autoclosure () -> String) {
        guard isShown else { return }
        let now = seconds()
        guard now - shown > 0.2 else { return }
        shown = now
        fputs("\r\u{1B}[K\(text())", stderr)
    }

    /// Removes the line.
    func clear() {
        guard isShown, shown > 0 else { return }
        fputs("\r\u{1B}[K", stderr)
        shown = 0
    }
}

/// The content of a text file; nil when it cannot be read.
func readFile(_ path: String) -> String? {
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

/// Writes a text file; false when that fails.
func writeFile(_ path: String, _ text: String) -> Bool {
    guard let file = fopen(path, "w") else { return false }
    fputs(text, file)
    return fclose(file) == 0
}
