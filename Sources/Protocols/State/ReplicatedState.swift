/// What applying an entry tells besides its effects.
public struct ApplyReport: Equatable, Sendable {
    /// The earlier entry after which this replica's state was not the leader's: halt.
    public var mismatch: LogIndex?
    /// The rare paths that were taken.
    public var marks = MarkSet()

    /// Makes a report of nothing.
    public init() {}
}

/// What the log's entries apply to; equal on all replicas that applied the same entries.
///
/// ## Overview
/// `apply` follows from the state and the entry alone. Time is the entry's stamp, which never goes
/// back; wall times in commands are only passed on. Any payload is safe to apply: what cannot be
/// read changes nothing but the digest.
///
/// ## Function
/// The effects of a command begin with its `outcome`, and the facts it caused follow. A node's
/// opened session has no number, so that `nodeSessionOpened`, after the end of its earlier
/// session, stands in place of the outcome; a refusal comes as an outcome of session 0.
///
/// A rolling digest takes in each entry's effects and the state's size. Replicas that once decide
/// differently differ in it from then on; `checkpoint` entries carry the leader's.
public struct ReplicatedState: Equatable, Sendable {
    /// The stamp of the last applied entry.
    public internal(set) var stamp = ClusterTime.zero
    /// The last applied entry.
    public internal(set) var applied = SnapshotPoint.zero
    /// The version that all members speak; 0 before the first membership.
    public internal(set) var clusterVersion: UInt32 = 0
    /// The first membership, ascending by id; empty before it is applied.
    public internal(set) var founders: [Member] = []
    /// Exactly-once.
    public internal(set) var sessions = Sessions()
    /// Chat.
    public internal(set) var rooms = Rooms()
    /// The clusters that this one is federated with.
    public internal(set) var clusters = ForeignClusters()
    /// Registers.
    public internal(set) var registers = Registers()
    /// What the replicas must agree on.
    public internal(set) var rollingDigest: UInt64 = 0
    /// The rolling digest after recent entries at multiples of `checkpointEntries`.
    public internal(set) var checkpoints: [CheckpointPayload] = []
    /// Bounds; equal on all replicas. Those of histories follow from the log.
    public internal(set) var limits: StateLimits
    /// How many entries lie between two checkpoints; equal on all replicas.
    public let checkpointEntries: UInt64

    /// How many checkpoints are remembered.
    public static let checkpointLimit = 64

    /// Makes the state before the first entry.
    public init(limits: StateLimits = StateLimits(), checkpointEntries: UInt64 = 1_024) {
        precondition(checkpointEntries > 0, "checkpoints need a distance")
        self.limits = limits
        self.checkpointEntries = checkpointEntries
    }

    /// An estimate of the memory in use, for the budget of the whole state.
    public var byteCount: Int {
        sessions.byteCount + rooms.byteCount + registers.byteCount + clusters.byteCount
    }

    /// The rolling digest after an entry, if it was remembered.
    public func digest(at index: LogIndex) -> UInt64? {
        checkpoints.last { $0.index == index }?.digest
    }

    // MARK: - Applying

    /// Applies the next entry; entries must come one by one, in the order of the log.
    @discardableResult
    public mutating func apply(
        _ entry: Entry, into effects: inout [StateEffect]
    ) -> ApplyReport {
        precondition(
            entry.index == applied.index.next,
            "entry \(entry.index.rawValue) after \(applied.index.rawValue)")
        var report = ApplyReport()
        let start = effects.count
        stamp = max(stamp, entry.stamp)
        applied = SnapshotPoint(index: entry.index, term: entry.term)
        switch entry.kind {
        case .noop: break
        case .command: applyCommand(entry, into: &effects, marks: &report.marks)
        case .membership: applyMembership(entry.payload, marks: &report.marks)
        case .clusterVersion: applyClusterVersion(entry.payload, marks: &report.marks)
        case .checkpoint: applyCheckpoint(entry.payload, report: &report)
        case .limits: applyLimits(entry.payload, marks: &report.marks)
        }
        tellClusters(from: start, of: &effects, marks: &report.marks)
        rooms.sweepKeys(at: stamp, limits: limits)
        if rooms.sweepHistories(at: stamp, limits: limits) { report.marks.insert(.historyAged) }
        roll(entry, effects: effects[start...])
        return report
    }

