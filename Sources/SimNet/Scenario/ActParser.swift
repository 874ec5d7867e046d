import Protocols

/// Reads what a strike does.
enum ActParser {
    static func act(_ words: inout Words) throws(ScenarioError) -> Act {
        let name = try words.word("what happens")
        if name.hasPrefix("client"), let client = Int(name.dropFirst(6)), (0...99).contains(client)
        {
            return .order(client: client, try order(&words))
        }
        switch name {
        case "partition", "one-way", "cut", "clog", "reset", "heal", "drop", "delay", "duplicate",
            "candidates", "unreachable":
            return try network(name, &words)
        case "crash":
            let hosts = try words.hosts()
            guard !hosts.isEmpty else { throw words.wrong("crash whom? write crash node1") }
            return .crash(hosts, try words.loss(), downtime: try words.lasting())
        case "restart": return .restart(try words.host())
        case "ambush": return try ambush(&words)
        case "stumble":
            return .stumble(
                try words.host(), try words.loss(),
                downtime: try words.lasting() ?? .milliseconds(100))
        case "pause": return .pause(try words.host(), lasting: try words.length())
        case "drain": return .drain(try words.host(), downtime: try words.lasting())
        case "transfer":
            return .transfer(to: words.skips("to") ? try words.host() : nil)
        case "slow", "stall", "fail", "fill": return try disk(name, &words)
        case "misdirect": return .misdirect(try words.host())
        case "rot": return .rot(try words.host())
        case "jump":
            let host = try words.host()
            _ = words.skips("by")
            return .jump(host, by: try words.interval())
        case "wipe": return .wipe(try words.host(), downtime: try words.lasting())
        case "reseed":
            guard let future = UInt64(try words.word("a number")) else {
                throw words.wrong("reseed wants a whole number")
            }
            return .reseed(future)
        default:
            throw words.wrong(
                "nothing is called '\(name)': write partition, one-way, cut, clog, reset, heal,"
                    + " drop, delay, duplicate, candidates, unreachable, crash, restart, ambush,"
                    + " stumble, pause, slow, drain, transfer, stall, fail, fill, misdirect, rot,"
                    + " jump, wipe, or client0 write r0 A")
        }
    }

    private static func order(_ words: inout Words) throws(ScenarioError) -> ClientOrder {
        let name = try words.word("an order")
        switch name {
        case "at": return .go(try words.host())
        case "write":
            let key = String(try words.word("a register such as r0"))
            return .write(key, value: try words.isAtEnd ? nil : free(&words))
        case "read": return .read(String(try words.word("a register such as r0")))
        case "join": return .join(String(try words.word("a room such as lobby")))
        case "say":
            let room = String(try words.word("a room such as lobby"))
            return .say(room, word: try free(&words))
        case "leave": return .leave(String(try words.word("a room such as lobby")))
        default:
            throw words.wrong(
                "'\(name)' is no order: write at node1, write r0 A, read r0, join lobby,"
                    + " say lobby hello or leave lobby")
        }
    }

    /// A word of the writer's own that no expectation could take for one of its own.
    private static func free(_ words: inout Words) throws(ScenarioError) -> String {
        let word = String(try words.word("a word"))
        guard !Answers.words.contains(word) else {
            throw words.wrong("'\(word)' is a word of expectations: take another")
        }
        return word
    }

    // MARK: Network

    private static func network(
        _ name: Substring, _ words: inout Words
    ) throws(ScenarioError) -> Act {
        switch name {
        case "partition": return try partition(&words)
        case "one-way":
            let isTo = words.skips("to")
            if !isTo { try words.need("from", "one-way from node1, or one-way to node1") }
            let host = try words.host()
            let noticed = words.skips("noticed")
            return .oneWay(host, incoming: isTo, noticed: noticed, lasting: try words.lasting())
        case "cut":
            let (from, to, bothWays) = try pair(&words)
            let noticed = words.skips("noticed")
            return .cut(
                from, to, bothWays: bothWays, noticed: noticed, lasting: try words.lasting())
        case "clog":
            let (from, to, _) = try pair(&words)
            guard let lasting = try words.lasting() else {
                throw words.wrong("for how long? write clog node1->node2 for 2s")
            }
            return .clog(from, to, lasting: lasting)
        case "reset":
            if let client = words.popLast(where: { $0.hasPrefix("client") }) {
                guard let number = Int(client.dropFirst(6)), (0...99).contains(number) else {
                    throw words.wrong("'\(client)' is no client: write client0, client1, ...")
                }
                return .resetClient(number)
            }
            let (from, to, _) = try pair(&words)
            let within = words.skips("within") ? try words.interval() : .zero
            return .resetLink(from, to, within: within)
        case "heal": return .heal
        case "candidates":
            if words.skips("all") { return .candidates(nil, lasting: try words.lasting()) }
            let hosts = try words.hosts()
            guard !hosts.isEmpty else {
                throw words.wrong("who may campaign? write candidates node1, or candidates all")
            }
            return .candidates(hosts, lasting: try words.lasting())
        case "unreachable": return .unreachable(try words.host(), lasting: try words.length())
        default: return .rule(try rule(name, &words))
        }
    }

