/// The content of a `membership` entry: the founders and the version they all speak.
public struct MembershipPayload: Equatable, Sendable {
    /// The members, ascending by id; not empty.
    public var members: [Member]
    /// The version of the cluster.
    public var clusterVersion: UInt32

    /// The most members one entry may name.
    public static let memberLimit = 255

    /// Makes a content; the members must ascend by id.
    public init(members: [Member], clusterVersion: UInt32) {
        self.members = members
        self.clusterVersion = clusterVersion
    }

    /// The binary form.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 + members.count * 12)
        writer.write(byte: 1)
        writer.write(UInt64(clusterVersion))
        writer.write(count: members.count)
        for member in members { writer.write(member: member) }
        return writer.bytes
    }

    /// Reads the binary form; throws on anything that `encoded` does not write.
    public init(decoding bytes: [UInt8]) throws(DecodeError) {
        var reader = try ByteReader(payload: bytes)
        clusterVersion = try reader.version()
        members = try reader.members(limit: MembershipPayload.memberLimit)
        guard !members.isEmpty else { throw .malformed }
        try reader.finish()
    }
}

/// The content of a `clusterVersion` entry.
public struct ClusterVersionPayload: Equatable, Sendable {
    /// The version that all members speak.
    public var clusterVersion: UInt32

    /// Makes a content.
    public init(clusterVersion: UInt32) { self.clusterVersion = clusterVersion }

    /// The binary form.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.write(byte: 1)
        writer.write(UInt64(clusterVersion))
        return writer.bytes
    }

    /// Reads the binary form; throws on anything that `encoded` does not write.
    public init(decoding bytes: [UInt8]) throws(DecodeError) {
        var reader = try ByteReader(payload: bytes)
        clusterVersion = try reader.version()
        try reader.finish()
    }
}

/// The content of a `checkpoint` entry: what the leader's state was at an earlier entry.
public struct CheckpointPayload: Equatable, Sendable {
    /// The earlier entry.
    public var index: LogIndex
    /// The leader's rolling digest when it had applied that entry.
    public var digest: UInt64

    /// Makes a content.
    public init(index: LogIndex, digest: UInt64) {
        self.index = index
        self.digest = digest
    }

    /// The binary form.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 20)
        writer.write(byte: 1)
        writer.write(index.rawValue)
        writer.write(fixed64: digest)
        return writer.bytes
    }

    /// Reads the binary form; throws on anything that `encoded` does not write.
    public init(decoding bytes: [UInt8]) throws(DecodeError) {
        var reader = try ByteReader(payload: bytes)
        index = LogIndex(try reader.number())
        digest = try reader.fixed64()
        try reader.finish()
    }
}

extension ByteWriter {
    mutating func write(member: Member) {
        write(UInt64(member.id.rawValue))
        write(fixed64: member.incarnation.rawValue)
    }
}

extension ByteReader {
    fileprivate init(payload bytes: [UInt8]) throws(DecodeError) {
        self.init(bytes)
        guard try byte() == 1 else { throw .malformed }
    }

    mutating func version() throws(DecodeError) -> UInt32 {
        let number = try number()
        guard number <= UInt64(UInt32.max) else { throw .malformed }
        return UInt32(number)
    }

    /// Reads members, which must ascend strictly by id.
    mutating func members(limit: Int) throws(DecodeError) -> [Member] {
        let total = try count(limit: limit)
        var members: [Member] = []
        for _ in 0..<total {
            let member = Member(id: try nodeID(), incarnation: Incarnation(try fixed64()))
            if let last = members.last, last.id >= member.id { throw .malformed }
            members.append(member)
        }
        return members
    }
}
