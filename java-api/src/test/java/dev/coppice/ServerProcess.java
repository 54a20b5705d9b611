package dev.coppice;

import dev.coppice.spi.WorkPool;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32;

/**
 * A server in a process of its own: eight calls on the pool of the process, all at once. Prints
 * what the test asks of it, {@code name=value} a line.
 */
final class ServerProcess {
  private static final int WEIGHTS = 1_500_000;
  private static final List<Rule> RULES =
      List.of(
          Rule.unstructured(0.5),
          Rule.unstructured(0.9, Scope.GLOBAL),
          Rule.nOfM(2, 4),
          Rule.unstructured(0.5, Scope.ROW),
          Rule.unstructured(0.3).by(new Criterion.Random()),
          Rule.nOfM(4, 8).axes(1, 0),
          Rule.unstructured(0.7, Scope.ROW).axes(1, 0),
          Rule.unstructured(0.2));

  /** One of the calls: a tensor, its plan, and what its listener heard. */
  private static final class Call {
    private final int number;
    private final ByteBuffer data;
    private final Tensor tensor;
    private final Cancellation cancellation = new Cancellation();
    private long done;
    private long total;
    private String outcome = "";

    Call(int number) {
      this.number = number;
      DType dtype = List.of(DType.F32, DType.F16, DType.BF16).get(number % 3);
      this.data = ByteBuffer.allocateDirect(WEIGHTS * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
      this.tensor = Tensor.of(dtype, data, 1000, WEIGHTS / 1000);
    }

    Call fill() {
      done = 0;
      total = 0;
      SplittableRandom random = new SplittableRandom(number);
      for (int i = 0; i < WEIGHTS; i++) {
        if (tensor.dtype() == DType.F32) {
          data.putFloat(4 * i, (float) random.nextGaussian());
        } else {
          data.putShort(2 * i, (short) random.nextInt(0x7C00));
        }
      }
      return this;
    }

    void prune(WorkPool pool, ProgressListener listener) {
      ProgressListener both =
          (phase, now, of) -> {
            done = now;
            total = of;
            listener.progress(phase, now, of);
          };
      Pruner.Builder builder =
          Pruner.builder().pool(pool).cancellation(cancellation).listener(both);
      try (Pruner pruner = builder.build()) {
        pruner.prune(tensor, PruningPlan.of(RULES.get(number)));
        outcome = "pruned";
      } catch (PruningCancelledException e) {
        outcome = "cancelled";
      }
    }

    long checksum() {
      CRC32 crc = new CRC32();
      crc.update(data.duplicate());
      return crc.getValue();
    }
  }

  private ServerProcess() {}

  /** Runs the calls; with the argument {@code cancel}, stops every other one as soon as it can. */
  public static void main(String[] args) throws InterruptedException {
    List<Call> calls = new ArrayList<>();
    List<Long> expected = new ArrayList<>();
    WorkPool alone = new WorkPool(1);
    for (int i = 0; i < RULES.size(); i++) {
      Call call = new Call(i).fill();
      call.prune(alone, ProgressListener.NONE);
      expected.add(call.checksum());
      calls.add(call.fill());
    }
    boolean cancels = args.length > 0 && args[0].equals("cancel");
    AtomicLong memory = new AtomicLong();
    AtomicLong workers = new AtomicLong();
    long before = directMemory();
    List<Thread> clients = new ArrayList<>();
    for (Call call : calls) {
      boolean cancelled = cancels && call.number % 2 == 1;
      if (cancelled) {
        call.cancellation.cancel();
      }
      Thread client =
          new Thread(
              () ->
                  call.prune(
                      WorkPool.shared(),
                      (phase, done, total) -> {
                        memory.accumulateAndGet(directMemory(), Math::max);
                        workers.accumulateAndGet(workers(), Math::max);
                      }));
      clients.add(client);
      client.start();
    }
    for (Thread client : clients) {
      client.join();
    }
    for (int i = 0; i < calls.size(); i++) {
      Call call = calls.get(i);
      String right = call.checksum() == expected.get(i) ? "right" : "wrong";
      System.out.printf("call%d=%s %s %d of %d%n", i, call.outcome, right, call.done, call.total);
    }
    System.out.println("memory=" + (memory.get() - before));
    System.out.println("workers=" + (workers.get() - alone.threads()));
    System.out.println("threads=" + WorkPool.shared().threads());
  }

  private static long directMemory() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  private static long workers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("coppice-worker"))
        .count();
  }
}
