#!/bin/sh
# Builds libcoppice and puts it among the module's classes. Maven runs it after compilation:
#   build.sh auto|required|off JAVA_HOME CLASSPATH PLATFORM [cpu|cpu-sanitize]
set -eu
cd "$(dirname "$0")"
mode=$1
java_home=$2
classpath=$3
platform=$4
preset=${5:-cpu}

leave_out() {
  if [ "$mode" = required ]; then
    echo "coppice-native: $1, and -Dcoppice.native=required" >&2
    exit 1
  fi
  echo "coppice-native: $1, the native backend is left out" >&2 # Maven shows this under -q too.
  rm -rf target/classes/dev/coppice/simd/"$platform"
  exit 0
}

case $mode in
  auto | required) ;;
  off) leave_out "-Dcoppice.native=off" ;;
  *)
    echo "coppice-native: -Dcoppice.native must be auto, required or off, not $mode" >&2
    exit 1
    ;;
esac
command -v cmake >/dev/null || leave_out "no cmake found"
command -v "${CXX:-g++}" >/dev/null || leave_out "no ${CXX:-g++} found"
[ -f "$java_home/include/jni.h" ] || leave_out "no jni.h in the JDK"

# Generated anew each time, replaced only if it differs: otherwise everything would be recompiled.
jni=target/jni
mkdir -p $jni target/jni-new
"$java_home/bin/java" -cp "$classpath" org.bytedeco.javacpp.tools.Builder \
  -nocompile -d target/jni-new dev.coppice.simd.CoppiceNative >target/jni.log 2>&1 ||
  { cat target/jni.log >&2; exit 1; }
for file in jniCoppiceNative.cpp jnijavacpp.cpp; do
  cmp -s target/jni-new/$file $jni/$file || cp target/jni-new/$file $jni/$file
done

log=target/$preset.log
{
  cmake --preset "$preset" -DCMAKE_CXX_COMPILER="${CXX:-g++}" -DCOPPICE_JAVA_HOME="$java_home" \
    -DCOPPICE_JNI_SOURCES="$PWD/$jni/jniCoppiceNative.cpp;$PWD/$jni/jnijavacpp.cpp" &&
    cmake --build --preset "$preset" --target coppice coppice_ort --parallel 2
} >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }

classes=target/classes/dev/coppice/simd/$platform
mkdir -p "$classes"
for name in libcoppice libcoppice_ort; do
  for library in target/"$preset"/$name.so target/"$preset"/$name.dylib; do
    if [ -f "$library" ]; then
      cp -p "$library" "$classes"/
      cmake -E sha256sum "$library" >"$classes"/$name.sha256
    fi
  done
done
