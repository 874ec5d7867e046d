/// One line of input with a cursor; a value.
public struct LineEditor: Equatable, Sendable {
    /// What stands before the cursor.
    public private(set) var before: String
    /// What stands at and after the cursor.
    public private(set) var after = ""
    /// The most scalars; more are not taken.
    public let limit: Int

    /// Makes a line with the cursor at its end.
    public init(_ text: String = "", limit: Int) {
        before = text
        self.limit = limit
    }

    /// The whole line.
    public var text: String { before + after }

    /// Replaces the line; the cursor stands at its end.
    public mutating func set(_ text: String) {
        before = text
        after = ""
    }

    /// Does what a key means to a line; false when it means nothing there.
    public mutating func take(_ key: Key) -> Bool {
        switch key {
        case .text(let scalar):
            guard text.unicodeScalars.count < limit else { return true }
            before.unicodeScalars.append(scalar)
        case .backspace: if !before.isEmpty { before.removeLast() }
        case .delete: if !after.isEmpty { after.removeFirst() }
        case .left: if let last = before.popLast() { after.insert(last, at: after.startIndex) }
        case .right: if !after.isEmpty { before.append(after.removeFirst()) }
        case .home, .control("a"): (before, after) = ("", text)
        case .end, .control("e"): (before, after) = (text, "")
        case .control("k"): after = ""
        case .control("u"): before = ""
        case .control("w"): removeWord()
        case .enter, .escape, .up, .down, .pageUp, .pageDown, .tab, .backTab, .control: return false
        }
        return true
    }

    private mutating func removeWord() {
        while before.last == " " { before.removeLast() }
        while let last = before.last, last != " " { before.removeLast() }
    }

    /// The part that is shown in so many columns, and the cursor's column in it.
    public func window(columns: Int) -> (text: String, cursor: Int) {
        let shown = SafeText.line(text)
        let cursor = min(TextWidth.columns(of: SafeText.line(before)), TextWidth.columns(of: shown))
        guard columns > 1 else { return ("", 0) }
        // The cursor needs a column of its own, also behind the end.
        var skipped = 0
        var rest = shown[...]
        while cursor - skipped > columns - 1, let first = rest.popFirst() {
            skipped += TextWidth.columns(of: String(first))
        }
        return (TextLayout.prefix(rest, columns: columns), cursor - skipped)
    }
}
