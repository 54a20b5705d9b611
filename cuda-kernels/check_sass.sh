#!/bin/sh
# Holds without a GPU what the kernels' design states, for sm_90: no spills and no local memory (but for the
# description of a tile that four kernels hand to the functions which move it), as many blocks a
# multiprocessor as __launch_bounds__ asks for and docs/kernels.md states, in every kernel that streams 128-bit
# loads, and in the 2:4 products HMMA.SP.
#   check_sass.sh          compares with the table of docs/kernels.md and fails where the kernels got worse
#   check_sass.sh FOLDER   does so for what was built there, instead of compiling anew; the build calls it
#   check_sass.sh --write  writes the table anew
# Needs nvcc; where there is none, says so and passes. The loads are checked where cuobjdump is found: beside
# nvcc, on the PATH, as COPPICE_CUOBJDUMP, or in Python's package triton.
set -eu
cd "$(dirname "$0")"
page=../docs/kernels.md
work=target/sass

# What is launched by the design: NAME, DYNAMIC SHARED MEMORY, DOES IT STREAM. A word in capitals is a constant
# of the headers.
design() {
  cat <<'END'
coppice_histogram_magnitude 131200 yes
coppice_histogram_philox 131200 yes
coppice_histogram_scores 131200 yes
coppice_threshold THRESHOLD_SHARED no
coppice_apply_magnitude APPLY_SHARED yes
coppice_apply_philox APPLY_SHARED yes
coppice_apply_scores APPLY_SHARED yes
coppice_refine_count 0 no
coppice_refine_apply REFINE_SHARED no
coppice_n_of_m_2_4 64 yes
coppice_n_of_m 18496 yes
coppice_rows_warp 26048 yes
coppice_rows_block 232448 yes
coppice_rows_global 2416 no
coppice_slice_sums SUMS_SHARED no
coppice_mask_apply 64 yes
coppice_zeros 64 yes
coppice_mask_count 64 yes
coppice_mask_combine 64 yes
coppice_broadcast 0 yes
coppice_two_four_linear_bf16_8 TWO_FOUR_SHARED yes
coppice_two_four_linear_bf16_16 8192 yes
coppice_two_four_linear_f16_8 TWO_FOUR_SHARED yes
coppice_two_four_linear_f16_16 8192 yes
coppice_two_four_matmul_bf16_wide MATMUL_WIDE_SHARED yes
coppice_two_four_matmul_bf16_narrow MATMUL_NARROW_SHARED yes
coppice_two_four_matmul_f16_wide MATMUL_WIDE_SHARED yes
coppice_two_four_matmul_f16_narrow MATMUL_NARROW_SHARED yes
coppice_bitmap_linear_bf16_1 BITMAP_SHARED yes
coppice_bitmap_linear_bf16_4 BITMAP_SHARED yes
coppice_bitmap_linear_f16_1 BITMAP_SHARED yes
coppice_bitmap_linear_f16_4 BITMAP_SHARED yes
coppice_bitmap_linear_f32_1 BITMAP_LONG_SHARED yes
coppice_bitmap_linear_f32_4 BITMAP_LONG_SHARED yes
coppice_linear_inputs_16 0 no
coppice_linear_inputs_32 0 no
coppice_fragments_multiply 2048 no
coppice_fragments_load 2048 no
END
}

find_tool() {
  name=$1
  shift
  for found in "$(command -v "$name")" "$@"; do
    if [ -n "$found" ] && [ -x "$found" ]; then
      echo "$found"
      return
    fi
  done
}

nvcc=$(find_tool nvcc "${CUDA_HOME:-/none}/bin/nvcc" "${CUDA_PATH:-/none}/bin/nvcc" /usr/local/cuda/bin/nvcc)
[ -n "$nvcc" ] || { echo "check_sass: skipped: nvcc was not found"; exit 0; }
cuobjdump=${COPPICE_CUOBJDUMP:-$(find_tool cuobjdump "$(dirname "$nvcc")/cuobjdump")}
if [ -z "$cuobjdump" ] && command -v python3 >/dev/null; then
  triton=$(python3 -c 'import importlib.util as u; print(u.find_spec("triton").submodule_search_locations[0])' 2>/dev/null || true)
  [ -z "$triton" ] || cuobjdump=$(find_tool cuobjdump "$triton/backends/nvidia/bin/cuobjdump")
fi

rm -rf "$work"
mkdir -p "$work"
case ${1:-} in
  '' | --write)
    for source in src/main/cuda/*.cu; do
      echo "#include \"$PWD/$source\""
    done >$work/kernels.cu
    image=$work/kernels.cubin
    "$nvcc" -std=c++17 -O3 -arch=sm_90 -cubin -Xptxas -v -I src/main/cuda -I src/main/cuda/ptx $work/kernels.cu -o $image 2>$work/ptxas ||
      { cat $work/ptxas; exit 1; }
    ;;
  *)
    image=$1/kernels.fatbin
    cp "$1/kernels.ptxas" $work/ptxas
    grep -q "for 'sm_90'" $work/ptxas || { echo "check_sass: skipped: built for other devices than sm_90"; exit 0; }
    ;;
esac
compiler=$("$nvcc" --version | sed -n 's/.*, V//p')
if [ -n "$cuobjdump" ]; then
  "$cuobjdump" --dump-sass -arch sm_90 "$image" >$work/sass
else
  echo "check_sass: cuobjdump was not found: loads are not checked" >&2
  : >$work/sass
fi

# NAME THREADS BLOCKS, of __launch_bounds__; blocks: 1 unless stated.
cat src/main/cuda/*.cu | tr '\n' ' ' | sed 's/extern "C"/\n/g' |
  sed -n 's/^ *__global__ void *__launch_bounds__(\([0-9]*\),* *\([0-9]*\)) *\([a-z0-9_]*\)(.*/\3 \1 \2/p' >$work/bounds

