import EdgeCodecs
import LiveNet
import Protocols

/// One member of a room in a load: connects, joins and, if told to, comes back.
class LoadMember: WebSocketClientHandler {
    unowned let load: ChatLoad
    let number: Int
    let name: String
    let roomIndex: Int
    private(set) var client: WebSocketClient?
    private(set) var isJoined = false
    /// Who is in the room, as this member was told.
    private(set) var roster: Roster
    /// The member is to be out of its room.
    private(set) var isLeaving = false
    private var nextURL: Int
    private var failures = 0
    private let retry: Timer

    init(_ load: ChatLoad, number: Int, name: String, url: Int) {
        self.load = load
        self.number = number
        self.name = name
        roomIndex = number % load.options.rooms
        nextURL = url
        roster = Roster(of: name)
        retry = Timer(loop: load.loop)
    }

    /// The number after which the history is wanted at the next join; `nil` for the usual part.
    var since: UInt64? { nil }
    /// Takes a message of chat.
    func take(_ text: FastText, _ now: Int64) {}
    /// The member is in the room, for the first time or again.
    func joined() {}
    /// Takes the refusal of a message.
    func refused(_ name: String?, _ error: RequestError) {}

    func connect() {
        let urls = load.options.urls
        client = WebSocketClient(
            loop: load.loop, url: urls[nextURL % urls.count], limitMilliseconds: 2000,
            offersCompression: load.options.compresses, handler: self)
        nextURL += 1
    }

    func close() {
        retry.close()
        client?.close()
    }

    func webSocketOpened(_ client: WebSocketClient) { join() }

    private func join() {
        var text: [UInt8] = []
        ChatJSON.encode(
            .joinRoom(room: load.rooms[roomIndex], user: name, since: since), into: &text)
        client?.send(text: text)
    }

    /// Leaves the room for good, by a request or without a word.
    func leave(withoutWord: Bool) {
        isLeaving = true
        if withoutWord { client?.close() } else { askToLeave() }
    }

    private func askToLeave() {
        var text: [UInt8] = []
        ChatJSON.encode(.leaveRoom(room: load.rooms[roomIndex], user: name), into: &text)
        client?.send(text: text)
    }

    /// Asks to join again, as when the node has forgotten the membership.
    func rejoin() {
        isJoined = false
        join()
    }

    func webSocket(_ client: WebSocketClient, received message: [UInt8]) {
        let now = monotonicNanoseconds()
        let isCommon = message.withUnsafeBytes { bytes -> Bool in
            let text = FastText(bytes)
            guard text.isType("\"new_message\"") || text.isType("\"message_sent\"") else {
                return false
            }
            take(text, now)
            return true
        }
        if !isCommon { takeOther(message) }
    }

    private func takeOther(_ text: [UInt8]) {
        guard let message = try? ChatJSON.message(parsing: text, with: load.reader) else { return }
        switch message {
        case .joined(let reply):
            isJoined = true
            roster.joined(reply.members, count: reply.room.memberCount)
            failures = 0
            joined()
            load.memberJoined(self)
        case .joinFailed(_, let error):
            load.lastError = "join: \(error.code)"
            retryLater(200) { [unowned self] in join() }
        case .messageFailed(_, let name, let error):
            load.lastError = "send: \(error.code)"
            refused(name, error)
        case .memberJoined(_, let user, let count, _): roster.came(user, count: count)
        case .memberLeft(_, let user, let count, _, _):
            roster.left(user, count: count)
            // Who was out of reach for long hears of its own leaving, and comes back.
            if user == name, !isLeaving { rejoin() }
        case .left: client?.close()
        case .leaveFailed:
            retryLater(200) { [unowned self] in askToLeave() }
        default: break
        }
    }

    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) {
        self.client = nil
        let wasJoined = isJoined
        isJoined = false
        guard !load.isOver, !isLeaving else { return }
        load.lastError = "\(client.url): \(end)"
        if wasJoined { load.disconnects += 1 }
        guard load.options.reconnects || !load.hasStarted else { return }
        failures += 1
        let isRoundDone = failures % load.options.urls.count == 0
        retryLater(isRoundDone ? 200 : 5) { [unowned self] in connect() }
    }

    private func retryLater(_ milliseconds: Int64, _ action: @escaping () -> Void) {
        guard !load.isOver else { return }
        retry.start(milliseconds: milliseconds, action)
    }
}

/// A member that only receives, and checks what it gets.
final class LoadReceiver: LoadMember {
    private(set) var receipts = Receipts()

