/// Payloads of scheduled events, so that the events themselves stay small; freed slots are reused.
struct Pool<Value: Sendable>: Sendable {
    private var slots: [Value]
    private var free: [UInt32] = []
    private let empty: Value

    /// Makes an empty pool; `empty` stands in freed slots, so that they hold on to nothing.
    init(empty: Value) {
        self.empty = empty
        slots = []
    }

    /// How many values are in use.
    var count: Int { slots.count - free.count }

    /// Keeps a value and returns its slot.
    mutating func put(_ value: Value) -> UInt32 {
        if let slot = free.popLast() {
            slots[Int(slot)] = value
            return slot
        }
        slots.append(value)
        return UInt32(slots.count - 1)
    }

    /// Takes the value out and frees its slot.
    mutating func take(_ slot: UInt32) -> Value {
        var value = empty
        swap(&value, &slots[Int(slot)])
        free.append(slot)
        return value
    }

    /// Reads a value and leaves it in place.
    func peek(_ slot: UInt32) -> Value { slots[Int(slot)] }
}
