@preconcurrency import Glibc
import Protocols
import SimNet

/// The arguments of `replay --recording`.
struct RecordingArguments {
    /// A directory with recordings, or one part of the one that is meant.
    var path: String
    /// Where the trace goes: `-` is the standard output; nil when none is wanted.
    var trace: String?
    /// After how many events to stop.
    var until: UInt64?
    /// Whether to measure what recording costs.
    var cost = false
}

/// Feeds recordings of live nodes to the same machine and compares digests.
struct RecordingCommand {
    /// The parts of one recording in order.
    struct Found {
        var name: String
        var paths: [String]
    }

    private let arguments: RecordingArguments
    private var trace: UnsafeMutablePointer<FILE>?
    private var cost: RecordingCost?

    init(_ arguments: RecordingArguments) { self.arguments = arguments }

    /// Replays all that is meant; 0 when every digest matches, 1 when one does not or a recording
    /// is damaged, 2 when there is nothing to replay.
    mutating func run() -> Int32 {
        let found = RecordingCommand.recordings(at: arguments.path)
        guard !found.isEmpty else {
            fputs("parley-sim: no recording (*.rec) at \(arguments.path)\n", stderr)
            return 2
        }
        if arguments.until != nil, found.count > 1 {
            fputs(
                "parley-sim: --until wants one recording; name a file of it, such as "
                    + "\(found[0].paths[0])\n", stderr)
            return 2
        }
        if let path = arguments.trace {
            guard let file = path == "-" ? stdout : fopen(path, "w") else {
                fputs("parley-sim: \(path) cannot be written\n", stderr)
                return 2
            }
            trace = file
        }
        defer { if let trace, trace != stdout { fclose(trace) } }
        var code: Int32 = 0
        for recording in found { code = max(code, replay(recording)) }
        return code
    }

    // MARK: Files

    /// The recordings in a directory, or the one to which a file belongs, oldest first.
    static func recordings(at path: String) -> [Found] {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        var only: Substring?
        if path.hasSuffix(".rec") {
            let slash = path.lastIndex(of: "/")
            let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
            only = RecordingCommand.stem(name)
            path = slash.map { String(path[..<$0]) } ?? "."
        }
        var found: [Found] = []
        for name in RecordingCommand.names(in: path) where name.hasSuffix(".rec") {
            let stem = RecordingCommand.stem(name[...])
            if let only, stem != only { continue }
            if found.last?.name != String(stem) {
                found.append(Found(name: String(stem), paths: []))
            }
            found[found.count - 1].paths.append("\(path)/\(name)")
        }
        return found
    }

