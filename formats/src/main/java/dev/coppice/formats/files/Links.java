package dev.coppice.formats.files;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** Which links are followed on the way to a file that another file of the model names. */
public enum Links {
  /** None; a file with a second name (hard link) is refused too. */
  REFUSED {
    @Override
    Path follow(Path owner, String name, Path folder, Path relative) throws IOException {
      Path at = folder;
      for (Path component : relative) {
        at = at.resolve(component);
        BasicFileAttributes attributes = attributes(at);
        boolean last = at.getNameCount() == folder.getNameCount() + relative.getNameCount();
        if (!last && !attributes.isDirectory()) {
          throw escape(owner, name, "leads through " + component + ", which is not a plain folder");
        }
        if (last && !(attributes.isRegularFile() && hasOneName(at))) {
          throw CheckpointFormatException.of(
              Code.NOT_REGULAR,
              owner,
              "names \"" + name + "\", which is a link or not a regular file");
        }
      }
      return at;
    }
  },

  /**
   * Those that end inside the model's folder, or inside the {@code models--*} folder of a hub cache
   * that the model's folder lies in.
   */
  WITHIN_MODEL {
    @Override
    Path follow(Path owner, String name, Path folder, Path relative) throws IOException {
      Path real = folder.resolve(relative).toRealPath();
      if (!real.startsWith(root(folder.toRealPath()))) {
        throw escape(owner, name, "is a link that leads outside the model's folder");
      }
      return real;
    }
  };

  /** What every file system takes, whole or as one component. */
  private static final int LONGEST = 255;

  /** Gives the path, free of links, of the file that {@code name} means. */
  Path resolve(Path owner, String name) throws IOException {
    Path relative = relative(owner, name);
    Path folder = owner.toAbsolutePath().getParent();
    if (folder == null) {
      throw escape(owner, name, "has no folder to lie in");
    }
    return follow(owner, name, folder, relative);
  }

  abstract Path follow(Path owner, String name, Path folder, Path relative) throws IOException;

  private static Path relative(Path owner, String name) {
    Path relative;
    try {
      relative = Path.of(name);
    } catch (InvalidPathException e) {
      throw escape(owner, name, "is not a path: " + e.getReason());
    }
    if (relative.isAbsolute() || name.startsWith("/")) {
      throw escape(owner, name, "is absolute");
    }
    if (name.indexOf('\\') >= 0) {
      throw escape(owner, name, "has a backslash");
    }
    if (name.getBytes(StandardCharsets.UTF_8).length > LONGEST) {
      throw escape(owner, name, "is longer than " + LONGEST + " bytes");
    }
    for (Path component : relative) {
      if (component.toString().equals("..")) {
        throw escape(owner, name, "leads upwards");
      }
    }
    if (relative.normalize().toString().isEmpty()) {
      throw escape(owner, name, "is empty");
    }
    return relative.normalize();
  }

  private static Path root(Path folder) {
    for (Path at = folder; at != null; at = at.getParent()) {
      Path name = at.getFileName();
      if (name != null && name.toString().startsWith("models--")) {
        return at;
      }
    }
    return folder;
  }

  private static BasicFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean hasOneName(Path file) throws IOException {
    return !file.getFileSystem().supportedFileAttributeViews().contains("unix")
        || (Integer) Files.getAttribute(file, "unix:nlink", LinkOption.NOFOLLOW_LINKS) == 1;
  }

  private static CheckpointFormatException escape(Path owner, String name, String why) {
    return CheckpointFormatException.of(
        Code.PATH_ESCAPE, owner, "names \"" + name + "\", which " + why);
  }
}
