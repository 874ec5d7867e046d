/// Makes other people's text harmless to a terminal.
public enum SafeText {
    /// Marks on one character beyond so many are left out; text can pile up hundreds of them.
    private static let mostMarks = 3

    /// One line: what would steer the terminal is replaced by U+FFFD, line ends and tabs by a space;
    /// invisible characters, among them those that turn the direction of writing, are left out.
    public static func line(_ text: some StringProtocol) -> String {
        var result = String.UnicodeScalarView()
        var marks = 0
        for scalar in text.unicodeScalars {
            let kind = scalar.properties.generalCategory
            switch kind {
            case .control:
                result.append(isSpace(scalar) ? " " : "\u{FFFD}")
                marks = 0
            case .lineSeparator, .paragraphSeparator:
                result.append(" ")
                marks = 0
            case .format, .surrogate: break
            case .nonspacingMark, .enclosingMark:
                marks += 1
                // Without a character of its own a mark would be drawn onto what stands before.
                if marks <= mostMarks, !result.isEmpty, !isSelector(scalar) {
                    result.append(scalar)
                }
            default:
                result.append(scalar)
                marks = 0
            }
        }
        return String(result)
    }

    /// The lines of a text, each as `line` has it; a text without line ends is one line.
    public static func lines(_ text: String) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { line($0) }
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        (0x09...0x0D).contains(scalar.value) || scalar.value == 0x85
    }

    /// Asks for another look of the character before it, which may have another width.
    private static func isSelector(_ scalar: Unicode.Scalar) -> Bool {
        (0xFE00...0xFE0F).contains(scalar.value) || (0xE0100...0xE01EF).contains(scalar.value)
    }
}
