import Protocols

/// Gathers, while a world runs, what the picture of the run is drawn from.
///
/// A value that reads and never decides: a world with a recorder runs as it does without one, and
/// a copy of the world has a recorder of its own. Times are virtual nanoseconds. Nodes are numbered
/// from 0; the clients' numbers follow those of the nodes.
struct Recorder: Sendable {
    /// What a message is about; the order is that of the page's legend.
    enum Kind: UInt8, CaseIterable, Sendable {
        case append, appendResponse, appendRejected, heartbeat, heartbeatResponse
        case preVoteRequest, preVoteResponse, voteRequest, voteResponse, timeoutNow
        case snapshotChunk, snapshotResponse, forward, readRequest, readResponse, hello
        case request, reply, delivery
    }

    /// What became of a message.
    enum Fate: UInt8, CaseIterable, Sendable {
        /// It had not arrived when the run was over, or its connection was gone.
        case underWay
        /// It was handed to the receiver.
        case arrived
        /// It was lost on its way.
        case lost
        /// The way was cut.
        case cut
        /// The link was closed before it arrived.
        case linkClosed
        /// The receiver was down.
        case receiverDown
    }

    /// One message from one node or client to another.
    struct Message: Equatable, Sendable {
        var sent: Int64
        /// When it was handed over or lost; -1 while it is under way.
        var ended: Int64 = -1
        var from: Int
        var to: Int
        var kind: Kind
        var fate = Fate.underWay
        /// The second copy of a duplicated message.
        var isCopy = false
        var term: UInt64
        /// What it says, a position in `strings`.
        var text: UInt32
    }

    /// From `time` on a node is this.
    struct Span: Equatable, Sendable {
        var time: Int64
        var host: Int
        var status: Int
        var role: Role
        var term: UInt64
        /// The leader it knows, 0 for none.
        var leader: UInt32
        var boot: UInt64
    }

    /// What lasts for a while.
    struct Bar: Equatable, Sendable {
        enum Kind: UInt8, CaseIterable, Sendable {
            case pause, slowNode, slowDisk, stalledDisk, unreachable, apart
            case cut, clogged
        }
        var kind: Kind
        /// The node; -1 for the network.
        var host: Int
        var start: Int64
        /// -1 while it lasts.
        var end: Int64 = -1
        var text: UInt32
    }

    /// A write on its way to a node's disk.
    struct Write: Equatable, Sendable {
        var host: Int
        var start: Int64
        /// When the node heard that it is durable; -1 if it never did.
        var end: Int64 = -1
        var isSnapshot: Bool
        var token: UInt64
        var text: UInt32
    }

    /// How far a node has committed or applied.
    struct Progress: Equatable, Sendable {
        var time: Int64
        var host: Int
        var isApply: Bool
        var index: UInt64
    }

    /// Something that happened at one moment.
    struct Moment: Equatable, Sendable {
        enum Kind: UInt8, CaseIterable, Sendable {
            /// The world said something: a fault, a start, a crash.
            case note
            /// A fault took effect; `value` counts how often.
            case fault
            /// A node took a rare path.
            case mark
            /// A node told its operator something.
            case told
            /// A node learned that a link is up or down.
            case link
        }
        var time: Int64
        /// The node, -1 for none.
        var host: Int
        var kind: Kind
        var value: UInt64 = 1
        var text: UInt32
    }

    var messages: [Message] = []
    var spans: [Span] = []
    var bars: [Bar] = []
    var writes: [Write] = []
    var progress: [Progress] = []
    var moments: [Moment] = []
    var operations = Operations()
    /// Steps of nodes.
    var steps: UInt64 = 0
    /// When the faults stopped; -1 if they did not.
    var settled: Int64 = -1
    /// All texts, each once.
    private(set) var strings: [String] = []
    private var positions: [String: UInt32] = [:]

    let nodes: Int
    /// Messages under way, by the slot they wait in.
    private var slots: [Int] = []
    /// Frames under way in byte mode, by direction, oldest first.
    private var streams: [[Int]]
    /// How many of the newest of them were not flushed yet.
    private var unflushed: [Int]
    /// Messages to and from a client under way.
    private var requests: [[(message: Int, epoch: UInt32, request: ClientRequest)]]
    private var replies: [[(message: Int, epoch: UInt32, reply: ServerMessage)]]
    /// Duplicates counted so far; tells a copy from its original.
    private var duplicates: UInt64 = 0
    private var expectsCopy = false
    /// Writes that no node has heard of being durable yet, by node.
    var waiting: [[Int]]
    var eyes: RecorderEyes

    /// Makes an empty recorder.
    init(nodes: Int, clients: Int) {
        self.nodes = nodes
        streams = Array(repeating: [], count: nodes * nodes)
        unflushed = Array(repeating: 0, count: nodes * nodes)
        requests = Array(repeating: [], count: clients)
        replies = Array(repeating: [], count: clients)
        waiting = Array(repeating: [], count: nodes)
        eyes = RecorderEyes(nodes: nodes)
    }

    /// The position of a text.
    mutating func intern(_ text: String) -> UInt32 {
        if let position = positions[text] { return position }
        let position = UInt32(strings.count)
        strings.append(text)
        positions[text] = position
        return position
    }

    // MARK: Messages between nodes

    /// A message is scheduled to arrive; `duplicates` is how many were doubled up to now.
    mutating func post(
        _ message: PeerMessage, _ from: Int, _ to: Int, slot: UInt32, duplicates: UInt64,
        at now: Int64
    ) {
        let isCopy = expectsCopy
        expectsCopy = duplicates > self.duplicates
        self.duplicates = duplicates
        let position = add(message, from, to, isCopy: isCopy, at: now)
        while slots.count <= Int(slot) { slots.append(-1) }
        slots[Int(slot)] = position
    }

