package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DType;
import dev.coppice.DeviceException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for the providers of all of NVIDIA's libraries. */
@ExtendWith(EmulatedDriver.class)
class LibrariesTest {
  private static final Device DEVICE = Device.cuda(0);
  private static final int OUT = 48;
  private static final int IN = 64;
  private static final int UNKNOWN = 999;

  /** A provider and the calls that a product makes of its library. */
  record Library(LibraryLinear<?> provider, List<String> calls) {
    Format format() {
      return provider.formats(DEVICE, DType.BF16, 1).iterator().next();
    }

    @Override
    public String toString() {
      return provider.availability(DEVICE).toString();
    }
  }

  static List<Library> libraries() {
    List<String> cublas =
        List.of("cublasCreate", "cublasSetMathMode", "cublasSetStream", "cublasGemmEx");
    return List.of(
        new Library(CublasLinear.through(CublasBinding.JCUBLAS), cublas),
        new Library(CublasLinear.through(CublasBinding.JAVACPP), cublas),
        new Library(
            new CusparseLinear(),
            List.of(
                "cusparseCreate",
                "cusparseCreateCsr",
                "cusparseCreateDnVec",
                "cusparseSpMV_bufferSize",
                "cusparseCreateDnMat",
                "cusparseSpMM_bufferSize",
                "cusparseSpMM_preprocess",
                "cusparseSetStream",
                "cusparseDnMatSetValues",
                "cusparseSpMM",
                "cusparseDnVecSetValues",
                "cusparseSpMV")),
        new Library(
            new CusparseLtLinear(),
            List.of(
                "cusparseLtInit",
                "cusparseLtStructuredDescriptorInit",
                "cusparseLtSpMMACompressedSize2",
                "cusparseLtSpMMACompress2",
                "cusparseLtDenseDescriptorInit",
                "cusparseLtMatmulDescriptorInit",
                "cusparseLtMatmulAlgSelectionInit",
                "cusparseLtMatmulPlanInit",
                "cusparseLtMatmulGetWorkspace",
                "cusparseLtMatmulSearch",
                "cusparseLtMatmul")));
  }

  private static Tensor weights() {
    return LayerCase.twoFour(new Random(1), DType.BF16, OUT, IN);
  }

  private static Tensor bias() {
    return LayerCase.numbers(new Random(2), DType.BF16, OUT);
  }

  private static LinearOperator prepare(Library library, long batch) {
    LinearWeights held = LinearWeights.compress(library.format(), weights());
    return library.provider().prepare(held, Optional.of(bias()), DEVICE, batch);
  }

  /** Prepares a product and makes one of many rows and one of one. */
  private static void use(Library library) {
    try (DeviceArrays arrays = new DeviceArrays();
        LinearOperator operator = prepare(library, 10)) {
      for (int batch : new int[] {10, 1}) {
        Tensor x = LayerCase.numbers(new Random(3), DType.BF16, batch, IN);
        Tensor y = LayerCase.empty(DType.BF16, batch, OUT);
        operator.apply(
            LibraryContract.onDevice(arrays, x),
            LibraryContract.onDevice(arrays, y),
            OptionalLong.empty());
      }
    }
  }

  @Test
  void allCanBeUsedOnTheEmulatedDriverAndNameTheirVersions() {
    assertThat(libraries())
        .extracting(Library::toString)
        .allMatch(text -> text.startsWith("Usable[runsOn=emulated, no GPU: cu"))
        .extracting(text -> text.replaceFirst(".*GPU: (.*) on .*", "$1"))
        .containsExactly(
            "cuBLAS 12.6.1 through JCublas",
            "cuBLAS 13.3.0 through JavaCPP's preset",
            "cuSPARSE 12.6.0 through JCusparse",
            "cuSPARSELt 0.8.1");
  }

