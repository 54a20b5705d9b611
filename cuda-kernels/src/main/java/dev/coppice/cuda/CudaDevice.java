package dev.coppice.cuda;

import dev.coppice.spi.Closing;
import java.util.List;

/**
 * A device with the kernels loaded, and what calls borrow there. Safe for use by several threads;
 * what borrows is called with the context current.
 */
final class CudaDevice implements AutoCloseable {
  private final Settings settings;
  private final CudaContext context;
  private final CudaModule module;
  private final Kernels kernels;
  private final DeviceArena arena;
  private final Idle<CudaStream> streams = new Idle<>(CudaStream::close);
  private final Idle<CudaEvent> events = new Idle<>(CudaEvent::close);
  private final Idle<PinnedMemory> pinned = new Idle<>(PinnedMemory::close);
  private final Idle<LaunchBlock> launchBlocks = new Idle<>(block -> {});
  private final Idle<Lane> lanes = new Idle<>(Lane::close);

  private CudaDevice(CudaContext context, CudaModule module) {
    this.context = context;
    this.settings = Settings.read(context.memory()[1]);
    this.module = module;
    this.kernels = new Kernels(context, module);
    this.arena = new DeviceArena(context, settings);
  }

  /**
   * Opens a device and loads the kernels.
   *
   * @throws dev.coppice.BackendUnavailableException with the reason, if they cannot be used
   */
  static CudaDevice open(int ordinal) {
    CudaContext context = CudaContext.open(ordinal);
    try {
      return context.call(() -> load(context));
    } catch (RuntimeException e) {
      try (context) {
        throw e;
      }
    }
  }

  private static CudaDevice load(CudaContext context) {
    CudaModule module = new CudaModule(context);
    try {
      return new CudaDevice(context, module);
    } catch (RuntimeException e) {
      try (module) {
        throw e;
      }
    }
  }

  Settings settings() {
    return settings;
  }

  CudaContext context() {
    return context;
  }

  CudaModule module() {
    return module;
  }

  Kernels kernels() {
    return kernels;
  }

  DeviceArena arena() {
    return arena;
  }

  Idle<CudaStream> streams() {
    return streams;
  }

  Idle<CudaEvent> events() {
    return events;
  }

  Idle<PinnedMemory> pinned() {
    return pinned;
  }

  Idle<LaunchBlock> launchBlocks() {
    return launchBlocks;
  }

  Idle<Lane> lanes() {
    return lanes;
  }

  @Override
  public void close() {
    Closing.all(
        List.of(
            lanes::close,
            streams::close,
            events::close,
            pinned::close,
            arena::close,
            module::close,
            context::close));
  }
}
