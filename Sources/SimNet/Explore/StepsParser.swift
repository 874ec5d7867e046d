import Protocols

extension Steps {
    /// True for a text in the steps form: its first word says so.
    public static func isSteps(_ text: String) -> Bool {
        for line in text.split(separator: "\n") {
            guard let word = line.split(separator: " ").first, !word.hasPrefix("#") else {
                continue
            }
            return word == "steps"
        }
        return false
    }

    /// Reads a run; docs/Simulation.md describes the form.
    public static func parse(_ text: String) throws(ScenarioError) -> Steps {
        var parser = StepsParser()
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            try parser.take(line)
        }
        return try parser.finish()
    }
}

/// Reads a run of steps line by line.
private struct StepsParser {
    private var steps: Steps?
    private var comments: [String] = []
    private var line = 0

    mutating func take(_ text: Substring) throws(ScenarioError) {
        line += 1
        let whole = text.drop { $0 == " " }
        if whole.hasPrefix("#") {
            if steps == nil { comments.append(String(whole.dropFirst().drop { $0 == " " })) }
            return
        }
        let members = steps?.world.members ?? 0
        var words = Words(text, line, nodes: members)
        guard let first = words.next() else { return }
        guard steps != nil else {
            guard first == "steps" else { throw words.wrong("the first word is 'steps'") }
            try begin(&words)
            return try words.end()
        }
        switch first {
        case "flaw":
            try words.need("vote-forgotten", "flaw vote-forgotten")
            steps?.world.flaw = .voteForgotten
        case "without":
            let checker = try StepsParser.checker(&words)
            steps?.world.without.append(checker)
        case "expect":
            let expectation = try StepsParser.expectation(&words)
            steps?.expectation = expectation
        default:
            let step = try StepsParser.step(first, &words)
            steps?.lines.append(step)
        }
        try words.end()
    }

    func finish() throws(ScenarioError) -> Steps {
        guard var steps else { throw ScenarioError(line: 0, message: "there are no steps") }
        steps.comments = comments
        return steps
    }

    private mutating func begin(_ words: inout Words) throws(ScenarioError) {
        let name = try words.word("the search in whose world it happens")
        guard let world = ExploreConfiguration.named.first(where: { $0.name == name }) else {
            let names = ExploreConfiguration.named.map(\.name).joined(separator: ", ")
            throw words.wrong("'\(name)' is no search: there are \(names)")
        }
        steps = Steps(world: world)
    }

    private static func checker(_ words: inout Words) throws(ScenarioError) -> ExploreChecker {
        let name = try words.word("a checker's name")
        guard let checker = ExploreChecker(rawValue: String(name)) else {
            let names = ExploreChecker.allCases.map(\.rawValue).joined(separator: ", ")
            throw words.wrong("'\(name)' is no checker: there are \(names)")
        }
        return checker
    }

    private static func expectation(
        _ words: inout Words
    ) throws(ScenarioError) -> Steps.Expectation {
        if words.skips("held") { return .held }
        try words.need("violation", "expect held, or expect violation CHECKER")
        return .violation(String(try words.word("a checker's name")))
    }

    // MARK: Steps

    private static func step(
        _ name: Substring, _ words: inout Words
    ) throws(ScenarioError) -> Steps.Line {
        switch name {
        case "heal": return .heal
        case "lose": return .lose
        case "elect":
            let leader = try member(&words)
            try words.need("by", "elect node1 by node2")
            return .elect(leader, by: try member(&words))
        case "settle": return .settle(try member(&words), try member(&words))
        default: break
        }
        guard let kind = Steps.kinds.first(where: { $0.name == name })?.kind else {
            let names = Steps.kinds.map(\.name).joined(separator: ", ")
            throw words.wrong(
                "'\(name)' is no step: there are \(names), elect, settle, lose and heal")
        }
        switch kind {
        case .deliver, .deliverLate, .duplicate, .drop:
            return .message(kind, try message(&words))
        case .propose, .resend:
            let host = try member(&words)
            return .action(ActionCode(kind, host, UInt32(try words.count("command", 0...9))))
        case .crash: return .action(try crash(&words))
        case .timeout, .heartbeat, .persist, .saveSnapshot, .takeSnapshot, .wait, .enter:
            return .action(ActionCode(kind, try member(&words)))
        }
    }

    private static func crash(_ words: inout Words) throws(ScenarioError) -> ActionCode {
        let host = try member(&words)
        var kept = 0
        if words.skips("writes") { kept = try words.count("writes", 0...1_000) }
        let saved = words.skips("snapshot") ? 1 : 0
        return ActionCode(.crash, host, UInt32(kept << 1 | saved))
    }

    private static func message(_ words: inout Words) throws(ScenarioError) -> Steps.Message {
        let (from, to, bothWays) = try words.arrow()
        guard let from, let to, !bothWays, from != to, from < words.nodes, to < words.nodes else {
            throw words.wrong("write from whom to whom, such as node1->node2")
        }
        var pick = 1
        if let last = words.popLast(where: { $0.hasPrefix("#") }) {
            guard let number = Int(last.dropFirst()), number > 0 else {
                throw words.wrong("\(last): write '#' and a number from 1")
            }
            pick = number
        }
        let kind: MessageKind = try words.choice("a kind of message")
        var all = [kind.rawValue]
        while let word = words.next() { all.append(String(word)) }
        return Steps.Message(from: from, to: to, words: all, pick: pick)
    }

    private static func member(_ words: inout Words) throws(ScenarioError) -> Int {
        let host = try words.host()
        guard host < words.nodes else {
            throw words.wrong("node\(host + 1) is none of \(words.nodes)")
        }
        return host
    }
}
