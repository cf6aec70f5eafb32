"""The commands of `answerback`, one file each."""
