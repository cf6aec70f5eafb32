"""`answerback up`: server, ingress and workers in one terminal."""
