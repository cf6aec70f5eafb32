"""Files of threads over HTTP: reading an upload, checking its type, sending a download."""
