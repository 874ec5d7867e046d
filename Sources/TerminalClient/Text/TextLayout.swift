/// Fits safe text into columns.
public enum TextLayout {
    /// As much of the text's beginning as fits; with an ellipsis when something is left out.
    public static func clipped(_ text: String, to columns: Int) -> String {
        guard TextWidth.columns(of: text) > columns else { return text }
        guard columns > 0 else { return "" }
        return prefix(text[...], columns: columns - 1) + "…"
    }

    /// The text, clipped or filled with spaces to exactly so many columns.
    public static func padded(_ text: String, to columns: Int) -> String {
        let text = clipped(text, to: columns)
        let missing = max(0, columns - TextWidth.columns(of: text))
        return text + String(repeating: " ", count: missing)
    }

    /// The text in lines of at most so many columns, broken at spaces where that is possible. All
    /// lines but the first begin with `indent` spaces.
    public static func wrapped(_ text: String, columns: Int, indent: Int) -> [String] {
        let indent = indent < columns / 2 ? indent : 0
        let margin = String(repeating: " ", count: indent)
        var rest = text[...]
        var lines: [String] = []
        repeat {
            let room = max(1, lines.isEmpty ? columns : columns - indent)
            var part = prefix(rest, columns: room)
            // A character wider than the whole line still has to go somewhere.
            if part.isEmpty, let first = rest.first { part = String(first) }
            var next = rest.index(rest.startIndex, offsetBy: part.count)
            if next < rest.endIndex, rest[next] != " ", let space = part.lastIndex(of: " "),
                part[..<space].contains(where: { $0 != " " })
            {
                let count = part.distance(from: part.startIndex, to: space)
                next = rest.index(rest.startIndex, offsetBy: count)
                part = String(part[..<space])
            }
            lines.append(lines.isEmpty ? part : margin + part)
            rest = rest[next...]
            if !rest.isEmpty { rest = rest.drop { $0 == " " } }
        } while !rest.isEmpty
        return lines
    }

    /// The longest beginning that takes at most so many columns, in whole characters.
    static func prefix(_ text: Substring, columns: Int) -> String {
        var width = 0
        var end = text.startIndex
        for place in text.indices {
            width += TextWidth.columns(of: String(text[place]))
            if width > columns { break }
            end = text.index(after: place)
        }
        return String(text[..<end])
    }
}
