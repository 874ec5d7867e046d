@preconcurrency import Glibc
import Protocols
import SimNet

setvbuf(stdout, nil, _IOLBF, 0)
var reader = ArgumentReader(CommandLine.arguments)
do throws(UsageError) {
    switch try reader.command() {
    case .help:
        print(usage)
        print("\nscenarios:\n" + scenarioUsage)
        print("\nexhaustive search:\n" + exploreUsage)
        print("\nrecordings:\n" + FlightCommand.usage)
        exit(0)
    case .run(let arguments): exit(run(arguments))
    case .replay(let arguments): exit(replay(arguments))
    case .recording(let arguments):
        var command = RecordingCommand(arguments)
        exit(command.run())
    case .scenario(let command): exit(try command.run())
    case .flight(let command): exit(try command.run())
    case .explore(let arguments):
        guard let arguments else {
            listSearches()
            exit(0)
        }
        exit(explore(arguments))
    case .exploreMatrix(let bugs): exit(try ExploreMatrix(bugs: bugs).run())
    case .killMatrix(let arguments): exit(try KillMatrix(arguments).run())
    }
} catch {
    fputs("parley-sim: \(error.message)\n'parley-sim --help' says what can be done\n", stderr)
    exit(2)
}

/// Runs a range of seeds.
func run(_ arguments: RunArguments) -> Int32 {
    let start = seconds()
    let runner = Runner(arguments)
    runner.run()
    let wall = seconds() - start
    if let directory = arguments.report {
        let failures = runner.total.failures
        guard writeReports(of: failures, arguments.setting, into: directory) else { return 2 }
    }
    if !arguments.json { printUnhit(runner.total) }
    print(jsonLine(runner.total, wall: wall, setting: arguments.setting))
    let code = exitCode(runner.total.failures)
    guard code == 0, let least = arguments.requireAll, runner.total.seeds >= least,
        runner.total.statistics.unhit.contains(where: { !$0.missing.isEmpty })
    else { return code }
    return 6
}

/// Runs one seed and tells about it.
func replay(_ arguments: ReplayArguments) -> Int32 {
    let setting = arguments.setting
    CrashGuard.arm(threads: 1, options: setting.options)
    CrashGuard.enter(thread: 0, seed: arguments.seed)
    if setting.mix == .clusters { return replayClusters(arguments) }
    var world = setting.world(arguments.seed)
    if arguments.report != nil { world.beginRecording() }
    if let path = arguments.trace {
        guard let file = path == "-" ? stdout : fopen(path, "w") else {
            fputs("parley-sim: \(path) cannot be written\n", stderr)
            return 2
        }
        world.beginTrace()
        repeat {
            for line in world.takeTrace() { fputs(line + "\n", file) }
        } while world.advance()
        for line in world.takeTrace() { fputs(line + "\n", file) }
        fflush(file)
        if path != "-" { fclose(file) }
    }
    let result = world.run()
    tell(of: result, setting)
    if let path = arguments.report {
        guard writeReport(of: world, setting, to: path) else { return 2 }
    }
    return exitCode([result])
}

/// Runs one seed of several clusters and tells about it.
func replayClusters(_ arguments: ReplayArguments) -> Int32 {
    var clusters = Clusters(
        seed: arguments.seed, duration: arguments.setting.duration,
        ablation: arguments.setting.ablation)
    if let path = arguments.trace {
        guard let file = path == "-" ? stdout : fopen(path, "w") else {
            fputs("parley-sim: \(path) cannot be written\n", stderr)
            return 2
        }
        clusters.beginTrace()
        repeat {
            for line in clusters.takeTrace() { fputs(line + "\n", file) }
        } while clusters.advance()
        for line in clusters.takeTrace() { fputs(line + "\n", file) }
        fflush(file)
        if path != "-" { fclose(file) }
    }
    let result = clusters.run()
    tell(of: result, arguments.setting)
    return exitCode([result])
}

/// Says what a run came to.
func tell(of result: RunResult, _ setting: Setting) {
    if result.verdict == .held {
        print("seed \(result.seed) held for \(decimal(result.simulated)) simulated seconds")
        print("  options: \(result.options)")
        print("  events:  \(result.statistics.events)")
    } else {
        printFailure(result, setting)
    }
    print("  digest:  \(hex(result.digest))")
}
