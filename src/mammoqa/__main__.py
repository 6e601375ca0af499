"""`python -m mammoqa` does what `mammoqa` does."""

from mammoqa.cli import main

if __name__ == "__main__":
    main()
