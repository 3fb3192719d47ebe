"""Who works off the screen's thread: the engine, the tracer, the session writer, the training process."""
