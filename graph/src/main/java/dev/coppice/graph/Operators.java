package dev.coppice.graph;

import java.util.Set;

/** The operators that work on one element at a time. */
final class Operators {
  /** One input matters; what it makes has its shape. */
  static final Set<String> UNARY =
      Set.of(
          "Abs",
          "Acos",
          "Acosh",
          "Asin",
          "Asinh",
          "Atan",
          "Atanh",
          "Cast",
          "Ceil",
          "Celu",
          "Clip",
          "Cos",
          "Cosh",
          "Dropout",
          "Elu",
          "Erf",
          "Exp",
          "Floor",
          "Gelu",
          "HardSigmoid",
          "HardSwish",
          "Identity",
          "IsInf",
          "IsNaN",
          "LeakyRelu",
          "Log",
          "Mish",
          "Neg",
          "Not",
          "Reciprocal",
          "Relu",
          "Round",
          "Selu",
          "Shrink",
          "Sigmoid",
          "Sign",
          "Sin",
          "Sinh",
          "Softplus",
          "Softsign",
          "Sqrt",
          "Swish",
          "Tan",
          "Tanh",
          "ThresholdedRelu");

  /** Of those, the ones that make zero of zero. */
  static final Set<String> UNARY_KEEPING_ZERO =
      Set.of(
          "Abs",
          "Asin",
          "Asinh",
          "Atan",
          "Atanh",
          "Cast",
          "Ceil",
          "Celu",
          "Dropout",
          "Elu",
          "Erf",
          "Floor",
          "Gelu",
          "HardSwish",
          "Identity",
          "LeakyRelu",
          "Mish",
          "Neg",
          "Relu",
          "Round",
          "Selu",
          "Sign",
          "Sin",
          "Sinh",
          "Softsign",
          "Sqrt",
          "Swish",
          "Tan",
          "Tanh");

  /** All inputs are broadcast to one shape. */
  static final Set<String> BROADCAST =
      Set.of(
          "Add",
          "And",
          "Div",
          "Equal",
          "Greater",
          "GreaterOrEqual",
          "Less",
          "LessOrEqual",
          "Max",
          "Mean",
          "Min",
          "Mod",
          "Mul",
          "Or",
          "PRelu",
          "Pow",
          "Sub",
          "Sum",
          "Where",
          "Xor");

  /** Of those, the ones that make zero where every input that has the slice is zero there. */
  static final Set<String> BROADCAST_KEEPING_ZERO = Set.of("Div", "Mul", "PRelu", "Sub", "Sum");

  private Operators() {}
}