# Each constant of the headers with a plain number: NAME VALUE.
sed -n 's/^ *constexpr unsigned \([A-Z_0-9]*\) = \([0-9]*\);.*/\1 \2/p' src/main/cuda/*.cuh >$work/constants

design >$work/design
awk -v sass="$([ -n "$cuobjdump" ] && echo yes || echo no)" '
  FILENAME ~ /bounds$/ { threads[$1] = $2; least[$1] = $3 == "" ? 1 : $3; next }
  FILENAME ~ /constants$/ { value[$1] = $2; next }
  FILENAME ~ /design$/ { dynamic[$1] = $2 in value ? value[$2] : $2; streams[$1] = $3; order[++count] = $1; next }
  FILENAME ~ /sass$/ {
    if (/Function :/) { kernel = $3 }
    else if (/LD(G|GSTS)?\.E[A-Z0-9.]*\.128/) { wide[kernel]++ }
    if (/[ ](LDL|STL)[. ]/) { locals[kernel]++ }
    if (/HMMA\.SP\./) { sparse[kernel]++ }
    next
  }
  /Compiling entry function/ { split($0, part, "\047"); kernel = part[2]; ours = part[4] == "sm_90"; if (ours) seen[kernel] = 1 }
  !ours { next }
  /bytes stack frame/ { spilled[kernel] = $1 + $5 + $9 }
  /Used [0-9]+ registers/ {
    registers[kernel] = $5
    static[kernel] = 0
    for (i = 6; i < NF; i++) if ($(i + 1) == "bytes" && $(i + 2) ~ /^smem/) static[kernel] = $i
  }
  function least_of(a, b) { return a < b ? a : b }
  END {
    for (kernel in seen) if (!(kernel in dynamic)) print "unknown", kernel
    for (i = 1; i <= count; i++) {
      k = order[i]
      if (!(k in seen)) { print "missing", k; continue }
      if (!(k in threads)) { print "unbounded", k; continue }
      warps = threads[k] / 32
      each = int((registers[k] + 7) / 8) * 256
      shared = int((static[k] + dynamic[k] + 1024 + 127) / 128) * 128
      blocks = least_of(32, int(64 / warps))
      blocks = least_of(blocks, int(int(16384 / each) * 4 / warps))
      blocks = least_of(blocks, int(233472 / shared))
      print "kernel", k, threads[k], registers[k], static[k], dynamic[k], blocks, least[k], \
        int(100 * blocks * warps / 64), streams[k], sass == "yes" ? wide[k] + 0 : "-", spilled[k] + 0, locals[k] + 0, sparse[k] + 0
    }
  }' $work/bounds $work/constants $work/design $work/sass $work/ptxas >$work/found

# The table, for people.
table() {
  echo "nvcc $compiler, sm_90:"
  echo
  echo "| kernel | threads | registers | static shared | dynamic shared | blocks an SM | occupancy | 128-bit loads |"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
  awk '$1 == "kernel" {
    printf "| `%s` | %d | %d | %d | %d | %d | %d %% | %s |\n", $2, $3, $4, $5, $6, $7, $9, $11 }' $work/found
}

# What is worse than it was, or than it has to be: one line each.
complaints() {
  awk '
    FNR == NR {
      if (/^\| `/) { gsub(/[`|%]/, ""); stated[$1] = 1; blocks[$1] = $6; loads[$1] = $8 }
      next
    }
    $1 == "unknown" { print $2 ": the script does not know what it is launched with: design()" }
    $1 == "missing" { print $2 ": there is no such kernel any more: design()" }
    $1 == "unbounded" { print $2 ": has no __launch_bounds__" }
    $1 != "kernel" { next }
    $12 > 0 { print $2 ": spills, or has a stack of " $12 " bytes" }
    $13 > 0 && $2 !~ /^coppice_(n_of_m|rows_(warp|block|global))$/ { print $2 ": " $13 " accesses to local memory" }
    $7 < $8 { print $2 ": " $7 " blocks an SM, __launch_bounds__ asks for " $8 }
    $2 ~ /two_four_(linear|matmul)/ && $11 != "-" && $14 == 0 { print $2 ": does not multiply on sparse tensor cores" }
    $10 == "yes" && $11 == "0" { print $2 ": streams, but has no 128-bit load" }
    !($2 in stated) { print $2 ": is not in the table of docs/kernels.md; check_sass.sh --write"; next }
    $7 < blocks[$2] { print $2 ": " $7 " blocks an SM, the table states " blocks[$2] }
    $11 != "-" && loads[$2] != "-" && loads[$2] > 0 && $11 == 0 { print $2 ": no 128-bit load, the table states " loads[$2] }
  ' $page $work/found
}

if [ "${1:-}" = --write ]; then
  { sed '/^<!-- table -->$/q' $page; table; sed -n '/^<!-- end of the table -->$/,$p' $page; } >$work/page
  cp $work/page $page
fi
complaints >$work/complaints
if [ -s $work/complaints ]; then
  sed 's/^/check_sass: /' $work/complaints
  exit 1
fi
# Registers that cost no block are no regression; the table is renewed all the same.
if [ -n "$cuobjdump" ] && table | grep -qvxF -f $page; then
  echo "check_sass: docs/kernels.md is not up to date: check_sass.sh --write" >&2
fi
echo "check_sass: $(grep -c '^kernel' $work/found) kernels are as docs/kernels.md states"
