"""The command line as a program for spark-submit and the Spark operator; it takes the arguments of `foot-drop-cds`."""

from service.command.cli import main

main()
