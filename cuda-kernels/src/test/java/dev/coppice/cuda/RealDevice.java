package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.spi.Availability;
import java.util.List;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Runs a test class where there is a GPU, and skips it with the reason elsewhere; {@code
 * -Dcoppice.require=gpu} makes it fail there.
 */
final class RealDevice implements ExecutionCondition {
  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    if (context.getTestMethod().isPresent()) {
      return ConditionEvaluationResult.enabled("decided for the class");
    }
    boolean required =
        List.of(System.getProperty("coppice.require", "").split(",")).contains("gpu");
    Availability availability =
        Emulation.isWanted()
            ? new Availability.Unusable("the emulated driver is wanted")
            : new CudaProvider().availability();
    if (availability instanceof Availability.Unusable unusable) {
      assertThat(required).as("a GPU is required: " + unusable.reason()).isFalse();
      return ConditionEvaluationResult.disabled(unusable.reason());
    }
    return ConditionEvaluationResult.enabled("there is a GPU");
  }
}
