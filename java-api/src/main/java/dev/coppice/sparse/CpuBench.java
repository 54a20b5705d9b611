package dev.coppice.sparse;

import dev.coppice.Tensor;
import dev.coppice.spi.LinearBench;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The processor. What the system's files do not tell has a usual value, or is left out. */
final class CpuBench implements LinearBench {
  private static final long USUAL_CACHE = 32L << 20;

  /** How vectors are called, the widest first, by a flag of /proc/cpuinfo. */
  private static final List<Map.Entry<String, String>> VECTORS =
      List.of(
          Map.entry("avx512_bf16", "AVX-512 with BF16"),
          Map.entry("avx512f", "AVX-512"),
          Map.entry("avx2", "AVX2"),
          Map.entry("sve", "SVE"),
          Map.entry("asimd", "NEON"));

  private static final Pattern SIZE = Pattern.compile("(\\d{1,9})([KMG]?)");
  private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s*(\\d{1,15}) kB");
  private static final double MICRO = 1e-6;

  private final Device.Cpu device;
  private final Path root;
  private final TreeMap<Path, Long> energy = new TreeMap<>();
  private double joules;

  CpuBench(Device.Cpu device, Path root) {
    this.device = device;
    this.root = root;
    joules(); // From here on what is added counts.
  }

  @Override
  public String description() {
    String info = text("proc/cpuinfo").orElse("");
    String name = field(info, "model name").orElse(System.getProperty("os.arch", "unknown"));
    String words = field(info, "flags").or(() -> field(info, "Features")).orElse("");
    Set<String> flags = new HashSet<>(List.of(words.split("\\s+", -1)));
    String vectors =
        VECTORS.stream()
            .filter(entry -> flags.contains(entry.getKey()))
            .findFirst()
            .map(entry -> ", " + entry.getValue())
            .orElse("");
    return "%s%s, %d of %d threads"
        .formatted(name, vectors, device.threads(), Runtime.getRuntime().availableProcessors());
  }

  private static Optional<String> field(String info, String name) {
    return info.lines()
        .filter(line -> line.startsWith(name) && line.indexOf(':') > 0)
        .findFirst()
        .map(line -> line.substring(line.indexOf(':') + 1).strip());
  }

  @Override
  public long cacheBytes() {
    long largest = 0;
    for (Path cache : list("sys/devices/system/cpu/cpu0/cache", "index*")) {
      Matcher size = SIZE.matcher(text(cache.resolve("size")).orElse("").strip());
      if (size.matches()) {
        int shift =
            switch (size.group(2)) {
              case "K" -> 10;
              case "M" -> 20;
              case "G" -> 30;
              default -> 0;
            };
        largest = Math.max(largest, Long.parseLong(size.group(1)) << shift);
      }
    }
    return largest > 0 ? largest : USUAL_CACHE;
  }

  /** {@inheritDoc} No more than Java gives to direct memory, which is what its heap may take. */
  @Override
  public long freeBytes() {
    long java = Runtime.getRuntime().maxMemory();
    Matcher available = AVAILABLE.matcher(text("proc/meminfo").orElse(""));
    return available.find() ? Math.min(java, Long.parseLong(available.group(1)) << 10) : java;
  }

  @Override
  public Tensor copyOf(Tensor host) {
    int bytes = Math.toIntExact(host.shape().elements() * host.dtype().bytes());
    ByteBuffer copy = Part.allocate("operand", bytes).order(ByteOrder.LITTLE_ENDIAN);
    host.read(0, copy);
    return Tensor.of(host.dtype(), copy.clear(), host.shape().toArray());
  }

  @Override
  public void copyTo(Tensor here, Tensor host) {
    int bytes = Math.toIntExact(here.shape().elements() * here.dtype().bytes());
    ByteBuffer copy = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    here.read(0, copy);
    host.write(0, copy.clear());
  }

  @Override
  public OptionalLong stream() {
    return OptionalLong.empty();
  }

  @Override
  public double seconds(Runnable calls) {
    long begin = System.nanoTime();
    calls.run();
    return (System.nanoTime() - begin) * 1e-9;
  }

  /**
   * {@inheritDoc} What the counters of all packages have gone up by since it was opened (RAPL,
   * where the system lets its user read them). They begin again at 0 some time.
   */
  @Override
  public OptionalDouble joules() {
    boolean counted = false;
    for (Path zone : list("sys/class/powercap", "intel-rapl:*")) {
      boolean whole = text(zone.resolve("name")).orElse("").startsWith("package");
      OptionalLong now = whole ? number(zone.resolve("energy_uj")) : OptionalLong.empty();
      if (now.isPresent()) {
        counted = true;
        Long before = energy.put(zone, now.getAsLong());
        joules += MICRO * growth(zone, before == null ? now.getAsLong() : before, now.getAsLong());
      }
    }
    return counted ? OptionalDouble.of(joules) : OptionalDouble.empty();
  }

  private long growth(Path zone, long before, long now) {
    long range = number(zone.resolve("max_energy_range_uj")).orElse(before);
    return now >= before ? now - before : range - before + now;
  }

  private OptionalLong number(Path file) {
    String digits = text(file).orElse("").strip();
    return digits.matches("\\d{1,18}")
        ? OptionalLong.of(Long.parseLong(digits))
        : OptionalLong.empty();
  }

  private Optional<String> text(String file) {
    return text(root.resolve(file));
  }

  private static Optional<String> text(Path file) {
    try {
      return Optional.of(Files.readString(file, StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private List<Path> list(String folder, String glob) {
    try (DirectoryStream<Path> found = Files.newDirectoryStream(root.resolve(folder), glob)) {
      List<Path> all = new ArrayList<>();
      found.forEach(all::add);
      return all;
    } catch (IOException e) {
      return List.of();
    }
  }

  /** Does nothing: the collector takes operands back. */
  @Override
  public void close() {}
}
