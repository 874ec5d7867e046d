import Protocols

/// What was said and what happened in a room, as lines for a width; scrolls.
struct ChatLog: Equatable, Sendable {
    enum Entry: Equatable, Sendable {
        case message(time: String, user: String, text: String)
        case notice(String)
    }

    /// Older entries are dropped.
    static let limit = 2_000
    /// The columns of a time and the space behind it.
    private static let margin = 6

    private(set) var entries: [Entry] = []
    /// How many lines the view stands above the end; 0 follows what comes.
    private(set) var scroll = 0

    var isAtEnd: Bool { scroll == 0 }

    /// Adds an entry. A view that stands above the end stays on what it shows.
    mutating func add(_ entry: Entry, columns: Int) {
        entries.append(entry)
        if entries.count > Self.limit { entries.removeFirst(entries.count - Self.limit) }
        if scroll > 0 { scroll += Self.lines(of: entry, columns).count }
    }

    mutating func scrollUp(_ count: Int, height: Int, columns: Int) {
        let all = lastLines(scroll + count + height, columns: columns)
        scroll = max(0, min(scroll + count, all.count - height))
    }

    mutating func scrollDown(_ count: Int) { scroll = max(0, scroll - count) }

    mutating func scrollToEnd() { scroll = 0 }

    /// The lines to be shown; fewer than `height` when there are not more. `pending` is what was
    /// said here and is not acknowledged; it stands at the end.
    func view(height: Int, columns: Int, pending: [String] = []) -> [[Span]] {
        guard height > 0 else { return [] }
        let waiting = pending.flatMap {
            Self.lines("  ... ", "", $0, columns).map { $0.map { Span($0.text, .dim) } }
        }
        let shown = isAtEnd ? waiting.suffix(max(1, height / 2)) : []
        let lines = lastLines(scroll + height - shown.count, columns: columns)
        // After the window grew there may be less above than the view was scrolled up.
        let end = max(lines.count - scroll, min(lines.count, height))
        return lines[..<end].suffix(height - shown.count) + shown
    }

    /// The last lines of all, `count` if there are so many, or a few more.
    private func lastLines(_ count: Int, columns: Int) -> [[Span]] {
        var parts: [[[Span]]] = []
        var found = 0
        for entry in entries.reversed() where found < count {
            let lines = Self.lines(of: entry, columns)
            parts.append(lines)
            found += lines.count
        }
        return parts.reversed().flatMap { $0 }
    }

    private static func lines(of entry: Entry, _ columns: Int) -> [[Span]] {
        switch entry {
        case .message(let time, let user, let text): lines(time + " ", user + ": ", text, columns)
        case .notice(let text):
            TextLayout.wrapped("    * " + SafeText.line(text), columns: columns, indent: margin)
                .map { [Span($0, .dim)] }
        }
    }

    private static func lines(
        _ time: String, _ user: String, _ text: String, _ columns: Int
    ) -> [[Span]] {
        let user = SafeText.line(user)
        let blank = String(repeating: " ", count: margin)
        var result: [[Span]] = []
        for (number, line) in SafeText.lines(text).enumerated() {
            let head = number == 0 ? time + user : blank
            for part in TextLayout.wrapped(head + line, columns: columns, indent: margin) {
                let isHead = result.isEmpty && part.hasPrefix(time + user)
                result.append(
                    isHead
                        ? [
                            Span(time, .dim), Span(user, .bold),
                            Span(String(part.dropFirst(time.count + user.count))),
                        ] : [Span(part)])
            }
        }
        return result
    }
}
