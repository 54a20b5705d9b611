// What the kernel of broadcast.cu is told. Java writes this struct field by field.
#pragma once

// coppice_broadcast
struct BroadcastParameters {
  const void* row;
  void* target;
  unsigned long long words;  // of a row
  unsigned long long tiles;  // of a row, BROADCAST_TILE words each
  unsigned bytes;            // of a word: 2, 4 or 16; both addresses are multiples of it
  unsigned reserved;
};
static_assert(sizeof(BroadcastParameters) == 40);

constexpr unsigned BROADCAST_THREADS = 256;
constexpr unsigned BROADCAST_TILE = 1024;
