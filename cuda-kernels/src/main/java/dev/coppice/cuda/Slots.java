package dev.coppice.cuda;

import dev.coppice.DeviceOutOfMemoryException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUresult;

/**
 * Where batches lie on the device: side by side if all fit there at once, otherwise in two slots in
 * turn.
 *
 * @param memories one for all batches, or one for each slot; none if nothing is brought there
 * @param done for each batch that is there at once, the point where the device is done with it
 * @param offsets where each part begins in its memory
 */
record Slots(
    List<Part> parts,
    List<Batch> batches,
    List<DeviceMemory> memories,
    List<CudaEvent> done,
    List<Long> offsets) {
  /** Chunks are not halved below this when the device is out of memory. */
  private static final int FLOOR = 4 << 10;

  /**
   * How much of the device's memory is asked for.
   *
   * @param chunk the most bytes that one part brings to the device
   * @param allAtOnce whether all parts are to be there at once
   */
  record Room(int chunk, boolean allAtOnce) {
    /** Gives room for everything. */
    static Room all(CudaDevice device) {
      return new Room(device.settings().chunk(), true);
    }
  }

  /** What is tried with some room; it changes nothing if there is not as much. */
  @FunctionalInterface
  interface Attempt {
    void run(Room room) throws IOException;
  }

  /** Tries with room for everything, and then, as long as the device has too little, with less. */
  static void attempt(CudaDevice device, Attempt attempt) throws IOException {
    try {
      attempt.run(Room.all(device));
    } catch (DeviceOutOfMemoryException e) {
      attemptInTurn(device, attempt);
    }
  }

  /** Tries with two slots, halved as long as the device has too little. */
  static void attemptInTurn(CudaDevice device, Attempt attempt) throws IOException {
    int chunk = device.settings().chunk();
    while (true) {
      try {
        attempt.run(new Room(chunk, false));
        return;
      } catch (DeviceOutOfMemoryException e) {
        chunk /= 2;
        if (chunk < FLOOR) {
          throw e;
        }
      }
    }
  }

  /**
   * Finds room for parts, and opens lanes to it.
   *
   * @throws DeviceOutOfMemoryException if the device has not as much
   */
  static Slots allocate(DeviceCall call, List<Part> parts, Room room) {
    List<Batch> batches = Batch.cut(parts, room.chunk());
    long all = parts.stream().mapToLong(Batch::slotBytes).sum();
    long most = call.device().settings().resident();
    if (room.allAtOnce() && all > most) {
      throw new DeviceOutOfMemoryException(CUresult.CUDA_ERROR_OUT_OF_MEMORY, all, most);
    }
    if (all > 0) {
      call.openLanes();
    }
    if (all == 0 || room.allAtOnce()) {
      List<DeviceMemory> one = all == 0 ? List.of() : List.of(call.borrow(all));
      List<CudaEvent> done = call.events(batches.size());
      return new Slots(parts, batches, one, done, offsets(parts, 0, parts.size()));
    }
    long bytes = batches.stream().mapToLong(Batch::bytes).max().orElseThrow();
    List<DeviceMemory> two = List.of(call.borrow(bytes), call.borrow(bytes));
    List<Long> offsets = new ArrayList<>();
    for (Batch batch : batches) {
      offsets.addAll(offsets(parts, batch.from(), batch.to()));
    }
    return new Slots(parts, batches, two, call.events(2), offsets);
  }

  private static List<Long> offsets(List<Part> parts, int from, int to) {
    List<Long> offsets = new ArrayList<>();
    long next = 0;
    for (Part part : parts.subList(from, to)) {
      offsets.add(next);
      next += Batch.slotBytes(part);
    }
    return offsets;
  }

  /** Gives the memory that a batch's host weights are brought to. */
  DeviceMemory memory(int batch) {
    return memories.get(batch % memories.size());
  }

  /** Gives the point where the device is done with a batch, or with what its slot held before. */
  CudaEvent doneWith(int batch) {
    return done.get(batch % done.size());
  }

  /**
   * Gives the batch that must be finished before this one is brought to its slot; below 0: none.
   */
  int before(int batch) {
    return batch - done.size();
  }

  /** Says whether every batch stays where it is. */
  boolean isResident() {
    return memories.size() < 2;
  }

  /** Gives the address of a part on the device. */
  long address(int batch, int part) {
    Part of = parts.get(part);
    return of.isOnDevice() ? of.address() : memory(batch).address() + offsets.get(part);
  }
}
