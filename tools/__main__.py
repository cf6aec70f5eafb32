"""`python -m tools`: the same as `answerback`."""

from tools.cli import main

if __name__ == "__main__":
    main()
