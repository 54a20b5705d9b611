package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StepsTest {
  private static final class Screen extends ByteArrayOutputStream {
    private final CountDownLatch written = new CountDownLatch(1);

    @Override
    public synchronized void write(byte[] bytes, int from, int count) {
      super.write(bytes, from, count);
      written.countDown();
    }
  }

  private final Screen screen = new Screen();

  private String run(boolean terminal) throws IOException, InterruptedException {
    PrintStream err = new PrintStream(screen, true, StandardCharsets.UTF_8);
    try (Steps steps = new Steps(err, terminal)) {
      assertThat(steps.run("at once", () -> 1)).isEqualTo(1);
      boolean said =
          steps.run("waiting for these words", () -> screen.written.await(1, TimeUnit.MINUTES));
      assertThat(said).isTrue();
    }
    return screen.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
  }

  @Test
  void aLongStepIsSaidOnALineAndAShortOneIsNot() throws IOException, InterruptedException {
    assertThat(run(false)).isEqualTo("... waiting for these words\n");
  }

  @Test
  void onATerminalTheLineGoesWhenTheStepEnds() throws IOException, InterruptedException {
    assertThat(run(true)).isEqualTo("... waiting for these words\r\033[K");
  }
}
