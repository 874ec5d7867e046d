import Protocols
import Testing

/// What a log should hold after each of its batches, worked out without the format.
private struct LogModel {
    var hardState = HardState()
    var snapshot: Snapshot?
    var start = SnapshotPoint.zero
    var entries: [Entry] = []

    mutating func apply(_ write: LogWrite) {
        if let new = write.hardState { hardState = new }
        if let point = write.startAfter {
            start = point
            entries = []
        }
        for entry in write.entries {
            entries.removeAll { $0.index >= entry.index }
            entries.append(entry)
        }
    }

    var last: SnapshotPoint {
        entries.last.map { SnapshotPoint(index: $0.index, term: $0.term) } ?? start
    }

    /// What a start finds when this much of the log and this snapshot are on the disk.
    func durable(with snapshot: Snapshot?) -> DurableState {
        guard let snapshot else { return DurableState(hardState: hardState, entries: entries) }
        let point = snapshot.point
        let known =
            point == start
            || entries.contains { $0.index == point.index && $0.term == point.term }
        let rest = known ? entries.filter { $0.index > point.index } : []
        return DurableState(hardState: hardState, snapshot: snapshot, entries: rest)
    }
}

@Suite("Write-ahead log: torture")
struct LogTortureTests {
    private struct Run {
        var prng: Prng
        var disk = LogTestDisk.formatted()
        /// The model after each batch of this life; the first is what the life began with.
        var states: [LogModel] = []
        /// How many batches are known to be durable.
        var syncedCount = 0
        /// Snapshots that may be the newest on the disk; the first is durable for certain.
        var snapshots: [Snapshot?] = [nil]
        var term: UInt64 = 1
        var crashes = 0
        var tornTails = 0
        var lostBatches = 0
        var compactions = 0

        var model: LogModel { states[states.count - 1] }

        /// A write such as Raft makes: new terms, appended entries, replaced suffixes.
        mutating func randomWrite(on model: LogModel) -> LogWrite {
            var write = LogWrite()
            if prng.chance(1, in: 4) {
                term += prng.below(2)
                let vote = prng.chance(1, in: 2) ? NodeID(UInt32(prng.below(3)) + 1) : nil
                write.hardState = HardState(term: Term(term), vote: vote)
            }
            var first = model.last.index.rawValue + 1
            let floor = max(model.start.index, snapshots.last.flatMap { $0?.point.index } ?? .zero)
            if prng.chance(1, in: 6), first - 1 > floor.rawValue {
                term += 1
                write.hardState = HardState(term: Term(term))
                first -= prng.below(min(first - 1 - floor.rawValue, 6)) + 1
            }
            for index in first..<first + prng.below(4) {
                let size = prng.chance(1, in: 8) ? prng.int(in: 0..<3_000) : prng.int(in: 0..<80)
                write.entries.append(logEntry(index, term: term, bytes: size))
            }
            return write
        }

        /// Performs the steps; false when power failed among them.
        mutating func perform(_ operations: [FileOperation]) -> Bool {
            for operation in operations {
                if prng.chance(1, in: 400) { return false }
                disk.perform(operation)
            }
            return true
        }

        /// One batch of one to three writes.
        mutating func append(_ writer: inout LogWriter) -> Bool {
            var model = model
            var writes: [LogWrite] = []
            for _ in 0...prng.int(in: 0..<3) {
                writes.append(randomWrite(on: model))
                model.apply(writes[writes.count - 1])
            }
            let operations = writer.append(writes)
            if !operations.isEmpty { states.append(model) }
            return perform(operations)
        }

        mutating func sync(_ writer: inout LogWriter) -> Bool {
            let end = writer.end
            let count = states.count
            // Batches may gather while the sync is under way: they are written before it returns,
            // and may or may not be durable with it.
            guard perform([writer.syncOperation]) else { return false }
            if prng.chance(1, in: 3), !append(&writer) { return false }
            writer.synced(through: end)
            syncedCount = count
            return true
        }

