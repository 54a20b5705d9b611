package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** How the native libraries are loaded, each time in a fresh process. */
@ExtendWith(EmulatedDriver.class)
class CudaProcessTest {
  private static final String LIBRARY = "libJCudaDriver-12.6.0-linux-x86_64.so";
  private static final String USABLE = "Usable[runsOn=emulated, no GPU";

  @TempDir private Path cache;
  @TempDir private Path temporary;

  @Test
  void aLibraryPlantedInTheTemporaryFolderIsNotLoaded() throws Exception {
    Path planted = Files.writeString(temporary.resolve(LIBRARY), "not a library");
    assertThat(run(Map.of(), emulated())).contains(USABLE).contains("restored: true");
    assertThat(planted).hasContent("not a library");
    try (Stream<Path> files = Files.list(temporary)) {
      assertThat(files).containsExactly(planted);
    }
  }

  @Test
  void aTruncatedLibraryInTheCacheIsReplaced() throws Exception {
    assertThat(run(Map.of(), emulated())).contains(USABLE);
    Path kept = inCache();
    byte[] whole = Files.readAllBytes(kept);
    Files.writeString(kept, "truncated");
    assertThat(run(Map.of(), emulated())).contains(USABLE);
    assertThat(kept).hasBinaryContent(whole);
  }

  @Test
  void aCacheThatCannotBeMadeIsAReason() throws Exception {
    Files.writeString(cache.resolve("coppice"), "a file where the folder should be");
    assertThat(run(Map.of(), emulated()))
        .contains("Unusable[reason=JCuda's native library cannot be laid out: ");
  }

  @Test
  void withoutADriverTheReasonSaysWhatToInstall() throws Exception {
    Assumptions.assumeFalse(hasDriver(), "this machine has a CUDA driver");
    assertThat(run(Map.of(), List.of()))
        .contains("Unusable[reason=no CUDA driver: libcuda.so.1 was not found; install NVIDIA's");
  }

  @Test
  void withoutJCudaTheReasonSaysWhatToAdd() throws Exception {
    assertThat(runWithout("jcuda", emulated()))
        .contains("Unusable[reason=JCuda is not on the class path")
        .contains("; add org.jcuda:jcuda");
    assertThat(runWithout("jcuda-natives", emulated()))
        .contains(
            "Unusable[reason=JCuda's native library cannot be laid out: the class path has no")
        .contains("; add org.jcuda:jcuda-natives");
  }

  @Test
  void javaCppIsNotNeeded() throws Exception {
    assertThat(runWithout("javacpp", emulated()))
        .contains(USABLE)
        .contains("tensor at Optional[DeviceAddress[device=0, address=4096]]");
  }

  @Test
  void anEmulatedDriverThatIsWantedButNotThereIsAReason() throws Exception {
    Map<String, String> wanted = Map.of("COPPICE_CUDA_EMULATED", "1");
    assertThat(run(wanted, List.of())).contains("-Dcoppice.cuda.emulator does not name its folder");
    assertThat(run(wanted, List.of("-Dcoppice.cuda.emulator=" + temporary)))
        .contains("is wanted, but not built: there is no " + temporary.resolve("libcuda.so.1"));
  }

  @Test
  void theEnvironmentMakesCallsFailAndAsksForAReportAtTheEnd() throws Exception {
    Map<String, String> environment =
        Map.of("COPPICE_EMULATOR_FAIL", "cuModuleUnload:1:999", "COPPICE_EMULATOR_REPORT", "1");
    assertThat(run(environment, emulated()))
        .contains("cuModuleUnload failed: CUDA_ERROR_UNKNOWN")
        .contains("emulated driver: at exit 0 allocations (0 bytes), 1 handles, 0 contexts");
  }

  private static List<String> emulated() {
    return List.of(
        "-Dcoppice.cuda.emulated=true",
        "-Dcoppice.cuda.emulator=" + System.getProperty("coppice.cuda.emulator"));
  }

  private static boolean hasDriver() {
    return Stream.of("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib64")
        .anyMatch(folder -> Files.exists(Path.of(folder, "libcuda.so.1")));
  }

  private String run(Map<String, String> environment, List<String> options) throws Exception {
    return process().run(environment, options);
  }

  private String runWithout(String artifact, List<String> options) throws Exception {
    return process().runWithout(artifact, options);
  }

  private FreshProcess process() {
    return new FreshProcess(CudaProcess.class, cache, temporary);
  }

  private Path inCache() throws IOException {
    try (Stream<Path> files = Files.walk(cache)) {
      return files.filter(f -> f.endsWith(LIBRARY)).findFirst().orElseThrow();
    }
  }
}
