@preconcurrency import Glibc
import Protocols
import SimCodecs
import SimNet

/// `branch --recording`: what a recorded cluster might have done from one moment on.
struct FlightCommand {
    static let usage = """
          parley-sim branch --recording DIR --recording DIR ... [--at TIME] [--futures 20]
                            [--future N [--trace -|FILE]] [--for 30s] [--mix NAME]

        branch --recording takes the recordings of all members of a cluster that ran on one machine,
        stops each node at one moment (TIME after the first at which all were recorded; the last if
        none is given), breaks all connections there, and lets simulated clients and faults go on
        from it, differently in each future. The checkers know what the nodes held.
        """

    private var paths: [String] = []
    private var at: Interval?
    private var futures: Range<UInt64> = 0..<20
    private var trace: String?
    private var setting = Setting(duration: .seconds(30))

    /// True when these arguments of `branch` are about recordings.
    static func isMeant(_ words: ArraySlice<String>) -> Bool { words.contains("--recording") }

    init(_ words: ArraySlice<String>) throws(UsageError) {
        var reader = ArgumentReader(rest: words)
        while let option = reader.next() {
            switch option {
            case "--recording": paths.append(try reader.value(of: option))
            case "--at": at = try reader.interval(option, reader.value(of: option))
            case "--futures": futures = 0..<UInt64(try reader.count(of: option, upTo: 1_000_000))
            case "--future":
                let text = try reader.value(of: option)
                guard let number = UInt64(text), number < .max else {
                    throw UsageError("--future \(text): give a number")
                }
                futures = number..<number + 1
            case "--trace": trace = try reader.value(of: option)
            default: try reader.common(option, &setting)
            }
        }
        guard trace == nil || futures.count == 1 else {
            throw UsageError("--trace wants one --future")
        }
    }

    /// Runs the futures; returns the exit code.
    func run() throws(UsageError) -> Int32 {
        let moments: [FlightNode]
        do throws(FlightError) {
            moments = try load()
        } catch {
            fputs("parley-sim: \(error.message)\n", stderr)
            return error.isUsage ? 2 : 1
        }
        describe(moments)
        var failures = 0
        var code: Int32 = 0
        var events: UInt64 = 0
        let start = seconds()
        for future in futures {
            let result: RunResult
            do throws(Violation) {
                result = try live(future, moments)
            } catch {
                print(
                    "the nodes contradict one another at this moment: \(error.checker): "
                        + error.message)
                return 1
            }
            events += result.statistics.events
            guard result.verdict != .held else { continue }
            failures += 1
            code = max(code, exitCode([result]))
            print("future \(future) FAILED: \(result.verdict)")
            print("  options: \(result.options)")
            print("  look:    \(command(future))")
        }
        let wall = Int((seconds() - start) * 1_000)
        print(
            "\(futures.count) future(s) of \(setting.duration.milliseconds / 1_000) s, "
                + "\(futures.count - failures) held, \(failures) failed; \(events) events in "
                + "\(wall) ms")
        return code
    }

    private func live(_ future: UInt64, _ moments: [FlightNode]) throws(Violation) -> RunResult {
        var world = try World.continuing(
            moments, seed: future, mix: setting.mix, duration: setting.duration,
            codecs: chatCodecs)
        if let trace, let file = trace == "-" ? stdout : fopen(trace, "w") {
            world.beginTrace()
            repeat {
                for line in world.takeTrace() { fputs(line + "\n", file) }
            } while world.advance()
            for line in world.takeTrace() { fputs(line + "\n", file) }
            fflush(file)
            if trace != "-" { fclose(file) }
        }
        return world.run()
    }

    private func command(_ future: UInt64) -> String {
        var text = "parley-sim branch"
        for path in paths { text += " --recording '\(path)'" }
        if let at { text += " --at \(at.milliseconds)ms" }
        return text + " --future \(future) --trace -\(setting.options)"
    }

    // MARK: Moments

    private struct FlightError: Error {
        var message: String
        var isUsage = false
    }

    /// One recording of a node, and when it was made.
    private struct Span {
        var recording: RecordingCommand.Found
        var began: Instant
        var last: Instant
    }

