import Protocols

/// The node's part in federation: other clusters' calls come in, its own go out.
extension LiveNode {
    /// Sets up the XML-RPC edge and the links to other clusters.
    func attachFederation() {
        rpc = RPCServer(
            name: settings.federation.name,
            ask: { [unowned self] in step(.rpc($0, $1, $2)) },
            respond: { [unowned self] in connections[$0]?.respond($1) })
        federation = FederationLinks(
            loop: loop, log: log, peers: settings.federation.peers,
            onResult: { [unowned self] in step(.called($0, $1)) })
    }

    /// Hands the node's answer to who waits for it, with the address under which this node is
    /// reached.
    func answer(_ id: IncomingCallID, _ answer: FederationAnswer) {
        func addressed(_ room: HostedRoom) -> HostedRoom {
            guard room.address == nil, room.host == settings.federation.name else { return room }
            var room = room
            room.address = settings.federation.address
            return room
        }
        switch answer {
        case .hostedRooms(let rooms): rpc.answer(id, .hostedRooms(rooms.map(addressed)))
        case .joined(let room, let members, let messages):
            rpc.answer(id, .joined(addressed(room), members: members, messages: messages))
        case .heartbeat, .left, .forwarded, .received, .vote, .finished, .refused:
            rpc.answer(id, answer)
        }
    }
}
