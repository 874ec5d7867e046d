/// What one document of XML-RPC may cost its reader.
public struct RPCLimits: Equatable, Sendable {
    /// The bytes of the document.
    public var maximumBytes: Int
    /// How deep values may stand in values; a parameter is at 1.
    public var maximumDepth: Int
    /// The values and members of the whole document.
    public var maximumValues: Int

    /// Makes limits; those of a call by default.
    public init(
        maximumBytes: Int = 1 << 20, maximumDepth: Int = 32, maximumValues: Int = 100_000
    ) {
        self.maximumBytes = maximumBytes
        self.maximumDepth = maximumDepth
        self.maximumValues = maximumValues
    }

    /// What an answer may cost: a join brings a hundred messages of 5,000 characters.
    public static let reply = RPCLimits(maximumBytes: 16 << 20)
}

/// Why bytes are no document of XML-RPC.
public enum RPCParseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not well-formed XML; the text is the parser's.
    case notWellFormed(String)
    /// An encoding that the parser does not know.
    case unknownEncoding
    /// A document type declaration: nothing here needs one, and entities are declared in it.
    case documentType
    /// Longer than the limit.
    case tooLarge
    /// Nested deeper than the limit.
    case tooDeep
    /// More values than the limit.
    case tooManyValues
    /// An element where it must not stand, or one that is missing.
    case misplaced(String)
    /// The content of this element does not fit it.
    case badContent(String)

    /// One line for a person.
    public var description: String {
        switch self {
        case .notWellFormed(let why): "not well-formed XML: \(why)"
        case .unknownEncoding: "the encoding is not supported"
        case .documentType: "a document type declaration is not allowed"
        case .tooLarge: "the document is too large"
        case .tooDeep: "values are nested too deeply"
        case .tooManyValues: "there are too many values"
        case .misplaced(let what): "not XML-RPC: \(what)"
        case .badContent(let element): "the content of \(element) is not valid"
        }
    }

    /// The fault that answers a call with this error.
    public var fault: RPCFault {
        switch self {
        case .notWellFormed, .documentType: .notWellFormed(description)
        case .unknownEncoding: .unknownEncoding(description)
        case .tooLarge, .tooDeep, .tooManyValues, .misplaced, .badContent:
            .invalidCall(description)
        }
    }
}

/// Makes a document of XML-RPC from the elements of an XML parser, as they come.
///
/// ## Overview
/// The parser reports the start and end of elements and the text between; the builder decides
/// whether an element may stand where it stands, and what it is worth. Errors are final: after one
/// the builder must be dropped.
///
/// ## Function
/// Attributes are ignored, as is space between elements. A `<value>` without an element inside is a
/// string. The prefix `ex:` of Apache's extensions is taken off.
public struct RPCBuilder: Equatable, Sendable {
    private enum Element: String {
        case methodCall, methodName, methodResponse, params, param, fault, value
        case int, i1, i2, i4, i8, boolean, string, double, base64
        case dateTime = "dateTime.iso8601"
        case null = "nil"
        case array, data, structure = "struct", member, name

        /// Elements that hold text and nothing else.
        var isText: Bool {
            switch self {
            case .methodName, .int, .i1, .i2, .i4, .i8, .boolean, .string, .double, .base64,
                .dateTime, .null, .name:
                true
            case .methodCall, .methodResponse, .params, .param, .fault, .value, .array, .data,
                .structure, .member:
                false
            }
        }
    }

    /// An element that was begun and not ended, with what is known of its content.
    private struct Frame: Equatable {
        var element: Element
        var name: String?
        /// The one value or answer that the element holds.
        var value: RPCValue?
        /// Values of `params` and `data`.
        var values: [RPCValue]?
        var members: [RPCMember] = []
        var isFault = false
    }

    private let limits: RPCLimits
    private var stack: [Frame] = []
    /// Text since the last start or end of an element.
    private var text: [UInt8] = []
    private var depth = 0
    private var count = 0
    private var document: RPCDocument?

    /// Makes a builder for one document.
    public init(limits: RPCLimits = RPCLimits()) { self.limits = limits }

