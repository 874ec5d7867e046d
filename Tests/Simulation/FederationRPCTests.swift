import EdgeCodecs
import Protocols
import Testing

private let room = UniqueID(high: 1, low: 2)
private let message = UniqueID(high: 3, low: 4)
private let transaction = UniqueID(high: 5, low: 6)
private let node1 = ClusterName("node1")
private let node2 = ClusterName("node2")
private let noon = WallTime(milliseconds: 1_767_355_445_678)
private let noonText = "2026-01-02T12:04:05.678+00:00"
private let said = ChatMessage(
    id: message, sequence: 7, user: "ann", content: "hi <all>", at: noon)
private let hosted = HostedRoom(
    id: room, name: "lobby", description: "for all", memberCount: 2, host: node1,
    address: "http://host:9090")
private let left = MemberEvent(
    kind: .left, user: "ann", memberCount: 1, reason: .nodeUnreachable, at: noon)
private let full = CallContext(
    caller: node2, stream: 1 << 40, number: .max, since: 0, clientMessageID: "c1")

private let calls: [FederationCall] = [
    .heartbeat, .hostedRooms, .joinRoom(room: room, user: "ann", from: node2),
    .leaveRoom(room: room, user: "ann", from: node2),
    .forwardMessage(room: room, user: "ann", content: "hi", from: node2),
    .messageBroadcast(room: room, said), .memberEventBroadcast(room: room, left),
    .memberEventBroadcast(
        room: room, MemberEvent(kind: .joined, user: "ann", memberCount: 2, at: noon)),
    .memberDisconnected(room: room, user: "ann", from: node2, reason: .inactive),
    .prepareDeletion(room: room, transaction: transaction, coordinator: node1),
    .commitDeletion(room: room, transaction: transaction, name: "lobby"),
    .commitDeletion(room: room, transaction: transaction, name: nil),
    .rollbackDeletion(room: room, transaction: transaction),
]

private func text(_ value: RPCValue) -> String {
    switch value {
    case .int(let number): "\(number)"
    case .bool(let flag): "\(flag)"
    case .string(let text): "'\(text)'"
    case .null: "nil"
    case .array(let elements): "[" + elements.map(text).joined(separator: ", ") + "]"
    case .structure(let members):
        "{" + members.map { "\($0.name): \(text($0.value))" }.joined(separator: ", ") + "}"
    case .double(let text), .dateTime(let text): text
    case .base64(let bytes): "\(bytes)"
    }
}

private func text(_ reply: RPCReply) -> String {
    switch reply {
    case .value(let value): text(value)
    case .fault(let fault): "fault \(fault.code): \(fault.text)"
    }
}

@Suite("federation over XML-RPC")
struct FederationRPCTests {
    @Test("every call survives the wire, with and without a context")
    func wireCalls() throws {
        for call in calls {
            for context in [CallContext(), full] {
                let bytes = RPCWriter.encode(RPCCall(call, context))
                let read = try FederationCall.read(try XMLRPCReader.call(bytes))
                #expect(read.call == call)
                #expect(read.context == context)
            }
        }
    }

