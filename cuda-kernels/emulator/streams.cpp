#include "streams.h"

#include <utility>

#include "calls.h"
#include "driver.h"
#include "environment.h"

namespace coppice::emulator {
namespace {

StreamSettings& settings() {
  static StreamSettings all{from_environment("COPPICE_EMULATOR_EAGER", 0) != 0,
                            static_cast<unsigned>(from_environment("COPPICE_EMULATOR_REFUSALS", 2))};
  return all;
}

bool refuses(unsigned& refused) {
  const bool again = refused < settings().refusals;
  refused = again ? refused + 1 : 0;
  return again;
}

}  // namespace

void set_stream_settings(const StreamSettings& all) { settings() = all; }

const StreamSettings& stream_settings() { return settings(); }

void Stream::append(std::function<void()> operation) {
  if (idle()) {
    refused_ = 0;
  }
  operations_.push_back(std::move(operation));
  if (settings().eager) {
    finish();
  }
}

void Stream::add(const char* name, std::function<int()> run) {
  append([name, run = std::move(run)] {
    int code = execute(name);
    if (code == 0) {
      code = run();
    }
    if (code != 0) {
      poison(code);
    }
  });
}

std::shared_ptr<Mark> Stream::mark() {
  auto made = std::make_shared<Mark>(Mark{this});
  append([made] {
    made->done = true;
    made->at = std::chrono::steady_clock::now();
  });
  return made;
}

void Stream::wait(std::shared_ptr<Mark> mark) {
  append([mark = std::move(mark)] { finish(*mark); });
}

void Stream::run_first() {
  const std::function<void()> operation = std::move(operations_.front());
  operations_.pop_front();
  operation();
}

int Stream::finish() {
  while (!operations_.empty() && poisoned() == 0) {
    run_first();
  }
  return poisoned();
}

int Stream::finish(const Mark& mark) {
  while (!mark.done && poisoned() == 0) {
    mark.stream->run_first();
  }
  return poisoned();
}

int Stream::query() {
  if (idle()) {
    return SUCCESS;
  }
  return refuses(refused_) ? static_cast<int>(NOT_READY) : finish();
}

int Stream::query(Mark& mark) {
  if (mark.done) {
    return SUCCESS;
  }
  return refuses(mark.refused) ? static_cast<int>(NOT_READY) : finish(mark);
}

}  // namespace coppice::emulator
