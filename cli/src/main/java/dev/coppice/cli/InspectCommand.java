package dev.coppice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.coppice.formats.onnx.SparseLayer;
import dev.coppice.formats.safetensors.CompressedCheckpoint;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "inspect",
    header = "Show tensors, zeros, and what would be pruned.%n",
    sortOptions = false,
    description = {
      "Shows a model's tensors: shapes, types, zeros, N:M patterns that are already there, and which"
          + " of them a default plan would prune, and why not the others.",
      "",
      "Reads all weights, so that counts are exact. N:M 2:4 means that of every four consecutive"
          + " weights along the reduction axis at most two are not zero; the tightest of 1:4, 2:4"
          + " and 4:8 is shown.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  coppice inspect model.safetensors",
      "  coppice inspect model.onnx --verbose     names in full, every reason",
      "  coppice inspect model/ --json | jq '.tensors[] | select(.zeros > 0)'"
    })
final class InspectCommand extends SessionCommand {
  @Parameters(
      paramLabel = "MODEL",
      description = "A safetensors file or index, an ONNX file, or a folder with one of them.")
  @Nullable Path model;

  @Option(names = "--json", description = "Print JSON, for programs.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    Path path = Objects.requireNonNull(model);
    try (Checkpoint checkpoint = Models.openStored(path);
        ProgressBar bar = progressBar()) {
      Inspection inspection = Inspection.of(checkpoint, execution(bar));
      bar.clear();
      if (json) {
        console().out().println(json(checkpoint, inspection));
      } else {
        text(checkpoint, inspection);
      }
    }
    return ExitStatus.OK;
  }

  private void text(Checkpoint checkpoint, Inspection inspection) {
    wrap(
        "%s: %s, %s, %s"
            .formatted(
                Figures.printable(checkpoint.path().toString()),
                checkpoint.format()
                    + (checkpoint instanceof CompressedCheckpoint ? ", compressed" : ""),
                Figures.bytes(checkpoint.bytes()),
                Figures.counted(inspection.tensors().size(), "tensor")));
    print("");
    table(checkpoint, inspection).lines(width()).forEach(this::print);
    print("");
    List<SparseLayer> sparse = SparseLayer.of(checkpoint);
    if (!sparse.isEmpty()) {
      print("Layers whose weights are compressed, " + sparse.size() + ":");
      layers(sparse, inspection).lines(width()).forEach(this::print);
      print("");
    }
    int taken = inspection.tensors().size() - inspection.leftAlone().size();
    wrap(
        "A default plan takes %s with %s weights%s"
            .formatted(
                Figures.counted(taken, "tensor"),
                Figures.count(inspection.taken()),
                inspection.leftAlone().isEmpty() ? "." : ", marked *, and leaves alone:"));
    LeftAloneText.lines(inspection.leftAlone(), width(), verbose).forEach(this::print);
  }

  private void wrap(String sentence) {
    Figures.wrapped(sentence, width()).forEach(this::print);
  }

  private static TextTable layers(List<SparseLayer> layers, Inspection inspection) {
    TextTable table =
        new TextTable()
            .column("node", TextTable.Kind.NAME)
            .column("shape", TextTable.Kind.WORD)
            .column("zeros", TextTable.Kind.NUMBER)
            .column("format", TextTable.Kind.WORD)
            .column("bytes", TextTable.Kind.NUMBER);
    for (SparseLayer layer : layers) {
      table.row(
          List.of(
              Figures.printable(layer.node()),
              layer.out() + "x" + layer.in(),
              Figures.percent(inspection.zeros(layer), layer.out() * layer.in()),
              layer.format().title(),
              Figures.count(layer.bytes())));
    }
    return table;
  }

