import Protocols

/// A foreign cluster and the addresses under which it can be reached, the likeliest first.
public struct FederationPeer: Equatable, Sendable {
    /// Its name.
    public var name: ClusterName
    /// Its addresses, one at the least.
    public var addresses: [RPCAddress]

    /// Makes a peer.
    public init(name: ClusterName, addresses: [RPCAddress]) {
        self.name = name
        self.addresses = addresses
    }
}

/// Makes the calls to foreign clusters: a few connections a peer, kept open, and a queue.
///
/// ## Overview
/// A call takes an idle connection, else opens one, else waits. What comes of it is reported once,
/// unless it is abandoned before. Nothing here has a time limit besides connecting: the node gives
/// up calls (`abandon`), which closes their connections. So a peer that never answers costs its own
/// few connections and nothing else.
///
/// ## Function
/// The addresses of a peer are tried in turn, beginning with the one that worked last. A connection
/// that was kept open and turns out to be closed before a byte of the answer came is replaced once
/// by a fresh one: receivers take any call any number of times.
final class FederationLinks {
    /// The most connections to a peer; a heartbeat may take one more, so that slow calls do not
    /// make a peer look dead.
    static let maximumConnections = 8
    /// The most calls to a peer that wait for a connection.
    static let maximumQueue = 1_024
    /// How long an unused connection is kept, which is less than servers usually do.
    private static let idleTime = Interval.seconds(45)
    /// How long connecting may take, when there is another address to try and when not.
    private static let connectMilliseconds: (shared: Int64, sole: Int64) = (1_000, 5_000)

    private struct Job {
        let id: CallID
        let call: FederationCall
        let body: [UInt8]
        var isRetried = false
    }

    private final class Link {
        let connection: RPCConnection
        var job: Job?
        /// Which of the peer's addresses, and how many were tried before it.
        let address: Int
        let attempt: Int
        var answers = 0
        var idleSince = Instant.zero

        init(_ connection: RPCConnection, _ job: Job, address: Int, attempt: Int) {
            self.connection = connection
            self.job = job
            self.address = address
            self.attempt = attempt
        }
    }

    private final class Peer {
        let name: ClusterName
        let addresses: [RPCAddress]
        /// The address to begin with.
        var preferred = 0
        var links: [Link] = []
        var queue: [Job] = []
        /// The log says that it cannot be reached.
        var isReportedDown = false

        init(_ peer: FederationPeer) {
            name = peer.name
            addresses = peer.addresses
        }
    }

    private let loop: Loop
    private let log: Log
    private let peers: [Peer]
    private let onResult: (CallID, CallResult) -> Void
    private let timer: Timer
    private var isTimerRunning = false

    init(
        loop: Loop, log: Log, peers: [FederationPeer],
        onResult: @escaping (CallID, CallResult) -> Void
    ) {
        self.loop = loop
        self.log = log
        self.peers = peers.map(Peer.init)
        self.onResult = onResult
        timer = Timer(loop: loop)
    }

    /// Makes a call; the result may come before this returns.
    func call(_ id: CallID, _ name: ClusterName, _ call: FederationCall, _ context: CallContext) {
        guard let peer = peers.first(where: { $0.name == name }) else {
            return onResult(id, .failed(wasSent: false))
        }
        start(Job(id: id, call: call, body: RPCWriter.encode(RPCCall(call, context))), peer)
    }

    /// Gives a call up: nothing is reported of it, and its connection is closed.
    func abandon(_ id: CallID) {
        for peer in peers {
            if let place = peer.queue.firstIndex(where: { $0.id == id }) {
                peer.queue.remove(at: place)
                return
            }
            guard let link = peer.links.first(where: { $0.job?.id == id }) else { continue }
            // A process that hangs still has its connections taken by the system: whoever did not
            // answer is not the one to begin with.
            preferNext(after: link, peer)
            for idle in peer.links where idle.job == nil && idle.address == link.address {
                idle.connection.close()
                drop(idle, peer)
            }
            link.connection.close()
            drop(link, peer)
            startQueued(peer)
            return
        }
    }

    /// Closes all connections and forgets all calls.
    func close() {
        timer.close()
        isTimerRunning = true
        for peer in peers {
            for link in peer.links { link.connection.close() }
            peer.links = []
            peer.queue = []
        }
    }

    /// How many connections there are to a peer and how many calls wait for one.
    func load(_ name: ClusterName) -> (connections: Int, waiting: Int) {
        peers.first { $0.name == name }.map { ($0.links.count, $0.queue.count) } ?? (0, 0)
    }

    // MARK: Calls

