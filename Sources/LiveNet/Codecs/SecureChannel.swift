import Protocols

/// Which side opened the connection.
public enum SecureChannelRole: UInt8, Sendable {
    /// The side that connected.
    case initiator = 1
    /// The side that accepted.
    case acceptor = 2

    var other: SecureChannelRole { self == .initiator ? .acceptor : .initiator }
}

/// Why a secure channel is dead. Every error is final: close the connection.
public enum SecureChannelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The other side does not speak this protocol.
    case notParley
    /// The other side speaks a version of the channel that this one does not.
    case version(UInt8)
    /// The other side has the same role: a connection to oneself, or a reflection.
    case sameRole
    /// The other side has another key, or somebody changed a hello on its way.
    case wrongKey
    /// A frame after the handshake is not the sender's next one: changed, replayed or out of order.
    case forged
    /// A frame is longer than the limit.
    case tooLarge(Int)
    /// A frame is too short to be one.
    case tooShort
    /// The keys have carried as much as they may; connect anew.
    case exhausted

    /// A short text for the log.
    public var description: String {
        switch self {
        case .notParley: "the other side does not speak Parley's peer protocol"
        case .version(let version): "the other side speaks version \(version) of the channel"
        case .sameRole: "the other side is not the opposite end of this connection"
        case .wrongKey: "the other side has another ENCRYPTION_KEY (or the handshake was changed)"
        case .forged: "a frame does not authenticate"
        case .tooLarge(let count): "a frame of \(count) bytes is over the limit"
        case .tooShort: "a frame is too short"
        case .exhausted: "the connection's keys are used up"
        }
    }
}

/// What bytes from the other side amounted to.
public enum SecureChannelEvent: Equatable, Sendable {
    /// The other side has the key, and its hello is as it sent it.
    case established(node: NodeID, payload: [UInt8])
    /// A frame came.
    case frame([UInt8])
}

/// Decides whether the other end of a connection holds the cluster's key, and seals what goes both
/// ways.
///
/// ## Overview
/// Each side sends a hello in the clear: length (4 bytes, big-endian), `PRLY`, version, role, node
/// id (4 bytes, big-endian), 32 random bytes, payload. From the shared key and both random values
/// each side derives one key per direction: HKDF-SHA256 with the initiator's then the acceptor's
/// random as salt and a label naming the direction as info. The first sealed frame of each side
/// holds the SHA-256 of both hellos, the initiator's first; so a wrong key and a changed hello are
/// found before anything is believed. After that each frame carries one payload (`SealedFrames`).
///
/// The random values make the keys of every connection fresh, so nothing recorded replays. There is
/// no forward secrecy: who learns the shared key can read recorded connections.
///
/// ## States
/// - `awaitingHello`: our hello is out. Goes to `awaitingProof` or `failed`.
/// - `awaitingProof`: keys exist, our proof is out, theirs is not here. Goes to `established` or
///   `failed`.
/// - `established`: frames go both ways. Goes to `failed` on the first bad frame.
/// - `failed`: dead; every call throws the first error again.
public final class SecureChannel {
    /// The version of the channel's own protocol.
    public static let version: UInt8 = 1
    /// The longest hello payload in bytes; small, for its sender is not authenticated yet.
    public static let maximumHelloPayload = 4096
    static let magic: [UInt8] = Array("PRLY".utf8)
    /// Magic, version, role, node id and random, without the length in front.
    static let helloFixedLength = 4 + 1 + 1 + 4 + 32

    private enum State {
        case awaitingHello
        case awaitingProof(Session, transcript: [UInt8], node: NodeID, payload: [UInt8])
        case established(Session)
        case failed(SecureChannelError)
    }

    private struct Session {
        let sealing: SealedFrames
        let opening: SealedFrames
    }

