import Protocols

/// Draws the clients of a world.
public enum Workload {
    /// The clients of a seed: 2 to 6 that chat in 1 to 3 rooms, 1 to 4 that use a few registers.
    ///
    /// Together they ask 6 to 18 times a second, so that a minute is some ten thousand steps of
    /// three nodes.
    public static func draw(
        _ options: Options, _ plan: Plan = Plan(), seed: UInt64
    ) -> [SimClient] {
        var prng = Stream.load.prng(seed)
        let nodes = (1...options.nodes).map { NodeID(UInt32($0)) }
        var clients: [SimClient] = []
        for number in 0..<options.load.scripted {
            clients.append(scripted(number, plan.rooms(of: number), nodes, seed))
        }
        if options.load.only?.isEmpty == true { return clients }
        if options.load.crowd > 0 { return clients + crowd(options.load, nodes, seed) }
        let pauses = !options.ablation.lacks(.slowReader)
        clients += draw(prng: &prng, nodes: nodes, load: options.load, pauses: pauses) {
            Stream.client($0).prng(seed)
        }
        return clients
    }

    /// A client that acts on orders alone: it chats in these rooms or, without any, uses registers.
    private static func scripted(
        _ number: Int, _ rooms: [String], _ nodes: [NodeID], _ seed: UInt64
    ) -> SimClient {
        let prng = Stream.client(-1 - number).prng(seed)
        guard rooms.isEmpty else {
            return .chat(
                ChatClient(
                    id: ClientID(number), nodes: nodes,
                    settings: .scripted(tag: "s\(number)", rooms: rooms), prng: prng))
        }
        var settings = RegisterClient.Settings()
        settings.isScripted = true
        settings.usesSession = false
        settings.tag = "s\(number)"
        return .register(
            RegisterClient(id: ClientID(number), nodes: nodes, settings: settings, prng: prng))
    }

    /// Clients that chat, each in one room with nineteen others, every 5 seconds or so.
    private static func crowd(_ load: Load, _ nodes: [NodeID], _ seed: UInt64) -> [SimClient] {
        (0..<min(load.crowd, largestCrowd)).map { number in
            var prng = Stream.client(number).prng(seed)
            var settings = ChatClient.Settings()
            settings.rooms = ["\(load.rooms) \(number / 20)"]
            settings.think = pace(.seconds(5), &prng)
            settings.rude = 0
            settings.operations = load.operations
            return .chat(
                ChatClient(
                    id: ClientID(number), nodes: nodes, settings: settings, prng: prng.split()))
        }
    }

    /// The most clients that a crowd has.
    public static let largestCrowd = 1_000

    /// The most clients that are drawn, but for a crowd.
    public static let mostClients = 10

    /// The clients of a seed, for these nodes.
    public static func draw(prng: inout Prng, nodes: [NodeID]) -> [SimClient] {
        let base = prng.next()
        return draw(prng: &prng, nodes: nodes, load: Load()) {
            Stream.client($0).prng(base)
        }
    }

    /// Each client has a stream of its own, so that one client less changes nothing for the others.
    private static func draw(
        prng: inout Prng, nodes: [NodeID], load: Load, pauses: Bool = true, own: (Int) -> Prng
    ) -> [SimClient] {
        let chats = prng.int(in: 2..<7)
        let registers = prng.int(in: 1..<5)
        let rate = Int64(prng.int(in: 6..<19))
        let think = Interval.seconds(1) * Int64(chats + registers) / rate
        let rooms = (0..<prng.int(in: 1..<4)).map { "\(load.rooms) \($0)" }
        let keys = (0..<prng.int(in: 1..<4)).map { "r\($0)" }
        var clients: [SimClient] = []
        for number in 0..<chats {
            var prng = own(number)
            var settings = chatSettings(rooms, think, &prng)
            settings.operations = load.operations
            if !pauses { settings.pause = 0 }
            clients.append(
                .chat(
                    ChatClient(
                        id: ClientID(number), nodes: nodes, settings: settings,
                        prng: prng.split())))
        }
        for number in chats..<chats + registers {
            var prng = own(number)
            var settings = RegisterClient.Settings()
            settings.keys = keys
            settings.operations = load.operations
            settings.think = pace(think, &prng)
            settings.timeout = .milliseconds(Int64(prng.int(in: 1_000..<7_000)))
            settings.usesSession = prng.chance(3, in: 4)
            clients.append(
                .register(
                    RegisterClient(
                        id: ClientID(number), nodes: nodes, settings: settings,
                        prng: prng.split())))
        }
        return clients
    }

    private static func chatSettings(
        _ rooms: [String], _ think: Interval, _ prng: inout Prng
    ) -> ChatClient.Settings {
        var settings = ChatClient.Settings()
        // The first room is everyone's; of the others each client draws its own.
        settings.rooms = rooms.enumerated().filter { $0.offset == 0 || prng.chance(2, in: 3) }
            .map(\.element)
        settings.think = pace(think, &prng)
        settings.timeout = .milliseconds(Int64(prng.int(in: 1_000..<8_000)))
        settings.leave = prng.below(60)
        settings.joinAgain = prng.below(30)
        settings.rude = prng.chance(1, in: 2) ? prng.below(60) : 0
        settings.again = prng.below(60)
        settings.list = prng.below(40)
        settings.hop = prng.below(20)
        settings.long = prng.below(20)
        if prng.chance(1, in: 3) {
            settings.burst = prng.below(60)
            settings.burstSize = prng.int(in: 2..<25)
        }
        if prng.chance(1, in: 3) {
            settings.pause = prng.below(60)
            settings.pauseTime = .milliseconds(Int64(prng.int(in: 200..<5_000)))
        }
        if prng.chance(1, in: 4) { settings.forget = prng.below(1_000) }
        return settings
    }

    private static func pace(_ think: Interval, _ prng: inout Prng) -> Interval {
        prng.interval(from: think / 2, to: think * 3 / 2)
    }
}
