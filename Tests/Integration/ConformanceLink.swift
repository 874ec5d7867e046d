import Glibc
import Protocols
import SimNet
import Testing

@testable import LiveNet

/// Two members on one loop with real links between them, through a relay that can hold back and cut.
final class LinkPair {
    let loop = Loop()
    private(set) var trace: [LinkSight] = []
    private var members: [LinkMember?] = [nil, nil]
    /// The dead are kept until the end: their streams close a turn later.
    private var dead: [LinkMember] = []
    private var listener: Listener?
    private var relay: Listener!
    private var pipes: [Pipe] = []
    private let port: UInt16
    private let own: UInt16
    private let log: Log
    private var said: UInt64 = 0
    private var isUp = [false, false]
    /// What each said since it is up, and the last that the other heard.
    private var lastSaid: [UInt64] = [0, 0]
    private var lastHeard: [UInt64] = [0, 0]
    fileprivate var clogged: [Instant] = [.zero, .zero]
    private var prng: Prng

    init(seed: UInt64) throws {
        prng = Prng(seed: seed)
        let ports = FreePorts.take(2)
        (own, port) = (ports[0], ports[1])
        log = try Log(level: .error, format: .text, file: "/dev/null")
        relay = try Listener.listen(loop: loop, host: "127.0.0.1", port: 0) { [unowned self] in
            pipes.append(Pipe(self, $0, to: port))
        }
        loop.onDeadline = { [unowned self] now in
            for member in members { member?.links.onDeadline(now) }
            updateDeadline()
        }
        for number in 0..<2 { try start(number) }
    }

    /// Runs a script and returns what was seen.
    func run(_ script: LinkScript) throws -> [LinkSight] {
        for act in script.acts {
            switch prng.int(in: 0..<4) {
            case 0: loop.runOnce(waiting: false)
            case 1: pass(.microseconds(Int64(prng.below(5_000))))
            default: break
            }
            trace.append(.did(act))
            switch act {
            case .say(let end, let lengths): for length in lengths { say(end, length) }
            case .cut: for pipe in pipes { pipe.cut() }
            case .kill(let end): kill(end)
            case .start(let end): try start(end)
            case .clog(let end, let time): clog(end, .milliseconds(Int64(time)))
            case .settle: try settle()
            }
        }
        return trace
    }

    /// Ends all; nothing may be used afterwards.
    func close() {
        kill(0)
        kill(1)
        relay.close()
        for pipe in pipes { pipe.cut() }
        loop.shutDown()
    }

    // MARK: Acts

    private func start(_ number: Int) throws {
        let settings = try NodeSettings(
            arguments: [],
            environment: [
                "NODE_ID": "\(number + 1)", "ENCRYPTION_KEY": Cluster.key,
                "PEERS": "1=127.0.0.1:\(own),2=127.0.0.1:\(relay.port)",
            ])
        let member = LinkMember(self, number, settings, log)
        members[number] = member
        if number == 1 {
            listener = try Listener.listen(loop: loop, host: "127.0.0.1", port: port) {
                member.links.accept($0, leftover: [])
            }
        }
        member.links.start()
        updateDeadline()
    }

    private func kill(_ number: Int) {
        guard let member = members[number] else { return }
        if number == 1 { listener?.close() }
        members[number] = nil
        isUp[number] = false
        dead.append(member)
        member.links.close()
    }

    private func say(_ number: Int, _ length: Int) {
        guard let member = members[number] else { return }
        said += 1
        trace.append(.said(number, said))
        if isUp[number] { lastSaid[number] = said }
        member.links.send(
            LinkSight.message(said, bytes: length), to: NodeID(UInt32(2 - number)))
    }

    private func clog(_ number: Int, _ time: Interval) {
        clogged[number] = loop.now + time
        for pipe in pipes { pipe.hold(number) }
    }

    private func settle() throws {
        let isDone = LiveLoop.run(loop, seconds: 20) {
            isUp == [true, true] && lastSaid[0] <= lastHeard[1] && lastSaid[1] <= lastHeard[0]
        }
        guard isDone else { throw LiveFailure("the link does not settle: \(trace.suffix(20))") }
    }