  private static TextTable table(Checkpoint checkpoint, Inspection inspection) {
    boolean nodes = inspection.tensors().stream().anyMatch(r -> !r.tensor().node().isEmpty());
    boolean odd =
        inspection.tensors().stream()
            .flatMap(r -> r.scan().stream())
            .anyMatch(s -> s.nans() + s.infinities() > 0);
    TextTable table = new TextTable().column(" ", TextTable.Kind.WORD);
    table.column("tensor", TextTable.Kind.NAME);
    if (nodes) {
      table.column("node", TextTable.Kind.NAME);
    }
    table.column("shape", TextTable.Kind.WORD).column("dtype", TextTable.Kind.WORD);
    if (checkpoint instanceof CompressedCheckpoint) {
      table.column("stored", TextTable.Kind.WORD);
    }
    table
        .column("total", TextTable.Kind.NUMBER)
        .column("zeros", TextTable.Kind.NUMBER)
        .column("share", TextTable.Kind.NUMBER)
        .column("N:M", TextTable.Kind.WORD);
    if (odd) {
      table.column("NaN", TextTable.Kind.NUMBER).column("Inf", TextTable.Kind.NUMBER);
    }
    for (Inspection.Row row : inspection.tensors()) {
      CheckpointTensor tensor = row.tensor();
      Optional<TensorScan.Result> scan = row.scan();
      List<String> cells = new ArrayList<>();
      cells.add(row.reason().isEmpty() ? "*" : "");
      cells.add(Figures.printable(tensor.name()));
      if (nodes) {
        cells.add(Figures.printable(tensor.node()));
      }
      cells.add(tensor.shape().toString());
      cells.add(tensor.type());
      if (checkpoint instanceof CompressedCheckpoint compressed) {
        cells.add(compressed.stored(tensor.name()).title());
      }
      cells.add(Figures.count(tensor.shape().elements()));
      cells.add(scan.map(s -> Figures.count(s.zeros())).orElse("-"));
      cells.add(scan.map(s -> Figures.percent(s.zeros(), tensor.shape().elements())).orElse("-"));
      cells.add(scan.flatMap(TensorScan.Result::nOfM).orElse(""));
      if (odd) {
        cells.add(scan.map(s -> Figures.count(s.nans())).orElse("-"));
        cells.add(scan.map(s -> Figures.count(s.infinities())).orElse("-"));
      }
      table.row(cells);
    }
    return table;
  }

  private static String json(Checkpoint checkpoint, Inspection inspection) throws IOException {
    StringWriter text = new StringWriter();
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
    printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.setPrettyPrinter(printer);
      json.writeStartObject();
      json.writeNumberField("version", 1);
      json.writeStringField("path", checkpoint.path().toString());
      json.writeStringField("format", checkpoint.format());
      json.writeNumberField("bytes", checkpoint.bytes());
      json.writeArrayFieldStart("tensors");
      for (Inspection.Row row : inspection.tensors()) {
        tensor(json, checkpoint, row);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("sparse_layers");
      for (SparseLayer layer : SparseLayer.of(checkpoint)) {
        json.writeStartObject();
        json.writeStringField("node", layer.node());
        json.writeStringField("shape", layer.out() + "x" + layer.in());
        json.writeNumberField("zeros", inspection.zeros(layer));
        json.writeStringField("format", layer.format().title());
        json.writeNumberField("bytes", layer.bytes());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    return text.toString();
  }

  private static void tensor(JsonGenerator json, Checkpoint checkpoint, Inspection.Row row)
      throws IOException {
    CheckpointTensor tensor = row.tensor();
    json.writeStartObject();
    json.writeStringField("name", tensor.name());
    if (!tensor.node().isEmpty()) {
      json.writeStringField("node", tensor.node());
    }
    json.writeStringField("type", tensor.type());
    json.writeFieldName("shape");
    long[] shape = tensor.shape().toArray();
    json.writeArray(shape, 0, shape.length);
    if (checkpoint instanceof CompressedCheckpoint compressed) {
      json.writeStringField("stored", compressed.stored(tensor.name()).title());
    }
    json.writeNumberField("bytes", tensor.bytes());
    json.writeNumberField("total", tensor.shape().elements());
    if (row.scan().isPresent()) {
      TensorScan.Result scan = row.scan().get();
      json.writeNumberField("zeros", scan.zeros());
      json.writeNumberField("nans", scan.nans());
      json.writeNumberField("infinities", scan.infinities());
      if (scan.nOfM().isPresent()) {
        json.writeStringField("n_of_m", scan.nOfM().get());
      }
    }
    json.writeBooleanField("default_plan", row.reason().isEmpty());
    if (row.reason().isPresent()) {
      json.writeStringField("reason", row.reason().get());
    }
    json.writeEndObject();
  }
}
