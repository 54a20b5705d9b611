#!/bin/sh
# Builds the kernels and the emulated driver into target/cuda, and tests the latter; Maven calls it.
#   build.sh auto|required|off JAVA_HOME RESOURCES [PRESET [SKIP_TESTS]]
# auto: skip in one line what cannot be built here; required: fail instead; off: build nothing.
set -eu
mode=$1
JAVA_HOME=$2
resources=$3
preset=${4:-cuda}
skip_tests=${5:-false}
export JAVA_HOME
cd "$(dirname "$0")"

skip() {
  echo "coppice-cuda: $1: no CUDA kernels and no emulated driver are built" >&2
  [ "$mode" != required ] || exit 1
  exit 0
}

[ "$mode" != off ] || exit 0
[ "$(uname -s)" = Linux ] || skip "$(uname -s) is not Linux"
command -v cmake >/dev/null || skip "cmake was not found"
command -v "${CXX:-g++}" >/dev/null || skip "${CXX:-g++} was not found"

log=target/cuda-build.log
mkdir -p target
if ! { cmake --preset "$preset" && cmake --build --preset "$preset" --parallel &&
  { [ "$skip_tests" = true ] || ctest --test-dir target/cuda --output-on-failure; }; } >$log 2>&1; then
  cat $log >&2
  exit 1
fi
mkdir -p "$resources"
cp target/cuda/libcoppice_cusparselt.so "$resources/"
if [ -f target/cuda/kernels.fatbin ]; then
  cp target/cuda/kernels.fatbin "$resources/"
else
  echo "coppice-cuda: nvcc was not found: the kernels are built for the emulated driver alone" >&2
fi
