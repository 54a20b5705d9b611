// rows: prunes k of every row, the first of SPEC.md's order; a whole tensor may be a row.
//
//   a slice is [outer, rows, inner]; a row is the elements that share the middle index
//   numbers = elements of the row that are not NaN; k = count, or rint(fraction * numbers)
//   threshold = the k-th smallest key of the row's numbers, found digit by digit of 8 bits
//   i is pruned  <=>  key(i) < threshold, or key(i) == threshold and i is among the last of these,
//                     as many as make k; a row with a NaN stays as it was unless NaN is kept
//
// Bytes an element: read once and written once, 2 + 2 (16-bit types) or 4 + 4 (32-bit types) while the row is
// on chip (warp, block); 7 or more reads and a write where it is not (global). Scores are 4 more, a packed
// mask 1/8. Slice.form is F32 or HALF; Slice.pruned null writes a mask alone. A tile is Slice.tile_rows = R
// neighbouring rows; tiles of a slice: ceil(rows / R). Launch: any number of blocks is correct; 16 times what
// the device holds at once, at most the tiles, is meant. With lanes = 16 / bytes:
//   staged = (outer == 1 ? round_up(R * inner + lanes - 1, lanes) : outer * round_up(R * inner, lanes))
//            * (bytes + (by magnitude ? 0 : 4))
//
//   coppice_rows_warp    a warp a row. outer == 1, rows of up to 4 KiB, R such that staged
//                        is about 16 KiB. 256 threads; 64 + 8 * ROW_BYTES + the largest staged.
//   coppice_rows_block   a block R rows. R = 1 if outer == 1, else R with R * inner * bytes of 32 or better
//                        64, so that whole sectors are read. 256 threads up to a staged of 32 KiB, 512
//                        above; 64 + the largest R * ROW_BYTES + the largest staged.
//   coppice_rows_global  the same where `staged` does not fit: the weights are read again for each digit.
//                        512 threads, 64 + the largest R * LONG_ROW_BYTES.
//
// Rows by magnitude that lie side by side (outer == 1) and fit a team's registers, 8 vectors of 16 bytes a thread,
// are held there (held_rows.cuh): up to 4 KiB by a warp, 32 KiB by 256 threads, 64 KiB by 512. The others are
// staged in shared memory and selected by digits (select_rows.cuh).
//
// What limits them: instructions, not bytes. Counted in sm_90's code, a held row takes 1.5 an element (16-bit types)
// or 2.5 (32-bit types) in each round of bisection, and 32 a thread and round to add up; there are at most 17 or 33
// rounds. Some 20 or 35 more load and prune. With 16 elements a thread that makes some 95 an element for 16-bit
// types, with 56 some 65. A staged row takes some 90 an element for each digit, most of them in the vote on who adds
// to a bin, and up to 240 to prune; digits are two for 16-bit types by magnitude, four otherwise. The memory leaves
// 27 or 55 free (n_of_m_2_4.cu).
#include "held_rows.cuh"
#include "select_rows.cuh"

// Weights in shared memory.
template <typename Bits, bool MAGNITUDE>
struct StagedRows {
  using Index = unsigned;
  Bits* staged;
  const unsigned* keys;
  unsigned pitch;

  __device__ Bits weight(unsigned line, unsigned column) const {
    return shared(staged)[line * pitch + column];
  }
  __device__ unsigned key(unsigned line, unsigned column, Bits weight) const {
    return MAGNITUDE ? own_key(weight) : shared(keys)[line * pitch + column];
  }
  __device__ void settle(unsigned line, unsigned column, Bits, bool goes) const {
    if (goes) {
      shared(staged)[line * pitch + column] = 0;
    }
  }
  static constexpr unsigned DIGITS = MAGNITUDE && sizeof(Bits) == 2 ? 2 : 4;
};

// Weights in device memory.
template <typename Bits, bool MAGNITUDE>
struct DirectRows {
  using Index = unsigned long long;
  const RowsParameters& p;
  const Slice& slice;
  Index first;
  Index stride;

  __device__ Bits weight(Index line, Index column) const {
    return slices::global(static_cast<const Bits*>(slice.weights))[first + line * stride + column];
  }
  __device__ unsigned key(Index line, Index column, Bits weight) const {
    if constexpr (MAGNITUDE) {
      return own_key(weight);
    }
    const Index position = first + line * stride + column;
    return p.ranking == Ranking::SCORES
               ? score_key(slice, position)
               : philox_word(p.seed, slice.tensor_id, tensor_index(slice, position));
  }
  __device__ void settle(Index line, Index column, Bits weight, bool goes) const {
    if (slice.pruned != nullptr && (goes || slice.pruned != slice.weights)) {
      slices::global(static_cast<Bits*>(slice.pruned))[first + line * stride + column] =
          goes ? Bits{0} : weight;
    }
  }
  static constexpr unsigned DIGITS = MAGNITUDE && sizeof(Bits) == 2 ? 2 : 4;
};

// The rows of a tile as lines of neighbours.
__device__ inline Bundle<unsigned long long> bundle_of(const Slice& slice, unsigned long long tile) {
  const unsigned long long first = tile * slice.tile_rows;
  const unsigned long long rows = min(slice.rows - first, 0ULL + slice.tile_rows);
  return {first * slice.inner, slice.rows * slice.inner, slice.elements / (slice.rows * slice.inner),
          rows * slice.inner, static_cast<unsigned>(rows)};
}

