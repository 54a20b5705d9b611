#!/bin/sh
# Runs the benchmarks and writes benchmarks/results/<date>-<machine>.json and .md.
#
#   benchmarks/run.sh [prune] [kernels] [server] [command] [linear]     all of them if none is named
#
#   PYTHON   a Python with torch and safetensors, to be measured against; otherwise python3, if it has them
#   SMALL=1  tiny sizes, to see that everything works
#   ISA      the instruction set of the native kernels: baseline, avx2, avx512
#   OUT      another folder for the results
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
mvn -q -pl benchmarks -am -DskipTests -Dspotless.check.skip package
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, safetensors' 2>/dev/null; then
  echo "run.sh: no Python with torch and safetensors: torch is left out" >&2
  python=
fi
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Djava.io.tmpdir="${TMPDIR:-/tmp}" -Dcoppice.bench.home="$root" -Dcoppice.bench.commit="$commit" \
  -Dcoppice.bench.out="${OUT:-benchmarks/results}" ${SMALL:+-Dcoppice.bench.small=true} \
  ${python:+"-Dcoppice.bench.python=$python"} \
  ${ISA:+"-Dcoppice.native.isa=$ISA"} \
  -cp "benchmarks/target/benchmarks.jar:benchmarks/target/peers/*" dev.coppice.benchmarks.Suite "$@"
