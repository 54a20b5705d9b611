#!/bin/sh
# Shows that the kernels' tests have teeth: takes every barrier, shuffle, vote, wait for copies and atomic out in turn and expects
# kernel_tests to fail each time. A copy of the sources is compiled once, in which each of them is a mutant that
# the environment can switch on; so a run is one build and a run of the tests a mutant: see teeth.h for what is
# left of a call that is out.
#   teeth.sh [FILE...]   only those of these files of src/main/cuda, such as rows.cu
# FILTER: which tests run (--gtest_filter): all of them.
# Prints what was not noticed, with its line, and fails if there is any that `excused` does not explain.
# Needs cmake, g++ and GoogleTest. A full run takes some ten minutes on two idle cores.
set -eu
cd "$(dirname "$0")"
JAVA_HOME=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}
export JAVA_HOME
work=$PWD/target/teeth
sites=$work/sites
seeds='1 2 3'

# What no test notices, and why it is there: FILE: TEXT OF THE LINE => REASON.
excused() {
  cat <<'END'
apply.cu: if (__any_sync(ALL, !in_place || differ(pruned, held.vector[i]))) { => whole warps write whole lines; a lane alone would write the same
bitmap_linear.cu: __syncwarp(); => the shuffles beside it hold lanes together here; on a device they order no memory
fragments.cu: __syncwarp(); => ldmatrix holds lanes together here; on a device it does not order what they wrote
refine.cu: const unsigned same = __match_any_sync(ALL, bin); => one addition for all lanes of a bin; each could add its own
select_rows.cuh: const unsigned peers = __match_any_sync(ALL_LANES, tag); => one addition for all lanes of a bin; each could add its own
select_rows.cuh: const unsigned long long first = __shfl_sync(ALL_LANES, position, 0); => a mask's word at once where lanes stand side by side; bit by bit gives the same
threshold.cu: const bool needed = __syncthreads_and(slices::needed(*p.state, p.when) ? 1 : 0) != 0; => another block may write the state between the reads of two threads, which then must not disagree: too rare to be met
END
}

# Replaces the calls by mutants, numbered in the order of the files, and lists them: number, file, line, text.
mutate() {
  awk -v sites="$sites" '
    FNR == 1 { file = FILENAME; sub(/.*\//, "", file); out = FILENAME ".mutated" }
    {
      code = $0
      comment = ""
      at = index(code, "//")
      if (at > 0) { comment = substr(code, at); code = substr(code, 1, at - 1) }
      text = $0
      gsub(/^ +/, "", text)
      done = ""
      while (match(code, /(__syncthreads(_or|_and|_count)?|__syncwarp|__shfl(_up|_down|_xor)?_sync|__(ballot|any|all|match_any)_sync|__reduce_[a-z]+_sync|atomic[A-Z][A-Za-z]+|[A-Za-z]+::sync(_any)?|copies::wait<[A-Z0-9 -]+>)\(/)) {
        name = substr(code, RSTART, RLENGTH - 1)
        macro = name ~ /::/ ? "COPPICE_MUTANT_OF_OURS" : "COPPICE_MUTANT"
        number++
        printf "%d\t%s\t%d\t%s\n", number, file, FNR, text >sites
        done = done substr(code, 1, RSTART - 1) macro "(" number ", " name ", "
        code = substr(code, RSTART + RLENGTH)
      }
      print done code comment >out
    }' "$@"
  for source in "$@"; do
    mv "$source.mutated" "$source"
  done
}

build() {
  cmake -S "$work" -B "$work/build" -DCMAKE_BUILD_TYPE=None -DCMAKE_MODULE_PATH="$PWD/../cmake" -DCOPPICE_NVCC=NO \
    -DCMAKE_CXX_FLAGS="-Wno-error -w -include $PWD/teeth.h" >"$work/log" 2>&1 &&
    cmake --build "$work/build" --parallel 2 --target cuda kernel_tests >>"$work/log" 2>&1
}

# Runs the tests with one mutant and one seed; fails if they do.
tested() {
  COPPICE_MUTANT=$1 COPPICE_EMULATOR_SEED=$2 COPPICE_EMULATOR_PATIENCE=2000 LD_LIBRARY_PATH=$work/build/emulator \
    COPPICE_KERNELS=$work/build/emulator/kernels.image timeout 60 \
    "$work/build/src/test/cpp/kernel_tests" --gtest_fail_fast --gtest_brief=1 ${FILTER:+"--gtest_filter=$FILTER"} >"$work/run.$1" 2>&1
}

noticed() {
  for seed in $seeds; do
    tested "$1" "$seed" || return 0
  done
  return 1
}

# Gives the reason why that line is excused, if it is.
reason() {
  excused | while IFS= read -r line; do
    case $line in
      "$1 => "*) echo "${line#"$1 => "}" ;;
    esac
  done
}

rm -rf "$work"
mkdir -p "$work/src/main"
cp -r src/main/cpp src/main/cuda "$work/src/main/"
mkdir -p "$work/src/test"
cp -r src/test/cpp "$work/src/test/"
cp -r emulator CMakeLists.txt "$work/"
mutate "$work"/src/main/cuda/*.cu*
build || { tail -n 20 "$work/log" && echo "does not compile: $work/log" && exit 1; }
tested 0 1 || { tail -n 20 "$work/run.0" && echo "the tests fail on the kernels as they are: $work/run.0" && exit 1; }

survivors=0
excuses=0
count=0
tab=$(printf '\t')
while IFS=$tab read -r number file line text; do
  case " $* " in
    '  ' | *" $file "*) ;;
    *) continue ;;
  esac
  count=$((count + 1))
  if noticed "$number"; then
    continue
  fi
  why=$(reason "$file: $text")
  if [ -n "$why" ]; then
    excuses=$((excuses + 1))
    continue
  fi
  survivors=$((survivors + 1))
  echo "NOT NOTICED: $file:$line: $text"
done <"$sites"
echo "teeth: $count taken out, $survivors not noticed, $excuses excused"
[ $survivors -eq 0 ]
