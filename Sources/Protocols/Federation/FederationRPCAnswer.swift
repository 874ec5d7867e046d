/// Answers to calls between clusters as answers of XML-RPC, and back.
extension FederationAnswer {
    /// What a cluster that understands `CallContext` says of it in a heartbeat.
    static let protocolName = "parley/1"

    /// The answer of XML-RPC to this call; `name` is the answering cluster.
    ///
    /// The answer must be one that the call can have. Where the result has no place for a refusal,
    /// one that may pass becomes the fault 503, so that the caller tries again; any other becomes
    /// false, ABORT or a fault.
    public func reply(to call: FederationCall, from name: ClusterName) -> RPCReply {
        if case .refused(let refusal, let text) = self {
            return Self.reply(refusing: call, refusal, text, from: name)
        }
        switch (self, call) {
        case (.heartbeat(let answer), .heartbeat): return .value(Self.value(of: answer))
        case (.hostedRooms(let rooms), .hostedRooms):
            return .value(.array(rooms.map { .room($0) }))
        case (.joined(let room, let members, let messages), .joinRoom):
            return .structure([
                RPCMember("success", .bool(true)),
                RPCMember("message", .string("joined \(room.name)")),
                RPCMember("room_info", .room(room, members: members)),
                RPCMember("messages", .array(messages.map { .message($0, in: room.id) })),
            ])
        case (.left, .leaveRoom), (.left, .memberDisconnected):
            return .structure([
                RPCMember("success", .bool(true)), RPCMember("message", .string("left")),
            ])
        case (.forwarded(let id, let sequence, let at), .forwardMessage):
            return .structure([
                RPCMember("success", .bool(true)), RPCMember("message_id", .id(id)),
                RPCMember("sequence_number", .number(sequence)),
                RPCMember("timestamp", .time(at)),
            ])
        case (.received(let isTaken), .messageBroadcast),
            (.received(let isTaken), .memberEventBroadcast):
            return .value(.bool(isTaken))
        case (.vote(let abort), .prepareDeletion(_, let transaction, _)):
            return Self.vote(abort, transaction, from: name)
        case (.finished, .commitDeletion), (.finished, .rollbackDeletion):
            return .structure([
                RPCMember("success", .bool(true)), RPCMember("node_id", .string(name.text)),
            ])
        default: preconditionFailure("\(call.method) cannot be answered with this")
        }
    }

    private static func value(of answer: HeartbeatAnswer) -> RPCValue {
        var members = [
            RPCMember("status", .string("ok")), RPCMember("node_id", .string(answer.name.text)),
            RPCMember("timestamp", .time(answer.at)),
        ]
        if answer.understandsContext {
            members.append(RPCMember("protocol", .string(protocolName)))
        }
        if let visit = answer.visit { members.append(RPCMember("visit", .number(visit))) }
        return .structure(members)
    }

    private static func vote(
        _ abort: String?, _ transaction: UniqueID, from name: ClusterName
    ) -> RPCReply {
        var members = [RPCMember("vote", .string(abort == nil ? "READY" : "ABORT"))]
        if let abort { members.append(RPCMember("reason", .string(abort))) }
        members.append(RPCMember("node_id", .string(name.text)))
        members.append(RPCMember("transaction_id", .id(transaction)))
        return .structure(members)
    }

    private static func reply(
        refusing call: FederationCall, _ refusal: FederationRefusal, _ text: String,
        from name: ClusterName
    ) -> RPCReply {
        let code = RPCMember("error_code", .string(refusal.code))
        if refusal.mayPass, !call.hasErrorCode { return .fault(.unavailable(text)) }
        switch call {
        case .heartbeat, .hostedRooms: return .fault(.application(text))
        case .joinRoom:
            return .structure([
                RPCMember("success", .bool(false)), RPCMember("message", .string(text)), code,
                RPCMember("room_info", .null), RPCMember("messages", .array([])),
            ])
        case .leaveRoom, .memberDisconnected:
            return .structure([
                RPCMember("success", .bool(false)), RPCMember("message", .string(text)), code,
            ])
        case .forwardMessage:
            return .structure([
                RPCMember("success", .bool(false)), RPCMember("error", .string(text)), code,
            ])
        case .messageBroadcast, .memberEventBroadcast: return .value(.bool(false))
        case .prepareDeletion(_, let transaction, _): return vote(text, transaction, from: name)
        case .commitDeletion, .rollbackDeletion:
            return .structure([
                RPCMember("success", .bool(false)), RPCMember("node_id", .string(name.text)),
                RPCMember("error", .string(text)), code,
            ])
        }
    }
}

