/// Why the text of `ENCRYPTION_KEY` is not a key. The text itself is never part of a message: a key
/// with a typing mistake is still almost the key.
public enum EncryptionKeyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not 64 characters.
    case length(Int)
    /// A character that is no hexadecimal digit, counted from 1.
    case notHexadecimal(position: Int)

    /// One line that says what is wrong and what would be right.
    public var description: String {
        let right = "it must be 64 hexadecimal digits, such as `openssl rand -hex 32` prints"
        return switch self {
        case .length(let count): "ENCRYPTION_KEY has \(count) characters; \(right)"
        case .notHexadecimal(let position):
            "ENCRYPTION_KEY has something else than a hexadecimal digit at character "
                + "\(position); \(right)"
        }
    }
}

/// The secret that all members of a cluster share: 32 bytes. Never printed.
public struct EncryptionKey: Equatable, Sendable, CustomStringConvertible {
    /// The key.
    public let bytes: [UInt8]

    /// Makes a key from 32 bytes.
    public init(bytes: [UInt8]) {
        precondition(bytes.count == 32, "a key has 32 bytes")
        self.bytes = bytes
    }

    /// Reads 64 hexadecimal digits, upper or lower case; white space around them is ignored, for
    /// keys come out of files.
    public init(hex text: String) throws(EncryptionKeyError) {
        var digits = Array(text.utf8)[...]
        while let last = digits.last, last <= 0x20 { digits.removeLast() }
        while let first = digits.first, first <= 0x20 { digits.removeFirst() }
        var bytes: [UInt8] = []
        for (position, digit) in digits.enumerated() {
            let value: UInt8
            switch digit {
            case 48...57: value = digit - 48
            case 65...70: value = digit - 55
            case 97...102: value = digit - 87
            default: throw .notHexadecimal(position: position + 1)
            }
            if position & 1 == 0 {
                bytes.append(value << 4)
            } else {
                bytes[bytes.count - 1] |= value
            }
        }
        guard digits.count == 64 else { throw .length(digits.count) }
        self.bytes = bytes
    }

    /// Says that there is a key, never which.
    public var description: String { "EncryptionKey(hidden)" }
}
