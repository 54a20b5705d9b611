package dev.coppice.formats.onnx;

import static dev.coppice.formats.onnx.Bytes.concat;
import static dev.coppice.formats.onnx.Bytes.field;
import static dev.coppice.formats.onnx.Models.floats;
import static dev.coppice.formats.onnx.Models.model;
import static dev.coppice.formats.onnx.Models.node;

import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Models that must be refused, each in a folder of its own, and the code of its refusal. */
final class BadModels {
  private static final int RAW_DATA = 9;
  private static final int INITIALIZER = 5;
  private static final int GRAPH = 7;
  private static final int NODE = 1;

  private final Path folder;
  private final Map<Path, Code> models = new LinkedHashMap<>();

  private BadModels(Path folder) {
    this.folder = folder;
  }

  /** Writes all of them below {@code folder}. */
  static Map<Path, Code> write(Path folder) throws IOException {
    BadModels all = new BadModels(folder);
    all.wire();
    all.depth();
    all.tensors();
    all.externalPaths();
    all.externalFiles();
    all.externalRanges();
    all.names();
    all.circles();
    all.floods();
    return all.models;
  }

  private void wire() throws IOException {
    byte[] endless = new byte[11];
    Arrays.fill(endless, (byte) 0xFF);
    add("empty", Code.PROTO, new byte[0]);
    add("text", Code.PROTO, "This is not a model, it is a text.".getBytes(StandardCharsets.UTF_8));
    add("no-graph", Code.PROTO, Bytes.of(out -> out.writeInt64(1, 8)));
    add("varint-endless", Code.PROTO, concat(new byte[] {8}, endless));
    add("varint-cut", Code.PROTO, new byte[] {8, (byte) 0x80});
    add("fixed-cut", Code.PROTO, new byte[] {0x0D, 1, 2});
    add("field-0", Code.PROTO, new byte[] {0, 0});
    for (int type : new int[] {3, 4, 6, 7}) {
      add("wire-type-" + type, Code.PROTO, new byte[] {(byte) (0xF0 | type), 0x07});
    }
    add("beyond-the-file", Code.PROTO, new byte[] {0x3A, 9, 0});
    byte[] tooLong = concat(new byte[] {0x2A, 100}, new byte[50]);
    add("beyond-the-parent", Code.PROTO, field(GRAPH, tooLong), new byte[100]);
    add("2^31-bytes", Code.PROTO, Bytes.of(out -> length(out, 1L << 31)));
    add("2^63-bytes", Code.PROTO, Bytes.of(out -> length(out, Long.MIN_VALUE)));
    byte[] badType = field(13, field(2, new byte[] {0x0F}));
    add("deep-inside-what-is-not-used", Code.PROTO, field(GRAPH, badType));
    byte[] floats = concat(tensor(DataType.FLOAT, 1), field(4, new byte[7]));
    add("floats-of-7-bytes", Code.PROTO, field(GRAPH, field(INITIALIZER, floats)));
  }

  private static void length(com.google.protobuf.CodedOutputStream out, long length)
      throws IOException {
    out.writeTag(GRAPH, 2);
    out.writeUInt64NoTag(length);
  }

  private void depth() throws IOException {
    add("graphs-in-graphs", Code.PROTO_DEPTH, field(GRAPH, nested(100, 1, 5, 6)));
    add("graphs-in-graphs-100000", Code.PROTO_DEPTH, field(GRAPH, nested(100_000, 1, 5, 6)));
    add(
        "types-in-types",
        Code.PROTO_DEPTH,
        field(GRAPH, field(11, field(2, nested(100_000, 4, 1)))));
  }

  /** Gives messages inside each other, in fields whose numbers recur; written from the inside. */
  static byte[] nested(int levels, int... numbers) {
    byte[] bytes = new byte[levels * 6];
    int start = bytes.length;
    for (int level = levels - 1; level >= 0; level--) {
      int number = numbers[level % numbers.length];
      int size = bytes.length - start;
      byte[] header =
          Bytes.of(
              out -> {
                out.writeTag(number, 2);
                out.writeUInt32NoTag(size);
              });
      start -= header.length;
      System.arraycopy(header, 0, bytes, start, header.length);
    }
    return Arrays.copyOfRange(bytes, start, bytes.length);
  }

