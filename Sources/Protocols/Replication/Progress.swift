/// What a leader knows of one follower's log, and how it sends to it.
///
/// States and their changes, after etcd's `tracker`: *probe* sends one append and waits for its
/// answer; *replicate* sends ahead of the answers, up to the in-flight limits; *snapshot* sends
/// parts of a snapshot, one at a time. Probe goes to replicate when an append matches, replicate
/// to probe when one is rejected or the link was lost, both to snapshot when what the follower
/// needs is compacted, snapshot to probe when it is installed.
public struct Progress: Equatable, Sendable {
    /// How the leader sends.
    public enum State: Equatable, Sendable {
        /// One append at a time; `waiting` while one is unanswered.
        case probe(waiting: Bool)
        /// Appends ahead of their answers.
        case replicate(Inflight)
        /// A snapshot, part by part.
        case snapshot(SnapshotTransfer)
    }

    /// The follower's log equals the leader's up to here, durably; never goes back.
    public private(set) var match: LogIndex = .zero
    /// The next entry to send.
    public var next: LogIndex
    /// How the leader sends.
    public var state: State = .probe(waiting: false)
    /// When the follower was last heard of.
    public var lastContact: Instant
    /// The newest heartbeat round that the follower confirmed.
    public var confirmedRound: UInt64 = 0
    /// The commit index that the follower was last told of.
    public var toldCommit: LogIndex = .zero

    /// Makes the progress of a follower of which nothing is known yet (Raft section 5.3).
    public init(next: LogIndex, now: Instant) {
        self.next = next
        lastContact = now
    }

    /// Takes a match over; returns true when it is news.
    public mutating func advance(to index: LogIndex) -> Bool {
        next = max(next, index.next)
        guard index > match else { return false }
        match = index
        return true
    }

    func digest(into digest: inout Digest) {
        digest.combine(match.rawValue)
        digest.combine(next.rawValue)
        digest.combine(confirmedRound)
        digest.combine(toldCommit.rawValue)
        digest.combine(UInt64(bitPattern: lastContact.nanoseconds))
        switch state {
        case .probe(let waiting): digest.combine(waiting)
        case .replicate(let inflight):
            digest.combine(inflight.count)
            digest.combine(inflight.bytes)
        case .snapshot(let transfer):
            digest.combine(transfer.snapshot.point.index.rawValue)
            digest.combine(transfer.number)
        }
    }

    /// Goes back to probing after the match.
    public mutating func becomeProbe() {
        next = match.next
        state = .probe(waiting: false)
    }
}

/// Appends on their way to one follower, oldest first.
public struct Inflight: Equatable, Sendable {
    private struct Append: Equatable, Sendable {
        var last: LogIndex
        var bytes: Int
    }

    private var appends: [Append] = []
    /// The bytes of all of them.
    public private(set) var bytes = 0

    /// Makes an empty window.
    public init() {}

    /// How many there are.
    public var count: Int { appends.count }

    /// Notes an append that ends at `last`.
    public mutating func add(last: LogIndex, bytes: Int) {
        appends.append(Append(last: last, bytes: bytes))
        self.bytes += bytes
    }

    /// Forgets the appends that end at or before `index`.
    public mutating func release(through index: LogIndex) {
        var done = 0
        while done < appends.count, appends[done].last <= index {
            bytes -= appends[done].bytes
            done += 1
        }
        if done > 0 { appends.removeFirst(done) }
    }

    /// Forgets the oldest append, so that a full window whose answers were lost moves again.
    public mutating func releaseOldest() {
        guard let oldest = appends.first else { return }
        release(through: oldest.last)
    }

    /// True when nothing more may be sent.
    public func isFull(_ configuration: RaftConfiguration) -> Bool {
        count >= configuration.inflightCount || bytes >= configuration.inflightBytes
    }
}

/// A snapshot on its way to one follower.
public struct SnapshotTransfer: Equatable, Sendable {
    /// The snapshot; a newer one does not disturb a transfer that is under way.
    public var snapshot: Snapshot
    /// The part that was sent last.
    public var number: Int
    /// When that was.
    public var sentAt: Instant
}
