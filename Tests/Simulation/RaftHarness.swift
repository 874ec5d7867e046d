@testable import Protocols

// What the tests of consensus share: short names, one member whose every input is in the test's
// hand (`Solo`), and a small network of members with instant disks (`RaftNet`).

func node(_ id: UInt32) -> NodeID { NodeID(id) }
func index(_ value: UInt64) -> LogIndex { LogIndex(value) }
func point(_ index: UInt64, _ term: UInt64) -> SnapshotPoint {
    SnapshotPoint(index: LogIndex(index), term: Term(term))
}

/// An entry without a stamp.
func entry(
    _ index: UInt64, _ term: UInt64, _ kind: EntryKind = .command, _ payload: [UInt8] = []
) -> Entry {
    Entry(
        index: LogIndex(index), term: Term(term), stamp: .zero, kind: kind, payload: payload)
}

/// Entries from `first` on with these terms.
func entries(from first: UInt64 = 1, terms: [UInt64]) -> [Entry] {
    terms.enumerated().map { entry(first + UInt64($0.offset), $0.element) }
}

func message(_ term: UInt64, _ body: RaftMessage.Body) -> RaftMessage {
    RaftMessage(group: .main, term: Term(term), body: body)
}

func sent(_ to: UInt32, _ term: UInt64, _ body: RaftMessage.Body) -> Raft.Effect {
    .send(node(to), message(term, body))
}

func append(
    after previous: SnapshotPoint, commit: UInt64, _ entries: [Entry] = []
) -> RaftMessage.Body {
    .append(AppendRequest(previous: previous, commit: LogIndex(commit), entries: entries))
}

func matched(_ value: UInt64) -> RaftMessage.Body { .appendResponse(.matched(index(value))) }

func voteRequest(_ last: SnapshotPoint, transfer: Bool = false) -> RaftMessage.Body {
    .voteRequest(VoteRequest(last: last, transfer: transfer))
}

func preVoteRequest(_ last: SnapshotPoint) -> RaftMessage.Body {
    .preVoteRequest(VoteRequest(last: last, transfer: false))
}

func heartbeat(commit: UInt64 = 0, round: UInt64 = 0) -> RaftMessage.Body {
    .heartbeat(commit: index(commit), round: round)
}

func hardState(_ term: UInt64, _ vote: UInt32? = nil) -> HardState {
    HardState(term: Term(term), vote: vote.map { NodeID($0) })
}

/// A small but valid snapshot: Raft does not look into its chunks.
func snapshot(_ at: SnapshotPoint, chunks: Int = 1) -> Snapshot {
    Snapshot(point: at, chunks: (0..<chunks).map { [UInt8($0), UInt8(at.index.rawValue & 255)] })
}

func chunk(_ of: Snapshot, _ number: Int) -> RaftMessage.Body {
    .snapshotChunk(
        SnapshotChunk(
            point: of.point, number: number, count: of.chunks.count, bytes: of.chunks[number]))
}

/// One member whose disk and peers are the test itself; by default member 1 of 1, 2, 3.
struct Solo {
    var raft: Raft
    var now = Instant.zero
    private(set) var lastToken: PersistToken?
    private(set) var marks = MarkSet()

    init(
        _ id: UInt32 = 1, of voters: [UInt32] = [1, 2, 3], term: UInt64 = 0, vote: UInt32? = nil,
        terms: [UInt64] = [], snapshot: Snapshot? = nil, boot: UInt64 = 1,
        configuration: RaftConfiguration = RaftConfiguration()
    ) {
        let first = (snapshot?.point.index ?? .zero).next.rawValue
        raft = Raft(
            id: NodeID(id), boot: Boot(boot), voters: voters.map { NodeID($0) },
            durable: DurableState(
                hardState: hardState(term, vote), snapshot: snapshot,
                entries: entries(from: first, terms: terms)),
            configuration: configuration, stampFloor: .zero, seed: 7, now: .zero)
    }

    mutating func step(_ event: Raft.Event) -> [Raft.Effect] {
        var out = Outbox<Raft.Effect>()
        raft.step(event, at: now, into: &out)
        for case .persist(_, let token) in out.effects { lastToken = token }
        marks.formUnion(out.marks)
        return out.effects
    }

    mutating func receive(
        _ from: UInt32, _ term: UInt64, _ body: RaftMessage.Body
    ) -> [Raft.Effect] {
        step(.message(NodeID(from), message(term, body)))
    }

    mutating func wait(_ milliseconds: Int64) { now = now + .milliseconds(milliseconds) }

    /// A tick at the time that is.
    mutating func tick() -> [Raft.Effect] { step(.tick) }

    /// A tick at the deadline.
    mutating func untilDeadline() -> [Raft.Effect] {
        if let deadline = raft.deadline { now = max(now, deadline) }
        return step(.tick)
    }

    /// Everything put out so far is durable.
    mutating func persisted() -> [Raft.Effect] {
        lastToken.map { step(.persisted($0)) } ?? []
    }

    /// Makes the member a candidate whose vote for itself is durable.
    mutating func becomeCandidate() {
        now = max(now, raft.electionDeadline)
        _ = tick()
        let next = raft.term.next.rawValue
        for peer in raft.quorum.voters where peer != raft.id {
            _ = receive(peer.rawValue, next, .preVoteResponse(granted: true))
        }
        _ = persisted()
    }

    /// Makes the member a leader whose first entry is sent, and durable on its own disk.
    mutating func becomeLeader() {
        becomeCandidate()
        let term = raft.term.rawValue
        for peer in raft.quorum.voters where peer != raft.id {
            _ = receive(peer.rawValue, term, .voteResponse(granted: true))
        }
        _ = tick()
        _ = persisted()
    }

