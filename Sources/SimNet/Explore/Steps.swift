import Protocols

/// A run written down step by step: which message arrives when, whose time comes, who crashes.
///
/// ## Overview
/// The second form of a scenario; a search writes its shortest counterexample in it. Nothing in it
/// is drawn and nothing takes time: what is not written does not happen. `Steps.parse` reads one,
/// `text` prints it, and the two agree. docs/Simulation.md describes the form.
public struct Steps: Equatable, Sendable {
    /// What should hold when all steps are taken.
    public enum Expectation: Equatable, Sendable {
        /// No checker fires.
        case held
        /// This checker fires.
        case violation(String)
    }

    /// A message, by what a person knows of it.
    struct Message: Equatable, Sendable {
        /// Places of members, from 0.
        var from: Int
        var to: Int
        /// The kind, and as much of what it says as is needed to tell it from others.
        var words: [String]
        /// The how-manieth of the different messages that these words fit, from 1.
        var pick = 1
    }

    /// One line.
    enum Line: Equatable, Sendable {
        /// A member, from 0, gets elected by the vote of another, however many steps that takes.
        case elect(Int, by: Int)
        /// Two members work with each other until nothing is left to do.
        case settle(Int, Int)
        /// All messages in flight are lost.
        case lose
        /// `deliver`, `deliverLate`, `duplicate` or `drop`.
        case message(ActionCode.Kind, Message)
        /// Any other action.
        case action(ActionCode)
        /// From here on the faults have stopped: the members must elect and serve.
        case heal
    }

    /// Comments at the text's top: the name, the source.
    public var comments: [String] = []
    /// The search in whose world it happens, with that search's members and settings.
    public var world: ExploreConfiguration
    /// What happens, in order.
    var lines: [Line] = []
    /// How it should end.
    public var expectation = Expectation.held

    /// Makes a run in which nothing happens.
    init(world: ExploreConfiguration) {
        self.world = world
        // A run that is written down has no bounds but those of the packed logs.
        self.world.bounds.term = Steps.greatestTerm
    }

    /// The greatest term that a run may reach: terms are packed into four bits.
    static let greatestTerm: UInt64 = 14

    /// How many steps there are.
    public var count: Int { lines.count }

    /// True when both say the same; worlds go by their names.
    public static func == (a: Steps, b: Steps) -> Bool {
        a.comments == b.comments && a.world.name == b.world.name && a.world.flaw == b.world.flaw
            && a.world.without == b.world.without && a.lines == b.lines
            && a.expectation == b.expectation
    }
}

// MARK: - From a search

extension Steps {
    /// The path that a search found, as steps.
    ///
    /// - Parameters:
    ///   - packets: the messages, as the search numbered them.
    ///   - endsHealed: the violation shows once the faults have stopped.
    init(
        _ path: (start: Int, actions: [ActionCode]), packets: ContiguousArray<Packet>,
        endsHealed: Bool, violation: Violation, in world: ExploreConfiguration
    ) {
        self.init(world: world)
        expectation = .violation(violation.checker)
        var run = StepsRun(self)
        func take(_ line: Line) {
            lines.append(line)
            run.take(line)
        }
        var commands: UInt32 = 0
        for scene in world.starts[path.start] {
            switch scene {
            case .elect(let leader, let voter): take(.elect(leader - 1, by: voter - 1))
            case .settle(let one, let other): take(.settle(one - 1, other - 1))
            case .lose: take(.lose)
            case .timeout(let member): take(.action(ActionCode(.timeout, member - 1)))
            case .propose(let member):
                take(.action(ActionCode(.propose, member - 1, commands)))
                commands += 1
            case .snapshot(let member):
                take(.action(ActionCode(.takeSnapshot, member - 1)))
                take(.action(ActionCode(.saveSnapshot, member - 1)))
            case .upkeep(let member): take(.action(ActionCode(.heartbeat, member - 1)))
            case .enter(let member): take(.action(ActionCode(.enter, member - 1)))
            case .forgo:
                // What a start leaves of the budgets concerns the search alone.
                continue
            }
        }
        for (number, action) in path.actions.enumerated() {
            let line = run.line(of: action, packets)
            // A machine may trap in the last one.
            if number == path.actions.count - 1 { lines.append(line) } else { take(line) }
        }
        if endsHealed { lines.append(.heal) }
    }
}

