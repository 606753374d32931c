"""Many kinds of wrong input, each with a name; the tests of the code that refuses them send them over HTTP."""
