import EdgeCodecs
import Glibc
import Protocols

/// Drives one `Node` in the real world: brings it events, performs its effects.
///
/// ## Overview
/// Everything happens on the loop's thread. An event is stepped with the time at which it is
/// handled; its effects are performed at once, in order. Streams and storage gather what they are
/// given until the loop's turn ends, so that a turn's messages leave in one write and its log
/// records in one sync.
///
/// ## Function
/// It decides nothing: whatever depends on state is `Node`'s, or `ClientEdge`'s for one connection.
public final class LiveNode: PeerLinkOwner {
    let loop: Loop
    let log: Log
    let settings: NodeSettings
    let storage: Storage
    let reader = JSONReader()
    /// The node itself, for status.
    public private(set) var node: Node
    var links: PeerLinks!
    var rpc: RPCServer!
    var federation: FederationLinks!
    var connections = SlotMap<ClientConnection>()
    var edgeTimers = TimerHeap<Instant, ConnectionID>()
    var counters = Counters()
    var faultLines = FaultLines()
    private var listeners: [Listener] = []
    private var admission = Admission()
    private var outbox = Outbox<NodeEffect>()
    /// Events that effects caused while they were performed.
    private var caused: [NodeEvent] = []
    private var isPerforming = false
    private var wallSentAt = Instant.zero
    private var recorder: Recorder?
    /// Why the process should end, once it should.
    public private(set) var ending: Ending?

    /// How a node process ends.
    public enum Ending: Equatable, Sendable {
        /// As asked, after handing over: exit status 0.
        case stopped
        /// In no way that could be helped; the line says what to do: exit status 1.
        case failed(String)
    }

    /// Opens the data directory, makes the node of what it holds, listens. Throws one line.
    public init(loop: Loop, log: Log, settings: NodeSettings) throws(StartError) {
        self.loop = loop
        self.log = log
        self.settings = settings
        let opened: OpenedStorage
        do {
            opened = try Storage.open(
                loop: loop, path: settings.dataDirectory, node: settings.node)
        } catch {
            throw StartError("\(error)")
        }
        storage = opened.storage
        if opened.tornTail {
            log.warning("the end of the log was never acknowledged and is cut", [:])
        }
        var configuration = NodeConfiguration(
            id: settings.node, members: settings.members.map(\.id),
            incarnation: opened.identity.incarnation, boot: opened.identity.boot,
            seed: randomNumber())
        configuration.raft = settings.raft
        configuration.limits = settings.limits
        configuration.federation.name = settings.federation.name
        configuration.federation.peers = settings.federation.peers.map(\.name)
        configuration.federation.heartbeatInterval = settings.federation.heartbeatInterval
        configuration.federation.heartbeatTimeout = settings.federation.heartbeatTimeout
        let now = loop.now
        do {
            node = try Node(configuration, durable: opened.durable, now: now)
        } catch {
            _ = storage.close()
            throw StartError(error, directory: settings.dataDirectory)
        }
        links = PeerLinks(self)
        attachFederation()
        recorder = Recorder.begin(settings, log: log, node, opened.durable, now: now)
        attach()
        do { try listen() } catch {
            _ = storage.close()
            recorder?.close(node)
            throw StartError("\(error)")
        }
        log.info(
            "Node server ready",
            [
                "node": .text("\(settings.node)"), "boot": .int(opened.identity.boot.rawValue),
                "members": .int(settings.members.count),
                "data_dir": .text(settings.dataDirectory),
            ])
        noteDescriptors(admission)
        step(.wallClock(loop.wallTime))
        links.start()
    }

    private func attach() {
        storage.onPersisted = { [unowned self] in step(.persisted($0)) }
        storage.onSnapshotSaved = { [unowned self] in step(.snapshotSaved($0)) }
        storage.onFailure = { [unowned self] in end(.failed("\($0)")) }
        loop.onDeadline = { [unowned self] in onDeadline($0) }
    }

