import Protocols

/// What is wrong with a scenario's text, and what would be right.
public struct ScenarioError: Error, Equatable, CustomStringConvertible {
    /// The line, from 1; 0 when it is about the whole text.
    public var line: Int
    /// What is wrong.
    public var message: String

    /// The line and the message.
    public var description: String { line > 0 ? "line \(line): \(message)" : message }
}

extension Scenario {
    /// Reads a scenario; docs/Scenarios.md describes the form.
    public static func parse(_ text: String) throws(ScenarioError) -> Scenario {
        var parser = ScenarioParser()
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            try parser.take(line)
        }
        return try parser.finish()
    }
}

/// Reads a scenario line by line.
struct ScenarioParser {
    private var scenario = Scenario()
    private var line = 0
    private var hasBegun = false
    private var rests: [(host: Int, rest: Ending.Rest)] = []
    private var isCounted = false

    mutating func take(_ text: Substring) throws(ScenarioError) {
        line += 1
        let whole = text.drop { $0 == " " }
        if whole.hasPrefix("#") {
            if !hasBegun {
                scenario.comments.append(String(whole.dropFirst().drop { $0 == " " }))
            }
            return
        }
        var words = Words(text, line, nodes: scenario.options.nodes)
        guard let first = words.next() else { return }
        hasBegun = true
        if first.utf8.first.map({ (48...57).contains($0) }) == true {
            try strike(first, &words)
        } else {
            try header(first, &words)
        }
        try words.end()
    }

