import Testing

@testable import Protocols

@Suite("Peering: with whom a node speaks, and when a cluster begins")
struct PeeringTests {
    func configuration(_ id: UInt32, incarnation: UInt64? = nil) -> NodeConfiguration {
        NodeConfiguration(
            id: node(id), members: [node(1), node(2), node(3)],
            incarnation: Incarnation(incarnation ?? UInt64(id) * 11), boot: Boot(1), seed: 1)
    }

    func member(_ id: UInt32, _ incarnation: UInt64? = nil) -> Member {
        Member(id: node(id), incarnation: Incarnation(incarnation ?? UInt64(id) * 11))
    }

    var founders: [Member] { [member(1), member(2), member(3)] }

    func blank(_ id: UInt32) -> Peering { Peering(configuration(id), founders: []) }
    func begun(_ id: UInt32) -> Peering { Peering(configuration(id), founders: founders) }

    @Test("a blank node waits until it has heard every configured member")
    func waits() {
        var peering = blank(1)
        #expect(peering.missing == [node(2), node(3)])
        #expect(peering.hear(blank(2).hello, from: node(2)) == .waiting)
        #expect(peering.missing == [node(3)])
        #expect(peering.hear(blank(3).hello, from: node(3)) == .founded(founders))
    }

    @Test("a hello of a link that is gone does not count")
    func forgotten() {
        var peering = blank(1)
        _ = peering.hear(blank(2).hello, from: node(2))
        peering.forget(node(2))
        #expect(peering.hear(blank(3).hello, from: node(3)) == .waiting)
        #expect(peering.missing == [node(2)])
    }

    @Test("when the cluster begins, the members heard so far are listened to")
    func begins() {
        var peering = blank(1)
        _ = peering.hear(blank(2).hello, from: node(2))
        _ = peering.hear(blank(3).hello, from: node(3))
        #expect(!peering.accepts(node(2)))
        #expect(peering.begin(with: founders) == [node(2), node(3)])
        #expect(peering.accepts(node(2)) && peering.cluster == ClusterID(founders: founders))
        #expect(peering.hello.founders == founders)
    }

    @Test("a blank node that finds its directory among the founders joins")
    func adopts() {
        var peering = blank(3)
        #expect(peering.hear(begun(1).hello, from: node(1)) == .founded(founders))
    }

    @Test("a blank node whose name the cluster knows with another directory is wiped (planted 32)")
    func wiped() {
        var peering = Peering(configuration(3, incarnation: 99), founders: [])
        #expect(
            peering.hear(begun(1).hello, from: node(1)) == .wiped(ClusterID(founders: founders)))
        #expect(!peering.accepts(node(1)))
    }

    @Test("the members do not listen to a wiped node (planted 32)")
    func wipedIsRefused() {
        var peering = begun(1)
        #expect(peering.hear(begun(3).hello, from: node(3)) == .accepted)
        let wiped = Peering(configuration(3, incarnation: 99), founders: [])
        #expect(peering.hear(wiped.hello, from: node(3)) == .refused(.foreignIncarnation))
        #expect(!peering.accepts(node(3)))
    }

    @Test("a member that has not heard yet that the cluster began is listened to")
    func late() {
        var peering = begun(1)
        #expect(peering.hear(blank(2).hello, from: node(2)) == .accepted)
    }

    @Test("strangers, itself, other clusters, other members and other versions are refused")
    func refused() {
        var peering = begun(1)
        #expect(peering.hear(begun(2).hello, from: node(9)) == .refused(.notMember))
        #expect(peering.hear(begun(1).hello, from: node(1)) == .refused(.notMember))
        let foreign = [member(1, 5), member(2), member(3)]
        #expect(
            peering.hear(Peering(configuration(2), founders: foreign).hello, from: node(2))
                == .refused(.foreignCluster(ClusterID(founders: foreign))))
        var hello = begun(2).hello
        hello.configured = [node(1), node(2)]
        #expect(peering.hear(hello, from: node(2)) == .refused(.membersDiffer))
        hello = begun(2).hello
        hello.oldestVersion = 2
        hello.newestVersion = 3
        #expect(peering.hear(hello, from: node(2)) == .refused(.versions))
        #expect(peering.accepted == [])
    }

    @Test("the common version is the newest one that all speak, once all were heard")
    func commonVersion() {
        var configured = configuration(1)
        configured.versions = 1...4
        var peering = Peering(configured, founders: founders)
        var hello = begun(2).hello
        hello.newestVersion = 3
        _ = peering.hear(hello, from: node(2))
        #expect(peering.commonVersion == nil)
        hello = begun(3).hello
        hello.newestVersion = 9
        _ = peering.hear(hello, from: node(3))
        #expect(peering.commonVersion == 3)
    }

    @Test("a cluster's identity follows from its founders alone")
    func identity() {
        #expect(ClusterID(founders: founders) == ClusterID(founders: founders))
        #expect(
            ClusterID(founders: founders)
                != ClusterID(founders: [member(1), member(2), member(3, 99)]))
    }
}
