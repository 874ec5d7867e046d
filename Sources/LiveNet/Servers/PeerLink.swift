import EdgeCodecs
import Protocols

/// One connection to another member: an upgrade if the address asks for one, the handshake of
/// `SecureChannel`, then sealed frames of one `PeerMessage` each. An empty frame keeps it alive.
final class PeerLink: StreamHandler {
    let role: SecureChannelRole
    /// Who should be at the other end, where this side opened the connection.
    let expected: NodeID?
    /// Who is, once it has shown that it has the key.
    private(set) var peer: NodeID?
    /// When the connection was made.
    let openedAt: Instant
    /// When the other end was last heard.
    private(set) var heardAt: Instant
    /// A newer link took this one's place.
    private(set) var isReplaced = false
    private unowned let links: PeerLinks
    private unowned let server: any PeerLinkOwner
    private let stream: Stream
    private let channel: SecureChannel
    private let upgrade: Endpoint?
    /// The answer to the upgrade so far; `nil` when none is awaited.
    private var reply: [UInt8]?
    private var why: String?

    /// The most bytes that may wait for the other end.
    private static let backlogLimit = 64 << 20
    /// The longest message: a snapshot's part, or an append of one large entry.
    private static let maximumFrame = 8 << 20

    init(
        _ links: PeerLinks, _ server: any PeerLinkOwner, _ stream: Stream,
        role: SecureChannelRole, expected: NodeID? = nil, upgrade: Endpoint? = nil
    ) {
        self.links = links
        self.server = server
        self.stream = stream
        self.role = role
        self.expected = expected
        self.upgrade = upgrade
        openedAt = server.loop.now
        heardAt = openedAt
        channel = SecureChannel(
            role: role, key: server.settings.key, node: server.settings.node,
            random: randomBytes(32), payload: [], maximumFrame: Self.maximumFrame)
    }

    /// Begins the handshake; `leftover` is what came behind a request to upgrade.
    func start(leftover: [UInt8]) {
        stream.start(self)
        if let upgrade {
            reply = []
            stream.write(
                UpgradeReply.request(host: "\(upgrade)", target: "/", upgrade: "parley-peer"))
        } else {
            begin()
        }
        if !leftover.isEmpty { leftover.withUnsafeBytes { take($0) } }
    }

    /// The other end's address, for the log.
    var address: String { stream.peerAddress ?? "unknown" }

    private func begin() {
        stream.write { channel.start(into: &$0) }
    }

    /// Sends a message, sealed; dropped while the handshake goes on.
    func send(_ message: PeerMessage) {
        seal(message.encoded())
        if stream.backlog > Self.backlogLimit { fail("the other end does not read") }
    }

    func keepAlive() { seal([]) }

    private func seal(_ payload: [UInt8]) {
        guard channel.isEstablished else { return }
        var failure: SecureChannelError?
        stream.write { out in
            do throws(SecureChannelError) {
                try channel.seal(payload, into: &out)
            } catch {
                failure = error
            }
        }
        if let failure { fail("\(failure)") }
    }

    /// Cuts the link and says why.
    func fail(_ why: String) {
        self.why = self.why ?? why
        stream.close()
    }

    /// Cuts the link without trying to open it again.
    func replace() {
        isReplaced = true
        stream.close()
    }

    // MARK: Events

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        heardAt = server.loop.now
        guard let before = reply else {
            take(bytes)
            return
        }
        let all = before + Array(bytes)
        reply = all
        do {
            guard let answer = try UpgradeReply.read(all) else { return }
            guard answer.status == .switchingProtocols else {
                return fail("the HTTP server there answers \(answer.status.code) and not 101")
            }
            reply = nil
            begin()
            answer.rest.withUnsafeBytes { take($0) }
        } catch {
            fail("the other side does not speak HTTP")
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        var answer: [UInt8] = []
        do {
            let events = try channel.receive(bytes, into: &answer)
            if !answer.isEmpty { stream.write(answer) }
            for event in events where why == nil { try on(event) }
        } catch let error as SecureChannelError {
            // The other end learns what is wrong from its own side of the handshake.
            if !answer.isEmpty { stream.write(answer) }
            fail("\(error)")
        } catch {
            fail("the other side sends messages that this version does not know (\(error))")
        }
    }

    private func on(_ event: SecureChannelEvent) throws {
        switch event {
        case .established(let node, _):
            peer = node
            links.isEstablished(self, with: node)
        case .frame(let payload):
            guard let peer, !payload.isEmpty else { return }
            server.step(.peer(peer, try PeerMessage(decoding: payload)))
        }
    }

    func streamReachedEnd(_ stream: Stream) { fail("the other side closed the connection") }

    func stream(_ stream: Stream, backlog bytes: Int) {}

    func stream(_ stream: Stream, closed end: StreamEnd) {
        guard !isReplaced else { return }
        links.isGone(self, why ?? "\(end)")
    }
}
