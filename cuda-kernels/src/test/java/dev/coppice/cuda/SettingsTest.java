package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsTest {
  @Test
  void aSixtyFourthOfTheDeviceIsKeptUnlessSet() {
    assertThat(Settings.read(6400))
        .isEqualTo(new Settings(Long.MAX_VALUE, Long.MAX_VALUE, 100, 64 << 20, 4 << 20));
  }

  @ParameterizedTest
  @CsvSource({
    "memory, -1",
    "resident, -1",
    "kept, -1",
    "chunk, 0",
    "chunk, -5",
    "chunk, 63",
    "chunk, 536870913",
    "staging, 0",
    "staging, 1073741824",
    "staging, 99999999999",
    "resident, 64M"
  })
  void whatNoPruneCanUseIsRefusedByName(String name, String value) {
    String property = "coppice.cuda." + name;
    System.setProperty(property, value);
    try {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Settings.read(6400))
          .withMessageMatching(property + " must be .* not " + value);
    } finally {
      System.clearProperty(property);
    }
  }
}
