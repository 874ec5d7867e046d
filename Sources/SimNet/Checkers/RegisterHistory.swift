import Protocols

/// What clients asked of one register and what they were told, in order of time.
struct RegisterHistory: Sendable {
    /// One operation.
    struct Operation: Sendable {
        /// Who asked, and the operation's name there.
        var client: ClientID
        var number: Int
        /// `nil` reads.
        var write: RegisterOperation?
        /// What came back; `nil` while, or for ever, unknown.
        var result: RegisterResult?
    }

    /// An operation begins or ends; the place in the array is the time.
    struct Event: Sendable {
        var operation: Int
        var isReturn: Bool
    }

    let key: String
    var operations: [Operation] = []
    var events: [Event] = []

    init(key: String) { self.key = key }

    mutating func invoke(_ client: ClientID, _ call: RegisterCall) -> Int {
        operations.append(Operation(client: client, number: call.operation, write: call.write))
        events.append(Event(operation: operations.count - 1, isReturn: false))
        return operations.count - 1
    }

    mutating func complete(_ operation: Int, _ result: RegisterResult) {
        operations[operation].result = result
        events.append(Event(operation: operation, isReturn: true))
    }
}

extension RegisterHistory.Operation: CustomStringConvertible {
    /// The operation as people read it.
    var description: String {
        let asked: String
        switch write {
        case nil: asked = "get"
        case .set(let value): asked = "set \(text(value))"
        case .compareAndSet(let expected, let value):
            asked = "set \(text(value)) if at version \(expected)"
        }
        let told: String
        switch result {
        case nil: told = "unknown"
        case .value(let content), .mismatch(let content):
            told = "\(text(content.value)) at version \(content.version)"
        case .written(let version): told = "written as version \(version)"
        case .failed: told = "not done"
        }
        return "client \(client.rawValue), operation \(number): \(asked) -> \(told)"
    }
}

/// A register's value as people read it.
func text(_ value: [UInt8]) -> String { "\"\(String(decoding: value, as: UTF8.self))\"" }
