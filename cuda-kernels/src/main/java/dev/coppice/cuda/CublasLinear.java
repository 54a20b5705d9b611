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
    return choice.get().open().apply(context);
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
    CublasHandle.Gemm gemm =
        new CublasHandle.Gemm(
            (int) dense.out(),
            dense.in(),
            held.place(dense.weights(), stream),
            dataType(dense.dtype()),
            compute);
    return new Product(held.library(), gemm, dense.bytes());
  }

  /** Gives a type as CUDA's libraries name it. */
  static int dataType(DType dtype) {
    return switch (dtype) {
      case F32 -> cudaDataType.CUDA_R_32F;
      case F16 -> cudaDataType.CUDA_R_16F;
      case BF16 -> cudaDataType.CUDA_R_16BF;
    };
  }

  private record Product(CublasHandle library, CublasHandle.Gemm gemm, long bytes)
      implements LibraryProduct {
    @Override
    public void enqueue(Operands operands, CUstream stream) {
      library.multiply(gemm, operands, stream);
    }
  }
}
