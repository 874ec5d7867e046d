import Foundation
import Testing

extension Live {
    @Suite("the simulator as a program")
    struct ClusterSimulator {
        private func run(_ jobs: Int, in directory: TemporaryDirectory, _ name: String) throws
            -> [String: Any]
        {
            let output = "\(directory.path)/\(name)"
            let process = try ChildProcess(
                try program("parley-sim"),
                [
                    "run", "--seeds", "0..<20", "--for", "10s", "--json", "--keep-going", "--jobs",
                    "\(jobs)",
                ],
                environment: [:], output: output)
            _ = try process.waitForEnd(within: 120)
            let text = contents(of: output)
            let object = try JSONSerialization.jsonObject(with: Data(text))
            return try #require(
                object as? [String: Any], "\(String(decoding: text, as: UTF8.self))")
        }

        @Test("the same seeds give the same digest in two processes and with any number of jobs")
        func determinism() throws {
            let directory = TemporaryDirectory()
            let first = try run(1, in: directory, "first")
            let second = try run(1, in: directory, "second")
            let third = try run(2, in: directory, "third")
            for field in ["digest", "seeds", "failed", "events", "faults", "marks", "checkers"] {
                let values = [first, second, third].map { $0[field] as? NSObject }
                #expect(
                    values[0] != nil && values[0] == values[1] && values[0] == values[2], "\(field)"
                )
            }
            #expect(first["seeds"] as? Int == 20)
            #expect((first["digest"] as? String)?.count == 16)
        }
    }
}
