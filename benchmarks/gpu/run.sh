#!/bin/sh
# Tests and measures Coppice on this host's first CUDA device, in less than eight minutes. Part of the archive
# that benchmarks/gpu/bundle builds. No step stops the others; each has a time limit of its own.
#
#   OUT        where results go, eight files at most: ./out
#   STEPS      some of: machine kernels contract native libraries linear measure files launches torch sanitizer profile
#              report
#   SECONDS_LEFT  for all steps together: 455
#   PYTHON     the Python whose torch is measured against, and whose packages of NVIDIA's libraries are used: python3
#   COPPICE_CUDA_EMULATED=1  runs all of it on the emulated driver, with tiny sizes: shows that it works. Its
#              figures mean nothing, and the results say so. COPPICE_EMULATOR names the driver's folder where
#              the archive was built without it
set -u
umask 022
home=$(cd "$(dirname "$0")" && pwd -P)
out=${OUT:-$PWD/out}
steps=${STEPS:-machine kernels contract native libraries linear measure files launches torch sanitizer profile report}
python=${PYTHON:-python3}
end=$(($(date +%s) + ${SECONDS_LEFT:-455}))
if [ "${1:-}" = --step ]; then
  work=$3
else
  mkdir -p "$out"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
rows=$work/rows
java=$home/java/bin/java
tab=$(printf '\t')

emulated=${COPPICE_CUDA_EMULATED:-}
if [ "$emulated" = 1 ]; then
  emulator=$(cd "${COPPICE_EMULATOR:-$home/emulator}" && pwd -P) || exit 69
  LD_LIBRARY_PATH=$emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  COPPICE_KERNELS=$emulator/kernels.image
  options="-Dcoppice.cuda.emulator=$emulator -Dcoppice.bench.small=true"
  require=cuda,native
  contract="dev.coppice.cuda.CudaBackendTest dev.coppice.cuda.CudaSliceSumsTest dev.coppice.cuda.LinearCudaTest"
  libraries="cublas=CublasTest cublas=CublasThroughJavaCppTest cusparse=CusparseTest cusparselt=CusparseLtTest"
else
  # Where containers have the driver that the loader's cache does not know.
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64:/usr/local/nvidia/lib:/usr/lib/wsl/lib
  COPPICE_KERNELS=$home/lib/kernels.fatbin
  options=
  require=gpu,native
  contract="dev.coppice.cuda.CudaDeviceTest dev.coppice.cuda.DeviceSliceSumsTest dev.coppice.cuda.LinearCudaDeviceTest"
  libraries="cublas=CublasOnDeviceTest cusparse=CusparseOnDeviceTest cusparselt=CusparseLtOnDeviceTest"
fi
export LD_LIBRARY_PATH COPPICE_KERNELS
# Native libraries are unpacked into a cache; this one goes with the rest.
export XDG_CACHE_HOME="$work/cache"
options="$options --enable-native-access=ALL-UNNAMED -Dorg.bytedeco.javacpp.cachedir=$work/cache/javacpp"

fact() {
  printf 'machine\t%s=%s\n' "$1" "$2" >>"$rows"
}

note() {
  printf 'steps\tstep=%s\tresult=%s\tseconds=%s\tnote=%s\n' "$1" "$2" "$3" "$(echo "$4" | tr '\t\n' '  ')" >>"$rows"
  echo "$1: $2${4:+: $4} ($3 s)"
}

# Runs a step: NAME, LIMIT, LOG. One that answers 77 was skipped; the last line that it prints says why. It
# runs in a process of this script's own, which `timeout` can stop with all that it has begun.
step() {
  name=$1
  limit=$2
  log=$out/$3
  case " $steps " in
    *" $name "*) ;;
    *) return ;;
  esac
  left=$((end - $(date +%s)))
  [ "$limit" -le "$left" ] || limit=$left
  if [ "$limit" -lt 2 ]; then
    note "$name" skipped 0 "no time was left"
    return
  fi
  from=$(date +%s)
  echo "== $name, at most $limit s" >>"$log"
  timeout -k 3 "$limit" "$home/run.sh" --step "$name" "$work" >"$work/step" 2>&1
  status=$?
  head -c 3000000 "$work/step" >>"$log"
  took=$(($(date +%s) - from))
  last=$(grep -v '^ *$' "$work/step" | tail -n 1 | cut -c 1-200)
  reason=$(grep -m 1 -E '^Exception in|=> ' "$work/step" | sed 's/^ *//' | cut -c 1-300)
  case $status in
    0) note "$name" done $took "" ;;
    77) note "$name" skipped $took "$last" ;;
    124 | 137) note "$name" "stopped at its limit" $took "" ;;
    *) note "$name" failed $took "answer $status: ${reason:-$last}" ;;
  esac
}

