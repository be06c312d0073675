"""`kullback` and `python -m kullback`."""

from kullback.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
