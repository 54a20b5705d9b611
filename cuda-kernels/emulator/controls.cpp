// What tests call, as native methods of dev.coppice.cuda.EmulatedDriver, and the report at exit.
#include <jni.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "calls.h"
#include "grid.h"
#include "host_memory.h"
#include "state.h"

namespace emulator = coppice::emulator;

namespace {

std::string text(JNIEnv* env, jstring string) {
  const char* characters = env->GetStringUTFChars(string, nullptr);
  std::string copied = characters == nullptr ? "" : characters;
  env->ReleaseStringUTFChars(string, characters);
  return copied;
}

emulator::Usage on_devices() {
  emulator::Usage sum{};
  for (const auto& context : emulator::state().contexts) {
    const emulator::Usage usage = context->memory.usage();
    sum.allocations += usage.allocations;
    sum.bytes += usage.bytes;
  }
  return sum;
}

long contexts() {
  long sum = 0;
  for (const auto& context : emulator::state().contexts) {
    sum += context->retained;
  }
  return sum;
}

// COPPICE_EMULATOR_REPORT=1 prints what is still allocated when the process ends.
[[gnu::destructor]] void report() {
  if (std::getenv("COPPICE_EMULATOR_REPORT") == nullptr) {
    return;
  }
  const std::scoped_lock lock(emulator::driver_lock());
  const emulator::Usage usage = on_devices();
  const emulator::Usage pinned = emulator::host_memory().usage();
  std::fprintf(stderr,
               "emulated driver: at exit %zu allocations (%zu bytes), %zu handles, %ld contexts, "
               "%zu pinned (%zu bytes), %zu registered\n",
               usage.allocations, usage.bytes, emulator::state().live_handles(), contexts(),
               pinned.allocations, pinned.bytes, emulator::registered().size());
}

}  // namespace

#define NATIVE(result, name, ...) \
  extern "C" JNIEXPORT result JNICALL Java_dev_coppice_cuda_EmulatedDriver_##name(__VA_ARGS__)

NATIVE(void, fail, JNIEnv* env, jclass, jstring call, jlong n, jint code) {
  emulator::fail(text(env, call), static_cast<std::uint64_t>(n), code);
}

NATIVE(jlong, calls, JNIEnv* env, jclass, jstring call) {
  return static_cast<jlong>(emulator::calls(text(env, call)));
}

NATIVE(jlong, launches, JNIEnv* env, jclass, jstring kernel) {
  return static_cast<jlong>(emulator::launches(text(env, kernel)));
}

NATIVE(jlong, liveAllocations, JNIEnv*, jclass) {
  const std::scoped_lock lock(emulator::driver_lock());
  return static_cast<jlong>(on_devices().allocations);
}

NATIVE(jlong, livePinned, JNIEnv*, jclass) {
  const std::scoped_lock lock(emulator::driver_lock());
  return static_cast<jlong>(emulator::host_memory().usage().allocations +
                            emulator::registered().size());
}

NATIVE(jlong, liveHandles, JNIEnv*, jclass) {
  const std::scoped_lock lock(emulator::driver_lock());
  return static_cast<jlong>(emulator::state().live_handles()) + contexts();
}

NATIVE(void, setSharedMemory, JNIEnv*, jclass, jint bytes) {
  const std::scoped_lock lock(emulator::driver_lock());
  emulator::state().shared_opt_in = static_cast<std::size_t>(bytes);
}

NATIVE(void, setMemory, JNIEnv*, jclass, jint device, jlong bytes) {
  const std::scoped_lock lock(emulator::driver_lock());
  emulator::state().contexts.at(static_cast<std::size_t>(device))->memory.set_total(
      static_cast<std::size_t>(bytes));
}

NATIVE(void, setDriverVersion, JNIEnv*, jclass, jint version) {
  const std::scoped_lock lock(emulator::driver_lock());
  emulator::state().driver_version = version;
}

NATIVE(void, setDevices, JNIEnv*, jclass, jint count) {
  const std::scoped_lock lock(emulator::driver_lock());
  emulator::state().devices = std::min<int>(count, emulator::MOST_DEVICES);
}

NATIVE(void, setEager, JNIEnv*, jclass, jboolean eager) {
  const std::scoped_lock lock(emulator::driver_lock());
  auto settings = emulator::stream_settings();
  settings.eager = eager;
  emulator::set_stream_settings(settings);
}

NATIVE(void, forget, JNIEnv*, jclass) {
  const std::scoped_lock lock(emulator::driver_lock());
  emulator::reset_calls();
  emulator::reset_state();
}