    private static func pair(
        _ words: inout Words
    ) throws(ScenarioError) -> (Int, Int, bothWays: Bool) {
        let (from, to, bothWays) = try words.arrow()
        guard let from, let to, from != to else {
            throw words.wrong("a link joins two different nodes")
        }
        return (from, to, bothWays)
    }

    private static func partition(_ words: inout Words) throws(ScenarioError) -> Act {
        let side = words.skips("nobody") ? [] : try words.hosts()
        try words.need("|", "partition node1 | node2 node3, or partition node1 | rest")
        if !words.skips("rest") {
            let others = try words.hosts()
            guard (side + others).sorted() == Array(0..<words.nodes) else {
                throw words.wrong(
                    "a partition has each node on one side: partition node1 | node2 node3; a node"
                        + " that sees both sides is a matter of cuts: cut node1<->node2")
            }
        }
        let noticed = words.skips("noticed")
        return .partition(side, noticed: noticed, lasting: try words.lasting())
    }

    private static func rule(
        _ name: Substring, _ words: inout Words
    ) throws(ScenarioError) -> MessageRule {
        let kind: MessageKind = try words.choice("a kind of message")
        let (from, to, bothWays) = try words.arrow(anyAllowed: true)
        if bothWays { throw words.wrong("a rule is for one direction: node1->node2, any->any") }
        var rule = MessageRule(.drop, kind, from: from, to: to)
        if name == "delay" {
            try words.need("by", "delay append node1->node2 by 2s")
            rule.verb = .delay(try words.interval())
        } else if name == "duplicate" {
            try words.need("after", "duplicate voteResponse node1->node2 after 20ms")
            rule.verb = .duplicate(try words.interval())
        }
        if words.skips("skip") { rule.skip = try words.count("skip", 1...1_000_000) }
        if words.skips("next") { rule.count = try words.count("next", 1...1_000_000) }
        rule.lasting = try words.lasting()
        return rule
    }

    // MARK: Processes and disks

    private static func ambush(_ words: inout Words) throws(ScenarioError) -> Act {
        let host = try words.host()
        let kind: StepKind = try words.choice("a kind of step")
        let after = words.skips("after") ? try words.count("after", 0...1_000_000) : 0
        let last: LastEffects =
            words.skips("effects") ? try words.choice("which effects it performs") : .drawn
        return .ambush(
            host, kind, after: after, last, try words.loss(), downtime: try words.lasting())
    }

    private static func disk(
        _ name: Substring, _ words: inout Words
    ) throws(ScenarioError) -> Act {
        switch name {
        case "slow":
            guard words.skips("disk") else {
                let host = try words.host()
                try words.need("by", "slow node1 by 2ms for 3s")
                let step = try words.interval()
                return .slowNode(host, step: step, lasting: try words.length())
            }
            let host = try words.host()
            try words.need("times", "slow disk node1 times 20 for 3s")
            let factor = try words.count("times", 1...1_000_000)
            return .slowDisk(host, factor: factor, lasting: try words.length())
        case "stall":
            try words.need("disk", "stall disk node1 for 2s")
            return .stallDisk(try words.host(), lasting: try words.length())
        case "fail":
            try words.need("sync", "fail sync node1")
            return .failSync(try words.host(), downtime: try words.lasting())
        default:
            try words.need("disk", "fill disk node1")
            return .fillDisk(try words.host(), downtime: try words.lasting())
        }
    }
}

extension Act {
    /// The hosts that the act names.
    var hosts: [Int] {
        switch self {
        case .partition(let side, _, _): side
        case .oneWay(let host, _, _, _), .unreachable(let host, _), .restart(let host),
            .ambush(let host, _, _, _, _, _), .stumble(let host, _, _), .pause(let host, _),
            .slowNode(let host, _, _), .drain(let host, _), .slowDisk(let host, _, _),
            .stallDisk(let host, _), .failSync(let host, _), .fillDisk(let host, _),
            .misdirect(let host), .rot(let host), .jump(let host, _), .wipe(let host, _):
            [host]
        case .cut(let a, let b, _, _, _), .clog(let a, let b, _), .resetLink(let a, let b, _):
            [a, b]
        case .rule(let rule): [rule.from, rule.to].compactMap { $0 }
        case .candidates(let only, _): only ?? []
        case .crash(let hosts, _, _): hosts
        case .order(_, .go(let host)): [host]
        case .transfer(let target): target.map { [$0] } ?? []
        case .heal, .resetClient, .order, .reseed: []
        }
    }
}