    /// An element begins.
    public mutating func start(_ name: String) throws(RPCParseError) {
        let plain = name.utf8.starts(with: "ex:".utf8) ? String(name.dropFirst(3)) : name
        guard let element = Element(rawValue: plain) else {
            throw .misplaced("element \(RPCFault.shortened(name)) is not known")
        }
        guard mayStart(element), isSpace else {
            throw .misplaced("\(plain) must not stand there")
        }
        text.removeAll(keepingCapacity: true)
        if element == .value {
            depth += 1
            guard depth <= limits.maximumDepth else { throw .tooDeep }
        }
        if element == .value || element == .member {
            count += 1
            guard count <= limits.maximumValues else { throw .tooManyValues }
        }
        var frame = Frame(element: element)
        if element == .params || element == .data { frame.values = [] }
        stack.append(frame)
    }

    /// Text, or a part of it.
    public mutating func characters(_ bytes: UnsafeRawBufferPointer) {
        text.append(contentsOf: bytes)
    }

    /// The element begun last and not ended yet ends.
    public mutating func end() throws(RPCParseError) {
        guard let frame = stack.popLast() else {
            throw .misplaced("an element ends that was not begun")
        }
        switch frame.element {
        case .methodName, .name: try take(name: frame.element)
        case .int, .i1, .i2, .i4, .i8, .boolean, .string, .double, .base64, .dateTime, .null:
            let value = try scalar(frame.element)
            stack[stack.count - 1].value = value
        case .value:
            depth -= 1
            try take(value: frame)
        case .member:
            guard let name = frame.name, let value = frame.value else {
                throw .misplaced("a member lacks its name or value")
            }
            stack[stack.count - 1].members.append(RPCMember(name, value))
        case .structure: stack[stack.count - 1].value = .structure(frame.members)
        case .data, .params: stack[stack.count - 1].values = frame.values ?? []
        case .array:
            guard let values = frame.values else { throw .misplaced("an array lacks its data") }
            stack[stack.count - 1].value = .array(values)
        case .param:
            guard let value = frame.value else { throw .misplaced("a param lacks its value") }
            stack[stack.count - 1].values?.append(value)
        case .fault:
            stack[stack.count - 1].value = frame.value
            stack[stack.count - 1].isFault = true
        case .methodCall:
            guard let name = frame.name else { throw .misplaced("a call lacks its methodName") }
            document = .call(RPCCall(name, frame.values ?? []))
        case .methodResponse: document = .reply(try reply(frame))
        }
        guard frame.element.isText || frame.element == .value || isSpace else {
            throw .misplaced("there is text outside of values")
        }
        text.removeAll(keepingCapacity: true)
    }

    /// The whole document, once its last element has ended.
    public func finish() throws(RPCParseError) -> RPCDocument {
        guard let document else { throw .misplaced("the document has no end") }
        return document
    }

    // MARK: Where elements may stand

    private func mayStart(_ element: Element) -> Bool {
        guard let parent = stack.last else {
            return document == nil && (element == .methodCall || element == .methodResponse)
        }
        switch (parent.element, element) {
        case (.methodCall, .methodName): return parent.name == nil && parent.values == nil
        case (.methodCall, .params): return parent.name != nil && parent.values == nil
        case (.methodResponse, .params), (.methodResponse, .fault):
            return parent.values == nil && !parent.isFault
        case (.params, .param), (.data, .value), (.structure, .member): return true
        case (.param, .value), (.fault, .value): return parent.value == nil
        case (.member, .name): return parent.name == nil
        case (.member, .value): return parent.name != nil && parent.value == nil
        case (.array, .data): return parent.values == nil
        case (.value, .array), (.value, .structure): return parent.value == nil
        case (.value, let inner): return parent.value == nil && isScalar(inner)
        default: return false
        }
    }

    private func isScalar(_ element: Element) -> Bool {
        element.isText && element != .methodName && element != .name
    }

    // MARK: What elements are worth

    private mutating func take(name element: Element) throws(RPCParseError) {
        // A method's name has no space; around it some clients put a line break.
        let trimmed = element == .methodName ? trimmedText : text[...]
        guard !trimmed.isEmpty || element == .name else { throw .badContent("methodName") }
        stack[stack.count - 1].name = String(decoding: trimmed, as: UTF8.self)
    }

