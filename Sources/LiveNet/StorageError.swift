import Glibc
import Protocols

/// A step on a file that failed. The node stops: after a failed write or sync nobody knows what the
/// disk holds (Rebello et al., "Can applications recover from fsync failures?", ATC 2020).
public struct StorageFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was tried, such as `sync log-0000000000000001`.
    public let step: String
    /// The data directory.
    public let directory: String
    /// The kernel's error number.
    public let code: Int32

    /// One line that says what failed, why, and what the operator can do.
    public var description: String {
        let what = "\(step) in \(directory) fails: \(reason(code))"
        return switch code {
        case ENOSPC: "disk full: \(what); free space there and start the node again"
        case EDQUOT: "disk quota used up: \(what); raise it and start the node again"
        case EROFS: "read-only file system: \(what)"
        case EIO: "disk error: \(what); check the disk before the node is started again"
        case EACCES, EPERM: "permission denied: \(what); make the directory this user's own"
        default: "storage error: \(what)"
        }
    }
}

/// Why a data directory cannot be opened; nothing in it was changed, save for `failed`.
public enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It does not exist and cannot be made.
    case cannotCreate(path: String, code: Int32)
    /// It cannot be read or is no directory.
    case unreadable(path: String, code: Int32)
    /// Another process uses it; its id where that is known.
    case inUse(path: String, process: Int32?)
    /// What it holds cannot be used.
    case refused(path: String, RecoveryError)
    /// A step of the start failed.
    case failed(StorageFailure)

    /// One line that names the directory, what is wrong and what to do.
    public var description: String {
        switch self {
        case .cannotCreate(let path, let code):
            "the data directory \(path) cannot be made: \(reason(code))"
        case .unreadable(let path, let code):
            "the data directory \(path) cannot be read: \(reason(code))"
        case .inUse(let path, let process):
            "the data directory \(path) is in use by "
                + (process.map { "process \($0)" } ?? "another process")
                + "; each node needs a directory of its own"
        case .refused(let path, let error):
            "the data directory \(path) cannot be used: \(error)"
        case .failed(let failure):
            failure.description
        }
    }
}
