import Protocols

/// Says what a report's page draws, as one JSON object of compact arrays.
///
/// Times are microseconds since the run's start, -1 where there is none. Texts stand once, in
/// `strings`, and are named by position. Equal runs give equal bytes.
struct ReportData {
    private let world: World
    private let book: Recorder
    private let origin: ReportOrigin
    private var strings: [String]
    private var positions: [String: Int] = [:]

    /// Takes what the recorder of a world gathered; the world must have one.
    init(_ world: World, _ origin: ReportOrigin) {
        guard let book = world.recorder else {
            preconditionFailure("the world was not recorded")
        }
        self.world = world
        self.book = book
        self.origin = origin
        strings = book.strings
        for (position, text) in strings.enumerated() { positions[text] = position }
    }

    /// The object.
    mutating func json() -> [UInt8] {
        var json = JSONBytes()
        json.open("{")
        head(&json)
        messages(&json)
        json.rows("spans", book.spans) {
            [
                micro($0.time), $0.host, $0.status, Int($0.role.rawValue), Int($0.term),
                Int($0.leader), Int($0.boot),
            ]
        }
        json.rows("bars", book.bars) {
            [Int($0.kind.rawValue), $0.host, micro($0.start), micro($0.end), Int($0.text)]
        }
        json.rows("writes", book.writes) {
            [$0.host, micro($0.start), micro($0.end), $0.isSnapshot ? 1 : 0, Int($0.text)]
        }
        json.rows("progress", book.progress) {
            [micro($0.time), $0.host, $0.isApply ? 1 : 0, Int($0.index)]
        }
        json.rows("moments", book.moments) {
            [micro($0.time), $0.host, Int($0.kind.rawValue), Int($0.value), Int($0.text)]
        }
        operations(&json)
        // Last, for operations add to them.
        json.key("strings")
        json.list(strings)
        json.close("}")
        return json.bytes
    }

    private func head(_ json: inout JSONBytes) {
        let result = world.result
        json.key("seed")
        json.text("\(world.seed)")
        json.key("options")
        json.text("\(world.options)")
        json.key("commit")
        json.text(origin.commit)
        json.key("replay")
        json.text(origin.command)
        json.key("verdict")
        switch result.verdict {
        case .held: json.list(["held", "", ""])
        case .violated(let violation):
            json.list(["violated", violation.checker, violation.message])
        case .stuck(let reason): json.list(["stuck", "liveness", reason])
        }
        json.field("nodes", world.hosts.count)
        json.key("clients")
        json.list(
            world.clients.map {
                switch $0 {
                case .chat: "chat"
                case .register: "register"
                case .visitor: "visitor"
                }
            })
        json.field("end", micro(world.now))
        json.field("settled", micro(book.settled))
        json.field("events", Int(book.steps))
        json.key("digest")
        json.text(String(result.digest, radix: 16))
        json.key("counts")
        json.open("{")
        for fault in Fault.allCases where result.statistics.faults[Int(fault.rawValue)] > 0 {
            json.field("\(fault)", Int(result.statistics.faults[Int(fault.rawValue)]))
        }
        json.close("}")
        json.key("checkers")
        json.open("{")
        for count in result.statistics.checkers { json.field(count.name, Int(count.count)) }
        json.close("}")
        json.key("kinds")
        json.list(Recorder.Kind.allCases.map { "\($0)" })
        json.key("fates")
        json.list(Recorder.Fate.allCases.map { "\($0)" })
        json.key("barKinds")
        json.list(Recorder.Bar.Kind.allCases.map { "\($0)" })
        json.key("momentKinds")
        json.list(Recorder.Moment.Kind.allCases.map { "\($0)" })
        json.key("outcomes")
        json.list(Operations.Outcome.allCases.map { "\($0)" })
    }

    /// Messages in columns, in order of sending: `t` the time since the message before, `d` how
    /// long it was under way or -1, `p` sender and receiver, `k` kind, fate and copy, `r` the
    /// term, `s` the text.
    private func messages(_ json: inout JSONBytes) {
        json.key("messages")
        json.open("{")
        var last = 0
        json.column("t", book.messages) { message in
            defer { last = micro(message.sent) }
            return micro(message.sent) - last
        }
        json.column("d", book.messages) { $0.ended < 0 ? -1 : micro($0.ended) - micro($0.sent) }
        json.column("p", book.messages) { $0.from * 256 + $0.to }
        json.column("k", book.messages) {
            Int($0.kind.rawValue) * 16 + Int($0.fate.rawValue) * 2 + ($0.isCopy ? 1 : 0)
        }
        json.column("r", book.messages) { Int($0.term) }
        json.column("s", book.messages) { Int($0.text) }
        json.close("}")
    }

    private mutating func operations(_ json: inout JSONBytes) {
        var rows: [[Int]] = []
        for operation in book.operations.all {
            rows.append([
                operation.client, micro(operation.invoked), micro(operation.returned),
                Int(operation.outcome.rawValue), operation.host, position(of: operation.text),
                position(of: operation.result),
            ])
        }
        json.rows("operations", rows) { $0 }
    }

    private mutating func position(of text: String) -> Int {
        if let position = positions[text] { return position }
        positions[text] = strings.count
        strings.append(text)
        return strings.count - 1
    }

    private func micro(_ time: Int64) -> Int { time < 0 ? -1 : Int(time / 1_000) }
}

/// Where a report comes from.
public struct ReportOrigin: Sendable {
    /// The command that repeats the run.
    public var command: String
    /// The commit of the sources.
    public var commit: String

    /// Makes an origin.
    public init(command: String, commit: String) {
        self.command = command
        self.commit = commit
    }
}

/// Writes JSON (RFC 8259) that may stand in a `script` element: `<` is escaped.
struct JSONBytes {
    private(set) var bytes: [UInt8] = []
    private var wantsComma = false

    /// Begins an object or array.
    mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        wantsComma = false
    }

    /// Ends an object or array.
    mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        wantsComma = true
    }

    /// Begins a member of an object.
    mutating func key(_ name: String) {
        text(name)
        bytes.append(UInt8(ascii: ":"))
        wantsComma = false
    }

    /// A member that is a number.
    mutating func field(_ name: String, _ value: Int) {
        key(name)
        number(value)
    }

    /// A member that is an array of numbers, one for each item.
    mutating func column<Item>(_ name: String, _ items: [Item], _ value: (Item) -> Int) {
        key(name)
        open("[")
        for item in items { number(value(item)) }
        close("]")
    }

    /// A member that is an array of arrays of numbers, one for each item.
    mutating func rows<Item>(_ name: String, _ items: [Item], _ values: (Item) -> [Int]) {
        key(name)
        open("[")
        for item in items {
            open("[")
            for value in values(item) { number(value) }
            close("]")
        }
        close("]")
    }

    /// An array of texts.
    mutating func list(_ texts: [String]) {
        open("[")
        for text in texts { self.text(text) }
        close("]")
    }

    /// A number.
    mutating func number(_ value: Int) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
        wantsComma = true
    }

    /// A text.
    mutating func text(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, UInt8(ascii: "<"):
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(JSONBytes.digits[Int(byte >> 4)])
                bytes.append(JSONBytes.digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        wantsComma = true
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private mutating func separate() {
        if wantsComma { bytes.append(UInt8(ascii: ",")) }
    }
}
