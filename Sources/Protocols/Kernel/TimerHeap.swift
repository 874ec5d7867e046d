/// Many deadlines in one heap: at most one per id, taken out in order of time, then of id.
///
/// Moving or cancelling a deadline leaves its old place in the heap behind, which is passed over
/// later; the heap is rebuilt when such leftovers outnumber the live ones. Scheduling and taking
/// out are O(log n), amortised. Two heaps are equal when their live deadlines are.
public struct TimerHeap<Time: Comparable, ID: Comparable> {
    @usableFromInline struct Item {
        @usableFromInline let time: Time
        @usableFromInline let id: ID

        @inlinable init(time: Time, id: ID) {
            self.time = time
            self.id = id
        }

        @inlinable static func < (a: Item, b: Item) -> Bool {
            a.time == b.time ? a.id < b.id : a.time < b.time
        }
    }

    /// A binary heap whose top, if any, is live.
    @usableFromInline var heap: [Item] = []
    @usableFromInline var live = OrderedMap<ID, Time>()

    /// Makes a heap without deadlines.
    @inlinable public init() {}

    /// The number of deadlines.
    @inlinable public var count: Int { live.count }
    /// True when there is no deadline.
    @inlinable public var isEmpty: Bool { live.isEmpty }
    /// The earliest deadline.
    @inlinable public var next: Time? { heap.first?.time }

    /// The deadline of an id.
    @inlinable public func time(of id: ID) -> Time? { live[id] }

    /// Sets the deadline of an id, in place of the one it had.
    @inlinable
    public mutating func schedule(_ id: ID, at time: Time) {
        guard live[id] != time else { return }
        live[id] = time
        heap.append(Item(time: time, id: id))
        siftUp(heap.count - 1)
        settle()
    }

    /// Removes the deadline of an id, if it has one.
    @inlinable
    public mutating func cancel(_ id: ID) {
        guard live.removeValue(forKey: id) != nil else { return }
        settle()
    }

    /// Takes out the earliest deadline if it is not later than `now`.
    @inlinable
    public mutating func popFirst(through now: Time) -> (id: ID, time: Time)? {
        guard let top = heap.first, top.time <= now else { return nil }
        live.removeValue(forKey: top.id)
        settle()
        return (top.id, top.time)
    }

    /// Takes out what is not later than `now`, at most `limit` deadlines, earliest first; returns
    /// how many there were.
    @inlinable @discardableResult
    public mutating func expire(
        through now: Time, limit: Int, _ body: (ID, Time) -> Void
    ) -> Int {
        var taken = 0
        while taken < limit, let (id, time) = popFirst(through: now) {
            body(id, time)
            taken += 1
        }
        return taken
    }

    /// Feeds the live deadlines in order of id.
    @inlinable
    public func digest(into digest: inout Digest, _ body: (ID, Time, inout Digest) -> Void) {
        digest.combine(live.count)
        for (id, time) in live { body(id, time, &digest) }
    }

    /// Makes the top live again and keeps leftovers from outnumbering live deadlines.
    @inlinable
    mutating func settle() {
        if heap.count > 2 * live.count + 16 {
            heap.removeAll(keepingCapacity: true)
            for (id, time) in live { heap.append(Item(time: time, id: id)) }
            for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(place) }
            return
        }
        while let top = heap.first, live[top.id] != top.time {
            heap.swapAt(0, heap.count - 1)
            heap.removeLast()
            siftDown(0)
        }
    }

    @inlinable
    mutating func siftUp(_ start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place] < heap[parent] else { return }
            heap.swapAt(place, parent)
            place = parent
        }
    }

    @inlinable
    mutating func siftDown(_ start: Int) {
        var place = start
        while true {
            var least = place
            let left = 2 * place + 1
            if left < heap.count, heap[left] < heap[least] { least = left }
            if left + 1 < heap.count, heap[left + 1] < heap[least] { least = left + 1 }
            guard least != place else { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}

extension TimerHeap.Item: Sendable where Time: Sendable, ID: Sendable {}
extension TimerHeap: Sendable where Time: Sendable, ID: Sendable {}

extension TimerHeap: Equatable {
    /// True when both have the same deadlines.
    @inlinable
    public static func == (a: TimerHeap, b: TimerHeap) -> Bool { a.live == b.live }
}
