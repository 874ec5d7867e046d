import Testing

@testable import Protocols

@Suite("Write-ahead log")
struct LogFormatTests {
    // MARK: Checksum

    @Test("CRC-32C gives the values of RFC 3720, appendix B.4")
    func checksumVectors() {
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
        #expect(CRC32C.checksum((0..<32).map { UInt8(31 - $0) }) == 0x113F_DB5C)
        let command: [UInt8] = [
            0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
            0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
        ]
        #expect(CRC32C.checksum(command) == 0xD996_3A56)
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([]) == 0)
    }

    @Test("a checksum in parts equals the checksum of the whole, at every cut")
    func checksumInParts() {
        let bytes = (0..<67).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let whole = CRC32C.checksum(bytes)
        for cut in 0...bytes.count {
            let first = CRC32C.extend(0, bytes, in: 0..<cut)
            #expect(CRC32C.extend(first, bytes, in: cut..<bytes.count) == whole)
        }
    }

    // MARK: Names and identity

    @Test("each file name means one thing, and foreign names mean nothing")
    func names() {
        #expect(DataFile(name: "identity") == .identity)
        #expect(DataFile(name: "identity.tmp") == .temporary)
        #expect(DataFile(name: "log-00000000000000ff") == .log(255))
        #expect(DataFile(name: DataFile.logName(.max)) == .log(.max))
        #expect(DataFile(name: "snapshot-0000000000000010") == .snapshot(LogIndex(16)))
        #expect(DataFile(name: "snapshot-0000000000000010.tmp") == .temporary)
        for name in [
            "", "lock", "log-", "log-00000000000000FF", "log-00000000000000ff.tmp",
            "log-000000000000000ff", "snapshot-10", "snapshot-10.tmp", "identity.old",
        ] {
            #expect(DataFile(name: name) == .other, "\(name)")
        }
    }

    @Test("an empty directory is new, and formatting it makes it startable")
    func format() throws {
        #expect(try DataDirectory.recover(files: []) == nil)
        #expect(try DataDirectory.recover(files: [("identity.tmp", [1])]) == nil)
        var disk = LogTestDisk.formatted()
        let first = try disk.start()
        #expect(first.durable == DurableState())
        #expect(first.boot == Boot(1))
        #expect(first.tornTail == false)
        let second = try disk.start()
        #expect(second.durable == DurableState())
        #expect(second.boot == Boot(2))
        #expect(disk.names == ["identity", "log-0000000000000001"])
    }

    @Test("a crash at any step of formatting and of the first start is harmless")
    func formatCrash() throws {
        var disk = LogTestDisk.formatted()
        let operations = try disk.recover().operations
        for steps in 0...operations.count {
            for seed in 0..<20 as Range<UInt64> {
                var prng = Prng(seed: seed)
                disk = LogTestDisk.formatted()
                disk.perform(Array(operations[..<steps]))
                disk.crash(&prng)
                #expect(try disk.start().durable == DurableState())
                #expect(try disk.start().durable == DurableState())
            }
        }
        for steps in 0..<5 {
            disk = LogTestDisk()
            let format = DataDirectory.format(incarnation: Incarnation(1), node: NodeID(1))
            disk.perform(Array(format[..<steps]))
            var prng = Prng(seed: UInt64(steps))
            disk.crash(&prng)
            _ = try DataDirectory.recover(names: disk.names, read: disk.read)
        }
    }

    @Test(
        "a directory of another incarnation, of another member or without its identity is refused")
    func foreign() throws {
        var disk = LogTestDisk.formatted()
        _ = try disk.start()
        #expect(
            throws: RecoveryError.foreignDirectory(
                file: "identity", found: LogTestDisk.incarnation)
        ) {
            try DataDirectory.recover(
                names: disk.names, incarnation: Incarnation(7), read: disk.read)
        }
        #expect(throws: RecoveryError.foreignNode(NodeID(2))) {
            try DataDirectory.recover(names: disk.names, node: NodeID(1), read: disk.read)
        }
        disk.remove("identity")
        #expect(
            throws: RecoveryError.corrupt(file: "identity", offset: 0, reason: .missing)
        ) { try disk.recover() }
    }

    @Test("a lost log, a foreign segment and an identity from a backup are refused")
    func lostAndForeign() throws {
        var disk = LogTestDisk.formatted()
        var early = disk
        var writer = try disk.start().writer
        disk.commit(&writer, LogWrite(hardState: HardState(term: Term(1))))
        let log = "log-0000000000000001"
        var lost = disk
        lost.remove(log)
        #expect(throws: RecoveryError.corrupt(file: log, offset: 0, reason: .missing)) {
            try lost.recover()
        }
        early.overwrite(log, disk.read(log)!)
        #expect(
            throws: RecoveryError.corrupt(
                file: log, offset: logHeaderSize, reason: .bootWentBack)
        ) { try early.recover() }
        var other = LogTestDisk()
        other.perform(DataDirectory.format(incarnation: Incarnation(9), node: NodeID(2)))
        let first = try DataDirectory.recover(names: other.names, read: other.read)
        other.perform(try #require(first).operations)
        disk.overwrite(log, other.read(log)!)
        #expect(throws: RecoveryError.foreignDirectory(file: log, found: Incarnation(9))) {
            try disk.recover()
        }
    }

    @Test("a newer format version is named, not taken for damage")
    func version() throws {
        var disk = LogTestDisk.formatted()
        _ = try disk.start()
        let log = "log-0000000000000001"
        var bytes = disk.read(log)!
        bytes[8] = 2
        let crc = CRC32C.extend(0, bytes, in: 0..<logHeaderSize - 4)
        for place in 0..<4 {
            bytes[logHeaderSize - 4 + place] = UInt8(crc >> (8 * UInt32(place)) & 0xFF)
        }
        disk.overwrite(log, bytes)
        #expect(throws: RecoveryError.unsupportedVersion(file: log, version: 2)) {
            try disk.recover()
        }
    }

    // MARK: Round trips

    @Test("what was written comes back: hard state, entries of all kinds, replaced entries")
    func roundTrip() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start().writer
        let kinds: [EntryKind] = [.noop, .command, .membership, .clusterVersion, .checkpoint]
        let mixed = kinds.enumerated().map { place, kind in
            Entry(
                index: LogIndex(UInt64(place) + 1), term: Term(3),
                stamp: ClusterTime(nanoseconds: -5), kind: kind,
                payload: [UInt8](repeating: 7, count: place * 100))
        }
        disk.commit(
            &writer,
            LogWrite(hardState: HardState(term: Term(3), vote: NodeID(.max)), entries: mixed),
            LogWrite(entries: [logEntry(6, term: 3), logEntry(7, term: 3)]))
        disk.commit(
            &writer, LogWrite(hardState: HardState(term: Term(4)), entries: [logEntry(4, term: 4)]))
        #expect(writer.append([]) == [])
        #expect(writer.append([LogWrite()]) == [])
        let recovered = try disk.start()
        #expect(
            recovered.durable
                == DurableState(
                    hardState: HardState(term: Term(4)),
                    entries: Array(mixed[..<3]) + [logEntry(4, term: 4)]))
        #expect(recovered.tornTail == false)
        #expect(recovered.writer.end.offset == writer.end.offset + logBatchSize)
        #expect(recovered.writer.durable == recovered.writer.end)
        #expect(recovered.writer.guarded == writer.end)
        #expect(recovered.writer.boot == Boot(2))
    }

    @Test("segments rotate at their limit, and only after the one before is synced")
    func rotation() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start(segmentLimit: 1_000).writer
        var expected: [Entry] = []
        for index in 1...40 as ClosedRange<UInt64> {
            expected.append(logEntry(index, bytes: 200))
            let operations = writer.append([LogWrite(entries: [expected[expected.count - 1]])])
            if operations.count > 1 {
                let next = DataFile.logName(writer.end.segment)
                #expect(operations[0] == .sync(DataFile.logName(writer.end.segment - 1)))
                #expect(operations[1] == .create(next))
                #expect(operations[3...4] == [.sync(next), .syncDirectory])
            }
            disk.perform(operations)
        }
        #expect(writer.end.segment == 10)
        let recovered = try disk.recover(segmentLimit: 1_000)
        #expect(recovered.durable == DurableState(entries: expected))
        #expect(recovered.writer.end.segment == 11)
    }

    @Test("term going back across records is refused, and so is a hole in the entries")
    func termBack() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start().writer
        disk.commit(&writer, LogWrite(hardState: HardState(term: Term(5))))
        let bad = writer.end.offset + logBatchSize
        disk.commit(&writer, LogWrite(hardState: HardState(term: Term(4))))
        #expect(
            throws: RecoveryError.corrupt(
                file: "log-0000000000000001", offset: bad, reason: .termWentBack)
        ) { try disk.recover() }
    }

    // MARK: Snapshots

    @Test("log and snapshot join: same term keeps the suffix, another term or a short log drops it")
    func join() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start().writer
        disk.commit(&writer, LogWrite(entries: (1...10).map { logEntry($0) }))
        var same = disk
        var sameWriter = writer
        same.save(&sameWriter, logSnapshot(6))
        #expect(
            try same.recover().durable
                == DurableState(snapshot: logSnapshot(6), entries: (7...10).map { logEntry($0) }))

        for snapshot in [logSnapshot(6, term: 2), logSnapshot(15, term: 2)] {
            var other = disk
            var otherWriter = writer
            other.save(&otherWriter, snapshot)
            var recovered = try other.start()
            #expect(recovered.durable == DurableState(snapshot: snapshot))
            // What is appended next continues the snapshot, in every later start, too.
            let next = logEntry(snapshot.point.index.rawValue + 1, term: 2)
            other.commit(&recovered.writer, LogWrite(entries: [next]))
            #expect(
                try other.recover().durable == DurableState(snapshot: snapshot, entries: [next]))
        }
    }

    @Test("an installed snapshot starts the log anew")
    func startAfter() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start(segmentLimit: 300).writer
        for index in 1...10 as ClosedRange<UInt64> {
            disk.commit(&writer, LogWrite(entries: [logEntry(index)]))
        }
        let snapshot = logSnapshot(50, term: 4)
        disk.save(&writer, snapshot)
        let state = HardState(term: Term(4), vote: NodeID(1))
        disk.commit(
            &writer,
            LogWrite(
                hardState: state, startAfter: snapshot.point, entries: [logEntry(51, term: 4)]))
        disk.perform(writer.compact(through: LogIndex(50)))
        let expected = DurableState(
            hardState: state, snapshot: snapshot, entries: [logEntry(51, term: 4)])
        #expect(try disk.recover(segmentLimit: 300).durable == expected)
        #expect(disk.names.filter { $0.hasPrefix("log-") }.count == 1)

        disk.remove("snapshot-0000000000000032")
        #expect(throws: RecoveryError.gap(snapshot: .zero, log: LogIndex(9))) {
            try disk.recover()
        }
    }

    @Test("compaction removes covered segments and old snapshots, and nothing else is lost")
    func compaction() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start(segmentLimit: 500).writer
        disk.commit(&writer, LogWrite(hardState: HardState(term: Term(1), vote: NodeID(3))))
        for index in 1...60 as ClosedRange<UInt64> {
            disk.commit(&writer, LogWrite(entries: [logEntry(index)]))
            if index % 20 == 0 {
                disk.save(&writer, logSnapshot(index))
                disk.perform(writer.compact(through: LogIndex(index - 8)))
            }
        }
        var recovered = try disk.start(segmentLimit: 500)
        #expect(
            recovered.durable
                == DurableState(
                    hardState: HardState(term: Term(1), vote: NodeID(3)), snapshot: logSnapshot(60))
        )
        #expect(disk.names.filter { $0.hasPrefix("snapshot") } == ["snapshot-000000000000003c"])
        #expect(!disk.names.contains("log-0000000000000001"))
        disk.commit(&recovered.writer, LogWrite(entries: [logEntry(61)]))
        #expect(try disk.recover().durable.entries == [logEntry(61)])
        disk.perform(recovered.writer.compact(through: LogIndex(60)))
        #expect(try disk.recover().durable.entries == [logEntry(61)])
    }

    @Test(
        "a snapshot comes back whole; any flipped byte and any cut is refused, never 'no snapshot'")
    func snapshotDamage() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start().writer
        disk.commit(&writer, LogWrite(entries: (1...9).map { logEntry($0) }))
        let snapshot = logSnapshot(9)
        disk.save(&writer, snapshot)
        let file = "snapshot-0000000000000009"
        let bytes = disk.read(file)!
        #expect(
            try Snapshot(decoding: bytes, file: file, incarnation: LogTestDisk.incarnation)
                == snapshot)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1 << UInt8(place & 7)
            disk.overwrite(file, damaged)
            #expect(throws: RecoveryError.self) { try disk.recover() }
            disk.overwrite(file, Array(bytes[..<place]))
            #expect(throws: RecoveryError.self) { try disk.recover() }
        }
        disk.overwrite(file, bytes + [0])
        #expect(throws: RecoveryError.self) { try disk.recover() }
        disk.remove(file)
        disk.overwrite("snapshot-0000000000000008", bytes)
        #expect(throws: RecoveryError.self) { try disk.recover() }
    }

    @Test("a number so large that counting on from it would overflow is damage, not a trap")
    func overflow() throws {
        let least = LogFormat.numberLimit
        let identity = DirectoryIdentity(
            incarnation: LogTestDisk.incarnation, node: NodeID(1), boot: Boot(least))
        #expect(
            throws: RecoveryError.corrupt(file: "identity", offset: 0, reason: .malformed)
        ) { try DirectoryIdentity(decoding: identity.encoded()) }

        for point in [point(least, 1), point(1, least)] {
            let header = SegmentHeader(
                incarnation: LogTestDisk.incarnation, segment: 1, boot: Boot(1), nextBatch: 1,
                hardState: HardState(), start: .zero, end: point, previousLength: 0)
            #expect(throws: FileHeader.Failure.damaged) {
                try SegmentHeader(decoding: header.encoded())
            }
        }
        for write in [
            LogWrite(hardState: hardState(least)), LogWrite(startAfter: point(least, 1)),
            LogWrite(startAfter: point(1, least)), LogWrite(entries: [entry(1, least)]),
        ] {
            var disk = LogTestDisk.formatted()
            var writer = try disk.start().writer
            disk.commit(&writer, write)
            #expect {
                try disk.recover()
            } throws: { error in
                guard case RecoveryError.corrupt(_, _, .malformed) = error else { return false }
                return true
            }
        }
    }
}
