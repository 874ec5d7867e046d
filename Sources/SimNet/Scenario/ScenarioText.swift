import Protocols

// The printed form of scenarios; docs/Scenarios.md describes it.
extension Scenario {
    /// The scenario's text, which `parse` reads again.
    public var text: String { lines.joined(separator: "\n") + "\n" }

    /// The lines of the text.
    public var lines: [String] {
        var lines = comments.map { $0.isEmpty ? "#" : "# \($0)" }
        lines.append("nodes \(options.nodes)")
        lines.append("seed \(seed)")
        lines.append("for \(options.duration.scenarioText)")
        if options.load.scripted != plan.ordered {
            lines.append("scripted \(options.load.scripted)")
        }
        switch options.load.only {
        case nil: lines.append("clients all")
        case []?: break
        case let only?: lines.append("clients \(only.map { "\($0)" }.joined(separator: " "))")
        }
        let plain = Scenario().options
        for field in OptionField.all where !field.isEqual(options, plain) {
            lines.append("\(field.name) \(field.text(options))")
        }
        for strike in plan.strikes { lines.append(strike.text) }
        if let core = plan.ending.core {
            lines.append("core \(core.map(Act.name).joined(separator: " "))")
        }
        // Of the core's as well: whose data is harmed falls out of it.
        for host in 0..<options.nodes where plan.ending.rest(of: host) != .down {
            lines.append("outside \(Act.name(host)) \(plan.ending.rest(of: host).rawValue)")
        }
        lines += expectations.map { "expect \($0.text)" }
        return lines
    }
}

extension Scenario.Expectation {
    /// What follows `expect` in a scenario.
    var text: String {
        switch self {
        case .held: "held"
        case .violation(let checker): "violation \(checker)"
        case .stuck: "stuck"
        case .leader(let host, let by): "leader \(Act.name(host)) by \(by.scenarioText)"
        case .noLeader(let at): "no leader at \(at.scenarioText)"
        case .mark(let mark): "mark \(mark)"
        case .noMark(let mark): "no mark \(mark)"
        case .answers(let client, let question, let about, let words):
            ["client\(client)", question.rawValue, about].joined(separator: " ")
                + words.map { " \($0)" }.joined()
        }
    }
}

extension Strike {
    /// The strike's line.
    public var text: String {
        var line = "\(Strike.time(at)) \(act)"
        if salt != 0 { line += " #\(salt)" }
        return line
    }

    /// Seconds with three places or, where these are not enough, six or nine.
    static func time(_ at: Interval) -> String {
        let whole = at.nanoseconds / 1_000_000_000
        let digits = String(at.nanoseconds % 1_000_000_000)
        var places = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while places.utf8.count > 3, places.hasSuffix("000") { places.removeLast(3) }
        return "\(whole).\(places)"
    }
}

extension Act: CustomStringConvertible {
    /// What a scenario calls a host.
    static func name(_ host: Int) -> String { "node\(host + 1)" }

    private static func names(_ hosts: [Int]) -> String {
        hosts.map(name).joined(separator: " ")
    }

    private static func tail(_ lasting: Interval?, noticed: Bool = false) -> String {
        (noticed ? " noticed" : "") + (lasting.map { " for \($0.scenarioText)" } ?? "")
    }

    private static func text(_ loss: Loss) -> String {
        switch loss {
        case .nothing: ""
        case .power: " power"
        case .unsynced: " lose unsynced"
        case .torn: " torn"
        }
    }

