import EdgeCodecs
import Glibc
import LiveNet
import Protocols

/// Measures how fast a directory's disk makes log batches durable, through the node's own storage.
enum StorageBench {
    static let usage = """
        Usage: parley-bench storage --dir D [--seconds S] [--size BYTES] [--json]

        Writes entries in batches of 1, 8, 64, 512 and 4096 through the node's storage, one write
        and one fdatasync a batch, and says how many batches and entries become durable a second.
        A directory of its own is made inside D and removed.

          --dir D        a directory on the disk to be measured; it must exist
          --seconds S    time for each batch size (default 2)
          --size BYTES   payload of an entry (default 300)
          --json         one JSON object instead of the table

        Exit codes: 0 done, 1 the disk fails, 2 bad arguments.
        """

    private struct Result {
        let entries: Int
        let batches: Int
        let seconds: Double
        let syncs: UInt64
        let bytes: UInt64
        let latency: Histogram
    }

    static func run(_ arguments: [String]) throws(UsageError) -> Int32 {
        var rest = Arguments(arguments)
        var directory: String?
        var seconds = 2
        var size = 300
        var isJSON = false
        while let option = rest.next() {
            switch option {
            case "--dir": directory = try rest.value(of: option)
            case "--seconds": seconds = try rest.number(of: option, in: 1...3600)
            case "--size": size = try rest.number(of: option, in: 1...(1 << 20))
            case "--json": isJSON = true
            default: throw UsageError("unknown argument \(option)")
            }
        }
        guard let directory else { throw UsageError("--dir is missing") }
        guard access(directory, W_OK | X_OK) == 0 else {
            throw UsageError("--dir: \(directory) is no directory that can be written to")
        }
        if !isJSON {
            Output.line(
                "entries a batch   batches/s   entries/s   syncs/s    MB/s   p50 ms   p99 ms   max ms"
            )
        }
        var results: [Result] = []
        for entries in [1, 8, 64, 512, 4096] {
            let path = "\(directory)/parley-bench-\(getpid())-\(entries)"
            defer { remove(path) }
            do {
                let result = try measure(path, entries: entries, size: size, seconds: seconds)
                results.append(result)
                if !isJSON { Output.line(line(result)) }
            } catch {
                Output.error("parley-bench storage: \(error)")
                return 1
            }
        }
        if isJSON { Output.line(json(results, size: size)) }
        return 0
    }

    /// Drives storage as a node does: the next batch is asked for when the last one is durable.
    private static func measure(
        _ path: String, entries: Int, size: Int, seconds: Int
    ) throws -> Result {
        let loop = Loop()
        let opened: OpenedStorage
        do {
            opened = try Storage.open(loop: loop, path: path, node: NodeID(1))
        } catch {
            loop.shutDown()
            throw error
        }
        let storage = opened.storage
        let payload = [UInt8](repeating: 0x61, count: size)
        var index = LogIndex.zero
        var token = PersistToken(boot: opened.identity.boot, sequence: 0)
        var latency = Histogram()
        var batches = 0
        var failure: StorageFailure?
        var askedAt: Int64 = 0
        func ask() {
            let batch = (1...entries).map {
                Entry(
                    index: index + $0, term: Term(1), stamp: .zero, kind: .command,
                    payload: payload)
            }
            index = index + entries
            token = PersistToken(boot: token.boot, sequence: token.sequence + 1)
            askedAt = monotonicNanoseconds()
            let first = token.sequence == 1 ? HardState(term: Term(1)) : nil
            storage.persist(LogWrite(hardState: first, entries: batch), token)
        }
        let warmUntil = monotonicNanoseconds() + 200_000_000
        var start: Int64 = 0
        var syncs: UInt64 = 0
        var bytes: UInt64 = 0
        storage.onFailure = { failure = $0 }
        storage.onPersisted = { _ in
            let now = monotonicNanoseconds()
            if start > 0 {
                latency.add(now - askedAt)
                batches += 1
            } else if now > warmUntil {
                start = now
                syncs = storage.syncs
                bytes = storage.bytesWritten
            }
            if start == 0 || now - start < Int64(seconds) * 1_000_000_000 {
                ask()
            } else {
                loop.stop()
            }
        }
        let keepAlive = Timer(loop: loop)
        keepAlive.start(milliseconds: 100, repeating: 100) { if failure != nil { loop.stop() } }
        ask()
        loop.run()
        let end = monotonicNanoseconds()
        syncs = storage.syncs - syncs
        bytes = storage.bytesWritten - bytes
        keepAlive.close()
        let last = storage.close()
        loop.shutDown()
        if let failure = failure ?? last { throw failure }
        return Result(
            entries: entries, batches: batches, seconds: Double(end - start) / 1e9, syncs: syncs,
            bytes: bytes, latency: latency)
    }

    private static func milliseconds(_ nanoseconds: Int64) -> String {
        fixed(Double(nanoseconds) / 1e6, 2)
    }

    private static func line(_ result: Result) -> String {
        let rate = Double(result.batches) / result.seconds
        return column(String(result.entries), 15) + column(fixed(rate, 0), 12)
            + column(fixed(rate * Double(result.entries), 0), 12)
            + column(fixed(Double(result.syncs) / result.seconds, 0), 10)
            + column(fixed(Double(result.bytes) / result.seconds / 1e6, 1), 8)
            + column(milliseconds(result.latency.quantile(0.5)), 9)
            + column(milliseconds(result.latency.quantile(0.99)), 9)
            + column(milliseconds(result.latency.maximum), 9)
    }

    private static func json(_ results: [Result], size: Int) -> String {
        var writer = JSONWriter()
        func number(_ key: StaticString, _ value: String) {
            writer.key(key)
            writer.raw(Array(value.utf8))
        }
        writer.beginObject()
        writer.field("benchmark", "storage")
        writer.field("size", size)
        writer.key("results")
        writer.beginArray()
        for result in results {
            let rate = Double(result.batches) / result.seconds
            writer.beginObject()
            writer.field("entries_per_batch", result.entries)
            number("batches_per_s", fixed(rate, 1))
            number("entries_per_s", fixed(rate * Double(result.entries), 1))
            number("syncs_per_s", fixed(Double(result.syncs) / result.seconds, 1))
            number("mb_per_s", fixed(Double(result.bytes) / result.seconds / 1e6, 2))
            number("p50_ms", milliseconds(result.latency.quantile(0.5)))
            number("p99_ms", milliseconds(result.latency.quantile(0.99)))
            number("max_ms", milliseconds(result.latency.maximum))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Removes the files of a data directory and the directory.
    private static func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != "." && name != ".." { unlink(path + "/" + name) }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}