    @Test("calls have the documented names and arguments")
    func callForms() {
        let ids = (r: "'\(room)'", t: "'\(transaction)'")
        let event =
            "{room_id: \(ids.r), username: 'ann', member_count: 1, timestamp: '\(noonText)', "
            + "reason: 'Node unreachable'}"
        let forms = calls.map { call in
            let call = RPCCall(call)
            return "\(call.method)(" + call.parameters.map(text).joined(separator: ", ") + ")"
        }
        #expect(
            forms == [
                "heartbeat()", "get_hosted_rooms()", "join_room(\(ids.r), 'ann', 'node2')",
                "leave_room(\(ids.r), 'ann', 'node2')",
                "forward_message(\(ids.r), 'ann', 'hi', 'node2')",
                "receive_message_broadcast(\(ids.r), {message_id: '\(message)', room_id: \(ids.r), "
                    + "username: 'ann', content: 'hi <all>', sequence_number: 7, "
                    + "timestamp: '\(noonText)'})",
                "receive_member_event_broadcast(\(ids.r), 'member_left', \(event))",
                "receive_member_event_broadcast(\(ids.r), 'member_joined', {room_id: \(ids.r), "
                    + "username: 'ann', member_count: 2, timestamp: '\(noonText)'})",
                "notify_member_disconnect(\(ids.r), 'ann', 'node2', 'Inactivity')",
                "prepare_delete_room(\(ids.r), \(ids.t), 'node1')",
                "commit_delete_room(\(ids.r), \(ids.t), 'lobby')",
                "commit_delete_room(\(ids.r), \(ids.t))",
                "rollback_delete_room(\(ids.r), \(ids.t))",
            ])
        let context = RPCCall(calls[11], CallContext(caller: node2, number: 3))
        #expect(
            text(.array(context.parameters))
                == "[\(ids.r), \(ids.t), nil, {caller: 'node2', number: 3}]")
    }

    @Test("every answer survives the wire")
    func wireAnswers() throws {
        let pairs: [(FederationCall, FederationAnswer)] = [
            (
                calls[0],
                .heartbeat(
                    HeartbeatAnswer(name: node1, at: noon, understandsContext: true, visit: 9))
            ),
            (
                calls[0],
                .heartbeat(
                    HeartbeatAnswer(name: node1, at: noon, understandsContext: false, visit: nil))
            ),
            (calls[1], .hostedRooms([hosted, hosted])), (calls[1], .hostedRooms([])),
            (calls[2], .joined(hosted, members: ["ann", "bob"], messages: [said])),
            (calls[2], .refused(.roomNotFound, "gone")), (calls[3], .left),
            (calls[3], .refused(.notInRoom, "not there")),
            (calls[4], .forwarded(id: message, sequence: 1 << 33, at: noon)),
            (calls[4], .refused(.invalidContent, "empty")), (calls[5], .received(true)),
            (calls[6], .received(false)), (calls[8], .left), (calls[9], .vote(abort: nil)),
            (calls[9], .vote(abort: "busy")), (calls[10], .finished),
            (calls[10], .refused(.unavailable, "no leader")), (calls[12], .finished),
        ]
        for (call, answer) in pairs {
            let bytes = RPCWriter.encode(answer.reply(to: call, from: node1))
            let reply = try XMLRPCReader.reply(bytes)
            #expect(CallResult(reply, to: call, of: node1) == .answered(answer))
        }
    }

    @Test("answers have the documented members")
    func answerForms() {
        func form(_ answer: FederationAnswer, _ call: Int) -> String {
            text(answer.reply(to: calls[call], from: node1))
        }
        let heartbeat = HeartbeatAnswer(name: node1, at: noon, understandsContext: true, visit: 9)
        let info =
            "room_id: '\(room)', room_name: 'lobby', description: 'for all', member_count: 2, "
            + "admin_node: 'node1', node_address: 'http://host:9090'"
        #expect(
            form(.heartbeat(heartbeat), 0)
                == "{status: 'ok', node_id: 'node1', timestamp: '\(noonText)', "
                + "protocol: 'parley/1', visit: 9}")
        #expect(form(.hostedRooms([hosted]), 1) == "[{\(info)}]")
        #expect(
            form(.joined(hosted, members: ["ann"], messages: []), 2)
                == "{success: true, message: 'joined lobby', room_info: {\(info), "
                + "members: ['ann']}, messages: []}")
        #expect(
            form(.refused(.roomNotFound, "gone"), 2)
                == "{success: false, message: 'gone', error_code: 'ROOM_NOT_FOUND', "
                + "room_info: nil, messages: []}")
        #expect(
            form(.refused(.notMember, "no"), 4)
                == "{success: false, error: 'no', error_code: 'NOT_MEMBER'}")
        #expect(
            form(.vote(abort: "busy"), 9)
                == "{vote: 'ABORT', reason: 'busy', node_id: 'node1', "
                + "transaction_id: '\(transaction)'}")
        #expect(form(.finished, 10) == "{success: true, node_id: 'node1'}")
    }

    @Test("where a result has no place for a refusal, it is the fault 503, false, ABORT or a fault")
    func refusals() {
        func form(_ call: Int, _ refusal: FederationRefusal) -> String {
            text(FederationAnswer.refused(refusal, "why").reply(to: calls[call], from: node1))
        }
        for call in [0, 1, 5, 6, 9] {
            #expect(form(call, .unavailable) == "fault 503: why")
            #expect(form(call, .unknown) == "fault 503: why")
            let fault = RPCReply.fault(RPCFault(503, "why"))
            #expect(
                CallResult(fault, to: calls[call]) == .answered(.refused(.unavailable, "why")))
        }
        #expect(form(0, .invalidRequest) == "fault -32500: why")
        #expect(form(1, .invalidRequest) == "fault -32500: why")
        #expect(form(5, .roomNotFound) == "false")
        #expect(form(6, .roomNotFound) == "false")
        #expect(form(9, .roomNotFound).hasPrefix("{vote: 'ABORT', reason: 'why'"))
        #expect(
            form(8, .unavailable)
                == "{success: false, message: 'why', error_code: 'ADMIN_NODE_UNAVAILABLE'}")
    }

    @Test("answers of a node of the guides are understood")
    func foreignAnswers() {
        let heartbeat = RPCValue.structure([
            RPCMember("status", .string("ok")), RPCMember("node_id", .string("node3")),
            RPCMember("timestamp", .dateTime("20260102T12:04:05")),
            RPCMember("load", .double("0.5")),
        ])
        #expect(
            FederationAnswer(heartbeat, to: .heartbeat)
                == .heartbeat(
                    HeartbeatAnswer(
                        name: ClusterName("node3"), at: WallTime(milliseconds: 1_767_355_445_000),
                        understandsContext: false, visit: nil)))
        // A room without its id is left out, one without its host belongs to who answers.
        let rooms = RPCValue.array([
            .structure([RPCMember("room_id", .string("x")), RPCMember("room_name", .string("a"))]),
            .structure([
                RPCMember("room_id", .string("\(room)")), RPCMember("room_name", .string("b")),
                RPCMember("members", .array([.string("u")])),
            ]),
        ])
        #expect(
            FederationAnswer(rooms, to: .hostedRooms, of: node2)
                == .hostedRooms([
                    HostedRoom(id: room, name: "b", description: "", memberCount: 1, host: node2)
                ]))
        let refused = RPCValue.structure([
            RPCMember("success", .bool(false)), RPCMember("error_code", .string("SOMETHING_ELSE")),
        ])
        #expect(FederationAnswer(refused, to: calls[4]) == .refused(.unknown, "refused"))
    }

    @Test("answers that a call cannot have count as faults")
    func wrongAnswers() {
        let success = RPCValue.structure([RPCMember("success", .bool(true))])
        for call in calls {
            for value in [RPCValue.null, .int(1), .string("READY"), .structure([])] {
                #expect(
                    CallResult(.value(value), to: call)
                        == .fault(code: 0, "the answer has no known form"))
            }
        }
        #expect(
            CallResult(.value(success), to: calls[2])
                == .fault(code: 0, "the answer has no known form"))
        #expect(
            CallResult(.value(success), to: calls[4])
                == .fault(code: 0, "the answer has no known form"))
        #expect(CallResult(.value(success), to: calls[3]) == .answered(.left))
        #expect(
            CallResult(.fault(RPCFault(1, "no")), to: calls[0]) == .fault(code: 1, "no"))
    }

    @Test(
        "parameters that a method does not take are a standard fault",
        arguments: [
            RPCCall("join_room"), RPCCall("join_room", [.string("x"), .string("a"), .string("b")]),
            RPCCall("join_room", [.string("\(room)"), .int(1), .string("b")]),
            RPCCall("join_room", [.string("\(room)"), .string("a")]),
            RPCCall(
                "join_room", [.string("\(room)"), .string("a"), .string("b"), .string("more")]),
            RPCCall("heartbeat", [.int(1)]),
            RPCCall("heartbeat", [.structure([]), .structure([])]),
            RPCCall("receive_message_broadcast", [.string("\(room)"), .structure([])]),
            RPCCall("receive_message_broadcast", [.string("\(room)"), .string("x")]),
            RPCCall(
                "receive_member_event_broadcast",
                [.string("\(room)"), .string("member_flew"), .structure([])]),
            RPCCall(
                "commit_delete_room", [.string("\(room)"), .string("\(transaction)"), .int(1)]),
            RPCCall("prepare_delete_room", [.string("\(room)"), .string("t"), .string("node1")]),
        ])
    func badParameters(call: RPCCall) {
        do {
            _ = try FederationCall.read(call)
            Issue.record("\(call) was taken")
        } catch {
            #expect(error.code == -32602)
        }
    }

    @Test("a context that cannot be read counts as absent, as do members that are not known")
    func strangeContexts() throws {
        let context = RPCValue.structure([
            RPCMember("caller", .int(1)), RPCMember("stream", .int(-1)), RPCMember("new", .null),
            RPCMember("number", .string("12")),
        ])
        let read = try FederationCall.read(RPCCall("heartbeat", [context]))
        #expect(read.context == CallContext(number: 12))
    }
}
