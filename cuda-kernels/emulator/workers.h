// OS threads that wait for work until the process ends.
#pragma once
#include <functional>

namespace coppice::emulator {

// Runs `work` on the calling thread and at most that many others at once; those that have not begun by
// the time the caller is done are left out. Comes back when all have. One call at a time.
void run_with_others(unsigned others, const std::function<void()>& work);

}  // namespace coppice::emulator
