#include "calls.h"

#include <cstdlib>
#include <map>
#include <mutex>

namespace coppice::emulator {
namespace {

struct Fault {
  std::uint64_t countdown;
  int code;
};

struct Record {
  std::mutex mutex;
  std::map<std::string, std::uint64_t> calls;
  std::map<std::string, std::uint64_t> runs;
  std::map<std::string, std::uint64_t> launches;
  std::map<std::string, Fault> faults;
  int poisoned = 0;
};

// COPPICE_EMULATOR_FAIL=cuMemAllocAsync:3:2 lets the third allocation fail with code 2.
void fail_by_environment(Record& record) {
  const char* text = std::getenv("COPPICE_EMULATOR_FAIL");
  const std::string wanted = text == nullptr ? "" : text;
  const std::size_t first = wanted.find(':');
  const std::size_t second = wanted.find(':', first + 1);
  if (first != std::string::npos && second != std::string::npos) {
    record.faults[wanted.substr(0, first)] = {
        std::strtoull(wanted.c_str() + first + 1, nullptr, 10),
        static_cast<int>(std::strtol(wanted.c_str() + second + 1, nullptr, 10))};
  }
}

Record& record() {
  static auto* const it = [] {
    auto* made = new Record;
    fail_by_environment(*made);
    return made;
  }();
  return *it;
}

bool poisons(int code) {
  return code == 214 || code == 220 || code == 700 || code == 702 || code == 710 ||
         (code >= 714 && code <= 719);
}

int count_down(Record& all, const std::string& name) {
  const auto found = all.faults.find(name);
  if (found == all.faults.end() || --found->second.countdown > 0) {
    return 0;
  }
  const int code = found->second.code;
  all.faults.erase(found);
  return code;
}

int answer(Record& all, const std::string& name, const char* any) {
  if (all.poisoned != 0) {
    return all.poisoned;
  }
  int code = count_down(all, name);
  if (code == 0) {
    code = count_down(all, any);
  }
  if (poisons(code)) {
    all.poisoned = code;
  }
  return code;
}

}  // namespace

int enter(const char* name) {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  all.calls[name]++;
  return answer(all, name, "*");
}

int execute(const char* name) {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  const std::string run = std::string(name) + "@run";
  all.runs[run]++;
  return answer(all, run, "*@run");
}

void count_launch(const std::string& kernel) {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  all.launches[kernel]++;
}

std::uint64_t launches(const std::string& kernel) {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  return all.launches[kernel];
}

void fail(const std::string& name, std::uint64_t n, int code) {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  all.faults[name] = {n, code};
}

int poison(int code) {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  all.poisoned = code;
  return code;
}

int poisoned() {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  return all.poisoned;
}

std::uint64_t calls(const std::string& name) {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  auto& counts = name.ends_with("@run") ? all.runs : all.calls;
  if (!name.starts_with("*")) {
    return counts[name];
  }
  std::uint64_t sum = 0;
  for (const auto& [called, times] : counts) {
    sum += times;
  }
  return sum;
}

void reset_calls() {
  Record& all = record();
  const std::scoped_lock lock(all.mutex);
  all.calls.clear();
  all.runs.clear();
  all.launches.clear();
  all.faults.clear();
  all.poisoned = 0;
}

}  // namespace coppice::emulator
