package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Energy where what counts it or what binds that is missing, each time in a fresh process. */
@ExtendWith(EmulatedDriver.class)
class EnergyProcessTest {
  private static final Path BUILT = Path.of(System.getProperty("coppice.cuda.emulator"));
  private static final String ABSENT = "joules: OptionalDouble.empty";

  @TempDir private Path cache;
  @TempDir private Path temporary;
  @TempDir private Path emulator;

  private FreshProcess process() {
    return new FreshProcess(EnergyProcess.class, cache, temporary);
  }

  /** Gives the options for an emulated driver beside which some stand-ins are. */
  private List<String> emulated(String... standIns) throws Exception {
    List<String> files = new ArrayList<>(List.of("libcuda.so.1", "kernels.image"));
    files.addAll(List.of(standIns));
    for (String file : files) {
      Files.createSymbolicLink(emulator.resolve(file), BUILT.resolve(file));
    }
    return List.of("-Dcoppice.cuda.emulated=true", "-Dcoppice.cuda.emulator=" + emulator);
  }

  @Test
  void noLibraryOfCudasIsNeededToCountEnergy() throws Exception {
    assertThat(process().run(Map.of(), emulated("libnvidia-ml.so.1")))
        .contains("joules: OptionalDouble[100");
  }

  @Test
  void withoutThePresetThereIsNoEnergy() throws Exception {
    assertThat(process().runWithout("cuda", emulated("libnvidia-ml.so.1"))).contains(ABSENT);
  }

  @Test
  void withoutJavaCppThereIsNoEnergy() throws Exception {
    assertThat(process().runWithout("javacpp", emulated("libnvidia-ml.so.1"))).contains(ABSENT);
  }

  @Test
  void withoutTheLibraryThereIsNoEnergy() throws Exception {
    Assumptions.assumeFalse(
        Stream.of("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib64")
            .anyMatch(folder -> Files.exists(Path.of(folder, "libnvidia-ml.so.1"))),
        "this machine has NVML");
    assertThat(process().run(Map.of(), emulated())).contains(ABSENT);
  }

  @Test
  void aPartOfADeviceHasNoEnergyOfItsOwn() throws Exception {
    Map<String, String> partitioned = Map.of("COPPICE_STAND_IN_MIG", "1");
    assertThat(process().run(partitioned, emulated("libnvidia-ml.so.1"))).contains(ABSENT);
  }
}
