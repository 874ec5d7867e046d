@preconcurrency import Glibc
import Protocols
import SimNet

/// Runs a scenario of steps, tells each, and says whether it went as expected.
///
/// - Returns: 0 as expected, 1 otherwise, 3 when a healed world does not serve.
func runSteps(_ text: String, _ path: String) throws(UsageError) -> Int32 {
    let steps: Steps
    do throws(ScenarioError) {
        steps = try Steps.parse(text)
    } catch {
        throw UsageError("\(path): \(error)")
    }
    CrashGuard.arm(threads: 1, options: " (the steps of \(path))")
    CrashGuard.enter(thread: 0, seed: 0)
    var run = StepsRun(steps)
    run.run()
    CrashGuard.leave(thread: 0)
    for line in run.story { print(line) }
    if let disappointment = run.disappointment { print("NOT AS EXPECTED: \(disappointment)") }
    let isAsExpected = run.disappointment == nil
    print(
        "\(path): \(isAsExpected ? "as expected" : "not as expected"), \(steps.count) steps, "
            + "\(run.passedOver) passed over, digest \(hex(run.digest))")
    if isAsExpected { return 0 }
    return run.violation?.checker == ExploreChecker.liveness.rawValue ? 3 : 1
}
