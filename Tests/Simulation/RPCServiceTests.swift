import EdgeCodecs
import Protocols
import Testing

private func element(_ method: String, _ params: [RPCValue]) -> RPCValue {
    .structure([
        RPCMember("methodName", .string(method)), RPCMember("params", .array(params)),
    ])
}

private func fault(_ code: Int64, _ text: String) -> RPCValue {
    .structure([RPCMember("faultCode", .int(code)), RPCMember("faultString", .string(text))])
}

private func answer(_ method: String, _ parameters: [RPCValue] = []) throws -> RPCReply? {
    let collector = RPCCollector(RPCPlan(RPCCall(method, parameters)))
    return try collector.document.map { try XMLRPCReader.reply($0) }
}

@Suite("XML-RPC service")
struct RPCServiceTests {
    @Test("all methods are listed, described and have a signature")
    func introspection() throws {
        let names =
            FederationMethod.allCases.map(\.rawValue) + [
                "system.listMethods", "system.methodHelp", "system.methodSignature",
                "system.multicall",
            ]
        #expect(try answer("system.listMethods") == .value(.array(names.map { .string($0) })))
        for name in names {
            guard case .value(.string(let help)) = try answer("system.methodHelp", [.string(name)])
            else {
                Issue.record("\(name) has no help")
                continue
            }
            #expect(help.hasPrefix(name + "("))
            let signature = try answer("system.methodSignature", [.string(name)])
            guard case .value(.array(let lists)) = signature, lists.count == 1 else {
                Issue.record("\(name) has no signature")
                continue
            }
            #expect(lists[0].elements?.isEmpty == false)
        }
        #expect(
            try answer("system.methodSignature", [.string("rollback_delete_room")])
                == .value(
                    .array([.array([.string("struct"), .string("string"), .string("string")])]))
        )
    }

    @Test("what does not exist or has wrong parameters is a standard fault")
    func faults() throws {
        func code(_ method: String, _ parameters: [RPCValue] = []) throws -> Int32? {
            guard case .fault(let fault) = try answer(method, parameters) else { return nil }
            return fault.code
        }
        #expect(try code("nothing") == -32601)
        #expect(try code("system.nothing") == -32601)
        #expect(try code("system.methodHelp", [.string("nothing")]) == -32601)
        #expect(try code("system.methodHelp") == -32602)
        #expect(try code("system.listMethods", [.int(1)]) == -32602)
        #expect(try code("join_room", [.int(1)]) == -32602)
        #expect(try code("system.multicall", []) == -32602)
        #expect(try code("system.multicall", [.string("x")]) == -32602)
        let many = [RPCValue](repeating: element("heartbeat", []), count: 65)
        #expect(try code("system.multicall", [.array(many)]) == -32400)
    }

    @Test("a single call waits for the node's answer")
    func single() throws {
        let plan = RPCPlan(RPCCall("heartbeat"))
        #expect(plan.tasks == [.federation(.heartbeat, CallContext())])
        var collector = RPCCollector(plan)
        #expect(collector.document == nil)
        collector.fill(0, with: .value(.bool(true)))
        #expect(try collector.document.map { try XMLRPCReader.reply($0) } == .value(.bool(true)))
    }

    @Test("a multicall answers each call by itself, in order, whatever the order of the answers")
    func multicall() throws {
        let calls: [RPCValue] = [
            element("heartbeat", []), element("nothing", []), element("get_hosted_rooms", []),
            .string("no struct"), element("system.multicall", [.array([])]),
        ]
        let plan = RPCPlan(RPCCall("system.multicall", [.array(calls)]))
        #expect(plan.isMulticall)
        var collector = RPCCollector(plan)
        collector.fill(2, with: .value(.array([])))
        #expect(collector.document == nil)
        collector.fill(0, with: .value(.int(1)))
        let answers: [RPCValue] = [
            .array([.int(1)]), fault(-32601, "there is no method nothing"), .array([.array([])]),
            fault(-32602, "expected methodName and params"),
            fault(-32602, "a multicall in a multicall is not allowed"),
        ]
        #expect(
            try collector.document.map { try XMLRPCReader.reply($0) } == .value(.array(answers)))
        #expect(try answer("system.multicall", [.array([])]) == .value(.array([])))
    }

    @Test("many small calls cannot ask for many large answers at once")
    func multicallBytes() throws {
        let calls = [RPCValue](repeating: element("get_hosted_rooms", []), count: 3)
        let plan = RPCPlan(RPCCall("system.multicall", [.array(calls)]))
        var collector = RPCCollector(plan, maximumBytes: 1_000)
        let large = RPCReply.value(.string(String(repeating: "x", count: 600)))
        for index in 0..<3 { collector.fill(index, with: large) }
        let document = try collector.document.map { try XMLRPCReader.reply($0) }
        let refused = fault(-32400, "the answers of the multicall are too long")
        #expect(
            document
                == .value(
                    .array([
                        .array([.string(String(repeating: "x", count: 600))]), refused, refused,
                    ])))
    }
}
