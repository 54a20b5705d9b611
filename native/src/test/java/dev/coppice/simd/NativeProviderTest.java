package dev.coppice.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.coppice.spi.AddressWindows;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ServiceLoader;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NativeProviderTest {
  @BeforeEach
  void requireTheLibrary() {
    LibraryPresence.require();
  }

  @AfterEach
  void useTheBestAgain() {
    assertThat(InstructionSet.best().use()).isTrue();
  }

  @Test
  void theProviderIsFoundAndOffersTheBestInstructionSet() {
    BackendProvider provider =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.name().equals("native"))
            .findFirst()
            .orElseThrow();

    assertThat(provider.rank()).isEqualTo(100);
    assertThat(provider.availability())
        .isEqualTo(
            new Availability.Usable(
                InstructionSet.best().title() + " on " + NativeLibrary.platform()));
    try (Backend backend = provider.create(0)) {
      assertThat(backend.name()).isEqualTo("native");
    }
  }

  @Test
  void anInstructionSetCanBeAskedFor() {
    assertThat(NativeProvider.choose("baseline"))
        .isEqualTo(new Availability.Usable("baseline on " + NativeLibrary.platform()));
  }

  @Test
  void anUnknownInstructionSetIsRefusedWithTheKnownOnes() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NativeProvider.choose("sse9"))
        .withMessage("coppice.native.isa must be one of baseline, avx2, avx512, not sse9");
  }

  @Test
  void aWindowSharesTheMemoryAtItsAddress() {
    ByteBuffer memory = ByteBuffer.allocateDirect(64).order(ByteOrder.LITTLE_ENDIAN);
    AddressWindows windows = ServiceLoader.load(AddressWindows.class).findFirst().orElseThrow();

    long address = new Pointer(memory).address();
    ByteBuffer window = windows.window(address + 8, 16).order(ByteOrder.LITTLE_ENDIAN);
    window.putLong(8, 0x0123_4567_89AB_CDEFL);

    assertThat(window.isDirect()).isTrue();
    assertThat(window.capacity()).isEqualTo(16);
    assertThat(memory.getLong(16)).isEqualTo(0x0123_4567_89AB_CDEFL);
  }
}
