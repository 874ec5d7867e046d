/// The binary form of a node's configuration, version 2: every field, in the order of declaration.
extension NodeConfiguration {
    /// The version of the form; a field more or less is a new one.
    static let formVersion: UInt8 = 2
    /// The most members a configuration may name.
    static let maximumMembers = 1_024

    func write(to writer: inout ByteWriter) {
        writer.write(byte: NodeConfiguration.formVersion)
        writer.write(UInt64(id.rawValue))
        writer.write(count: members.count)
        for member in members { writer.write(UInt64(member.rawValue)) }
        writer.write(fixed64: incarnation.rawValue)
        writer.write(boot.rawValue)
        writer.write(fixed64: seed)
        raft.write(to: &writer)
        state.write(to: &writer)
        limits.write(to: &writer)
        federation.write(to: &writer)
        writer.write(UInt64(versions.lowerBound))
        writer.write(UInt64(versions.upperBound))
    }

    /// Reads a configuration; one of which no node can be made is malformed.
    init(from reader: inout ByteReader) throws(DecodeError) {
        guard try reader.byte() == NodeConfiguration.formVersion else { throw .malformed }
        let id = NodeID(try reader.small())
        var members: [NodeID] = []
        for _ in 0..<(try reader.count(limit: NodeConfiguration.maximumMembers)) {
            let member = NodeID(try reader.small())
            if let last = members.last, last >= member { throw .malformed }
            members.append(member)
        }
        guard members.contains(id) else { throw .malformed }
        let incarnation = Incarnation(try reader.fixed64())
        let boot = Boot(try reader.number())
        self.init(
            id: id, members: members, incarnation: incarnation, boot: boot,
            seed: try reader.fixed64())
        raft = try RaftConfiguration(from: &reader)
        state = try StateLimits(from: &reader)
        limits = try NodeLimits(from: &reader)
        federation = try FederationConfiguration(from: &reader)
        let oldest = try reader.small()
        let newest = try reader.small()
        guard oldest <= newest else { throw .malformed }
        versions = oldest...newest
    }
}

extension RaftConfiguration {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(heartbeat)
        writer.write(electionLower)
        writer.write(electionUpper)
        writer.write(diskStall)
        writer.write(limit: inflightCount)
        writer.write(limit: inflightBytes)
        writer.write(limit: appendBytes)
        writer.write(limit: uncommittedBytes)
        writer.write(limit: trailingBytes)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
        self.init()
        heartbeat = try reader.interval()
        electionLower = try reader.interval()
        electionUpper = try reader.interval()
        diskStall = try reader.interval()
        inflightCount = try reader.limit()
        inflightBytes = try reader.limit()
        appendBytes = try reader.limit()
        uncommittedBytes = try reader.limit()
        trailingBytes = try reader.limit()
    }
}

extension StateLimits {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(limit: historyCount)
        writer.write(limit: historyBytes)
        writer.write(historyAge)
        writer.write(limit: historyBlockBytes)
        writer.write(nodeSessionLife)
        writer.write(clientSessionLife)
        writer.write(messageKeyLife)
        writer.write(limit: messageKeyCount)
        writer.write(limit: outcomesPerSession)
        writer.write(limit: clientSessions)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
        self.init()
        historyCount = try reader.limit()
        historyBytes = try reader.limit()
        historyAge = try reader.interval()
        historyBlockBytes = try reader.limit()
        nodeSessionLife = try reader.interval()
        clientSessionLife = try reader.interval()
        messageKeyLife = try reader.interval()
        messageKeyCount = try reader.limit()
        outcomesPerSession = try reader.limit()
        clientSessions = try reader.limit()
    }
}

extension NodeLimits {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(requestTimeout)
        writer.write(proposalRetry)
        writer.write(limit: pendingRequests)
        writer.write(limit: pendingBytes)
        writer.write(limit: clientBacklog)
        writer.write(limit: snapshotLogBytes)
        writer.write(limit: stateBytes)
        writer.write(limit: applyBatch)
        writer.write(limit: joinHistory)
        writer.write(history != nil)
        history?.write(to: &writer)
        writer.write(checkpointEntries)
        writer.write(inactivityTimeout)
        writer.write(cleanupInterval)
        writer.write(drainSpan)
        writer.write(limit: rateLimit)
        writer.write(limit: rateBurst)
        writer.write(limit: roomLimit)
        writer.write(limit: memberLimit)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
        self.init()
        requestTimeout = try reader.interval()
        proposalRetry = try reader.interval()
        pendingRequests = try reader.limit()
        pendingBytes = try reader.limit()
        clientBacklog = try reader.limit()
        snapshotLogBytes = try reader.limit()
        stateBytes = try reader.limit()
        applyBatch = try reader.limit()
        joinHistory = try reader.limit()
        if try reader.flag() { history = try HistoryLimits(from: &reader) }
        checkpointEntries = try reader.number()
        guard checkpointEntries > 0 else { throw .malformed }
        inactivityTimeout = try reader.interval()
        cleanupInterval = try reader.interval()
        drainSpan = try reader.interval()
        rateLimit = try reader.limit()
        rateBurst = try reader.limit()
        roomLimit = try reader.limit()
        memberLimit = try reader.limit()
    }
}

extension FederationConfiguration {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(name.text)
        writer.write(count: peers.count)
        for peer in peers { writer.write(peer.text) }
        for time in [
            heartbeatInterval, heartbeatTimeout, callTimeout, listTimeout, voteTimeout, retryPause,
        ] { writer.write(time) }
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
        self.init()
        name = ClusterName(try reader.string())
        for _ in 0..<(try reader.count(limit: NodeConfiguration.maximumMembers)) {
            let peer = ClusterName(try reader.string())
            if let last = peers.last, last >= peer { throw .malformed }
            peers.append(peer)
        }
        heartbeatInterval = try reader.interval()
        heartbeatTimeout = try reader.interval()
        callTimeout = try reader.interval()
        listTimeout = try reader.interval()
        voteTimeout = try reader.interval()
        retryPause = try reader.interval()
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ interval: Interval) { write(signed: interval.nanoseconds) }
    fileprivate mutating func write(limit: Int) { write(signed: Int64(limit)) }
}

extension ByteReader {
    fileprivate mutating func interval() throws(DecodeError) -> Interval {
        Interval(nanoseconds: try signed())
    }

    fileprivate mutating func limit() throws(DecodeError) -> Int {
        let value = try signed()
        guard value >= 0, let limit = Int(exactly: value) else { throw .malformed }
        return limit
    }
}
