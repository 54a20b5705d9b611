package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.PruningCancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TieLedgerTest {
  /** A thread that asks for its slice's share. */
  private static final class Asker extends Thread {
    private final FutureTask<Long> task;

    Asker(TieLedger ledger, long index, long ties) {
      this(new FutureTask<>(() -> ledger.deal(index, ties)));
    }

    private Asker(FutureTask<Long> task) {
      super(task);
      this.task = task;
      start();
    }

    long share() throws ExecutionException, InterruptedException {
      return task.get();
    }

    Asker waiting() {
      while (getState() != State.WAITING) {
        Thread.onSpinWait();
      }
      return this;
    }
  }

  @Test
  void theFirstSlicesKeepTheirTiesWhoeverAsksFirst() throws Exception {
    TieLedger ledger = new TieLedger(5);
    Asker second = new Asker(ledger, 2, 4).waiting();
    Asker first = new Asker(ledger, 1, 3).waiting();
    assertThat(ledger.deal(0, 1)).isEqualTo(1);
    assertThat(first.share()).isEqualTo(3);
    assertThat(second.share()).isEqualTo(1);
    assertThat(ledger.isEmpty()).isTrue();
  }

  @Test
  void onceAllAreDealtOutNobodyWaits() throws Exception {
    TieLedger ledger = new TieLedger(2);
    Asker third = new Asker(ledger, 3, 9).waiting();
    assertThat(ledger.isEmpty()).isFalse();
    assertThat(ledger.deal(0, 2)).isEqualTo(2);
    assertThat(third.share()).isZero();
    assertThat(ledger.deal(17, 1)).isZero();
  }

  @Test
  void theSharesOfManySlicesAddUpToWhatIsKept() throws Exception {
    TieLedger ledger = new TieLedger(100);
    List<Asker> askers = new ArrayList<>();
    for (int index = 15; index >= 0; index--) {
      askers.add(new Asker(ledger, index, 7));
    }
    for (int i = 0; i < 16; i++) {
      long expected = i < 14 ? 7 : i == 14 ? 2 : 0;
      assertThat(askers.get(15 - i).share()).as("slice %d", i).isEqualTo(expected);
    }
  }

  @Test
  void whoComesAfterAFailedSliceIsLetGo() {
    TieLedger ledger = new TieLedger(5);
    Asker waiting = new Asker(ledger, 2, 4).waiting();
    ledger.abandon(1);
    assertThatThrownBy(waiting::share).hasCauseInstanceOf(PruningCancelledException.class);
    assertThatThrownBy(() -> ledger.deal(3, 1)).isInstanceOf(PruningCancelledException.class);
  }

  @Test
  void whoComesBeforeAFailedSliceStillGetsItsShare() throws Exception {
    TieLedger ledger = new TieLedger(5);
    Asker waiting = new Asker(ledger, 1, 4).waiting();
    ledger.abandon(2);
    assertThat(ledger.deal(0, 2)).isEqualTo(2);
    assertThat(waiting.share()).isEqualTo(3);
  }
}
