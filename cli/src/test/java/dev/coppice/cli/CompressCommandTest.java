package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import dev.coppice.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompressCommandTest {
  @TempDir Path folder;
  private Path model = Path.of("");
  private Path output = Path.of("");
  private Path back = Path.of("");

  @BeforeEach
  void writeModel() throws IOException {
    model =
        new TinyModel()
            .f32("a.weight", i -> i % 5 == 0 ? i + 1 : 0, 64, 80)
            .f32("b.weight", i -> i % 4 < 2 ? i + 1 : 0, 64, 64)
            .f32("c.weight", i -> i % 97 == 0 ? 1 : 0, 64, 96)
            .f32("full.weight", i -> i + 1, 32, 32)
            .f32("bias", i -> 1, 64)
            .write(folder.resolve("model.safetensors"));
    output = folder.resolve("small.safetensors");
    back = folder.resolve("back.safetensors");
  }

  private Invocation compress(Object... options) {
    List<Object> all = new ArrayList<>(List.of("compress", model, "-o", output));
    all.addAll(List.of(options));
    return Invocation.of(all.toArray());
  }

  @Test
  void theFileIsSmallerAndComesBackByteForByte() throws IOException {
    Invocation done = compress();
    assertThat(done.err()).isEmpty();
    assertThat(done.status()).isZero();
    assertThat(done.out())
        .containsPattern("format +tensors +bytes before +after +share")
        .containsPattern("dense +2 +4,352 +4,352 +100\\.00 %")
        .containsPattern("2:4 +1 +16,384 +")
        .containsPattern("bitmap +1 +20,480 +")
        .containsPattern("csr +1 +24,576 +")
        .contains("Copied as they are, 2 tensors:", "rank 1 is below 2: bias")
        .contains("it would not get smaller: full.weight")
        .containsPattern("Wrote .*small\\.safetensors: .* kB instead of 66\\.\\d kB \\(");
    assertThat(Files.size(output)).isLessThan(Files.size(model) / 2);
    Invocation undone = Invocation.of("decompress", output, "-o", back);
    assertThat(undone.err()).isEmpty();
    assertThat(undone.out())
        .containsPattern("Wrote .*: 66\\.\\d kB from .* kB, 3 tensors decompressed");
    assertThat(back).hasSameBinaryContentAs(model);
    assertThat(Invocation.of("compare", output, model).out()).isEqualTo("The same: 5 tensors.\n");
  }

  @Test
  void everyTensorIsShownOnRequestAndNothingIfQuiet() {
    assertThat(compress("--verbose").out())
        .containsPattern("a\\.weight +64x80 +F32 +bitmap +20,480 +\\S+ +\\d\\d\\.\\d\\d %");
    assertThat(compress("--quiet", "--force").out()).isEmpty();
    Invocation narrow =
        Invocation.with(
            OptionalInt.of(60), new Cancellation(), "compress", model, "-o", output, "--force");
    assertThat(narrow.out().lines()).allMatch(line -> line.length() <= 60);
  }

  @Test
  void aFormatAndTensorsCanBeNamed() {
    assertThat(compress("--format", "2:4").out())
        .containsPattern("2:4 +3 ")
        .contains("it does not keep to 2:4:");
    assertThat(compress("--include", "a.*", "--include", "c.*", "--force").out())
        .containsPattern("bitmap +1 ")
        .containsPattern("csr +1 ")
        .contains("not included: b.weight, full.weight");
  }

  @Test
  void theReportHasAllTensors() throws IOException {
    Path report = folder.resolve("report.json");
    assertThat(compress("--report", report).status()).isZero();
    try (JsonParser parser = new JsonFactory().createParser(report.toFile())) {
      while (parser.nextToken() != null) {}
    }
    assertThat(Files.readString(report).replaceAll("\\s+", " "))
        .startsWith("{ \"version\" : 1, \"tool\" : \"coppice ")
        .contains("\"output\" : { \"path\" : ", "\"bytes\" : " + Files.size(output) + " }")
        .contains("\"bytes\" : " + Files.size(model) + " }")
        .contains("\"name\" : \"b.weight\", \"type\" : \"F32\", \"shape\" : [ 64, 64 ], ")
        .contains("\"format\" : \"2:4\", \"before\" : 16384, \"after\" : 8704 }")
        .contains("\"after\" : 4096, \"reason\" : \"it would not get smaller\" }");
    Invocation again = compress("--report", report);
    assertThat(again.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(compress("--report", report, "--force").status()).isZero();
  }

  @Test
  void inspectShowsHowTensorsAreStored() {
    compress();
    Invocation done = Invocation.of("inspect", output);
    assertThat(done.out())
        .contains("small.safetensors: safetensors, compressed, ", "5 tensors")
        .containsPattern("a\\.weight +64x80 +F32 +bitmap +5,120 +4,096 +80\\.00 %")
        .containsPattern("b\\.weight +64x64 +F32 +2:4 +4,096 +2,048 +50\\.00 % +2:4")
        .containsPattern("bias +64 +F32 +dense +64 +0");
    assertThat(Invocation.of("inspect", output, "--json").out().replaceAll("\\s+", " "))
        .contains("\"shape\" : [ 64, 80 ], \"stored\" : \"bitmap\", \"bytes\" : ");
  }

  @Test
  void whatChangesWeightsSaysThatTheyMustBeDecompressedFirst() throws IOException {
    compress();
    Path other = folder.resolve("other.safetensors");
    for (Invocation refused :
        List.of(
            Invocation.of("prune", output, "-o", other, "--sparsity", ".9"),
            Invocation.of("prune", output, "--sparsity", ".9", "--dry-run"))) {
      assertThat(refused.status()).isEqualTo(ExitStatus.DATA);
      assertThat(refused.err())
          .endsWith(": UNSUPPORTED: is compressed; decompress it first, with coppice decompress\n")
          .hasLineCount(1);
    }
    assertThat(Invocation.of("compress", output, "-o", other).err())
        .endsWith("is compressed already\n");
    assertThat(Invocation.of("decompress", model, "-o", other).status()).isEqualTo(ExitStatus.DATA);
    Path onnx = new LinearModel(8, 1).matMul(8, 8, 0.5).write(folder.resolve("m.onnx"));
    Invocation graph = Invocation.of("decompress", onnx, "-o", other);
    assertThat(graph.status()).isEqualTo(ExitStatus.DATA);
    assertThat(graph.err())
        .endsWith(": UNSUPPORTED: is no compressed checkpoint: those are safetensors files\n");
    assertThat(other).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--format zip | 64 | --format must be auto, 2:4, bitmap or csr, not \"zip\"",
        "--format dense | 64 | --format must be auto",
        "--include nothing* | 64 | glob \"nothing*\" matches no tensor",
        "--include {a | 64 | glob \"{a\" opens a brace it never closes",
        "--include full* | 65 | MODEL: UNSUPPORTED: does not get smaller",
        "--report OUT | 64 | --report and -o name the same file",
        "--report MODEL --force | 73 | MODEL: it is an input",
        "--speed 3 | 64 | unknown option '--speed'",
      })
  void whatIsNotAllowedIsOneLine(String options, int status, String message) {
    Invocation refused =
        compress(
            (Object[])
                options
                    .replace("MODEL", model.toString())
                    .replace("OUT", output.toString())
                    .split(" "));
    assertThat(refused.err())
        .startsWith("coppice: " + message.replace("MODEL", model.toString()))
        .hasLineCount(1);
    assertThat(refused.status()).isEqualTo(status);
    assertThat(output).doesNotExist();
  }

  @Test
  void outputsAndInputsAreChecked() throws IOException {
    Files.writeString(output, "old");
    assertThat(compress().status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(output).hasContent("old");
    assertThat(compress("--force").status()).isZero();
    assertThat(Invocation.of("decompress", output, "-o", output, "--force").status())
        .isEqualTo(ExitStatus.CANNOT_CREATE);
    Invocation named = Invocation.of("compress", model, "-o", folder.resolve("small.onnx"));
    assertThat(named.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(named.err()).startsWith("coppice: the output is one file *.safetensors, not ");
    assertThat(Invocation.of("compress", folder.resolve("none"), "-o", back).status())
        .isEqualTo(ExitStatus.NO_INPUT);
    assertThat(Invocation.of("decompress", folder.resolve("none"), "-o", back).status())
        .isEqualTo(ExitStatus.NO_INPUT);
    assertThat(Invocation.of("compress", model).status()).isEqualTo(ExitStatus.USAGE);
  }

  @Test
  void aDamagedFileIsRefusedInOneLineAndLeavesNothing() throws IOException {
    compress();
    byte[] bytes = Files.readAllBytes(output);
    int last = bytes.length - 256 - 4096 - 256 - 1; // Of the columns of c.
    bytes[last] ^= 0x7F;
    Files.write(output, bytes);
    Invocation refused = Invocation.of("decompress", output, "-o", back);
    assertThat(refused.status()).isEqualTo(ExitStatus.DATA);
    assertThat(refused.err())
        .contains(": SPARSE, tensor \"c.weight\", offset ", "has column 21")
        .hasLineCount(1);
    assertThat(folder).isDirectoryNotContaining("glob:**back*");
  }

  @Test
  void anOnnxModelIsRefusedAndTheLineSaysWhatIsForIt() throws IOException {
    Path onnx =
        Path.of(System.getProperty("coppice.root"))
            .resolve("evaluation/src/main/resources/dev/coppice/evaluation/fashion")
            .resolve("fashion-mobile.onnx");
    Invocation refused = Invocation.of("compress", onnx, "-o", output);
    assertThat(refused.status()).isEqualTo(ExitStatus.DATA);
    assertThat(refused.err())
        .contains("is onnx, and its runtime", "coppice sparsify")
        .hasLineCount(1);
    assertThat(output).doesNotExist();
  }
}
