/// A message that was sent under the sender's own name for it.
struct KeyedMessage: Equatable, Sendable {
    let user: TextKey
    let name: TextKey
    let id: UniqueID
    let sequence: UInt64
    let at: WallTime
    /// The cluster time at which it was sent; its key is forgotten a fixed time later.
    let stamp: ClusterTime
    /// Of user and name; follows from them.
    let fingerprint: UInt64
}

/// Remembers which of a room's messages were sent under a client's own name for them.
///
/// ## Overview
/// Keys leave in the order in which they came: by age, which is also by sequence number, so that
/// the messages are a queue. An index of fingerprints leads to them. Texts decide, not
/// fingerprints; as those can be forged, at most `twinLimit` keys share one, and the oldest of them
/// goes early. That helps nobody who could not push keys out by sending many messages.
struct MessageKeys: Sendable {
    private var queue = MessageQueue()
    private var index = OrderedMap<IndexKey, Nothing>()
    /// An estimate of the memory in use.
    private(set) var byteCount = 0

    static let keyBytes = 144
    static let twinLimit = 8

    struct IndexKey: Comparable, Sendable {
        let fingerprint: UInt64
        let sequence: UInt64

        @inline(__always)
        static func < (a: IndexKey, b: IndexKey) -> Bool {
            a.fingerprint == b.fingerprint ? a.sequence < b.sequence : a.fingerprint < b.fingerprint
        }
    }

    static func fingerprint(user: String, name: String) -> UInt64 {
        var digest = Digest()
        digest.combine(name)
        digest.combine(user)
        return digest.value
    }

    /// The number of keys, those included that are over but not swept.
    var count: Int { index.count }

    /// When the oldest key came.
    var oldest: ClusterTime? { queue.first?.stamp }

    /// What is known of a key.
    struct Finding {
        /// The key's fingerprint.
        let fingerprint: UInt64
        /// The key's message, over or not.
        var message: KeyedMessage?
        /// How many keys have the fingerprint.
        var twins = 0
        /// The oldest of them.
        var oldestTwin: UInt64 = 0
    }

    /// Looks for a key by its texts.
    func find(user: TextKey, name: TextKey) -> Finding {
        var finding = Finding(
            fingerprint: MessageKeys.fingerprint(user: user.text, name: name.text))
        let least = IndexKey(fingerprint: finding.fingerprint, sequence: 0)
        for (key, _) in index.elements(from: least) {
            guard key.fingerprint == finding.fingerprint else { break }
            guard let message = queue[key.sequence] else {
                preconditionFailure("a key without message")
            }
            if finding.twins == 0 { finding.oldestTwin = key.sequence }
            finding.twins += 1
            if message.name == name, message.user == user { finding.message = message }
        }
        return finding
    }

    /// Adds a message, later than all before, whose key was looked for and is not among them;
    /// drops the oldest keys when there are too many.
    mutating func insert(_ message: KeyedMessage, after finding: Finding, limit: Int) {
        guard limit > 0 else { return }
        while index.count >= limit, let oldest = queue.first { remove(oldest) }
        if finding.twins >= MessageKeys.twinLimit, let twin = queue[finding.oldestTwin] {
            remove(twin)
        }
        let key = IndexKey(fingerprint: message.fingerprint, sequence: message.sequence)
        index[key] = Nothing()
        byteCount += MessageKeys.bytes(of: message)
        queue.append(message)
    }

    /// Forgets keys that are over at `stamp`, at most `limit` of them.
    mutating func expire(at stamp: ClusterTime, life: Interval, limit: Int) {
        for _ in 0..<limit {
            guard let oldest = queue.first, stamp - oldest.stamp >= life else { return }
            remove(oldest)
        }
    }

    /// Forgets one key, wherever it stands.
    mutating func remove(_ message: KeyedMessage) {
        queue.remove(message.sequence)
        index.removeValue(
            forKey: IndexKey(fingerprint: message.fingerprint, sequence: message.sequence))
        byteCount -= MessageKeys.bytes(of: message)
    }

    private static func bytes(of message: KeyedMessage) -> Int {
        keyBytes + message.user.text.utf8.count + message.name.text.utf8.count
    }

    /// The messages, oldest first.
    func forEach(_ body: (KeyedMessage) -> Void) { queue.forEach(body) }

    func digest(into digest: inout Digest) {
        digest.combine(count)
        forEach { message in
            digest.combine(message.user.text)
            digest.combine(message.name.text)
            message.id.digest(into: &digest)
            digest.combine(message.sequence)
            digest.combine(UInt64(bitPattern: message.at.milliseconds))
            digest.combine(UInt64(bitPattern: message.stamp.nanoseconds))
        }
    }
}

extension MessageKeys: Equatable {
    /// True when both remember the same messages; the index follows from them.
    static func == (a: MessageKeys, b: MessageKeys) -> Bool { a.queue == b.queue }
}

/// Messages by ascending sequence number: in at the end, mostly out at the front.
///
/// Blocks of 64 are shared between copies.
private struct MessageQueue: Equatable, Sendable {
    private var blocks: [[KeyedMessage]] = []
    /// Messages of the first block before this one are gone already.
    private var head = 0

    private static let blockLimit = 64

    var first: KeyedMessage? { blocks.first.map { $0[head] } }

    mutating func append(_ message: KeyedMessage) {
        if let last = blocks.last, last.count < MessageQueue.blockLimit {
            blocks[blocks.count - 1].append(message)
        } else {
            blocks.append([message])
        }
    }

    subscript(sequence: UInt64) -> KeyedMessage? {
        place(of: sequence).map { blocks[$0.block][$0.offset] }
    }

    mutating func remove(_ sequence: UInt64) {
        guard let place = place(of: sequence) else { return }
        if place.block == 0, place.offset == head {
            head += 1
        } else {
            blocks[place.block].remove(at: place.offset)
        }
        if place.block == 0, head == blocks[0].count {
            blocks.removeFirst()
            head = 0
        } else if blocks[place.block].isEmpty {
            blocks.remove(at: place.block)
        }
    }

    private func place(of sequence: UInt64) -> (block: Int, offset: Int)? {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) >> 1
            let end = blocks[middle].count - 1
            if blocks[middle][end].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        guard low < blocks.count else { return nil }
        let block = low
        low = block == 0 ? head : 0
        high = blocks[block].count
        while low < high {
            let middle = (low + high) >> 1
            if blocks[block][middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        guard low < blocks[block].count, blocks[block][low].sequence == sequence else { return nil }
        return (block, low)
    }

    func forEach(_ body: (KeyedMessage) -> Void) {
        for (number, block) in blocks.enumerated() {
            for message in block[(number == 0 ? head : 0)...] { body(message) }
        }
    }

    /// True when both hold the same messages, however they lie in blocks.
    static func == (a: MessageQueue, b: MessageQueue) -> Bool {
        a.blocks.lazy.joined().dropFirst(a.head).elementsEqual(
            b.blocks.lazy.joined().dropFirst(b.head))
    }
}