machine() {
  fact commit "$(cat "$home/COMMIT")"
  fact date "$(date -u +%Y-%m-%d)"
  fact emulated "$([ "$emulated" = 1 ] && echo yes || echo no)"
  [ "$emulated" != 1 ] || fact warning "emulated, not a measurement"
  fact kernel "$(uname -r)"
  smi=$(command -v nvidia-smi || ls /usr/local/nvidia/bin/nvidia-smi /usr/bin/nvidia-smi 2>/dev/null | head -n 1)
  if [ "$emulated" = 1 ] || [ -z "$smi" ]; then
    echo "nvidia-smi is not there, or not asked" && return 77
  fi
  for query in name driver_version memory.total clocks.sm clocks.mem clocks.max.sm clocks.max.mem \
    clocks.applications.graphics power.limit temperature.gpu ecc.mode.current mig.mode.current; do
    fact "gpu_$(echo $query | tr . _)" "$("$smi" --query-gpu=$query --format=csv,noheader -i 0 2>&1 | head -n 1)"
  done
  "$smi"
}

# The clocks while the device works, which those of an idle one do not tell.
clocks() {
  command -v nvidia-smi >/dev/null || return
  sleep 20
  fact gpu_clocks_sm_measuring "$(nvidia-smi --query-gpu=clocks.sm --format=csv,noheader -i 0 2>&1 | head -n 1)"
  fact gpu_clocks_mem_measuring "$(nvidia-smi --query-gpu=clocks.mem --format=csv,noheader -i 0 2>&1 | head -n 1)"
}

kernels() {
  exec "$home/bin/kernel_tests" --gtest_brief=1
}

