import Protocols

/// Looks for an order of one register's operations that a single copy could have shown.
///
/// Source: Wing & Gong, "Testing and verifying concurrent objects" (1993), with the memory of
/// configurations of Lowe, "Testing for linearizability" (2017). A configuration is the set of
/// operations that are in the order so far and the register's content; the set is known by 128 bits
/// of an exclusive-or fingerprint, so that a step costs the same in a long history.
///
/// Three rules keep the search narrow without losing an order:
/// - An operation that fits and changes nothing is taken at once.
/// - A version counts the writes, so the version that is told or read names its writer: no other
///   operation may take that place.
/// - Blind writes of unknown outcome whose value nobody saw are alike: the oldest is taken.
struct RegisterSearch {
    private struct Content: Equatable {
        var version: UInt64 = 0
        var value = 0
    }

    private enum Action {
        /// Changes nothing and is told this content; a compare-and-set also missed its version.
        case observe(Content, unless: UInt64?)
        /// Writes the value; `expected` is the version it needs, `version` the one it makes.
        case write(value: Int, expected: UInt64?, version: UInt64?)
    }

    private struct Configuration: Hashable {
        var high: UInt64
        var low: UInt64
        var version: UInt64
        var value: Int
    }

    private struct Level {
        var operation: Int
        var before: Content
        /// Operations that may be tried in the place of this one.
        var alternatives: [Int]
    }

    private let history: RegisterHistory
    private var actions: [Action?] = []
    private var called: [Int] = []
    private var returned: [Int?] = []
    /// The versions whose writer is known, and the highest version that anybody saw.
    private var reserved: Set<UInt64> = []
    private var highest: UInt64 = 0
    private var unfinished = 0

    // The events that are left, as a doubly linked list; 0 is its head, event `i` is at `i + 1`.
    private var following: [Int] = []
    private var preceding: [Int] = []

    private var content = Content()
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var seen: Set<Configuration> = []
    private var levels: [Level] = []

    /// What the search found out.
    enum Verdict: Equatable {
        /// There is such an order.
        case linearizable
        /// There is none; why, for people.
        case impossible(String)
        /// Too many configurations to tell.
        case undecided
    }

    init(_ history: RegisterHistory) {
        self.history = history
        readActions()
        linkEvents()
    }

    /// Searches; `limit` bounds the configurations.
    mutating func run(limit: Int = 2_000_000) -> Verdict {
        var deepest = -1
        var explanation = ""
        while unfinished > 0 {
            var candidates = nextOperations()
            if let operation = candidates.popLast() {
                levels.append(
                    Level(operation: operation, before: content, alternatives: candidates))
                take(operation)
                if isNew() { continue }
            } else if levels.count > deepest {
                deepest = levels.count
                explanation = explainStop()
            }
            guard seen.count < limit else { return .undecided }
            guard retreat() else { return .impossible(explanation) }
        }
        return .linearizable
    }

    // MARK: Preparation

    private mutating func readActions() {
        var values: [[UInt8]: Int] = [[]: 0]
        func number(_ value: [UInt8]) -> Int {
            if let known = values[value] { return known }
            values[value] = values.count
            return values.count - 1
        }
        var observedAt: [Int: UInt64] = [:]
        for operation in history.operations {
            switch operation.result {
            case .value(let content), .mismatch(let content):
                observedAt[number(content.value)] = content.version
                highest = max(highest, content.version)
            case .written(let version): highest = max(highest, version)
            case .failed, nil: break
            }
        }
        for operation in history.operations {
            let action: Action?
            switch (operation.write, operation.result) {
            case (_, .failed), (nil, nil), (nil, .written), (nil, .mismatch), (.set, .mismatch),
                (.some, .value):
                action = nil
            case (nil, .value(let told)):
                action = .observe(
                    Content(version: told.version, value: number(told.value)), unless: nil)
            case (.compareAndSet(let expected, _), .mismatch(let told)):
                action = .observe(
                    Content(version: told.version, value: number(told.value)), unless: expected)
            case (.set(let value), .written(let version)):
                action = .write(value: number(value), expected: nil, version: version)
            case (.compareAndSet(let expected, let value), .written(let version)):
                action = .write(value: number(value), expected: expected, version: version)
            case (.set(let value), nil):
                let name = number(value)
                action = .write(value: name, expected: nil, version: observedAt[name])
            case (.compareAndSet(let expected, let value), nil):
                let name = number(value)
                action = .write(value: name, expected: expected, version: observedAt[name])
            }
            if case .write(_, _, let version?) = action { reserved.insert(version) }
            if action != nil, operation.result != nil { unfinished += 1 }
            actions.append(action)
        }
    }

