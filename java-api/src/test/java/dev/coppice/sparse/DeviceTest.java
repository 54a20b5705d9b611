package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTest {
  @Test
  void aDeviceIsNamedAsItIsWritten() {
    for (Device device : new Device[] {Device.cpu(7), Device.cpu(), Device.cuda(3)}) {
      assertThat(Device.named(device.toString())).isEqualTo(device);
    }
    assertThat(Device.named("cpu")).isEqualTo(Device.cpu());
    assertThat(Device.named("cuda")).isEqualTo(Device.cuda(0));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "gpu", "cpu:", "cuda:-1", "cuda:0 ", "cpu:9999999", "CPU"})
  void otherNamesAreRefused(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Device.named(name))
        .withMessage("a device must be cpu, cpu:THREADS or cuda:ORDINAL, not \"" + name + "\"");
  }

  @Test
  void noThreadsAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Device.named("cpu:0"))
        .withMessage("threads must be 1 or more, not 0");
  }
}
