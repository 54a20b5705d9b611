package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.BackendUnavailableException;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.DeviceLostException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.InvalidPlanException;
import dev.coppice.NanWeightsException;
import dev.coppice.PruningCancelledException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FailureTest {
  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(new InvalidPlanException("no such plan"), 64, "no such plan"),
        Arguments.of(new IllegalArgumentException("a count of 9"), 64, "a count of 9"),
        Arguments.of(
            CheckpointFormatException.of(Code.PROTO, Path.of("m\u001B\n"), "bad\nvarint"),
            65,
            "m..: PROTO: bad"),
        Arguments.of(new NanWeightsException("w", 7, false), 65, "tensor \"w\" is NaN at index 7"),
        Arguments.of(new Failure.Refusal(66, "no input"), 66, "no input"),
        Arguments.of(new BackendUnavailableException("no driver"), 69, "no driver"),
        Arguments.of(
            new DeviceOutOfMemoryException(2, 10, 5),
            69,
            "device out of memory: 10 bytes asked, 5 free; --backend auto goes on with another"),
        Arguments.of(new DeviceLostException(700, "the device is lost"), 69, "the device is lost"),
        Arguments.of(new IllegalStateException("oops"), 70, "internal error, please report"),
        Arguments.of(new OutOfMemoryError("heap"), 70, "out of memory (heap); give more"),
        Arguments.of(
            new FileAlreadyExistsException("o", null, "it exists already"),
            73,
            "o: it exists already; --force replaces it"),
        Arguments.of(
            new FileAlreadyExistsException("o", "m", "it is an input; name another output"),
            73,
            "o: it is an input; name another output"),
        Arguments.of(new NoSuchFileException("/no/o"), 73, "the folder /no does not exist"),
        Arguments.of(
            new FileSystemException("o", null, "No space left on device"),
            74,
            "o: No space left on device"),
        Arguments.of(new AccessDeniedException("o"), 74, "o: permission denied"),
        Arguments.of(new IOException("Input/output error"), 74, "Input/output error"),
        Arguments.of(new UncheckedIOException(new IOException("gone")), 74, "gone"),
        Arguments.of(new PruningCancelledException(), 130, "cancelled; nothing was left behind"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void everyFailureHasItsStatusAndOneLine(Throwable thrown, int status, String begin) {
    Failure failure = Failure.of(thrown);
    assertThat(failure.status()).isEqualTo(status);
    assertThat(failure.message()).contains(begin).doesNotContain("\n");
  }
}
