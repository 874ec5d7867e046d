/// The binary form of what members say to each other, version 1.
///
/// A message is one byte of version, one of kind, then its fields as `ByteWriter` forms. Indexes of
/// appended entries are not sent: they follow from the entry before, so that they cannot disagree.
/// Bounds: a snapshot part is at most `Snapshot.maximumChunk` bytes; the frame around a message
/// bounds everything else.
extension PeerMessage {
    /// The version of the form.
    static let version: UInt8 = 1

    private enum Kind: UInt8 {
        case hello = 0
        case preVoteRequest, preVoteResponse, voteRequest, voteResponse
        case append, appendMatched, appendRejected
        case heartbeat, heartbeatResponse
        case snapshotChunk, snapshotWants, snapshotInstalled
        case timeoutNow, forward, readRequest, readResponse, readRefused
    }

    /// The bytes of the message.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.write(byte: PeerMessage.version)
        switch self {
        case .hello(let hello):
            writer.write(byte: Kind.hello.rawValue)
            hello.write(to: &writer)
        case .raft(let message):
            PeerMessage.write(message, to: &writer)
        }
        return writer.bytes
    }

    private static func write(_ message: RaftMessage, to writer: inout ByteWriter) {
        func begin(_ kind: Kind, _ writer: inout ByteWriter) {
            writer.write(byte: kind.rawValue)
            writer.write(UInt64(message.group.rawValue))
            writer.write(message.term.rawValue)
        }
        switch message.body {
        case .preVoteRequest(let request):
            begin(.preVoteRequest, &writer)
            request.write(to: &writer)
        case .preVoteResponse(let granted):
            begin(.preVoteResponse, &writer)
            writer.write(granted)
        case .voteRequest(let request):
            begin(.voteRequest, &writer)
            request.write(to: &writer)
        case .voteResponse(let granted):
            begin(.voteResponse, &writer)
            writer.write(granted)
        case .append(let request):
            begin(.append, &writer)
            request.write(to: &writer)
        case .appendResponse(.matched(let index)):
            begin(.appendMatched, &writer)
            writer.write(index.rawValue)
        case .appendResponse(.rejected(let previous, let hint)):
            begin(.appendRejected, &writer)
            writer.write(previous.rawValue)
            hint.write(to: &writer)
        case .heartbeat(let commit, let round):
            begin(.heartbeat, &writer)
            writer.write(commit.rawValue)
            writer.write(round)
        case .heartbeatResponse(let round):
            begin(.heartbeatResponse, &writer)
            writer.write(round)
        case .snapshotChunk(let chunk):
            begin(.snapshotChunk, &writer)
            chunk.write(to: &writer)
        case .snapshotResponse(.wants(let number, let index)):
            begin(.snapshotWants, &writer)
            writer.write(count: number)
            writer.write(index.rawValue)
        case .snapshotResponse(.installed(let index)):
            begin(.snapshotInstalled, &writer)
            writer.write(index.rawValue)
        case .timeoutNow:
            begin(.timeoutNow, &writer)
        case .forward(let kind, let payload):
            begin(.forward, &writer)
            writer.write(byte: kind.rawValue)
            writer.write(payload)
        case .readRequest(let read):
            begin(.readRequest, &writer)
            read.write(to: &writer)
        case .readResponse(let read, let index):
            begin(index == nil ? .readRefused : .readResponse, &writer)
            read.write(to: &writer)
            if let index { writer.write(index.rawValue) }
        }
    }

    /// Reads a message; everything that is not exactly one is an error.
    public init(decoding bytes: [UInt8]) throws(DecodeError) {
        var reader = ByteReader(bytes)
        guard try reader.byte() == PeerMessage.version, let kind = Kind(rawValue: try reader.byte())
        else { throw .malformed }
        if kind == .hello {
            self = .hello(try PeerHello(from: &reader))
        } else {
            let group = try reader.number()
            guard let group = UInt32(exactly: group) else { throw .malformed }
            let term = try reader.term()
            let body = try PeerMessage.body(of: kind, from: &reader)
            if case .append(let request) = body, let last = request.entries.last {
                guard last.term <= term else { throw .malformed }
            }
            if case .snapshotChunk(let chunk) = body, chunk.point.term > term {
                throw .malformed
            }
            self = .raft(RaftMessage(group: GroupID(group), term: term, body: body))
        }
        try reader.finish()
    }

    private static func body(
        of kind: Kind, from reader: inout ByteReader
    ) throws(DecodeError) -> RaftMessage.Body {
        switch kind {
        case .hello: throw .malformed
        case .preVoteRequest: return .preVoteRequest(try VoteRequest(from: &reader))
        case .preVoteResponse: return .preVoteResponse(granted: try reader.flag())
        case .voteRequest: return .voteRequest(try VoteRequest(from: &reader))
        case .voteResponse: return .voteResponse(granted: try reader.flag())
        case .append: return .append(try AppendRequest(from: &reader))
        case .appendMatched: return .appendResponse(.matched(try reader.index()))
        case .appendRejected:
            let previous = try reader.index()
            return .appendResponse(
                .rejected(previous: previous, hint: try SnapshotPoint(from: &reader)))
        case .heartbeat:
            let commit = try reader.index()
            return .heartbeat(commit: commit, round: try reader.number())
        case .heartbeatResponse: return .heartbeatResponse(round: try reader.number())
        case .snapshotChunk: return .snapshotChunk(try SnapshotChunk(from: &reader))
        case .snapshotWants:
            let number = try reader.count(limit: SnapshotChunk.maximumCount)
            return .snapshotResponse(.wants(number: number, of: try reader.index()))
        case .snapshotInstalled: return .snapshotResponse(.installed(try reader.index()))
        case .timeoutNow: return .timeoutNow
        case .forward:
            guard let kind = EntryKind(rawValue: try reader.byte()) else { throw .malformed }
            return .forward(kind: kind, payload: try reader.byteString())
        case .readRequest: return .readRequest(try ReadID(from: &reader))
        case .readResponse:
            let read = try ReadID(from: &reader)
            return .readResponse(read, index: try reader.index())
        case .readRefused: return .readResponse(try ReadID(from: &reader), index: nil)
        }
    }
}

