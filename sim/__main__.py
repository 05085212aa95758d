"""The `sim` command and `python -m sim`: the process listens for signals before anything else is loaded."""

from sim.stopping import listen


def main() -> None:
    """Run the command line; leaves with its exit code."""
    listen()
    from sim.cli import main as command_line  # noqa: PLC0415 - takes long enough to be interrupted

    command_line()


if __name__ == "__main__":
    main()
