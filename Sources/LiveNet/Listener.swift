import CUV
import Glibc
import Protocols

/// Why nothing listens at an address.
public struct ListenError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Equatable, Sendable {
        /// Another process listens there.
        case portInUse
        /// This user may not use the port (below 1024).
        case forbidden
        /// No interface of this machine has the address.
        case noSuchAddress
        /// The resolver does not know the name; a libuv code.
        case unknownHost(Int32)
        /// Something else; a libuv code.
        case other(Int32)
    }

    /// The host as given.
    public let host: String
    /// The port as given.
    public let port: UInt16
    /// What is wrong.
    public let reason: Reason

    /// One line that names the address, what is wrong and what to do.
    public var description: String {
        switch reason {
        case .portInUse:
            "port \(port) on \(host) is in use by another process; stop it "
                + "(`ss -ltnp 'sport = :\(port)'` shows which) or choose another port"
        case .forbidden:
            "this user may not listen on port \(port) of \(host); choose a port from 1024 on"
        case .noSuchAddress:
            "no interface of this machine has the address \(host); use 0.0.0.0 for all of them"
        case .unknownHost(let code):
            "the address \(host) to listen on is unknown: \(uvReason(code))"
        case .other(let code):
            "cannot listen on \(host):\(port): \(uvReason(code))"
        }
    }
}

/// Accepts TCP connections at one address.
public final class Listener: Handle {
    private let tcp: UnsafeMutablePointer<uv_tcp_t>
    private var onAccept: ((Stream) -> Void)?

    /// The port that is listened on; the kernel's choice when 0 was asked for.
    public private(set) var port: UInt16 = 0

    private init(loop: Loop, onAccept: @escaping (Stream) -> Void) {
        tcp = .allocate(capacity: 1)
        self.onAccept = onAccept
        super.init(loop: loop)
        must(uv_tcp_init(loop.raw, tcp), "uv_tcp_init")
        adopt(tcp)
    }

    /// Listens at `host` (numeric, or a name that is resolved now) and hands out each connection;
    /// `onAccept` must call `start` on the stream or close it.
    public static func listen(
        loop: Loop, host: String, port: UInt16, backlog: Int32 = 1024,
        onAccept: @escaping (Stream) -> Void
    ) throws(ListenError) -> Listener {
        let addresses: [sockaddr_storage]
        switch SocketAddress.resolve(host, port: port, loop: loop) {
        case .success(let list): addresses = list
        case .failure(let error):
            throw ListenError(host: host, port: port, reason: .unknownHost(error.code))
        }
        guard let address = addresses.first else {
            throw ListenError(host: host, port: port, reason: .unknownHost(UV_EAI_NONAME.rawValue))
        }
        let listener = Listener(loop: loop, onAccept: onAccept)
        let status = listener.bind(address, backlog: backlog)
        if status != 0 {
            listener.close()
            throw ListenError(host: host, port: port, reason: Self.reason(status))
        }
        return listener
    }

    /// Stops listening; connections that were accepted stay.
    public override func close() {
        onAccept = nil
        super.close()
    }

    private func bind(_ address: sockaddr_storage, backlog: Int32) -> Int32 {
        let status = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { uv_tcp_bind(tcp, $0, 0) }
        }
        guard status == 0 else { return status }
        // libuv tells of a port in use here, not in uv_tcp_bind.
        let listening = uv_listen(rawStream, backlog) { raw, status in
            // Of too many open files nothing is heard here: libuv keeps one back, with which it
            // accepts and closes what waits, so that the loop does not spin.
            guard status == 0 else { return }
            let owner = Unmanaged<Handle>.fromOpaque(raw!.pointee.data).takeUnretainedValue()
            unsafeDowncast(owner, to: Listener.self).accept()
        }
        guard listening == 0 else { return listening }
        if let (bound, _) = SocketAddress.read({ uv_tcp_getsockname(tcp, $0, $1) }) {
            port = SocketAddress.port(bound)
        }
        return 0
    }

    private func accept() {
        let stream = Stream(loop: loop)
        let raw = UnsafeMutableRawPointer(stream.rawTCP)
        guard uv_accept(rawStream, raw.assumingMemoryBound(to: uv_stream_t.self)) == 0,
            let onAccept
        else {
            stream.close()
            return
        }
        stream.configure()
        onAccept(stream)
    }

    private var rawStream: UnsafeMutablePointer<uv_stream_t> {
        UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_stream_t.self)
    }

    private static func reason(_ status: Int32) -> ListenError.Reason {
        switch status {
        case UV_EADDRINUSE.rawValue: .portInUse
        case UV_EACCES.rawValue: .forbidden
        case UV_EADDRNOTAVAIL.rawValue: .noSuchAddress
        default: .other(status)
        }
    }
}
