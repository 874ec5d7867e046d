/// Switches on planted bugs. This build carries none; the builds of the kill matrix replace this.
enum Plant {
    /// Switches on one bug; false if there is none of that number.
    static func select(_ number: Int) -> Bool { false }
}
