package dev.coppice.graph;

import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;

/**
 * Least squares with a price on change: finds weights W and an intercept d with the least sum of
 * squares of Y - X W - d, and of their change times the damping times the mean square of a column.
 */
final class Ridge {
  /** With more, the weights would hardly change. */
  private static final double MOST_DAMPING = 10;

  /** Variances of so small a part of the mean square are the rounding of equal numbers. */
  private static final double SAME = 1e-10;

  /**
   * What was found.
   *
   * @param weights for each column, for each output
   * @param intercepts a row, for each output
   * @param before the sum of squared differences with the weights as they were, and no intercept
   * @param after the sum with those found
   * @param spread the sum of squares of the outputs around their means
   */
  record Solution(
      DMatrixRMaj weights, DMatrixRMaj intercepts, double before, double after, double spread) {}

  private final Gram gram;
  private final boolean intercept;

  /**
   * Looks at sums that are complete.
   *
   * @param intercept whether there may be one
   */
  Ridge(Gram gram, boolean intercept) {
    this.gram = gram;
    this.intercept = intercept;
  }

  /**
   * Finds the weights. The damping is raised as long as the equations cannot be solved; there is no
   * solution where that does not help, where all rows are the same, or numbers are not finite.
   *
   * @param present the weights now, for each column, for each output
   */
  Optional<Solution> solve(DMatrixRMaj present, double damping) {
    DMatrixRMaj products = products();
    DMatrixRMaj cross = cross();
    double scale = CommonOps_DDRM.trace(products) / gram.columns();
    DMatrixRMaj open = new DMatrixRMaj(gram.columns(), gram.outputs());
    CommonOps_DDRM.mult(products, present, open);
    CommonOps_DDRM.subtract(cross, open, open);
    double all = squares(intercept);
    double gap = 0;
    for (double d : intercepts(present)) {
      gap += gram.rows() * d * d;
    }
    double before = all - dot(present, cross) - dot(present, open) + gap;
    if (!(scale > SAME * size()) || !Double.isFinite(scale) || !Double.isFinite(before)) {
      return Optional.empty();
    }
    for (double ridge = damping; ridge <= MOST_DAMPING; ridge *= 10) {
      DMatrixRMaj change = new DMatrixRMaj(gram.columns(), gram.outputs());
      if (solve(products, ridge * scale, open, change)) {
        DMatrixRMaj weights = new DMatrixRMaj(gram.columns(), gram.outputs());
        CommonOps_DDRM.add(present, change, weights);
        double after = all - dot(weights, cross) - ridge * scale * dot(weights, change);
        return Optional.of(
            new Solution(
                weights,
                DMatrixRMaj.wrap(1, gram.outputs(), intercepts(weights)),
                before,
                after,
                squares(true)));
      }
      products = products();
    }
    return Optional.empty();
  }

  /** Gives the mean square of a column. */
  private double size() {
    double sum = 0;
    for (int i = 0; i < gram.columns(); i++) {
      sum += gram.product(i, i);
    }
    return sum / gram.columns();
  }

  /** Solves in place; false where the matrix is not positive definite. */
  private static boolean solve(
      DMatrixRMaj products, double ridge, DMatrixRMaj open, DMatrixRMaj change) {
    for (int i = 0; i < products.getNumRows(); i++) {
      products.add(i, i, ridge);
    }
    LinearSolverDense<DMatrixRMaj> solver =
        LinearSolverFactory_DDRM.symmPosDef(products.getNumRows());
    if (!solver.setA(products)) {
      return false;
    }
    solver.solve(solver.modifiesB() ? open.copy() : open, change);
    return Double.isFinite(CommonOps_DDRM.elementSum(change));
  }

  private double mean(int column) {
    return intercept ? gram.sum(column) / gram.rows() : 0;
  }

  private double outputMean(int output) {
    return intercept ? gram.outputSum(output) / gram.rows() : 0;
  }

  private DMatrixRMaj products() {
    int columns = gram.columns();
    DMatrixRMaj products = new DMatrixRMaj(columns, columns);
    for (int i = 0; i < columns; i++) {
      double mean = mean(i);
      for (int j = i; j < columns; j++) {
        double product = gram.product(i, j) - mean * gram.sum(j);
        products.unsafe_set(i, j, product);
        products.unsafe_set(j, i, product);
      }
    }
    return products;
  }

  private DMatrixRMaj cross() {
    DMatrixRMaj cross = new DMatrixRMaj(gram.columns(), gram.outputs());
    for (int i = 0; i < gram.columns(); i++) {
      double mean = mean(i);
      for (int j = 0; j < gram.outputs(); j++) {
        cross.unsafe_set(i, j, gram.cross(i, j) - mean * gram.outputSum(j));
      }
    }
    return cross;
  }

  private double squares(boolean centred) {
    double sum = 0;
    for (int j = 0; j < gram.outputs(); j++) {
      double outputs = gram.outputSum(j);
      sum += gram.outputSquares(j) - (centred ? outputs * outputs / gram.rows() : 0);
    }
    return sum;
  }

  /** Gives by how much the means are missed: zeros where there is no intercept. */
  private double[] intercepts(DMatrixRMaj weights) {
    double[] intercepts = new double[gram.outputs()];
    for (int j = 0; intercept && j < intercepts.length; j++) {
      intercepts[j] = outputMean(j);
      for (int i = 0; i < gram.columns(); i++) {
        intercepts[j] -= mean(i) * weights.unsafe_get(i, j);
      }
    }
    return intercepts;
  }

  private static double dot(DMatrixRMaj a, DMatrixRMaj b) {
    double sum = 0;
    for (int i = 0; i < a.getNumElements(); i++) {
      sum += a.get(i) * b.get(i);
    }
    return sum;
  }
}
