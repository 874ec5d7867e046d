@preconcurrency import Glibc
import Protocols
import SimNet

/// Prints a run that did not hold: what was seen, and how to see it again.
func printFailure(_ run: RunResult, _ setting: Setting) {
    print("seed \(run.seed) failed after \(decimal(run.simulated)) simulated seconds")
    print("  options: \(run.options)")
    print("  commit:  \(commit())")
    switch run.verdict {
    case .held: break
    case .violated(let violation):
        print("  checker: \(violation.checker)")
        print("  saw:     \(violation.message)")
    case .stuck(let reason):
        print("  checker: liveness")
        print("  saw:     \(reason)")
    }
    print("  replay:  parley-sim replay \(run.seed)\(setting.options) --trace -")
    fflush(stdout)
}

/// The exit code of all runs together: a checker's word counts more than a lack of progress.
func exitCode(_ runs: [RunResult]) -> Int32 {
    var code: Int32 = 0
    for run in runs {
        switch run.verdict {
        case .held: break
        case .violated: return 1
        case .stuck: code = 3
        }
    }
    return code
}

/// The one line that other programs read.
func jsonLine(_ batch: BatchResult, wall: Double, setting: Setting) -> String {
    let statistics = batch.statistics
    var fields: [(String, String)] = []
    fields.append(("seeds", "\(batch.seeds)"))
    fields.append(("failed", "\(batch.failures.count)"))
    fields.append(("events", "\(statistics.events)"))
    fields.append(
        ("simulated_seconds", decimal(Interval(nanoseconds: batch.simulatedNanoseconds))))
    fields.append(("wall_seconds", decimal(Interval(nanoseconds: Int64(wall * 1e9)))))
    let rate = Double(statistics.events) / max(wall, 1e-6)
    fields.append(("events_per_second", "\(Int64(rate))"))
    fields.append(("digest", "\"\(hex(batch.digest.value))\""))
    fields.append(("mix", "\"\(setting.mix.rawValue)\""))
    if let first = batch.failures.first { fields.append(("first_failed_seed", "\(first.seed)")) }
    let faults = Fault.allCases.map { ("\($0)", statistics.faults[Int($0.rawValue)]) }
    fields.append(("faults", object(faults)))
    fields.append(("checkers", object(statistics.checkers.map { ($0.name, $0.count) })))
    let marks = Mark.allCases.map { ("\($0)", statistics.marks[Int($0.rawValue)]) }
    fields.append(("marks", object(marks)))
    let unhit = statistics.unhit.map { kind in
        "\"\(kind.name)\":[" + kind.missing.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
    fields.append(("unhit", "{" + unhit.joined(separator: ",") + "}"))
    return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
}

/// Says what no seed hit, a line for each kind.
func printUnhit(_ batch: BatchResult) {
    for kind in batch.statistics.unhit where !kind.missing.isEmpty {
        let names = kind.missing.joined(separator: ", ")
        print("\(kind.name) that none of \(batch.seeds) seeds hit: \(names)")
    }
}

private func object(_ counts: [(String, UInt64)]) -> String {
    "{" + counts.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
}

/// Seconds with three places.
func decimal(_ interval: Interval) -> String {
    let milliseconds = interval.milliseconds
    let rest = String(milliseconds % 1_000)
    return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
}

/// 16 hexadecimal digits.
func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The commit of the sources in the working directory, as git knows it.
func commit() -> String {
    guard let pipe = popen("git describe --always --dirty --abbrev=12 2>/dev/null", "r") else {
        return "unknown"
    }
    defer { pclose(pipe) }
    var line = [CChar](repeating: 0, count: 100)
    guard fgets(&line, Int32(line.count), pipe) != nil else { return "unknown" }
    let bytes = line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "unknown" : String(decoding: bytes, as: UTF8.self)
}
