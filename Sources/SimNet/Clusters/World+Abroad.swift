import Protocols

/// What passes between a cluster's world and the others, until `Clusters` takes it.
struct Abroad: Sendable {
    /// The cluster's name and peers, and how long it waits for them.
    var configuration: FederationConfiguration
    /// Calls, answers and the like that nodes put out, with the life of the host.
    var said: [(host: Int, life: UInt32, effect: NodeEffect)] = []
    /// The hosts whose nodes handled an event.
    var stepped: [Int] = []
    /// The rooms of which clients were told that they are gone for good.
    var ended: [UniqueID] = []
    /// The hosts that crashed.
    var crashed: [Int] = []
    /// What visitors saw, by the client's number.
    var observed: [(client: Int, what: Observation)] = []

    var isEmpty: Bool {
        said.isEmpty && stepped.isEmpty && ended.isEmpty && crashed.isEmpty && observed.isEmpty
    }

    init(_ configuration: FederationConfiguration) { self.configuration = configuration }
}

extension World {
    /// A node calls another cluster or answers one.
    mutating func sayAbroad(_ effect: NodeEffect, _ host: Int) {
        precondition(abroad != nil, "a world of one cluster")
        abroad?.said.append((host, hosts[host].life, effect))
    }

    /// Schedules what another cluster asks of a host in this life, or answers it.
    mutating func post(_ event: NodeEvent, to host: Int, life: UInt32, at time: Int64) {
        push(.foreign, at: time, host: host, payload: foreign.put(event), epoch: life)
    }

    /// What another cluster asks or answers has come to a host.
    mutating func hearForeign(_ event: Scheduled, _ host: Int) {
        let heard = foreign.take(event.payload)
        guard event.epoch == hosts[host].life else { return }
        tellWallClock(host)
        guard event.epoch == hosts[host].life, hosts[host].status == .up else { return }
        step(host, heard)
    }
}
