/// The name of a rare path through a machine; a mark that no seed hits is a hole in the simulator.
public enum Mark: UInt8, CaseIterable, Sendable {
    // Elections
    case preVoteStarted, preVoteDenied, campaigned, electedLeader, steppedDownOnHigherTerm
    case steppedDownWithoutQuorum, steppedDownOnStalledDisk, voteRefusedStaleLog
    case voteRefusedAlreadyVoted, voteRefusedLeaderAlive, oldLeaderToldOfHigherTerm
    case transferStarted, transferTimedOut, timeoutNowReceived
    // Replication
    case truncatedConflictingSuffix, staleAppendIgnored, appendRejected, hintSkippedTerm
    case probeEntered, inflightLimitHit, uncommittedLimitHit, proposalForwarded, proposalDropped
    case commitWithoutOwnDisk, earlierTermCommittedIndirectly
    case appendDroppedOnStalledDisk, faultyPeerRefused
    // Snapshots
    case snapshotTaken, snapshotSent, snapshotChunkResent, snapshotInstalled, snapshotIgnoredStale
    case snapshotKeptSuffix, logCompacted
    // Reads
    case readIndexServed, readIndexForwarded, readIndexDeferred, readIndexAborted
    // Storage
    case tornTailCut, recoveryRefused
    // State
    case duplicateRequest, sessionExpired, sessionRefused, stateLimitHit, historyTrimmed
    case nodeSessionSuperseded, checkpointCompared, historyLimitsChanged, historyAged
    // Chat
    case retryByMessageID, slowReaderDropped, fanOutCaughtUp, fanOutGapClosed, rejoinSince
    case idleMemberRemoved, membershipEndRepeated, rateLimitHit
    // Federation
    case clusterFailed, clusterReturned, federationEcho, federationGap, clusterOutboxFull
    case mirrorJumped, joinForeignAsked, deletionPrepared, deletionWithoutVote, deletionAborted
    case deletionCommitted, federationCallTimedOut, federationRetried, federationRejoined
    // Clients' connections
    case junkRefused, silentClientPinged, silentClientDropped
    // Node
    case proposalRetried, requestTimedOut, overloadRefused, wipedNodeRefused, foreignPeerRefused
    case bootstrapped, membershipAdopted, clusterVersionRaised
}

/// A set of marks, one bit each.
public struct MarkSet: Hashable, Sendable {
    /// Bits of the marks whose number is under 64.
    public private(set) var low: UInt64 = 0
    /// Bits of the others.
    public private(set) var high: UInt64 = 0

    /// Makes an empty set.
    public init() {}

    /// True when no mark is in the set.
    public var isEmpty: Bool { low | high == 0 }

    /// Adds one mark.
    public mutating func insert(_ mark: Mark) {
        if mark.rawValue < 64 {
            low |= 1 << UInt64(mark.rawValue)
        } else {
            high |= 1 << UInt64(mark.rawValue - 64)
        }
    }

    /// Adds all marks of another set.
    public mutating func formUnion(_ other: MarkSet) {
        low |= other.low
        high |= other.high
    }

    /// True when the mark is in the set.
    public func contains(_ mark: Mark) -> Bool {
        mark.rawValue < 64
            ? low >> UInt64(mark.rawValue) & 1 == 1 : high >> UInt64(mark.rawValue - 64) & 1 == 1
    }
}
