package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.spi.Availability;
import java.lang.reflect.Field;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Runs a test class on the emulated driver, and asserts after each test that nothing is alive
 * there. Where the driver is not built, the class is skipped; {@code -Dcoppice.require=cuda} makes
 * it fail.
 */
final class EmulatedDriver implements ExecutionCondition, BeforeEachCallback, AfterEachCallback {
  /**
   * Makes the n-th call of that name from now on answer {@code code}; "*" is any call. A name with
   * "@run" behind it is the operation of that call when a stream comes to it, "*@run" any such.
   */
  static native void fail(String call, long n, int code);

  /** Gives how often that call was made since the last reset; "*" is any call. */
  static native long calls(String call);

  /** Gives how often the kernel of that name was launched since the last reset. */
  static native long launches(String kernel);

  /** Gives the allocations of device memory that are not freed. */
  static native long liveAllocations();

  /** Gives the allocations of pinned host memory that are not freed, and the registered ranges. */
  static native long livePinned();

  /** Gives the contexts, modules, streams, events and pools that are not given back. */
  static native long liveHandles();

  static native void setSharedMemory(int bytes);

  /** Sets how much memory the first device has. */
  static void setMemory(long bytes) {
    setMemory(0, bytes);
  }

  static native void setMemory(int device, long bytes);

  static native void setDriverVersion(int version);

  static native void setDevices(int count);

  /**
   * Makes streams run each operation at once, instead of only when somebody waits for it as they do
   * after a reset.
   */
  static native void setEager(boolean eager);

  /**
   * Begins anew, with nothing alive and no call counted. What a test abandoned is given back first:
   * later, its cleaner would give back what has got the same address by then.
   */
  static void reset() {
    if (alive() > 0) {
      // Twice, since a cleaner may come to the objects of one collection in any order.
      collect();
      collect();
    }
    forget();
  }

  /** Begins anew with a device that was lost, as only a new process can. */
  static void revive() {
    reset();
    try {
      Field lost = CudaResult.class.getDeclaredField("lost");
      lost.setAccessible(true);
      lost.set(null, null);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  private static native void forget();

  private static void collect() {
    Handle last = new Handle(new Object(), "nothing, but what a test abandons", () -> {});
    System.gc();
    long end = System.nanoTime() + 2_000_000_000L;
    while (!last.isClosed() && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }

  /** Gives how much is not given back: memory, handles, contexts. */
  static long alive() {
    return liveAllocations() + livePinned() + liveHandles();
  }

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    if (context.getTestMethod().isPresent()) {
      return ConditionEvaluationResult.enabled("decided for the class");
    }
    boolean required =
        List.of(System.getProperty("coppice.require", "").split(",")).contains("cuda");
    if (new CudaProvider().availability() instanceof Availability.Unusable unusable) {
      assertThat(required).as("cuda is required: " + unusable.reason()).isFalse();
      return ConditionEvaluationResult.disabled(unusable.reason());
    }
    return ConditionEvaluationResult.enabled("the emulated driver is there");
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    reset();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (!CudaResult.isLost()) {
      assertThat(liveAllocations()).as("allocations alive on the device").isZero();
      assertThat(livePinned()).as("pinned allocations alive on the host").isZero();
      assertThat(liveHandles()).as("handles alive on the device").isZero();
    }
  }
}
