package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Shape;
import dev.coppice.evaluation.data.ZipMembers.Member;
import dev.coppice.formats.files.InputFile;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;
import java.util.zip.ZipException;

/**
 * The arrays of a file of numpy's savez. Samples of arrays that are not compressed are read where
 * they lie; those that are used of a compressed array are kept in memory.
 */
final class NpzArrays implements ArrayFile {
  private static final long MOST_KEPT = 128L << 20;

  private final InputFile file;
  private final Map<String, Member> members;
  private long kept;

  private NpzArrays(InputFile file, Map<String, Member> members) {
    this.file = file;
    this.members = members;
  }

  static NpzArrays open(Path path) throws IOException {
    InputFile file = InputFile.open(path);
    try {
      return new NpzArrays(file, ZipMembers.read(file));
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  @Override
  public Path path() {
    return file.path();
  }

  @Override
  public Optional<Found> find(String name) throws IOException {
    Member member = members.get(name + ".npy");
    return member == null ? Optional.empty() : Optional.of(found(name, member));
  }

  private Found found(String name, Member member) throws IOException {
    try (Contents contents = new Contents(member)) {
      NpyHeader header = NpyHeader.read(contents, (code, why) -> refused(code, name, why));
      long numbers = member.size() - header.bytes();
      int width = header.type().bytes();
      if (numbers % width != 0 || header.shape().elements() != numbers / width) {
        throw refused(
            Code.TENSOR_SIZE,
            name,
            "has %d bytes of numbers, which is not %s of %s"
                .formatted(numbers, header.shape(), header.type()));
      }
      return new Found(name, member, header);
    } catch (ZipException e) {
      throw damaged(name, e);
    }
  }

  private CheckpointFormatException damaged(String name, IOException why) {
    return refused(Code.UNSUPPORTED, name, "is damaged: " + why.getMessage());
  }

  @Override
  public void close() {
    file.close();
  }

  private final class Found implements StoredArray {
    private final String name;
    private final Member member;
    private final NpyHeader header;

    Found(String name, Member member, NpyHeader header) {
      this.name = name;
      this.member = member;
      this.header = header;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public NumberType type() {
      return header.type();
    }

    @Override
    public Shape shape() {
      return header.shape();
    }

    @Override
    public Reader open(int[] picks) throws IOException {
      if (member.deflated()) {
        byte[][] samples = keep(picks);
        return (sample, into) -> into.put(samples[Arrays.binarySearch(picks, sample)]);
      }
      long first = member.begin() + header.bytes();
      long bytes = sampleBytes();
      return (sample, into) -> {
        file.read(first + sample * bytes, into);
        file.verify();
      };
    }

    private byte[][] keep(int[] picks) throws IOException {
      long bytes = sampleBytes();
      // No product: it could overflow.
      if (bytes > (MOST_KEPT - kept) / picks.length) {
        throw refused(
            Code.LIMIT,
            name,
            ("is compressed and too large to be kept (%d samples of %d bytes); use fewer samples,"
                    + " or numpy.savez instead of savez_compressed")
                .formatted(picks.length, bytes));
      }
      kept += bytes * picks.length;
      byte[][] samples = new byte[picks.length][];
      try (Contents contents = new Contents(member)) {
        contents.skipNBytes(header.bytes());
        long at = 0;
        for (int i = 0; i < picks.length; i++) {
          contents.skipNBytes(picks[i] * bytes - at);
          samples[i] = contents.readNBytes((int) bytes);
          if (samples[i].length < bytes) {
            throw new EOFException("it ends too early");
          }
          at = (picks[i] + 1) * bytes;
        }
        contents.finish(header.shape().elements() * type().bytes() - at);
      } catch (EOFException | ZipException e) {
        throw damaged(name, e);
      }
      file.verify();
      return samples;
    }
  }

  /** A member's contents, decompressed. */
  private final class Contents extends CheckedInputStream {
    private final Member member;
    private final Inflater inflater;

    Contents(Member member) {
      this(member, new Inflater(true));
    }

    private Contents(Member member, Inflater inflater) {
      super(raw(file, member, inflater), new CRC32());
      this.member = member;
      this.inflater = inflater;
    }

    private static InputStream raw(InputFile file, Member member, Inflater inflater) {
      RangeStream range = new RangeStream(file, member.begin(), member.end());
      return member.deflated() ? new InflaterInputStream(range, inflater, 1 << 16) : range;
    }

    /** Reads what is left, which must be so many bytes, and checks the sum of all. */
    void finish(long left) throws IOException {
      skipNBytes(left);
      if (read() >= 0) {
        throw new ZipException("it goes on after its end");
      }
      if (getChecksum().getValue() != member.crc()) {
        throw new ZipException("its checksum is wrong");
      }
    }

    @Override
    public void close() {
      inflater.end();
    }
  }
}
