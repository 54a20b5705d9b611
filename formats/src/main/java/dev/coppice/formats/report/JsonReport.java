package dev.coppice.formats.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.coppice.PruningReport;
import dev.coppice.formats.files.FileTarget;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** The JSON form of a report; docs/report.md is its schema. */
public final class JsonReport {
  /** The version of the schema. */
  public static final int VERSION = 1;

  private static final JsonFactory JSON = new JsonFactory();

  private JsonReport() {}

  /**
   * What a report does not know of its run.
   *
   * @param tool the version of the program
   * @param input the model
   * @param format the model's format
   * @param output where the pruned model is; nothing after a dry run
   */
  public record Run(String tool, Path input, String format, Optional<Path> output) {}

  /**
   * Publishes the report as a file that appears whole or not at all.
   *
   * @param overwrite whether an existing file is replaced; never one of {@code inputs}
   * @throws java.nio.file.FileAlreadyExistsException if it exists and may not be replaced
   */
  public static void write(
      PruningReport report, Run run, Path file, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    byte[] json = toJson(report, run);
    try (FileTarget target = FileTarget.begin(file, overwrite, inputs)) {
      target.main().write(0, ByteBuffer.wrap(json));
      target.commit(List.of());
    }
  }

  /**
   * Finds out before a long run whether {@link #write} could create the file; leaves nothing
   * behind.
   *
   * @throws java.nio.file.FileAlreadyExistsException if it exists and may not be replaced
   */
  public static void check(Path file, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    FileTarget.begin(file, overwrite, inputs).close();
  }

  /** Gives the report as UTF-8 text. */
  public static byte[] toJson(PruningReport report, Run run) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DefaultIndenter lines = new DefaultIndenter("  ", "\n");
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
    printer.indentObjectsWith(lines);
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.setPrettyPrinter(printer);
      new ReportWriter(json).write(report, run);
      json.writeRaw('\n');
    } catch (IOException e) {
      throw new IllegalStateException(e); // A byte array takes everything.
    }
    return bytes.toByteArray();
  }
}
