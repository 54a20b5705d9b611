#!/bin/sh
# Runs the tests of this module's libraries under the address and undefined behaviour sanitizers: the kernels' in a JVM
# that checks the use of JNI, and those of the operator in ONNX Runtime. Arguments go to Maven.
set -eu
cd "$(dirname "$0")/.."
# C++'s library too: where it comes after the sanitizer's, that does not find what throws exceptions.
libraries=
for name in libasan.so libstdc++.so; do
  libraries="$libraries $("${CXX:-g++}" -print-file-name=$name)"
done
mvn -pl native,evaluation -am -Psanitize -Dcoppice.native=required -Dcoppice.require=native \
  -Dcoppice.preload="${libraries# }" -Dtest='Native*Test*,SparseLinearOperatorTest' \
  -Dsurefire.failIfNoSpecifiedTests=false "$@" test
# Reports of the JVM's checks do not fail a test.
if grep -l "WARNING in native method\|FATAL ERROR in native method" native/target/surefire-reports/*; then
  echo "the JVM has found a wrong use of JNI: see the files above" >&2
  exit 1
fi
