/// What a member is in its term (Raft section 5.2; pre-candidates: Ongaro's thesis, 9.6).
public enum Role: UInt8, Equatable, Sendable {
    /// Follows a leader, or waits for one.
    case follower
    /// Asks whether an election could be won, without raising its term.
    case preCandidate
    /// Asks for votes.
    case candidate
    /// Orders entries.
    case leader
}
