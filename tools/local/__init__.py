"""What `answerback up` runs in one terminal: server, ingress and workers."""
