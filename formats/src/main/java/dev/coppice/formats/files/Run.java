package dev.coppice.formats.files;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One attempt to write a target, with a name of its own: {@code .NAME.coppice-TAG.lock} lies beside
 * the target and is locked as long as the attempt lives, {@code .tmp} is what it writes, {@code
 * .old} the folder that it is replacing. All of a dead attempt that is found is undone.
 */
final class Run implements AutoCloseable {
  /** The tags of this process: locks do not hold against threads of the process that owns them. */
  private static final Set<String> LIVE = ConcurrentHashMap.newKeySet();

  private static final String TAG = "[0-9a-f]{16}";
  private static final Pattern DATA_NAME =
      Pattern.compile("(?!.*\\.coppice-).*-(" + TAG + ")(\\.[^.]*)?");

  private final Disk disk;
  private final Path target;
  private final String tag;
  private final FileChannel lock;

  private Run(Disk disk, Path target, String tag, FileChannel lock) {
    this.disk = disk;
    this.target = target;
    this.tag = tag;
    this.lock = lock;
  }

  /** Undoes what dead attempts at the same target have left, and begins a new one. */
  static Run begin(Disk disk, Path target) throws IOException {
    Path folder = folder(target);
    if (!Files.isDirectory(folder)) {
      throw new NoSuchFileException(folder.toString(), null, "there is no such folder");
    }
    undoDead(disk, target);
    while (true) {
      String tag = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
      LIVE.add(tag);
      FileChannel lock = null;
      try {
        lock = disk.create(path(target, tag, "lock"));
        if (locked(lock) && Files.exists(path(target, tag, "lock"))) {
          return new Run(disk, target, tag, lock);
        }
        LIVE.remove(tag); // Another process took it for dead between the two calls.
        Quietly.close(lock);
      } catch (FileAlreadyExistsException e) {
        LIVE.remove(tag);
      } catch (IOException | RuntimeException e) {
        LIVE.remove(tag);
        if (lock != null) {
          Quietly.close(lock);
          Quietly.delete(disk, path(target, tag, "lock"));
        }
        throw e;
      }
    }
  }

  static Path folder(Path target) {
    Path folder = target.getParent();
    if (folder == null || target.getFileName() == null) {
      throw new IllegalArgumentException(target + " cannot be an output");
    }
    return folder;
  }

  /** Gives what this attempt writes: a file or a folder. */
  Path temporary() {
    return path(target, tag, "tmp");
  }

  /** Gives where the replaced folder waits until it is deleted. */
  Path replaced() {
    return path(target, tag, "old");
  }

  /** Gives the path of a data file of this attempt: its tag goes before the extension. */
  Path data(String name) {
    int dot = name.lastIndexOf('.');
    String stem = dot <= 0 ? name : name.substring(0, dot);
    String extension = dot <= 0 ? "" : name.substring(dot);
    Matcher earlier = DATA_NAME.matcher(name);
    if (earlier.matches()) {
      stem = name.substring(0, earlier.start(1) - 1);
    }
    return folder(target).resolve(stem + "-" + tag + extension);
  }

  /** Says whether an attempt may have given a data file this name. */
  static boolean isDataName(String name) {
    return DATA_NAME.matcher(name).matches();
  }

  /** Undoes this attempt, as far as it was not published, and ends it. */
  @Override
  public void close() {
    undo(disk, target, tag);
    Quietly.close(lock);
    LIVE.remove(tag);
  }

  private static boolean locked(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      return true; // No locks on this file system: its leftovers stay, see isDead.
    }
  }

  private static void undoDead(Disk disk, Path target) throws IOException {
    String prefix = "." + target.getFileName() + ".coppice-";
    Pattern name = Pattern.compile(Pattern.quote(prefix) + "(" + TAG + ")\\.(lock|tmp|old)");
    Set<String> tags = new TreeSet<>();
    for (Path file : list(folder(target))) {
      Matcher matcher = name.matcher(file.getFileName().toString());
      if (matcher.matches() && !LIVE.contains(matcher.group(1))) {
        tags.add(matcher.group(1));
      }
    }
    for (String tag : tags) {
      undoIfDead(disk, target, tag);
    }
  }

  private static void undoIfDead(Disk disk, Path target, String tag) throws IOException {
    Path file = path(target, tag, "lock");
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      undo(disk, target, tag);
      return;
    }
    try (FileChannel channel =
            FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock held = channel.tryLock()) {
      if (held != null) {
        undo(disk, target, tag);
      }
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException | OverlappingFileLockException e) {
      // It has ended meanwhile, is another user's, or cannot be locked here: let it be.
    }
  }

  /**
   * Undoes an attempt that is known to be dead. The lock goes last: until then the next run finds
   * what is left.
   */
  private static void undo(Disk disk, Path target, String tag) {
    Path temporary = path(target, tag, "tmp");
    Path replaced = path(target, tag, "old");
    boolean clean = true;
    if (exists(replaced)) {
      clean = exists(target) ? Quietly.delete(disk, replaced) : moveBack(disk, replaced, target);
    }
    if (exists(temporary)) {
      clean &= isPublished(temporary, target) || deleteData(disk, target, tag);
      clean = clean && Quietly.delete(disk, temporary);
    }
    if (clean) {
      Quietly.delete(disk, path(target, tag, "lock"));
    }
  }

  /** Says whether the target is the temporary file under its new name: a link made, but no more. */
  private static boolean isPublished(Path temporary, Path target) {
    try {
      return exists(target) && Files.isSameFile(temporary, target);
    } catch (IOException e) {
      return true; // Unknown: then nothing that the target might need is deleted.
    }
  }

  private static boolean moveBack(Disk disk, Path replaced, Path target) {
    try {
      disk.move(replaced, target);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean deleteData(Disk disk, Path target, String tag) {
    boolean clean = true;
    try {
      for (Path file : list(folder(target))) {
        Matcher matcher = DATA_NAME.matcher(file.getFileName().toString());
        if (matcher.matches() && matcher.group(1).equals(tag)) {
          clean &= Quietly.delete(disk, file);
        }
      }
      return clean;
    } catch (IOException e) {
      return false;
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
      stream.forEach(files::add);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return files;
  }

  private static boolean exists(Path path) {
    return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
  }

  private static Path path(Path target, String tag, String suffix) {
    return folder(target).resolve("." + target.getFileName() + ".coppice-" + tag + "." + suffix);
  }
}
