import Protocols

/// The node's part in federation: other clusters' calls come in, its own go out.
extension LiveNode {
    /// Sets up the XML-RPC edge and the links to other clusters.
    func attachFederation() {
        rpc = RPCServer(
            name: settings.federation.name,
            ask: { [unowned self] in ask($0, $1, $2) },
            respond: { [unowned self] in connections[$0]?.respond($1) })
        federation = FederationLinks(
            loop: loop, log: log, peers: settings.federation.peers, onResult: { _, _ in })
    }

    /// A node that is not federated says that it is there, and nothing else.
    private func ask(_ id: IncomingCallID, _ call: FederationCall, _ context: CallContext) {
        guard call == .heartbeat else {
            return rpc.answer(id, .refused(.unavailable, "this node is not federated"))
        }
        let answer = HeartbeatAnswer(
            name: settings.federation.name, at: loop.wallTime, understandsContext: true, visit: nil)
        rpc.answer(id, .heartbeat(answer))
    }
}
