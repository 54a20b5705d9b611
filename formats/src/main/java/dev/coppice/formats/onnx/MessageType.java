package dev.coppice.formats.onnx;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The messages of onnx.proto that are checked and not looked into: which of their fields are
 * messages in turn.
 */
enum MessageType {
  /** A message without messages in it. */
  FLAT,
  TYPE,
  TENSOR_TYPE,
  SEQUENCE,
  MAP,
  DIMENSIONS,
  VALUE_INFO,
  ANNOTATION,
  NODE_DEVICE,
  SHARDING,
  SHARDED_DIMENSION;

  /** Walks the message and all below it. */
  void check(Message message) throws IOException {
    while (message.next()) {
      MessageType inner = message.isBody() ? field(message.field()) : null;
      if (inner != null) {
        inner.check(message.message());
      }
    }
  }

  /** Walks the field that {@code message} is at, if it is a message. */
  void checkField(Message message) throws IOException {
    if (message.isBody()) {
      check(message.message());
    }
  }

  private @Nullable MessageType field(int number) {
    return switch (this) {
      case FLAT -> null;
      case TYPE ->
          switch (number) {
            case 1, 8 -> TENSOR_TYPE;
            case 4, 9 -> SEQUENCE;
            case 5 -> MAP;
            case 7 -> FLAT;
            default -> null;
          };
      case TENSOR_TYPE -> number == 2 ? DIMENSIONS : null;
      case SEQUENCE -> number == 1 ? TYPE : null;
      case MAP -> number == 2 ? TYPE : null;
      case DIMENSIONS -> number == 1 ? FLAT : null;
      case VALUE_INFO -> number == 2 ? TYPE : number == 4 ? FLAT : null;
      case ANNOTATION -> number == 2 ? FLAT : null;
      case NODE_DEVICE -> number == 2 ? SHARDING : null;
      case SHARDING -> number == 3 ? FLAT : number == 4 ? SHARDED_DIMENSION : null;
      case SHARDED_DIMENSION -> number == 2 ? FLAT : null;
    };
  }
}
