package dev.coppice.formats.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** A disk whose calls are numbered from 1 and can be made to fail. */
abstract class CountingDisk extends Disk {
  private int calls;

  /** Called before each call; throws to make it fail. */
  abstract void before(int call, String name) throws IOException;

  int calls() {
    return calls;
  }

  private void step(String name) throws IOException {
    before(++calls, name);
  }

  @Override
  FileChannel create(Path file) throws IOException {
    step("create");
    return super.create(file);
  }

  @Override
  void createFolder(Path folder) throws IOException {
    step("createFolder");
    super.createFolder(folder);
  }

  /** Writes half before it fails. */
  @Override
  void write(FileChannel file, long position, ByteBuffer from) throws IOException {
    int half = from.remaining() / 2;
    super.write(file, position, from.slice(from.position(), half));
    step("write");
    super.write(file, position, from);
  }

  @Override
  void force(FileChannel file) throws IOException {
    step("force");
    super.force(file);
  }

  @Override
  void forceFolder(Path folder) throws IOException {
    step("forceFolder");
    super.forceFolder(folder);
  }

  @Override
  void link(Path file, Path name) throws IOException {
    step("link");
    super.link(file, name);
  }

  @Override
  void move(Path from, Path to) throws IOException {
    step("move");
    super.move(from, to);
  }

  @Override
  void replace(Path from, Path to) throws IOException {
    step("replace");
    super.replace(from, to);
  }

  @Override
  void delete(Path path) throws IOException {
    step("delete");
    super.delete(path);
  }
}
