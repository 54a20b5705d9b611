// The record of calls, and faults on demand.
#pragma once
#include <cstdint>
#include <string>

namespace coppice::emulator {

// Records a call; gives the error that it must answer with at once, or 0.
int enter(const char* name);

// Makes the n-th call of that name from now on answer `code`; of "*", the n-th call of any name. An
// error that poisons a context is answered by every later call too.
void fail(const std::string& name, std::uint64_t n, int code);

// Poisons the context, as a kernel that went wrong does.
int poison(int code);

// Gives how often that name was called since the last reset; of "*", any.
std::uint64_t calls(const std::string& name);

// Forgets calls, faults and poison.
void reset_calls();

}  // namespace coppice::emulator
