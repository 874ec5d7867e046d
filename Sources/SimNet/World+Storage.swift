import Protocols

// The way of a node's writes to its disk: group commit, snapshots, and what goes wrong there.
extension World {
    // MARK: The log

    /// One write and its sync are under way at a time; what comes meanwhile gathers.
    ///
    /// A batch is what one turn of the node's loop wrote: what comes before the turn ends is still
    /// in it, and none of it has reached the disk before.
    mutating func persist(_ write: LogWrite, _ token: PersistToken, _ host: Int) {
        closeBatch(host, ifTurnEndsBefore: now)
        hosts[host].storage.gathered.append(write)
        hosts[host].storage.gatheredToken = token.sequence
        if !hosts[host].storage.isLogBusy { beginLogWrite(host) }
    }

    private mutating func beginLogWrite(_ host: Int) {
        let delay = diskDelay(host)
        hosts[host].storage.isLogBusy = true
        hosts[host].storage.isBatchOpen = true
        // The last bits of a drawn delay are as good as another draw.
        switch delay & 3 {
        case 0: hosts[host].storage.turnEnds = now - 1
        case 1: hosts[host].storage.turnEnds = now
        default: hosts[host].storage.turnEnds = now + min(delay / 4, World.longestTurn)
        }
        push(.logWritten, at: now + delay, host: host, epoch: hosts[host].life)
    }

    /// The longest turn of a loop while which writes gather, in nanoseconds.
    private static var longestTurn: Int64 { 200_000 }

    /// Closes the batch that was begun, if its turn is over: its steps are under way now.
    private mutating func closeBatch(_ host: Int, ifTurnEndsBefore time: Int64 = .max) {
        guard hosts[host].storage.isBatchOpen, hosts[host].storage.turnEnds < time,
            !hosts[host].storage.gathered.isEmpty
        else { return }
        hosts[host].storage.closeBatch()
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
        closeBatch(host)
        if let fault = hosts[host].nextWriteFault {
            hosts[host].nextWriteFault = nil
            if failWrite(host, fault) { return }
        }
        finishLog(host)
        hosts[host].storage.isLogBusy = false
        if !hosts[host].storage.isSideBusy { beginSideJob(host) }
        arrive(
            Scheduled(
                time: now, kind: .persisted, host: event.host,
                payload: UInt32(truncatingIfNeeded: hosts[host].storage.logToken),
                epoch: hosts[host].life))
        guard hosts[host].status == .up, !hosts[host].storage.isLogBusy else { return }
        if !hosts[host].storage.gathered.isEmpty { beginLogWrite(host) }
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

    // MARK: Beside the log

    /// Snapshots have a way of their own to the disk, one at a time.
    mutating func save(_ snapshot: Snapshot, _ token: PersistToken, _ host: Int) {
        let raft = nodes[host].raft
        if snapshot.point.index > raft.commitIndex, raft.log.lastIndex >= snapshot.point.index {
            moments.snapshotsOverSuffix += 1
            moments.host = host
        }
        hosts[host].storage.side.append(.save(snapshot, token: token.sequence))
        if !hosts[host].storage.isSideBusy { beginSideJob(host) }
    }

    /// The log's files up to an index may go, in turn with the snapshots; the log is written
    /// meanwhile, so that a crash may find any of them still there.
    mutating func compact(_ index: LogIndex, _ host: Int) {
        guard var writer = hosts[host].storage.writer else { return }
        let steps = writer.compact(through: index)
        hosts[host].storage.writer = writer
        guard !steps.isEmpty else { return }
        hosts[host].storage.side.append(.removal(steps))
        if !hosts[host].storage.isSideBusy { beginSideJob(host) }
    }

    private mutating func beginSideJob(_ host: Int) {
        guard let job = hosts[host].storage.side.first else { return }
        // What is removed may be what the write under way is about to replace: it waits for that,
        // though not for the writes behind it.
        if case .removal = job, !hosts[host].storage.logSteps.isEmpty { return }
        hosts[host].storage.isSideBusy = true
        hosts[host].storage.sideSteps = steps(of: job, host)
        var delay = diskDelay(host)
        if case .save(let snapshot, _) = job { delay += Int64(snapshot.size) * 2 }
        push(.snapshotWritten, at: now + delay, host: host, epoch: hosts[host].life)
    }

    private func steps(of job: SideJob, _ host: Int) -> [FileOperation] {
        switch job {
        case .save(let snapshot, _): hosts[host].storage.writer?.save(snapshot) ?? []
        case .removal(let steps): steps
        }
    }

    mutating func onSnapshotWritten(_ host: Int, _ event: Scheduled) {
        guard event.epoch == hosts[host].life, hosts[host].status == .up else { return }
        if hosts[host].diskStalled > now {
            push(.snapshotWritten, at: hosts[host].diskStalled, host: host, epoch: event.epoch)
            return
        }
        if let token = finishSideJob(host) {
            arrive(
                Scheduled(
                    time: now, kind: .snapshotSaved, host: event.host,
                    payload: UInt32(truncatingIfNeeded: token), epoch: hosts[host].life))
        }
        guard hosts[host].status == .up, !hosts[host].storage.isSideBusy else { return }
        beginSideJob(host)
    }

    /// Performs what is under way beside the log; returns the token of a snapshot.
    private mutating func finishSideJob(_ host: Int) -> UInt64? {
        let steps = hosts[host].storage.sideSteps
        hosts[host].storage.sideSteps = []
        hosts[host].storage.isSideBusy = false
        for step in steps { hosts[host].disk.perform(step) }
        switch hosts[host].storage.side.removeFirst() {
        case .removal: return nil
        case .save(let snapshot, let token):
            hosts[host].storage.writer?.saved(snapshot.point.index)
            return token
        }
    }

    /// Closes the directory: all that was asked for lands, though nobody hears of it any more, and
    /// the log is sealed.
    mutating func closeStorage(_ host: Int) {
        beginClosing(host)
        finishLog(host)
        while let job = hosts[host].storage.side.first {
            if !hosts[host].storage.isSideBusy {
                hosts[host].storage.sideSteps = steps(of: job, host)
            }
            _ = finishSideJob(host)
        }
        guard let seal = hosts[host].storage.writer?.seal(), !seal.isEmpty else { return }
        for step in seal { hosts[host].disk.perform(step) }
        if let sync = hosts[host].storage.writer?.syncOperation { hosts[host].disk.perform(sync) }
    }

    /// Begins to close the directory: what was under way on the log lands, and all that waited for
    /// it is under way.
    mutating func beginClosing(_ host: Int) {
        closeBatch(host)
        finishLog(host)
        hosts[host].storage.isBatchOpen = true
        closeBatch(host)
    }

    /// Performs what is under way on the log.
    private mutating func finishLog(_ host: Int) {
        let steps = hosts[host].storage.logSteps
        hosts[host].storage.logSteps = []
        for step in steps { hosts[host].disk.perform(step) }
        if let end = hosts[host].storage.logEnd { hosts[host].storage.writer?.synced(through: end) }
    }

    // MARK: Damage

    /// Performs some of the steps that were under way when the process died.
    mutating func landPartOfWrites(_ host: Int, _ loss: Loss) {
        // What is to be torn is under way.
        closeBatch(host, ifTurnEndsBefore: loss == .torn ? .max : now)
        var fate = hosts[host].fate
        let lanes = [hosts[host].storage.logSteps, hosts[host].storage.sideSteps]
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
