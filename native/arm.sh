#!/bin/sh
# Builds the kernels for Arm (NEON) and runs them under QEMU: they must give what this processor's kernels give.
# Debian: apt install g++-aarch64-linux-gnu qemu-user-static
set -eu
cd "$(dirname "$0")"
for tool in aarch64-linux-gnu-g++ qemu-aarch64-static cmake g++; do
  command -v $tool >/dev/null || { echo "native/arm.sh: skipped, $tool was not found"; exit 0; }
done
work=target/arm
mkdir -p $work
build() { # folder, compiler, more options for cmake
  folder=$1 compiler=$2
  shift 2
  { cmake -S . -B "$folder" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" "$@" &&
    cmake --build "$folder" --target coppice --parallel 2; } >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
  "$compiler" -O1 -std=c++20 -Wall -Wextra -Werror -Isrc/main/cpp src/digest/cpp/digest.cpp -o "$folder/digest" \
    -L"$folder" -lcoppice -Wl,-rpath,"$PWD/$folder"
}
build $work/here g++
build $work/there aarch64-linux-gnu-g++ -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
here=$($work/here/digest)
there=$(qemu-aarch64-static -L /usr/aarch64-linux-gnu $work/there/digest)
echo "here: $here; Arm: $there"
[ "$here" = "$there" ]