    /// The nodes, all at one moment.
    private func load() throws(FlightError) -> [FlightNode] {
        var spans: [[Span]] = []
        for path in paths { spans.append(try self.spans(at: path)) }
        let moment = try moment(spans)
        var flights: [FlightNode] = []
        for (path, all) in zip(paths, spans) {
            guard let span = all.first(where: { $0.began <= moment && moment <= $0.last }) else {
                throw FlightError(
                    message: "\(path) has no node at this moment: it was down, or not recorded")
            }
            flights.append(try flight(span.recording, until: moment))
        }
        return try sorted(flights)
    }

    private func spans(at path: String) throws(FlightError) -> [Span] {
        var spans: [Span] = []
        for found in RecordingCommand.recordings(at: path) {
            var began: Instant?
            var last: Instant?
            try read(found) { item throws(ReplayError) in
                switch item {
                case .configuration(_, let time): began = time
                case .event(_, let time, _): last = time
                default: break
                }
                return true
            }
            if let began, let last {
                spans.append(Span(recording: found, began: began, last: last))
            }
        }
        guard !spans.isEmpty else {
            throw FlightError(message: "no recording (*.rec) of a node at \(path)", isUsage: true)
        }
        return spans
    }

    /// The moment that is meant, on the clock that all nodes of a machine share.
    private func moment(_ spans: [[Span]]) throws(FlightError) -> Instant {
        let end = spans.map { $0[$0.count - 1].last }.min()!
        guard let at else { return end }
        let start = spans.map { $0.map(\.began).min()! }.max()!
        guard start + at <= end else {
            throw FlightError(
                message: "--at: all nodes were recorded for "
                    + "\((end - start).milliseconds) ms", isUsage: true)
        }
        return start + at
    }

    private func flight(
        _ found: RecordingCommand.Found, until moment: Instant
    ) throws(FlightError) -> FlightNode {
        var flight = FlightNode()
        try read(found) { item throws(ReplayError) in
            if case .event(_, let time, _) = item, time > moment { return false }
            try flight.take(item)
            return true
        }
        guard let node = flight.replay.node, node.halted == nil else {
            throw FlightError(message: "\(found.name): the node has stopped at this moment")
        }
        return flight
    }

    /// Gives each record to `take` until it wants no more.
    private func read(
        _ found: RecordingCommand.Found,
        _ take: (RecordedItem) throws(ReplayError) -> Bool
    ) throws(FlightError) {
        var reader = RecordingReader()
        for path in found.paths {
            guard let bytes = RecordingCommand.contents(of: path) else {
                throw FlightError(message: "\(path) cannot be read", isUsage: true)
            }
            do {
                try reader.open(part: bytes)
                while let item = try reader.next() {
                    guard try take(item) else { return }
                }
            } catch {
                throw FlightError(message: "\(path): \(error)")
            }
        }
    }

    /// By number; they must be all members of one cluster.
    private func sorted(_ flights: [FlightNode]) throws(FlightError) -> [FlightNode] {
        let sorted = flights.sorted {
            $0.replay.node!.configuration.id < $1.replay.node!.configuration.id
        }
        let ids = sorted.map { $0.replay.node!.configuration.id }
        for flight in sorted {
            let node = flight.replay.node!
            guard node.configuration.members == ids else {
                throw FlightError(
                    message: "\(node.configuration.id) has the members "
                        + "\(node.configuration.members.map { "\($0)" }.joined(separator: " ")); give "
                        + "one recording of each", isUsage: true)
            }
            guard node.cluster == sorted[0].replay.node!.cluster else {
                throw FlightError(message: "the recordings are of two clusters", isUsage: true)
            }
        }
        guard ids == (1...ids.count).map({ NodeID(UInt32($0)) }) else {
            throw FlightError(
                message: "the simulated world wants members numbered from 1", isUsage: true)
        }
        return sorted
    }

    private func describe(_ flights: [FlightNode]) {
        for flight in flights {
            guard let node = flight.replay.node else { continue }
            let raft = node.raft
            print(
                "\(node.configuration.id) boot \(node.configuration.boot.rawValue), event "
                    + "\(flight.replay.steps), \(RecordingTrace.time(flight.now - flight.replay.began)) s "
                    + "after its start: \(raft.role) in term \(raft.term.rawValue), log to "
                    + "\(raft.log.lastIndex.rawValue), durable \(raft.durableIndex.rawValue), "
                    + "committed \(raft.commitIndex.rawValue); \(flight.underWay) write(s) under way"
            )
        }
    }
}