        /// Saves a snapshot of an entry of the log or, as when a leader sends one, far ahead of it.
        mutating func snapshot(_ writer: inout LogWriter) -> Bool {
            guard sync(&writer), sync(&writer) else { return false }
            var model = model
            let installed = prng.chance(1, in: 4)
            let point: SnapshotPoint
            if installed {
                term += 1
                point = SnapshotPoint(
                    index: model.last.index + (1 + prng.int(in: 0..<20)), term: Term(term))
            } else {
                guard syncedCount == states.count, !model.entries.isEmpty else { return true }
                let entry = model.entries[prng.int(in: 0..<model.entries.count)]
                guard entry.index > (snapshots.last.flatMap { $0?.point.index } ?? .zero) else {
                    return true
                }
                point = SnapshotPoint(index: entry.index, term: entry.term)
            }
            let snapshot = logSnapshot(
                point.index.rawValue, term: point.term.rawValue, chunks: prng.int(in: 0..<6))
            snapshots.append(snapshot)
            guard perform(writer.save(snapshot)) else { return false }
            writer.saved(point.index)
            snapshots = [snapshot]
            if installed {
                let write = LogWrite(
                    hardState: HardState(term: Term(term)), startAfter: point,
                    entries: [logEntry(point.index.rawValue + 1, term: term)])
                model.apply(write)
                let operations = writer.append([write])
                states.append(model)
                guard perform(operations) else { return false }
                if prng.chance(1, in: 2), !sync(&writer) { return false }
            }
            guard prng.chance(2, in: 3) else { return true }
            let lag = installed ? 0 : prng.int(in: 0..<4)
            let through = LogIndex(point.index.rawValue - min(UInt64(lag), point.index.rawValue))
            compactions += 1
            return perform(writer.compact(through: through))
        }

        /// One life: start, work, lose power. False when recovery gave something it must not.
        mutating func live() throws -> Bool {
            let limit = 400 << prng.int(in: 0..<6)
            let recovered = try disk.recover(segmentLimit: limit)
            if recovered.tornTail { tornTails += 1 }
            let candidates =
                states.isEmpty ? [LogModel()] : Array(states[max(syncedCount - 1, 0)...])
            var match: (model: LogModel, place: Int)?
            for (place, model) in candidates.enumerated().reversed() {
                for snapshot in snapshots where match == nil {
                    if model.durable(with: snapshot) == recovered.durable {
                        match = (model, place)
                    }
                }
            }
            guard let match else { return false }
            lostBatches += candidates.count - 1 - match.place
            snapshots = [recovered.durable.snapshot]
            var next = LogModel()
            next.hardState = recovered.durable.hardState
            next.start = recovered.durable.snapshot?.point ?? .zero
            next.entries = recovered.durable.entries
            states = [next]
            syncedCount = 1
            var writer = recovered.writer
            guard perform(recovered.operations) else { return true }
            for _ in 0..<prng.int(in: 0..<40) {
                let goesOn: Bool
                switch prng.below(10) {
                case 0: goesOn = snapshot(&writer)
                case 1...3: goesOn = sync(&writer)
                case 4: goesOn = perform(writer.seal())
                default: goesOn = append(&writer)
                }
                guard goesOn else { break }
            }
            return true
        }
    }

    @Test("after any crash all synced batches are there, then a prefix of the rest, each whole")
    func crashes() throws {
        var totals = (crashes: 0, torn: 0, lost: 0, compactions: 0)
        for seed in 0..<100 as Range<UInt64> {
            var run = Run(prng: Prng(seed: seed))
            for life in 0..<12 {
                let held = try run.live()
                #expect(held, "seed \(seed), life \(life)")
                guard held else { return }
                run.disk.crash(&run.prng)
                run.crashes += 1
            }
            totals.crashes += run.crashes
            totals.torn += run.tornTails
            totals.lost += run.lostBatches
            totals.compactions += run.compactions
        }
        // The run has to have met what it is for.
        #expect(totals.crashes == 1_200)
        #expect(totals.torn > 100 && totals.lost > 100 && totals.compactions > 100, "\(totals)")
    }

    @Test("rot at a random place is refused below the guarded offset, and never changes content")
    func rot() throws {
        var refused = 0
        for seed in 1_000..<1_200 as Range<UInt64> {
            var run = Run(prng: Prng(seed: seed))
            for _ in 0..<3 {
                _ = try run.live()
                run.disk.crash(&run.prng)
            }
            let whole = try run.disk.start()
            for _ in 0..<60 {
                let names = run.disk.names
                let name = names[run.prng.int(in: 0..<names.count)]
                guard var bytes = run.disk.read(name), !bytes.isEmpty else { continue }
                let place = run.prng.int(in: 0..<bytes.count)
                bytes[place] ^= UInt8(run.prng.below(255)) + 1
                var damaged = run.disk
                damaged.overwrite(name, bytes)
                guard case .log(let segment) = DataFile(name: name) else { continue }
                let position = LogPosition(segment: segment, offset: place)
                do {
                    let recovered = try damaged.recover()
                    #expect(position >= whole.writer.guarded, "seed \(seed): \(name) \(place)")
                    let kept = recovered.durable.entries
                    let isPrefix = kept[...] == whole.durable.entries.prefix(kept.count)
                    #expect(isPrefix || recovered.tornTail)
                } catch is RecoveryError {
                    refused += 1
                }
            }
        }
        #expect(refused > 1_000)
    }
}
