"""The steps. One that has been released is not changed: a change of the tables is another step."""
