import Protocols
import SimCodecs
import Testing

@testable import SimNet

/// A simulated world goes on from recorded nodes.
@Suite("Futures of recorded nodes")
struct FlightTests {
    private static let recordings: [[RecordedItem]] = (0..<3).map { place in
        var reader = RecordingReader()
        var items: [RecordedItem] = []
        do {
            try reader.open(part: RecordedNet.played.recording(place))
            while let item = try reader.next() { items.append(item) }
        } catch {
            preconditionFailure("\(error)")
        }
        return items
    }

    /// When the youngest recording begins and when all end.
    private static let span: (began: Instant, last: Instant) = {
        let began = recordings.compactMap { items -> Instant? in
            if case .configuration(_, let time) = items[0] { time } else { nil }
        }
        return (began.max()!, RecordedNet.played.now)
    }()

    private func flight(_ place: Int, until moment: Instant) throws -> FlightNode {
        var flight = FlightNode()
        for item in FlightTests.recordings[place] {
            if case .event(_, let time, _) = item, time > moment { break }
            try flight.take(item)
        }
        return flight
    }

    /// All nodes at a moment, which is so many thousandths of the way.
    private func flights(at thousandths: Int64) throws -> [FlightNode] {
        let length = FlightTests.span.last - FlightTests.span.began
        let moment =
            FlightTests.span.began + Interval(nanoseconds: length.nanoseconds / 1_000 * thousandths)
        return try (0..<3).map { try flight($0, until: moment) }
    }

    @Test(
        "a node's directory holds what was durable at the moment, and no more",
        arguments: stride(from: 100, through: 1_000, by: 100).map { Int64($0) })
    func directory(thousandths: Int64) throws {
        for flight in try flights(at: thousandths) {
            let node = try #require(flight.replay.node)
            let (disk, writer) = flight.directory(segmentBytes: 4_096)
            #expect(writer.boot == node.configuration.boot)
            let found = try #require(
                try DataDirectory.recover(
                    files: disk.listing.map { ($0, disk.read($0)!) }, segmentLimit: 4_096))
            #expect(found.identity.incarnation == node.configuration.incarnation)
            #expect(found.boot == Boot(node.configuration.boot.rawValue + 1))
            let last = found.durable.entries.last?.index ?? found.durable.snapshot?.point.index
            #expect(last == node.raft.durableIndex)
            for entry in found.durable.entries where entry.index > node.raft.log.start.index {
                #expect(node.raft.log.entry(at: entry.index) == entry)
            }
            #expect(found.durable.hardState.term <= node.raft.term)
        }
    }

    @Test(
        "from any moment of a recorded cluster every future holds",
        arguments: stride(from: 100, through: 1_000, by: 150).map { Int64($0) })
    func futures(thousandths: Int64) throws {
        let flights = try flights(at: thousandths)
        var digests: [UInt64] = []
        for seed in 0..<4 as Range<UInt64> {
            var world = try World.continuing(
                flights, seed: seed, mix: .swarm, duration: .seconds(20), codecs: chatCodecs)
            let result = world.run()
            #expect(result.verdict == .held)
            #expect(result.statistics.events > 1_000)
            digests.append(result.digest)
        }
        #expect(Set(digests).count == 4)
        var again = try World.continuing(
            flights, seed: 0, mix: .swarm, duration: .seconds(20), codecs: chatCodecs)
        #expect(again.run().digest == digests[0])
    }

    @Test("nodes at moments that no cluster can have been in at once are refused")
    func contradiction() throws {
        // The leader knows as committed what the others have not heard of yet.
        let late = try flights(at: 1_000)
        let early = try flights(at: 50)
        let leader = try #require(
            late.indices.max {
                late[$0].replay.node!.raft.commitIndex < late[$1].replay.node!.raft.commitIndex
            })
        var mixed = early
        mixed[leader] = late[leader]
        #expect(throws: Violation.self) {
            _ = try World.continuing(mixed, seed: 1, mix: .calm, duration: .seconds(20))
        }
    }
}
