"""`python -m align3d_cli` is the same program as `align3d`."""

from align3d_cli.cli.app import main

if __name__ == "__main__":
    main()
