import Protocols
import SimNet
import Testing

extension Live {
    /// Real links keep the contract of the simulated ones, and show nothing that those cannot show.
    @Suite("conformance of real links")
    struct LinkConformance {
        private func run(_ script: LinkScript, seed: UInt64) throws -> [LinkSight] {
            let pair = try LinkPair(seed: seed)
            defer { pair.close() }
            return try pair.run(script)
        }

        @Test("real links are streams: cut, held back, their processes killed and started again")
        func holds() throws {
            var heard = 0
            for seed in 0..<12 as Range<UInt64> {
                var prng = Prng(seed: seed)
                let script = LinkScript.draw(30, longest: 400_000, from: &prng)
                let trace = try run(script, seed: seed)
                try LinkContract.check(trace, isStream: true)
                heard += trace.count { if case .heard = $0 { true } else { false } }
            }
            #expect(heard > 40)
        }

        @Test(
            "the simulated link can show what a real one shows",
            arguments: [
                "settle; say 0 1 2; say 1 3; settle",
                "settle; say 0 10 20; kill 0; start 0; settle",
                "settle; say 1 10 20; kill 1; start 1; settle",
                "settle; cut; say 0 1; say 1 1; settle; say 0 2; settle",
                "settle; say 0 90000 90000; cut; settle; say 1 4; settle",
                "settle; kill 1; say 0 5; start 1; settle; say 0 6; settle",
                "settle; clog 0 20; say 0 1 2; say 1 3 4; kill 0; start 0; settle",
                "settle; clog 1 30; say 1 1; kill 1; say 0 2; start 1; settle; say 1 3; settle",
                "settle; cut; cut; settle; say 1 1 2; cut; settle",
            ])
        func shown(text: String) throws {
            let script = try #require(LinkScript(text))
            for seed in 0..<3 as Range<UInt64> {
                let trace = try run(script, seed: seed)
                try LinkContract.check(trace, isStream: true)
                if let position = LinkShowing.firstUnshown(in: trace, seed: seed, .calm) {
                    let past = trace[...position].map { "\($0)" }.joined(separator: "\n")
                    Issue.record("the simulated link cannot show this:\n\(past)")
                }
            }
        }
    }
}
