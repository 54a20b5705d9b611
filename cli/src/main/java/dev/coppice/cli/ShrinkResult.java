package dev.coppice.cli;

import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.Proof;
import dev.coppice.evaluation.search.DropSearch;
import dev.coppice.graph.Group;
import dev.coppice.graph.Repair;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinkage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * A smaller model and what was found out about it.
 *
 * @param request what the model was made by
 * @param target the share of the dense model's time that was asked for, if it was
 * @param latency how long both models take, if that was measured
 * @param repair the model with weights fitted to data, if that was asked for
 * @param quality how good both models are, if there is data to say it
 * @param search what was measured on the way, if the smallest model within a drop was looked for
 * @param proof whether the model answers what it must, except in a dry run
 */
record ShrinkResult(
    Shrinkage done,
    ShrinkRequest request,
    OptionalDouble target,
    Optional<Latency> latency,
    Optional<Repair> repair,
    Optional<Quality> quality,
    Optional<DropSearch.Outcome> search,
    Optional<Proof> proof) {
  /**
   * How good models are on data.
   *
   * @param cut the smaller model before its repair
   */
  record Quality(String metric, String data, double dense, OptionalDouble cut, double small) {}

  static ShrinkResult of(Shrinkage done, ShrinkRequest request) {
    return new ShrinkResult(
        done,
        request,
        OptionalDouble.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  ShrinkResult with(Proof found) {
    return new ShrinkResult(
        done, request, target, latency, repair, quality, search, Optional.of(found));
  }

  ShrinkResult with(Latency measured) {
    return new ShrinkResult(
        done, request, target, Optional.of(measured), repair, quality, search, proof);
  }

  ShrinkResult with(Repair repaired) {
    return new ShrinkResult(
        done, request, target, latency, Optional.of(repaired), quality, search, proof);
  }

  ShrinkResult with(Quality measured) {
    return new ShrinkResult(
        done, request, target, latency, repair, Optional.of(measured), search, proof);
  }

  ShrinkResult with(DropSearch.Outcome found) {
    return new ShrinkResult(
        done, request, target, latency, repair, quality, Optional.of(found), proof);
  }

  ShrinkResult reaching(double share) {
    return new ShrinkResult(
        done, request, OptionalDouble.of(share), latency, repair, quality, search, proof);
  }

  /** Gives the model that is written. */
  byte[] model() {
    return repair.map(Repair::model).orElseGet(done::model);
  }

  /** Gives the groups that lost units. */
  List<Group> cut() {
    return done.parts().stream()
        .filter(part -> part.kept() < part.group().units().size())
        .map(Shrinkage.Part::group)
        .toList();
  }

  /** Gives the names of the groups that lost units without a proof that nothing else changed. */
  List<String> unchecked() {
    return proof.filter(Proof.Held.class::isInstance).isPresent()
        ? List.of()
        : cut().stream().map(Group::name).toList();
  }

  /**
   * Writes the model, if its proof allows that.
   *
   * @param input the dense model
   * @param unproved whether a proof that could not be run does
   */
  void write(Path output, boolean force, Path input, boolean unproved) throws IOException {
    Proof found = proof.orElse(new Proof.NotRun("nobody asked for it"));
    if (found instanceof Proof.Failed failed) {
      throw new Failure.Refusal(
          ExitStatus.INTERNAL,
          input + ": the proof failed, so nothing was written; please report it: " + failed.what());
    }
    if (found instanceof Proof.NotRun not && !unproved) {
      throw unproved(input, not.why());
    }
    if (repair.isPresent()) {
      repair.get().write(output, force);
    } else {
      done.write(output, force);
    }
  }

  /** Says what somebody should know who has the model now. */
  Optional<String> warning() {
    return proof
        .filter(Proof.NotRun.class::isInstance)
        .map(not -> "coppice: warning: nothing was proven: " + ((Proof.NotRun) not).why());
  }

  static Failure.Refusal unproved(Path input, String why) {
    return new Failure.Refusal(
        ExitStatus.UNAVAILABLE,
        input
            + ": the proof cannot be run, so nothing was written: "
            + why
            + "; --size names other shapes of inputs, --unproved writes without proof");
  }
}