    private func listen() throws(ListenError) {
        func open(
            _ endpoint: Endpoint?, _ name: String, _ accept: @escaping (Stream) -> Void
        ) throws(ListenError) {
            guard let endpoint else { return }
            listeners.append(
                try Listener.listen(
                    loop: loop, host: endpoint.host, port: endpoint.port, onAccept: accept))
            log.info("\(name) server started", ["address": .text("\(endpoint)")])
        }
        try open(settings.webSocket, "WebSocket") { [unowned self] in accept($0, .webSocket) }
        try open(settings.http, "HTTP") { [unowned self] in accept($0, .http) }
        try open(settings.xmlRPC, "XML-RPC") { [unowned self] in
            accept($0, .http, takesCalls: true)
        }
        try open(settings.tcp, "TCP") { [unowned self] in links.accept($0, leftover: []) }
    }

    private func accept(_ stream: Stream, _ kind: EdgeKind, takesCalls: Bool = false) {
        guard connections.count < admission.maximum(kind) else {
            refuse(stream)
            return
        }
        ClientConnection.accept(stream, kind, takesCalls: takesCalls, self)
    }

    private func refuse(_ stream: Stream) {
        counters.connectionsRefused += 1
        if let number = admission.refuse(at: loop.now) {
            log.warning(
                "connections are refused: too few files may be open (ulimit -n)",
                ["allowed": .int(admission.descriptors), "refused": .int(number)])
        }
        stream.close()
    }

    // MARK: Stepping

    /// Hands the node an event and performs what it decides.
    func step(_ event: NodeEvent) {
        guard !isPerforming else {
            caused.append(event)
            return
        }
        isPerforming = true
        stepNow(event)
        var position = 0
        while position < caused.count {
            stepNow(caused[position])
            position += 1
        }
        caused.removeAll(keepingCapacity: true)
        isPerforming = false
        updateDeadline()
    }

    private func stepNow(_ event: NodeEvent) {
        counters.steps += 1
        let now = loop.now
        recorder?.record(event, at: now)
        node.step(event, at: now, into: &outbox)
        if let recorder, recorder.stepped(outbox.effects) { recorder.endBlock(node) }
        counters.count(outbox.marks)
        for effect in outbox.effects { perform(effect) }
        outbox.removeAll()
    }

    /// The most connections whose time limits are looked at before the streams are flushed.
    private static let timersOfARound = 64

    /// Tells the node what the wall clock shows; before client events, and once a second.
    func stepWallClock() {
        let now = loop.now
        guard now - wallSentAt >= .milliseconds(5) else { return }
        wallSentAt = now
        step(.wallClock(loop.wallTime))
    }

    private func onDeadline(_ now: Instant) {
        if let due = node.deadline, due <= now {
            if now - wallSentAt >= .seconds(1) { stepWallClock() }
            step(.tick)
        }
        // What else is due comes with the next round, so that pings of thousands of clients do not
        // keep the loop from its sockets.
        for _ in 0..<Self.timersOfARound {
            guard let (id, _) = edgeTimers.popFirst(through: now) else { break }
            connections[id]?.onTimer()
        }
        links.onDeadline(now)
        if let recorder, recorder.deadline <= now { recorder.handOver(node, now) }
        updateDeadline()
    }

