import Protocols

// The way of a node's writes to its disk: group commit, snapshots, and what goes wrong there.
extension World {
    // MARK: The log

    /// One write and its sync are under way at a time; what comes meanwhile gathers.
    mutating func persist(_ write: LogWrite, _ token: PersistToken, _ host: Int) {
        hosts[host].storage.gathered.append(write)
        hosts[host].storage.gatheredToken = token.sequence
        if !hosts[host].storage.isLogBusy { beginLogWrite(host) }
    }

    /// The log's files up to an index may go, in turn with the writes.
    mutating func compact(_ index: LogIndex, _ host: Int) {
        hosts[host].storage.compaction = max(hosts[host].storage.compaction ?? .zero, index)
        if !hosts[host].storage.isLogBusy { beginLogWrite(host) }
    }

    private mutating func beginLogWrite(_ host: Int) {
        guard var writer = hosts[host].storage.writer else { return }
        var steps: [FileOperation] = []
        hosts[host].storage.logToken = 0
        if let index = hosts[host].storage.compaction {
            hosts[host].storage.compaction = nil
            steps += writer.compact(through: index)
        }
        if !hosts[host].storage.gathered.isEmpty {
            steps += writer.append(hosts[host].storage.gathered)
            steps.append(writer.syncOperation)
            hosts[host].storage.gathered.removeAll(keepingCapacity: true)
            hosts[host].storage.logToken = hosts[host].storage.gatheredToken
        }
        hosts[host].storage.logEnd = writer.end
        hosts[host].storage.logSteps = steps
        hosts[host].storage.isLogBusy = true
        hosts[host].storage.writer = writer
        push(
            .logWritten, at: now + diskDelay(host), host: host, epoch: hosts[host].life)
    }

    /// How long a write with its sync takes now.
    private mutating func diskDelay(_ host: Int) -> Int64 {
        let delay = hosts[host].writes.interval(
            from: options.diskLatency, to: options.diskLatency + options.diskJitter)
        return max(delay.nanoseconds * hosts[host].diskFactor, hosts[host].diskStalled - now)
    }

    /// The write under way is complete, or fails.
    mutating func onLogWritten(_ host: Int, _ event: Scheduled) {
        guard event.epoch == hosts[host].life, hosts[host].status == .up else { return }
        if hosts[host].diskStalled > now {
            push(.logWritten, at: hosts[host].diskStalled, host: host, epoch: event.epoch)
            return
        }
        if let fault = hosts[host].nextWriteFault {
            hosts[host].nextWriteFault = nil
            if failWrite(host, fault) { return }
        }
        let steps = hosts[host].storage.logSteps
        hosts[host].storage.logSteps = []
        for step in steps { hosts[host].disk.perform(step) }
        if let end = hosts[host].storage.logEnd {
            hosts[host].storage.writer?.synced(through: end)
        }
        hosts[host].storage.isLogBusy = false
        let token = hosts[host].storage.logToken
        if token > 0 {
            arrive(
                Scheduled(
                    time: now, kind: .persisted, host: event.host,
                    payload: UInt32(truncatingIfNeeded: token), epoch: hosts[host].life))
        }
        guard hosts[host].status == .up, !hosts[host].storage.isLogBusy else { return }
        if !hosts[host].storage.gathered.isEmpty || hosts[host].storage.compaction != nil {
            beginLogWrite(host)
        }
    }

    /// A write fails or goes astray; true when the node stops for it.
    private mutating func failWrite(_ host: Int, _ fault: Fault) -> Bool {
        switch fault {
        case .syncFailed, .diskFull:
            // The driver never retries: the process stops, and comes back once the disk is mended.
            note {
                "\($0.hosts[host].id) stops: \(fault == .diskFull ? "disk full" : "sync failed")"
            }
            statistics.count(fault)
            crashAndRestart(host, fault == .syncFailed ? .power : .nothing)
            return true
        case .writeMisdirected:
            misdirectWrite(host)
            return false
        default: preconditionFailure("\(fault) is no fault of a write")
        }
    }

    /// The bytes of the last append land on older ones of the log, and are missing at their place.
    private mutating func misdirectWrite(_ host: Int) {
        guard mayDamage(host), let target = guardedFile(host, logOnly: true) else { return }
        let steps = hosts[host].storage.logSteps
        guard
            let position = steps.lastIndex(where: { if case .append = $0 { true } else { false } }),
            case .append(let name, let bytes) = steps[position]
        else { return }
        var fate = hosts[host].fate
        let isHarmed = hosts[host].disk.misdirect(
            bytes, onto: target.name, below: target.limit, from: &fate)
        hosts[host].fate = fate
        guard isHarmed else { return }
        hosts[host].isDamaged = true
        statistics.count(.writeMisdirected)
        note { "\($0.hosts[host].id): a write of \(name) lands in \(target.name)" }
        hosts[host].storage.logSteps[position] = .append(
            name, [UInt8](repeating: 0, count: bytes.count))
    }