  private void tensors() throws IOException {
    addTensor("type-0", Code.DTYPE, Models.tensor("w", DataType.UNDEFINED, 1));
    addTensor("type-99", Code.DTYPE, Models.tensor("w", DataType.FLOAT, 1).setDataType(99));
    addTensor("no-type", Code.DTYPE, TensorProto.newBuilder().setName("w").addDims(0));
    addTensor("negative-dimension", Code.SHAPE, Models.tensor("w", DataType.FLOAT, 2, -1));
    addTensor("65-dimensions", Code.SHAPE, Models.tensor("w", DataType.FLOAT, new long[65]));
    addTensor(
        "elements-overflow", Code.OVERFLOW, Models.tensor("w", DataType.INT8, 1L << 32, 1L << 32));
    addTensor("bytes-overflow", Code.OVERFLOW, Models.tensor("w", DataType.FLOAT, 1L << 61));
    addTensor("raw-short", Code.TENSOR_SIZE, raw(11, 3));
    addTensor("raw-long", Code.TENSOR_SIZE, raw(13, 3));
    addTensor("no-data", Code.TENSOR_SIZE, Models.tensor("w", DataType.FLOAT, 1L << 40));
    addTensor(
        "floats-short", Code.TENSOR_SIZE, Models.tensor("w", DataType.FLOAT, 2).addFloatData(1));
    addTensor(
        "int32s-long",
        Code.TENSOR_SIZE,
        Models.tensor("w", DataType.FLOAT16, 1).addInt32Data(1).addInt32Data(2));
    addTensor(
        "int64s-short", Code.TENSOR_SIZE, Models.tensor("w", DataType.INT64, 2).addInt64Data(1));
    addTensor(
        "floats-for-doubles",
        Code.TENSOR_SIZE,
        Models.tensor("w", DataType.DOUBLE, 1).addFloatData(1));
    addTensor("raw-and-floats", Code.TENSOR_SIZE, raw(4, 1).addFloatData(1));
    addTensor("raw-strings", Code.TENSOR_SIZE, raw(0, 0).setDataType(DataType.STRING.getNumber()));
    addTensor(
        "raw-and-external",
        Code.TENSOR_SIZE,
        Models.external("w", List.of(1L), "location", "w.bin").toBuilder()
            .setRawData(ByteString.copyFrom(new byte[4])));
    addTensor(
        "segment",
        Code.UNSUPPORTED,
        raw(4, 1).setSegment(TensorProto.Segment.newBuilder().setBegin(0).setEnd(1)));
  }

  private static TensorProto.Builder raw(int bytes, long elements) {
    return Models.tensor("w", DataType.FLOAT, elements)
        .setRawData(ByteString.copyFrom(new byte[bytes]));
  }

  private void externalPaths() throws IOException {
    addExternal("location-missing", Code.PATH_ESCAPE);
    for (String location :
        List.of("", ".", "/etc/passwd", "..", "../w.bin", "a/../w.bin", "a\\w.bin", "w\0.bin")) {
      String name = "location-" + models.size();
      addExternal(name, Code.PATH_ESCAPE, "location", location);
    }
    Path linked = addExternal("linked-folder", Code.PATH_ESCAPE, "location", "link/w.bin");
    Path real = Files.createDirectory(linked.resolveSibling("real"));
    Files.write(real.resolve("w.bin"), new byte[12]);
    Files.createSymbolicLink(linked.resolveSibling("link"), real);
  }

  private void externalFiles() throws IOException {
    Path link = addExternal("link", Code.NOT_REGULAR, "location", "l.bin");
    Files.createSymbolicLink(link.resolveSibling("l.bin"), link.resolveSibling("w.bin"));
    Path hard = addExternal("hard-link", Code.NOT_REGULAR, "location", "h.bin");
    Files.createLink(hard.resolveSibling("h.bin"), hard.resolveSibling("w.bin"));
    Path inner = addExternal("folder", Code.NOT_REGULAR, "location", "f.bin");
    Files.createDirectory(inner.resolveSibling("f.bin"));
    Path fifo = addExternal("fifo", Code.NOT_REGULAR, "location", "p.bin");
    makeFifo(fifo.resolveSibling("p.bin"));
  }