    private func pass(_ time: Interval) {
        let end = loop.now + time
        _ = LiveLoop.run(loop, seconds: 1, every: 1) { loop.now >= end }
    }

    // MARK: What members hear

    fileprivate func saw(_ member: LinkMember, _ event: NodeEvent) {
        let number = member.number
        guard members[number] === member, let sight = LinkSight(number, event) else { return }
        trace.append(sight)
        switch sight {
        case .up:
            isUp[number] = true
            lastSaid[number] = 0
        case .down: isUp[number] = false
        case .heard(_, let message): lastHeard[number] = message
        case .did, .said: break
        }
    }

    fileprivate func updateDeadline() {
        let times = members.compactMap { $0?.links.deadline }
        loop.setDeadline(times.min())
    }
}

/// Has links as a node has them, and tells what they bring.
final class LinkMember: PeerLinkOwner {
    let number: Int
    let settings: NodeSettings
    let log: Log
    private(set) var links: PeerLinks!
    private unowned let pair: LinkPair
    var loop: Loop { pair.loop }

    init(_ pair: LinkPair, _ number: Int, _ settings: NodeSettings, _ log: Log) {
        self.pair = pair
        self.number = number
        self.settings = settings
        self.log = log
        links = PeerLinks(self)
    }

    func step(_ event: NodeEvent) { pair.saw(self, event) }
    func updateDeadline() { pair.updateDeadline() }
}

/// One connection through the relay.
private final class Pipe: StreamHandler {
    private unowned let pair: LinkPair
    private var streams: [Stream?]
    private var connector: Connector?
    private var timers: [Timer] = []

    init(_ pair: LinkPair, _ stream: Stream, to port: UInt16) {
        self.pair = pair
        streams = [stream, nil]
        connector = Connector(loop: pair.loop, host: "127.0.0.1", port: port) {
            [weak self] result in
            guard let self else { return }
            connector = nil
            guard case .success(let other) = result, streams[0] != nil else {
                if case .success(let other) = result { other.close() }
                return cut()
            }
            streams[1] = other
            for number in 0..<2 {
                streams[number]?.start(self)
                hold(number)
            }
        }
    }

    /// Takes nothing from a member as long as that is clogged.
    func hold(_ number: Int) {
        let left = pair.clogged[number] - pair.loop.now
        guard left > .zero, let stream = streams[number], streams[1] != nil else { return }
        stream.pauseReading()
        let timer = Timer(loop: pair.loop)
        timers.append(timer)
        timer.start(milliseconds: left.milliseconds + 1) { [weak self] in
            guard let self, pair.clogged[number] <= pair.loop.now else { return }
            streams[number]?.resumeReading()
        }
    }

    /// Closes both sides at once; what is in between is lost.
    func cut() {
        connector?.cancel()
        connector = nil
        for timer in timers { timer.close() }
        timers = []
        let both = streams
        streams = [nil, nil]
        for stream in both { stream?.close() }
    }

    private func other(than stream: Stream) -> Stream? {
        if streams[0] === stream { return streams[1] }
        return streams[1] === stream ? streams[0] : nil
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        other(than: stream)?.write(bytes)
    }

    func streamReachedEnd(_ stream: Stream) { other(than: stream)?.closeAfterFlush() }

    func stream(_ stream: Stream, backlog bytes: Int) {}

    func stream(_ stream: Stream, closed end: StreamEnd) {
        let other = other(than: stream)
        if let place = streams.firstIndex(where: { $0 === stream }) { streams[place] = nil }
        other?.closeAfterFlush()
    }
}

/// Turns of a loop until something is so.
enum LiveLoop {
    static func run(
        _ loop: Loop, seconds: Int64, every milliseconds: Int64 = 20, until condition: () -> Bool
    ) -> Bool {
        let end = loop.now + .seconds(seconds)
        let tick = Timer(loop: loop)
        tick.start(milliseconds: milliseconds, repeating: milliseconds) {}
        defer { tick.close() }
        while !condition() {
            guard loop.now < end else { return false }
            loop.runOnce()
        }
        return true
    }
}
