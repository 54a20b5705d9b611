// Host memory that copies can be made from and to asynchronously.
#pragma once
#include <map>

#include "memory.h"

namespace coppice::emulator {

// What cuMemHostAlloc gave out.
Memory& host_memory();

// What cuMemHostRegister took: address and bytes.
std::map<std::uintptr_t, std::size_t>& registered();

bool is_pinned(std::uintptr_t address, std::size_t bytes);

}  // namespace coppice::emulator
