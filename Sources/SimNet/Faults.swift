/// What can go wrong in a simulated world; each is counted when it takes effect.
public enum Fault: UInt8, CaseIterable, Sendable {
    // Network
    case messageLost, messageDuplicated, messageReordered, messageLate
    case partition, oneWayPartition, partialPartition, linkClogged, linkReset
    case messageForged
    // Clients
    case clientReset, clientUnreachable, slowReader, clientGarbage
    // Process
    case crash, crashMidStep, crashOfAll, restart, pause, slowNode, drain
    // Disk
    case diskSlow, diskStall, writeLost, writeTorn, writeReordered, writeMisdirected
    case bitRot, syncFailed, diskFull, directoryLost, recoveryRefused
    // Clock
    case clockDrift, wallJump
    // Cluster
    case wiped, transfer
    // Wire
    case segmented
}
