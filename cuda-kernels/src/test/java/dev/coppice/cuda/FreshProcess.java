package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs a class in a process of its own, with a cache and a temporary folder of its own. */
record FreshProcess(Class<?> main, Path cache, Path temporary) {
  /** Gives what a process with this environment and these options printed. */
  String run(Map<String, String> environment, List<String> options) throws Exception {
    return run(environment, options, System.getProperty("java.class.path"));
  }

  /** Gives what it printed without the jars of an artifact; jcuda's natives are another one. */
  String runWithout(String artifact, List<String> options) throws Exception {
    String all = System.getProperty("java.class.path");
    List<String> some =
        Stream.of(all.split(File.pathSeparator))
            .filter(entry -> !Path.of(entry).getFileName().toString().matches(artifact + "-\\d.*"))
            .toList();
    assertThat(all.split(File.pathSeparator)).hasSizeGreaterThan(some.size());
    return run(Map.of(), options, String.join(File.pathSeparator, some));
  }

  private String run(Map<String, String> environment, List<String> options, String classPath)
      throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(options);
    command.add("-Djava.io.tmpdir=" + temporary);
    command.addAll(List.of("-cp", classPath));
    command.add(main.getName());
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("XDG_CACHE_HOME", cache.toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(printed).isZero();
    return printed;
  }
}
