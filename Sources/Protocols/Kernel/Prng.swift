/// A small seeded generator of random numbers, a field of whoever draws from it.
///
/// PCG-like quality is not needed here; speed, a short state and equal sequences on every machine
/// are. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
public struct Prng: RandomNumberGenerator, Equatable, Sendable {
    private var state: UInt64

    /// Makes a generator; equal seeds give equal sequences.
    public init(seed: UInt64) {
        state = seed
    }

    /// The next 64 random bits.
    @inline(__always)
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Prng.mix(state)
    }

    /// A generator whose sequence does not overlap this one's in practice.
    public mutating func split() -> Prng {
        Prng(seed: Prng.mix(next() ^ 0xD6E8_FEB8_6659_FD93))
    }

    /// A number in `0 ..< bound`; `bound` must be positive.
    public mutating func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0, "an empty range has no member to draw")
        return next().multipliedFullWidth(by: bound).high
    }

    /// A number in `range`, which must not be empty.
    public mutating func int(in range: Range<Int>) -> Int {
        range.lowerBound + Int(below(UInt64(range.count)))
    }

    /// An interval in `lower ..< upper`; `lower` when the range is empty.
    public mutating func interval(from lower: Interval, to upper: Interval) -> Interval {
        guard upper > lower else { return lower }
        return lower + Interval(nanoseconds: Int64(below(UInt64((upper - lower).nanoseconds))))
    }

    /// True with a chance of `numerator` in `denominator`.
    public mutating func chance(_ numerator: UInt64, in denominator: UInt64) -> Bool {
        below(denominator) < numerator
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Feeds the generator's state.
    public func digest(into digest: inout Digest) {
        digest.combine(state)
    }
}
