/// A map in one sorted array: ordered iteration, no hashing, best for up to a few dozen keys.
///
/// Look-up is O(log n), insertion and removal O(n). `OrderedMap` serves large maps.
public struct SortedMap<Key: Comparable, Value> {
    /// One key with its value.
    public typealias Element = (key: Key, value: Value)

    @usableFromInline var storage: [Element] = []

    /// Makes an empty map.
    @inlinable public init() {}

    /// The number of keys.
    @inlinable public var count: Int { storage.count }
    /// True when no key is present.
    @inlinable public var isEmpty: Bool { storage.isEmpty }
    /// The keys in ascending order.
    @inlinable public var keys: [Key] { storage.map(\.key) }
    /// The values in ascending order of their keys.
    @inlinable public var values: [Value] { storage.map(\.value) }

    /// Reads, writes or, with `nil`, removes the value of `key`.
    @inlinable
    public subscript(key: Key) -> Value? {
        get {
            let position = lowerBound(of: key)
            guard position < storage.count, storage[position].key == key else { return nil }
            return storage[position].value
        }
        set {
            let position = lowerBound(of: key)
            let found = position < storage.count && storage[position].key == key
            switch (newValue, found) {
            case (.some(let value), true): storage[position].value = value
            case (.some(let value), false): storage.insert((key, value), at: position)
            case (.none, true): storage.remove(at: position)
            case (.none, false): break
            }
        }
    }

    /// Changes the value of `key` in place; returns nil, and does nothing, when it is absent.
    @inlinable @discardableResult
    public mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        let position = lowerBound(of: key)
        guard position < storage.count, storage[position].key == key else { return nil }
        return body(&storage[position].value)
    }

    /// Removes everything.
    @inlinable public mutating func removeAll() { storage.removeAll() }

    @inlinable
    func lowerBound(of key: Key) -> Int {
        var low = 0
        var high = storage.count
        while low < high {
            let middle = (low + high) >> 1
            if storage[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension SortedMap: Sendable where Key: Sendable, Value: Sendable {}

extension SortedMap: Equatable where Value: Equatable {
    /// True when both hold the same pairs.
    public static func == (a: SortedMap, b: SortedMap) -> Bool {
        a.storage.count == b.storage.count
            && zip(a.storage, b.storage).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }
}

extension SortedMap: Sequence {
    /// Iterates in ascending order of key.
    @inlinable
    public func makeIterator() -> IndexingIterator<[Element]> { storage.makeIterator() }
}

extension SortedMap: ExpressibleByDictionaryLiteral {
    /// Makes a map from literal pairs; a later pair replaces an earlier one of the same key.
    public init(dictionaryLiteral pairs: (Key, Value)...) {
        for (key, value) in pairs { self[key] = value }
    }
}
