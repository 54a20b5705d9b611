package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What is said where a library or what binds it is missing, each time in a fresh process. */
@ExtendWith(EmulatedDriver.class)
class LibrariesProcessTest {
  private static final Path BUILT = Path.of(System.getProperty("coppice.cuda.emulator"));

  private static final List<String> DRIVER = List.of("libcuda.so.1", "kernels.image");

  @TempDir private Path cache;
  @TempDir private Path temporary;
  @TempDir private Path emulator;

  private FreshProcess process() {
    return new FreshProcess(LibrariesProcess.class, cache, temporary);
  }

  /** Gives the options for an emulated driver beside which some stand-ins are. */
  private List<String> emulated(String... standIns) throws Exception {
    for (String file : Stream.concat(DRIVER.stream(), Stream.of(standIns)).toList()) {
      Files.createSymbolicLink(emulator.resolve(file), BUILT.resolve(file));
    }
    return List.of("-Dcoppice.cuda.emulated=true", "-Dcoppice.cuda.emulator=" + emulator);
  }

  @Test
  void theLibrariesThatAreMissingAreNamedAndWhatToDo() throws Exception {
    Assumptions.assumeFalse(areInstalled(), "this machine has some of the libraries");
    String printed = process().run(Map.of(), emulated("libcudart.so.13"));
    // Newer Java warns of libraries that are loaded.
    assertThat(printed.lines().filter(line -> line.contains("usable[")))
        .containsExactly(
            "cublas: Unusable[reason=no cuBLAS: on CUDA 12, JCublas needs libcublas.so.12, which"
                + " was not found: install it, or name its folder in LD_LIBRARY_PATH; on CUDA 13,"
                + " JavaCPP's preset needs libcublas.so.13, which was not found: install it, or"
                + " name its folder in LD_LIBRARY_PATH]",
            "cublas-tf32: Unusable[reason=TF32 keeps 10 bits of a weight's fraction: allow that"
                + " with -Dcoppice.cuda.tf32=true]",
            "cusparse: Unusable[reason=JCusparse needs libcusparse.so.12, which was not found:"
                + " install it, or name its folder in LD_LIBRARY_PATH]",
            "cusparselt: Unusable[reason=no cuSPARSELt (libcusparseLt.so.0: cannot open shared"
                + " object file: No such file or directory): install it, and name its folder in"
                + " LD_LIBRARY_PATH]");
  }

  private static boolean areInstalled() {
    return Stream.of(
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib64",
            "/usr/local/cuda/lib64",
            "/usr/lib",
            "/lib64")
        .map(Path::of)
        .anyMatch(
            folder ->
                Stream.of("cublas.so.12", "cublas.so.13", "cusparse.so.12", "cusparseLt.so.0")
                    .anyMatch(name -> Files.exists(folder.resolve("lib" + name))));
  }

  @Test
  void onCuda13AloneCublasIsCalledThroughJavaCpp() throws Exception {
    List<String> options = emulated("libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13");
    assertThat(process().run(Map.of(), options))
        .contains("cublas: Usable[runsOn=emulated, no GPU: cuBLAS 13.3.0 through JavaCPP's preset");
  }

  @Test
  void withoutTheirJarsTheReasonSaysWhatToAdd() throws Exception {
    List<String> options =
        emulated("libcublas.so.12", "libcublas.so.13", "libcublasLt.so.13", "libcusparse.so.12");
    assertThat(process().runWithout("(jcublas|jcusparse|cuda)", options))
        .contains("on CUDA 12, JCublas is not on the class path: add org.jcuda:jcublas:12.6.0;")
        .contains("on CUDA 13, JavaCPP's preset is not on the class path: add org.bytedeco:cuda:")
        .contains("JCusparse is not on the class path: add org.jcuda:jcusparse:12.6.0");
    assertThat(process().runWithout("(jcublas|jcusparse)-natives", options))
        .contains("JCusparse's native library cannot be laid out: the class path has no lib/lib")
        .contains("; add org.jcuda:jcusparse-natives");
  }

  @Test
  void withoutJCudaTheReasonSaysWhatToAdd() throws Exception {
    assertThat(process().runWithout("jcuda", emulated()))
        .contains("cublas: Unusable[reason=JCuda is not on the class path")
        .contains("cusparselt: Unusable[reason=JCuda is not on the class path");
  }

  @Test
  void aCusparseLtThatIsNotKnownIsRefused() throws Exception {
    List<String> options = emulated("libcusparseLt.so.0");
    assertThat(process().run(Map.of("COPPICE_STAND_IN_CUSPARSELT", "400"), options))
        .contains("Unusable[reason=cuSPARSELt 0.4.0 is not known to Coppice, which calls 0.6 to");
    assertThat(process().run(Map.of("COPPICE_STAND_IN_CUSPARSELT", "1000"), options))
        .contains("cuSPARSELt 0.10.0 on emulated device");
  }

  @Test
  void aCublasPlantedInTheTemporaryFolderIsNotLoaded() throws Exception {
    Path planted =
        Files.writeString(temporary.resolve("libJCublas2-12.6.0-linux-x86_64.so"), "not a library");
    assertThat(process().run(Map.of(), emulated("libcublas.so.12")))
        .contains("cuBLAS 12.6.1 through JCublas");
    assertThat(planted).hasContent("not a library");
  }
}
