import Protocols

/// Names the streams of chance of a world. Each draws from the seed alone, so that what one part of
/// the world draws moves nothing in another.
enum Stream {
    case options, cramped, host(Int), ticks(Int), disk(Int), fate(Int)
    case path(Int), link(Int), client(Int), clientLink(Int), load
    case strike(UInt32), fault(Fault), stumbles, ending, soon, presence
    case clusters, cluster(Int), visitor(Int), calls(Int), cuts

    /// The generator of this stream for a seed.
    func prng(_ seed: UInt64) -> Prng {
        let (kind, number): (UInt64, UInt64) =
            switch self {
            case .options: (1, 0)
            case .cramped: (3, 0)
            case .host(let host): (4, UInt64(host))
            case .ticks(let host): (5, UInt64(host))
            case .disk(let host): (6, UInt64(host))
            case .fate(let host): (7, UInt64(host))
            case .path(let path): (9, UInt64(path))
            case .link(let link): (10, UInt64(link))
            case .client(let client): (11, UInt64(bitPattern: Int64(client)))
            case .clientLink(let client): (12, UInt64(bitPattern: Int64(client)))
            case .load: (13, 0)
            case .strike(let salt): (14, UInt64(salt))
            case .fault(let fault): (15, UInt64(fault.rawValue))
            case .stumbles: (16, 0)
            case .ending: (17, 0)
            case .soon: (18, 0)
            case .presence: (19, 0)
            case .clusters: (20, 0)
            case .cluster(let cluster): (21, UInt64(cluster))
            case .visitor(let visitor): (22, UInt64(visitor))
            case .calls(let pair): (23, UInt64(pair))
            case .cuts: (24, 0)
            }
        // Two rounds of mixing keep neighbours apart: seeds and numbers are small and dense.
        var first = Prng(seed: seed ^ kind << 56)
        var second = Prng(seed: first.next() ^ number &* 0xA24B_AED4_963E_E407)
        return second.split()
    }
}
