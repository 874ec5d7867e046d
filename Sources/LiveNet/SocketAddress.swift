import CUV
import Glibc

/// Addresses between libuv's form and text.
enum SocketAddress {
    /// The text of the address that `fill` writes, with its port; `nil` when it fails.
    static func text(
        _ fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<Int32>) -> Int32
    ) -> String? {
        guard let (storage, _) = read(fill) else { return nil }
        let host = text(storage)
        return storage.ss_family == sa_family_t(AF_INET6)
            ? "[\(host)]:\(port(storage))" : "\(host):\(port(storage))"
    }

    static func read(
        _ fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<Int32>) -> Int32
    ) -> (sockaddr_storage, Int32)? {
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { fill($0, &length) }
        }
        return status == 0 ? (storage, length) : nil
    }

    static func port(_ storage: sockaddr_storage) -> UInt16 {
        withUnsafePointer(to: storage) { pointer in
            // The port stands at the same place in both families.
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                UInt16(bigEndian: $0.pointee.sin_port)
            }
        }
    }

    private static func text(_ storage: sockaddr_storage) -> String {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { name in
                    uv_ip_name(address, name.baseAddress!, 64) == 0
                        ? String(cString: name.baseAddress!) : "?"
                }
            }
        }
    }

    /// A numeric IPv4 address with a port that the system chooses; `nil` for what is none.
    static func numeric(_ text: String) -> sockaddr_storage? {
        var storage = sockaddr_storage()
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { uv_ip4_addr(text, 0, $0) }
        }
        return status == 0 ? storage : nil
    }

    /// The addresses of a host name or a numeric address, in the resolver's order; waits for the
    /// resolver, so it is for start-up.
    static func resolve(_ host: String, port: UInt16, loop: Loop) -> Result<
        [sockaddr_storage], ResolveError
    > {
        var request = uv_getaddrinfo_t()
        var hints = Self.hints
        let status = uv_getaddrinfo(loop.raw, &request, nil, host, String(port), &hints)
        guard status == 0 else { return .failure(ResolveError(code: status)) }
        defer { uv_freeaddrinfo(request.addrinfo) }
        return .success(list(request.addrinfo))
    }

    /// What is asked of the resolver: TCP, and no address family that this machine does not have.
    static var hints: addrinfo {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        return hints
    }

    /// A copy of the resolver's list, without duplicates.
    static func list(_ first: UnsafeMutablePointer<addrinfo>?) -> [sockaddr_storage] {
        var addresses: [sockaddr_storage] = []
        var next = first
        while let info = next {
            next = info.pointee.ai_next
            guard let address = info.pointee.ai_addr else { continue }
            var storage = sockaddr_storage()
            let length = min(Int(info.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            memcpy(&storage, address, length)
            addresses.append(storage)
        }
        return addresses
    }
}

/// A name that the resolver does not know; a libuv code.
struct ResolveError: Error {
    let code: Int32
}
