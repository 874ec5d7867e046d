/// A value type that decides: events in, effects out, no clock, no randomness, no I/O of its own.
///
/// ## Overview
/// A copy of a machine is a snapshot of it. That single property carries model checking, branching,
/// shrinking and replay, so a machine holds no class, closure, existential or handle.
///
/// ## Function
/// A driver samples `now` when it hands the event in, performs the effects in the order in which
/// the outbox lists them per peer link, per connection and per disk, and calls with a tick when
/// `deadline` has come. `now` never goes back between two steps of one machine.
public protocol Machine: Equatable, Sendable {
    /// What can happen to the machine.
    associatedtype Event: Sendable
    /// What the machine wants done.
    associatedtype Effect: Equatable, Sendable

    /// Decides what `event` changes and appends what should happen to `out`.
    mutating func step(_ event: Event, at now: Instant, into out: inout Outbox<Effect>)

    /// The earliest time at which the machine wants a tick; `nil` when it waits for events alone.
    var deadline: Instant? { get }

    /// Feeds a stable fingerprint of the whole state, equal in every process and build.
    func digest(into digest: inout Digest)
}
