import EdgeCodecs
import Protocols

/// What links need of whoever has them: a node, or a test in the place of one.
protocol PeerLinkOwner: AnyObject {
    var loop: Loop { get }
    var log: Log { get }
    var settings: NodeSettings { get }
    /// A link is up or down, or brought a message.
    func step(_ event: NodeEvent)
    /// `PeerLinks.deadline` may be another.
    func updateDeadline()
}

/// The links to the other members: one connection a pair, opened by the member with the lower id.
///
/// A link that breaks is opened again after a back-off that doubles up to a second, with jitter.
final class PeerLinks {
    private unowned let server: any PeerLinkOwner
    private var established: SortedMap<NodeID, PeerLink> = [:]
    private var dialling: SortedMap<NodeID, Dial> = [:]
    /// Links whose other end has not shown yet who it is.
    private var handshaking: [PeerLink] = []
    private var keepAliveAt: Instant
    private var prng = Prng(seed: randomNumber())

    /// How often a silent link is told that it is alive.
    private static let keepAlive = Interval.seconds(1)
    /// The silence after which a link is given up.
    private static let silence = Interval.seconds(4)
    /// How long a handshake may take, and how many may be under way.
    private static let handshakeTime = Interval.seconds(4)
    private static let handshakeLimit = 64

    private struct Dial {
        let address: PeerAddress
        var failures = 0
        var retryAt: Instant?
        var isReported = false
    }

    init(_ server: any PeerLinkOwner) {
        self.server = server
        keepAliveAt = server.loop.now + Self.keepAlive
    }

    /// The earliest time at which a link wants attention.
    var deadline: Instant {
        dialling.values.reduce(keepAliveAt) { min($0, $1.retryAt ?? $0) }
    }

    /// Opens the links to the members with higher ids.
    func start() {
        for member in server.settings.members where member.id > server.settings.node {
            dialling[member.id] = Dial(address: member)
            dial(member.id)
        }
    }

    func onDeadline(_ now: Instant) {
        for (peer, dial) in dialling {
            if let time = dial.retryAt, time <= now { self.dial(peer) }
        }
        guard now >= keepAliveAt else { return }
        keepAliveAt = now + Self.keepAlive
        for link in handshaking where now - link.openedAt > Self.handshakeTime {
            link.fail("the handshake took over \(Self.handshakeTime.milliseconds / 1000) s")
        }
        for link in established.values {
            if now - link.heardAt > Self.silence {
                link.fail("nothing was heard for \(Self.silence.milliseconds / 1000) s")
            } else {
                link.keepAlive()
            }
        }
    }

    func send(_ message: PeerMessage, to peer: NodeID) {
        established[peer]?.send(message)
    }

    /// Takes a connection that another member opened.
    func accept(_ stream: Stream, leftover: [UInt8]) {
        // A member shows who it is within milliseconds; whoever has waited longest is the stranger.
        if handshaking.count >= Self.handshakeLimit,
            let oldest = handshaking.first(where: { $0.role == .acceptor })
        {
            handshaking.removeAll { $0 === oldest }
            oldest.fail("too many connections that do not show who they are")
        }
        begin(PeerLink(self, server, stream, role: .acceptor), leftover: leftover)
    }

    private func dial(_ peer: NodeID) {
        guard let address = dialling[peer]?.address else { return }
        dialling.update(peer) { $0.retryAt = nil }
        Connector(
            loop: server.loop, host: address.endpoint.host, port: address.endpoint.port,
            limitMilliseconds: 2_000
        ) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let stream):
                begin(
                    PeerLink(
                        self, server, stream, role: .initiator, expected: peer,
                        upgrade: address.transport == .upgrade ? address.endpoint : nil))
            case .failure(let error): retry(peer, "\(error)")
            }
        }
    }

    private func begin(_ link: PeerLink, leftover: [UInt8] = []) {
        handshaking.append(link)
        link.start(leftover: leftover)
    }

    private func retry(_ peer: NodeID, _ why: String) {
        guard let dial = dialling[peer] else { return }
        if !dial.isReported {
            server.log.info("link down", ["peer": .text("\(peer)"), "why": .text(why)])
        }
        let wait = Interval.milliseconds(min(1_000, 50 << Int64(min(dial.failures, 5))))
        let jittered = wait + prng.interval(from: .zero, to: wait / 4)
        dialling.update(peer) {
            $0.failures += 1
            $0.isReported = true
            $0.retryAt = server.loop.now + jittered
        }
        server.updateDeadline()
    }

    // MARK: What links report

    /// The other end has the key and is this member.
    func isEstablished(_ link: PeerLink, with peer: NodeID) {
        handshaking.removeAll { $0 === link }
        guard server.settings.members.contains(where: { $0.id == peer }),
            link.role == .initiator ? link.expected == peer : peer < server.settings.node
        else {
            link.fail("\(peer) is not the member that was expected")
            return
        }
        if let old = established[peer] {
            established[peer] = nil
            server.step(.peerDown(peer))
            old.replace()
        }
        established[peer] = link
        dialling.update(peer) {
            $0.failures = 0
            $0.isReported = false
        }
        server.log.info("link up", ["peer": .text("\(peer)")])
        server.step(.peerUp(peer))
    }

    /// The link's stream is gone.
    func isGone(_ link: PeerLink, _ why: String) {
        handshaking.removeAll { $0 === link }
        if let peer = link.peer, established[peer] === link {
            established[peer] = nil
            server.log.info("link down", ["peer": .text("\(peer)"), "why": .text(why)])
            dialling.update(peer) { $0.isReported = true }
            server.step(.peerDown(peer))
        } else {
            let from = link.expected.map(\.description) ?? link.address
            server.log.warning("link refused", ["peer": .text(from), "why": .text(why)])
        }
        if let peer = link.expected, !link.isReplaced { retry(peer, why) }
    }

    /// Cuts all links.
    func close() {
        dialling = [:]
        for link in established.values + handshaking { link.replace() }
        established = [:]
        handshaking = []
    }
}