    mutating func finish() throws(ScenarioError) -> Scenario {
        if !isCounted { scenario.options.load.scripted = scenario.plan.ordered }
        if rests.contains(where: { $0.rest != .down || $0.host >= scenario.options.nodes }) {
            let count = max(scenario.options.nodes, (rests.map(\.host).max() ?? 0) + 1)
            scenario.plan.ending.rests = (0..<count).map { host in
                rests.last { $0.host == host }?.rest ?? .down
            }
        }
        scenario.plan.strikes = scenario.plan.strikes.enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element)
        try scenario.check()
        return scenario
    }

    // MARK: Header

    private mutating func header(
        _ name: Substring, _ words: inout Words
    ) throws(ScenarioError) {
        switch name {
        case "nodes": scenario.options.nodes = try words.count("nodes", 1...15)
        case "seed":
            guard let seed = UInt64(try words.word("a seed")) else {
                throw words.wrong("a seed is a whole number")
            }
            scenario.seed = seed
        case "for": scenario.options.duration = try words.interval()
        case "scripted":
            scenario.options.load.scripted = try words.count("scripted", 0...100)
            isCounted = true
        case "clients": try clients(&words)
        case "core":
            var core: [Int] = []
            while !words.isAtEnd { core.append(try words.host()) }
            guard !core.isEmpty else { throw words.wrong("name the core: core node1 node2") }
            scenario.plan.ending.core = core
        case "outside":
            let host = try words.host()
            rests.append((host, try words.choice("what it suffers")))
        case "expect": scenario.expectations.append(try expectation(&words))
        default: try option(name, &words)
        }
    }

    private mutating func clients(_ words: inout Words) throws(ScenarioError) {
        if words.skips("all") {
            scenario.options.load.only = nil
        } else if words.skips("none") {
            scenario.options.load.only = []
        } else {
            var only: [Int] = []
            repeat {
                only.append(try words.count("clients", 0...Workload.largestCrowd - 1))
            } while !words.isAtEnd
            scenario.options.load.only = only
        }
    }

    private mutating func option(
        _ name: Substring, _ words: inout Words
    ) throws(ScenarioError) {
        guard let field = OptionField.named(String(name)) else {
            let near = OptionField.all.map(\.name).filter { $0.hasPrefix(name.prefix(2)) }
            throw words.wrong(
                "'\(name)' is neither a time nor a setting"
                    + (near.isEmpty ? "" : "; did you mean \(near.joined(separator: ", "))?"))
        }
        let value = try words.word(field.form)
        guard field.set(String(value), in: &scenario.options) else {
            throw words.wrong("\(name) \(value): write \(field.form)")
        }
    }

    private func expectation(
        _ words: inout Words
    ) throws(ScenarioError) -> Scenario.Expectation {
        let name = try words.word("held, stuck, violation, leader, no leader, mark or client0")
        if name.hasPrefix("client"), let client = Int(name.dropFirst(6)), (0...99).contains(client)
        {
            return try answers(of: client, &words)
        }
        switch name {
        case "held": return .held
        case "stuck": return .stuck
        case "violation": return .violation(String(try words.word("a checker's name")))
        case "leader":
            let host = try words.host()
            try words.need("by", "expect leader node1 by 20s")
            return .leader(host, by: try words.interval())
        case "no":
            if words.skips("mark") { return .noMark(try mark(&words)) }
            try words.need("leader", "expect no leader at 20s, or expect no mark NAME")
            try words.need("at", "expect no leader at 20s")
            return .noLeader(at: try words.interval())
        case "mark":
            return .mark(try mark(&words))
        default:
            throw words.wrong(
                "expect \(name): write held, stuck, violation CHECKER, leader node1 by 20s,"
                    + " no leader at 20s, mark NAME, no mark NAME or client0 reads r0 A")
        }
    }

    private func mark(_ words: inout Words) throws(ScenarioError) -> Mark {
        let name = try words.word("a mark's name")
        guard let mark = Mark.allCases.first(where: { "\($0)" == name }) else {
            throw words.wrong("'\(name)' is no mark; Kernel/Marks.swift lists them")
        }
        return mark
    }

    private func answers(
        of client: Int, _ words: inout Words
    ) throws(ScenarioError) -> Scenario.Expectation {
        let question: Answers.Question = try words.choice("reads, writes, says or hears")
        let about = String(try words.word("a register or a room"))
        var answers: [String] = []
        while let word = words.next() { answers.append(String(word)) }
        return .answers(client: client, question, about: about, answers)
    }

    // MARK: Strikes

    private mutating func strike(
        _ time: Substring, _ words: inout Words
    ) throws(ScenarioError) {
        let digits = time.hasSuffix("s") ? time.dropLast() : time
        guard let at = Interval.scaled(digits, 1_000_000_000) else {
            throw words.wrong("'\(time)' is no time: write seconds such as 12.300")
        }
        var salt: UInt32 = 0
        if let last = words.popLast(where: { $0.hasPrefix("#") }) {
            guard let number = UInt32(last.dropFirst()) else {
                throw words.wrong("\(last): a salt is '#' and a whole number")
            }
            salt = number
        }
        let act = try ActParser.act(&words)
        for host in act.hosts where host >= scenario.options.nodes {
            throw words.wrong(
                "node\(host + 1) is none of \(scenario.options.nodes): 'nodes' stands above")
        }
        if case .order(let client, let order) = act, isOtherTrade(client, order) {
            throw words.wrong("client\(client) chats or uses registers, not both: take two")
        }
        scenario.plan.strikes.append(Strike(at: Interval(nanoseconds: at), act, salt: salt))
    }
}

extension ScenarioParser {
    /// True if the orders before were of the other kind of client.
    private func isOtherTrade(_ client: Int, _ order: ClientOrder) -> Bool {
        scenario.plan.strikes.contains { strike in
            guard case .order(client, let other) = strike.act else { return false }
            return order.isForRegister
                ? other.room != nil : order.room != nil && other.isForRegister
        }
    }
}

/// The words of one line.
struct Words {
    private var rest: ArraySlice<Substring>
    private let line: Int
    /// How many nodes there are, as far as the lines before say.
    let nodes: Int

