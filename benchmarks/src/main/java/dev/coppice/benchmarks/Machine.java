package dev.coppice.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What the figures were measured on; neither its name nor any path. */
record Machine(String processor, int cores, long memoryMebibytes) {
  static Machine here() throws IOException {
    return new Machine(
        field("/proc/cpuinfo", "model name", System.getProperty("os.arch")),
        Runtime.getRuntime().availableProcessors(),
        number(field("/proc/meminfo", "MemTotal", "0")) >> 10);
  }

  /** Gives a name for a file. */
  String slug() {
    String words = processor.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return (words + "-" + cores + "c").replaceAll("^-+", "");
  }

  Map<String, Object> describe() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("processor", processor);
    fields.put("cores", cores);
    fields.put("memory_mib", memoryMebibytes);
    fields.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    fields.put(
        "java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    return fields;
  }

  /** Gives the number at the beginning of a text. */
  static long number(String text) {
    return Long.parseLong(text.replaceAll("\\D.*", ""));
  }

  /** Gives the first field of that name of a file such as those of /proc. */
  static String field(String file, String name, String otherwise) throws IOException {
    Path path = Path.of(file);
    if (!Files.isReadable(path)) {
      return otherwise;
    }
    return Files.readAllLines(path).stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst()
        .orElse(otherwise);
  }
}
