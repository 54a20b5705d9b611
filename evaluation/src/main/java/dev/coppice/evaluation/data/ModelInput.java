package dev.coppice.evaluation.data;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.OnnxModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a model takes: samples along the first axis.
 *
 * @param name of the graph's input
 * @param type of its elements
 * @param shape with -1 for sizes that are open
 */
record ModelInput(String name, NumberType type, List<Long> shape) {

  static List<ModelInput> of(OnnxModel model) throws OrtException {
    List<ModelInput> inputs = new ArrayList<>();
    for (NodeInfo node : model.inputInfo().values()) {
      String name = node.getName();
      if (!(node.getInfo() instanceof TensorInfo tensor)) {
        throw new InvalidPlanException("the model's input \"" + name + "\" is not a tensor");
      }
      NumberType type =
          NumberType.of(tensor)
              .orElseThrow(
                  () ->
                      new InvalidPlanException(
                          "the model's input \"%s\" is of a type that no data has: %s"
                              .formatted(name, tensor.onnxType)));
      List<Long> shape = Arrays.stream(tensor.getShape()).boxed().toList();
      if (shape.isEmpty()) {
        throw new InvalidPlanException(
            "the model's input \"" + name + "\" is one number; samples need an axis");
      }
      inputs.add(new ModelInput(name, type, shape));
    }
    return inputs;
  }

  /** Says how many samples the model takes at once, -1 if any number. */
  long batch() {
    return shape.get(0);
  }

  InvalidPlanException refused(String why) {
    return new InvalidPlanException("the model's input \"" + name + "\" " + why);
  }
}