    private func start(_ job: Job, _ peer: Peer) {
        // The one used last is the least likely to have been closed meanwhile.
        let idle = peer.links.filter { $0.job == nil && $0.connection.isIdle }
        if let link = idle.max(by: { $0.idleSince < $1.idleSince }) {
            link.job = job
            link.connection.send(job.body)
            return
        }
        let most = Self.maximumConnections + (job.call == .heartbeat ? 1 : 0)
        if peer.links.count < most {
            open(job, peer)
        } else if peer.queue.count < Self.maximumQueue {
            peer.queue.append(job)
        } else {
            log.debug("federation queue full", ["peer": .text(peer.name.text)])
            onResult(job.id, .failed(wasSent: false))
        }
    }

    private func startQueued(_ peer: Peer) {
        while !peer.queue.isEmpty {
            let hasIdle = peer.links.contains { $0.job == nil && $0.connection.isIdle }
            guard hasIdle || peer.links.count < Self.maximumConnections else { return }
            start(peer.queue.removeFirst(), peer)
        }
    }

    private func open(_ job: Job, _ peer: Peer, attempt: Int = 0, from first: Int? = nil) {
        let count = peer.addresses.count
        let place = ((first ?? peer.preferred) + (first == nil ? 0 : 1)) % count
        let limits = Self.connectMilliseconds
        let connection = RPCConnection(
            loop: loop, address: peer.addresses[place],
            connectMilliseconds: attempt + 1 < count ? limits.shared : limits.sole
        ) { [weak self, unowned peer] connection, event in
            guard let self, let link = peer.links.first(where: { $0.connection === connection })
            else { return }
            on(event, link, peer)
        }
        peer.links.append(Link(connection, job, address: place, attempt: attempt))
    }

    private func on(_ event: RPCConnection.Event, _ link: Link, _ peer: Peer) {
        switch event {
        case .connected:
            peer.preferred = link.address
            guard let job = link.job else { preconditionFailure("a connection without a call") }
            link.connection.send(job.body)
        case .answered(let reply):
            guard let job = link.job else { preconditionFailure("an answer without a call") }
            link.job = nil
            link.answers += 1
            link.idleSince = loop.now
            if !link.connection.isIdle { drop(link, peer) }
            reportUp(link, peer)
            startQueued(peer)
            watchIdle()
            onResult(job.id, CallResult(reply, to: job.call, of: peer.name))
        case .ended(let failure):
            drop(link, peer)
            guard let job = link.job else { return }
            onFailure(failure, job, link, peer)
        }
    }

    private func onFailure(_ failure: RPCFailure, _ job: Job, _ link: Link, _ peer: Peer) {
        if case .noConnection = failure, link.attempt + 1 < peer.addresses.count {
            return open(job, peer, attempt: link.attempt + 1, from: link.address)
        }
        if failure == .closedWithoutAnswer, link.answers > 0, !job.isRetried {
            // The server has closed what was idle; the others of that time are no better.
            for other in peer.links where other.job == nil {
                other.connection.close()
                drop(other, peer)
            }
            var job = job
            job.isRetried = true
            return open(job, peer)
        }
        reportDown(failure, link, peer)
        var wasSent = job.isRetried
        if case .noConnection = failure { preferNext(after: link, peer) } else { wasSent = true }
        startQueued(peer)
        onResult(job.id, .failed(wasSent: wasSent))
    }

    private func preferNext(after link: Link, _ peer: Peer) {
        peer.preferred = (link.address + 1) % peer.addresses.count
    }

    private func drop(_ link: Link, _ peer: Peer) { peer.links.removeAll { $0 === link } }

    // MARK: Idle connections

    private func watchIdle() {
        guard !isTimerRunning else { return }
        isTimerRunning = true
        timer.start(milliseconds: Self.idleTime.milliseconds) { [unowned self] in closeIdle() }
    }

    private func closeIdle() {
        isTimerRunning = false
        let now = loop.now
        for peer in peers {
            for link in peer.links where link.job == nil && now - link.idleSince >= Self.idleTime {
                link.connection.close()
                drop(link, peer)
            }
        }
        if peers.contains(where: { $0.links.contains { $0.job == nil } }) { watchIdle() }
    }

    // MARK: The log

    private func reportUp(_ link: Link, _ peer: Peer) {
        guard peer.isReportedDown else { return }
        peer.isReportedDown = false
        log.info(
            "federation peer answers again",
            ["peer": .text(peer.name.text), "address": .text("\(link.connection.address)")])
    }

    private func reportDown(_ failure: RPCFailure, _ link: Link, _ peer: Peer) {
        guard !peer.isReportedDown else { return }
        peer.isReportedDown = true
        log.info(
            "federation peer does not answer",
            [
                "peer": .text(peer.name.text), "address": .text("\(link.connection.address)"),
                "why": .text("\(failure)"),
            ])
    }
}
