import EdgeCodecs
import Glibc
import LiveNet
import Protocols

/// A chat load: makes rooms, lets members join, measures, checks.
///
/// ## Overview
///     making rooms ──► members join ──► warm-up ──► measurement ──► rest comes in ──► report
///
/// ## Function
/// All on one thread and one loop. What is sent in the measurement counts for latency; what is
/// acknowledged and delivered in it counts for rates. Loss, doubles and order concern the whole run.
final class ChatLoad {
    let options: ChatOptions
    let loop = Loop()
    let reader = JSONReader(maximumBytes: 16 << 20)
    private(set) var rooms: [UniqueID] = []
    var ledgers: [Ledger] = []
    private(set) var receivers: [LoadReceiver] = []
    private(set) var senders: [LoadSender] = []
    var members: [LoadMember] { receivers + senders }
    private var membership: MembershipCheck?
    private var connected = 0
    private var joinedOnce = 0
    private(set) var hasStarted = false
    private(set) var isOver = false
    private var isSending = false

    // Times of the monotonic clock, in nanoseconds.
    private var beganAt = monotonicNanoseconds()
    private var startedAt: Int64 = 0
    private var countFrom: Int64 = .max
    private var countUntil: Int64 = .max
    private var issued: Int64 = 0
    private var nextSender = 0
    private var lastAck: Int64 = 0
    private var lastProgress: Int64 = 0
    private var progressAcks = 0
    private var progressDeliveries = 0
    private var cpuBefore: Double = 0

    var report = ChatReport()
    var disconnects: Int {
        get { report.disconnects }
        set { report.disconnects = newValue }
    }
    var retried: Int {
        get { report.retried }
        set { report.retried = newValue }
    }
    var rejected: Int {
        get { report.rejected }
        set { report.rejected = newValue }
    }
    var unreadable: Int {
        get { report.unreadable }
        set { report.unreadable = newValue }
    }
    var lastError = ""

    /// How long the members may take to join.
    private static let joinLimit: Int64 = 30_000_000_000

    private init(_ options: ChatOptions) { self.options = options }

    /// Runs one load; returns the exit code.
    static func run(_ options: ChatOptions) -> Int32 {
        let load = ChatLoad(options)
        let code = load.run()
        load.isOver = true
        for member in load.members { member.close() }
        load.loop.shutDown()
        return code
    }

    private func run() -> Int32 {
        let ticker = Timer(loop: loop)
        ticker.start(milliseconds: 1, repeating: 1) { [unowned self] in tick() }
        defer { ticker.close() }
        loop.onSignal(SIGINT) { [unowned self] in endEarly() }
        let maker = RoomMaker(self)
        maker.start()
        while rooms.count < options.rooms {
            guard monotonicNanoseconds() - beganAt < Self.joinLimit else {
                maker.close()
                Output.error("parley-bench chat: no room could be made: \(lastError)")
                return 1
            }
            loop.runOnce()
        }
        maker.close()
        makeMembers()
        while !hasStarted {
            guard monotonicNanoseconds() - beganAt < Self.joinLimit else {
                let all = members.count
                Output.error(
                    "parley-bench chat: \(joinedOnce) of \(all) members joined: \(lastError)")
                return 1
            }
            loop.runOnce()
        }
        while !isOver { loop.runOnce() }
        return conclude()
    }

    /// What was sent until now is judged; asked again, no more is waited for.
    private func endEarly() {
        guard hasStarted else {
            Output.error("parley-bench chat: ended before all members had joined")
            exit(1)
        }
        let now = monotonicNanoseconds()
        if countUntil > now { countUntil = now } else { isOver = true }
    }

    /// A room was made; ledgers go with rooms.
    func roomMade(_ id: UniqueID) {
        rooms.append(id)
        ledgers.append(Ledger())
    }

    private func makeMembers() {
        beganAt = monotonicNanoseconds()
        for number in 0..<options.receivers {
            receivers.append(
                LoadReceiver(self, number: number, name: "receiver\(number)", url: number))
        }
        for number in 0..<options.senders {
            senders.append(LoadSender(self, number: number, name: "sender\(number)", url: number))
        }
        // Not all at once, for a listener's queue is finite.
        for _ in 0..<min(64, members.count) { connectNext() }
    }

    private func connectNext() {
        guard connected < members.count else { return }
        connected += 1
        members[connected - 1].connect()
    }

    /// A member is in its room, for the first time or again.
    func memberJoined(_ member: LoadMember) {
        guard !hasStarted else {
            report.reconnects += 1
            return
        }
        joinedOnce += 1
        connectNext()
        // Some may have come twice, after a loss; what counts is that all are in now.
        if joinedOnce >= members.count, members.allSatisfy(\.isJoined) { start() }
    }

    private func start() {
        hasStarted = true
        isSending = true
        startedAt = monotonicNanoseconds()
        countFrom = startedAt + Int64(options.warmUp) * 1_000_000_000
        countUntil = countFrom + Int64(options.seconds) * 1_000_000_000
        lastProgress = startedAt
        if options.rate == nil {
            // Not all windows at the same moment: members take turns.
            for _ in 0..<options.inflight {
                for sender in senders where sender.hasRoom { sender.send(at: startedAt) }
            }
        }
    }

    // MARK: - Sending

    /// Fills a sender's window, unless a rate says when to send.
    func fill(_ sender: LoadSender) {
        guard isSending, options.rate == nil else { return }
        let now = monotonicNanoseconds()
        while sender.hasRoom { sender.send(at: now) }
    }

