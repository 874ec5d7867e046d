import Glibc
import Protocols
import Synchronization
import Testing

@testable import LiveNet
@testable import SimNet

extension Live {
    /// Real data directories keep the contract of the simulated ones, and show nothing that those
    /// cannot show.
    @Suite("conformance of real disks")
    struct DiskConformance {
        private static let segment = 2_048
        private let directory = TemporaryDirectory()
        private var path: String { directory.path + "/data" }

        // MARK: Processes that are killed

        /// Opens the directory and closes it again; what it held.
        private func look() throws -> (Boot, DurableState) {
            let loop = Loop()
            let opened = try LiveNet.Storage.open(
                loop: loop, path: path, node: NodeID(1), segmentLimit: Self.segment)
            _ = opened.storage.close()
            loop.shutDown()
            return (opened.identity.boot, opened.durable)
        }

        /// Lets a process do a script until it dies, and adds what was seen.
        private func live(
            _ script: DiskScript, dieAfter: Int?, as player: inout DiskPlayer
        ) throws -> ProcessEnd {
            let output = directory.path + "/output"
            unlink(output)
            var words = ["disk", "--path", path, "--segment", "\(Self.segment)"]
            if let dieAfter { words += ["--die-after", "\(dieAfter)"] }
            let child = try ChildProcess(
                try program("parley-bench"), words + [script.description], environment: [:],
                output: output)
            let end = try child.waitForEnd()
            for line in String(decoding: contents(of: output), as: UTF8.self).split(separator: "\n")
            {
                let parts = line.split(separator: " ")
                let number = UInt64(parts.last ?? "") ?? 0
                switch parts[0] {
                case "did": _ = player.perform(script.acts[Int(number)])
                case "write":
                    _ = player.hear(.persisted(PersistToken(boot: player.boot, sequence: number)))
                case "snapshot":
                    _ = player.hear(
                        .snapshotSaved(PersistToken(boot: player.boot, sequence: number)))
                default: break
                }
            }
            player.ended(end == .exited(0) ? .stop : .kill)
            return end
        }

        private func check(_ trace: [DiskSight], seed: UInt64) throws {
            try DiskContract.check(trace)
            if let position = DiskShowing.firstUnshown(
                in: trace, seed: seed, segmentBytes: Self.segment)
            {
                let past = trace[...position].suffix(4).map { "\($0)" }.joined(separator: "\n")
                Issue.record("the simulated disk cannot show this: \(past)")
            }
        }

        /// Acts of a short life, without an end.
        private func life(_ prng: inout Prng) -> DiskScript {
            let drawn = DiskScript.draw(prng.int(in: 4..<16), power: false, from: &prng)
            return DiskScript(drawn.acts.filter { if case .end = $0 { false } else { true } })
        }

        @Test("a process that dies at any moment leaves what the simulated disk can leave as well")
        func killed() throws {
            var prng = Prng(seed: 41)
            var deaths = 0
            for round in 0..<8 as Range<UInt64> {
                unlinkAll()
                var player = DiskPlayer()
                var (boot, durable) = try look()
                player.began(boot, durable)
                player.ended(.stop)
                for _ in 0..<4 {
                    player.began(Boot(boot.rawValue + 1), durable)
                    // Few lives take longer than some milliseconds.
                    let death = prng.chance(1, in: 5) ? nil : prng.int(in: 1..<6_000)
                    let end = try live(life(&prng), dieAfter: death, as: &player)
                    if end == .killed(SIGALRM) {
                        deaths += 1
                    } else {
                        #expect(end == .exited(0))
                    }
                    (boot, durable) = try look()
                    player.began(boot, durable)
                    player.ended(.stop)
                }
                try check(player.trace, seed: round)
            }
            #expect(deaths > 3, "\(deaths) processes died in the middle")
        }

        private func unlinkAll() {
            for name in names(in: path, prefix: "") { unlink(path + "/" + name) }
        }

        // MARK: Power cuts

        /// What happened in order: a step on the files, or a word to the node.
        private enum Moment {
            case performed(FileOperation)
            case saw(DiskSight)
        }

        /// Drives a script in this process and keeps each step on the files with what was seen.
        private func record(_ script: DiskScript) throws -> [Moment] {
            let moments = Moments()
            let loop = Loop()
            let opened = try LiveNet.Storage.open(
                loop: loop, path: path, node: NodeID(1), segmentLimit: Self.segment
            ) { moments.add(.performed($0)) }
            let storage = opened.storage
            var player = DiskPlayer()
            var seen = 0
            func note() {
                for sight in player.trace[seen...] { moments.add(.saw(sight)) }
                seen = player.trace.count
            }
            func ask(_ effects: [NodeEffect]) {
                note()
                for effect in effects {
                    switch effect {
                    case .persist(let write, let token): storage.persist(write, token)
                    case .saveSnapshot(let snapshot, let token):
                        storage.saveSnapshot(snapshot, token)
                    case .compactLog(let index): storage.compact(through: index)
                    default: Issue.record("\(effect)")
                    }
                }
            }
            player.began(opened.identity.boot, opened.durable)
            storage.onPersisted = { ask(player.hear(.persisted($0))) }
            storage.onSnapshotSaved = { ask(player.hear(.snapshotSaved($0))) }
            for act in script.acts {
                #expect(run(loop) { !player.mustWait })
                ask(player.perform(act))
                if act == .turn { loop.runOnce(waiting: false) }
                if act == .settle { #expect(run(loop) { player.isSettled }) }
            }
            #expect(run(loop) { player.isSettled })
            #expect(storage.close() == nil)
            loop.shutDown()
            return moments.taken
        }

        /// Both the storage thread and the loop add to it.
        private final class Moments: Sendable {
            private let all = Mutex<[Moment]>([])
            func add(_ moment: Moment) { all.withLock { $0.append(moment) } }
            var taken: [Moment] { all.withLock { $0 } }
        }

        @Test(
            "a real directory keeps every word if the power fails between any two of its steps",
            arguments: 0..<6 as Range<UInt64>)
        func powerCuts(seed: UInt64) throws {
            var prng = Prng(seed: seed)
            let moments = try record(life(&prng))
            var disk = Disk()
            var contract = DiskContract()
            var cuts = 0
            for moment in moments {
                switch moment {
                case .performed(let operation): disk.perform(operation)
                case .saw(let sight): try contract.see(sight)
                }
                guard contract.isRunning else { continue }
                for loss in [Loss.power, .power, .unsynced, .nothing] {
                    var (copy, heir) = (disk, contract)
                    _ = copy.crash(loss, from: &prng)
                    let found = try #require(
                        try DataDirectory.recover(
                            files: copy.listing.map { ($0, copy.read($0)!) },
                            segmentLimit: Self.segment))
                    try heir.see(.ended(loss == .nothing ? .kill : .power))
                    try heir.see(.began(found.boot, found.durable))
                    cuts += 1
                }
            }
            #expect(cuts > 20)
        }
    }
}
