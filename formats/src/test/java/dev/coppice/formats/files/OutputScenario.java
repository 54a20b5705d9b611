package dev.coppice.formats.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The kinds of output, each written with the same words and read back as a stranger would. */
enum OutputScenario {
  FILE {
    @Override
    void write(Disk disk, Path folder, String word, boolean overwrite) throws IOException {
      try (FileTarget target =
          FileTarget.begin(disk, folder.resolve("out"), overwrite, List.of())) {
        put(target.main(), word);
        target.commit(List.of());
      }
    }

    @Override
    Set<Path> files(Path folder) {
      return Set.of(folder.resolve("out"));
    }
  },

  GROUP {
    @Override
    void write(Disk disk, Path folder, String word, boolean overwrite) throws IOException {
      Path pointer = folder.resolve("out");
      List<String> superseded = Files.exists(pointer) ? Files.readAllLines(pointer) : List.of();
      try (FileTarget target = FileTarget.begin(disk, pointer, overwrite, List.of())) {
        OutputFile first = target.data("first.bin");
        OutputFile second = target.data("second.bin");
        put(first, word);
        put(second, word);
        put(target.main(), first.name() + "\n" + second.name());
        target.commit(superseded);
      }
    }

    @Override
    Set<Path> files(Path folder) throws IOException {
      Path pointer = folder.resolve("out");
      return Files.readAllLines(pointer).stream()
          .map(folder::resolve)
          .collect(Collectors.toCollection(TreeSet::new));
    }

    @Override
    Set<Path> strays(Path folder) throws IOException {
      Set<Path> strays = super.strays(folder);
      strays.remove(folder.resolve("out"));
      return strays;
    }
  },

  FOLDER {
    @Override
    void write(Disk disk, Path folder, String word, boolean overwrite) throws IOException {
      try (FolderTarget target =
          FolderTarget.begin(disk, folder.resolve("out"), overwrite, List.of())) {
        put(target.file(Path.of("model.safetensors")), word);
        put(target.file(Path.of("tokenizer", "vocabulary.txt")), word);
        target.commit();
      }
    }

    @Override
    Set<Path> files(Path folder) {
      Path out = folder.resolve("out");
      return new TreeSet<>(
          Set.of(out.resolve("model.safetensors"), out.resolve("tokenizer/vocabulary.txt")));
    }
  };

  abstract void write(Disk disk, Path folder, String word, boolean overwrite) throws IOException;

  /** Gives the files that hold the words of the output that is in place. */
  abstract Set<Path> files(Path folder) throws IOException;

  /** Gives the words of the output that is in place, one a file, or nothing if there is none. */
  String words(Path folder) throws IOException {
    if (!Files.exists(folder.resolve("out"))) {
      return "";
    }
    return files(folder).stream()
        .map(
            file -> {
              try {
                return Files.readString(file);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            })
        .distinct()
        .collect(Collectors.joining(","));
  }

  /** Gives the files in {@code folder} that do not belong to the output in place. */
  Set<Path> strays(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      Set<Path> strays = all.filter(Files::isRegularFile).collect(Collectors.toSet());
      if (Files.exists(folder.resolve("out"))) {
        strays.removeAll(files(folder));
      }
      return strays;
    }
  }

  private static void put(OutputFile file, String word) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(word.getBytes(StandardCharsets.UTF_8));
    int half = bytes.limit() / 2;
    file.write(half, bytes.slice(half, bytes.limit() - half));
    file.write(0, bytes.slice(0, half));
  }
}