    private mutating func applyMembership(_ payload: [UInt8], marks: inout MarkSet) {
        guard let membership = try? MembershipPayload(decoding: payload) else { return }
        // The first one names the cluster. A second can only come from a leader that began
        // without knowing of the first; it must not change who the cluster is.
        guard founders.isEmpty else { return }
        founders = membership.members
        clusterVersion = max(clusterVersion, membership.clusterVersion)
        marks.insert(.membershipAdopted)
    }

    private mutating func applyClusterVersion(_ payload: [UInt8], marks: inout MarkSet) {
        guard let raised = try? ClusterVersionPayload(decoding: payload),
            raised.clusterVersion > clusterVersion
        else { return }
        clusterVersion = raised.clusterVersion
        marks.insert(.clusterVersionRaised)
    }

    private mutating func applyLimits(_ payload: [UInt8], marks: inout MarkSet) {
        guard let told = try? HistoryLimits(decoding: payload) else { return }
        limits.history = told
        marks.insert(.historyLimitsChanged)
    }

    private mutating func applyCheckpoint(_ payload: [UInt8], report: inout ApplyReport) {
        guard let leader = try? CheckpointPayload(decoding: payload),
            let own = digest(at: leader.index)
        else { return }
        report.marks.insert(.checkpointCompared)
        if own != leader.digest { report.mismatch = leader.index }
    }

    private mutating func roll(_ entry: Entry, effects: ArraySlice<StateEffect>) {
        var digest = Digest(rollingDigest)
        digest.combine(entry.index.rawValue)
        digest.combine(entry.term.rawValue << 8 | UInt64(entry.kind.rawValue))
        digest.combine(UInt64(bitPattern: stamp.nanoseconds))
        for effect in effects { effect.digest(into: &digest) }
        digest.combine(byteCount)
        rollingDigest = digest.value
        guard entry.index.rawValue % checkpointEntries == 0 else { return }
        checkpoints.append(CheckpointPayload(index: entry.index, digest: rollingDigest))
        if checkpoints.count > ReplicatedState.checkpointLimit { checkpoints.removeFirst() }
    }

    // MARK: - Commands

    private mutating func applyCommand(
        _ entry: Entry, into effects: inout [StateEffect], marks: inout MarkSet
    ) {
        var reader = ByteReader(entry.payload)
        guard let header = try? CommandHeader(reading: &reader) else { return }
        let operation = ReplicatedState.readOperation(&reader)
        if case .openNodeSession(let node, let incarnation, let boot, let at) = operation {
            openNode(
                node, incarnation: incarnation, boot: boot, at: at, header: header,
                into: &effects, marks: &marks)
            return
        }
        let start = effects.count
        let outcome = decide(header, operation, into: &effects, marks: &marks)
        effects.insert(
            .outcome(session: header.session, sequence: header.sequence, outcome), at: start)
    }

    private static func readOperation(_ reader: inout ByteReader) -> Operation? {
        do throws(DecodeError) {
            let operation = try Operation(reading: &reader)
            try reader.finish()
            return operation
        } catch {
            return nil
        }
    }

    /// Executes a request if it is new, and remembers its outcome.
    private mutating func decide(
        _ header: CommandHeader, _ operation: Operation?, into effects: inout [StateEffect],
        marks: inout MarkSet
    ) -> Outcome {
        if header.session.rawValue == 0, case .expireSessions(let at) = operation {
            // Harmless however often it is done, and needed when no session is left.
            expire(at: at, into: &effects, marks: &marks)
            return .done
        }
        let isRepeatable = operation?.isRepeatable ?? false
        switch sessions.admit(header, isRepeatable: isRepeatable, at: stamp) {
        case .execute:
            let outcome =
                operation.map { execute($0, of: header, into: &effects, marks: &marks) }
                ?? .refused(.malformed)
            sessions.record(outcome, of: header, limit: limits.outcomesPerSession)
            return outcome
        case .duplicate(let outcome):
            marks.insert(.duplicateRequest)
            return outcome
        case .refused(let refusal):
            marks.insert(.sessionRefused)
            return .refused(refusal)
        }
    }

