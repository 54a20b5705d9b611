// Times every kernel that a program launches, on a device, where no profiler can: a library to be preloaded
// that stands before the driver's cuLaunchKernel, and waits for each launch.
//   LD_PRELOAD=liblaunch_times.so COPPICE_LAUNCH_TIMES=ROWS COPPICE_LAUNCH_LABEL=BF16 java ...
// At exit it adds a line for each kernel and shape of launch to the file ROWS: the table "kernels", then
// NAME=VALUE, with tabs between. Launches that found nothing to do are among them: least_ms shows them.
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

extern "C" {
int cuEventCreate(void**, unsigned);
int cuEventRecord(void*, void*);
int cuEventSynchronize(void*);
int cuEventElapsedTime(float*, void*, void*);
}

namespace {

struct Launches {
  std::mutex guard;
  std::map<void*, std::string> names;
  std::map<std::string, std::vector<float>> millis;
  void* begin = nullptr;
  void* end = nullptr;

  ~Launches() {
    const char* path = std::getenv("COPPICE_LAUNCH_TIMES");
    const char* label = std::getenv("COPPICE_LAUNCH_LABEL");
    std::FILE* rows = path == nullptr ? nullptr : std::fopen(path, "a");
    if (rows == nullptr) {
      return;
    }
    for (auto& [name, all] : millis) {
      std::sort(all.begin(), all.end());
      std::fprintf(rows,
                   "kernels\tof=%s\t%s\tlaunches=%zu\tmedian_ms=%.6f\tleast_ms=%.6f\tmost_ms=%.6f\ttotal_ms=%.6f\n",
                   label == nullptr ? "" : label, name.c_str(), all.size(),
                   static_cast<double>(all[all.size() / 2]), static_cast<double>(all.front()),
                   static_cast<double>(all.back()), std::accumulate(all.begin(), all.end(), 0.0));
    }
    std::fclose(rows);
  }
};

Launches& launches() {
  static Launches all;
  return all;
}

template <typename F>
F* next(F*, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int cuModuleGetFunction(void** function, void* module, const char* name) {
  static auto* const real = next(&cuModuleGetFunction, "cuModuleGetFunction");
  const int code = real(function, module, name);
  if (code == 0) {
    const std::lock_guard<std::mutex> lock(launches().guard);
    launches().names[*function] = name;
  }
  return code;
}

__attribute__((visibility("default"))) int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz,
                                                          unsigned bx, unsigned by, unsigned bz, unsigned shared,
                                                          void* stream, void** parameters, void** extra) {
  static auto* const real = next(&cuLaunchKernel, "cuLaunchKernel");
  Launches& all = launches();
  const std::lock_guard<std::mutex> lock(all.guard);
  const bool timed = (all.end != nullptr || (cuEventCreate(&all.begin, 0) == 0 && cuEventCreate(&all.end, 0) == 0)) &&
                     cuEventRecord(all.begin, stream) == 0;
  const int code = real(function, gx, gy, gz, bx, by, bz, shared, stream, parameters, extra);
  float millis = 0;
  if (timed && code == 0 && cuEventRecord(all.end, stream) == 0 && cuEventSynchronize(all.end) == 0 &&
      cuEventElapsedTime(&millis, all.begin, all.end) == 0) {
    const std::string shape = "\tblocks=" + std::to_string(gx) + "\tthreads=" + std::to_string(bx) +
                              "\tshared=" + std::to_string(shared);
    all.millis["kernel=" + all.names[function] + shape].push_back(millis);
  }
  return code;
}
}