  private static void makeFifo(Path path) throws IOException {
    try {
      int status = new ProcessBuilder("mkfifo", path.toString()).inheritIO().start().waitFor();
      if (status != 0) {
        throw new IOException("mkfifo: status " + status);
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private void externalRanges() throws IOException {
    for (String number :
        List.of("-1", "x", "", "+1", "1e1", "-0", "0x1", " 1", "\u0661", "9223372036854775808")) {
      String at = "-" + models.size();
      addExternal("offset" + at, Code.EXTERNAL_RANGE, "location", "w.bin", "offset", number);
      addExternal("length" + at, Code.EXTERNAL_RANGE, "location", "w.bin", "length", number);
    }
    addExternal("one-past", Code.EXTERNAL_RANGE, "location", "w.bin", "offset", "1");
    addExternal(
        "far-past", Code.EXTERNAL_RANGE, "location", "w.bin", "offset", "" + Long.MAX_VALUE);
    addExternal("not-what-it-needs", Code.EXTERNAL_RANGE, "location", "w.bin", "length", "8");
    addExternal("no-file", Code.EXTERNAL_RANGE, "location", "other.bin");
    addExternal("itself", Code.EXTERNAL_RANGE, "location", "model.onnx");
  }

  private void names() throws IOException {
    addExternal("location-twice", Code.DUPLICATE_KEY, "location", "w.bin", "location", "w.bin");
    addExternal(
        "offset-twice", Code.DUPLICATE_KEY, "location", "w.bin", "offset", "0", "offset", "0");
    GraphProto.Builder twice =
        GraphProto.newBuilder().addInitializer(floats("w", 2)).addInitializer(floats("w", 2));
    add("tensor-twice", Code.DUPLICATE_KEY, model(twice).toByteArray());
    byte[] rawTwice = concat(floats("w", 1).toByteArray(), field(RAW_DATA, new byte[4]));
    add("raw-twice", Code.DUPLICATE_KEY, field(GRAPH, field(INITIALIZER, rawTwice)));
    add("graph-twice", Code.DUPLICATE_KEY, field(GRAPH), field(GRAPH));
    byte[] noValues = field(15, new byte[0]);
    add("sparse-without-values", Code.TENSOR_INFO, field(GRAPH, noValues));
  }

  private void circles() throws IOException {
    add(
        "calls-itself",
        Code.GRAPH_CYCLE,
        model(GraphProto.newBuilder(), calls("a", "a")).toByteArray());
    add(
        "call-each-other",
        Code.GRAPH_CYCLE,
        model(GraphProto.newBuilder(), calls("a", "b"), calls("b", "c"), calls("c", "a"))
            .toByteArray());
    GraphProto.Builder body = GraphProto.newBuilder().addNode(calls("", "a").getNode(0));
    FunctionProto nested =
        FunctionProto.newBuilder()
            .setName("a")
            .setDomain("d")
            .addNode(node("If", "c", "y", Models.graph("then_branch", body)))
            .build();
    add(
        "calls-itself-inside",
        Code.GRAPH_CYCLE,
        model(GraphProto.newBuilder(), nested).toByteArray());
  }

  private static FunctionProto calls(String name, String called) {
    return FunctionProto.newBuilder()
        .setName(name)
        .setDomain("d")
        .addNode(Models.in("d", node(called, "x", "y")))
        .build();
  }

  /** Little files that would take much memory. */
  private void floods() throws IOException {
    flood("nodes", repeat(field(NODE), 400_000));
    flood("named-nodes", repeat(field(NODE, field(2, new byte[] {'y'}), field(4)), 300_000));
    flood("attributes", field(NODE, repeat(field(5), 600_000)));
    flood("node-inputs", field(NODE, repeat(field(1), 2_200_000)));
    flood("graph-inputs", repeat(field(11), 2_200_000));
    flood("permutations", repeat(field(NODE, field(5, field(8, new byte[64]))), 60_000));
    byte[] floats = repeat(concat(field(4, new byte[4]), new byte[] {0x25, 0, 0, 0, 0}), 1_200_000);
    flood("runs", field(INITIALIZER, tensor(DataType.FLOAT, 2_400_000), floats));
    byte[] varints = repeat(concat(field(5, new byte[1]), new byte[] {0x28, 0}), 600_000);
    flood("varints", field(INITIALIZER, tensor(DataType.FLOAT16, 1_200_000), varints));
    byte[] nothing = {0x10, 1, 8, 0};
    flood("initializers", repeat(field(INITIALIZER, nothing), 200_000));
  }

  private void flood(String name, byte[] graph) throws IOException {
    add("flood-of-" + name, Code.LIMIT, field(GRAPH, graph));
  }

  private static byte[] repeat(byte[] part, int times) {
    byte[] all = new byte[part.length * times];
    for (int i = 0; i < times; i++) {
      System.arraycopy(part, 0, all, i * part.length, part.length);
    }
    return all;
  }

  private static byte[] tensor(DataType type, long... dims) {
    return Models.tensor("w", type, dims).build().toByteArray();
  }

  private void addTensor(String name, Code code, TensorProto.Builder tensor) throws IOException {
    add(name, code, model(GraphProto.newBuilder().addInitializer(tensor)).toByteArray());
  }

  /** Adds a model with 12 bytes of external data, and a file of 12 bytes beside it. */
  private Path addExternal(String name, Code code, String... entries) throws IOException {
    TensorProto tensor = Models.external("w", List.of(3L), entries);
    add(name, code, model(GraphProto.newBuilder().addInitializer(tensor)).toByteArray());
    Path file = folder.resolve(name).resolve("model.onnx");
    Files.write(file.resolveSibling("w.bin"), new byte[12]);
    return file;
  }

  private void add(String name, Code code, byte[]... parts) throws IOException {
    Path file = Files.createDirectory(folder.resolve(name)).resolve("model.onnx");
    Files.write(file, concat(parts));
    models.put(file, code);
  }
}
