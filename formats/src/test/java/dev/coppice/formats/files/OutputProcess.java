package dev.coppice.formats.files;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A process that writes an output and stops before one call on the disk, to be killed there. */
final class OutputProcess {
  private OutputProcess() {}

  /** Takes scenario, folder, call name and how many calls of this name to let pass. */
  public static void main(String[] arguments) throws IOException {
    int[] left = {Integer.parseInt(arguments[3])};
    Disk disk =
        new CountingDisk() {
          @Override
          void before(int call, String name) throws IOException {
            if (name.equals(arguments[2]) && left[0]-- == 0) {
              System.out.println("waiting");
              if (System.in.read() < 0) {
                throw new IOException("nobody there");
              }
            }
          }
        };
    OutputScenario.valueOf(arguments[0]).write(disk, Path.of(arguments[1]), "new!", true);
    System.out.println("done");
  }

  /** Starts it and waits until it stops before the call. */
  static Process startAndWait(OutputScenario scenario, Path folder, String call, int pass)
      throws IOException {
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-XX:TieredStopAtLevel=1",
                    "-XX:+UseSerialGC",
                    "-cp",
                    System.getProperty("java.class.path"),
                    OutputProcess.class.getName(),
                    scenario.name(),
                    folder.toString(),
                    call,
                    Integer.toString(pass)))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String line = process.inputReader().readLine();
    if (!"waiting".equals(line)) {
      process.destroyForcibly();
      throw new IOException("expected it to wait before " + call + ", but it said " + line);
    }
    return process;
  }

  /** Kills it as the kernel does when memory runs out. */
  static void kill(Process process) throws InterruptedException {
    process.destroyForcibly();
    if (!process.waitFor(30, TimeUnit.SECONDS)) {
      throw new IllegalStateException("the process does not die");
    }
  }
}