// MARK: - Text

extension Steps {
    /// The run as text, one line each, the newline at the end included.
    public var text: String {
        var result = comments.map { "# \($0)\n" }.joined()
        result += "steps \(world.name)\n"
        if world.flaw == .voteForgotten { result += "flaw vote-forgotten\n" }
        for checker in world.without { result += "without \(checker.rawValue)\n" }
        for line in lines { result += line.text + "\n" }
        switch expectation {
        case .held: result += "expect held\n"
        case .violation(let checker): result += "expect violation \(checker)\n"
        }
        return result
    }
}

extension Steps.Line {
    var text: String {
        func node(_ place: Int) -> String { "node\(place + 1)" }
        switch self {
        case .heal: return "heal"
        case .elect(let leader, let voter): return "elect \(node(leader)) by \(node(voter))"
        case .settle(let one, let other): return "settle \(node(one)) \(node(other))"
        case .lose: return "lose"
        case .message(let kind, let message):
            return "\(Steps.name(of: kind)) \(node(message.from))->\(node(message.to)) "
                + message.words.joined(separator: " ")
                + (message.pick > 1 ? " #\(message.pick)" : "")
        case .action(let action):
            let start = "\(Steps.name(of: action.kind)) \(node(action.member))"
            switch action.kind {
            case .propose, .resend: return "\(start) \(action.argument)"
            case .crash:
                let (kept, isSaved) = (action.argument >> 1, action.argument & 1 == 1)
                return start + (kept > 0 ? " writes \(kept)" : "") + (isSaved ? " snapshot" : "")
            case .deliver, .deliverLate, .duplicate, .drop, .timeout, .heartbeat, .persist,
                .saveSnapshot, .takeSnapshot, .wait, .enter:
                return start
            }
        }
    }
}

extension Steps {
    /// The kinds of action by their words.
    static let kinds: [(name: String, kind: ActionCode.Kind)] = [
        ("deliver", .deliver), ("deliver-late", .deliverLate), ("deliver-copy", .duplicate),
        ("drop", .drop), ("timeout", .timeout), ("heartbeat", .heartbeat), ("persist", .persist),
        ("save-snapshot", .saveSnapshot), ("propose", .propose), ("take-snapshot", .takeSnapshot),
        ("crash", .crash), ("wait", .wait), ("resend", .resend), ("enter", .enter),
    ]

    static func name(of kind: ActionCode.Kind) -> String {
        kinds.first { $0.kind == kind }!.name
    }
}

extension Packet {
    /// The message in the words of the steps form: its kind, its term, then what it says.
    var stepWords: [String] {
        let kind = MessageKind.kind(of: message).rawValue
        let words: [String] =
            switch message.body {
            case .preVoteRequest(let request), .voteRequest(let request):
                ["log", Packet.text(of: request.last)]
            case .preVoteResponse(let granted), .voteResponse(let granted):
                [granted ? "granted" : "refused"]
            case .append(let request):
                request.entries.map {
                    Packet.text(of: SnapshotPoint(index: $0.index, term: $0.term))
                } + ["after", Packet.text(of: request.previous)]
                    + ["commit", "\(request.commit.rawValue)"]
            case .appendResponse(.matched(let index)): ["to", "\(index.rawValue)"]
            case .appendResponse(.rejected(let previous, let hint)):
                ["at", "\(previous.rawValue)", "hint", Packet.text(of: hint)]
            case .heartbeat(let commit, let round):
                ["commit", "\(commit.rawValue)", "round", "\(round)"]
            case .heartbeatResponse(let round): ["round", "\(round)"]
            case .snapshotChunk(let chunk):
                [
                    "at", Packet.text(of: chunk.point), "part", "\(chunk.number + 1)", "of",
                    "\(chunk.count)",
                ]
            case .snapshotResponse(.wants(let number, let index)):
                ["wants", "\(number + 1)", "at", "\(index.rawValue)"]
            case .snapshotResponse(.installed(let index)): ["installed", "\(index.rawValue)"]
            case .timeoutNow, .forward, .readRequest, .readResponse: []
            }
        return [kind, "term", "\(message.term.rawValue)"] + words
    }
}
