/// A map in sorted arrays: ordered iteration, no hashing, best for up to a few dozen keys.
///
/// Look-up is O(log n), insertion and removal O(n). Keys and values lie in arrays of their own, so
/// that the search for a key touches no value. `OrderedMap` serves large maps.
public struct SortedMap<Key: Comparable, Value> {
    /// One key with its value.
    public typealias Element = (key: Key, value: Value)

    @usableFromInline var sortedKeys: [Key] = []
    /// The value of each key at the key's position.
    @usableFromInline var keyedValues: [Value] = []

    /// Makes an empty map.
    @inlinable public init() {}

    /// The number of keys.
    @inlinable public var count: Int { sortedKeys.count }
    /// True when no key is present.
    @inlinable public var isEmpty: Bool { sortedKeys.isEmpty }
    /// The keys in ascending order.
    @inlinable public var keys: [Key] { sortedKeys }
    /// The values in ascending order of their keys.
    @inlinable public var values: [Value] { keyedValues }

    /// Reads, writes or, with `nil`, removes the value of `key`.
    @inlinable
    public subscript(key: Key) -> Value? {
        get { position(of: key).map { keyedValues[$0] } }
        set {
            let position = lowerBound(of: key)
            let found = position < sortedKeys.count && sortedKeys[position] == key
            switch (newValue, found) {
            case (.some(let value), true): keyedValues[position] = value
            case (.some(let value), false):
                sortedKeys.insert(key, at: position)
                keyedValues.insert(value, at: position)
            case (.none, true):
                sortedKeys.remove(at: position)
                keyedValues.remove(at: position)
            case (.none, false): break
            }
        }
    }

    /// True when the key is present.
    @inlinable public func contains(_ key: Key) -> Bool { position(of: key) != nil }

    /// Calls `body` with the value of `key` without copying it; `nil` when the key is absent.
    @inlinable
    public func read<Result>(_ key: Key, _ body: (borrowing Value) -> Result) -> Result? {
        guard let position = position(of: key) else { return nil }
        return body(keyedValues[position])
    }

    /// Puts `value` in the place of the present one and returns that, so that it can be changed
    /// without a copy; returns nil, and does nothing, when the key is absent.
    @inlinable @discardableResult
    public mutating func exchange(_ key: Key, with value: consuming Value) -> Value? {
        guard let position = position(of: key) else { return nil }
        swap(&keyedValues[position], &value)
        return value
    }

    /// Changes the value of `key` in place; returns nil, and does nothing, when it is absent.
    @inlinable @discardableResult
    public mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard let position = position(of: key) else { return nil }
        return body(&keyedValues[position])
    }

    /// Removes everything.
    @inlinable
    public mutating func removeAll() {
        sortedKeys.removeAll()
        keyedValues.removeAll()
    }

    @inlinable
    func position(of key: Key) -> Int? {
        let position = lowerBound(of: key)
        return position < sortedKeys.count && sortedKeys[position] == key ? position : nil
    }

    @inlinable
    func lowerBound(of key: Key) -> Int {
        var low = 0
        var high = sortedKeys.count
        while low < high {
            let middle = (low + high) >> 1
            if sortedKeys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension SortedMap: Sendable where Key: Sendable, Value: Sendable {}

extension SortedMap: Equatable where Value: Equatable {
    /// True when both hold the same pairs.
    public static func == (a: SortedMap, b: SortedMap) -> Bool {
        a.sortedKeys == b.sortedKeys && a.keyedValues == b.keyedValues
    }
}

extension SortedMap: Sequence {
    /// Iterates in ascending order of key over the map as it was when the iterator was made.
    public struct Iterator: IteratorProtocol {
        @usableFromInline let map: SortedMap
        @usableFromInline var position = 0

        @inlinable init(_ map: SortedMap) { self.map = map }

        /// The next pair.
        @inlinable
        public mutating func next() -> Element? {
            guard position < map.sortedKeys.count else { return nil }
            defer { position += 1 }
            return (map.sortedKeys[position], map.keyedValues[position])
        }
    }

    /// Iterates in ascending order of key.
    @inlinable
    public func makeIterator() -> Iterator { Iterator(self) }
}

extension SortedMap.Iterator: Sendable where Key: Sendable, Value: Sendable {}

extension SortedMap: ExpressibleByDictionaryLiteral {
    /// Makes a map from literal pairs; a later pair replaces an earlier one of the same key.
    public init(dictionaryLiteral pairs: (Key, Value)...) {
        for (key, value) in pairs { self[key] = value }
    }
}
