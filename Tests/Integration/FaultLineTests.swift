import Protocols
import Testing

@testable import LiveNet

@Suite("lines about faulty peers")
struct FaultLineTests {
    @Test("one line each ten seconds and peer, which says how many there were not")
    func lines() {
        var lines = FaultLines()
        func admit(_ peer: UInt32, _ milliseconds: Int64) -> Int? {
            lines.admit(NodeID(peer), Instant.zero + .milliseconds(milliseconds))
        }
        #expect(admit(1, 0) == 0)
        #expect(admit(2, 1) == 0)
        for time in Int64(1)..<100 { #expect(admit(1, time) == nil) }
        #expect(admit(1, 9_999) == nil)
        #expect(admit(1, 10_000) == 100)
        #expect(admit(1, 10_001) == nil)
        #expect(admit(2, 20_000) == 0)
    }
}
