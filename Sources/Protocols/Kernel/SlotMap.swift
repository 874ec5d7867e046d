/// Values in numbered slots; a reused slot has a new generation, so that an old id finds nothing.
///
/// Insertion, look-up and removal are O(1). Iteration is in order of the slots.
public struct SlotMap<Value> {
    @usableFromInline struct Slot {
        @usableFromInline var generation: UInt32
        @usableFromInline var value: Value?

        @inlinable init(generation: UInt32, value: Value?) {
            self.generation = generation
            self.value = value
        }
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [UInt32] = []

    /// Makes an empty map.
    @inlinable public init() {}

    /// The number of values.
    @inlinable public var count: Int { slots.count - free.count }

    /// Puts the value into a free slot and returns the id under which it is found.
    @inlinable
    public mutating func insert(_ value: Value) -> ConnectionID {
        if let slot = free.popLast() {
            slots[Int(slot)].value = value
            return ConnectionID(slot: slot, generation: slots[Int(slot)].generation)
        }
        slots.append(Slot(generation: 0, value: value))
        return ConnectionID(slot: UInt32(slots.count - 1), generation: 0)
    }

    /// Reads or replaces the value of an id; a stale id reads `nil` and writes nothing.
    @inlinable
    public subscript(id: ConnectionID) -> Value? {
        get { holds(id) ? slots[Int(id.slot)].value : nil }
        set {
            precondition(newValue != nil, "a slot is emptied by remove")
            if holds(id) { slots[Int(id.slot)].value = newValue }
        }
    }

    /// Changes the value of an id in place; `nil`, with nothing done, when the id is stale.
    @inlinable @discardableResult
    public mutating func update<Result>(
        _ id: ConnectionID, _ body: (inout Value) -> Result
    ) -> Result? {
        guard holds(id) else { return nil }
        return body(&slots[Int(id.slot)].value!)
    }

    /// Empties a slot and returns what was in it.
    @inlinable @discardableResult
    public mutating func remove(_ id: ConnectionID) -> Value? {
        guard holds(id) else { return nil }
        let value = slots[Int(id.slot)].value
        slots[Int(id.slot)].value = nil
        slots[Int(id.slot)].generation &+= 1
        free.append(id.slot)
        return value
    }

    /// Calls `body` for every value in order of the slots.
    @inlinable
    public func forEach(_ body: (ConnectionID, Value) -> Void) {
        for (number, slot) in slots.enumerated() {
            guard let value = slot.value else { continue }
            body(ConnectionID(slot: UInt32(number), generation: slot.generation), value)
        }
    }

    @inlinable
    func holds(_ id: ConnectionID) -> Bool {
        Int(id.slot) < slots.count && slots[Int(id.slot)].generation == id.generation
            && slots[Int(id.slot)].value != nil
    }
}

extension SlotMap.Slot: Sendable where Value: Sendable {}
extension SlotMap: Sendable where Value: Sendable {}
extension SlotMap.Slot: Equatable where Value: Equatable {}
extension SlotMap: Equatable where Value: Equatable {}
