import Protocols

/// Terms never go back and a node votes once in a term, over crashes too (Raft figure 2, state
/// that is persistent before a node speaks; section 5.2); a wiped node has no voice any more.
///
/// A node's word counts from the moment when a message leaves it. A request for votes is a vote for
/// the node itself.
public struct TermAndVote: Sendable {
    /// The name in reports.
    public static let name = "term-and-vote"
    /// How many votes, acknowledgements and returns were compared with the node's earlier word.
    public private(set) var exercised = 0

    private struct Ballot: Hashable, Sendable {
        var voter: NodeID
        var term: Term
    }

    private struct Word: Sendable {
        var incarnation: Incarnation
        var term: Term
    }

    private var votes: [Ballot: NodeID] = [:]
    private var words = PerNode<Word?>(nil)
    /// Votes up to this term were not all seen.
    private var unseen = Term.zero

    /// Makes a checker.
    public init() {}

    /// The node has a durable term and vote; of what it said before, nothing else is known.
    mutating func adopt(_ id: NodeID, _ hardState: HardState, _ now: Glance) {
        words[id] = Word(incarnation: now.incarnation, term: hardState.term)
        if let vote = hardState.vote { votes[Ballot(voter: id, term: hardState.term)] = vote }
        unseen = max(unseen, now.term)
    }

    mutating func changed(_ id: NodeID, from before: Glance, to now: Glance) throws(Violation) {
        guard now.term >= before.term else {
            throw Violation(
                Self.name,
                "\(id) went back from term \(before.term.rawValue) to \(now.term.rawValue)")
        }
        guard now.term == before.term, let vote = before.vote, now.vote != vote else { return }
        throw Violation(
            Self.name,
            "\(id) had voted for \(vote) in term \(now.term.rawValue), and now for "
                + "\(now.vote.map(\.description) ?? "nobody")")
    }

    /// A message leaves the node.
    mutating func sends(
        _ id: NodeID, to receiver: NodeID, _ message: RaftMessage, _ now: Glance
    ) throws(Violation) {
        switch message.body {
        case .voteRequest:
            try speaks(id, in: message.term, now)
            try votes(id, for: id, in: message.term)
        case .voteResponse(granted: true):
            try speaks(id, in: message.term, now)
            try votes(id, for: receiver, in: message.term)
        case .appendResponse(.matched), .snapshotResponse(.installed):
            try speaks(id, in: message.term, now)
        case .appendResponse(.rejected), .snapshotResponse(.wants), .voteResponse(granted: false),
            .preVoteRequest, .preVoteResponse, .append, .heartbeat, .heartbeatResponse,
            .snapshotChunk, .timeoutNow, .forward, .readRequest, .readResponse:
            break
        }
    }

    /// A node came back; another incarnation is another directory, which remembers nothing.
    mutating func restarted(_ id: NodeID, _ now: Glance) throws(Violation) {
        guard let word = words[id], word.incarnation == now.incarnation else { return }
        exercised += 1
        guard now.term >= word.term else {
            throw Violation(
                Self.name,
                "\(id) spoke in term \(word.term.rawValue) and came back in term "
                    + "\(now.term.rawValue)")
        }
        guard let vote = votes[Ballot(voter: id, term: now.term)], now.vote != vote else { return }
        throw Violation(
            Self.name,
            "\(id) gave \(vote) its vote in term \(now.term.rawValue) and came back with "
                + (now.vote.map { "one for \($0)" } ?? "none"))
    }

    /// A node leads a term: a majority must have given it their votes (section 5.2).
    mutating func elected(_ id: NodeID, in term: Term, members: Int) throws(Violation) {
        // A lone member asks nobody, so that its own vote does not show.
        guard term > unseen, votes[Ballot(voter: id, term: term)] == id else { return }
        exercised += 1
        let given = words.all.indices.count {
            votes[Ballot(voter: NodeID(UInt32($0)), term: term)] == id
        }
        guard given * 2 > members else {
            throw Violation(
                Self.name,
                "\(id) leads term \(term.rawValue), for which \(given) of \(members) members gave "
                    + "it their votes")
        }
    }

    private mutating func speaks(
        _ id: NodeID, in term: Term, _ now: Glance
    ) throws(Violation) {
        guard let word = words[id] else {
            words[id] = Word(incarnation: now.incarnation, term: term)
            return
        }
        exercised += 1
        guard word.incarnation == now.incarnation else {
            throw Violation(
                Self.name,
                "\(id) votes or acknowledges in term \(term.rawValue) with another directory than "
                    + "the one that it had as a member")
        }
        if term > word.term { words[id]?.term = term }
    }

    private mutating func votes(
        _ id: NodeID, for candidate: NodeID, in term: Term
    ) throws(Violation) {
        let ballot = Ballot(voter: id, term: term)
        guard let known = votes[ballot] else {
            votes[ballot] = candidate
            return
        }
        guard known == candidate else {
            throw Violation(
                Self.name,
                "\(id) voted for \(candidate) in term \(term.rawValue), and for \(known) before")
        }
    }
}