    /// The name without the number of the part.
    private static func stem(_ name: Substring) -> Substring {
        name.lastIndex(of: "-").map { name[..<$0] } ?? name
    }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }

    static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        let size = Int(status.st_size)
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let count = read(descriptor, buffer.baseAddress! + filled, size - filled)
                guard count > 0 else { break }
                filled += count
            }
        }
    }

    // MARK: Replaying

    private enum Ending {
        case read
        case stopped
        case failed(String)
    }

    private mutating func replay(_ recording: Found) -> Int32 {
        cost = arguments.cost ? RecordingCost() : nil
        var reader = RecordingReader()
        var replay = Replay()
        TrapReport.arm(recording.name)
        let start = seconds()
        let ending = feed(recording, &reader, &replay)
        TrapReport.disarm()
        let wall = seconds() - start
        print("recording \(recording.name), \(recording.paths.count) part(s)")
        describe(replay)
        print(
            "  replayed: \(replay.steps) events, \(replay.effects) effects in "
                + "\(Int(wall * 1_000)) ms")
        switch ending {
        case .failed(let line):
            print("  \(line)")
            print(
                "  look:     parley-sim replay --recording \(recording.paths[0]) --trace - --until "
                    + "\(replay.steps)")
            return 1
        case .stopped:
            dump(replay)
            return 0
        case .read:
            switch replay.end {
            case .stopped: print("  ends:     the node was stopped")
            case .full: print("  ends:     the recording was full")
            case nil:
                let torn = reader.tornBytes > 0 ? ", \(reader.tornBytes) bytes torn off" : ""
                print("  ends:     in the middle, as a kill leaves it\(torn)")
            }
            dump(replay)
            print(
                "  MATCH: \(replay.checks) checks, the last after event \(replay.checkedAt), and "
                    + "the effects of each event")
            if let line = cost?.line() { print(line) }
            return 0
        }
    }

    private mutating func feed(
        _ recording: Found, _ reader: inout RecordingReader, _ replay: inout Replay
    ) -> Ending {
        do {
            for path in recording.paths {
                guard let bytes = RecordingCommand.contents(of: path) else {
                    return .failed("\(path) cannot be read")
                }
                try reader.open(part: bytes)
                while let item = try reader.next() {
                    if let until = arguments.until, case .event = item, replay.steps >= until {
                        return .stopped
                    }
                    TrapReport.step = replay.steps + 1
                    write(item, replay)
                    try replay.take(item)
                    try cost?.take(item)
                    writeEffects(item, replay)
                }
            }
            guard replay.node != nil else { return .failed("CUT before the node was made") }
            return .read
        } catch let error as RecordingError {
            return .failed("DAMAGED: \(text(error))")
        } catch let error as ReplayError {
            return .failed(text(error))
        } catch {
            return .failed("\(error)")
        }
    }

    private func write(_ item: RecordedItem, _ replay: Replay) {
        guard let trace, case .event(let event, let time, _) = item else { return }
        let at = RecordingTrace.time(time - replay.began)
        fputs("\(replay.steps + 1) \(at) \(RecordingTrace.text(event))\n", trace)
    }

    private func writeEffects(_ item: RecordedItem, _ replay: Replay) {
        guard let trace, case .event = item else { return }
        for effect in replay.lastEffects {
            fputs("          -> \(RecordingTrace.text(effect))\n", trace)
        }
    }

    // MARK: Words

    private func text(_ error: RecordingError) -> String {
        switch error {
        case .notARecording: "this is no part of a recording"
        case .otherVersion(let version): "version \(version) of the form is not known"
        case .otherRecording: "a part of another recording is among the parts"
        case .partMissing(let part): "part \(part) is missing"
        case .damaged(let part, let offset): "part \(part), the block at byte \(offset)"
        case .malformed(let part, let offset): "part \(part), the record at byte \(offset)"
        }
    }

    private func text(_ error: ReplayError) -> String {
        switch error {
        case .cannotStart(let refusal): "DIVERGED: the node cannot start: \(refusal)"
        case .outOfOrder(let step): "DAMAGED: records out of order after event \(step)"
        case .diverged(let step, let what, let recorded, let replayed):
            "DIVERGED at event \(step): \(what.rawValue), recorded \(hex(recorded)), "
                + "replayed \(hex(replayed))"
        }
    }

    private func describe(_ replay: Replay) {
        guard let configuration = replay.node?.configuration else { return }
        print(
            "  node:     \(configuration.id), boot \(configuration.boot.rawValue), seed "
                + "\(hex(configuration.seed)), \(configuration.members.count) member(s)")
    }

    private func dump(_ replay: Replay) {
        guard let node = replay.node else { return }
        let raft = node.raft
        var control = Digest()
        node.controlDigest(into: &control)
        print(
            """
              time:     \(RecordingTrace.time(replay.now - replay.began)) s after its start
              role:     \(raft.role) in term \(raft.term.rawValue), leader \
            \(raft.leader.map { "\($0)" } ?? "none")
              log:      \(raft.log.firstIndex.rawValue)...\(raft.log.lastIndex.rawValue), durable \
            \(raft.durableIndex.rawValue), committed \(raft.commitIndex.rawValue), applied \
            \(node.state.applied.index.rawValue)
              peers:    \(node.connectedMembers.map { "\($0)" }.joined(separator: " "))
              requests: \(node.pendingCount) pending, \(node.pendingBytes) bytes
              deadline: \(node.deadline.map { RecordingTrace.time($0 - replay.began) } ?? "none")
              halted:   \(node.halted.map { "\($0)" } ?? "no")
              digests:  effects \(hex(replay.effectsDigest.value)), control \
            \(hex(control.value)), node \(hex(node.wholeDigest)), state \
            \(hex(node.state.rollingDigest))
            """)
    }
}

/// Says at which event a replayed node trapped: what a node that trapped live does again.
private enum TrapReport {
    nonisolated(unsafe) static var step: UInt64 = 0
    nonisolated(unsafe) private static var name: UnsafeMutablePointer<CChar>?

    static func arm(_ recording: String) {
        name = strdup(recording)
        for number in [SIGILL, SIGTRAP] {
            signal(number) { _ in
                var line = [CChar](repeating: 0, count: 256)
                withVaList([TrapReport.name.map { Int(bitPattern: $0) } ?? 0, TrapReport.step]) {
                    _ = vsnprintf(&line, 255, "TRAPPED: %s, in the step of event %llu\n", $0)
                }
                _ = Glibc.write(1, line, strlen(line))
                _exit(4)
            }
        }
    }

    static func disarm() {
        for number in [SIGILL, SIGTRAP] { signal(number, SIG_DFL) }
        free(name)
        name = nil
    }
}
