/// Which texts of clients are taken.
///
/// Every text that is taken can be written in XML 1.0 (section 2.2, Char), so that it can go to
/// another cluster, and holds nothing with which it could act on a terminal.
enum TextRules {
    /// True for a name: no control characters, no white space at either end, not empty.
    static func isName(_ name: String) -> Bool {
        let scalars = name.unicodeScalars
        guard let first = scalars.first, let last = scalars.last,
            !first.properties.isWhitespace, !last.properties.isWhitespace
        else { return false }
        return scalars.allSatisfy { !isControl($0) && !isNoCharacter($0) }
    }

    /// True for a content: something besides white space, and of the control characters tab,
    /// line feed and carriage return alone.
    static func isContent(_ content: String) -> Bool {
        var content = content
        let isPlain = content.withUTF8 { bytes in
            var isVisible = false
            for byte in bytes {
                guard byte >= 0x20, byte < 0x7F else { return false }
                if byte > 0x20 { isVisible = true }
            }
            return isVisible
        }
        return isPlain || isUnusualContent(content)
    }

    /// The same for what is not one line of printable ASCII.
    private static func isUnusualContent(_ content: String) -> Bool {
        var isVisible = false
        for scalar in content.unicodeScalars {
            switch scalar {
            case "\t", "\n", "\r": break
            default:
                if isControl(scalar) || isNoCharacter(scalar) { return false }
                if !scalar.properties.isWhitespace { isVisible = true }
            }
        }
        return isVisible
    }

    /// The category Cc of Unicode.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
    }

    /// The two values that XML excludes and Unicode calls no characters.
    private static func isNoCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value == 0xFFFE || scalar.value == 0xFFFF
    }
}
