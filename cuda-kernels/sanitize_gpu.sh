#!/bin/sh
# Runs the kernels' own tests on a device under compute-sanitizer: memcheck, racecheck, initcheck, synccheck.
#   sanitize_gpu.sh [KERNEL_TESTS [KERNELS_FATBIN]]   by default what the build has made
#
#   COMPUTE_SANITIZER  where the tool is, otherwise looked for on the PATH, in CUDA's folders and in those of
#                      Python packages
#   TOOLS              some of the four
#   LIMIT              seconds for each of them: 600
#   FILTER             which tests run (--gtest_filter): all of them. Racecheck is some hundred times slower
#                      than the kernels alone
#
# Prints a line a tool, "TOOL: passed", "TOOL: failed: ..." or "TOOL: skipped: why", and what was found on
# standard error. Fails if a tool found something; a tool that does not run is skipped.
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
tests=${1:-$here/target/cuda/src/test/cpp/kernel_tests}
COPPICE_KERNELS=${2:-$here/target/cuda/kernels.fatbin}
export COPPICE_KERNELS
tools=${TOOLS:-memcheck racecheck initcheck synccheck}

find_sanitizer() {
  if [ -n "${COMPUTE_SANITIZER:-}" ]; then
    echo "$COMPUTE_SANITIZER"
    return
  fi
  for found in "$(command -v compute-sanitizer)" "${CUDA_HOME:-/none}/bin/compute-sanitizer" \
    /usr/local/cuda*/bin/compute-sanitizer /usr/local/cuda*/compute-sanitizer/compute-sanitizer \
    /opt/cuda*/bin/compute-sanitizer /opt/nvidia/*/bin/compute-sanitizer; do
    if [ -n "$found" ] && [ -x "$found" ]; then
      echo "$found"
      return
    fi
  done
  python3 -c 'import sys; print("\n".join(sys.path))' 2>/dev/null | while read -r folder; do
    find "$folder/nvidia" -name compute-sanitizer -type f -perm -1 2>/dev/null
  done | head -n 1
}

skip_all() {
  for tool in $tools; do
    echo "$tool: skipped: $1"
  done
  exit 0
}

[ -x "$tests" ] || skip_all "there is no $(basename "$tests"): GoogleTest was not there when it was built"
[ -f "$COPPICE_KERNELS" ] || skip_all "there is no kernels.fatbin: nvcc was not there when it was built"
sanitizer=$(find_sanitizer)
[ -n "$sanitizer" ] || skip_all "compute-sanitizer was not found"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

failed=0
for tool in $tools; do
  # Nothing is printed by the tests but what fails, and the sanitizer's own summary is what counts: it answers
  # 99 for what it found, and anything else is either the tests' or an answer of its own.
  timeout -k 5 "${LIMIT:-600}" "$sanitizer" --tool "$tool" --error-exitcode 99 --print-limit 20 \
    "$tests" --gtest_brief=1 ${FILTER:+"--gtest_filter=$FILTER"} >"$log" 2>&1
  status=$?
  cat "$log" >&2
  summary=$(grep -E 'ERROR SUMMARY|RACECHECK SUMMARY' "$log" | tail -n 1 | sed 's/^=* *//')
  case $status in
    0)
      if [ -n "$summary" ]; then
        echo "$tool: passed: $summary"
      else
        echo "$tool: skipped: it ended without a summary"
      fi
      ;;
    99) echo "$tool: failed: ${summary:-see the log}" && failed=1 ;;
    124 | 137) echo "$tool: skipped: not done after ${LIMIT:-600} s" ;;
    *)
      if grep -q '\[  FAILED  \]' "$log"; then
        echo "$tool: failed: the tests failed under it" && failed=1
      else
        echo "$tool: skipped: it does not run here (answer $status): $(grep -v '^$' "$log" | tail -n 1 | cut -c 1-160)"
      fi
      ;;
  esac
done
exit $failed
