import Glibc
import Protocols
import Testing

@testable import LiveNet

@Suite("storage")
struct BaseStorageTests {
    private let directory = TemporaryDirectory()
    private var path: String { directory.path + "/a/data" }
    private let node = NodeID(1)

    private func entry(_ index: UInt64, term: UInt64 = 1, size: Int = 10) -> Entry {
        Entry(
            index: LogIndex(index), term: Term(term), stamp: ClusterTime(nanoseconds: Int64(index)),
            kind: .command,
            payload: [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size))
    }

    private func token(_ boot: Boot, _ sequence: UInt64) -> PersistToken {
        PersistToken(boot: boot, sequence: sequence)
    }

    @Test("what was persisted is there after the next opening, in a directory made on the way")
    func persists() throws {
        let loop = Loop()
        let first = try Storage.open(loop: loop, path: path, node: node)
        #expect(first.isNew && first.durable == DurableState() && first.identity.boot == Boot(1))
        var durable: [PersistToken] = []
        first.storage.onPersisted = { durable.append($0) }
        let hardState = HardState(term: Term(1), vote: node)
        first.storage.persist(LogWrite(hardState: hardState), token(Boot(1), 1))
        for index in UInt64(1)...100 {
            first.storage.persist(LogWrite(entries: [entry(index)]), token(Boot(1), index + 1))
        }
        #expect(durable.isEmpty)
        #expect(run(loop) { durable.last == token(Boot(1), 101) })
        // One turn's writes are one batch.
        #expect(durable == [token(Boot(1), 101)])
        #expect(first.storage.batches == 1)
        #expect(first.storage.close() == nil)

        let second = try Storage.open(loop: loop, path: path, node: node)
        #expect(!second.isNew && !second.tornTail)
        #expect(second.identity.boot == Boot(2))
        #expect(second.identity.incarnation == first.identity.incarnation)
        #expect(
            second.durable
                == DurableState(hardState: hardState, entries: (1...100).map { entry($0) }))
        second.storage.close()
        loop.shutDown()
    }

    @Test("writes that come during a sync gather into the next batch, and every one is durable")
    func groupCommit() throws {
        let loop = Loop()
        let opened = try Storage.open(loop: loop, path: path, node: node, segmentLimit: 20_000)
        let storage = opened.storage
        var durable: [PersistToken] = []
        var next = UInt64(1)
        func write() {
            guard next <= 2000 else { return }
            storage.persist(LogWrite(entries: [entry(next, size: 100)]), token(Boot(1), next))
            next += 1
        }
        storage.onPersisted = { durable.append($0) }
        let pump = Timer(loop: loop)
        pump.start(milliseconds: 0, repeating: 1) { for _ in 0..<20 { write() } }
        #expect(run(loop, seconds: 60) { durable.last == token(Boot(1), 2000) })
        #expect(durable == durable.sorted())
        #expect(storage.batches == durable.count)
        #expect(storage.bytesWritten > 200_000)
        storage.close()
        let again = try Storage.open(loop: loop, path: path, node: node, segmentLimit: 20_000)
        #expect(again.durable.entries == (1...2000).map { entry($0, size: 100) })
        again.storage.close()
        loop.shutDown()
    }

    @Test("closing makes durable what still waits")
    func closeFlushes() throws {
        let loop = Loop()
        let opened = try Storage.open(loop: loop, path: path, node: node)
        opened.storage.persist(LogWrite(entries: [entry(1)]), token(Boot(1), 1))
        #expect(opened.storage.close() == nil)
        let again = try Storage.open(loop: loop, path: path, node: node)
        #expect(again.durable.entries == [entry(1)])
        again.storage.close()
        loop.shutDown()
    }

    @Test("a snapshot is saved beside running log writes, the log is compacted, and both recover")
    func snapshots() throws {
        let loop = Loop()
        let opened = try Storage.open(loop: loop, path: path, node: node, segmentLimit: 4096)
        let storage = opened.storage
        var durable: PersistToken?
        var saved: PersistToken?
        storage.onPersisted = { durable = $0 }
        storage.onSnapshotSaved = { saved = $0 }
        for index in UInt64(1)...100 {
            storage.persist(LogWrite(entries: [entry(index, size: 500)]), token(Boot(1), index))
            if index % 10 == 0 { #expect(run(loop) { durable == token(Boot(1), index) }) }
        }
        let chunk = [UInt8](repeating: 7, count: Snapshot.maximumChunk)
        let snapshot = Snapshot(
            point: SnapshotPoint(index: LogIndex(80), term: Term(1)),
            chunks: [[UInt8]](repeating: chunk, count: 40))
        storage.saveSnapshot(snapshot, token(Boot(1), 101))
        storage.persist(LogWrite(entries: [entry(101)]), token(Boot(1), 102))
        #expect(run(loop) { durable == token(Boot(1), 102) && saved == token(Boot(1), 101) })
        storage.compact(through: LogIndex(80))
        storage.close()
        let names = try FileExecutor(path: path).names()
        #expect(names.filter { $0.hasPrefix("snapshot-") } == ["snapshot-0000000000000050"])
        #expect(!names.contains("log-0000000000000001"))
        let again = try Storage.open(loop: loop, path: path, node: node, segmentLimit: 4096)
        #expect(again.durable.snapshot == snapshot)
        #expect(
            again.durable.entries
                == (81...100).map { entry($0, size: 500) } + [entry(101)])
        again.storage.close()
        loop.shutDown()
    }

    @Test("a second opening of a directory is refused with its name and the process that has it")
    func locked() throws {
        let loop = Loop()
        let opened = try Storage.open(loop: loop, path: path, node: node)
        #expect(throws: StorageError.inUse(path: path, process: getpid())) {
            _ = try Storage.open(loop: loop, path: path, node: node)
        }
        #expect(
            StorageError.inUse(path: "/data", process: 42).description
                == "the data directory /data is in use by process 42; each node needs a directory of its own"
        )
        opened.storage.close()
        try Storage.open(loop: loop, path: path, node: node).storage.close()
        loop.shutDown()
    }

    @Test("another member's directory and a damaged log are refused, and nothing is changed")
    func refused() throws {
        let loop = Loop()
        let opened = try Storage.open(loop: loop, path: path, node: node)
        for index in UInt64(1)...3 {
            opened.storage.persist(LogWrite(entries: [entry(index)]), token(Boot(1), index))
            _ = run(loop, seconds: 1) { opened.storage.batches == index }
        }
        opened.storage.close()
        #expect(throws: StorageError.refused(path: path, .foreignNode(node))) {
            _ = try Storage.open(loop: loop, path: path, node: NodeID(2))
        }
        let file = open(path + "/log-0000000000000001", O_RDWR)
        var byte: UInt8 = 0
        let place = off_t(150)
        pread(file, &byte, 1, place)
        byte ^= 0x10
        pwrite(file, &byte, 1, place)
        close(file)
        for _ in 0..<2 {
            #expect {
                _ = try Storage.open(loop: loop, path: path, node: node)
            } throws: { error in
                guard case StorageError.refused(_, .corrupt(let file, _, _)) = error else {
                    return false
                }
                return file == "log-0000000000000001"
            }
        }
        loop.shutDown()
    }

    @Test("a path that is no directory, or cannot be made, is an error that names it")
    func unusablePath() throws {
        let loop = Loop()
        let file = directory.path + "/file"
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: StorageError.unreadable(path: file, code: ENOTDIR)) {
            _ = try Storage.open(loop: loop, path: file, node: node)
        }
        #expect(throws: StorageError.cannotCreate(path: file + "/x", code: ENOTDIR)) {
            _ = try Storage.open(loop: loop, path: file + "/x", node: node)
        }
        loop.shutDown()
    }

    @Test("a failed write is reported once, in one line, and nothing is durable afterwards")
    func failure() throws {
        let loop = Loop()
        let opened = try Storage.open(loop: loop, path: path, node: node)
        let storage = opened.storage
        var durable: [PersistToken] = []
        var failures: [StorageFailure] = []
        storage.onPersisted = { durable.append($0) }
        storage.onFailure = { failures.append($0) }
        // The next segment's name is taken by a directory, so that it cannot be made.
        let small = try #require(try storage.closeAndReopen(loop, path, node, segmentLimit: 1))
        small.onPersisted = { durable.append($0) }
        small.onFailure = { failures.append($0) }
        let taken = try #require(
            (2...9).map { "log-000000000000000\($0)" }.first {
                access(path + "/" + $0, F_OK) != 0
            })
        #expect(mkdir(path + "/" + taken, 0o700) == 0)
        small.persist(LogWrite(entries: [entry(1)]), token(Boot(2), 1))
        try #require(run(loop) { !failures.isEmpty })
        small.persist(LogWrite(entries: [entry(2)]), token(Boot(2), 2))
        #expect(!run(loop, seconds: 1) { failures.count > 1 })
        #expect(durable.isEmpty)
        #expect(
            failures == [
                StorageFailure(
                    step: "create \(taken)", directory: path, code: EISDIR)
            ])
        #expect(small.close() == failures[0])
        #expect(
            StorageFailure(step: "write log-1", directory: "/data", code: ENOSPC).description
                == "disk full: write log-1 in /data fails: No space left on device; "
                + "free space there and start the node again")
        loop.shutDown()
    }

    @Test("log lines are one line each, in text and in JSON, with quoted values where needed")
    func logLines() {
        let time = WallTime(milliseconds: 1_700_000_000_123)
        let fields: LogFields = [
            "room_id": "r1", "text": "a b\n\"c\"", "n": 7, "ok": true, "empty": "",
            "node": "\(node)",
        ]
        #expect(
            String(
                decoding: Log.line(.info, "client\nconnected", fields, at: time, format: .text),
                as: UTF8.self)
                == "2023-11-14T22:13:20.123Z INFO client connected room_id=r1 "
                + #"text="a b\n\"c\"" n=7 ok=true empty="" node=node1"# + "\n")
        #expect(
            String(
                decoding: Log.line(.error, "x", ["n": 7, "s": "a\"b"], at: time, format: .json),
                as: UTF8.self)
                == #"{"time":"2023-11-14T22:13:20.123Z","level":"ERROR","message":"x","n":7,"#
                + #""s":"a\"b"}"# + "\n")
        #expect(iso8601(WallTime(milliseconds: -1)) == "1969-12-31T23:59:59.999Z")
        #expect(iso8601(WallTime(milliseconds: 1_709_164_800_000)) == "2024-02-29T00:00:00.000Z")
        #expect(LogLevel("WARN") == .warning && LogLevel("loud") == nil)
        #expect(LogFormat("JSON") == .json && LogFormat("xml") == nil)
    }

    @Test("a log file gets the lines of its level and above, and the others cost no evaluation")
    func logFile() throws {
        let file = directory.path + "/log.txt"
        let log = try Log(level: .warning, format: .text, file: file)
        var evaluated = 0
        func costly() -> String {
            evaluated += 1
            return "x"
        }
        log.info(costly())
        log.debug("a", ["k": "\(costly())"])
        log.warning(costly())
        log.error("b", ["room_id": "7"])
        #expect(evaluated == 1)
        let bytes = try FileExecutor(path: directory.path).content(of: "log.txt") ?? []
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2 && lines[1].hasSuffix("ERROR b room_id=7"))
        #expect(throws: LogFileError(path: "/nowhere/x", code: ENOENT)) {
            _ = try Log(level: .info, format: .text, file: "/nowhere/x")
        }
    }
}

extension Storage {
    fileprivate func closeAndReopen(
        _ loop: Loop, _ path: String, _ node: NodeID, segmentLimit: Int
    ) throws -> Storage? {
        guard close() == nil else { return nil }
        return try Storage.open(loop: loop, path: path, node: node, segmentLimit: segmentLimit)
            .storage
    }
}
