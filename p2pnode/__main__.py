"""`python -m p2pnode`."""

from p2pnode.cli.main import main

main(prog_name="p2pnode")
