/// Switches on planted bugs. This build carries none; `scripts/kill-matrix` replaces this file in
/// the copy of the sources that does.
enum Plant {
    /// All bugs of this build.
    static let bugs: [PlantedBug] = []

    /// Switches on one bug; false if there is none of that number.
    static func select(_ number: Int) -> Bool { false }
}
