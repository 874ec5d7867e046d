@preconcurrency import Glibc
import Protocols
import SimNet

/// Writes the page that shows a recorded run; false, with a line on the error output, when that
/// cannot be done.
func writeReport(of world: World, _ setting: Setting, to path: String) -> Bool {
    writeReport(
        of: world, "parley-sim replay \(world.seed)\(setting.options) --trace -", to: path)
}

/// Writes the page; the command is the one that repeats the run.
func writeReport(of world: World, _ command: String, to path: String) -> Bool {
    let origin = ReportOrigin(command: command, commit: commit())
    let page = world.reportPage(origin)
    guard let file = fopen(path, "w") else {
        fputs("parley-sim: \(path) cannot be written\n", stderr)
        return false
    }
    let count = fwrite(page, 1, page.count, file)
    guard fclose(file) == 0, count == page.count else {
        fputs("parley-sim: \(path) is incomplete\n", stderr)
        return false
    }
    return true
}

/// Runs each seed that failed once more, recorded, and writes its page into a directory.
func writeReports(of runs: [RunResult], _ setting: Setting, into directory: String) -> Bool {
    mkdir(directory, 0o777)
    for run in runs {
        var world = setting.world(run.seed)
        world.beginRecording()
        _ = world.run()
        let path = "\(directory)/seed-\(run.seed).html"
        guard writeReport(of: world, setting, to: path) else { return false }
        fputs("\(path)\n", stderr)
    }
    return true
}
