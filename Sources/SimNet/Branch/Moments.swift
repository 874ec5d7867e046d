/// Rare moments of a run that no single machine can mark, counted by the world.
public struct Moments: Equatable, Sendable {
    /// Crashes of a process with something on its way to the disk that was not synced.
    public var crashesBeforeSync = 0

    /// Makes zero counts.
    public init() {}
}