// Stages a tile, calls select(tile, staged weights, keys), writes it back.
template <typename Bits, bool MAGNITUDE, typename Select>
__device__ inline void with_staged(const RowsParameters& p, const Slice& slice,
                                   unsigned long long tile, uint4* shared, Select select) {
  const Bundle<unsigned long long> bundle = bundle_of(slice, tile);
  const Tile made =
      make_tile<Bits>(slice, bundle.first, static_cast<unsigned>(bundle.lines),
                      static_cast<unsigned>(bundle.width), bundle.stride);
  auto* keys = reinterpret_cast<unsigned*>(shared);
  auto* staged = reinterpret_cast<Bits*>(MAGNITUDE ? keys : keys + made.lines * made.pitch);
  __syncthreads();
  stage(slice, made, staged);
  if constexpr (!MAGNITUDE) {
    stage_keys(slice, made, p.ranking, p.seed, keys);
  }
  __syncthreads();
  select(made, bundle.rows, staged, keys);
  __syncthreads();
  unstage(slice, made, staged);
}

template <typename Bits, bool MAGNITUDE>
struct ByWarp {
  __device__ static void run(const RowsParameters& p, const Slice& slice, unsigned long long tile,
                             Counts& counts) {
    auto* rows = reinterpret_cast<unsigned char*>(coppice_shared + TILE_HEADER);
    const unsigned warps = blockDim.x / 32;
    auto& own = *reinterpret_cast<Row<unsigned>*>(rows + threadIdx.x / 32 * ROW_BYTES);
    if (MAGNITUDE && held_rows::fit<WarpTeam, Bits>(slice)) {
      const Bundle<unsigned long long> bundle = bundle_of(slice, tile);
      for (unsigned r = threadIdx.x / 32; r < bundle.rows; r += warps) {
        held_rows::select<WarpTeam, Bits>(p, slice, bundle.first + r * slice.inner,
                                          reinterpret_cast<held_rows::Words*>(&own), counts);
      }
      return;
    }
    with_staged<Bits, MAGNITUDE>(
        p, slice, tile, reinterpret_cast<uint4*>(rows + warps * ROW_BYTES),
        [&](const Tile& made, unsigned count, Bits* staged, const unsigned* keys) {
          const auto length = static_cast<unsigned>(slice.inner);
          for (unsigned r = threadIdx.x / 32; r < count; r += warps) {
            const unsigned at = made.lead + r * length;
            select_rows<WarpTeam, Bits>(p, slice,
                                        StagedRows<Bits, MAGNITUDE>{staged + at, keys + at, made.pitch},
                                        Bundle<unsigned>{made.first + r * length, 0, 1, length, 1},
                                        &own, counts);
          }
        });
  }
};

template <typename Bits, bool MAGNITUDE>
struct ByBlock {
  __device__ static void run(const RowsParameters& p, const Slice& slice, unsigned long long tile,
                             Counts& counts) {
    uint4* const rows = coppice_shared + TILE_HEADER;
    if (MAGNITUDE && held_rows::fit<BlockTeam, Bits>(slice)) {
      const Bundle<unsigned long long> bundle = bundle_of(slice, tile);
      for (unsigned r = 0; r < bundle.rows; r++) {
        held_rows::select<BlockTeam, Bits>(p, slice, bundle.first + r * slice.inner,
                                           reinterpret_cast<held_rows::Words*>(rows), counts);
      }
      return;
    }
    with_staged<Bits, MAGNITUDE>(
        p, slice, tile, rows + slice.tile_rows * (ROW_BYTES / sizeof(uint4)),
        [&](const Tile& made, unsigned count, Bits* staged, const unsigned* keys) {
          select_rows<BlockTeam, Bits>(
              p, slice,
              StagedRows<Bits, MAGNITUDE>{staged + made.lead, keys + made.lead, made.pitch},
              Bundle<unsigned>{made.first, made.stride, made.lines, made.length, count},
              reinterpret_cast<Row<unsigned>*>(rows), counts);
        });
  }
};

template <typename Bits, bool MAGNITUDE>
struct Direct {
  __device__ static void run(const RowsParameters& p, const Slice& slice, unsigned long long tile,
                             Counts& counts) {
    const Bundle<unsigned long long> bundle = bundle_of(slice, tile);
    select_rows<BlockTeam, Bits>(
        p, slice, DirectRows<Bits, MAGNITUDE>{p, slice, bundle.first, bundle.stride}, bundle,
        reinterpret_cast<Row<unsigned long long>*>(coppice_shared + TILE_HEADER), counts);
  }
};

template <template <typename, bool> typename Variant, bool MAGNITUDE>
__device__ inline void for_rows(const RowsParameters& p, unsigned tiles_a_flush) {
  for_tiles(p, tiles_a_flush, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      Variant<uint16_t, MAGNITUDE>::run(p, slice, tile, counts);
    } else {
      Variant<uint32_t, MAGNITUDE>::run(p, slice, tile, counts);
    }
  });
}

template <template <typename, bool> typename Variant>
__device__ inline void rows(const RowsParameters& p, unsigned tiles_a_flush) {
  if (p.ranking == Ranking::MAGNITUDE) {
    for_rows<Variant, true>(p, tiles_a_flush);
  } else {
    for_rows<Variant, false>(p, tiles_a_flush);
  }
}

extern "C" __global__ void __launch_bounds__(256, 2)
    coppice_rows_warp(const RowsParameters p) {
  rows<ByWarp>(p, SMALL_TILES);
}

extern "C" __global__ void __launch_bounds__(512, 1)
    coppice_rows_block(const RowsParameters p) {
  rows<ByBlock>(p, SMALL_TILES);
}

extern "C" __global__ void __launch_bounds__(512, 1)
    coppice_rows_global(const RowsParameters p) {
  rows<Direct>(p, 1);
}