    // MARK: Snapshots

    /// Snapshots have a way of their own to the disk, one at a time.
    mutating func save(_ snapshot: Snapshot, _ token: PersistToken, _ host: Int) {
        hosts[host].storage.snapshots.append((snapshot, token.sequence))
        if !hosts[host].storage.isSnapshotBusy { beginSnapshotWrite(host) }
    }

    private mutating func beginSnapshotWrite(_ host: Int) {
        guard let writer = hosts[host].storage.writer else { return }
        guard let first = hosts[host].storage.snapshots.first else { return }
        hosts[host].storage.isSnapshotBusy = true
        hosts[host].storage.snapshotSteps = writer.save(first.snapshot)
        let delay = diskDelay(host) + Int64(first.snapshot.size) * 2
        push(.snapshotWritten, at: now + delay, host: host, epoch: hosts[host].life)
    }

    mutating func onSnapshotWritten(_ host: Int, _ event: Scheduled) {
        guard event.epoch == hosts[host].life, hosts[host].status == .up else { return }
        if hosts[host].diskStalled > now {
            push(.snapshotWritten, at: hosts[host].diskStalled, host: host, epoch: event.epoch)
            return
        }
        let steps = hosts[host].storage.snapshotSteps
        hosts[host].storage.snapshotSteps = []
        for step in steps { hosts[host].disk.perform(step) }
        let (snapshot, token) = hosts[host].storage.snapshots.removeFirst()
        hosts[host].storage.writer?.saved(snapshot.point.index)
        hosts[host].storage.isSnapshotBusy = false
        arrive(
            Scheduled(
                time: now, kind: .snapshotSaved, host: event.host,
                payload: UInt32(truncatingIfNeeded: token), epoch: hosts[host].life))
        guard hosts[host].status == .up, !hosts[host].storage.isSnapshotBusy else { return }
        beginSnapshotWrite(host)
    }

    // MARK: Damage

    /// Performs some of the steps that were under way when the process died.
    mutating func landPartOfWrites(_ host: Int, _ loss: Loss) {
        var fate = hosts[host].fate
        let lanes = [hosts[host].storage.logSteps, hosts[host].storage.snapshotSteps]
        for steps in lanes where !steps.isEmpty {
            switch loss {
            case .nothing, .power:
                let count = fate.int(in: 0..<steps.count + 1)
                for step in steps.prefix(count) { hosts[host].disk.perform(step) }
                if count < steps.count { hosts[host].disk.performPart(steps[count], from: &fate) }
            case .torn: tear(host, steps)
            case .unsynced: break
            }
        }
        hosts[host].fate = fate
    }

    /// Performs the steps up to the first append, and half of that.
    private mutating func tear(_ host: Int, _ steps: [FileOperation]) {
        for step in steps {
            guard case .append(let name, let bytes) = step else {
                hosts[host].disk.perform(step)
                continue
            }
            statistics.count(.writeTorn)
            hosts[host].disk.perform(.append(name, Array(bytes.prefix(bytes.count / 2))))
            return
        }
    }

    /// True when this host may lose its data for good: a majority keeps whole copies, and every
    /// member knows the cluster.
    func mayDamage(_ host: Int) -> Bool {
        guard phase == .chaos, !hosts[host].isDamaged, !hosts[host].isWiped else { return false }
        let harmed = hosts.count(where: { $0.isDamaged || $0.isWiped || $0.status == .lost })
        guard harmed + 1 <= (hosts.count - 1) / 2 else { return false }
        return isBootstrapped
    }

    /// Every node has the first membership on its disk.
    var isBootstrapped: Bool {
        nodes.allSatisfy { $0.raft.durableIndex > .zero }
    }

    /// A file and a limit below which damage is sure to be noticed.
    mutating func guardedFile(_ host: Int, logOnly: Bool) -> (name: String, limit: Int)? {
        guard let writer = hosts[host].storage.writer else { return nil }
        var files: [(String, Int)] = []
        var newestSnapshot: (name: String, index: LogIndex)?
        for name in hosts[host].disk.listing {
            switch DataFile(name: name) {
            case .log(let segment):
                if segment < writer.guarded.segment {
                    files.append((name, .max))
                } else if segment == writer.guarded.segment, writer.guarded.offset > 0 {
                    files.append((name, writer.guarded.offset))
                }
            case .snapshot(let index):
                if index >= newestSnapshot?.index ?? .zero { newestSnapshot = (name, index) }
            case .identity: if !logOnly { files.append((name, .max)) }
            case .temporary, .other: break
            }
        }
        if !logOnly, let newestSnapshot {
            // One among many segments, and as important as all of them.
            if hosts[host].fate.chance(1, in: 3) { return (newestSnapshot.name, .max) }
            files.append((newestSnapshot.name, .max))
        }
        guard !files.isEmpty else { return nil }
        return files[hosts[host].fate.int(in: 0..<files.count)]
    }
}
