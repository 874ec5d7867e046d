import Protocols

/// The way of calls between clusters: any node of the asked cluster may get them, late, twice, or
/// not at all, and their answers may be lost.
struct ClusterCalls: Sendable {
    /// Who called: a node in one life.
    struct Caller: Equatable, Sendable {
        var cluster: Int
        var host: Int
        var life: UInt32
        var id: CallID
    }

    /// A call on its way.
    struct Letter: Sendable {
        var caller: Caller
        /// The cluster that is asked.
        var to: Int
        var call: FederationCall
        var context: CallContext
        /// It is an echo: nobody waits for the answer.
        var isEcho = false
    }

    /// What is to be done now.
    enum Due {
        case ask(Letter, IncomingCallID, host: Int)
        case tell(Caller, CallResult)
        case note(String)
        case nothing
    }

    /// How one cluster is cut off from another.
    enum Cut: UInt64, CaseIterable, Sendable {
        /// Calls are refused at once.
        case refused
        /// Calls vanish.
        case silent
        /// Answers vanish.
        case deaf
    }

    private enum Event: Sendable {
        case arrive(Letter)
        case result(Caller, CallResult)
        case cut(from: Int, to: Int, Cut?)
        case strike
    }

    private struct Open: Sendable {
        var letter: Letter
        var host: Int
    }

    private let clusters: Int
    /// When nothing is lost, doubled or cut any more.
    private let calmAt: Int64
    private var events: [(time: Int64, event: Event)] = []
    private var open = OrderedMap<UInt64, Open>()
    private var lastIncoming: UInt64 = 0
    /// By pair: how the first is cut off from the second.
    private var cuts: [Cut?]
    /// By pair.
    private var streams: [Prng]
    private var strikes: Prng
    /// The fingerprint of what was carried.
    private(set) var digest = Digest()

    init(seed: UInt64, clusters: Int, calmAt: Int64) {
        self.clusters = clusters
        self.calmAt = calmAt
        cuts = Array(repeating: nil, count: clusters * clusters)
        streams = (0..<clusters * clusters).map { Stream.calls($0).prng(seed) }
        strikes = Stream.cuts.prng(seed)
        push(.strike, at: strikes.interval(from: .seconds(2), to: .seconds(15)).nanoseconds)
    }

    /// When something is due.
    var nextTime: Int64? { events.first?.time }

    private mutating func push(_ event: Event, at time: Int64) {
        let place = events.lastIndex { $0.time <= time }.map { $0 + 1 } ?? 0
        events.insert((time, event), at: place)
    }

    private func isCut(_ from: Int, _ to: Int, _ cut: Cut) -> Bool {
        cuts[from * clusters + to] == cut
    }

    /// A drawn time for one way between two clusters; now and then a very long one.
    private mutating func delay(_ pair: Int, at now: Int64) -> Int64 {
        let isLate = streams[pair].chance(1, in: 40)
        let longest: Interval = isLate && now < calmAt ? .seconds(3) : .milliseconds(15)
        return streams[pair].interval(from: .microseconds(200), to: longest).nanoseconds
    }

    /// A node calls.
    mutating func send(_ letter: Letter, at now: Int64) {
        let pair = letter.caller.cluster * clusters + letter.to
        digest.combine(UInt64(bitPattern: now))
        let time = now + delay(pair, at: now)
        let isLost = streams[pair].chance(1, in: 60)
        let isDoubled = streams[pair].chance(1, in: 40)
        let echoAt = time + streams[pair].interval(from: .zero, to: .seconds(4)).nanoseconds
        guard now < calmAt else { return push(.arrive(letter), at: time) }
        if isDoubled {
            var echo = letter
            echo.isEcho = true
            push(.arrive(echo), at: echoAt)
        }
        if !isLost { push(.arrive(letter), at: time) }
    }

    /// A node answers.
    mutating func answer(_ id: IncomingCallID, _ answer: FederationAnswer, at now: Int64) {
        guard let asked = open.removeValue(forKey: id.rawValue), !asked.letter.isEcho else {
            return
        }
        let caller = asked.letter.caller
        let pair = caller.cluster * clusters + asked.letter.to
        let time = now + delay(pair, at: now)
        let isLost = streams[pair].chance(1, in: 60) && now < calmAt
        guard !isLost, !isCut(caller.cluster, asked.letter.to, .deaf) else { return }
        push(.result(caller, .answered(answer)), at: time)
    }

    /// A host crashed: half of those who asked it learn so, the others wait in vain.
    mutating func crashed(_ cluster: Int, _ host: Int, at now: Int64) {
        for (id, asked) in open where asked.letter.to == cluster && asked.host == host {
            _ = open.removeValue(forKey: id)
            let caller = asked.letter.caller
            let pair = caller.cluster * clusters + cluster
            guard !asked.letter.isEcho, streams[pair].chance(1, in: 2) else { continue }
            push(.result(caller, .failed(wasSent: true)), at: now + delay(pair, at: now))
        }
    }

    /// Takes what is due first.
    mutating func next(at now: Int64, _ worlds: [World]) -> Due {
        let (_, event) = events.removeFirst()
        switch event {
        case .arrive(let letter): return arrive(letter, at: now, worlds)
        case .result(let caller, let result): return .tell(caller, result)
        case .cut(let from, let to, let cut):
            guard now < calmAt || cut == nil else { return .nothing }
            cuts[from * clusters + to] = cut
            let text = cut.map { "is cut off from" + " \(to): \($0)" } ?? "reaches \(to) again"
            return .note("cluster \(from) \(text)")
        case .strike:
            strike(at: now)
            return .nothing
        }
    }

    private mutating func arrive(_ letter: Letter, at now: Int64, _ worlds: [World]) -> Due {
        let from = letter.caller.cluster
        let pair = from * clusters + letter.to
        if isCut(from, letter.to, .silent) { return .nothing }
        // Whoever refuses a connection is passed over for the next.
        let count = worlds[letter.to].hosts.count
        let first = streams[pair].int(in: 0..<count)
        let reached = (0..<count).map { (first + $0) % count }.first {
            let asked = worlds[letter.to].hosts[$0]
            return asked.status == .up && asked.unreachableUntil <= now
        }
        guard let host = reached, !isCut(from, letter.to, .refused) else {
            return letter.isEcho ? .nothing : .tell(letter.caller, .failed(wasSent: false))
        }
        lastIncoming += 1
        open[lastIncoming] = Open(letter: letter, host: host)
        return .ask(letter, IncomingCallID(lastIncoming), host: host)
    }

    /// Cuts two clusters off from each other, or one from the other alone, for a while.
    private mutating func strike(at now: Int64) {
        let from = strikes.int(in: 0..<clusters)
        let to = (from + strikes.int(in: 1..<clusters)) % clusters
        let cut = Cut(rawValue: strikes.below(UInt64(Cut.allCases.count)))
        let span = strikes.interval(from: .milliseconds(200), to: .seconds(10)).nanoseconds
        let isMutual = strikes.chance(1, in: 2)
        let pause = strikes.interval(from: .seconds(1), to: .seconds(20)).nanoseconds
        guard now < calmAt else { return }
        push(.cut(from: from, to: to, cut), at: now)
        push(.cut(from: from, to: to, nil), at: min(now + span, calmAt))
        if isMutual {
            push(.cut(from: to, to: from, cut), at: now)
            push(.cut(from: to, to: from, nil), at: min(now + span, calmAt))
        }
        push(.strike, at: now + pause)
    }
}
