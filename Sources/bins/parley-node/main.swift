import Glibc
import LiveNet
import Protocols

/// The server: `parley-node [--flag value ...]`; and `parley-node call METHOD URL`.
///
/// Exit status: 0 stopped as asked, 1 could not start or could not go on, 2 bad settings.

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "call" { exit(call(arguments.dropFirst())) }
if arguments.contains("--help") || arguments.contains("-h") {
    print(usage())
    exit(0)
}

let settings: NodeSettings
do {
    settings = try NodeSettings(arguments: arguments, environment: environment())
} catch {
    complain("\(error)")
    exit(2)
}
exit(run(settings))

func call(_ arguments: ArraySlice<String>) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
        print(CallCommand.usage, terminator: "")
        return 0
    }
    do {
        return try CallCommand(arguments).run()
    } catch {
        complain("call: \(error)")
        return 2
    }
}

func run(_ settings: NodeSettings) -> Int32 {
    let log: Log
    do {
        if let path = settings.logFile {
            log = try Log(level: settings.logLevel, format: settings.logFormat, file: path)
        } else {
            log = Log(level: settings.logLevel, format: settings.logFormat)
        }
    } catch {
        complain("\(error)")
        return 2
    }
    raiseDescriptorLimit()
    unblockSignals()
    let loop = Loop()
    let node: LiveNode
    do {
        node = try LiveNode(loop: loop, log: log, settings: settings)
    } catch {
        log.error("cannot start: \(error)", [:])
        loop.shutDown()
        return 1
    }
    if settings.isKeyless {
        log.warning(
            "no ENCRYPTION_KEY: links between members can be read by whoever is on the way", [:])
    }
    // The first signal hands over and lets clients go; a second one ends at once.
    for signal in [SIGTERM, SIGINT] {
        loop.onSignal(signal) { node.isDraining ? node.end(.stopped) : node.drain() }
    }
    loop.run()
    node.shutDown()
    loop.shutDown()
    switch node.ending {
    case .stopped, nil:
        log.info("stopped", [:])
        return 0
    case .failed: return 1
    }
}

/// Each client takes a descriptor: asks for as many as the system allows.
func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// A parent may have left signals blocked, and then nothing but SIGKILL would end the node.
func unblockSignals() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    sigprocmask(SIG_UNBLOCK, &signals, nil)
}

func environment() -> [String: String] {
    var variables: [String: String] = [:]
    for setting in Setting.all {
        if let value = getenv(setting.variable) {
            variables[setting.variable] = String(cString: value)
        }
    }
    return variables
}

func complain(_ line: String) {
    let bytes = Array("parley-node: \(line)\n".utf8)
    _ = write(2, bytes, bytes.count)
}

func usage() -> String {
    var text = """
        usage: parley-node [--flag value ...]
               parley-node call METHOD URL [ARGUMENT ...]    (parley-node call --help)

        One node of a Parley cluster. Each setting is a flag, or a variable of the environment, or a key in
        CONFIG_FILE (JSON, in lower case), looked for in that order.


        """
    let width = Setting.all.map { $0.flag.count + $0.form.count }.max() ?? 0
    for setting in Setting.all {
        let left = "\(setting.flag) \(setting.form)"
        let padding = String(repeating: " ", count: max(1, min(width, 44) + 3 - left.count))
        text += "  \(left)\(padding)\(setting.meaning)  [\(setting.variable)]\n"
    }
    text += "\nExit status: 0 stopped as asked, 1 could not start or go on, 2 bad settings.\n"
    return text
}
