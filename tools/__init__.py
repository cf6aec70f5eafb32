"""The operator's command line, `answerback`. It sends messages as a provider would, and looks; it answers nothing."""
