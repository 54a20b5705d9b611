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

// The same for an operation of a stream when it runs, later than the call of that name: its name here is
// the call's with "@run" behind it, and "*@run" is any.
int execute(const char* name);

// Poisons the context, as a kernel that went wrong does.
int poison(int code);

// Gives the error that poisons the context, or 0.
int poisoned();

// Counts a launch of that kernel; gives how often it was launched since the last reset.
void count_launch(const std::string& kernel);
std::uint64_t launches(const std::string& kernel);

// Gives how often that name was called, or ran, since the last reset; of "*", any call, and of "*@run", any run.
std::uint64_t calls(const std::string& name);

// Forgets calls, faults and poison.
void reset_calls();

}  // namespace coppice::emulator
