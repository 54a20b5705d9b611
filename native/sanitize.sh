#!/bin/sh
# Runs this module's tests with the library under the address and undefined behaviour sanitizers,
# in a JVM that checks the use of JNI. Arguments go to Maven.
set -eu
cd "$(dirname "$0")/.."
library=$("${CXX:-g++}" -print-file-name=libasan.so)
mvn -pl native -am -Psanitize -Dcoppice.native=required -Dcoppice.require=native \
  -Dcoppice.preload="$library" -Dtest='Native*Test*' -Dsurefire.failIfNoSpecifiedTests=false \
  "$@" test
# Reports of the JVM's checks do not fail a test.
if grep -l "WARNING in native method\|FATAL ERROR in native method" native/target/surefire-reports/*; then
  echo "the JVM has found a wrong use of JNI: see the files above" >&2
  exit 1
fi
