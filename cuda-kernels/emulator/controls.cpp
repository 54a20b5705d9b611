// What tests call, as native methods of dev.coppice.cuda.EmulatedDriver, and the report at exit.
#include <jni.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "calls.h"
#include "device_state.h"
#include "grid.h"
#include "memory.h"

namespace emulator = coppice::emulator;

namespace {

std::string text(JNIEnv* env, jstring string) {
  const char* characters = env->GetStringUTFChars(string, nullptr);
  std::string copied = characters == nullptr ? "" : characters;
  env->ReleaseStringUTFChars(string, characters);
  return copied;
}

// COPPICE_EMULATOR_REPORT=1 prints what is still allocated when the process ends.
[[gnu::destructor]] void report() {
  if (std::getenv("COPPICE_EMULATOR_REPORT") == nullptr) {
    return;
  }
  const emulator::Usage usage = emulator::usage();
  std::fprintf(stderr,
               "emulated driver: at exit %zu allocations (%zu bytes), %ld handles, %ld contexts\n",
               usage.allocations, usage.bytes, emulator::device().handles.load(),
               emulator::device().contexts.load());
}

}  // namespace

extern "C" {

JNIEXPORT void JNICALL Java_dev_coppice_cuda_EmulatedDriver_fail(JNIEnv* env, jclass, jstring call,
                                                                 jlong n, jint code) {
  emulator::fail(text(env, call), static_cast<std::uint64_t>(n), code);
}

JNIEXPORT jlong JNICALL Java_dev_coppice_cuda_EmulatedDriver_calls(JNIEnv* env, jclass,
                                                                   jstring call) {
  return static_cast<jlong>(emulator::calls(text(env, call)));
}

JNIEXPORT jlong JNICALL Java_dev_coppice_cuda_EmulatedDriver_liveAllocations(JNIEnv*, jclass) {
  return static_cast<jlong>(emulator::usage().allocations);
}

JNIEXPORT jlong JNICALL Java_dev_coppice_cuda_EmulatedDriver_liveHandles(JNIEnv*, jclass) {
  return emulator::device().handles + emulator::device().contexts;
}

JNIEXPORT void JNICALL Java_dev_coppice_cuda_EmulatedDriver_setSharedMemory(JNIEnv*, jclass,
                                                                            jint bytes) {
  emulator::device().shared_opt_in = static_cast<std::size_t>(bytes);
}

JNIEXPORT void JNICALL Java_dev_coppice_cuda_EmulatedDriver_setMemory(JNIEnv*, jclass, jlong bytes) {
  emulator::set_memory(static_cast<std::size_t>(bytes));
}

JNIEXPORT void JNICALL Java_dev_coppice_cuda_EmulatedDriver_setDriverVersion(JNIEnv*, jclass,
                                                                             jint version) {
  emulator::device().driver_version = version;
}

JNIEXPORT void JNICALL Java_dev_coppice_cuda_EmulatedDriver_setDevices(JNIEnv*, jclass, jint count) {
  emulator::device().devices = count;
}

JNIEXPORT void JNICALL Java_dev_coppice_cuda_EmulatedDriver_reset(JNIEnv*, jclass) {
  emulator::reset_calls();
  emulator::abandon();
  emulator::device().contexts = 0;
  emulator::device().handles = 0;
  emulator::device().shared_opt_in = emulator::MOST_SHARED;
  emulator::device().driver_version = 13000;
  emulator::device().devices = 1;
  emulator::set_memory(std::size_t{1} << 30);
}
}
