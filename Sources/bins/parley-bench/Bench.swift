import Glibc
import Protocols

/// The program's subcommands.
enum Bench {
    static let usage = """
        Usage: parley-bench <command> [options]

        Commands:
          chat      load over WebSocket against any nodes; checks loss, doubles and order
          idle      idle connections to one node: memory, and whether it stays responsive
          echo      a WebSocket echo server on the node's own server code
          micro     codecs and machines, in nanoseconds
          disk      a script against a data directory, and what is seen
          storage   batches made durable a second

        parley-bench <command> --help says more.
        """

    /// Runs what the arguments ask for; returns the exit code.
    static func run(_ arguments: [String]) -> Int32 {
        guard let name = arguments.first else {
            Output.error(usage)
            return 2
        }
        let rest = Array(arguments.dropFirst())
        let asksHelp = rest.contains("--help") || rest.contains("-h")
        do throws(UsageError) {
            switch name {
            case "chat":
                return asksHelp ? help(ChatOptions.usage) : ChatLoad.run(try ChatOptions(rest))
            case "disk":
                return asksHelp ? help(DiskRun.usage) : try DiskRun.run(rest)
            case "echo":
                return asksHelp ? help(EchoServer.usage) : try EchoServer.run(rest)
            case "idle":
                return asksHelp ? help(IdleOptions.usage) : IdleLoad.run(try IdleOptions(rest))
            case "micro":
                return asksHelp ? help(Micro.usage) : try Micro.run(rest)
            case "storage":
                return asksHelp ? help(StorageBench.usage) : try StorageBench.run(rest)
            case "--help", "-h", "help": return help(usage)
            default: throw UsageError("unknown command \(name)")
            }
        } catch {
            Output.error("parley-bench: \(error.text)\nparley-bench --help says what there is.")
            return 2
        }
    }

    private static func help(_ text: String) -> Int32 {
        Output.line(text)
        return 0
    }
}

/// What is wrong with the arguments.
struct UsageError: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

/// Options of the form `--name value` and `--name`.
struct Arguments {
    private var rest: ArraySlice<String>

    init(_ arguments: [String]) { rest = arguments[...] }

    /// The next option.
    mutating func next() -> String? { rest.popFirst() }

    /// The value of an option.
    mutating func value(of option: String) throws(UsageError) -> String {
        guard let value = rest.popFirst() else { throw UsageError("\(option) takes a value") }
        return value
    }

    /// The value of an option, a whole number in a range.
    mutating func number(
        of option: String, in range: ClosedRange<Int>
    ) throws(UsageError) -> Int {
        let text = try value(of: option)
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                "\(option) takes \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return number
    }
}

/// Where the program's words go; each line at once.
enum Output {
    /// Writes a line to the standard output.
    static func line(_ text: String) { write(1, text) }
    /// Writes a line to the standard error.
    static func error(_ text: String) { write(2, text) }

    private static func write(_ descriptor: Int32, _ text: String) {
        var bytes = Array((text + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// The monotonic clock, for programs that measure.
func monotonicNanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// A number with a few decimals, without Foundation.
func fixed(_ value: Double, _ decimals: Int = 2) -> String {
    guard value.isFinite else { return "0" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let total = Int64((value.magnitude * scale).rounded())
    let whole = "\(value < 0 ? "-" : "")\(total / Int64(scale))"
    guard decimals > 0 else { return whole }
    let rest = String(total % Int64(scale))
    return whole + "." + String(repeating: "0", count: decimals - rest.count) + rest
}

/// The text at the right end of a column.
func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}
