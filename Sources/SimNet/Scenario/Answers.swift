import Protocols

/// What clients that act on orders were told, in the order in which they asked.
public struct Answers: Equatable, Sendable {
    /// What a scenario can expect answers to.
    public enum Question: String, CaseIterable, Sendable {
        /// The values of a register that a client read.
        case reads
        /// What became of a client's writes to a register.
        case writes
        /// What became of a client's messages in a room.
        case says
        /// The messages of a room that a client received.
        case hears
    }

    private struct Answer: Equatable, Sendable {
        var client: Int
        var question: Question
        var about: String
        /// Tells it from the client's other ones, until it has its word.
        var name: String
        var word: String
    }

    /// Read before anything was written.
    static let nothing = "nothing"
    /// Written, or acknowledged.
    static let done = "done"
    /// Surely not done.
    static let failed = "failed"
    /// There was no answer: it may have been done, or may still be.
    static let unknown = "unknown"
    /// The words that stand for themselves in an expectation and cannot be written by a client.
    static let words = [nothing, done, failed, unknown]

    private var answers: [Answer] = []

    /// Makes an empty list.
    public init() {}

    /// The words of a client about a register or a room.
    public func words(of client: Int, _ question: Question, _ about: String) -> [String] {
        answers.filter { $0.client == client && $0.question == question && $0.about == about }
            .map(\.word)
    }

    /// Takes what a client saw; returns a line for the story if it is worth one.
    mutating func take(_ what: Observation, of client: Int, room: String?) -> String? {
        switch what {
        case .invoked(let call):
            answers.append(
                Answer(
                    client: client, question: call.write == nil ? .reads : .writes,
                    about: call.key, name: "\(call.operation)", word: Answers.unknown))
            return nil
        case .returned(let operation, let result):
            return finish(client, "\(operation)", Answers.word(result))
        case .abandoned(let operation): return finish(client, "\(operation)", Answers.unknown)
        case .submitted(_, let name):
            answers.append(
                Answer(
                    client: client, question: .says, about: room ?? "?", name: name,
                    word: Answers.unknown))
            return nil
        case .acknowledged(_, let name, _, let sequence):
            return finish(client, name, Answers.done).map { "\($0), number \(sequence)" }
        case .joined(_, let first, _, let since):
            return "client\(client) joins \(room ?? "?")"
                + (since.map { " after number \($0)" } ?? " from number \(first) on")
        case .received(_, let message):
            let text = message.content.split(separator: " ").dropFirst().joined(separator: " ")
            answers.append(
                Answer(
                    client: client, question: .hears, about: room ?? "?", name: "", word: text))
            return "client\(client) hears \(room ?? "?"): \(text), number \(message.sequence)"
        case .detached: return "client\(client) loses its connection"
        }
    }

    private mutating func finish(_ client: Int, _ name: String, _ word: String) -> String? {
        let position = answers.lastIndex {
            $0.client == client && $0.name == name && $0.question != .hears
        }
        guard let position else { return nil }
        answers[position].word = word
        let answer = answers[position]
        let what = answer.question == .says ? " \(name)" : ""
        return "client\(client) \(answer.question) \(answer.about)\(what): \(word)"
    }

    private static func word(_ result: RegisterResult) -> String {
        switch result {
        case .value(let content):
            content.version == 0 ? nothing : String(decoding: content.value, as: UTF8.self)
        case .written: done
        case .mismatch, .failed: failed
        }
    }
}
