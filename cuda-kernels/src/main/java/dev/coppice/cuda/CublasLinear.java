package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.sparse.Dense;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
import jcuda.cudaDataType;
import jcuda.driver.CUstream;

/**
 * Dense products by cuBLAS: the baseline on a GPU. Sums are F32; F32 operands are not rounded to
 * TF32. A bias is put into y by a kernel first, which writes y once more and lets cuBLAS read it.
 */
public class CublasLinear extends LibraryLinear<CublasHandle> {
  private static final int CUBLAS_COMPUTE_32F = 68;

  private final Supplier<CublasBinding> choice;
  private final int compute;

  /** Makes the provider {@code cublas}. */
  public CublasLinear() {
    this("cublas", CublasBinding::first, CUBLAS_COMPUTE_32F);
  }

  /** Makes one with that binding and cublasComputeType_t. */
  CublasLinear(String name, Supplier<CublasBinding> choice, int compute) {
    super(name);
    this.choice = choice;
    this.compute = compute;
  }

  static CublasLinear through(CublasBinding binding) {
    return new CublasLinear("cublas", () -> binding, CUBLAS_COMPUTE_32F);
  }

  @Override
  void require() {
    choice.get().library().require();
  }

  @Override
  CublasHandle open(CudaContext context) {
    return new CublasHandle(context, choice.get().calls().get());
  }

  @Override
  String describe(CublasHandle library) {
    return "cuBLAS %s through %s".formatted(library.version(), choice.get().library().title());
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    return EnumSet.of(Format.DENSE);
  }

  @Override
  LibraryProduct product(
      LibraryHoldings<CublasHandle> held,
      LinearWeights weights,
      long mostBatch,
      CudaStream stream) {
    if (!(weights instanceof Dense dense)) {
      throw new IllegalArgumentException(
          "cuBLAS takes dense weights, not " + weights.format().title());
    }
    return new Product(held.library(), dense, held.place(dense.weights(), stream), compute);
  }

  /** Gives a type as CUDA's libraries name it. */
  static int dataType(DType dtype) {
    return switch (dtype) {
      case F32 -> cudaDataType.CUDA_R_32F;
      case F16 -> cudaDataType.CUDA_R_16F;
      case BF16 -> cudaDataType.CUDA_R_16BF;
    };
  }

  /** Column-major, Y [out, batch] = W^T [in, out] X [in, batch]: y = x W^T of what is by rows. */
  private record Product(CublasHandle library, Dense dense, long w, int compute)
      implements LibraryProduct {
    @Override
    public long bytes() {
      return dense.bytes();
    }

    @Override
    public void enqueue(Operands operands, CUstream stream) {
      int out = (int) dense.out();
      int in = dense.in();
      library.multiply(
          new CublasHandle.Gemm(
              out,
              (int) operands.batch(),
              in,
              new CublasHandle.Matrix(w, true, in),
              new CublasHandle.Matrix(operands.x(), false, in),
              new CublasHandle.Matrix(operands.y(), false, out),
              operands.beta(),
              dataType(dense.dtype()),
              compute),
          stream);
    }
  }
}