    /// This side's role.
    public let role: SecureChannelRole
    private let key: EncryptionKey
    private let hello: [UInt8]
    private let random: [UInt8]
    private let maximumFrame: Int
    private var state = State.awaitingHello
    /// The start of a frame whose rest has not come; no longer than one frame.
    private var partial: [UInt8] = []

    /// Makes one end of a channel.
    ///
    /// `random` is 32 bytes that were never used before and nobody can guess; `maximumFrame` bounds
    /// the payload of a frame in both directions, in bytes.
    public init(
        role: SecureChannelRole, key: EncryptionKey, node: NodeID, random: [UInt8],
        payload: [UInt8], maximumFrame: Int = 1 << 20
    ) {
        precondition(random.count == 32, "32 random bytes are needed")
        precondition(payload.count <= Self.maximumHelloPayload, "the hello payload is too long")
        precondition(maximumFrame >= 32 && maximumFrame <= 1 << 30)
        self.role = role
        self.key = key
        self.random = random
        self.maximumFrame = maximumFrame
        var hello: [UInt8] = []
        appendBigEndian(UInt32(Self.helloFixedLength + payload.count), to: &hello)
        hello += Self.magic
        hello += [Self.version, role.rawValue]
        appendBigEndian(node.rawValue, to: &hello)
        hello += random
        hello += payload
        self.hello = hello
    }

    /// True when frames can be sealed.
    public var isEstablished: Bool {
        if case .established = state { return true }
        return false
    }

    /// Appends the bytes that open the channel; call once, when the connection is there.
    public func start(into out: inout [UInt8]) { out += hello }