extension FederationAnswer {
    /// Reads the answer to this call; `nil` when it is none that the call can have. `answering` is
    /// the cluster that was asked.
    ///
    /// In lists of rooms, messages and names, elements that cannot be read are left out.
    public init?(_ value: RPCValue, to call: FederationCall, of answering: ClusterName? = nil) {
        switch call {
        case .heartbeat:
            guard let answer = HeartbeatAnswer(value) else { return nil }
            self = .heartbeat(answer)
        case .hostedRooms:
            guard let rooms = value.elements else { return nil }
            self = .hostedRooms(rooms.compactMap { HostedRoom($0, of: answering) })
        case .messageBroadcast, .memberEventBroadcast:
            guard let isTaken = value.truth else { return nil }
            self = .received(isTaken)
        case .prepareDeletion:
            switch value["vote"]?.text {
            case "READY": self = .vote(abort: nil)
            case "ABORT": self = .vote(abort: value["reason"]?.text ?? "no reason was given")
            default: return nil
            }
        case .joinRoom, .leaveRoom, .forwardMessage, .memberDisconnected, .commitDeletion,
            .rollbackDeletion:
            guard let isDone = value["success"]?.truth else { return nil }
            guard isDone else {
                let text = value["error"]?.text ?? value["message"]?.text
                self = .refused(
                    FederationRefusal(code: value["error_code"]?.text ?? ""), text ?? "refused")
                return
            }
            self.init(success: value, of: call, answering)
        }
    }

    private init?(
        success value: RPCValue, of call: FederationCall, _ answering: ClusterName?
    ) {
        switch call {
        case .joinRoom:
            guard let info = value["room_info"], let room = HostedRoom(info, of: answering) else {
                return nil
            }
            self = .joined(
                room, members: (info["members"]?.elements ?? []).compactMap(\.text),
                messages: (value["messages"]?.elements ?? []).compactMap { ChatMessage($0) })
        case .leaveRoom, .memberDisconnected: self = .left
        case .forwardMessage:
            guard let id = value["message_id"]?.id,
                let sequence = value["sequence_number"]?.number, sequence > 0
            else { return nil }
            self = .forwarded(
                id: id, sequence: sequence,
                at: value["timestamp"]?.time ?? WallTime(milliseconds: 0))
        case .commitDeletion, .rollbackDeletion: self = .finished
        case .heartbeat, .hostedRooms, .messageBroadcast, .memberEventBroadcast, .prepareDeletion:
            return nil
        }
    }
}

extension CallResult {
    /// What an answer of XML-RPC to this call amounts to; one that cannot be read is a failure.
    public init(_ reply: RPCReply, to call: FederationCall, of answering: ClusterName? = nil) {
        switch reply {
        case .fault(let fault) where fault.isUnavailable:
            self = .answered(.refused(.unavailable, fault.text))
        case .fault(let fault): self = .fault(code: fault.code, fault.text)
        case .value(let value):
            let answer = FederationAnswer(value, to: call, of: answering)
            self = answer.map { .answered($0) } ?? .fault(code: 0, "the answer has no known form")
        }
    }
}

extension HeartbeatAnswer {
    fileprivate init?(_ value: RPCValue) {
        guard value["status"]?.text == "ok", let name = value["node_id"]?.text else { return nil }
        let version = value["protocol"]?.text ?? ""
        self.init(
            name: ClusterName(name), at: value["timestamp"]?.time ?? WallTime(milliseconds: 0),
            understandsContext: version.hasPrefix("parley/"), visit: value["visit"]?.number)
    }
}

extension FederationCall {
    /// True when the result has a place for an error code.
    fileprivate var hasErrorCode: Bool {
        switch self {
        case .heartbeat, .hostedRooms, .messageBroadcast, .memberEventBroadcast, .prepareDeletion:
            false
        case .joinRoom, .leaveRoom, .forwardMessage, .memberDisconnected, .commitDeletion,
            .rollbackDeletion:
            true
        }
    }
}

extension FederationRefusal {
    /// True when the same call, which may be made any number of times, may succeed later.
    fileprivate var mayPass: Bool { self == .unavailable || self == .unknown }

    /// The documented name.
    public var code: String {
        switch self {
        case .invalidRequest: "INVALID_REQUEST"
        case .invalidContent: "INVALID_CONTENT"
        case .roomNotFound: "ROOM_NOT_FOUND"
        case .notInRoom: "NOT_IN_ROOM"
        case .notMember: "NOT_MEMBER"
        case .unavailable: "ADMIN_NODE_UNAVAILABLE"
        case .outOfOrder: "OUT_OF_ORDER"
        case .unknown: "INTERNAL_ERROR"
        }
    }

    /// The refusal of this name; any other name is `unknown`.
    public init(code: String) {
        switch code {
        case "INVALID_REQUEST": self = .invalidRequest
        case "INVALID_CONTENT": self = .invalidContent
        case "ROOM_NOT_FOUND": self = .roomNotFound
        case "NOT_IN_ROOM": self = .notInRoom
        case "NOT_MEMBER": self = .notMember
        case "ADMIN_NODE_UNAVAILABLE": self = .unavailable
        case "OUT_OF_ORDER": self = .outOfOrder
        default: self = .unknown
        }
    }
}

extension RPCReply {
    fileprivate static func structure(_ members: [RPCMember]) -> RPCReply {
        .value(.structure(members))
    }
}