    private func sendDue(_ now: Int64) {
        guard let rate = options.rate else { return }
        let due = Int64(Double(now - startedAt) / 1e9 * Double(rate))
        while issued < due {
            guard let sender = nextFree() else { return }
            sender.send(at: startedAt + Int64(Double(issued) / Double(rate) * 1e9))
            issued += 1
        }
    }

    private func nextFree() -> LoadSender? {
        for _ in senders.indices {
            let sender = senders[nextSender]
            nextSender = (nextSender + 1) % senders.count
            if sender.hasRoom { return sender }
        }
        return nil
    }

    private func tick() {
        guard hasStarted, !isOver else { return }
        let now = monotonicNanoseconds()
        if cpuBefore == 0, now >= countFrom { cpuBefore = ChatReport.cpuSeconds() }
        if now - lastProgress >= 1_000_000_000 { progress(now) }
        for sender in senders { sender.retryDue(now) }
        if isSending {
            if now >= countUntil {
                isSending = false
                noteGap(until: countUntil)
                report.seconds = Double(max(countUntil - countFrom, 1)) / 1e9
                report.cpu = ChatReport.cpuSeconds() - cpuBefore
            } else {
                sendDue(now)
            }
        } else {
            let limit: Int64 = options.reconnects ? 30_000_000_000 : 10_000_000_000
            if let membership {
                isOver = membership.isOver(now)
            } else if isSettled || now - countUntil > limit {
                guard options.checksMembers else {
                    isOver = true
                    return
                }
                membership = MembershipCheck(self, now)
            }
        }
    }

    /// Everything sent is answered, and everything acknowledged was received.
    private var isSettled: Bool {
        senders.allSatisfy { $0.outstanding == 0 }
            && receivers.allSatisfy {
                $0.receipts.next > ledgers[$0.roomIndex].lastAcknowledged
            }
    }

    // MARK: - Counting

    func acknowledged(sentAt time: Int64, _ now: Int64) {
        progressAcks += 1
        if time >= countFrom, time < countUntil { report.ackLatency.add(now - time) }
        guard now >= countFrom, now < countUntil else { return }
        noteGap(until: now)
        report.acknowledged += 1
    }

    private func noteGap(until now: Int64) {
        let gap = now - max(lastAck, countFrom)
        if gap > report.longestGap {
            report.longestGap = gap
            report.longestGapAt = now - gap - countFrom
        }
        lastAck = now
    }

    func delivered(sentAt time: Int64, _ now: Int64) {
        progressDeliveries += 1
        if time >= countFrom, time < countUntil { report.deliveryLatency.add(now - time) }
        if now >= countFrom, now < countUntil { report.deliveries += 1 }
    }

    private func progress(_ now: Int64) {
        let seconds = Double(now - lastProgress) / 1e9
        let phase = now < countFrom ? "warm-up" : isSending ? "measuring" : "finishing"
        Output.error(
            "\(column(String((now - startedAt) / 1_000_000_000), 4)) s  "
                + "\(column(fixed(Double(progressAcks) / seconds, 0), 8)) acknowledged/s  "
                + "\(column(fixed(Double(progressDeliveries) / seconds, 0), 9)) deliveries/s  "
                + phase + (lastError.isEmpty ? "" : "  (\(lastError))"))
        lastError = ""
        progressAcks = 0
        progressDeliveries = 0
        lastProgress = now
    }

    private func conclude() -> Int32 {
        for receiver in receivers {
            report.lost += ledgers[receiver.roomIndex].lost(receiver.receipts)
            report.duplicates += receiver.receipts.duplicates
            report.disorder += receiver.receipts.late
        }
        for ledger in ledgers {
            report.duplicates += ledger.doubled
            report.disorder += ledger.contradictions + ledger.gaps
        }
        membership?.conclude()
        report.unanswered = senders.reduce(0) { $0 + $1.outstanding }
        let isGood = report.isGood(options)
        if !options.isJSONOnly { report.printTable(options) }
        Output.line(report.json(options, isGood))
        return isGood ? 0 : 1
    }
}

/// Makes the rooms of a load over a connection of its own.
final class RoomMaker: WebSocketClientHandler {
    private unowned let load: ChatLoad
    private var client: WebSocketClient?
    private var attempts = 0
    private let retry: Timer
    private let prefix = "bench-\(String(randomNumber(), radix: 16))"

    init(_ load: ChatLoad) {
        self.load = load
        retry = Timer(loop: load.loop)
    }

    func start() {
        let urls = load.options.urls
        client = WebSocketClient(
            loop: load.loop, url: urls[attempts % urls.count], limitMilliseconds: 2000,
            offersCompression: load.options.compresses, handler: self)
        attempts += 1
    }

    func close() {
        retry.close()
        client?.close()
        client = nil
    }

    private func makeNext() {
        guard load.rooms.count < load.options.rooms else { return }
        var text: [UInt8] = []
        let name = "\(prefix)-\(load.rooms.count)-\(attempts)"
        ChatJSON.encode(.createRoom(name: name, creator: "bench", description: ""), into: &text)
        client?.send(text: text)
    }

    func webSocketOpened(_ client: WebSocketClient) { makeNext() }

    func webSocket(_ client: WebSocketClient, received text: [UInt8]) {
        guard let message = try? ChatJSON.message(parsing: text, with: load.reader) else { return }
        switch message {
        case .roomCreated(let room, _, _):
            load.roomMade(room.id)
            makeNext()
        case .createFailed(let error):
            load.lastError = "create_room: \(error.code)"
            attempts += 1
            retry.start(milliseconds: 200) { [unowned self] in makeNext() }
        default: break
        }
    }

    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) {
        guard client === self.client else { return }
        load.lastError = "\(client.url): \(end)"
        retry.start(milliseconds: 100) { [unowned self] in start() }
    }
}
