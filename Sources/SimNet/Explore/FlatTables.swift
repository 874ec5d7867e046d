/// A set of 64-bit fingerprints in one flat array: open addressing, linear probing.
///
/// Eight bytes a place and no more than 70 in 100 of them taken.
struct FlatSet: Sendable {
    private var places = ContiguousArray<UInt64>(repeating: 0, count: 1 << 12)
    private(set) var count = 0

    /// The memory it takes.
    var bytes: Int { places.count * 8 }

    /// Adds a fingerprint; false when it was there. 0 stands for an empty place and counts as 1.
    @inline(__always)
    mutating func insert(_ fingerprint: UInt64) -> Bool {
        if count * 10 >= places.count * 7 { grow() }
        let added = FlatSet.insert(fingerprint == 0 ? 1 : fingerprint, into: &places)
        if added { count += 1 }
        return added
    }

    @inline(__always)
    private static func insert(
        _ fingerprint: UInt64, into places: inout ContiguousArray<UInt64>
    ) -> Bool {
        places.withUnsafeMutableBufferPointer { places in
            let mask = places.count - 1
            var place = Int(truncatingIfNeeded: fingerprint) & mask
            while places[place] != 0 {
                if places[place] == fingerprint { return false }
                place = (place + 1) & mask
            }
            places[place] = fingerprint
            return true
        }
    }

    private mutating func grow() {
        var larger = ContiguousArray<UInt64>(repeating: 0, count: places.count * 2)
        for fingerprint in places where fingerprint != 0 {
            _ = FlatSet.insert(fingerprint, into: &larger)
        }
        places = larger
    }
}

/// A map from 64-bit keys to numbers in two flat arrays. A key is spread before it is placed.
struct FlatMap: Sendable {
    private var keys = ContiguousArray<UInt64>(repeating: 0, count: 1 << 12)
    private var values = ContiguousArray<UInt32>(repeating: 0, count: 1 << 12)
    private(set) var count = 0

    /// The memory it takes.
    var bytes: Int { keys.count * 12 }

    /// The number of a key, or nil.
    @inline(__always)
    func find(_ key: UInt64) -> UInt32? {
        let wanted = key &+ 1
        return keys.withUnsafeBufferPointer { keys in
            var place = FlatMap.spread(wanted) & (keys.count - 1)
            while keys[place] != 0 {
                if keys[place] == wanted { return values[place] }
                place = (place + 1) & (keys.count - 1)
            }
            return nil
        }
    }

    /// Adds a key that is not there; its successor must not be 0.
    mutating func insert(_ key: UInt64, _ value: UInt32) {
        if count * 10 >= keys.count * 7 { grow() }
        count += 1
        place(key &+ 1, value)
    }

    private mutating func place(_ stored: UInt64, _ value: UInt32) {
        precondition(stored != 0, "a key that stands for an empty place")
        var place = FlatMap.spread(stored) & (keys.count - 1)
        while keys[place] != 0 { place = (place + 1) & (keys.count - 1) }
        keys[place] = stored
        values[place] = value
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = ContiguousArray(repeating: 0, count: oldKeys.count * 2)
        values = ContiguousArray(repeating: 0, count: oldKeys.count * 2)
        for (position, stored) in oldKeys.enumerated() where stored != 0 {
            place(stored, oldValues[position])
        }
    }

    @inline(__always)
    private static func spread(_ key: UInt64) -> Int {
        let product = key &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: product ^ (product >> 29))
    }
}
