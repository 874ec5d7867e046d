/// A value that says nothing; makes an `OrderedMap` a set.
public struct Nothing: Hashable, Sendable {
    /// Makes the only value there is.
    @inlinable public init() {}
}

/// A map in sorted blocks: ordered iteration, no hashing, fast at a million keys.
///
/// ## Overview
/// Pairs lie in blocks of at most 256; one array of separators finds the block. Look-up is
/// O(log n); insertion and removal move at most one block's pairs. The blocks are shared between
/// copies, so the first write after a copy duplicates the list of blocks and the one block it
/// touches, never all pairs. `SortedMap` serves a few dozen keys better.
public struct OrderedMap<Key: Comparable, Value> {
    /// One key with its value.
    public typealias Element = (key: Key, value: Value)

    @usableFromInline struct Block {
        @usableFromInline var keys: [Key]
        @usableFromInline var values: [Value]

        @inlinable init(keys: [Key], values: [Value]) {
            self.keys = keys
            self.values = values
        }
    }

    /// The keys of block `i` are not below `separators[i]` and all below the next separator.
    @usableFromInline var separators: [Key] = []
    @usableFromInline var blocks: [Block] = []
    @usableFromInline var total = 0

    /// The number of keys.
    @inlinable public var count: Int { total }

    @inlinable static var blockLimit: Int { 256 }
    @inlinable static var mergeBelow: Int { 64 }
    @inlinable static var mergedLimit: Int { 192 }

    /// Makes an empty map.
    @inlinable public init() {}

    /// True when no key is present.
    @inlinable public var isEmpty: Bool { blocks.isEmpty }

    /// The pair with the least key.
    @inlinable public var first: Element? {
        guard let block = blocks.first else { return nil }
        return (block.keys[0], block.values[0])
    }

    /// The pair with the greatest key.
    @inlinable public var last: Element? {
        guard let block = blocks.last else { return nil }
        return (block.keys[block.keys.count - 1], block.values[block.values.count - 1])
    }

    /// Reads, writes or, with `nil`, removes the value of `key`.
    @inlinable
    public subscript(key: Key) -> Value? {
        get {
            guard let place = find(key) else { return nil }
            return blocks[place.block].values[place.offset]
        }
        set {
            guard let newValue else {
                removeValue(forKey: key)
                return
            }
            let place = lowerBound(of: key)
            if holds(key, at: place) {
                blocks[place.block].values[place.offset] = newValue
            } else {
                insert(key, newValue, at: place)
            }
        }
    }

    /// True when the key is present.
    @inlinable public func contains(_ key: Key) -> Bool { find(key) != nil }

    /// Calls `body` with the value of `key` without copying it; `nil` when the key is absent.
    @inlinable
    public func read<Result>(_ key: Key, _ body: (borrowing Value) -> Result) -> Result? {
        guard let place = find(key) else { return nil }
        return body(blocks[place.block].values[place.offset])
    }

    /// Calls `body` with the value of the least key without copying it; `nil` when there is none.
    @inlinable
    public func readFirst<Result>(_ body: (borrowing Value) -> Result) -> Result? {
        blocks.isEmpty ? nil : body(blocks[0].values[0])
    }