extension ByteReader {
    /// Reads a log index; one so large that counting on from it would overflow is malformed.
    mutating func index() throws(DecodeError) -> LogIndex {
        let value = try number()
        guard value < 1 << 62 else { throw .malformed }
        return LogIndex(value)
    }

    /// Reads a term, bounded likewise.
    mutating func term() throws(DecodeError) -> Term {
        let value = try number()
        guard value < 1 << 62 else { throw .malformed }
        return Term(value)
    }
}

extension SnapshotPoint {
    func write(to writer: inout ByteWriter) {
        writer.write(index.rawValue)
        writer.write(term.rawValue)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let index = try reader.index()
        self.init(index: index, term: try reader.term())
    }
}

extension VoteRequest {
    func write(to writer: inout ByteWriter) {
        last.write(to: &writer)
        writer.write(transfer)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let last = try SnapshotPoint(from: &reader)
        self.init(last: last, transfer: try reader.flag())
    }
}

extension ReadID {
    func write(to writer: inout ByteWriter) {
        writer.write(boot.rawValue)
        writer.write(sequence)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let boot = Boot(try reader.number())
        self.init(boot: boot, sequence: try reader.number())
    }
}

extension AppendRequest {
    func write(to writer: inout ByteWriter) {
        previous.write(to: &writer)
        writer.write(commit.rawValue)
        writer.write(count: entries.count)
        for entry in entries {
            writer.write(entry.term.rawValue)
            writer.write(signed: entry.stamp.nanoseconds)
            writer.write(byte: entry.kind.rawValue)
            writer.write(entry.payload)
        }
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let previous = try SnapshotPoint(from: &reader)
        let commit = try reader.index()
        // An entry takes four bytes at the least, so the count is bounded before room is made.
        let count = try reader.count(limit: reader.remaining / 4)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var last = previous
        for _ in 0..<count {
            let term = try reader.term()
            let stamp = ClusterTime(nanoseconds: try reader.signed())
            guard term >= last.term, let kind = EntryKind(rawValue: try reader.byte()) else {
                throw .malformed
            }
            last = SnapshotPoint(index: last.index.next, term: term)
            entries.append(
                Entry(
                    index: last.index, term: term, stamp: stamp, kind: kind,
                    payload: try reader.byteString()))
        }
        self.init(previous: previous, commit: commit, entries: entries)
    }
}

extension SnapshotChunk {
    /// The most parts a snapshot may have: 16 GiB.
    static let maximumCount = 1 << 16

    func write(to writer: inout ByteWriter) {
        point.write(to: &writer)
        writer.write(count: number)
        writer.write(count: count)
        writer.write(bytes)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let point = try SnapshotPoint(from: &reader)
        let number = try reader.count(limit: SnapshotChunk.maximumCount)
        let count = try reader.count(limit: SnapshotChunk.maximumCount)
        guard number < count else { throw .malformed }
        self.init(
            point: point, number: number, count: count,
            bytes: try reader.byteString(limit: Snapshot.maximumChunk))
    }
}

extension PeerHello {
    func write(to writer: inout ByteWriter) {
        writer.write(fixed64: incarnation.rawValue)
        writer.write(UInt64(oldestVersion))
        writer.write(UInt64(newestVersion))
        writer.write(count: configured.count)
        for id in configured { writer.write(UInt64(id.rawValue)) }
        writer.write(count: founders.count)
        for member in founders {
            writer.write(UInt64(member.id.rawValue))
            writer.write(fixed64: member.incarnation.rawValue)
        }
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        let incarnation = Incarnation(try reader.fixed64())
        let oldest = try reader.small()
        let newest = try reader.small()
        guard oldest <= newest else { throw .malformed }
        var configured: [NodeID] = []
        for _ in 0..<(try reader.count(limit: 1_024)) {
            configured.append(NodeID(try reader.small()))
        }
        var founders: [Member] = []
        for _ in 0..<(try reader.count(limit: 1_024)) {
            let id = NodeID(try reader.small())
            founders.append(Member(id: id, incarnation: Incarnation(try reader.fixed64())))
        }
        self.init(
            incarnation: incarnation, oldestVersion: oldest, newestVersion: newest,
            configured: configured, founders: founders)
    }
}

extension ByteReader {
    /// Reads a number of at most 32 bits.
    mutating func small() throws(DecodeError) -> UInt32 {
        guard let value = UInt32(exactly: try number()) else { throw .malformed }
        return value
    }
}
