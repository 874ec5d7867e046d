# shellcheck shell=bash
# What the scripts share. Source it first; it changes to the package's directory.
# Some names are for the scripts that source it.
# shellcheck disable=SC2034

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
state=$root/.parley
nodes=(1 2 3)

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    warn "$(basename "$0"): $*"
    exit 1
}

# --- Packages and programs -------------------------------------------------------------------

# What Parley needs of Debian, besides the Swift toolchain.
packages=(
    libuv1-dev libssl-dev libsimdjson-dev zlib1g-dev libexpat1-dev libncurses-dev pkg-config
    libstdc++-12-dev curl openssl
)

has_package() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Any version of the C++ library will do, and it is installed with the toolchain's compiler.
satisfied() {
    case $1 in
        libstdc++-12-dev) compgen -G '/usr/lib/gcc/*/*/libstdc++.so' >/dev/null ;;
        pkg-config | curl | openssl | python3) command -v "$1" >/dev/null ;;
        *) has_package "$1" ;;
    esac
}

# Installs what is missing of the packages above and of those that a script needs besides.
install_missing() {
    command -v swift >/dev/null ||
        die "swift is not on the PATH: install Swift 6.2 or later from https://www.swift.org/install"
    command -v dpkg-query >/dev/null || {
        warn "this is no Debian: make sure that these are there: ${packages[*]} $*"
        return
    }
    local missing=() package
    for package in "${packages[@]}" "$@"; do
        satisfied "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die "these packages are missing: ${missing[*]}; install them as root"
        as_root=(sudo)
    fi
    say "Installing with apt-get: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq </dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
}

build_release() {
    local product
    for product in "$@"; do
        say "Building $product (optimised)"
        swift build -c release --product "$product" </dev/null
    done
}

# Where optimised programs are; a link of the build system's own.
release=$root/.build/release

# --- Nodes -----------------------------------------------------------------------------------

node_dir() { printf '%s/node%s' "$state" "$1"; }
# PORT_OFFSET=100 moves all ports, for a second cluster on one machine.
port_offset=${PORT_OFFSET:-0}
http_port() { printf '%s' $((8000 + port_offset + $1)); }
websocket_port() { printf '%s' $((8080 + port_offset + $1)); }
xmlrpc_port() { printf '%s' $((9090 + port_offset + $1)); }
peer_port() { printf '%s' $((7000 + port_offset + $1)); }

# The process of a node if it runs, else nothing. A process id that was left behind and belongs to
# another program by now does not count: the program and its data directory must be this node's.
node_pid() {
    local dir pid program
    dir=$(node_dir "$1")
    [[ -r $dir/pid ]] || return 0
    read -r pid <"$dir/pid" || true
    [[ $pid =~ ^[0-9]+$ ]] || return 0
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 0
    [[ ${program% (deleted)} == "$root"/.build/*/parley-node ]] || return 0
    grep -zqxF "DATA_DIR=$dir/data" "/proc/$pid/environ" 2>/dev/null || return 0
    # A process that ended and was not waited for has no program any more, so it is not here.
    printf '%s' "$pid"
}

# True when the node's program was built anew since it was started.
is_outdated() { [[ $(readlink "/proc/$1/exe" 2>/dev/null) == *' (deleted)' ]]; }

# The body of an HTTP answer with status 200, else an error.
http_get() { curl --silent --fail --max-time 2 "http://127.0.0.1:$(http_port "$1")$2"; }

# One field of a flat JSON object on the standard input.
json_field() {
    grep -oE "\"$1\":(\"[^\"]*\"|[^,}]*)" | head -n 1 | sed -E 's/^"[^"]*"://; s/^"(.*)"$/\1/' ||
        true
}
