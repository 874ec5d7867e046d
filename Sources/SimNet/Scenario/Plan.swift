import Protocols

/// All that goes wrong in one run, drawn or written before it begins.
///
/// ## Overview
/// A plan is a value: to take one strike out of it leaves all others as they are, down to the
/// details that each draws from its own salt. So a plan can be made smaller, written by hand, and
/// printed.
public struct Plan: Equatable, Sendable {
    /// What strikes, in order of time.
    public var strikes: [Strike] = []
    /// Who is left in peace at the end.
    public var ending = Ending()

    /// Makes a plan in which nothing goes wrong.
    public init() {}

    /// The clients that have orders, as a count: they have the first numbers.
    var ordered: Int {
        strikes.reduce(0) { count, strike in
            if case .order(let client, _) = strike.act { max(count, client + 1) } else { count }
        }
    }

    /// The rooms of which a client's orders speak, each once; a client without any uses registers.
    func rooms(of client: Int) -> [String] {
        var rooms: [String] = []
        for strike in strikes {
            guard case .order(client, let order) = strike.act, let room = order.room,
                !rooms.contains(room)
            else { continue }
            rooms.append(room)
        }
        return rooms
    }
}

/// The last phase of a run: a majority is left in peace, the rest go on suffering.
public struct Ending: Equatable, Sendable {
    /// What a node outside the core goes on suffering.
    public enum Rest: String, CaseIterable, Sendable {
        /// Nobody starts it.
        case down
        /// Nothing passes in or out.
        case cutOff
        /// It is heard, and hears nothing.
        case heardOnly
        /// It hears, and is not heard.
        case hearsOnly
        /// Only the faults of its own process and disk go on.
        case connected
    }

    /// The hosts that are to be the core, by number; nil for all whose data is whole.
    public var core: [Int]?
    /// What each host suffers if it is not of the core; `down` beyond the array's end.
    public var rests: [Rest] = []

    /// Makes an ending in which all are left in peace.
    public init() {}

    /// What a host suffers outside the core.
    func rest(of host: Int) -> Rest { host < rests.count ? rests[host] : .down }
}

/// One fault or one order, with all that belongs to it.
public struct Strike: Equatable, Sendable {
    /// When it strikes, since the run's start.
    public var at: Interval
    /// What it does.
    public var act: Act
    /// What its unnamed details are drawn from; two strikes of one salt differ in nothing else.
    public var salt: UInt32

    /// Makes a strike.
    public init(at: Interval, _ act: Act, salt: UInt32 = 0) {
        self.at = at
        self.act = act
        self.salt = salt
    }
}

/// What a crash leaves of what was not synced.
public enum Loss: String, CaseIterable, Sendable {
    /// The process dies alone: what reached the kernel stays.
    case nothing
    /// The power fails: what was not synced is lost, torn or reordered, as the salt draws.
    case power
    /// The power fails, and nothing that was not synced is left.
    case unsynced
    /// The process dies in the middle of a write: of the append under way a part has landed.
    case torn
}

/// Which effects of its last step a process still performs before it dies.
public enum LastEffects: String, CaseIterable, Sendable {
    /// The salt draws it, and whether the crash comes in that step or soon after it.
    case drawn
    /// All of them; the writes are under way.
    case all
    /// All but writes: what was said before it was durable shows.
    case said
    /// Writes alone: what was durable and never said.
    case wrote
}

/// The kinds of step around which a crash lies in wait.
public enum StepKind: String, CaseIterable, Sendable {
    /// Any step.
    case any
    /// A step that writes term or vote.
    case hardState
    /// A step that writes entries.
    case entries
    /// A step that saves a snapshot, removes files, or starts the log anew.
    case snapshot
    /// A step that answers a client.
    case answer
}

/// What a client that acts on orders alone is told.
public enum ClientOrder: Equatable, Sendable {
    /// Leave the node, if any, and connect to this one.
    case go(Int)
    /// Set a register to this value, or to one that nobody else writes.
    case write(String, value: String?)
    /// Read a register.
    case read(String)
    /// Make or find a room, and join it.
    case join(String)
    /// Send a message of one word to a room, which is joined first if need be.
    case say(String, word: String)
    /// Leave a room.
    case leave(String)

    /// The room that the order is about; nil for those that do not chat.
    var room: String? {
        switch self {
        case .go, .write, .read: nil
        case .join(let room), .say(let room, _), .leave(let room): room
        }
    }

    /// True when the order is about a register.
    var isForRegister: Bool {
        switch self {
        case .write, .read: true
        case .go, .join, .say, .leave: false
        }
    }
}