    /// Changes the value of `key` in place; returns nil, and does nothing, when it is absent.
    @inlinable @discardableResult
    public mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard let place = find(key) else { return nil }
        return body(&blocks[place.block].values[place.offset])
    }

    /// Changes the value of `key` in place, after putting `initial` there when it is absent.
    @inlinable @discardableResult
    public mutating func update<Result>(
        _ key: Key, default initial: @autoclosure () -> Value, _ body: (inout Value) -> Result
    ) -> Result {
        var place = lowerBound(of: key)
        if !holds(key, at: place) { place = insert(key, initial(), at: place) }
        return body(&blocks[place.block].values[place.offset])
    }

    /// Removes the pair of `key` and returns its value, `nil` when the key is absent.
    @inlinable @discardableResult
    public mutating func removeValue(forKey key: Key) -> Value? {
        guard let place = find(key) else { return nil }
        return remove(at: place).value
    }

    /// Removes and returns the pair with the least key.
    @inlinable @discardableResult
    public mutating func popFirst() -> Element? {
        isEmpty ? nil : remove(at: Place(block: 0, offset: 0))
    }

    /// Removes everything.
    @inlinable
    public mutating func removeAll() {
        separators.removeAll()
        blocks.removeAll()
        total = 0
    }

    // MARK: - Places

    @usableFromInline struct Place {
        @usableFromInline var block: Int
        @usableFromInline var offset: Int

        @inlinable init(block: Int, offset: Int) {
            self.block = block
            self.offset = offset
        }
    }

    /// The number of keys in a sorted array that are below `key`.
    @inlinable @inline(__always)
    static func countBelow(_ key: Key, in keys: [Key]) -> Int {
        keys.withUnsafeBufferPointer { keys in
            var low = 0
            var high = keys.count
            while low < high {
                let middle = (low + high) >> 1
                if keys[middle] < key { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// Where `key` is or would be inserted; the offset may be one past its block's end.
    @inlinable
    func lowerBound(of key: Key) -> Place {
        guard !blocks.isEmpty else { return Place(block: 0, offset: 0) }
        var block = 0
        if separators.count > 1 {
            let below = OrderedMap.countBelow(key, in: separators)
            let exact = below < separators.count && separators[below] == key
            block = exact || below == 0 ? below : below - 1
        }
        return Place(block: block, offset: OrderedMap.countBelow(key, in: blocks[block].keys))
    }

    @inlinable
    func holds(_ key: Key, at place: Place) -> Bool {
        place.block < blocks.count && place.offset < blocks[place.block].keys.count
            && blocks[place.block].keys[place.offset] == key
    }

    @inlinable
    func find(_ key: Key) -> Place? {
        let place = lowerBound(of: key)
        return holds(key, at: place) ? place : nil
    }

    /// Inserts an absent key and returns where it is.
    @inlinable @discardableResult
    mutating func insert(_ key: Key, _ value: Value, at wanted: Place) -> Place {
        var place = wanted
        total += 1
        guard place.block < blocks.count else {
            separators.append(key)
            blocks.append(Block(keys: [key], values: [value]))
            return Place(block: blocks.count - 1, offset: 0)
        }
        let size = blocks[place.block].keys.count
        if size >= OrderedMap.blockLimit {
            if place.block == blocks.count - 1, place.offset == size {
                // Ascending keys fill each block to the brim instead of leaving halves behind.
                separators.append(key)
                blocks.append(Block(keys: [key], values: [value]))
                return Place(block: blocks.count - 1, offset: 0)
            }
            split(place.block)
            let half = blocks[place.block].keys.count
            if place.offset > half {
                place = Place(block: place.block + 1, offset: place.offset - half)
            }
        }
        if place.offset == 0 { separators[place.block] = key }
        blocks[place.block].keys.insert(key, at: place.offset)
        blocks[place.block].values.insert(value, at: place.offset)
        return place
    }

    @inlinable
    mutating func split(_ number: Int) {
        let half = blocks[number].keys.count / 2
        let upper = Block(
            keys: Array(blocks[number].keys[half...]), values: Array(blocks[number].values[half...])
        )
        blocks[number].keys.removeSubrange(half...)
        blocks[number].values.removeSubrange(half...)
        separators.insert(upper.keys[0], at: number + 1)
        blocks.insert(upper, at: number + 1)
    }

    @inlinable
    mutating func remove(at place: Place) -> Element {
        total -= 1
        let key = blocks[place.block].keys.remove(at: place.offset)
        let value = blocks[place.block].values.remove(at: place.offset)
        let size = blocks[place.block].keys.count
        if size == 0 {
            blocks.remove(at: place.block)
            separators.remove(at: place.block)
        } else if size < OrderedMap.mergeBelow {
            if place.block + 1 < blocks.count {
                merge(place.block)
            } else if place.block > 0 {
                merge(place.block - 1)
            }
        }
        return (key, value)
    }

    /// Joins a block with the next one when both together are small enough.
    @inlinable
    mutating func merge(_ number: Int) {
        let size = blocks[number].keys.count + blocks[number + 1].keys.count
        guard size <= OrderedMap.mergedLimit else { return }
        let next = blocks.remove(at: number + 1)
        separators.remove(at: number + 1)
        blocks[number].keys.append(contentsOf: next.keys)
        blocks[number].values.append(contentsOf: next.values)
    }
}

extension OrderedMap: Sequence {
    /// Iterates in ascending order of key over the map as it was when the iterator was made.
    public struct Iterator: IteratorProtocol, Sequence {
        @usableFromInline let blocks: [Block]
        @usableFromInline var place: Place

        @inlinable init(blocks: [Block], place: Place) {
            self.blocks = blocks
            self.place = place
        }

        /// The next pair.
        @inlinable
        public mutating func next() -> Element? {
            while place.block < blocks.count {
                if place.offset < blocks[place.block].keys.count {
                    defer { place.offset += 1 }
                    return (
                        blocks[place.block].keys[place.offset],
                        blocks[place.block].values[place.offset]
                    )
                }
                place = Place(block: place.block + 1, offset: 0)
            }
            return nil
        }
    }

    /// Iterates in ascending order of key.
    @inlinable
    public func makeIterator() -> Iterator {
        Iterator(blocks: blocks, place: Place(block: 0, offset: 0))
    }

    /// The pairs whose key is not below `key`, in ascending order.
    @inlinable
    public func elements(from key: Key) -> Iterator {
        Iterator(blocks: blocks, place: lowerBound(of: key))
    }

    /// A lower estimate of the number of pairs, which is the number itself.
    @inlinable public var underestimatedCount: Int { count }
}

extension OrderedMap.Block: Sendable where Key: Sendable, Value: Sendable {}
extension OrderedMap.Place: Sendable {}
extension OrderedMap.Iterator: Sendable where Key: Sendable, Value: Sendable {}
extension OrderedMap: Sendable where Key: Sendable, Value: Sendable {}

extension OrderedMap: Equatable where Value: Equatable {
    /// True when both hold the same pairs; how they lie in blocks does not count.
    @inlinable
    public static func == (a: OrderedMap, b: OrderedMap) -> Bool {
        guard a.count == b.count else { return false }
        var others = b.makeIterator()
        for (key, value) in a {
            guard let other = others.next(), other.key == key, other.value == value else {
                return false
            }
        }
        return true
    }
}