    init(_ text: Substring, _ line: Int, nodes: Int) {
        var words: ArraySlice<Substring> = []
        for word in text.split(separator: " ") {
            // A lone '#' begins a comment; with a number behind it, it is a salt.
            if word == "#" { break }
            words.append(word)
        }
        rest = words
        self.line = line
        self.nodes = nodes
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func next() -> Substring? { rest.popFirst() }

    mutating func popLast(where isWanted: (Substring) -> Bool) -> Substring? {
        guard let last = rest.last, isWanted(last) else { return nil }
        return rest.popLast()
    }

    func wrong(_ message: String) -> ScenarioError { ScenarioError(line: line, message: message) }

    /// Takes the next word if it is this one.
    mutating func skips(_ word: String) -> Bool {
        guard let first = rest.first, first == word else { return false }
        rest.removeFirst()
        return true
    }

    mutating func need(_ word: String, _ example: String) throws(ScenarioError) {
        guard skips(word) else {
            let found = rest.first.map { "'\($0)'" } ?? "the end"
            throw wrong("'\(word)' is wanted, and \(found) found: write \(example)")
        }
    }

    mutating func word(_ what: String) throws(ScenarioError) -> Substring {
        guard let word = rest.popFirst() else { throw wrong("the line ends: \(what) is missing") }
        return word
    }

    func end() throws(ScenarioError) {
        guard let extra = rest.first else { return }
        throw wrong("'\(extra)' is too much on this line")
    }

    mutating func count(
        _ what: String, _ range: ClosedRange<Int>
    ) throws(ScenarioError) -> Int {
        let text = try word("a number")
        guard let number = Int(text), range.contains(number) else {
            throw wrong(
                "\(what) \(text): write a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func interval() throws(ScenarioError) -> Interval {
        let text = try word("a time such as 2.5s or 300ms")
        guard let interval = Interval(scenarioText: String(text)) else {
            throw wrong("'\(text)' is no time: write one such as 2.5s, 300ms or 40us")
        }
        return interval
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ what: String
    ) throws(ScenarioError) -> Choice where Choice.RawValue == String {
        let text = try word(what)
        guard let choice = Choice(rawValue: String(text)) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw wrong("'\(text)': write one of \(names)")
        }
        return choice
    }

    mutating func host() throws(ScenarioError) -> Int {
        let text = try word("a node such as node1")
        return try host(text)
    }

    func host(_ text: Substring) throws(ScenarioError) -> Int {
        guard text.hasPrefix("node"), let number = Int(text.dropFirst(4)),
            (1...15).contains(number)
        else { throw wrong("'\(text)' is no node: write node1, node2, ...") }
        return number - 1
    }

    /// The nodes up to the next word that is none.
    mutating func hosts() throws(ScenarioError) -> [Int] {
        var hosts: [Int] = []
        while let next = rest.first, next.hasPrefix("node") { hosts.append(try host()) }
        return hosts
    }

    /// `node1->node2`, where either side may be `any` if that is allowed.
    mutating func arrow(
        anyAllowed: Bool = false
    ) throws(ScenarioError) -> (from: Int?, to: Int?, bothWays: Bool) {
        let text = try word("a link such as node1->node2")
        for (sign, bothWays) in [("<->", true), ("->", false)] {
            guard let place = text.indices.first(where: { text[$0...].hasPrefix(sign) }) else {
                continue
            }
            let sides = [text[..<place], text[place...].dropFirst(sign.count)]
            var hosts: [Int?] = []
            for side in sides {
                hosts.append(anyAllowed && side == "any" ? nil : try host(side))
            }
            return (hosts[0], hosts[1], bothWays)
        }
        throw wrong(
            "'\(text)' is no link: write node1->node2\(anyAllowed ? ", any->node2" : "")"
                + " or node1<->node2")
    }

    /// `for` and a time, or nothing.
    mutating func lasting() throws(ScenarioError) -> Interval? {
        skips("for") ? try interval() : nil
    }

    /// A time with or without `for` before it.
    mutating func length() throws(ScenarioError) -> Interval {
        _ = skips("for")
        return try interval()
    }

    mutating func loss() throws(ScenarioError) -> Loss {
        if skips("power") { return .power }
        if skips("torn") { return .torn }
        guard skips("lose") else { return .nothing }
        try need("unsynced", "lose unsynced")
        return .unsynced
    }
}
