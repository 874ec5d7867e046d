import Protocols

/// One member's disk as a search sees it: what is durable, and writes that are not yet.
///
/// Writes complete in order. A crash keeps any prefix of those under way, and of a snapshot under
/// way all or nothing. Bytes, sectors and their damage are `Disk`'s affair, not a search's.
struct LocalDisk: Sendable {
    struct Write: Sendable {
        var content: LogWrite
        var token: PersistToken
    }

    struct Save: Sendable {
        var snapshot: Snapshot
        var token: PersistToken
    }

    private(set) var hardState: HardState
    /// The entry before the first one that the log on disk holds.
    private(set) var start: SnapshotPoint
    private(set) var entries: [Entry]
    private(set) var snapshot: Snapshot?
    private(set) var writes: [Write] = []
    private(set) var saves: [Save] = []

    init(_ durable: DurableState) {
        hardState = durable.hardState
        start = durable.snapshot?.point ?? .zero
        entries = durable.entries
        snapshot = durable.snapshot
    }

    // MARK: Writing

    mutating func write(_ content: LogWrite, _ token: PersistToken) {
        writes.append(Write(content: content, token: token))
    }

    mutating func save(_ snapshot: Snapshot, _ token: PersistToken) {
        saves.append(Save(snapshot: snapshot, token: token))
    }

    /// The oldest write becomes durable.
    mutating func completeWrite() -> PersistToken {
        let write = writes.removeFirst()
        apply(write.content)
        return write.token
    }

    /// The oldest snapshot under way becomes durable.
    mutating func completeSave() -> PersistToken {
        let save = saves.removeFirst()
        keep(save.snapshot)
        return save.token
    }

    /// Entries that the durable snapshot stands for go.
    mutating func compact(through index: LogIndex) {
        guard index > start.index, index - start.index <= entries.count else { return }
        let drop = index - start.index
        start = SnapshotPoint(index: index, term: entries[drop - 1].term)
        entries.removeFirst(drop)
    }

    private mutating func apply(_ write: LogWrite) {
        if let state = write.hardState { hardState = state }
        if let point = write.startAfter {
            start = point
            entries.removeAll()
        }
        guard let first = write.entries.first else { return }
        let place = first.index - start.index - 1
        precondition(place >= 0 && place <= entries.count, "a write leaves a gap in the log")
        entries.removeLast(entries.count - place)
        entries += write.entries
    }

    private mutating func keep(_ saved: Snapshot) {
        if saved.point.index > snapshot?.point.index ?? .zero { snapshot = saved }
    }

    // MARK: Crashes

    /// The member stops; the first `kept` writes under way reached the disk, the others did not.
    mutating func crash(keepingWrites kept: Int, keepingSave: Bool) {
        for write in writes.prefix(kept) { apply(write.content) }
        if keepingSave, let save = saves.first { keep(save.snapshot) }
        writes.removeAll()
        saves.removeAll()
        let durable = recovered
        start = durable.snapshot?.point ?? start
        entries = durable.entries
    }

    /// The disk breaks its promise and forgets the vote; a search must see what comes of it.
    mutating func forgetVote() { hardState.vote = nil }

    /// What a start finds, joined as `DataDirectory.recover` joins it.
    var recovered: DurableState {
        guard let snapshot else { return DurableState(hardState: hardState, entries: entries) }
        let point = snapshot.point
        precondition(start.index <= point.index, "entries after the snapshot are missing")
        let covered = point.index - start.index
        let matches =
            covered == 0
            ? start.term == point.term
            : covered <= entries.count && entries[covered - 1].term == point.term
        return DurableState(
            hardState: hardState, snapshot: snapshot,
            entries: matches ? Array(entries.dropFirst(covered)) : [])
    }

    // MARK: Fingerprint

    func abstractDigest(names: [UInt32], into digest: inout Digest) {
        func combine(_ state: HardState) {
            digest.combine(state.term.rawValue)
            digest.combine(state.vote.map { UInt64(names[Int($0.rawValue)]) } ?? 0)
        }
        func combine(_ point: SnapshotPoint?) {
            digest.combine(point?.index.rawValue ?? 0)
            digest.combine(point?.term.rawValue ?? 0)
        }
        combine(hardState)
        combine(start)
        digest.combine(entries.count)
        for entry in entries { entry.abstractDigest(into: &digest) }
        snapshot?.abstractDigest(into: &digest)
        for write in writes {
            combine(write.content.hardState ?? HardState())
            combine(write.content.startAfter)
            digest.combine(write.content.entries.count)
            digest.combine(write.content.entries.first?.index.rawValue ?? 0)
            for entry in write.content.entries { entry.abstractDigest(into: &digest) }
        }
        digest.combine(saves.count)
        for save in saves { save.snapshot.abstractDigest(into: &digest) }
    }
}