    /// A message is lost before it is under way.
    mutating func lose(_ message: PeerMessage, _ from: Int, _ to: Int, _ fate: Fate, at now: Int64)
    {
        let position = add(message, from, to, isCopy: false, at: now)
        end(position, fate, at: now)
    }

    /// The message of a slot has come to its end.
    mutating func take(slot: UInt32, _ fate: Fate, at now: Int64) {
        guard slots.indices.contains(Int(slot)), slots[Int(slot)] >= 0 else { return }
        end(slots[Int(slot)], fate, at: now)
        slots[Int(slot)] = -1
    }

    /// In byte mode: a message is put into the stream so many times.
    mutating func stream(
        _ message: PeerMessage, _ from: Int, _ to: Int, copies: Int, at now: Int64
    ) {
        guard copies > 0 else { return lose(message, from, to, .lost, at: now) }
        for copy in 0..<copies {
            streams[from * nodes + to].append(add(message, from, to, isCopy: copy > 0, at: now))
            unflushed[from * nodes + to] += 1
        }
    }

    /// In byte mode: what gathered in a stream is sent, or lost as a whole.
    mutating func flush(_ from: Int, _ to: Int, isCut: Bool, at now: Int64) {
        let path = from * nodes + to
        if isCut {
            let first = streams[path].count - unflushed[path]
            for position in streams[path][first...] { end(position, .cut, at: now) }
            streams[path].removeLast(unflushed[path])
        }
        unflushed[path] = 0
    }

    /// In byte mode: the oldest frame of a stream is whole at the receiver.
    mutating func frame(_ from: Int, _ to: Int, at now: Int64) {
        let path = from * nodes + to
        guard !streams[path].isEmpty else { return }
        end(streams[path].removeFirst(), .arrived, at: now)
    }

    /// A link is closed: what is in the stream of one direction is gone.
    mutating func close(_ from: Int, _ to: Int, at now: Int64) {
        let path = from * nodes + to
        for position in streams[path] { end(position, .linkClosed, at: now) }
        streams[path].removeAll()
        unflushed[path] = 0
    }

    private mutating func add(
        _ message: PeerMessage, _ from: Int, _ to: Int, isCopy: Bool, at now: Int64
    ) -> Int {
        var term: UInt64 = 0
        if case .raft(let raft) = message { term = raft.term.rawValue }
        messages.append(
            Message(
                sent: now, from: from, to: to, kind: message.kind, isCopy: isCopy, term: term,
                text: intern(ReportText.text(message))))
        return messages.count - 1
    }

    private mutating func end(_ position: Int, _ fate: Fate, at now: Int64) {
        messages[position].ended = now
        messages[position].fate = fate
    }

    // MARK: Messages of clients

    /// A client sends a request.
    mutating func ask(
        _ client: Int, _ host: Int, _ epoch: UInt32, _ request: ClientRequest, at now: Int64
    ) {
        requests[client].append((messages.count, epoch, request))
        messages.append(
            Message(
                sent: now, from: nodes + client, to: host, kind: .request, term: 0,
                text: intern(ReportText.text(request))))
    }

    /// A node takes a client's request. What the connection carried before it was lost.
    mutating func asked(_ connection: ConnectionID, _ request: ClientRequest, at now: Int64) {
        let client = Int(connection.slot)
        guard requests.indices.contains(client) else { return }
        requests[client].removeAll { $0.epoch < connection.generation }
        let found =
            requests[client].firstIndex { $0.request == request }
            ?? (requests[client].isEmpty ? nil : 0)
        guard let found, requests[client][found].epoch == connection.generation else { return }
        end(requests[client][found].message, .arrived, at: now)
        requests[client].removeSubrange(...found)
    }

    /// A node sends a message to a client.
    mutating func reply(
        _ host: Int, _ connection: ConnectionID, _ message: ServerMessage, isFanOut: Bool,
        at now: Int64
    ) {
        let client = Int(connection.slot)
        guard replies.indices.contains(client) else { return }
        replies[client].append((messages.count, connection.generation, message))
        messages.append(
            Message(
                sent: now, from: host, to: nodes + client, kind: isFanOut ? .delivery : .reply,
                term: 0, text: intern(ReportText.text(message))))
    }

    /// A client takes a message.
    mutating func replied(_ client: Int, _ epoch: UInt32, _ message: ServerMessage, at now: Int64) {
        replies[client].removeAll { $0.epoch < epoch }
        let found =
            replies[client].firstIndex { $0.reply == message }
            ?? (replies[client].isEmpty ? nil : 0)
        guard let found else { return }
        end(replies[client][found].message, .arrived, at: now)
        replies[client].removeSubrange(...found)
    }
}

extension PeerMessage {
    /// What the message is about.
    fileprivate var kind: Recorder.Kind {
        guard case .raft(let message) = self else { return .hello }
        return switch message.body {
        case .preVoteRequest: .preVoteRequest
        case .preVoteResponse: .preVoteResponse
        case .voteRequest: .voteRequest
        case .voteResponse: .voteResponse
        case .append: .append
        case .appendResponse(.matched): .appendResponse
        case .appendResponse(.rejected): .appendRejected
        case .heartbeat: .heartbeat
        case .heartbeatResponse: .heartbeatResponse
        case .snapshotChunk: .snapshotChunk
        case .snapshotResponse: .snapshotResponse
        case .timeoutNow: .timeoutNow
        case .forward: .forward
        case .readRequest: .readRequest
        case .readResponse: .readResponse
        }
    }
}