  @Test
  void theyAreFoundAndRunOnDevicesAlone() {
    List<String> names = new ArrayList<>();
    for (LinearProvider provider : ServiceLoader.load(LinearProvider.class)) {
      if (provider instanceof LibraryLinear<?>) {
        names.add(provider.name());
        assertThat(provider.availability(Device.cpu()))
            .isEqualTo(new Availability.Unusable(provider.name() + " runs on CUDA devices alone"));
        assertThat(provider.availability(Device.cuda(5)).toString())
            .contains("there is no CUDA device 5");
      }
    }
    assertThat(names).containsExactly("cublas", "cublas-tf32", "cusparse", "cusparselt");
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void everyCallThatFailsIsNamedAndLeavesNothing(Library library) {
    for (String call : library.calls()) {
      long before = EmulatedDriver.calls(call);
      use(library);
      long made = EmulatedDriver.calls(call) - before;
      assertThat(made).as(call).isPositive();
      for (long n = 1; n <= made; n++) {
        EmulatedDriver.fail(call, n, UNKNOWN);
        assertThatThrownBy(() -> use(library))
            .isInstanceOfSatisfying(
                DeviceException.class, e -> assertThat(e.code()).isEqualTo(UNKNOWN))
            .hasMessage(call + " failed: status 999");
        assertThat(EmulatedDriver.liveHandles()).as(call + " " + n).isZero();
        assertThat(EmulatedDriver.liveAllocations()).as(call + " " + n).isZero();
      }
    }
    use(library);
  }

  @Test
  void statusesHaveTheLibrariesNames() {
    List<Integer> codes = List.of(3, 13, 11, 4);
    List<String> names =
        List.of(
            "cublasCreate failed: CUBLAS_STATUS_ALLOC_FAILED",
            "cublasCreate failed: CUBLAS_STATUS_EXECUTION_FAILED",
            "cusparseCreate failed: CUSPARSE_STATUS_INSUFFICIENT_RESOURCES",
            "cusparseLtInit failed: CUSPARSE_STATUS_ARCH_MISMATCH");
    List<Library> libraries = libraries();
    for (int i = 0; i < codes.size(); i++) {
      Library library = libraries.get(i);
      assertThat(library.toString()).startsWith("Usable");
      EmulatedDriver.fail(library.calls().get(0), 1, codes.get(i));
      assertThatThrownBy(() -> use(library)).hasMessage(names.get(i));
    }
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void everyAllocationThatFailsIsReportedAndLeavesNothing(Library library) {
    assertThat(library.toString()).startsWith("Usable");
    long before = EmulatedDriver.calls("cuMemAllocAsync");
    use(library);
    long made = EmulatedDriver.calls("cuMemAllocAsync") - before;
    int reported = 0;
    for (long n = 1; n <= made; n++) {
      EmulatedDriver.fail("cuMemAllocAsync", n, 2);
      try {
        use(library);
      } catch (DeviceOutOfMemoryException e) {
        reported++; // Otherwise it was had after what was idle had been given back.
      }
      assertThat(EmulatedDriver.liveHandles()).as("allocation " + n).isZero();
      assertThat(EmulatedDriver.liveAllocations()).as("allocation " + n).isZero();
    }
    assertThat(reported).isPositive();
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void weightsThatDoNotFitTheDeviceAreRefused(Library library) {
    assertThat(library.toString()).startsWith("Usable");
    EmulatedDriver.setMemory(4096);
    assertThatThrownBy(() -> prepare(library, 10)).isInstanceOf(DeviceOutOfMemoryException.class);
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void callsInAStreamAreNotWaitedForAndStreamsTakeTurns(Library library) {
    CudaContext context = CudaContext.open(0);
    try (context;
        DeviceArrays arrays = new DeviceArrays();
        CudaStream one = context.call(() -> new CudaStream(context));
        CudaStream other = context.call(() -> new CudaStream(context));
        LinearOperator operator = prepare(library, 16)) {
      Tensor x =
          LibraryContract.onDevice(arrays, LayerCase.numbers(new Random(3), DType.BF16, 16, IN));
      Tensor empty = LayerCase.empty(DType.BF16, 16, OUT);
      Tensor first = LibraryContract.onDevice(arrays, empty);
      Tensor second = LibraryContract.onDevice(arrays, empty);
      String product = library.calls().get(library.calls().size() - 1).replace("MV", "MM") + "@run";
      long before = EmulatedDriver.calls(product);
      operator.apply(x, first, OptionalLong.of(RawStream.handle(one.stream())));
      assertThat(EmulatedDriver.calls(product)).isEqualTo(before);
      operator.apply(x, second, OptionalLong.of(RawStream.handle(other.stream())));
      assertThat(EmulatedDriver.calls(product)).isEqualTo(before + 1);
      context.run(other::await);
      assertThat(LibraryContract.read(arrays, second))
          .isEqualTo(LibraryContract.read(arrays, first))
          .isNotEqualTo(LayerCase.bytes(empty));
    }
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void operandsOnTheHostOrWithTooManyRowsAreRefused(Library library) {
    Tensor x = LayerCase.empty(DType.BF16, 3, IN);
    Tensor row = LayerCase.empty(DType.BF16, 1, IN);
    Tensor y = LayerCase.empty(DType.BF16, 3, OUT);
    LinearOperator closed;
    try (LinearOperator operator = prepare(library, 2)) {
      assertThatThrownBy(() -> operator.apply(x, y, OptionalLong.empty()))
          .hasMessage("x may have 2 rows at most, as was said before, not 3");
      assertThatThrownBy(() -> operator.apply(row, y, OptionalLong.empty()))
          .hasMessage("an operand must lie on CUDA device 0, not on the host");
      closed = operator;
    }
    assertThatThrownBy(() -> closed.apply(row, y, OptionalLong.empty()))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void weightsOfAnotherFormatAreRefused() {
    LinearWeights bitmap = LinearWeights.compress(Format.BITMAP, weights());
    for (Library library : libraries()) {
      assertThatThrownBy(() -> library.provider().prepare(bitmap, Optional.empty(), DEVICE, 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageMatching("cu[A-Za-z]+ takes .*, not bitmap.*");
    }
  }

  @Test
  void weightsAndBiasOnTheDeviceAreUsedWhereTheyLie() {
    Library cublas = libraries().get(0);
    try (DeviceArrays arrays = new DeviceArrays()) {
      Tensor w = LibraryContract.onDevice(arrays, weights());
      Tensor b = LibraryContract.onDevice(arrays, bias());
      long before = EmulatedDriver.liveAllocations();
      try (LinearOperator operator =
          cublas
              .provider()
              .prepare(LinearWeights.compress(Format.DENSE, w), Optional.of(b), DEVICE, 1)) {
        assertThat(EmulatedDriver.liveAllocations()).isEqualTo(before);
        assertThat(operator.bytes()).isEqualTo(OUT * IN * 2);
      }
    }
  }

  @Test
  void tf32HasToBeAskedFor() {
    CublasTf32Linear refused = new CublasTf32Linear();
    assertThat(refused.availability(DEVICE).toString()).contains("-Dcoppice.cuda.tf32=true");
    LinearWeights held = LinearWeights.compress(Format.DENSE, weights());
    assertThatThrownBy(() -> refused.prepare(held, Optional.empty(), DEVICE, 1))
        .isInstanceOf(BackendUnavailableException.class);
    System.setProperty("coppice.cuda.tf32", "true");
    try {
      assertThat(product(new CublasTf32Linear(), 1 + 0x1p-20)).isEqualTo(1);
      assertThat(product(libraries().get(0).provider(), 1 + 0x1p-20)).isEqualTo(1 + 0x1p-20);
    } finally {
      System.clearProperty("coppice.cuda.tf32");
    }
  }

  /** Gives the product of one F32 weight and 1. */
  private static double product(LinearProvider provider, double weight) {
    Tensor w = LayerCase.fill(LayerCase.empty(DType.F32, 1, 1), i -> weight);
    Tensor x = LayerCase.fill(LayerCase.empty(DType.F32, 1, 1), i -> 1);
    try (DeviceArrays arrays = new DeviceArrays();
        LinearOperator operator =
            provider.prepare(
                LinearWeights.compress(Format.DENSE, w), Optional.empty(), DEVICE, 1)) {
      Tensor y = LibraryContract.onDevice(arrays, w);
      operator.apply(LibraryContract.onDevice(arrays, x), y, OptionalLong.empty());
      return LibraryContract.read(arrays, y).getFloat(0);
    }
  }
}
