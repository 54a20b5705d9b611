package dev.coppice.cli;

/** A command that gives those below it what they get from the process. */
interface SessionOwner {
  Session session();
}