/// What a strike does. Hosts and clients are numbered from 0; an interval of nil means until the
/// faults stop, or until another strike undoes it.
public enum Act: Equatable, Sendable {
    // Network
    /// Nothing passes between these hosts and the others; noticed means that links close.
    case partition([Int], noticed: Bool, lasting: Interval?)
    /// Nothing reaches a host, or nothing leaves it.
    case oneWay(Int, incoming: Bool, noticed: Bool, lasting: Interval?)
    /// Nothing passes from the first to the second, or either way.
    case cut(Int, Int, bothWays: Bool, noticed: Bool, lasting: Interval?)
    /// What the first sends to the second arrives after this time.
    case clog(Int, Int, lasting: Interval)
    /// A link is lost and may be opened again; its ends learn of it within this time.
    case resetLink(Int, Int, within: Interval)
    /// All cuts and rules end.
    case heal
    /// What becomes of some messages.
    case rule(MessageRule)
    /// Only these campaign: requests for votes of all others are lost. Nil for everybody.
    case candidates([Int]?, lasting: Interval?)
    // Clients
    /// A client's connection is lost.
    case resetClient(Int)
    /// Clients cannot reach a host.
    case unreachable(Int, lasting: Interval)
    /// A client is told to do something.
    case order(client: Int, ClientOrder)
    // Processes
    /// Processes die; they start again after the downtime.
    case crash([Int], Loss, downtime: Interval?)
    /// A process that is down starts.
    case restart(Int)
    /// A process dies around its next step of a kind, after so many others of that kind.
    case ambush(Int, StepKind, after: Int, LastEffects, Loss, downtime: Interval?)
    /// The next start of a host dies while it mends its directory, and is made again.
    case stumble(Int, Loss, downtime: Interval)
    /// A process does nothing for a while; the world moves on.
    case pause(Int, lasting: Interval)
    /// Each step of a node takes this long.
    case slowNode(Int, step: Interval, lasting: Interval)
    /// A node is asked to hand over and stop.
    case drain(Int, downtime: Interval?)
    /// Whoever leads is asked to hand over: to this host, or to the best.
    case transfer(to: Int?)
    // Disks and clocks
    /// Writes take so many times longer.
    case slowDisk(Int, factor: Int, lasting: Interval)
    /// No write completes for a while.
    case stallDisk(Int, lasting: Interval)
    /// The next sync fails, and the process stops.
    case failSync(Int, downtime: Interval?)
    /// The next write finds the disk full, and the process stops.
    case fillDisk(Int, downtime: Interval?)
    /// The next write lands elsewhere in the log.
    case misdirect(Int)
    /// One bit of durable data changes.
    case rot(Int)
    /// The wall clock jumps.
    case jump(Int, by: Interval)
    /// The data directory is emptied, and the node started again.
    case wipe(Int, downtime: Interval?)
    // Branches
    /// From here on all streams of chance are others.
    case reseed(UInt64)
}

/// The kinds of message that a rule can name.
public enum MessageKind: String, CaseIterable, Sendable {
    /// All of them but the introduction.
    case any
    /// Entries; an append without entries is a `probe`.
    case append
    case probe, matched, rejected, heartbeat, heartbeatResponse, preVoteRequest, preVoteResponse
    case voteRequest, voteResponse, snapshotChunk, snapshotResponse, timeoutNow, forward
    case readRequest, readResponse

    /// True for a message of this kind.
    func matches(_ message: PeerMessage) -> Bool {
        guard case .raft(let message) = message else { return false }
        return self == .any || self == MessageKind.kind(of: message)
    }

    /// The kind of a message.
    static func kind(of message: RaftMessage) -> MessageKind {
        switch message.body {
        case .append(let request): request.entries.isEmpty ? .probe : .append
        case .appendResponse(.matched): .matched
        case .appendResponse(.rejected): .rejected
        case .heartbeat: .heartbeat
        case .heartbeatResponse: .heartbeatResponse
        case .preVoteRequest: .preVoteRequest
        case .preVoteResponse: .preVoteResponse
        case .voteRequest: .voteRequest
        case .voteResponse: .voteResponse
        case .snapshotChunk: .snapshotChunk
        case .snapshotResponse: .snapshotResponse
        case .timeoutNow: .timeoutNow
        case .forward: .forward
        case .readRequest: .readRequest
        case .readResponse: .readResponse
        }
    }
}

/// What becomes of messages of one kind on some links; outside of byte mode.
public struct MessageRule: Equatable, Sendable {
    /// What is done to a message.
    public enum Verb: Equatable, Sendable {
        /// It is lost.
        case drop
        /// It arrives this much after it was sent, and what follows may overtake it.
        case delay(Interval)
        /// It arrives, and again this much after it was sent.
        case duplicate(Interval)
    }

    /// What is done.
    public var verb: Verb
    /// To which kind.
    public var kind: MessageKind
    /// Sent by this host; nil for any.
    public var from: Int?
    /// Sent to this host; nil for any.
    public var to: Int?
    /// After so many messages that it lets pass.
    public var skip = 0
    /// For so many messages; nil for all.
    public var count: Int?
    /// For so long; nil until the faults stop.
    public var lasting: Interval?

    /// Makes a rule.
    public init(
        _ verb: Verb, _ kind: MessageKind, from: Int?, to: Int?, skip: Int = 0,
        count: Int? = nil, lasting: Interval? = nil
    ) {
        self.verb = verb
        self.kind = kind
        self.from = from
        self.to = to
        self.skip = skip
        self.count = count
        self.lasting = lasting
    }
}
