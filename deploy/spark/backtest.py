"""The command as a program for spark-submit and the operator: its arguments are those of `foot-drop-cds`."""

from service.command.cli import main

main()
