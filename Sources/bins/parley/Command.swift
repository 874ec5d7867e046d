import Glibc

/// The program's commands.
enum Command {
    static let usage = """
        Usage: parley <command> [options]

        Commands:
          chat    talk in a room, on a terminal or line by line

        parley <command> --help says more.
        """

    /// Runs what the arguments ask for; returns the exit code.
    static func run(_ arguments: [String]) -> Int32 {
        guard let name = arguments.first else {
            Terminal.error(usage)
            return 2
        }
        switch name {
        case "chat": return runChat(Array(arguments.dropFirst()))
        case "--help", "-h", "help":
            Terminal.print(usage)
            return 0
        default:
            Terminal.error("parley: unknown command \(name)\n\n\(usage)")
            return 2
        }
    }

    private static func runChat(_ arguments: [String]) -> Int32 {
        if arguments.contains("--help") || arguments.contains("-h") {
            Terminal.print(ChatOptions.usage)
            return 0
        }
        do {
            var options = try ChatOptions(
                arguments, environment: { getenv($0).map { String(cString: $0) } },
                isTerminal: isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1)
            options.utcOffset = localOffset
            return options.isPlain ? LineFace.run(options) : ScreenFace.run(options)
        } catch {
            Terminal.error("parley chat: \(error.text)\nparley chat --help says what it takes.")
            return 2
        }
    }
}

/// Minutes from UTC to the time of the day here, as it is now.
private var localOffset: Int {
    var now = time(nil)
    var local = tm()
    localtime_r(&now, &local)
    return local.tm_gmtoff / 60
}

/// What is wrong with the arguments.
struct UsageError: Error {
    let text: String
}

/// Where the program's words go.
enum Terminal {
    /// Writes a line to the standard output at once.
    static func print(_ line: String) { write(1, line) }

    /// Writes a line to the standard error.
    static func error(_ line: String) { write(2, line) }

    private static func write(_ descriptor: Int32, _ line: String) {
        var bytes = Array((line + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            // Nobody reads any more.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// The text without anything that would steer a terminal; further lines are indented.
    static func plain(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: result.append(contentsOf: "\n    ".unicodeScalars)
            case 0x09: result.append(scalar)
            case 0..<0x20, 0x7F..<0xA0: result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
