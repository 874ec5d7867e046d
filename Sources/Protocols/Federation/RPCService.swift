/// What is to be done for one call of XML-RPC.
public enum RPCTask: Equatable, Sendable {
    /// Nothing: this is the answer.
    case reply(RPCReply)
    /// The node has to answer it.
    case federation(FederationCall, CallContext)
}

/// What is to be done for one request: one task, or those of a `system.multicall`.
public struct RPCPlan: Equatable, Sendable {
    /// The tasks in the order of the answers.
    public var tasks: [RPCTask]
    /// The answers go out together as one array.
    public var isMulticall: Bool

    /// The most calls in one `system.multicall`.
    public static let maximumCalls = 64

    /// Decides what a call asks for. What cannot be done is answered with a fault, in a multicall
    /// each call by itself.
    public init(_ call: RPCCall) {
        guard call.method == RPCPlan.multicall else {
            self.init(tasks: [RPCPlan.task(for: call)], isMulticall: false)
            return
        }
        guard call.parameters.count == 1, let calls = call.parameters[0].elements else {
            self.init(refusing: .invalidParameters("expected one array of calls"))
            return
        }
        guard calls.count <= RPCPlan.maximumCalls else {
            self.init(refusing: .limit("at most \(RPCPlan.maximumCalls) calls in a multicall"))
            return
        }
        self.init(tasks: calls.map { RPCPlan.task(forElement: $0) }, isMulticall: true)
    }

    /// A plan that answers with a fault.
    public init(refusing fault: RPCFault) {
        self.init(tasks: [.reply(.fault(fault))], isMulticall: false)
    }

    private init(tasks: [RPCTask], isMulticall: Bool) {
        self.tasks = tasks
        self.isMulticall = isMulticall
    }

    private static func task(forElement element: RPCValue) -> RPCTask {
        guard let method = element["methodName"]?.text, let params = element["params"]?.elements
        else {
            return .reply(.fault(.invalidParameters("expected methodName and params")))
        }
        guard method != multicall else {
            return .reply(.fault(.invalidParameters("a multicall in a multicall is not allowed")))
        }
        return task(for: RPCCall(method, params))
    }

    private static func task(for call: RPCCall) -> RPCTask {
        if call.method.utf8.starts(with: "system.".utf8) { return .reply(introspect(call)) }
        do {
            let (call, context) = try FederationCall.read(call)
            return .federation(call, context)
        } catch {
            return .reply(.fault(error))
        }
    }

    // MARK: Introspection

    private static let multicall = "system.multicall"

    private static let systemMethods: [(name: String, signature: [String], help: String)] = [
        ("system.listMethods", ["array"], "system.listMethods(): the names of all methods"),
        (
            "system.methodHelp", ["string", "string"],
            "system.methodHelp(name): what the method does"
        ),
        (
            "system.methodSignature", ["array", "string"],
            "system.methodSignature(name): the types of its result and parameters"
        ),
        (
            multicall, ["array", "array"],
            "system.multicall(calls): does each {methodName, params}; answers [result] or a fault"
        ),
    ]

    private static func introspect(_ call: RPCCall) -> RPCReply {
        switch call.method {
        case "system.listMethods":
            guard call.parameters.isEmpty else {
                return .fault(.invalidParameters("there are too many parameters"))
            }
            let names = FederationMethod.allCases.map(\.rawValue) + systemMethods.map(\.name)
            return .value(.array(names.map { .string($0) }))
        case "system.methodHelp", "system.methodSignature":
            guard call.parameters.count == 1, let name = call.parameters[0].text else {
                return .fault(.invalidParameters("expected the name of a method"))
            }
            guard let (signature, help) = description(of: name) else {
                return .fault(.unknownMethod(name))
            }
            guard call.method == "system.methodSignature" else { return .value(.string(help)) }
            return .value(.array([.array(signature.map { .string($0) })]))
        default: return .fault(.unknownMethod(call.method))
        }
    }

    private static func description(of name: String) -> (signature: [String], help: String)? {
        if let method = FederationMethod(rawValue: name) { return (method.signature, method.help) }
        for method in systemMethods where method.name == name {
            return (method.signature, method.help)
        }
        return nil
    }
}

/// Gathers the answers to the tasks of a plan, which come in any order, into one document.
///
/// It keeps them encoded. In a multicall an answer that would make the document longer than
/// `maximumBytes` is replaced by a fault, so that many small calls cannot ask for many large
/// answers at once.
public struct RPCCollector: Equatable, Sendable {
    /// The most bytes of the answers in a multicall.
    public let maximumBytes: Int
    private let isMulticall: Bool
    private var parts: [[UInt8]?]
    private var missing: Int
    private var byteCount = 0
    /// The answer, when the plan has one task.
    private var single: [UInt8]?

    /// Makes a collector with those answers that are known already.
    public init(_ plan: RPCPlan, maximumBytes: Int = 16 << 20) {
        self.maximumBytes = maximumBytes
        isMulticall = plan.isMulticall
        parts = [[UInt8]?](repeating: nil, count: plan.tasks.count)
        missing = plan.tasks.count
        for (index, task) in plan.tasks.enumerated() {
            if case .reply(let reply) = task { fill(index, with: reply) }
        }
    }

    /// Takes the answer to a task; each task must be answered once.
    public mutating func fill(_ index: Int, with reply: RPCReply) {
        precondition(parts[index] == nil && missing > 0, "a task was answered twice")
        missing -= 1
        guard isMulticall else {
            parts[index] = []
            single = RPCWriter.encode(reply)
            return
        }
        var part = encoded(reply)
        if byteCount + part.count > maximumBytes {
            part = encoded(.fault(.limit("the answers of the multicall are too long")))
        }
        byteCount += part.count
        parts[index] = part
    }

    /// The whole answer; `nil` as long as one is missing.
    public var document: [UInt8]? {
        guard missing == 0 else { return nil }
        if let single { return single }
        var writer = RPCWriter()
        writer.literal("<value><array><data>")
        for part in parts { writer.raw(part ?? []) }
        writer.literal("</data></array></value>")
        return RPCWriter.encode(result: writer.bytes)
    }

    private func encoded(_ reply: RPCReply) -> [UInt8] {
        var writer = RPCWriter()
        switch reply {
        case .value(let value): writer.write(.array([value]))
        case .fault(let fault): writer.write(RPCWriter.structure(of: fault))
        }
        return writer.bytes
    }
}
