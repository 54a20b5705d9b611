package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Images in a folder: in a folder for each class, whose index is that of the folder's name among
 * all, sorted; or beside each other, without labels.
 */
final class FolderPictures implements Pictures {
  private static final int MOST_FILES = 1_000_000;

  private final Path folder;
  private final Path root;
  private final List<Path> files = new ArrayList<>();
  private final List<Integer> labels = new ArrayList<>();

  private FolderPictures(Path folder) throws IOException {
    this.folder = folder;
    this.root = folder.toRealPath();
  }

  static FolderPictures open(Path folder) throws IOException {
    FolderPictures pictures = new FolderPictures(folder);
    List<Path> classes = list(folder).stream().filter(Files::isDirectory).toList();
    for (int i = 0; i < classes.size(); i++) {
      pictures.add(classes.get(i));
      while (pictures.labels.size() < pictures.files.size()) {
        pictures.labels.add(i);
      }
    }
    if (classes.isEmpty()) {
      pictures.add(folder);
    }
    if (pictures.files.isEmpty()) {
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED,
          folder,
          "has no images: PNG, JPEG or BMP in a folder for each class, or an IDX file");
    }
    return pictures;
  }

  private void add(Path inside) throws IOException {
    list(inside).stream().filter(PictureFile::isOne).forEach(files::add);
    if (files.size() > MOST_FILES) {
      throw CheckpointFormatException.of(
          Code.LIMIT, folder, "has more than " + MOST_FILES + " images");
    }
  }

  /** Gives what a folder has, sorted by name, hidden entries left out. */
  static List<Path> list(Path folder) throws IOException {
    List<Path> entries = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
      for (Path entry : stream) {
        if (!entry.getFileName().toString().startsWith(".")) {
          entries.add(entry);
        }
        if (entries.size() > MOST_FILES) {
          throw CheckpointFormatException.of(
              Code.LIMIT, folder, "has more than " + MOST_FILES + " entries");
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    entries.sort(Comparator.comparing(entry -> entry.getFileName().toString()));
    return entries;
  }

  @Override
  public Path path() {
    return folder;
  }

  @Override
  public int size() {
    return files.size();
  }

  @Override
  public Picture get(int index) throws IOException {
    return PictureFile.read(files.get(index), root);
  }

  @Override
  public boolean isLabelled() {
    return !labels.isEmpty();
  }

  @Override
  public int label(int index) {
    return labels.get(index);
  }
}
