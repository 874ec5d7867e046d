/// Who is in a room, as one member was told: by the answer to its join, then by each coming and
/// going. An event that does not fit what was told before is a fault.
struct Roster {
    private let own: String
    private(set) var names: Set<String> = []
    /// Comings of who was there, goings of who was not, and counts that do not fit.
    private(set) var faults = 0
    /// How many comings and goings there were.
    private(set) var events = 0

    /// The roster of the member with this name, which is in no room yet.
    init(of own: String) { self.own = own }

    /// The answer to a join, from which on the events count.
    mutating func joined(_ members: [String], count: Int) {
        names = Set(members)
        if names.count != members.count || names.count != count || !names.contains(own) {
            faults += 1
        }
    }

    /// Somebody has come; so many are there now.
    mutating func came(_ name: String, count: Int) {
        events += 1
        if !names.insert(name).inserted || names.count != count { faults += 1 }
    }

    /// Somebody has gone; so many are there now.
    mutating func left(_ name: String, count: Int) {
        events += 1
        if names.remove(name) == nil || names.count != count { faults += 1 }
    }
}
