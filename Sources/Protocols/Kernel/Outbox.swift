/// Where a machine puts its effects; first in, first out.
///
/// A driver keeps one outbox and empties it after each step, so that its storage is reused.
/// Marks, the names of rare paths that a step took, ride along for coverage counts.
public struct Outbox<Effect: Equatable & Sendable>: Equatable, Sendable {
    /// The effects of the steps since the last `removeAll`, oldest first.
    public private(set) var effects: [Effect] = []
    /// The rare paths taken since the last `removeAll`.
    public private(set) var marks = MarkSet()

    /// Makes an empty outbox.
    public init() {}

    /// True when no effect waits; marks do not count.
    public var isEmpty: Bool { effects.isEmpty }

    /// Appends one effect.
    @inlinable
    public mutating func emit(_ effect: Effect) {
        append(effect)
    }

    @usableFromInline
    mutating func append(_ effect: Effect) {
        effects.append(effect)
    }

    /// Records that a named rare path was taken.
    public mutating func mark(_ mark: Mark) {
        marks.insert(mark)
    }

    /// Takes over marks that an inner machine's outbox recorded.
    public mutating func merge(_ other: MarkSet) {
        marks.formUnion(other)
    }

    /// Empties the outbox and keeps its storage.
    public mutating func removeAll() {
        effects.removeAll(keepingCapacity: true)
        marks = MarkSet()
    }
}
