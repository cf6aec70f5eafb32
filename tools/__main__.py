"""`python -m tools` is the same as `answerback`."""

from .cli import main

if __name__ == "__main__":
    main()
