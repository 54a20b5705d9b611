package dev.coppice.formats.files;

import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A folder that appears whole or not at all.
 *
 * <p>It is built beside the target and swapped with two renames: the old folder moves away, the new
 * one takes its place, the old one is deleted. A run that is killed between the renames leaves no
 * folder at the target; the next run at the same target puts the old one back.
 *
 * <p>Files may be written by several threads; {@link #file}, {@link #commit} and {@link #close} are
 * called by one.
 */
public final class FolderTarget implements AutoCloseable {
  private static final List<String> MODELS = List.of(".safetensors", ".index.json", ".onnx");

  private static final int COPY_BYTES = 1 << 16;

  private final Disk disk;
  private final Path target;
  private final boolean overwrite;
  private final List<Path> inputs;
  private final Run run;
  private final Set<Path> folders =
      new TreeSet<>(Comparator.comparing(Path::getNameCount).reversed().thenComparing(p -> p));
  private final List<OutputFile> files = new ArrayList<>();
  private boolean closed;

  private FolderTarget(Disk disk, Path target, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    this.disk = disk;
    this.target = target;
    this.overwrite = overwrite;
    this.inputs = List.copyOf(inputs);
    check();
    this.run = Run.begin(disk, target);
    try {
      // A dead run may have had the target in hand: look again now that it was put back.
      check();
      createFolder(run.temporary());
    } catch (IOException | RuntimeException e) {
      run.close();
      throw e;
    }
  }

  /**
   * Begins to write {@code target}.
   *
   * @param overwrite whether an existing folder is replaced, if it is empty or has a model in it
   *     and no hidden folder; never one that holds any of {@code inputs}
   * @throws FileAlreadyExistsException if the target exists and may not be replaced
   */
  public static FolderTarget begin(Path target, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    return begin(Disk.REAL, target, overwrite, inputs);
  }

  static FolderTarget begin(Disk disk, Path target, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    return new FolderTarget(disk, target.toAbsolutePath().normalize(), overwrite, inputs);
  }

  /** Adds a file, at a path below the folder. */
  public OutputFile file(Path relative) throws IOException {
    Path path = run.temporary().resolve(relative).normalize();
    if (relative.isAbsolute() || !path.startsWith(run.temporary())) {
      throw new IllegalArgumentException(relative + " leads out of the folder");
    }
    createFolders(Run.folder(path));
    OutputFile file = new OutputFile(disk, path);
    files.add(file);
    return file;
  }

  /** Adds a copy of a small file, and forces it to the disk. */
  public void copy(InputFile input, Path relative) throws IOException {
    OutputFile copy = file(relative);
    List<CheckpointWriter.Piece> pieces = new ArrayList<>();
    CopiedRange.split(input, 0, copy, 0, input.size(), pieces);
    for (CheckpointWriter.Piece piece : pieces) {
      piece.copy(ByteBuffer.allocate(COPY_BYTES), () -> {});
    }
    input.verify();
    copy.finish();
    files.remove(copy);
  }

  private void createFolders(Path folder) throws IOException {
    if (!folders.contains(folder)) {
      createFolders(Run.folder(folder));
      createFolder(folder);
    }
  }

  private void createFolder(Path folder) throws IOException {
    disk.createFolder(folder);
    folders.add(folder);
  }

  /**
   * Forces all files to the disk and publishes the folder.
   *
   * @throws IOException if anything failed; the message says so if the new folder is in place
   *     nevertheless
   */
  public void commit() throws IOException {
    for (OutputFile file : files) {
      file.finish();
    }
    for (Path folder : folders) {
      disk.forceFolder(folder);
    }
    check();
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      disk.replace(target, run.replaced());
    }
    disk.replace(run.temporary(), target);
    FileTarget.forceAfterPublishing(disk, target);
  }

  private void check() throws IOException {
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    for (Path input : inputs) {
      if (Files.exists(target) && input.toRealPath().startsWith(target.toRealPath())) {
        throw new FileAlreadyExistsException(
            target.toString(), input.toString(), "it is or holds an input; name another output");
      }
    }
    if (!overwrite) {
      throw new FileAlreadyExistsException(target.toString(), null, "it exists already");
    }
    if (!Files.isDirectory(target) || !isEmptyOrModel()) {
      throw new FileAlreadyExistsException(
          target.toString(), null, "it is not a model's folder and is not replaced");
    }
  }

  /** A model's folder has no hidden folder in it: what has one is a repository or a home. */
  private boolean isEmptyOrModel() throws IOException {
    List<Path> found;
    try (Stream<Path> list = Files.list(target)) {
      found = list.toList();
    }
    return found.isEmpty()
        || (found.stream().anyMatch(f -> MODELS.stream().anyMatch(f.toString()::endsWith))
            && found.stream()
                .noneMatch(f -> f.getFileName().toString().startsWith(".") && isFolder(f)));
  }

  private static boolean isFolder(Path path) {
    return Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
  }

  /** Gives up unless committed, and removes what was written; idempotent. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      files.forEach(OutputFile::abandon);
      run.close();
    }
  }
}
