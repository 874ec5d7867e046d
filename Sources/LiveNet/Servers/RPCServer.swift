import EdgeCodecs
import Protocols

/// The XML-RPC edge: makes calls of requests and one answer of what the node says to them.
///
/// A connection has one request at a time (`ClientEdge`), so a request is known by its connection.
/// When the connection goes away, whatever the node still answers to its calls is dropped.
final class RPCServer {
    private struct Waiting {
        let connection: ConnectionID
        /// Which task of the request's plan.
        let index: Int
        let call: FederationCall
    }

    private struct Request {
        var collector: RPCCollector
        var calls: [IncomingCallID]
    }

    private let name: ClusterName
    /// Hands a call to the node, which answers with `answer`, at once or later.
    private let ask: (IncomingCallID, FederationCall, CallContext) -> Void
    /// Sends the answer to a connection's request.
    private let respond: (ConnectionID, HTTPResponse) -> Void
    private var waiting: [IncomingCallID: Waiting] = [:]
    private var requests: [ConnectionID: Request] = [:]
    private var lastID: UInt64 = 0

    init(
        name: ClusterName, ask: @escaping (IncomingCallID, FederationCall, CallContext) -> Void,
        respond: @escaping (ConnectionID, HTTPResponse) -> Void
    ) {
        self.name = name
        self.ask = ask
        self.respond = respond
    }

    /// How many calls wait for the node.
    var waitingCount: Int { waiting.count }

    /// Takes a request by POST; the answer comes by `respond`, perhaps before this returns.
    func take(_ request: HTTPRequest, from connection: ConnectionID) {
        guard Self.isXML(request.fields["content-type"]) else {
            return respond(
                connection,
                .plain(.unsupportedMediaType, "XML-RPC is spoken here: Content-Type: text/xml"))
        }
        begin(plan(for: request.body), connection)
    }

    /// Takes the node's answer to a call.
    func answer(_ id: IncomingCallID, _ answer: FederationAnswer) {
        guard let waiting = waiting.removeValue(forKey: id) else { return }
        let reply = answer.reply(to: waiting.call, from: name)
        requests[waiting.connection]?.collector.fill(waiting.index, with: reply)
        finish(waiting.connection)
    }

    /// The connection is gone.
    func forget(_ connection: ConnectionID) {
        guard let request = requests.removeValue(forKey: connection) else { return }
        for id in request.calls { waiting[id] = nil }
    }

    private func plan(for body: [UInt8]) -> RPCPlan {
        do {
            return RPCPlan(try XMLRPCReader.call(body))
        } catch {
            return RPCPlan(refusing: error.fault)
        }
    }

    private func begin(_ plan: RPCPlan, _ connection: ConnectionID) {
        precondition(requests[connection] == nil, "a connection has one request at a time")
        var asked: [(id: IncomingCallID, call: FederationCall, context: CallContext)] = []
        for (index, task) in plan.tasks.enumerated() {
            guard case .federation(let call, let context) = task else { continue }
            lastID += 1
            let id = IncomingCallID(lastID)
            waiting[id] = Waiting(connection: connection, index: index, call: call)
            asked.append((id, call, context))
        }
        requests[connection] = Request(collector: RPCCollector(plan), calls: asked.map(\.id))
        guard !asked.isEmpty else { return finish(connection) }
        for (id, call, context) in asked { ask(id, call, context) }
    }

    private func finish(_ connection: ConnectionID) {
        guard let document = requests[connection]?.collector.document else { return }
        requests[connection] = nil
        respond(
            connection, HTTPResponse(.ok, fields: ["Content-Type": "text/xml"], body: document))
    }

    /// True for the types of XML, and for a client that names none. Browsers send forms and plain
    /// text to other sites without asking, so these are not taken.
    private static func isXML(_ type: String?) -> Bool {
        guard let type else { return true }
        let name = type.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
        return name == "text/xml" || name == "application/xml" || name.hasSuffix("+xml")
    }
}
