// swift-tools-version: 6.2
import PackageDescription

// The pure targets are built optimised in debug as well, so that plain `swift test` can drive
// thousands of fault schedules; preconditions stay on in every build (docs/decisions/0001).
let pure: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .unsafeFlags(["-O", "-wmo", "-num-threads", "2"], .when(configuration: .debug)),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]
let plain: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let package = Package(
    name: "parley",
    products: [
        .library(name: "Protocols", targets: ["Protocols"]),
        .library(name: "SimNet", targets: ["SimNet"]),
        .executable(name: "parley", targets: ["parley"]),
        .executable(name: "parley-node", targets: ["parley-node"]),
        .executable(name: "parley-sim", targets: ["parley-sim"]),
        .executable(name: "parley-bench", targets: ["parley-bench"]),
    ],
    targets: [
        // Pure: values in, values out, the standard library alone.
        .target(name: "Protocols", swiftSettings: pure),
        .target(name: "SimNet", dependencies: ["Protocols"], swiftSettings: pure),

        // The real world: C libraries, codecs backed by them, and the libuv driver.
        .systemLibrary(
            name: "CUV", path: "Sources/LiveNet/CUV", pkgConfig: "libuv",
            providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/LiveNet/COpenSSL", pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CExpat", path: "Sources/LiveNet/CExpat", pkgConfig: "expat",
            providers: [.apt(["libexpat1-dev"])]),
        .target(
            name: "CJSON", path: "Sources/LiveNet/CJSON",
            linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(
            name: "CZlib", path: "Sources/LiveNet/CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "EdgeCodecs",
            dependencies: ["Protocols", "CJSON", "COpenSSL", "CZlib", "CExpat"],
            path: "Sources/LiveNet/Codecs", swiftSettings: plain),
        .target(
            name: "CNcurses", path: "Sources/LiveNet/CNcurses",
            linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]),
        .target(
            name: "LiveNet", dependencies: ["Protocols", "EdgeCodecs", "CUV"],
            path: "Sources/LiveNet",
            exclude: ["CUV", "COpenSSL", "CZlib", "CExpat", "CJSON", "CNcurses", "Codecs"],
            swiftSettings: plain),

        // Hands the chat codec to the simulated world, which imports no library of its own.
        .target(
            name: "SimCodecs", dependencies: ["Protocols", "SimNet", "EdgeCodecs"],
            swiftSettings: plain),

        // What `parley chat` decides and shows; the program itself reads keys and puts cells.
        .target(
            name: "TerminalClient", dependencies: ["Protocols", "EdgeCodecs"],
            swiftSettings: plain),

        .executableTarget(
            name: "parley",
            dependencies: ["Protocols", "LiveNet", "EdgeCodecs", "TerminalClient", "CNcurses"],
            path: "Sources/bins/parley", swiftSettings: plain),
        .executableTarget(
            name: "parley-node", dependencies: ["Protocols", "LiveNet", "EdgeCodecs"],
            path: "Sources/bins/parley-node", swiftSettings: plain),
        .executableTarget(
            name: "parley-sim", dependencies: ["Protocols", "SimNet", "SimCodecs"],
            path: "Sources/bins/parley-sim", swiftSettings: plain,
            // The runtime's retain and release are called directly: 4% faster.
            linkerSettings: [
                .unsafeFlags(["-static-stdlib"], .when(configuration: .release))
            ]),
        .executableTarget(
            name: "parley-bench", dependencies: ["Protocols", "SimNet", "LiveNet", "EdgeCodecs"],
            path: "Sources/bins/parley-bench", swiftSettings: plain),

        .testTarget(
            name: "SimulationTests",
            dependencies: ["Protocols", "SimNet", "SimCodecs", "EdgeCodecs"],
            path: "Tests/Simulation", exclude: ["Scenarios", "Steps"], swiftSettings: plain),
        .testTarget(
            name: "TerminalTests", dependencies: ["Protocols", "TerminalClient"],
            path: "Tests/Terminal", swiftSettings: plain),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["Protocols", "SimNet", "LiveNet", "EdgeCodecs", "parley-bench"],
            path: "Tests/Integration", exclude: ["peers"], swiftSettings: plain),
    ],
    cxxLanguageStandard: .cxx17
)
