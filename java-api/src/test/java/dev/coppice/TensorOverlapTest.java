package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Optional;
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
  void whatIsAskedIsNotWrittenTo() {
    ByteBuffer all = ByteBuffer.allocateDirect(64);
    for (int[] part : new int[][] {{0, 20}, {16, 20}, {16, 64}}) {
      int bytes = part[1] - part[0];
      Tensor.Memory asked = new Direct(all.asReadOnlyBuffer().slice(part[0], bytes));
      assertThat(Overlap.of(asked, bytes, new Direct(all.slice(8, 56)), 56)).isTrue();
    }
  }

  /** Memory that cannot be written to if the buffer cannot. */
  private record Direct(ByteBuffer buffer) implements Tensor.Memory {
    @Override
    public long bytes() {
      return buffer.capacity();
    }

    @Override
    public Optional<ByteBuffer> view(long position, int bytes) {
      return Optional.of(buffer.slice((int) position, bytes));
    }

    @Override
    public void read(long position, ByteBuffer into) {
      throw new AssertionError("not to be read");
    }

    @Override
    public void write(long position, ByteBuffer from) {
      throw new AssertionError("not to be written");
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
