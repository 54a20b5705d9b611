package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import java.util.List;
import java.util.function.Supplier;

/**
 * One of the two ways to call cuBLAS: which one loads depends on the CUDA that is installed.
 *
 * @param calls of a handle that is to be created
 */
record CublasBinding(LibraryBinding library, Supplier<CublasCalls> calls) {
  static final CublasBinding JCUBLAS =
      new CublasBinding(
          new LibraryBinding(
              "JCublas",
              "org.jcuda:jcublas:12.6.0",
              "libcublas.so.12",
              () -> JCudaLibrary.initialise("JCublas2", () -> JCublasCalls.load())),
          () -> new JCublasCalls());

  static final CublasBinding JAVACPP =
      new CublasBinding(
          new LibraryBinding(
              "JavaCPP's preset",
              "org.bytedeco:cuda:13.3-9.25-1.5.14 and its linux-x86_64 jar",
              "libcublas.so.13",
              () -> {
                Emulation.loadStandIns("libcudart.so.13", "libcublasLt.so.13");
                JavaCppCublasCalls.load();
              }),
          () -> new JavaCppCublasCalls());

  /**
   * Gives the first that can be used.
   *
   * @throws BackendUnavailableException if there is none, with the reasons of both
   */
  static CublasBinding first() {
    for (CublasBinding binding : List.of(JCUBLAS, JAVACPP)) {
      if (binding.library.refusal().isEmpty()) {
        return binding;
      }
    }
    throw new BackendUnavailableException(
        "no cuBLAS: on CUDA 12, %s; on CUDA 13, %s"
            .formatted(JCUBLAS.library.refusal().get(), JAVACPP.library.refusal().get()));
  }
}
