// Streams: queues of operations that run when somebody waits for them, and not before: the slowest copy
// engine there can be. So a host that reads too early, or writes too early to what is still to be read,
// gets wrong data.
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <memory>

namespace coppice::emulator {

struct StreamSettings {
  bool eager = false;     // run each operation at once instead
  unsigned refusals = 2;  // how often a query of what is not done answers so before it runs it
};
void set_stream_settings(const StreamSettings& settings);
const StreamSettings& stream_settings();

class Stream;

// A place in a stream's queue, as an event marks it.
struct Mark {
  Stream* stream;  // for as long as it is not done
  bool done = false;
  unsigned refused = 0;
  std::chrono::steady_clock::time_point at{};
};

class Stream {
 public:
  explicit Stream(bool blocking) : blocking_(blocking) {}

  // `run` gives 0 or the error that poisons the context; calls.h counts it under that name.
  void add(const char* name, std::function<int()> run);
  std::shared_ptr<Mark> mark();
  void wait(std::shared_ptr<Mark> mark);

  // Runs all there is; gives the error that poisons the context, or 0.
  int finish();

  // Runs all before the mark.
  static int finish(const Mark& mark);

  // Gives 0 where nothing is left, 600 otherwise; after as many refusals as are set, runs it all.
  int query();
  static int query(Mark& mark);

  bool idle() const { return operations_.empty(); }
  bool is_blocking() const { return blocking_; }

  // Forgets all there is, without running it.
  void drop() { operations_.clear(); }

 private:
  void run_first();
  void append(std::function<void()> operation);

  bool blocking_;
  unsigned refused_ = 0;
  std::deque<std::function<void()>> operations_;
};

}  // namespace coppice::emulator