sanitizer() {
  [ "$emulated" != 1 ] || { echo "compute-sanitizer has nothing to do with an emulated driver" && exit 77; }
  LIMIT=28 "$home/sanitize_gpu.sh" "$home/bin/kernel_tests" "$COPPICE_KERNELS" 2>"$work/sanitizer.log" >"$work/sanitizer"
  status=$?
  head -c 2000000 "$work/sanitizer.log"
  while IFS= read -r line; do
    outcome=${line#*: }
    printf 'sanitizer\ttool=%s\tresult=%s\tnote=%s\n' "${line%%:*}" "${outcome%%:*}" "$(echo "$outcome" | cut -d : -f 2-)" >>"$rows"
  done <"$work/sanitizer"
  cat "$work/sanitizer"
  [ $status -eq 0 ] || exit $status
  ! grep -q ': passed' "$work/sanitizer" && exit 77
  exit 0
}

# Runs the tests of some classes.
junit() {
  classes=
  for class; do
    classes="$classes --select-class $class"
  done
  # shellcheck disable=SC2086
  exec "$java" $options -Xmx2g -Dcoppice.require="$require" -Dcoppice.cuda.emulated="$([ "$emulated" = 1 ] && echo true || echo false)" \
    -jar "$home"/lib/junit-platform-console-standalone-*.jar execute --disable-banner --details=tree --disable-ansi-colors \
    --class-path "$(echo "$home"/lib/*.jar | tr ' ' ':')" $classes
}

contract() {
  # shellcheck disable=SC2086
  junit $contract
}

native() {
  junit dev.coppice.simd.NativeBackendTest dev.coppice.simd.NativeSliceSumsTest
}

# Lets the loader find the libraries of CUDA that Python packages brought: after those that are installed.
find_packaged() {
  [ "$emulated" != 1 ] || return 0
  packaged=$("$python" -c 'import glob, nvidia; print(":".join(sorted(f for p in nvidia.__path__ for f in glob.glob(p + "/*/lib"))))' 2>/dev/null)
  [ -z "$packaged" ] || export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$packaged"
}

# The contract of products on each of NVIDIA's libraries, each in processes of its own: what one does wrong, and be it that
# the process ends, is not for the others to suffer. One that fails is not measured.
libraries() {
  find_packaged
  worst=77
  : >"$work/wrong"
  for test in $libraries; do
    library=${test%%=*}
    timeout --foreground -k 3 45 "$home/run.sh" --step library "$work" "${test#*=}" >"$work/library" 2>&1
    status=$?
    cat "$work/library"
    reason=$(grep -m 1 -oE 'reason=.*|=> .*' "$work/library" | sed -E 's/^(reason=|=> )//; s/\][^]]*$//' | cut -c 1-400)
    result=done
    if [ $status -ne 0 ]; then
      result=failed
      worst=$status
      reason="answer $status: $reason"
      echo "$library" >>"$work/wrong"
    elif grep -q '\[ *0 tests successful' "$work/library"; then
      result=skipped
    else
      reason=
      [ $worst -ne 77 ] || worst=0
    fi
    printf 'libraries\tlibrary=%s\ttest=%s\tresult=%s\tnote=%s\n' "$library" "${test#*=}" $result "$reason" >>"$rows"
    echo "$library: $result${reason:+: $reason}"
  done
  exit $worst
}

library() {
  junit "dev.coppice.cuda.$1"
}

suite() {
  # shellcheck disable=SC2086
  exec "$java" $options -Xmx4g -Djava.io.tmpdir="${TMPDIR:-/tmp}" -cp "$home/lib/benchmarks.jar:$home/lib/libraries.jar" dev.coppice.benchmarks.GpuSuite "$rows" "$1"
}

measure() {
  [ "$emulated" = 1 ] || clocks &
  suite device
}

files() {
  suite files
}

linear() {
  find_packaged
  [ ! -s "$work/wrong" ] || options="$options -Dcoppice.bench.without=$(paste -s -d , "$work/wrong")"
  suite linear
}

torch() {
  command -v "$python" >/dev/null || { echo "$python was not found" && exit 77; }
  "$python" "$home/torch_peer.py" $([ "$emulated" = 1 ] && echo small) 2>"$work/torch.log" | tee "$work/torch"
  cat "$work/torch.log"
  cat "$work/torch" >>"$rows"
  ! grep -q '^skipped' "$work/torch.log" || exit 77
  [ -s "$work/torch" ]
}

# Each kernel by itself.
launches() {
  for dtype in BF16 F32; do
    # shellcheck disable=SC2086
    LD_PRELOAD=$home/bin/liblaunch_times.so COPPICE_LAUNCH_TIMES=$rows COPPICE_LAUNCH_LABEL=$dtype \
      "$java" $options -Dcoppice.bench.dtype=$dtype -Xmx4g -cp "$home/lib/benchmarks.jar" dev.coppice.benchmarks.GpuSuite "$rows" profile
  done
}

# One profile of each kernel, where the counters can be read.
profile() {
  ncu=$(command -v ncu || ls /usr/local/cuda*/bin/ncu /opt/nvidia/nsight-compute/*/ncu 2>/dev/null | head -n 1)
  [ "$emulated" != 1 ] && [ -n "$ncu" ] || { echo "ncu was not found, or not asked" && exit 77; }
  for dtype in BF16 F32; do
    # shellcheck disable=SC2086
    "$ncu" --clock-control none --section SpeedOfLight --section MemoryWorkloadAnalysis --section Occupancy \
      --section WarpStateStats --section LaunchStats "$java" $options -Dcoppice.bench.dtype=$dtype -Dcoppice.bench.times=1 \
      -Xmx4g -cp "$home/lib/benchmarks.jar" dev.coppice.benchmarks.GpuSuite "$rows" profile
  done
}

report() {
  exec "$java" -cp "$home/lib/benchmarks.jar" dev.coppice.benchmarks.GpuReport "$rows" "$out"
}

if [ "${1:-}" = --step ]; then
  step=$2
  shift 3
  "$step" "$@"
  exit
fi

# The logs are this run's.
rm -f "$out"/results.json "$out"/results.md "$out"/machine.log "$out"/kernels.log "$out"/contract.log \
  "$out"/measure.log "$out"/sanitizer.log "$out"/profile.log
: >"$rows"
step machine 10 machine.log
step kernels 50 kernels.log
step contract 75 contract.log
step native 40 contract.log
step libraries 120 contract.log
step linear 140 measure.log
step measure 110 measure.log
step files 75 measure.log
step launches 30 measure.log
step torch 60 measure.log
step sanitizer 120 sanitizer.log
step profile 45 profile.log
end=$((end + 15))
step report 15 measure.log
if [ ! -s "$out/results.json" ]; then
  cp "$rows" "$out/results.md"
fi
cat "$out/results.md"