    /// A leader whose first entry is known to be on all members.
    mutating func becomeSettledLeader() {
        becomeLeader()
        let last = raft.log.lastIndex.rawValue
        for peer in raft.quorum.voters where peer != raft.id {
            _ = receive(peer.rawValue, raft.term.rawValue, matched(last))
        }
        _ = tick()
    }

    /// The deadline that the tick at `now` leaves behind; a tick that leaves one at or before
    /// `now` again and again would spin.
    mutating func settlesAfterTicks(_ limit: Int = 8) -> Bool {
        for _ in 0..<limit {
            guard let deadline = raft.deadline, deadline <= now else { return true }
            _ = tick()
        }
        return false
    }
}

func token(_ sequence: UInt64, boot: UInt64 = 1) -> PersistToken {
    PersistToken(boot: Boot(boot), sequence: sequence)
}

func persist(
    _ sequence: UInt64, hardState: HardState? = nil, startAfter: SnapshotPoint? = nil,
    _ entries: [Entry] = []
) -> Raft.Effect {
    .persist(
        LogWrite(hardState: hardState, startAfter: startAfter, entries: entries), token(sequence))
}

/// Members 1...n on one clock, with instant disks and links that the test can cut.
struct RaftNet {
    struct Letter {
        var from: NodeID
        var to: NodeID
        var message: RaftMessage
    }

    var members: [Raft]
    var disks: [DurableState]
    var now = Instant.zero
    var letters: [Letter] = []
    /// Directed links that carry nothing.
    var cuts: [(NodeID, NodeID)] = []
    /// What each member's reads came to.
    var reads: [[Raft.Effect]]
    var boots: [UInt64]
    let configuration: RaftConfiguration

    init(_ count: UInt32, configuration: RaftConfiguration = RaftConfiguration()) {
        let voters = (1...count).map { NodeID($0) }
        self.configuration = configuration
        disks = voters.map { _ in DurableState(entries: [entry(1, 1, .membership)]) }
        reads = voters.map { _ in [] }
        boots = voters.map { _ in 1 }
        members = []
        for id in voters {
            members.append(
                Raft(
                    id: id, boot: Boot(1), voters: voters, durable: disks[Int(id.rawValue) - 1],
                    configuration: configuration, stampFloor: .zero,
                    seed: UInt64(id.rawValue), now: now))
        }
    }

    subscript(id: UInt32) -> Raft { members[Int(id) - 1] }

    var leaders: [UInt32] { members.filter { $0.role == .leader }.map(\.id.rawValue) }

    mutating func cut(_ a: UInt32, _ b: UInt32) {
        cuts.append((node(a), node(b)))
        cuts.append((node(b), node(a)))
    }

    mutating func isolate(_ id: UInt32) {
        for other in members where other.id != node(id) { cut(id, other.id.rawValue) }
    }

    mutating func heal() { cuts = [] }

    mutating func step(_ id: UInt32, _ event: Raft.Event) {
        var out = Outbox<Raft.Effect>()
        let place = Int(id) - 1
        members[place].step(event, at: now, into: &out)
        for effect in out.effects {
            switch effect {
            case .send(let to, let message):
                if !cuts.contains(where: { $0 == node(id) && $1 == to }) {
                    letters.append(Letter(from: node(id), to: to, message: message))
                }
            case .persist(let write, let token):
                disks[place].apply(write)
                step(id, .persisted(token))
            case .saveSnapshot(let snapshot, let token):
                disks[place].snapshot = snapshot
                disks[place].entries.removeAll { $0.index <= snapshot.point.index }
                step(id, .snapshotSaved(token))
            case .readReady, .readFailed: reads[place].append(effect)
            case .compactLog, .restore, .diskStalled, .peerFaulty: break
            }
        }
    }

    /// Delivers what is on its way, and what that causes, at the time that is.
    mutating func deliver() {
        var limit = 10_000
        while !letters.isEmpty, limit > 0 {
            limit -= 1
            let letter = letters.removeFirst()
            step(letter.to.rawValue, .message(letter.from, letter.message))
            tickDue()
        }
    }

    private mutating func tickDue() {
        for place in members.indices {
            var limit = 8
            while let deadline = members[place].deadline, deadline <= now, limit > 0 {
                limit -= 1
                step(UInt32(place + 1), .tick)
            }
        }
    }

    mutating func run(_ milliseconds: Int64) {
        let end = now + .milliseconds(milliseconds)
        while now < end {
            now = now + .milliseconds(5)
            tickDue()
            deliver()
        }
    }

    mutating func propose(_ id: UInt32, _ payload: [UInt8]) {
        step(id, .propose(.command, payload: payload))
        tickDue()
    }

    /// Crashes a member and starts it from its disk.
    mutating func restart(_ id: UInt32) {
        let place = Int(id) - 1
        boots[place] += 1
        letters.removeAll { $0.from == node(id) || $0.to == node(id) }
        members[place] = Raft(
            id: node(id), boot: Boot(boots[place]), voters: members[place].quorum.voters,
            durable: disks[place], configuration: configuration, stampFloor: .zero,
            seed: UInt64(id) * 1_000 + boots[place], now: now)
    }

    func payloads(_ id: UInt32) -> [[UInt8]] {
        let log = self[id].log
        return log.slice(from: log.firstIndex, maximumBytes: .max)
            .filter { $0.kind == .command && $0.index <= self[id].commitIndex }.map(\.payload)
    }
}

extension DurableState {
    /// What the directory holds after a write.
    mutating func apply(_ write: LogWrite) {
        if let hardState = write.hardState { self.hardState = hardState }
        if write.startAfter != nil { entries = [] }
        guard let first = write.entries.first else { return }
        entries.removeAll { $0.index >= first.index }
        entries += write.entries
    }
}