    override var since: UInt64? { receipts.next - 1 }

    override func take(_ text: FastText, _ now: Int64) {
        guard let sequence = text.number("\"sequence_number\""), let stamp = text.stamp else {
            load.unreadable += 1
            return
        }
        load.ledgers[roomIndex].note(stamp.identity, at: sequence)
        if receipts.take(sequence) { load.delivered(sentAt: stamp.time, now) }
    }
}

/// A member that sends, with a window of messages that are not acknowledged.
final class LoadSender: LoadMember {
    private struct Outstanding {
        var time: Int64
        var isDone = false
        var retryAt: Int64?
    }

    /// Messages from `base` on; those in front are not done.
    private var window: [Outstanding] = []
    private var base: UInt64 = 0
    private(set) var outstanding = 0

    override var since: UInt64? { load.ledgers[roomIndex].lastAcknowledged }

    /// True when one more message may be sent.
    var hasRoom: Bool { isJoined && outstanding < load.options.inflight }

    /// Sends a message that is due at `time`.
    func send(at time: Int64) {
        let counter = base + UInt64(window.count)
        window.append(Outstanding(time: time))
        outstanding += 1
        transmit(counter, time)
    }

    private func transmit(_ counter: UInt64, _ time: Int64) {
        var content: [UInt8] = []
        content.reserveCapacity(load.options.size)
        FastText.Stamp(sender: UInt64(number), counter: counter, time: time).append(to: &content)
        while content.count < load.options.size {
            content.append(97 + UInt8(content.count % 26))
        }
        var id = Array("\(name)-".utf8)
        FastText.append(counter, digits: 10, to: &id)
        var text: [UInt8] = []
        text.reserveCapacity(content.count + 200)
        ChatJSON.encode(
            .sendMessage(
                room: load.rooms[roomIndex], user: name,
                content: String(decoding: content, as: UTF8.self),
                clientMessageID: String(decoding: id, as: UTF8.self)), into: &text)
        client?.send(text: text)
    }

    override func joined() {
        // What has no answer is repeated under the same name.
        for index in window.indices where !window[index].isDone {
            load.retried += 1
            window[index].retryAt = nil
            transmit(base + UInt64(index), window[index].time)
        }
        if load.hasStarted { load.fill(self) }
    }

    override func take(_ text: FastText, _ now: Int64) {
        guard text.isType("\"message_sent\"") else { return }
        guard let sequence = text.number("\"sequence_number\"") else {
            load.unreadable += 1
            return
        }
        // A server that does not say which message it means answers in order.
        let counter = text.counter ?? base
        guard counter >= base, counter - base < UInt64(window.count) else { return }
        let index = Int(counter - base)
        guard !window[index].isDone else { return }
        let stamp = FastText.Stamp(
            sender: UInt64(number), counter: counter, time: window[index].time)
        load.ledgers[roomIndex].acknowledge(stamp.identity, at: sequence)
        finish(index)
        load.acknowledged(sentAt: stamp.time, now)
        load.fill(self)
    }

    override func refused(_ name: String?, _ error: RequestError) {
        let counter = name.flatMap { UInt64($0.suffix(10), radix: 16) } ?? base
        guard counter >= base, counter - base < UInt64(window.count) else { return }
        let index = Int(counter - base)
        guard !window[index].isDone else { return }
        switch error {
        case .unavailable, .outcomeUnknown, .overloaded, .rateLimited:
            window[index].retryAt = monotonicNanoseconds() + 100_000_000
        case .notMember:
            window[index].retryAt = monotonicNanoseconds() + 100_000_000
            if isJoined { rejoin() }
        case .invalidRequest, .invalidContent, .roomNotFound, .nameTaken, .stateFull,
            .sessionExpired, .alreadyAcknowledged, .roomLimit, .roomFull, .unauthorized,
            .invalidState, .deletionFailed:
            load.rejected += 1
            finish(index)
        }
    }

    /// Repeats what was refused for the moment and is due again.
    func retryDue(_ now: Int64) {
        guard isJoined else { return }
        for index in window.indices {
            guard let time = window[index].retryAt, time <= now, !window[index].isDone else {
                continue
            }
            window[index].retryAt = nil
            load.retried += 1
            transmit(base + UInt64(index), window[index].time)
        }
    }

    private func finish(_ index: Int) {
        window[index].isDone = true
        outstanding -= 1
        var done = 0
        while done < window.count, window[done].isDone { done += 1 }
        window.removeFirst(done)
        base += UInt64(done)
    }
}