    func updateDeadline() {
        var earliest = node.deadline ?? .distantFuture
        if let time = edgeTimers.next { earliest = min(earliest, time) }
        earliest = min(earliest, links.deadline)
        if let recorder { earliest = min(earliest, recorder.deadline) }
        loop.setDeadline(earliest)
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .send(let peer, let message): links.send(message, to: peer)
        case .persist(let write, let token): storage.persist(write, token)
        case .saveSnapshot(let snapshot, let token): storage.saveSnapshot(snapshot, token)
        case .compactLog(let index): storage.compact(through: index)
        case .reply(let connection, let message):
            report(message)
            var text = text(of: message)
            connections[connection]?.send(&text)
        case .deliver(let receivers, let message):
            var text = text(of: message)
            counters.deliveries += UInt64(receivers.count)
            for receiver in receivers { connections[receiver]?.send(&text) }
        case .close(let connection, let reason): connections[connection]?.close(reason)
        case .call(let id, let cluster, let call, let context):
            federation.call(id, cluster, call, context)
        case .abandonCall(let id): federation.abandon(id)
        case .answer(let id, let answer): self.answer(id, answer)
        case .note(let note): write(note)
        case .halt(let reason): halt(reason)
        }
    }

    private func text(of message: ServerMessage) -> OutgoingText {
        var text: [UInt8] = []
        ChatJSON.encode(message, in: cluster, into: &text)
        return OutgoingText(text)
    }

    /// What some answers say of the cluster besides what the node decided.
    private var cluster: ChatJSON.Cluster {
        let available = (node.connectedMembers + [settings.node]).sorted()
        return ChatJSON.Cluster(
            node: settings.node, available: available,
            unavailable: settings.members.map(\.id).filter { !available.contains($0) })
    }

    // MARK: Ending

    private func halt(_ reason: HaltReason) {
        switch reason {
        case .drained: end(.stopped)
        case .diverged(let index):
            end(
                .failed(
                    "the state differs from the leader's at index \(index.rawValue): stop, keep "
                        + "\(settings.dataDirectory) for examination, and replace this member"))
        case .snapshotUnreadable(let index):
            end(
                .failed(
                    "the leader's snapshot at index \(index.rawValue) is of a later version: start "
                        + "that version here"))
        case .wiped:
            end(
                .failed(
                    "the cluster knows \(settings.node) with another data directory than "
                        + "\(settings.dataDirectory): restore that one; a wiped member cannot vote")
            )
        }
    }

    /// True once `drain` was called.
    public private(set) var isDraining = false

    /// Hands over, lets clients go, then ends.
    public func drain() {
        guard ending == nil, !isDraining else { return }
        isDraining = true
        log.info(
            "draining: handing over and closing clients with 1012",
            ["connections": .int(connections.count)])
        for listener in listeners { listener.close() }
        listeners = []
        step(.drain)
    }

    /// Ends the loop's run; what is queued for clients is still sent.
    public func end(_ reason: Ending) {
        guard ending == nil else { return }
        ending = reason
        if case .failed(let line) = reason { log.error("\(line)", [:]) }
        loop.stop()
    }

    /// Closes everything; call after the loop's run has returned.
    public func shutDown() {
        for listener in listeners { listener.close() }
        // What was written last, such as close frames, is given a moment to leave.
        let patience = loop.now + .milliseconds(300)
        while connections.count > 0, loop.now < patience { loop.runOnce(waiting: false) }
        links.close()
        federation.close()
        if let failure = storage.close(), ending == .stopped {
            log.error("\(failure)", [:])
        }
        recorder?.close(node)
    }
}

/// Why a node process does not start, in one line.
public struct StartError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line.
    public let description: String

    init(_ line: String) { description = line }

    init(_ refusal: StartRefusal, directory: String) {
        switch refusal {
        case .snapshotUnreadable(let error):
            description =
                "\(directory): the snapshot is of a form that this version does not know (\(error)); "
                + "start the version that wrote it"
        case .membershipUnreadable:
            description =
                "\(directory): the log does not begin with a membership this version knows"
        case .membersChanged(let stored, let configured):
            description =
                "\(directory) belongs to a cluster of \(Self.names(stored)), but \(Self.names(configured)) "
                + "are configured: the members of a running cluster cannot be changed yet"
        case .foreignDirectory:
            description =
                "\(directory) is not the directory with which this member joined the cluster"
        }
    }

    private static func names(_ members: [NodeID]) -> String {
        members.map(\.description).joined(separator: ", ")
    }
}
