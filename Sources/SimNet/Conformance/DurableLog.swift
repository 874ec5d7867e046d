import Protocols

/// A log as a reader of a directory has it after a number of writes.
struct DurableLog: Equatable, Sendable {
    /// Term and vote.
    var hardState = HardState()
    /// The entry before the first one.
    var start = SnapshotPoint.zero
    /// The entries, consecutive.
    var entries: [Entry] = []

    /// Takes one more write.
    mutating func take(_ write: LogWrite) {
        if let hardState = write.hardState { self.hardState = hardState }
        if let point = write.startAfter {
            start = point
            entries = []
        }
        for entry in write.entries {
            entries.removeLast(max(0, entries.count - (entry.index - start.index - 1)))
            entries.append(entry)
        }
    }

    /// What a start makes of the log and the newest snapshot; nil when entries are missing between.
    func joined(with snapshot: Snapshot?) -> DurableState? {
        let point = snapshot?.point ?? .zero
        guard point.index >= start.index else { return nil }
        var state = DurableState(hardState: hardState, snapshot: snapshot)
        let covered = point.index - start.index
        var own: Term?
        if covered == 0 {
            own = start.term
        } else if covered <= entries.count {
            own = entries[covered - 1].term
        }
        if own == point.term { state.entries = Array(entries.dropFirst(covered)) }
        return state
    }
}
