package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class TensorOverlapTest {
  private static Tensor bytes(ByteBuffer all, int from, int to) {
    return Tensor.of(DType.F32, all.duplicate().position(from).limit(to), (to - from) / 4);
  }

  @Test
  void partsOfABufferOverlapWhereTheyShareABytesPlace() {
    for (ByteBuffer all :
        new ByteBuffer[] {ByteBuffer.allocate(64), ByteBuffer.allocateDirect(64)}) {
      all.put(11, (byte) 5);
      assertThat(bytes(all, 0, 16).overlaps(bytes(all, 16, 64))).isFalse();
      assertThat(bytes(all, 0, 20).overlaps(bytes(all, 16, 64))).isTrue();
      assertThat(bytes(all, 16, 64).overlaps(bytes(all, 0, 20))).isTrue();
      assertThat(bytes(all, 8, 12).overlaps(bytes(all, 0, 64))).isTrue();
      assertThat(bytes(all, 0, 64).overlaps(bytes(all, 0, 64))).isTrue();
      assertThat(bytes(all, 4, 4).overlaps(bytes(all, 0, 64))).isFalse();
      assertThat(all.get(11)).isEqualTo((byte) 5);
    }
  }

  @Test
  void onlyTheElementsOfATensorCount() {
    ByteBuffer all = ByteBuffer.allocateDirect(64);
    Tensor first = Tensor.of(DType.F32, all, 4);
    assertThat(first.overlaps(bytes(all, 16, 64))).isFalse();
  }

  @Test
  void memoryOfItsOwnOverlapsNothing() {
    float[] array = new float[8];
    Tensor heap = Tensor.of(array, 8);
    Tensor direct = Tensor.of(DType.F32, ByteBuffer.allocateDirect(32), 8);
    assertThat(heap.overlaps(Tensor.of(array, 2, 2))).isTrue();
    assertThat(heap.overlaps(Tensor.of(new float[8], 8))).isFalse();
    assertThat(heap.overlaps(direct)).isFalse();
    assertThat(direct.overlaps(heap)).isFalse();
    assertThat(direct.overlaps(Tensor.of(DType.F32, ByteBuffer.allocateDirect(32), 8))).isFalse();
  }

  @Test
  void onDevicesAddressesAndOrdinalsTell() {
    Tensor one = Tensor.ofDevice(DType.F32, 0, 4096, this, 16);
    assertThat(one.overlaps(Tensor.ofDevice(DType.F32, 0, 4156, this, 16))).isTrue();
    assertThat(one.overlaps(Tensor.ofDevice(DType.F32, 0, 4160, this, 16))).isFalse();
    assertThat(one.overlaps(Tensor.ofDevice(DType.F32, 1, 4096, this, 16))).isFalse();
    assertThat(one.overlaps(Tensor.of(new float[8], 8))).isFalse();
  }
}
