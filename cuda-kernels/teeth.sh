#!/bin/sh
# Shows that the tests have teeth: takes one statement at a time out of a copy of a kernel and expects
# HistogramKernelTest to fail.
#   teeth.sh [PATTERN]   which lines: by default those with a barrier, a shuffle or an atomic
set -eu
cd "$(dirname "$0")"
pattern=${1:-'(__syncthreads|__shfl_|atomic).*;'}
kernel=src/main/cuda/histogram.cu
work=$PWD/target/teeth
JAVA_HOME=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}
export JAVA_HOME
survivors=0

tested() {
  mvn -q -o -f .. -pl cuda-kernels -am test -Dcoppice.native=off -Dcoppice.require=cuda \
    -Dtest=HistogramKernelTest -Dsurefire.failIfNoSpecifiedTests=false \
    -Dcoppice.cuda.tested="$work/build/emulator" >"$work/log" 2>&1
}

build() {
  cmake -S "$work" -B "$work/build" -DCMAKE_MODULE_PATH="$PWD/../cmake" -DCOPPICE_NVCC=NO \
    -DCMAKE_CXX_FLAGS=-Wno-unused >"$work/log" 2>&1 &&
    cmake --build "$work/build" --target cuda >>"$work/log" 2>&1
}

rm -rf "$work"
mkdir -p "$work/src/main"
cp -r src/main/cuda "$work/src/main/"
cp -r emulator CMakeLists.txt "$work/"
build && tested || { echo "the tests fail on the kernel as it is: $work/log"; exit 1; }

for line in $(grep -nE "$pattern" $kernel | cut -d: -f1); do
  sed "${line}s@[^ ].*@;@" $kernel >"$work/$kernel"
  build || { echo "does not compile without line $line: $work/log"; exit 1; }
  if tested; then
    survivors=$((survivors + 1))
    verdict='NOT NOTICED'
  else
    verdict=noticed
  fi
  echo "$verdict: $(sed -n "${line}s/^ */line $line: /p" $kernel)"
done
[ $survivors -eq 0 ]