    private mutating func execute(
        _ operation: Operation, of header: CommandHeader, into effects: inout [StateEffect],
        marks: inout MarkSet
    ) -> Outcome {
        switch operation {
        case .openNodeSession:
            preconditionFailure("a node's session is opened without one")
        case .openClientSession:
            return openClient(into: &effects)
        case .keepAlive:
            return .done
        case .expireSessions(let at):
            expire(at: at, into: &effects, marks: &marks)
            return .done
        case .createRoom(let creation):
            return rooms.create(creation)
        case .join(let room, let user, let connection, let at):
            let connection = MemberConnection(session: header.session, connection: connection)
            return join(
                room, host: nil, user: user, via: connection, since: nil, at: at, into: &effects)
        case .leave(let room, let user, let connection, let at):
            let connection = MemberConnection(session: header.session, connection: connection)
            forgetJoins { $0 == room && TextKey($1) == TextKey(user) && $2 == connection }
            return rooms.leave(room, user: user, via: connection, at: at, into: &effects)
        case .disconnect(let connection, let reason, let at):
            let connection = MemberConnection(session: header.session, connection: connection)
            forgetJoins { $2 == connection }
            rooms.disconnect(connection, reason: reason, at: at, into: &effects)
            return .done
        case .send(let submission):
            return rooms.send(
                submission, via: header.session, at: stamp, limits: limits, into: &effects,
                marks: &marks)
        case .deleteRoom(let request):
            return rooms.beginDeletion(
                request, via: header.session, at: stamp, into: &effects)
        case .decideDeletion(let room, let transaction, let verdict):
            decideDeletion(of: room, transaction, verdict, into: &effects)
            return .done
        case .federation(let operation):
            return execute(operation, of: header, into: &effects, marks: &marks)
        case .register(let key, let operation):
            return registers.perform(operation, on: key)
        }
    }

    // MARK: - Sessions

    private mutating func openNode(
        _ node: NodeID, incarnation: Incarnation, boot: Boot, at: WallTime,
        header: CommandHeader, into effects: inout [StateEffect], marks: inout MarkSet
    ) {
        let opening = sessions.openNode(
            node, incarnation: incarnation, boot: boot, founders: founders,
            id: SessionID(applied.index.rawValue), at: stamp)
        switch opening {
        case .open(let session, let superseded):
            if let superseded {
                marks.insert(.nodeSessionSuperseded)
                endMemberships(of: superseded, .nodeUnreachable, at: at, into: &effects)
                effects.append(.nodeSessionEnded(node: node, superseded))
            }
            effects.append(.nodeSessionOpened(node: node, boot: boot, session))
        case .refused(let refusal):
            marks.insert(.sessionRefused)
            effects.append(
                .outcome(
                    session: SessionID(0), sequence: header.sequence, .refused(refusal)))
        }
    }

    private mutating func openClient(into effects: inout [StateEffect]) -> Outcome {
        let id = SessionID(applied.index.rawValue)
        // Clients join rooms through their node's session; one that did by its own leaves now.
        for ended in sessions.openClient(id: id, limit: limits.clientSessions, at: stamp) {
            rooms.end(
                ended, reason: .inactive, at: WallTime(milliseconds: 0), into: &effects)
        }
        return .sessionOpened(id)
    }

    private mutating func expire(
        at: WallTime, into effects: inout [StateEffect], marks: inout MarkSet
    ) {
        for (session, kind) in sessions.expire(at: stamp, limits: limits) {
            marks.insert(.sessionExpired)
            switch kind {
            case .node(let node, _, _):
                endMemberships(of: session, .nodeUnreachable, at: at, into: &effects)
                effects.append(.nodeSessionEnded(node: node, session))
            case .client:
                rooms.end(session, reason: .inactive, at: at, into: &effects)
            }
        }
    }

    /// Feeds the whole state.
    public func digest(into digest: inout Digest) {
        digest.combine(UInt64(bitPattern: stamp.nanoseconds))
        digest.combine(applied.index.rawValue)
        digest.combine(applied.term.rawValue)
        digest.combine(UInt64(clusterVersion))
        digest.combine(limits.historyCount)
        digest.combine(limits.historyBytes)
        digest.combine(UInt64(bitPattern: limits.historyAge.nanoseconds))
        for member in founders {
            digest.combine(UInt64(member.id.rawValue))
            digest.combine(member.incarnation.rawValue)
        }
        sessions.digest(into: &digest)
        rooms.digest(into: &digest)
        clusters.digest(into: &digest)
        registers.digest(into: &digest)
        digest.combine(rollingDigest)
        for checkpoint in checkpoints { digest.combine(checkpoint.digest) }
    }
}

extension Operation {
    /// True for what may be done any number of times, so that it needs no number.
    fileprivate var isRepeatable: Bool {
        switch self {
        case .keepAlive, .expireSessions: true
        case .openNodeSession, .openClientSession, .createRoom, .join, .leave, .disconnect, .send,
            .register, .deleteRoom, .decideDeletion, .federation:
            false
        }
    }
}
