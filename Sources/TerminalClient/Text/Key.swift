/// A key as a person means it.
public enum Key: Equatable, Sendable {
    /// A character that is written.
    case text(Unicode.Scalar)
    /// Control with a letter, in lower case.
    case control(Character)
    case enter, escape, tab, backTab, backspace, delete
    case left, right, up, down, home, end, pageUp, pageDown
}

/// What a terminal library reads: characters, and the keys that it knows by their sequences.
public enum RawKey: Equatable, Sendable {
    /// A character, control characters among them.
    case scalar(Unicode.Scalar)
    /// A key that the library knows.
    case known(Key)
    /// A key that the library knows and this program does not.
    case other
}

extension Key {
    /// The keys of what was read at once. An escape sequence that the library does not know is left
    /// out as a whole: its first character is no Escape and the rest is no text.
    public static func keys(of raw: [RawKey]) -> [Key] {
        var result: [Key] = []
        var rest = raw[...]
        while let next = rest.popFirst() {
            switch next {
            case .known(let key): result.append(key)
            case .other: break
            case .scalar("\u{1B}"):
                if rest.first == .scalar("["), rest.count > 1 {
                    rest.removeFirst()
                    skipSequence(&rest)
                } else if rest.first == .scalar("O"), rest.count > 1 {
                    rest.removeFirst(2)
                } else {
                    result.append(.escape)
                }
            case .scalar(let scalar):
                if let key = Key(scalar) { result.append(key) }
            }
        }
        return result
    }

    /// Skips parameters up to the final character (ECMA-48, 5.4).
    private static func skipSequence(_ rest: inout ArraySlice<RawKey>) {
        while case .scalar(let scalar)? = rest.popFirst() {
            if ("@"..."~").contains(scalar) { return }
        }
    }

    private init?(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x0A, 0x0D: self = .enter
        case 0x09: self = .tab
        case 0x08, 0x7F: self = .backspace
        case 0x01...0x1A:
            self = .control(Character(Unicode.Scalar(UInt8(scalar.value + 0x60))))
        case 0..<0x20, 0x80..<0xA0: return nil
        default: self = .text(scalar)
        }
    }
}
