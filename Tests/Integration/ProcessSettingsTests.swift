import Glibc
import Testing

extension Live {
    @Suite("how a node process says no")
    struct ProcessSettings {
        private func run(
            _ arguments: [String], _ environment: [String: String] = [:]
        ) throws -> (end: ProcessEnd, lines: [String]) {
            let directory = TemporaryDirectory()
            let output = directory.path + "/output"
            let process = try ChildProcess(
                try program("parley-node"), arguments, environment: environment, output: output)
            let end = try process.waitForEnd()
            let text = String(decoding: contents(of: output), as: UTF8.self)
            return (end, text.split(separator: "\n").map(String.init))
        }

        @Test("bad settings are one line and exit status 2")
        func badSettings() throws {
            let cases: [(arguments: [String], environment: [String: String], word: String)] = [
                ([], ["NODE_ID": "first"], "NODE_ID=first"),
                (["--port", "eighty"], [:], "PORT=eighty"),
                (["--no-such-flag"], [:], "--no-such-flag"),
                ([], ["PEERS": "1=127.0.0.1:7001,2=192.0.2.1:7001"], "openssl rand -hex 32"),
                ([], ["ENCRYPTION_KEY": "short"], "ENCRYPTION_KEY"),
                ([], ["CONFIG_FILE": "/nowhere"], "/nowhere"),
                ([], ["LOG_FILE": "/nowhere/log"], "LOG_FILE=/nowhere/log"),
            ]
            for (arguments, environment, word) in cases {
                let (end, lines) = try run(arguments, environment)
                #expect(end == .exited(2), "\(word)")
                #expect(lines.count == 1, "\(lines)")
                #expect(lines.first?.contains(word) == true, "\(lines)")
            }
        }

        @Test("--help tells of every setting and ends with 0")
        func help() throws {
            let (end, lines) = try run(["--help"])
            #expect(end == .exited(0))
            for word in ["--data-dir", "[DATA_DIR]", "--peers", "--encryption-key", "Exit status"] {
                #expect(lines.contains { $0.contains(word) }, "\(word)")
            }
        }
    }
}
