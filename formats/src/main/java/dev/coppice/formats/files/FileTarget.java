package dev.coppice.formats.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * A file that appears whole or not at all, with the data files that it points to.
 *
 * <p>The main file is written under a temporary name beside the target. Data files lie there too,
 * under names that no earlier run used; nothing points to them until the main file is published,
 * and that is one step. Whatever fails before it, the old target is as it was and {@link #close}
 * removes what was written; what a killed run has left, the next run at the same target removes.
 *
 * <p>The files may be written by several threads; {@link #data}, {@link #commit} and {@link #close}
 * are called by one.
 */
public final class FileTarget implements AutoCloseable {
  private final Disk disk;
  private final Path target;
  private final boolean overwrite;
  private final List<Path> inputs;
  private final Run run;
  private final OutputFile main;
  private final List<OutputFile> data = new ArrayList<>();
  private boolean closed;

  private FileTarget(Disk disk, Path target, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    this.disk = disk;
    this.target = target;
    this.overwrite = overwrite;
    this.inputs = List.copyOf(inputs);
    check();
    this.run = Run.begin(disk, target);
    try {
      this.main = new OutputFile(disk, run.temporary());
    } catch (IOException | RuntimeException e) {
      run.close();
      throw e;
    }
  }

  /**
   * Begins to write {@code target}.
   *
   * @param overwrite whether an existing file is replaced; never one of {@code inputs}, by whatever
   *     path or link
   * @throws FileAlreadyExistsException if the target exists and may not be replaced
   */
  public static FileTarget begin(Path target, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    return begin(Disk.REAL, target, overwrite, inputs);
  }

  /**
   * Publishes some bytes as {@code target}, as {@link #begin} says.
   *
   * @throws FileAlreadyExistsException if the target exists and may not be replaced
   */
  public static void write(Path target, byte[] content, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    try (FileTarget file = begin(target, overwrite, inputs)) {
      file.main().write(0, ByteBuffer.wrap(content));
      file.commit(List.of());
    }
  }

  static FileTarget begin(Disk disk, Path target, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    return new FileTarget(disk, target.toAbsolutePath().normalize(), overwrite, inputs);
  }

  /** Gives the file that will be the target. */
  public OutputFile main() {
    return main;
  }

  /**
   * Adds a data file; the main file must call it by its {@link OutputFile#name()}, which is {@code
   * name} with a mark of this run before the extension.
   */
  public OutputFile data(String name) throws IOException {
    OutputFile file = new OutputFile(disk, run.data(name));
    data.add(file);
    return file;
  }

  /**
   * Forces all files to the disk and publishes the target.
   *
   * @param superseded names of data files that the replaced target pointed to; those that an
   *     earlier run named are deleted
   * @throws IOException if anything failed; the message says so if the new target is in place
   *     nevertheless
   */
  public void commit(Collection<String> superseded) throws IOException {
    for (OutputFile file : data) {
      file.finish();
    }
    main.finish();
    if (!data.isEmpty()) {
      disk.forceFolder(Run.folder(target));
    }
    check();
    if (overwrite) {
      disk.replace(run.temporary(), target);
    } else {
      publishNew();
    }
    forceAfterPublishing(disk, target);
    superseded.forEach(this::deleteSuperseded);
  }

  /** A link never replaces; where the file system has none, a plain rename has to do. */
  private void publishNew() throws IOException {
    try {
      disk.link(run.temporary(), target);
    } catch (FileAlreadyExistsException e) {
      throw e;
    } catch (IOException | UnsupportedOperationException e) {
      disk.move(run.temporary(), target);
    }
  }

  static void forceAfterPublishing(Disk disk, Path target) throws IOException {
    try {
      disk.forceFolder(Run.folder(target));
    } catch (IOException e) {
      throw new IOException(
          target
              + ": the new output is whole and in place, but its folder could not be forced to"
              + " the disk: "
              + e.getMessage(),
          e);
    }
  }

  private void deleteSuperseded(String name) {
    if (name.indexOf('/') >= 0 || name.indexOf('\\') >= 0 || !Run.isDataName(name)) {
      return;
    }
    Path file = Run.folder(target).resolve(name);
    if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && !isInput(file)) {
      Quietly.delete(disk, file);
    }
  }

  private boolean isInput(Path file) {
    try {
      for (Path input : inputs) {
        if (Files.isSameFile(file, input)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      return true; // Unknown: let it be.
    }
  }

  private void check() throws IOException {
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    for (Path input : inputs) {
      if (Files.exists(target) && Files.isSameFile(target, input)) {
        throw new FileAlreadyExistsException(
            target.toString(), input.toString(), "it is an input; name another output");
      }
    }
    if (!overwrite) {
      throw new FileAlreadyExistsException(target.toString(), null, "it exists already");
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new FileAlreadyExistsException(
          target.toString(), null, "it is not a regular file and is not replaced");
    }
  }

  /** Gives up unless committed, and removes what was written; idempotent. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      data.forEach(OutputFile::abandon);
      main.abandon();
      run.close();
    }
  }
}
