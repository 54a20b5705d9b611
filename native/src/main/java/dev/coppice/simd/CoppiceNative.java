package dev.coppice.simd;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * The functions of coppice.h, for which JavaCPP generates the JNI code. Structs are passed as
 * {@code long[]}, a field each. {@link NativeLibrary} must have loaded the library.
 */
@Platform(include = "coppice.h")
@SuppressWarnings("MemberName") // The names are those of the C functions.
final class CoppiceNative {
  private CoppiceNative() {}

  static native void coppice_histogram(
      @Cast("const void*") ByteBuffer data,
      @Cast("const coppice_slice*") long[] slice,
      @Cast("const coppice_window*") long[] window,
      @Cast("uint32_t*") IntBuffer counts,
      @Cast("coppice_census*") long[] census);

  static native void coppice_apply(
      @Cast("void*") ByteBuffer data,
      @Cast("const coppice_slice*") long[] slice,
      @Cast("int64_t") long threshold,
      @Cast("int64_t") long ties,
      @Cast("coppice_tally*") long[] tally);

  static native void coppice_select_n_of_m(
      @Cast("void*") ByteBuffer data,
      @Cast("const coppice_slice*") long[] slice,
      int n,
      int m,
      int inner,
      int keepNan,
      @Cast("void*") ByteBuffer scratch,
      @Cast("coppice_tally*") long[] tally);

  static native @Cast("int64_t") long coppice_select_rows(
      @Cast("void*") ByteBuffer data,
      @Cast("const coppice_slice*") long[] slice,
      int outer,
      int rows,
      int inner,
      double fraction,
      @Cast("int64_t") long count,
      int keepNan,
      @Cast("void*") ByteBuffer scratch,
      @Cast("coppice_tally*") long[] tally);

  static native void coppice_slice_sums(
      @Cast("const void*") ByteBuffer data,
      @Cast("const coppice_slice*") long[] slice,
      int rows,
      int inner,
      int from,
      int to,
      int squares,
      double[] sums);

  static native @Cast("int64_t") long coppice_scratch_bytes(
      @Cast("const coppice_slice*") long[] slice);

  static native @Cast("int64_t") long coppice_linear_inputs_bytes(
      @Cast("const coppice_weights*") long[] weights, @Cast("int64_t") long batch);

  static native @Cast("int64_t") long coppice_linear_scratch_bytes(@Cast("int64_t") long batch);

  static native void coppice_linear_inputs(
      @Cast("const coppice_weights*") long[] weights,
      @Cast("const void*") ByteBuffer x,
      @Cast("int64_t") long batch,
      @Cast("int64_t") long first,
      @Cast("int64_t") long end,
      @Cast("void*") ByteBuffer inputs);

  static native void coppice_linear(
      @Cast("const coppice_weights*") long[] weights,
      @Cast("const void*") ByteBuffer inputs,
      @Cast("int64_t") long batch,
      @Cast("int64_t") long first,
      @Cast("int64_t") long end,
      @Cast("void*") ByteBuffer y,
      @Cast("void*") ByteBuffer scratch);

  static native int coppice_best_isa();

  static native int coppice_use_isa(int isa);

  /** For benchmarks, as is {@link #coppice_copy}. */
  static native @Cast("int64_t") long coppice_read(
      @Cast("const void*") ByteBuffer data, @Cast("int64_t") long bytes);

  static native void coppice_copy(
      @Cast("void*") ByteBuffer to,
      @Cast("const void*") ByteBuffer from,
      @Cast("int64_t") long bytes);
}
