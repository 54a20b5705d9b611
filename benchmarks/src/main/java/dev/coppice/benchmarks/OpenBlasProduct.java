package dev.coppice.benchmarks;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.blas_set_num_threads;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_sgemm;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_sgemv;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.FloatPointer;

/** The product of OpenBLAS. */
record OpenBlasProduct(FloatPointer weights, int out, int in) implements DenseProduct {
  static OpenBlasProduct of(ByteBuffer weights, int out, int in, int threads) {
    blas_set_num_threads(threads);
    return new OpenBlasProduct(floats(weights), out, in);
  }

  @Override
  public Runnable on(ByteBuffer x, ByteBuffer y, int batch) {
    FloatPointer from = floats(x);
    FloatPointer to = floats(y);
    return batch == 1
        ? () -> cblas_sgemv(CblasRowMajor, CblasNoTrans, out, in, 1, weights, in, from, 1, 0, to, 1)
        : () ->
            cblas_sgemm(
                CblasRowMajor,
                CblasNoTrans,
                CblasTrans,
                batch,
                out,
                in,
                1,
                from,
                in,
                weights,
                in,
                0,
                to,
                out);
  }

  private static FloatPointer floats(ByteBuffer buffer) {
    return new FloatPointer(buffer.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer());
  }

  @Override
  public void close() {}
}
