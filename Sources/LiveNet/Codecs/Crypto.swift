import COpenSSL
import Glibc

/// The algorithms, looked up in libcrypto once; a look-up costs more than sealing a small frame.
enum Algorithms {
    /// AES with a 256-bit key in Galois/counter mode (NIST SP 800-38D).
    nonisolated(unsafe) static let aes256gcm: OpaquePointer = found(
        EVP_CIPHER_fetch(nil, "AES-256-GCM", nil), "AES-256-GCM")
    /// SHA-256 (FIPS 180-4).
    nonisolated(unsafe) static let sha256: OpaquePointer = found(
        EVP_MD_fetch(nil, "SHA2-256", nil), "SHA2-256")
    /// HKDF (RFC 5869).
    nonisolated(unsafe) static let hkdf: OpaquePointer = found(
        EVP_KDF_fetch(nil, "HKDF", nil), "HKDF")

    private static func found(_ algorithm: OpaquePointer?, _ name: String) -> OpaquePointer {
        guard let algorithm else { preconditionFailure("libcrypto has no \(name)") }
        return algorithm
    }
}

/// The SHA-256 of all parts, one after the other: 32 bytes.
public func sha256(_ parts: [UInt8]...) -> [UInt8] {
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var ok = EVP_DigestInit_ex2(context, Algorithms.sha256, nil) == 1
    for part in parts {
        ok = ok && EVP_DigestUpdate(context, part, part.count) == 1
    }
    let digest = [UInt8](unsafeUninitializedCapacity: 32) { bytes, count in
        ok = ok && EVP_DigestFinal_ex(context, bytes.baseAddress, nil) == 1
        count = 32
    }
    precondition(ok, "libcrypto cannot compute SHA-256")
    return digest
}

/// `length` bytes of key material by HKDF-SHA256 (RFC 5869), extract and expand.
func hkdfSHA256(key: [UInt8], salt: [UInt8], info: [UInt8], length: Int) -> [UInt8] {
    var derived = [UInt8](repeating: 0, count: length)
    let status = parley_hkdf_sha256(
        Algorithms.hkdf, key, key.count, salt, salt.count, info, info.count, &derived, length)
    precondition(status == 1, "libcrypto cannot derive keys by HKDF")
    return derived
}

/// `count` bytes from the kernel's generator (getrandom); waits only early in the machine's boot.
public func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
        while filled < count {
            let got = getrandom(bytes.baseAddress! + filled, count - filled, 0)
            if got < 0 {
                precondition(errno == EINTR, "getrandom fails with error \(errno)")
                continue
            }
            filled += got
        }
    }
}

/// A random 64-bit number from the kernel's generator: seeds and incarnations.
public func randomNumber() -> UInt64 {
    randomBytes(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
}

/// The lower-case hexadecimal digits of bytes.
public func hexText(_ bytes: [UInt8]) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { text in
        for (position, byte) in bytes.enumerated() {
            text[2 * position] = hexDigit(byte >> 4)
            text[2 * position + 1] = hexDigit(byte & 15)
        }
        return bytes.count * 2
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
