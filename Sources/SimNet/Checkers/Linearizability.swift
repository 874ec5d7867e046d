import Protocols

/// Registers behave as if there were one copy and each operation happened at one moment between
/// its beginning and its end (Herlihy & Wing 1990; searched as `RegisterSearch` says).
///
/// An operation without an answer may have happened at any time since, or never. One that failed
/// surely did not happen. Histories are searched when the run is over.
public struct Linearizability: Sendable, Checker {
    /// The name in reports.
    public static let name = "linearizability"
    /// How many answered operations were put in order.
    public private(set) var exercised = 0
    /// How many registers had a history too wide to tell.
    public private(set) var undecided = 0

    private struct Asked: Hashable, Sendable {
        var client: ClientID
        var operation: Int
    }

    private struct Place: Sendable {
        var register: Int
        var operation: Int
    }

    private var registers: [RegisterHistory] = []
    private var numbers: [String: Int] = [:]
    private var open: [Asked: Place] = [:]

    /// Makes a checker.
    public init() {}

    /// Takes an operation's beginning or end.
    public mutating func observed(
        _ client: ClientID, _ observation: Observation, at now: Instant
    ) throws(Violation) {
        switch observation {
        case .invoked(let call):
            let register = number(of: call.key)
            let operation = registers[register].invoke(client, call)
            open[Asked(client: client, operation: call.operation)] =
                Place(register: register, operation: operation)
        case .returned(let operation, let result):
            let asked = Asked(client: client, operation: operation)
            guard let place = open.removeValue(forKey: asked) else {
                throw Violation(
                    Self.name,
                    "client \(client.rawValue) has an answer to operation \(operation), which is "
                        + "not open")
            }
            registers[place.register].complete(place.operation, result)
        case .abandoned(let operation):
            open[Asked(client: client, operation: operation)] = nil
        case .submitted, .acknowledged, .joined, .received, .detached:
            break
        }
    }

    /// Searches all histories.
    public mutating func finished(_ nodes: [Node]) throws(Violation) { try search() }

    /// Searches all histories for an order.
    public mutating func search() throws(Violation) {
        for history in registers {
            var search = RegisterSearch(history)
            switch search.run() {
            case .linearizable:
                for operation in history.operations where operation.result != nil { exercised += 1 }
            case .undecided: undecided += 1
            case .impossible(let why):
                throw Violation(Self.name, "register \(history.key): \(why)")
            }
        }
    }

    private mutating func number(of key: String) -> Int {
        if let known = numbers[key] { return known }
        numbers[key] = registers.count
        registers.append(RegisterHistory(key: key))
        return registers.count - 1
    }
}