    /// Takes in bytes in any segmentation; appends what must be sent in answer to `out`.
    ///
    /// Events come in the order in which the other side caused them. An error is final, and events
    /// of the same call are lost with it.
    public func receive(
        _ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]
    ) throws(SecureChannelError) -> [SecureChannelEvent] {
        if case .failed(let error) = state { throw error }
        do {
            return try accept(bytes, into: &out)
        } catch {
            state = .failed(error)
            partial = []
            throw error
        }
    }

    /// Takes in bytes in any segmentation; appends what must be sent in answer to `out`.
    public func receive(
        _ bytes: [UInt8], into out: inout [UInt8]
    ) throws(SecureChannelError) -> [SecureChannelEvent] {
        let result = bytes.withUnsafeBytes {
            raw -> Result<[SecureChannelEvent], SecureChannelError> in
            Result { () throws(SecureChannelError) in try receive(raw, into: &out) }
        }
        return try result.get()
    }

    /// Appends one sealed frame; the channel must be established.
    public func seal(
        _ payload: [UInt8], into out: inout [UInt8]
    ) throws(SecureChannelError) {
        switch state {
        case .awaitingHello, .awaitingProof:
            preconditionFailure("a frame was sealed before the channel was established")
        case .failed(let error):
            throw error
        case .established(let session):
            guard payload.count <= maximumFrame else { throw .tooLarge(payload.count) }
            guard !session.sealing.isExhausted else { throw .exhausted }
            payload.withUnsafeBytes { session.sealing.seal($0, into: &out) }
        }
    }

    private func accept(
        _ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]
    ) throws(SecureChannelError) -> [SecureChannelEvent] {
        var events: [SecureChannelEvent] = []
        var rest = bytes
        // First the frame that was begun in an earlier call, then whole frames from where they lie.
        while !partial.isEmpty && !rest.isEmpty {
            if partial.count < SealedFrames.headerLength {
                take(SealedFrames.headerLength - partial.count, from: &rest)
                continue
            }
            let length = try frameLength(partial.withUnsafeBytes { Self.bigEndian($0) })
            take(length - partial.count, from: &rest)
            guard partial.count == length else { break }
            let frame = partial
            partial = []
            try frame.withUnsafeBytes { raw in
                Result { () throws(SecureChannelError) in
                    try onFrame(raw, events: &events, into: &out)
                }
            }.get()
        }
        while rest.count >= SealedFrames.headerLength {
            let length = try frameLength(Self.bigEndian(rest))
            guard rest.count >= length else { break }
            try onFrame(
                UnsafeRawBufferPointer(rebasing: rest[..<length]), events: &events, into: &out)
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        }
        if !rest.isEmpty { take(rest.count, from: &rest) }
        if partial.count >= SealedFrames.headerLength {
            // A length over the limit is refused before its bytes are waited for.
            _ = try frameLength(partial.withUnsafeBytes { Self.bigEndian($0) })
        }
        return events
    }

    private func take(_ count: Int, from rest: inout UnsafeRawBufferPointer) {
        let taken = min(count, rest.count)
        partial.append(contentsOf: rest[..<taken])
        rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }

    /// The whole frame's length, header included, checked against what the state allows.
    private func frameLength(_ body: UInt32) throws(SecureChannelError) -> Int {
        let body = Int(body)
        switch state {
        case .awaitingHello:
            // Another protocol's first bytes read as a huge length.
            let most = Self.helloFixedLength + Self.maximumHelloPayload
            guard body >= Self.helloFixedLength, body <= most else { throw .notParley }
        case .awaitingProof:
            guard body == 32 + SealedFrames.tagLength else { throw .wrongKey }
        case .established:
            guard body >= SealedFrames.tagLength else { throw .tooShort }
            guard body - SealedFrames.tagLength <= maximumFrame else {
                throw .tooLarge(body - SealedFrames.tagLength)
            }
        case .failed(let error):
            throw error
        }
        return body + SealedFrames.headerLength
    }

    private func onFrame(
        _ frame: UnsafeRawBufferPointer, events: inout [SecureChannelEvent],
        into out: inout [UInt8]
    ) throws(SecureChannelError) {
        switch state {
        case .awaitingHello:
            try onHello(Array(frame), into: &out)
        case .awaitingProof(let session, let transcript, let node, let payload):
            // The transcript holds public values, so comparing it in constant time gains nothing.
            guard session.opening.open(frame) == transcript else { throw .wrongKey }
            state = .established(session)
            events.append(.established(node: node, payload: payload))
        case .established(let session):
            guard let payload = session.opening.open(frame) else { throw .forged }
            events.append(.frame(payload))
        case .failed(let error):
            throw error
        }
    }

    private func onHello(
        _ theirs: [UInt8], into out: inout [UInt8]
    ) throws(SecureChannelError) {
        // frameLength has made sure that the fixed part is there.
        guard Array(theirs[4..<8]) == Self.magic else { throw .notParley }
        guard theirs[8] == Self.version else { throw .version(theirs[8]) }
        guard let theirRole = SecureChannelRole(rawValue: theirs[9]) else { throw .notParley }
        guard theirRole == role.other else { throw .sameRole }
        let node = NodeID(theirs[10..<14].withUnsafeBytes { Self.bigEndian($0) })
        let theirRandom = Array(theirs[14..<46])
        let payload = Array(theirs[46...])

        let initiated = role == .initiator
        let salt = initiated ? random + theirRandom : theirRandom + random
        let session = Session(
            sealing: SealedFrames(key: directionKey(from: role, salt: salt), seals: true),
            opening: SealedFrames(key: directionKey(from: role.other, salt: salt), seals: false))
        let transcript = initiated ? sha256(hello, theirs) : sha256(theirs, hello)
        transcript.withUnsafeBytes { session.sealing.seal($0, into: &out) }
        state = .awaitingProof(session, transcript: transcript, node: node, payload: payload)
    }

    private func directionKey(from sender: SecureChannelRole, salt: [UInt8]) -> [UInt8] {
        let label =
            "parley peer channel 1 from " + (sender == .initiator ? "initiator" : "acceptor")
        return hkdfSHA256(key: key.bytes, salt: salt, info: Array(label.utf8), length: 32)
    }

    /// The first four bytes as a number.
    private static func bigEndian(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
    }
}
