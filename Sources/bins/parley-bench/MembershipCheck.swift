import EdgeCodecs
import LiveNet
import Protocols

/// The end of a load: some members leave, and then every member and every node must say the same
/// of who is in each room.
final class MembershipCheck {
    private unowned let load: ChatLoad
    /// Who must be in each room.
    private var expected: [Set<String>]
    private let leavers: [LoadMember]
    private let deadline: Int64
    private var auditors: [MembershipAuditor] = []

    /// How long events and answers may take to come.
    private static let limit: Int64 = 30_000_000_000

    /// The load is settled: the first receivers leave.
    init(_ load: ChatLoad, _ now: Int64) {
        self.load = load
        deadline = now + Self.limit
        leavers = Array(load.receivers.prefix(load.options.leavers))
        expected = Array(repeating: [], count: load.rooms.count)
        for (number, leaver) in leavers.enumerated() {
            leaver.leave(withoutWord: number % 2 == 1)
        }
        for member in load.members where !member.isLeaving {
            expected[member.roomIndex].insert(member.name)
        }
    }

    /// Goes on; true at the end.
    func isOver(_ now: Int64) -> Bool {
        if now > deadline { return true }
        if auditors.isEmpty {
            guard load.members.allSatisfy(isRight) else { return false }
            auditors = load.options.urls.map { MembershipAuditor(load, $0) }
        }
        return auditors.allSatisfy(\.isDone)
    }

    private func isRight(_ member: LoadMember) -> Bool {
        if member.isLeaving { return member.client == nil }
        return member.isJoined && isRight(member.roster.names, in: member.roomIndex)
    }

    /// Auditors are in the rooms for a moment.
    private func isRight(_ names: Set<String>, in room: Int) -> Bool {
        names.filter { !MembershipAuditor.isName($0) } == expected[room]
    }

    /// Puts into the report what is wrong.
    func conclude() {
        var wrong: [String] = []
        for member in load.members {
            load.report.listsCompared += 1
            load.report.memberEvents += member.roster.events
            if member.roster.faults > 0 {
                wrong.append("\(member.name): \(member.roster.faults) events do not fit")
            }
            if !isRight(member) {
                let names = member.roster.names
                let lacks = expected[member.roomIndex].subtracting(names).sorted()
                let extra = names.subtracting(expected[member.roomIndex]).sorted()
                wrong.append(
                    "\(member.name), joined \(member.isJoined): lacks \(lacks), has \(extra)")
            }
        }
        for auditor in auditors {
            for room in load.rooms.indices {
                load.report.listsCompared += 1
                guard let answer = auditor.answers[room], isRight(answer, in: room) else {
                    wrong.append("\(auditor.url) is wrong about room \(room)")
                    continue
                }
            }
            auditor.close()
        }
        if auditors.isEmpty { wrong.append("no node was asked: members did not agree before") }
        load.report.memberFaults = wrong.count
        for line in wrong.prefix(20) { Output.error(line) }
    }
}

/// Joins every room at one node, one after the other, and notes who is there.
final class MembershipAuditor: WebSocketClientHandler {
    private unowned let load: ChatLoad
    let url: WebSocketURL
    private(set) var answers: [Int: Set<String>] = [:]
    private var client: WebSocketClient?

    /// True for the name of an auditor.
    static func isName(_ name: String) -> Bool { name.hasPrefix("auditor ") }

    init(_ load: ChatLoad, _ url: WebSocketURL) {
        self.load = load
        self.url = url
        client = WebSocketClient(
            loop: load.loop, url: url, limitMilliseconds: 5000, offersCompression: false,
            handler: self)
    }

    /// True when all rooms were seen, or the node has gone.
    var isDone: Bool { answers.count == load.rooms.count || client == nil }

    func close() {
        client?.close()
        client = nil
    }

    private func askNext() {
        guard answers.count < load.rooms.count else { return }
        var text: [UInt8] = []
        let room = load.rooms[answers.count]
        ChatJSON.encode(.joinRoom(room: room, user: "auditor \(url)", since: nil), into: &text)
        client?.send(text: text)
    }

    func webSocketOpened(_ client: WebSocketClient) { askNext() }

    func webSocket(_ client: WebSocketClient, received text: [UInt8]) {
        guard let message = try? ChatJSON.message(parsing: text, with: load.reader),
            case .joined(let reply) = message, load.rooms.contains(reply.room.id)
        else { return }
        answers[answers.count] = Set(reply.members)
        askNext()
    }

    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) {
        if !isDone { load.lastError = "\(url): \(end)" }
        self.client = nil
    }
}
