/// A string as a key: equal and ordered by its UTF-8 bytes.
///
/// `String` itself compares by canonical equivalence, which depends on the Unicode tables of the
/// standard library and so may differ between two binaries; replicas must not.
public struct TextKey: Comparable, Sendable {
    /// The string.
    public let text: String

    /// Makes a key.
    public init(_ text: String) { self.text = text }

    /// True when the bytes are equal.
    public static func == (a: TextKey, b: TextKey) -> Bool { order(a.text, b.text) == 0 }

    /// Orders by the first byte that differs, then by length.
    public static func < (a: TextKey, b: TextKey) -> Bool { order(a.text, b.text) < 0 }

    private static func order(_ a: String, _ b: String) -> Int {
        var a = a
        var b = b
        return a.withUTF8 { left in
            b.withUTF8 { right in
                order(UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
            }
        }
    }

    private static func order(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) -> Int {
        let shared = min(left.count, right.count)
        var offset = 0
        while offset + 8 <= shared {
            let a = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let b = right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if a != b { return UInt64(bigEndian: a) < UInt64(bigEndian: b) ? -1 : 1 }
            offset += 8
        }
        while offset < shared {
            if left[offset] != right[offset] { return left[offset] < right[offset] ? -1 : 1 }
            offset += 1
        }
        return left.count - right.count
    }
}