    private mutating func take(value frame: Frame) throws(RPCParseError) {
        let value: RPCValue
        if let inner = frame.value {
            guard isSpace else { throw .misplaced("there is text beside an element in a value") }
            value = inner
        } else {
            value = .string(String(decoding: text, as: UTF8.self))
        }
        if stack[stack.count - 1].element == .data {
            stack[stack.count - 1].values?.append(value)
        } else {
            stack[stack.count - 1].value = value
        }
    }

    private func scalar(_ element: Element) throws(RPCParseError) -> RPCValue {
        let name = element.rawValue
        switch element {
        case .string: return .string(String(decoding: text, as: UTF8.self))
        case .int, .i1, .i2, .i4, .i8:
            guard let number = Int64(trimmed) else { throw .badContent(name) }
            return .int(number)
        case .boolean:
            switch trimmed {
            case "1", "true": return .bool(true)
            case "0", "false": return .bool(false)
            default: throw .badContent(name)
            }
        case .double:
            guard isDouble else { throw .badContent(name) }
            return .double(trimmed)
        case .dateTime:
            let time = trimmed
            guard !time.isEmpty, time.utf8.count <= 64 else { throw .badContent(name) }
            return .dateTime(time)
        case .base64:
            guard let bytes = decodedBase64 else { throw .badContent(name) }
            return .base64(bytes)
        case .null:
            guard isSpace else { throw .badContent(name) }
            return .null
        case .methodCall, .methodName, .methodResponse, .params, .param, .fault, .value, .array,
            .data, .structure, .member, .name:
            preconditionFailure("\(name) is no scalar")
        }
    }

    private func reply(_ frame: Frame) throws(RPCParseError) -> RPCReply {
        if frame.isFault {
            guard let value = frame.value, case .int(let code)? = value["faultCode"],
                let code = Int32(exactly: code), let text = value["faultString"]?.text
            else { throw .badContent("fault") }
            return .fault(RPCFault(code, text))
        }
        // Some servers answer a method without a result by no parameter at all.
        guard let values = frame.values, values.count <= 1 else {
            throw .misplaced("an answer has one result")
        }
        return .value(values.first ?? .null)
    }

    // MARK: Text

    private var isSpace: Bool { text.allSatisfy(RPCBuilder.isSpaceByte) }

    private static func isSpaceByte(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private var trimmedText: ArraySlice<UInt8> {
        var slice = text[...]
        while let byte = slice.first, RPCBuilder.isSpaceByte(byte) { slice = slice.dropFirst() }
        while let byte = slice.last, RPCBuilder.isSpaceByte(byte) { slice = slice.dropLast() }
        return slice
    }

    private var trimmed: String { String(decoding: trimmedText, as: UTF8.self) }

    /// True for a decimal number with or without an exponent, and the names of what is none.
    private var isDouble: Bool {
        let slice = trimmedText
        guard !slice.isEmpty, slice.count <= 400 else { return false }
        if ["nan", "inf", "-inf"].contains(trimmed) { return true }
        var hasDigit = false
        for byte in slice {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigit = true
            case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"):
                continue
            default: return false
            }
        }
        return hasDigit
    }

    /// The bytes that the text stands for (RFC 4648, 4), with any space in it; `nil` when it is no
    /// base 64.
    private var decodedBase64: [UInt8]? {
        var bytes: [UInt8] = []
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text where !RPCBuilder.isSpaceByte(byte) {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte + 4
            case UInt8(ascii: "+"): digit = 62
            case UInt8(ascii: "/"): digit = 63
            case UInt8(ascii: "="):
                padding += 1
                continue
            default: return nil
            }
            guard padding == 0 else { return nil }
            group = group << 6 | UInt32(digit)
            digits += 1
            if digits % 4 == 0 {
                for shift: UInt32 in [16, 8, 0] {
                    bytes.append(UInt8(truncatingIfNeeded: group >> shift))
                }
                group = 0
            }
        }
        let rest = digits % 4
        guard rest != 1, padding == (rest == 0 ? 0 : 4 - rest) else { return nil }
        if rest >= 2 { bytes.append(UInt8(truncatingIfNeeded: group >> (rest == 2 ? 4 : 10))) }
        if rest == 3 { bytes.append(UInt8(truncatingIfNeeded: group >> 2)) }
        return bytes
    }
}
