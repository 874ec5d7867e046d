import EdgeCodecs
import Glibc
import Protocols

/// Times codecs and machines, one operation at a time, in nanoseconds.
enum Micro {
    static let usage = """
        Usage: parley-bench micro [--filter TEXT] [--rounds N] [--json]

        Codecs and machines, in nanoseconds for one operation: the median round, and the round
        that 99 of 100 do not exceed.

          --filter TEXT   only the rows whose name contains the text
          --rounds N      rounds a row after warming up (default 100)
          --json          one JSON object instead of the table
        """

    /// One row: how often the operation is done in a round, and a round, which returns the
    /// nanoseconds that its operations took.
    struct Row {
        let name: String
        let operations: Int
        let round: () -> Int64
    }

    struct Result {
        let name: String
        let median: Double
        let p99: Double
    }

    static func run(_ arguments: [String]) throws(UsageError) -> Int32 {
        var rest = Arguments(arguments)
        var filter = ""
        var rounds = 100
        var isJSON = false
        while let option = rest.next() {
            switch option {
            case "--filter": filter = try rest.value(of: option)
            case "--rounds": rounds = try rest.number(of: option, in: 3...100_000)
            case "--json": isJSON = true
            default: throw UsageError("unknown argument \(option)")
            }
        }
        if !isJSON { Output.line(pad("nanoseconds") + column("median", 10) + column("p99", 10)) }
        var results: [Result] = []
        for make in makers {
            let row = make()
            guard filter.isEmpty || row.name.contains(filter) else { continue }
            let result = measure(row, rounds)
            results.append(result)
            if !isJSON {
                Output.line(
                    pad(result.name) + column(fixed(result.median, 1), 10)
                        + column(fixed(result.p99, 1), 10))
            }
        }
        guard !results.isEmpty else { throw UsageError("no row has \(filter) in its name") }
        if isJSON { Output.line(json(results)) }
        return 0
    }

    private static func pad(_ name: String) -> String {
        name + String(repeating: " ", count: max(1, 46 - name.count))
    }

    private static func measure(_ row: Row, _ rounds: Int) -> Result {
        for _ in 0..<max(3, rounds / 10) { _ = row.round() }
        var times: [Double] = []
        for _ in 0..<rounds { times.append(Double(row.round()) / Double(row.operations)) }
        times.sort()
        let last = times.count - 1
        return Result(
            name: row.name, median: times[last / 2], p99: times[min(last, last * 99 / 100)])
    }

    private static func json(_ results: [Result]) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("benchmark", "micro")
        writer.field("unit", "ns")
        writer.key("results")
        writer.beginArray()
        for result in results {
            writer.beginObject()
            writer.field("name", result.name)
            writer.key("median")
            writer.raw(Array(fixed(result.median, 1).utf8))
            writer.key("p99")
            writer.raw(Array(fixed(result.p99, 1).utf8))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// A row whose rounds need no preparation. `body` returns something that depends on all of
    /// its work, so that none of it can be left out.
    static func simple(
        _ name: String, _ operations: Int = 2000, _ body: @escaping () -> Int
    ) -> Row {
        Row(name: name, operations: operations) {
            var sum = 0
            let start = monotonicNanoseconds()
            for _ in 0..<operations { sum &+= body() }
            let end = monotonicNanoseconds()
            keep(sum)
            return end - start
        }
    }

    /// Makes the compiler believe that a value matters.
    @inline(never)
    static func keep(_ value: Int) {
        if value == .min { Output.error("") }
    }

    private static var makers: [() -> Row] {
        MicroCodecs.makers + MicroMachines.makers
    }
}
