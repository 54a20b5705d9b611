package dev.coppice.cli;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Spec;

@Command(
    name = "completion",
    header = "Print a completion script for bash and zsh.%n",
    sortOptions = false,
    description = {
      "Prints a script that makes bash and zsh complete commands, options and their values.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  For this shell:",
      "    source <(coppice completion)",
      "  For all shells to come:",
      "    coppice completion > ~/.coppice-completion",
      "    echo '. ~/.coppice-completion' >> ~/.bashrc",
      "  In zsh, ~/.zshrc, and before it:",
      "    autoload -U compinit bashcompinit && compinit && bashcompinit"
    })
final class CompletionCommand extends SessionCommand {
  @Spec CommandLine.Model.@Nullable CommandSpec spec;

  @Override
  public Integer call() {
    CommandLine own = Objects.requireNonNull(spec).commandLine();
    CommandLine whole = Objects.requireNonNull(own.getParent());
    console().out().print(AutoComplete.bash("coppice", whole));
    return ExitStatus.OK;
  }
}
