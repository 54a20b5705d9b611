#include "workers.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace coppice::emulator {
namespace {

class Workers {
 public:
  void run(unsigned others, const std::function<void()>& work) {
    {
      const std::scoped_lock lock(mutex_);
      work_ = &work;
      wanted_ = others;
      for (; threads_ < others; threads_++) {
        start();
      }
    }
    wake_.notify_all();
    work();
    std::unique_lock lock(mutex_);
    wanted_ = 0;
    done_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  // The process's signals are not for these threads.
  void start() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
      sigdelset(&all, own);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { serve(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return wanted_ > 0; });
      wanted_--;
      running_++;
      const std::function<void()>* work = work_;
      lock.unlock();
      (*work)();
      lock.lock();
      running_--;
      done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void()>* work_ = nullptr;
  unsigned threads_ = 0;
  unsigned wanted_ = 0;
  unsigned running_ = 0;
};

}  // namespace

void run_with_others(unsigned others, const std::function<void()>& work) {
  // Never destroyed: its threads wait in it until the process ends.
  static auto* const workers = new Workers;
  others == 0 ? work() : workers->run(others, work);
}

}  // namespace coppice::emulator
