import Protocols
import Testing

@Suite("Write-ahead log: damage and crashes")
struct LogDamageTests {
    /// A log of two segments; the last has synced batches, then two that are not.
    private func filled() throws -> (disk: LogTestDisk, writer: LogWriter, synced: DurableState) {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start(segmentLimit: 900).writer
        for index in 1...12 as ClosedRange<UInt64> {
            disk.commit(
                &writer,
                LogWrite(
                    hardState: HardState(term: Term(index), vote: NodeID(1)),
                    entries: [logEntry(index)]))
        }
        let synced = try disk.recover(segmentLimit: 900).durable
        disk.perform(writer.append([LogWrite(entries: [logEntry(13)])].map(raised)))
        disk.perform(writer.append([LogWrite(entries: [logEntry(14)])].map(raised)))
        return (disk, writer, synced)
    }

    private func raised(_ write: LogWrite) -> LogWrite {
        LogWrite(entries: write.entries.map { logEntry($0.index.rawValue, term: 12) })
    }

    @Test("a flipped bit below the recorded synced offset is refused; one above it cuts the tail")
    func flips() throws {
        let (disk, writer, _) = try filled()
        let whole = try disk.recover(segmentLimit: 900)
        #expect(writer.end.segment == 2)
        for file in ["log-0000000000000001", "log-0000000000000002"] {
            let bytes = disk.read(file)!
            let limit =
                file == DataFile.logName(2) ? writer.durable.offset : bytes.count
            for place in bytes.indices {
                var damaged = disk
                var content = bytes
                content[place] ^= 1 << UInt8(place % 8)
                damaged.overwrite(file, content)
                if place < limit {
                    #expect(throws: RecoveryError.self, "\(file) \(place)") {
                        try damaged.recover(segmentLimit: 900)
                    }
                } else {
                    let cut = try damaged.recover(segmentLimit: 900)
                    let kept = cut.durable.entries.count
                    #expect(cut.tornTail && kept >= 12 && kept < 14)
                    #expect(cut.durable.entries[...] == whole.durable.entries[..<kept])
                }
            }
        }
    }

    @Test(
        "a cut above the synced offset loses unsynced batches only; old segments stay whole"
    )
    func cuts() throws {
        let (disk, writer, synced) = try filled()
        let whole = try disk.recover(segmentLimit: 900)
        let last = DataFile.logName(2)
        let bytes = disk.read(last)!
        for length in writer.durable.offset..<bytes.count {
            var cut = disk
            cut.overwrite(last, Array(bytes[..<length]))
            let recovered = try cut.start(segmentLimit: 900)
            let kept = recovered.durable.entries.count
            #expect(recovered.durable.hardState == synced.hardState)
            #expect(kept >= 12 && recovered.durable.entries[...] == whole.durable.entries[..<kept])
            // The tail is gone for good, so that the next start finds nothing to cut.
            #expect(try cut.recover().tornTail == false)
        }
        let first = disk.read(DataFile.logName(1))!
        for length in 0..<first.count {
            var cut = disk
            cut.overwrite(DataFile.logName(1), Array(first[..<length]))
            #expect(throws: RecoveryError.self) { try cut.recover(segmentLimit: 900) }
        }
    }

    @Test("a good batch behind a bad unsynced one is cut with it, and never comes back")
    func goodAfterBad() throws {
        var (disk, writer, synced) = try filled()
        disk.perform(writer.append([LogWrite(entries: [logEntry(15, term: 12)])]))
        let last = DataFile.logName(2)
        var bytes = disk.read(last)!
        bytes[writer.durable.offset + logBatchSize + 20] ^= 1
        disk.overwrite(last, bytes)
        var recovered = try disk.start(segmentLimit: 1 << 20)
        #expect(recovered.tornTail)
        #expect(recovered.durable == synced)
        // The first batch of this start and the next are as long as two that were cut. Behind them
        // the disk shows the third again, whole, in its place and with the number that comes next.
        let next = logEntry(13, term: 20, bytes: 74)
        disk.perform(recovered.writer.append([LogWrite(entries: [next])]))
        let stale = bytes[disk.read(last)!.count...]
        disk.overwrite(last, disk.read(last)! + stale)
        let again = try disk.recover()
        #expect(again.durable.entries == synced.entries + [next])
        #expect(again.tornTail)
    }

    @Test("a record written over another one, and a batch moved elsewhere, never verify")
    func misdirected() throws {
        let (disk, writer, _) = try filled()
        let guarded = writer.durable.offset
        let names = [DataFile.logName(1), DataFile.logName(2)]
        let contents = names.map { disk.read($0)! }
        // All batches of this log have the same length, so that a whole one fits another's place.
        let batch = (guarded - logHeaderSize) / 3
        var prng = Prng(seed: 5)
        for _ in 0..<300 {
            let from = prng.int(in: 0..<2)
            let to = prng.int(in: 0..<2)
            let length = prng.chance(1, in: 2) ? batch : 64
            let source = prng.int(in: 0..<contents[from].count - length)
            let limit = to == 1 ? guarded : contents[1].count
            let target = prng.int(in: 0..<limit - length)
            var damaged = contents[to]
            damaged.replaceSubrange(
                target..<target + length, with: contents[from][source..<source + length])
            guard damaged != contents[to] else { continue }
            var copy = disk
            copy.overwrite(names[to], damaged)
            #expect(throws: RecoveryError.self) { try copy.recover(segmentLimit: 900) }
        }
    }

    @Test("two records of one batch that changed places are refused")
    func swapped() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start().writer
        let first = writer.end.offset + logBatchSize
        disk.commit(
            &writer, LogWrite(hardState: HardState(term: Term(1), vote: NodeID(1))),
            LogWrite(hardState: HardState(term: Term(1), vote: NodeID(2))))
        disk.commit(&writer, LogWrite(entries: [logEntry(1)]))
        var bytes = disk.read(DataFile.logName(1))!
        for place in first..<first + 22 { bytes.swapAt(place, place + 22) }
        disk.overwrite(DataFile.logName(1), bytes)
        #expect(
            throws: RecoveryError.corrupt(
                file: DataFile.logName(1), offset: first - logBatchSize, reason: .batch)
        ) { try disk.recover() }
    }

    @Test("a segment stays while a replaced entry in it is past the snapshot, also after a restart")
    func replacedEntries() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start(segmentLimit: 600).writer
        disk.commit(&writer, LogWrite(entries: (1...10).map { logEntry($0) }))
        let old = disk
        // Goes into segment 2 and is lost in a crash; the snapshot and the compaction are not.
        let replaced = LogWrite(entries: (5...7).map { logEntry($0, term: 2) })
        let operations = writer.append([replaced])
        disk.perform(Array(operations.dropLast()))
        disk.save(&writer, logSnapshot(7, term: 2))
        disk.perform(writer.compact(through: LogIndex(7)))
        #expect(try disk.recover().durable == DurableState(snapshot: logSnapshot(7, term: 2)))

        disk = old
        disk.perform(operations + [writer.syncOperation])
        var again = try disk.start(segmentLimit: 600).writer
        disk.save(&again, logSnapshot(7, term: 2))
        #expect(again.compact(through: LogIndex(7)) == [])
        disk.commit(&again, LogWrite(entries: (8...10).map { logEntry($0, term: 2) }))
        disk.save(&again, logSnapshot(10, term: 2))
        #expect(again.compact(through: LogIndex(10)).first == .delete(DataFile.logName(1)))
    }

    @Test("a segment that was begun and never used is removed; one with a synced batch is not")
    func halfBegun() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start(segmentLimit: 200).writer
        disk.commit(&writer, LogWrite(entries: [logEntry(1, bytes: 100)]))
        let before = disk
        disk.commit(&writer, LogWrite(entries: [logEntry(2)]))
        let header = disk.read(DataFile.logName(2))![..<logHeaderSize]
        for length in 0..<header.count {
            for fill in [0, 40] {
                var half = before
                let zeros = [UInt8](repeating: 0, count: fill)
                half.overwrite(DataFile.logName(2), Array(header[..<length]) + zeros)
                var recovered = try half.start(segmentLimit: 200)
                #expect(recovered.durable.entries == [logEntry(1, bytes: 100)])
                #expect(recovered.operations.first == .delete(DataFile.logName(2)))
                half.commit(&recovered.writer, LogWrite(entries: [logEntry(2)]))
                #expect(try half.recover().durable.entries.count == 2)
            }
        }
        var bytes = disk.read(DataFile.logName(2))!
        bytes[30] ^= 4
        disk.overwrite(DataFile.logName(2), bytes)
        #expect(
            throws: RecoveryError.corrupt(
                file: DataFile.logName(2), offset: 0, reason: .header)
        ) { try disk.recover() }
    }

    @Test("a seal makes damage to the last synced batch certain")
    func seal() throws {
        var disk = LogTestDisk.formatted()
        var writer = try disk.start().writer
        disk.commit(&writer, LogWrite(entries: [logEntry(1)]))
        let content = writer.end.offset
        #expect(writer.guarded.offset < content)
        disk.perform(writer.seal())
        disk.perform(writer.syncOperation)
        writer.synced(through: writer.end)
        #expect(writer.guarded.offset == content)
        #expect(writer.seal() == [])
        #expect(try disk.recover().durable.entries == [logEntry(1)])
        for place in 0..<content {
            var damaged = disk
            var bytes = disk.read(DataFile.logName(1))!
            bytes[place] ^= 0x10
            damaged.overwrite(DataFile.logName(1), bytes)
            #expect(throws: RecoveryError.self) { try damaged.recover() }
        }
    }

    @Test("garbage in every file gives an error or a cut, never a trap")
    func garbage() throws {
        let (disk, _, _) = try filled()
        for seed in 0..<2_000 as Range<UInt64> {
            var prng = Prng(seed: seed)
            var damaged = disk
            let name = disk.names[prng.int(in: 0..<disk.names.count)]
            var bytes = disk.read(name)!
            for _ in 0...prng.int(in: 0..<8) {
                let place = prng.int(in: 0..<bytes.count)
                let length = prng.int(in: 0..<min(40, bytes.count - place)) + 1
                switch prng.below(3) {
                case 0: for at in place..<place + length { bytes[at] = 0xFF }
                case 1: bytes.removeSubrange(place..<place + length)
                default: for at in place..<place + length { bytes[at] = UInt8(prng.below(256)) }
                }
                if bytes.isEmpty { break }
            }
            damaged.overwrite(name, bytes)
            do {
                let recovered = try damaged.recover(segmentLimit: 900)
                #expect(recovered.durable.entries.count <= 14)
            } catch is RecoveryError {}
        }
    }
}
