import Glibc

/// A shell in a terminal of its own, 80 by 24, by way of tmux; gone after the test.
final class TerminalPane {
    static let prompt = "ready>"

    private let directory = TemporaryDirectory()
    private let tmux: String
    private var calls = 0

    init() throws {
        let places: [String] = ["/usr/bin/tmux", "/usr/local/bin/tmux", "/bin/tmux"]
        let found = places.first { access($0, X_OK) == 0 }
        guard let found else { throw LiveFailure("tmux is not installed") }
        tmux = found
        let profile = directory.path + "/profile"
        try write(Array("PS1='\(Self.prompt) '\n".utf8), to: profile)
        try tell(
            "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
            "exec bash --noprofile --rcfile \(profile)")
        guard let id = pid_t(try ask("#{pid}")) else { throw LiveFailure("tmux has no server") }
        ProcessGuard.shared.add(id)
        try wait(for: Self.prompt)
    }

    deinit {
        let id = try? pid_t(ask("#{pid}"))
        _ = try? tell("kill-server")
        if let id { ProcessGuard.shared.remove(id) }
    }

    // MARK: tmux

    @discardableResult
    private func tell(_ words: String...) throws -> String {
        calls += 1
        let output = directory.path + "/tmux\(calls)"
        defer { unlink(output) }
        let environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": directory.path,
        ]
        let process = try ChildProcess(
            tmux, ["-u", "-S", directory.path + "/socket"] + words, environment: environment,
            output: output)
        let end = try process.waitForEnd()
        let text = String(decoding: contents(of: output), as: UTF8.self)
        guard end == .exited(0) else { throw LiveFailure("tmux \(words): \(end) \(text)") }
        return text
    }

    /// A variable of tmux.
    func ask(_ format: String) throws -> String {
        String(try tell("display-message", "-p", format).dropLast())
    }

    /// Presses keys by their names in tmux, such as `Enter` and `C-c`.
    func press(_ keys: String...) throws {
        for key in keys { try tell("send-keys", key) }
    }

    func type(_ text: String) throws { try tell("send-keys", "-l", "--", text) }

    func resize(columns: Int, rows: Int) throws {
        try tell("resize-window", "-x", "\(columns)", "-y", "\(rows)")
    }

    /// The rows of the screen, without spaces at their ends.
    func rows() throws -> [String] {
        var rows = try tell("capture-pane", "-p").split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        if rows.last == "" { rows.removeLast() }
        return rows
    }

    // MARK: Waiting

    /// Waits until the screen is as `condition` wants it and gives its rows.
    @discardableResult
    func wait(
        for what: String, within seconds: Double = 30, until condition: ([String]) -> Bool
    ) throws -> [String] {
        let limit = Limit(seconds: seconds)
        while true {
            let rows = try rows()
            if condition(rows) { return rows }
            guard !limit.hasPassed else {
                throw LiveFailure("no \(what):\n" + rows.joined(separator: "\n"))
            }
            usleep(30_000)
        }
    }

    /// Waits until a row has this text.
    @discardableResult
    func wait(for text: String, within seconds: Double = 30) throws -> [String] {
        try wait(for: text, within: seconds) { $0.contains { $0.contains(text) } }
    }

    // MARK: The shell

    /// Types a command line; it is on its way then.
    func run(_ command: String) throws {
        try type(command)
        try press("Enter")
    }

    /// Everything that the terminal's driver is set to.
    func settings() throws -> String {
        let file = directory.path + "/stty"
        unlink(file)
        try run("clear; stty -a >\(file).new && mv \(file).new \(file)")
        try eventually("stty answers") { !contents(of: file).isEmpty }
        try wait(for: Self.prompt)
        return String(decoding: contents(of: file), as: UTF8.self)
    }

    /// The process that the shell waits for.
    func child() throws -> pid_t {
        let shell = try ask("#{pane_pid}")
        var child: pid_t?
        try eventually("the shell has a child") {
            let text = String(
                decoding: contents(of: "/proc/\(shell)/task/\(shell)/children"), as: UTF8.self)
            child = text.split(separator: " ").first.flatMap { pid_t($0) }
            return child != nil
        }
        return child!
    }
}
