#!/bin/sh
# Runs the kernels' own tests on a device under compute-sanitizer: memcheck, racecheck, initcheck, synccheck.
#   sanitize_gpu.sh [KERNEL_TESTS [KERNELS_FATBIN]]   by default what the build has made
#
#   COMPUTE_SANITIZER  where the tool is, otherwise looked for on the PATH, in CUDA's folders and in those of
#                      Python packages
#   TOOLS              some of the four
#   LIMIT              seconds for each of them: 600
#   FILTER             which tests run (--gtest_filter): all of them
#
# Prints a line a tool, "TOOL: passed: how many tests", "TOOL: failed: ..." or "TOOL: skipped: why", and what was
# found on standard error. Fails if a tool found something; a tool that does not run is skipped.
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

# The tests, one a line.
all=$("$tests" --gtest_list_tests ${FILTER:+"--gtest_filter=$FILTER"} 2>"$log" |
  awk '/^[A-Za-z]/ { suite = $1 } /^  / { print suite $1 }' | grep -v '^Running')
[ -n "$all" ] || skip_all "$(basename "$tests") does not start here: $(tail -n 1 "$log")"
count=$(echo "$all" | wc -l)

# Runs one tool until all tests are done, one has failed, or its time is over. The sanitizer answers 99 for what
# it found itself.
run_tool() {
  tool=$1
  end=$(($(date +%s) + ${LIMIT:-600}))
  passed=0
  for test in $all; do
    left=$((end - $(date +%s)))
    [ "$left" -gt 1 ] || break
    timeout -k 5 "$left" "$sanitizer" --tool "$tool" --error-exitcode 99 --print-limit 20 "$tests" --gtest_brief=1 \
      --gtest_filter="$test" >"$log" 2>&1
    status=$?
    { echo "== $tool $test" && cat "$log"; } >&2
    summary=$(grep -E 'SUMMARY: [0-9]' "$log" | tail -n 1 | sed 's/^=* *//')
    case $status in
      0) [ -n "$summary" ] || { echo "$tool: skipped: it ended without a summary"; return 0; } ;;
      99) echo "$tool: failed: $test: ${summary:-see the log}" && return 1 ;;
      124 | 137) break ;;
      *)
        if grep -q '\[  FAILED  \]' "$log"; then
          echo "$tool: failed: $test fails under it" && return 1
        fi
        echo "$tool: skipped: it does not run here (answer $status): $(grep -v '^$' "$log" | tail -n 1 | cut -c 1-160)"
        return 0
        ;;
    esac
    passed=$((passed + 1))
  done
  if [ $passed -eq 0 ]; then
    echo "$tool: skipped: no test was done after ${LIMIT:-600} s"
  else
    echo "$tool: passed: $passed of $count tests, in ${LIMIT:-600} s at most"
  fi
}

failed=0
for tool in $tools; do
  run_tool "$tool" || failed=1
done
exit $failed