    private mutating func linkEvents() {
        called = Array(repeating: 0, count: actions.count)
        returned = Array(repeating: nil, count: actions.count)
        following = Array(repeating: 0, count: history.events.count + 1)
        preceding = following
        var tail = 0
        for (place, event) in history.events.enumerated() where actions[event.operation] != nil {
            following[tail] = place + 1
            preceding[place + 1] = tail
            tail = place + 1
            if event.isReturn {
                returned[event.operation] = place + 1
            } else {
                called[event.operation] = place + 1
            }
        }
        following[tail] = 0
        preceding[0] = tail
    }

    // MARK: Steps

    /// What may come next, the best last: all that began before the first end, as far as it fits.
    private func nextOperations() -> [Int] {
        var fitting: [Int] = []
        var blind: Int?
        var place = following[0]
        while place != 0 {
            let event = history.events[place - 1]
            if event.isReturn { break }
            place = following[place]
            guard let action = actions[event.operation] else { continue }
            switch action {
            case .observe(let told, let unless):
                if told == content, unless != content.version { return [event.operation] }
            case .write(_, let expected, let version?):
                if version == content.version + 1, expected == nil || expected == content.version {
                    fitting.append(event.operation)
                }
            case .write(_, let expected, nil):
                guard content.version < highest, !reserved.contains(content.version + 1) else {
                    continue
                }
                if let expected {
                    if expected == content.version { fitting.append(event.operation) }
                } else if blind == nil {
                    blind = event.operation
                }
            }
        }
        if let blind { fitting.insert(blind, at: 0) }
        return fitting
    }

    private mutating func take(_ operation: Int) {
        if case .write(let value, _, _) = actions[operation] {
            content = Content(version: content.version + 1, value: value)
        }
        flip(operation)
        unlink(called[operation])
        if let end = returned[operation] {
            unlink(end)
            unfinished -= 1
        }
    }

    /// Undoes steps back to the last one with an alternative, and takes that; false if none is left.
    private mutating func retreat() -> Bool {
        while var level = levels.popLast() {
            if let end = returned[level.operation] {
                relink(end)
                unfinished += 1
            }
            relink(called[level.operation])
            flip(level.operation)
            content = level.before
            while let other = level.alternatives.popLast() {
                level.operation = other
                take(other)
                levels.append(level)
                if isNew() { return true }
                return retreat()
            }
        }
        return false
    }

    private mutating func isNew() -> Bool {
        seen.insert(
            Configuration(high: high, low: low, version: content.version, value: content.value)
        ).inserted
    }

    /// Adds the operation to the fingerprint of the set, or takes it out.
    private mutating func flip(_ operation: Int) {
        var bits = Prng(seed: UInt64(operation) &* 0xD129_0D3B_3F4B_9E6D)
        high ^= bits.next()
        low ^= bits.next()
    }

    private mutating func unlink(_ place: Int) {
        following[preceding[place]] = following[place]
        preceding[following[place]] = preceding[place]
    }

    private mutating func relink(_ place: Int) {
        following[preceding[place]] = place
        preceding[following[place]] = place
    }

    /// Names the first operation that has ended and fits nowhere, with the content it met.
    private func explainStop() -> String {
        var place = following[0]
        while place != 0 {
            let event = history.events[place - 1]
            if event.isReturn {
                return "\(history.operations[event.operation]) fits nowhere; the register could be "
                    + "brought to version \(content.version) by then"
            }
            place = following[place]
        }
        return "nothing fits"
    }
}