    /// The act as a scenario writes it.
    public var description: String {
        switch self {
        case .partition(let side, let noticed, let lasting):
            "partition \(side.isEmpty ? "nobody" : Act.names(side)) | rest"
                + Act.tail(lasting, noticed: noticed)
        case .oneWay(let host, let incoming, let noticed, let lasting):
            "one-way \(incoming ? "to" : "from") \(Act.name(host))"
                + Act.tail(lasting, noticed: noticed)
        case .cut(let a, let b, let bothWays, let noticed, let lasting):
            "cut \(Act.name(a))\(bothWays ? "<->" : "->")\(Act.name(b))"
                + Act.tail(lasting, noticed: noticed)
        case .clog(let from, let to, let lasting):
            "clog \(Act.name(from))->\(Act.name(to))" + Act.tail(lasting)
        case .resetLink(let a, let b, let within):
            "reset \(Act.name(a))<->\(Act.name(b)) within \(within.scenarioText)"
        case .heal: "heal"
        case .rule(let rule): rule.text
        case .candidates(let only, let lasting):
            "candidates \(only.map(Act.names) ?? "all")" + Act.tail(lasting)
        case .resetClient(let client): "reset client\(client)"
        case .unreachable(let host, let lasting):
            "unreachable \(Act.name(host))" + Act.tail(lasting)
        case .order(let client, let order): "client\(client) \(Act.text(order))"
        case .reseed(let future): "reseed \(future)"
        default: processText
        }
    }

    private var processText: String {
        switch self {
        case .crash(let hosts, let loss, let downtime):
            "crash \(Act.names(hosts))" + Act.text(loss) + Act.tail(downtime)
        case .restart(let host): "restart \(Act.name(host))"
        case .ambush(let host, let kind, let after, let last, let loss, let downtime):
            "ambush \(Act.name(host)) \(kind.rawValue)" + (after > 0 ? " after \(after)" : "")
                + (last != .drawn ? " effects \(last.rawValue)" : "") + Act.text(loss)
                + Act.tail(downtime)
        case .stumble(let host, let loss, let downtime):
            "stumble \(Act.name(host))" + Act.text(loss) + Act.tail(downtime)
        case .pause(let host, let lasting): "pause \(Act.name(host))" + Act.tail(lasting)
        case .slowNode(let host, let step, let lasting):
            "slow \(Act.name(host)) by \(step.scenarioText)" + Act.tail(lasting)
        case .drain(let host, let downtime): "drain \(Act.name(host))" + Act.tail(downtime)
        case .transfer(let target): "transfer" + (target.map { " to \(Act.name($0))" } ?? "")
        case .slowDisk(let host, let factor, let lasting):
            "slow disk \(Act.name(host)) times \(factor)" + Act.tail(lasting)
        case .stallDisk(let host, let lasting):
            "stall disk \(Act.name(host))" + Act.tail(lasting)
        case .failSync(let host, let downtime):
            "fail sync \(Act.name(host))" + Act.tail(downtime)
        case .fillDisk(let host, let downtime):
            "fill disk \(Act.name(host))" + Act.tail(downtime)
        case .misdirect(let host): "misdirect \(Act.name(host))"
        case .rot(let host): "rot \(Act.name(host))"
        case .jump(let host, let by): "jump \(Act.name(host)) by \(by.scenarioText)"
        case .wipe(let host, let downtime): "wipe \(Act.name(host))" + Act.tail(downtime)
        default: preconditionFailure("an act without a text")
        }
    }

    private static func text(_ order: ClientOrder) -> String {
        switch order {
        case .go(let host): "at \(name(host))"
        case .write(let key, let value): "write \(key)" + (value.map { " \($0)" } ?? "")
        case .read(let key): "read \(key)"
        case .join(let room): "join \(room)"
        case .say(let room, let word): "say \(room) \(word)"
        case .leave(let room): "leave \(room)"
        }
    }
}

extension MessageRule {
    /// The rule as a scenario writes it.
    var text: String {
        let (word, by) =
            switch verb {
            case .drop: ("drop", "")
            case .delay(let by): ("delay", " by \(by.scenarioText)")
            case .duplicate(let after): ("duplicate", " after \(after.scenarioText)")
            }
        return "\(word) \(kind.rawValue) \(from.map(Act.name) ?? "any")->"
            + "\(to.map(Act.name) ?? "any")\(by)" + (skip > 0 ? " skip \(skip)" : "")
            + (count.map { " next \($0)" } ?? "")
            + (lasting.map { " for \($0.scenarioText)" } ?? "")
    }
}
