"""The operator's command line, `answerback`: inspect and repair the store, send test messages."""
